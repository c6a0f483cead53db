//! Latest frame wins: one place a camera, and a fair choice among cameras for the workers.
//!
//! A queue between capture and inference turns a slow worker into minutes of lag. Here a new frame
//! replaces the one that nobody has taken yet, and the replaced one is counted.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Names a camera's place; never reused within a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SlotId(pub u32);

#[derive(Debug)]
struct Slot<T> {
    id: SlotId,
    item: Option<T>,
    /// A worker holds this camera: its frames are worked on one at a time and in order.
    leased: bool,
    /// Nothing can be put any more.
    closing: bool,
    /// Turn at which it was last served: the lowest goes first.
    served: u64,
    /// Items that workers took of it.
    taken: u64,
}

#[derive(Debug)]
struct State<T> {
    slots: Vec<Slot<T>>,
    turn: u64,
    closed: bool,
}

/// The places of all cameras.
#[derive(Debug)]
pub struct Slots<T> {
    state: Mutex<State<T>>,
    ready: Condvar,
    /// A closing place was given back.
    left: Condvar,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Slots {
            state: Mutex::new(State { slots: Vec::new(), turn: 0, closed: false }),
            ready: Condvar::new(),
            left: Condvar::new(),
        }
    }
}

/// What is left of a place that was closed.
#[derive(Debug, PartialEq, Eq)]
pub struct Removed<T> {
    /// What waited there: the caller counts it as dropped.
    pub waiting: Option<T>,
    /// How many items workers took from there. With a hung worker they may still be at the last.
    pub taken: u64,
}

/// What became of an item that was put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// The place was free.
    Stored,
    /// It took the place of an older one that nobody had taken: count that as dropped.
    Replaced,
    /// No such camera any more, or all is closed: the item is dropped.
    Gone,
}

