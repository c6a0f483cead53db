//! What is known of a camera's stream, as capture's events tell it.

use crate::capture::Event;
use crate::clock::Mono;
use crate::publish::CameraStatus;

/// A camera's stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Stream {
    /// What it is doing.
    pub status: CameraStatus,
    /// Why, if it failed or stalled.
    pub reason: Option<String>,
    /// Time at which status or reason last changed.
    pub since: Mono,
    /// Decoder element, once it has given a frame.
    pub decoder: Option<String>,
    /// Caps of the frames.
    pub caps: Option<String>,
    /// Times that the pipeline was built.
    pub attempts: u64,
}

impl Stream {
    /// A stream that connects since `now`.
    pub fn new(now: Mono) -> Stream {
        Stream {
            status: CameraStatus::Connecting,
            reason: None,
            since: now,
            decoder: None,
            caps: None,
            attempts: 0,
        }
    }

    /// Takes in an event of time `now`. Returns whether status or reason changed.
    pub fn apply(&mut self, event: &Event, now: Mono) -> bool {
        let (status, reason) = match event {
            Event::Connecting { .. } => {
                self.attempts += 1;
                match self.status {
                    // Subscribers learn more from the failure than from the next attempt.
                    CameraStatus::Failed | CameraStatus::Stalled => return false,
                    _ => (CameraStatus::Connecting, None),
                }
            }
            Event::AwaitingKeyFrame => (CameraStatus::Connecting, Some("waiting for a key frame".to_owned())),
            Event::Online { decoder, caps, .. } => {
                self.decoder = Some(decoder.clone());
                self.caps = Some(caps.clone());
                (CameraStatus::Online, None)
            }
            Event::CapsChanged { caps, .. } => {
                self.caps = Some(caps.clone());
                (CameraStatus::Online, None)
            }
            Event::Stalled { .. } => {
                (CameraStatus::Stalled, Some("frames stopped coming (stall_timeout_ms)".to_owned()))
            }
            Event::Failed { reason, .. } => (CameraStatus::Failed, Some(reason.clone())),
            Event::Ended => (CameraStatus::Ended, None),
            Event::Stopped => (CameraStatus::Stopped, None),
        };
        let changed = (status, &reason) != (self.status, &self.reason);
        if changed {
            (self.status, self.reason, self.since) = (status, reason, now);
        }
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn an_attempt_does_not_hide_why_the_one_before_failed() {
        let failed = |reason: &str| Event::Failed { reason: reason.into(), retry_in: Duration::ZERO };
        let mut stream = Stream::new(Mono(0));
        assert!(stream.apply(&failed("refused"), Mono(1)));
        assert!(!stream.apply(&Event::Connecting { attempt: 2 }, Mono(2)));
        assert!(!stream.apply(&failed("refused"), Mono(3)));
        assert_eq!((stream.reason.as_deref(), stream.since), (Some("refused"), Mono(1)));
        assert!(stream.apply(&failed("timed out"), Mono(4)), "another reason is news");
        assert_eq!((stream.since, stream.attempts), (Mono(4), 1));
    }
}
