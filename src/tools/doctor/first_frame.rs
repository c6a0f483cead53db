//! A camera's first frame, through the daemon's own capture.

use crate::capture::{Capture, Event, FrameDrop, Sink};
use crate::clock::SharedClock;
use crate::config::CameraConfig;
use crate::frame::Frame;
use crate::telemetry::progress::Progress;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

/// Cap on the wait for a first frame. A camera's own connect timeout usually ends it sooner.
pub(super) const LONGEST: Duration = Duration::from_secs(15);

/// Opens `camera` as the daemon does, and describes its first frame.
///
/// # Errors
/// The reason if no frame comes.
pub fn first_frame(camera: &CameraConfig, clock: &SharedClock) -> Result<String, String> {
    Trial::start(camera, clock)?.first_frame(camera, clock)
}

/// The capture of one camera, until its first frame.
struct Trial {
    capture: Capture,
    events: Receiver<Event>,
    began: crate::clock::Mono,
}

impl Trial {
    fn start(camera: &CameraConfig, clock: &SharedClock) -> Result<Trial, String> {
        // More events before the first frame carry nothing new.
        let (send, events) = sync_channel(16);
        let capture =
            Capture::start(camera.capture(), clock.clone(), Arc::new(EventSink(send)), &Progress::default())
                .map_err(|e| e.to_string())?;
        Ok(Trial { capture, events, began: clock.now() })
    }

    fn first_frame(self, camera: &CameraConfig, clock: &SharedClock) -> Result<String, String> {
        let patience = (camera.connect_timeout + Duration::from_secs(1)).min(LONGEST);
        let (mut failed, mut awaiting) = (None, false);
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
                // The next attempt follows at once and leaves out the decoder that failed.
                Ok(Event::Failed { reason, retry_in }) if retry_in.is_zero() => failed = Some(reason),
                Ok(Event::Failed { reason, .. }) => break Err(reason),
                Ok(Event::Ended | Event::Stopped) | Err(RecvTimeoutError::Disconnected) => {
                    break Err(failed.unwrap_or_else(|| "ended without a frame".into()));
                }
                Ok(Event::AwaitingKeyFrame) => awaiting = true,
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) if awaiting => {
                    break Err(format!("video arrives, but no key frame within {patience:.0?}"));
                }
                Err(RecvTimeoutError::Timeout) => {
                    break Err(failed.unwrap_or_else(|| format!("no frame within {patience:.0?}")));
                }
            }
        };
        self.capture.stop();
        outcome
    }
}

/// Keeps events and drops frames.
struct EventSink(SyncSender<Event>);

impl Sink for EventSink {
    fn frame(&self, _: Frame) {}
    fn dropped(&self, _: FrameDrop) {}
    fn event(&self, event: Event) {
        let _ = self.0.try_send(event);
    }
}
