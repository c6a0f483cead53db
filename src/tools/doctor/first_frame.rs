//! A camera's first frame, taken as the daemon would take it.

use crate::capture::{Capture, Dropped, Event, Sink};
use crate::clock::SharedClock;
use crate::config::CameraConfig;
use crate::frame::Frame;
use crate::telemetry::progress::Progress;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

/// A slow camera's own time-out comes before this.
pub(super) const LONGEST: Duration = Duration::from_secs(15);

/// Opens `camera` as the daemon would: what its first frame is.
///
/// # Errors
/// Why there is none.
pub fn first_frame(camera: &CameraConfig, clock: &SharedClock) -> Result<String, String> {
    Trial::start(camera, clock)?.first_frame(camera, clock)
}

/// One camera's capture, as the daemon would run it, until it tells something.
struct Trial {
    capture: Capture,
    events: Receiver<Event>,
    began: crate::clock::Mono,
}

impl Trial {
    fn start(camera: &CameraConfig, clock: &SharedClock) -> Result<Trial, String> {
        // More events than this before a first frame say nothing new.
        let (send, events) = sync_channel(16);
        let capture =
            Capture::start(camera.capture(), clock.clone(), Arc::new(Ear(send)), &Progress::default())
                .map_err(|e| e.to_string())?;
        Ok(Trial { capture, events, began: clock.now() })
    }

    fn first_frame(self, camera: &CameraConfig, clock: &SharedClock) -> Result<String, String> {
        let patience = (camera.connect_timeout + Duration::from_secs(1)).min(LONGEST);
        let mut failed = None;
        let outcome = loop {
            let left = patience.saturating_sub(clock.now().since(self.began));
            match self.events.recv_timeout(left) {
                Ok(Event::Online { decoder, hardware, caps }) => {
                    let took = clock.now().since(self.began).as_secs_f32();
                    let kind = if hardware { "hardware" } else { "software" };
                    let by = if decoder == "raw" {
                        "no decoder needed".into()
                    } else {
                        format!("{decoder} ({kind})")
                    };
                    break Ok(format!("first frame after {took:.1} s, {by}, {caps}"));
                }
                // A decoder that failed is left out at the next attempt, which follows at once.
                Ok(Event::Failed { reason, retry_in }) if retry_in.is_zero() => failed = Some(reason),
                Ok(Event::Failed { reason, .. }) => break Err(reason),
                Ok(Event::Ended | Event::Stopped) | Err(RecvTimeoutError::Disconnected) => {
                    break Err(failed.unwrap_or_else(|| "it ended without a frame".into()));
                }
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => {
                    break Err(failed.unwrap_or_else(|| format!("no frame within {patience:.0?}")));
                }
            }
        };
        self.capture.stop();
        outcome
    }
}

struct Ear(SyncSender<Event>);

impl Sink for Ear {
    fn frame(&self, _: Frame) {}
    fn dropped(&self, _: Dropped) {}
    fn event(&self, event: Event) {
        let _ = self.0.try_send(event);
    }
}
