//! [`StopSignal`]: tells a supervisor to stop.

use crate::shutdown::Shutdown;
use gstreamer as gst;
use std::sync::{Mutex, PoisonError};

/// Wakes the supervisor wherever it waits: in a pause, or on a pipeline's bus.
#[derive(Default)]
pub(super) struct StopSignal {
    pub shutdown: Shutdown,
    bus: Mutex<Option<gst::Bus>>,
}

impl StopSignal {
    pub fn set(&self) {
        self.shutdown.trigger();
        if let Some(bus) = self.bus.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            let message = gst::Structure::new_empty("posed-stop");
            // Only a bus that is shutting down refuses it, and nothing waits on that.
            let _ = bus.post(gst::message::Application::new(message));
        }
    }

    /// The bus that the supervisor is about to wait on.
    pub fn wakes(&self, bus: Option<gst::Bus>) {
        *self.bus.lock().unwrap_or_else(PoisonError::into_inner) = bus;
    }
}
