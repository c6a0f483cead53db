//! [`Wake`]: how a supervisor is told to stop.

use crate::shutdown::Shutdown;
use gstreamer as gst;
use std::sync::{Mutex, PoisonError};

/// Wakes the supervisor, wherever it waits: in a pause or on a pipeline's bus.
pub(super) struct Wake {
    pub shutdown: Shutdown,
    bus: Mutex<Option<gst::Bus>>,
}

impl Wake {
    pub fn new(shutdown: Shutdown) -> Wake {
        Wake { shutdown, bus: Mutex::new(None) }
    }

    pub fn stop(&self) {
        self.shutdown.trigger();
        if let Some(bus) = self.bus.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            let wake = gst::Structure::new_empty("posed-stop");
            // Refused only by a bus that is being shut: then nobody waits on it.
            let _ = bus.post(gst::message::Application::new(wake));
        }
    }

    /// On what the supervisor is about to wait.
    pub fn listen(&self, bus: Option<gst::Bus>) {
        *self.bus.lock().unwrap_or_else(PoisonError::into_inner) = bus;
    }
}