impl<T> Slots<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a place. An id that is open already stays as it is.
    pub fn open(&self, id: SlotId) {
        let mut state = self.lock();
        if state.slots.iter().all(|s| s.id != id) {
            let served = state.turn;
            state.slots.push(Slot { id, item: None, leased: false, closing: false, served, taken: 0 });
        }
    }

    /// Closes a place and waits, but no longer than `within`, until no worker is at its items any more.
    /// `None` if there is no such place.
    pub fn remove(&self, id: SlotId, within: Duration) -> Option<Removed<T>> {
        let mut state = self.lock();
        let slot = state.slots.iter_mut().find(|s| s.id == id)?;
        slot.closing = true;
        let (waiting, taken) = (slot.item.take(), slot.taken);
        let busy = |state: &mut State<T>| state.slots.iter().any(|s| s.id == id && s.leased);
        let (mut state, _) =
            self.left.wait_timeout_while(state, within, busy).unwrap_or_else(PoisonError::into_inner);
        state.slots.retain(|s| s.id != id);
        Some(Removed { waiting, taken })
    }

    /// Puts the latest item of `id`; never blocks on a worker.
    pub fn put(&self, id: SlotId, item: T) -> Put {
        let mut state = self.lock();
        if state.closed {
            return Put::Gone;
        }
        let open = state.slots.iter_mut().find(|s| s.id == id && !s.closing);
        let Some(slot) = open else { return Put::Gone };
        let old = slot.item.replace(item);
        let wake = !slot.leased;
        drop(state);
        if wake {
            self.ready.notify_one();
        }
        // `old` is dropped here, outside the lock: returning a buffer to its pool may take a while.
        if old.is_some() { Put::Replaced } else { Put::Stored }
    }

    /// Waits for the next item, from the camera that was served longest ago; `None` once closed.
    /// The camera is leased to the caller until [`Slots::release`].
    pub fn take(&self) -> Option<(SlotId, T)> {
        let mut state = self.lock();
        loop {
            if state.closed {
                return None;
            }
            let next = state
                .slots
                .iter_mut()
                .filter(|s| !s.leased && s.item.is_some())
                .min_by_key(|s| s.served)
                .and_then(|s| {
                    let item = s.item.take()?;
                    s.leased = true;
                    s.taken += 1;
                    Some((s.id, item))
                });
            if next.is_some() {
                return next;
            }
            state = self.ready.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Gives a leased camera back; its next item may be taken by any worker.
    pub fn release(&self, id: SlotId) {
        let mut state = self.lock();
        state.turn += 1;
        let turn = state.turn;
        if let Some(slot) = state.slots.iter_mut().find(|s| s.id == id) {
            slot.leased = false;
            slot.served = turn;
            let (waits, closing) = (slot.item.is_some(), slot.closing);
            drop(state);
            if waits {
                self.ready.notify_one();
            }
            if closing {
                self.left.notify_all();
            }
        }
    }

    /// Wakes every worker with `None`; nothing can be put any more.
    pub fn close(&self) {
        self.lock().closed = true;
        self.ready.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    const A: SlotId = SlotId(1);
    const B: SlotId = SlotId(2);

    #[test]
    fn the_latest_wins_and_the_loss_is_told() {
        let slots = Slots::default();
        slots.open(A);
        assert_eq!(slots.put(A, 1), Put::Stored);
        assert_eq!(slots.put(A, 2), Put::Replaced);
        assert_eq!(slots.take(), Some((A, 2)));
        assert_eq!(slots.put(B, 3), Put::Gone);
    }

    #[test]
    fn a_busy_camera_does_not_starve_another() {
        let slots = Slots::default();
        slots.open(A);
        slots.open(B);
        slots.put(B, 0);
        let mut served = Vec::new();
        for n in 0..6 {
            slots.put(A, n);
            slots.put(B, n);
            let (id, _) = slots.take().unwrap();
            served.push(id);
            slots.release(id);
        }
        assert_eq!(served.iter().filter(|id| **id == A).count(), 3);
    }

    #[test]
    fn frames_of_one_camera_go_to_one_worker_at_a_time() {
        let slots = Slots::default();
        slots.open(A);
        slots.open(B);
        slots.put(A, 1);
        let (id, _) = slots.take().unwrap();
        slots.put(A, 2);
        slots.put(B, 3);
        assert_eq!(slots.take(), Some((B, 3)), "A is leased");
        slots.release(id);
        assert_eq!(slots.take(), Some((A, 2)));
    }

    #[test]
    fn closing_wakes_a_waiting_worker_and_removal_gives_back_what_waited() {
        let slots = std::sync::Arc::new(Slots::default());
        slots.open(A);
        slots.put(A, 7);
        assert_eq!(slots.remove(A, Duration::ZERO), Some(Removed { waiting: Some(7), taken: 0 }));
        assert_eq!(slots.remove(A, Duration::ZERO), None);
        let worker = std::thread::spawn({
            let slots = slots.clone();
            move || slots.take()
        });
        slots.close();
        assert_eq!(worker.join().unwrap(), None);
        assert_eq!(slots.put(A, 8), Put::Gone);
    }

    #[test]
    fn removal_waits_for_the_worker_and_not_for_ever() {
        let slots = Slots::default();
        slots.open(A);
        slots.put(A, 1);
        let (id, _) = slots.take().unwrap();
        slots.put(A, 2);
        std::thread::scope(|scope| {
            let removal = scope.spawn(|| slots.remove(A, Duration::from_secs(60)));
            while slots.put(A, 3) != Put::Gone {
                std::thread::yield_now();
            }
            assert!(!removal.is_finished());
            slots.release(id);
            let removed = removal.join().unwrap().unwrap();
            assert!(removed.waiting.is_some_and(|waited| waited > 1) && removed.taken == 1);
        });

        slots.open(B);
        slots.put(B, 4);
        let hung = slots.take().unwrap();
        let removed = slots.remove(B, Duration::from_millis(5));
        assert_eq!(removed, Some(Removed { waiting: None, taken: 1 }), "it is with the worker");
        slots.release(hung.0);
    }
}
