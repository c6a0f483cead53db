//! Latest frame wins: one slot per camera, and a fair choice among cameras for the workers.
//!
//! A queue between capture and inference turns a slow worker into minutes of lag. Here a new frame
//! replaces one that no worker has taken yet, and the caller counts the replaced frame.
//!
//! [`Slots`] knows cameras and frames only as types `C` and `F`. A camera is identified by its
//! address, which stays unique because its slot keeps it alive.

mod state;

use state::{Slot, State};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The slots of all cameras.
#[derive(Debug)]
pub struct Slots<C, F> {
    state: Mutex<State<C, F>>,
    /// Signals that a frame may be taken, or that everything is closed.
    ready: Condvar,
    /// Signals that a worker gave back a camera that is closing.
    released: Condvar,
}

impl<C, F> Default for Slots<C, F> {
    fn default() -> Self {
        Slots {
            state: Mutex::new(State { slots: Vec::new(), turn: 0, closed: false }),
            ready: Condvar::new(),
            released: Condvar::new(),
        }
    }
}

/// A frame that a worker has taken. Until it is dropped, no other worker gets one of this camera.
#[derive(Debug)]
pub struct Lease<'a, C, F> {
    /// The camera that the frame is from.
    pub camera: Arc<C>,
    /// The frame.
    pub frame: F,
    slots: &'a Slots<C, F>,
}

impl<C, F> Drop for Lease<'_, C, F> {
    fn drop(&mut self) {
        self.slots.release(&self.camera);
    }
}

/// What a removed camera leaves behind.
#[derive(Debug, PartialEq, Eq)]
pub struct Removed<F> {
    /// The frame that waited in the slot. The caller counts it as dropped.
    pub waiting: Option<F>,
    /// Frames that workers have taken. A worker that hangs still holds the last one.
    pub taken: u64,
}

/// What happened to a frame that was put into a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// The slot was empty.
    Stored,
    /// It replaced an older frame that no worker had taken. The caller counts that one as dropped.
    Replaced,
    /// The camera's slot, or all of them, are closed: the frame is dropped.
    Closed,
}

impl<C, F> Slots<C, F> {
    fn lock(&self) -> MutexGuard<'_, State<C, F>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a slot for `camera`. An open camera stays as it is.
    pub fn open(&self, camera: Arc<C>) {
        let mut state = self.lock();
        if state.slot(&camera).is_none() {
            let served = state.turn;
            state.slots.push(Slot { camera, frame: None, leased: false, closing: false, served, taken: 0 });
        }
    }

    /// Every camera that has a slot, oldest first.
    pub fn cameras(&self) -> Vec<Arc<C>> {
        self.lock().slots.iter().map(|slot| slot.camera.clone()).collect()
    }

    /// Closes the slot of `camera` and removes it once no worker holds a frame of it, but after
    /// `within` at the latest. Returns `None` if the camera has no slot.
    pub fn remove(&self, camera: &C, within: Duration) -> Option<Removed<F>> {
        let mut state = self.lock();
        let slot = state.slot(camera)?;
        slot.closing = true;
        let removed = Removed { waiting: slot.frame.take(), taken: slot.taken };
        let leased = |state: &mut State<C, F>| state.slot(camera).is_some_and(|slot| slot.leased);
        let waited = self.released.wait_timeout_while(state, within, leased);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.slots.retain(|slot| !std::ptr::eq(&raw const *slot.camera, camera));
        Some(removed)
    }

    /// Puts the newest frame of `camera` into its slot. Never waits for a worker.
    pub fn put(&self, camera: &C, frame: F) -> Put {
        let mut state = self.lock();
        if state.closed {
            return Put::Closed;
        }
        let Some(slot) = state.slot(camera).filter(|slot| !slot.closing) else { return Put::Closed };
        let old = slot.frame.replace(frame);
        let wake = !slot.leased;
        drop(state);
        if wake {
            self.ready.notify_one();
        }
        // `old` is dropped here, outside the lock: returning a buffer to its pool may take a while.
        if old.is_some() { Put::Replaced } else { Put::Stored }
    }

