//! The slots behind the lock, and which camera's frame goes next.

use std::sync::Arc;

#[derive(Debug)]
pub(super) struct Slot<C, F> {
    pub(super) camera: Arc<C>,
    pub(super) frame: Option<F>,
    /// A worker holds a frame of this camera. Others wait: frames of a camera stay in order.
    pub(super) leased: bool,
    /// Takes no more frames.
    pub(super) closing: bool,
    /// Turn in which a worker last finished a frame. The lowest turn goes first.
    pub(super) served: u64,
    /// Frames that workers have taken.
    pub(super) taken: u64,
}

#[derive(Debug)]
pub(super) struct State<C, F> {
    pub(super) slots: Vec<Slot<C, F>>,
    pub(super) turn: u64,
    pub(super) closed: bool,
}

impl<C, F> State<C, F> {
    pub(super) fn slot(&mut self, camera: &C) -> Option<&mut Slot<C, F>> {
        self.slots.iter_mut().find(|slot| std::ptr::eq(&raw const *slot.camera, camera))
    }

    /// Leases the frame of the camera that waits longest; `None` if no frame may be taken now.
    pub(super) fn take(&mut self) -> Option<(Arc<C>, F)> {
        let ready = self.slots.iter_mut().filter(|slot| !slot.leased && slot.frame.is_some());
        let slot = ready.min_by_key(|slot| slot.served)?;
        let frame = slot.frame.take()?;
        slot.leased = true;
        slot.taken += 1;
        Some((slot.camera.clone(), frame))
    }
}
