//! What the capture stage is handed of a camera's configuration.

use super::Camera;
use crate::capture;

impl Camera {
    /// Options of this camera's capture.
    pub fn capture(&self) -> capture::Options {
        capture::Options {
            max_fps: self.max_fps,
            transport: self.transport,
            latency: self.latency,
            connect_timeout: self.connect_timeout,
            stall_timeout: self.stall_timeout,
            ..capture::Options::new(self.name.clone(), self.source.clone())
        }
    }
}