    /// Waits for the next frame, from the camera that was served longest ago. Returns `None` once
    /// the slots are closed.
    pub fn take(&self) -> Option<Lease<'_, C, F>> {
        let mut state = self.lock();
        loop {
            if state.closed {
                return None;
            }
            if let Some((camera, frame)) = state.take() {
                return Some(Lease { camera, frame, slots: self });
            }
            state = self.ready.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Gives a leased camera back: any worker may take its next frame.
    fn release(&self, camera: &C) {
        let mut state = self.lock();
        state.turn += 1;
        let turn = state.turn;
        // A camera that was removed while a worker hung has no slot any more.
        let Some(slot) = state.slot(camera) else { return };
        slot.leased = false;
        slot.served = turn;
        let (waiting, closing) = (slot.frame.is_some(), slot.closing);
        drop(state);
        if waiting {
            self.ready.notify_one();
        }
        if closing {
            self.released.notify_all();
        }
    }

    /// Closes every slot: [`Slots::take`] returns `None` on every worker.
    pub fn close(&self) {
        self.lock().closed = true;
        self.ready.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Slots of the cameras 'a' and 'b'.
    fn two() -> (Slots<char, u32>, Arc<char>, Arc<char>) {
        let (slots, a, b) = (Slots::default(), Arc::new('a'), Arc::new('b'));
        slots.open(a.clone());
        slots.open(b.clone());
        (slots, a, b)
    }

    fn took(lease: &Lease<'_, char, u32>) -> (char, u32) {
        (*lease.camera, lease.frame)
    }

    #[test]
    fn the_latest_frame_wins_and_the_loss_is_reported() {
        let (slots, a, _) = two();
        assert_eq!(slots.put(&a, 1), Put::Stored);
        assert_eq!(slots.put(&a, 2), Put::Replaced);
        assert_eq!(took(&slots.take().unwrap()), ('a', 2));
        assert_eq!(slots.put(&'c', 3), Put::Closed);
    }

    #[test]
    fn a_busy_camera_does_not_starve_another() {
        let (slots, a, b) = two();
        slots.put(&b, 0);
        let mut served = Vec::new();
        for n in 0..6 {
            slots.put(&a, n);
            slots.put(&b, n);
            served.push(*slots.take().unwrap().camera);
        }
        assert_eq!(served.iter().filter(|name| **name == 'a').count(), 3);
    }

    #[test]
    fn frames_of_one_camera_go_to_one_worker_at_a_time() {
        let (slots, a, b) = two();
        slots.put(&a, 1);
        let lease = slots.take().unwrap();
        slots.put(&a, 2);
        slots.put(&b, 3);
        assert_eq!(took(&slots.take().unwrap()), ('b', 3), "a is leased");
        drop(lease);
        assert_eq!(took(&slots.take().unwrap()), ('a', 2));
    }

    #[test]
    fn closing_wakes_a_waiting_worker_and_removal_returns_the_frame_that_waited() {
        let (slots, a, b) = two();
        slots.put(&a, 7);
        assert_eq!(slots.remove(&a, Duration::ZERO), Some(Removed { waiting: Some(7), taken: 0 }));
        assert_eq!(slots.remove(&a, Duration::ZERO), None);
        assert_eq!(slots.cameras(), std::slice::from_ref(&b));
        std::thread::scope(|scope| {
            let worker = scope.spawn(|| slots.take().is_none());
            slots.close();
            assert!(worker.join().unwrap());
        });
        assert_eq!(slots.put(&b, 8), Put::Closed);
    }

    #[test]
    fn removal_waits_for_the_worker_but_not_forever() {
        let (slots, a, b) = two();
        slots.put(&a, 1);
        let lease = slots.take().unwrap();
        slots.put(&a, 2);
        std::thread::scope(|scope| {
            let removal = scope.spawn(|| slots.remove(&a, Duration::from_secs(60)));
            while slots.put(&a, 3) != Put::Closed {
                std::thread::yield_now();
            }
            assert!(!removal.is_finished());
            drop(lease);
            let removed = removal.join().unwrap().unwrap();
            assert!(removed.waiting.is_some_and(|waited| waited > 1) && removed.taken == 1);
        });

        slots.put(&b, 4);
        let _hung = slots.take().unwrap();
        let removed = slots.remove(&b, Duration::from_millis(5));
        assert_eq!(removed, Some(Removed { waiting: None, taken: 1 }), "the worker holds the frame");
    }
}
