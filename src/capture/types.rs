//! What capture is told and what it tells: options, events, and who gets the frames.

use super::Source;
use crate::backoff::Backoff;
use crate::frame::Frame;
use std::path::PathBuf;
use std::time::Duration;

/// How RTP packets travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// Interleaved in the RTSP connection: no loss, passes firewalls.
    #[default]
    Tcp,
    /// Datagrams: loss shows as damaged frames, never as delay.
    Udp,
    /// UDP first; TCP if no datagram arrives within half the connect time-out.
    Auto,
}

/// What one camera's capture needs to know.
#[derive(Clone, Debug)]
pub struct Options {
    /// Camera's name: in the thread's name and in log lines.
    pub name: String,
    /// Where frames come from.
    pub source: Source,
    /// Frames above this rate are dropped, before they are mapped, and counted.
    pub max_fps: Option<f64>,
    /// For RTSP.
    pub transport: Transport,
    /// For `rtsps://`: PEM file of the only authorities to trust; the system's if `None`.
    pub tls_ca: Option<PathBuf>,
    /// RTSP jitter buffer: how long a late packet is waited for.
    pub latency: Duration,
    /// A pipeline that has not given a frame by then is rebuilt.
    pub connect_timeout: Duration,
    /// A pipeline that has not given a frame for this long is rebuilt.
    pub stall_timeout: Duration,
    /// Pauses between attempts; starts again after some seconds of frames.
    pub backoff: Backoff,
    /// Folder for a note of which hardware decoder is on trial, which lasts from one process to the next but not over a reboot.
    /// Without it, a decoder that crashes will do so again.
    pub trials: Option<PathBuf>,
}

impl Options {
    /// Defaults for `source`: TCP, 100 ms of jitter buffer, 10 s to connect, 5 s of silence.
    pub fn new(name: impl Into<String>, source: Source) -> Options {
        Options {
            name: name.into(),
            source,
            max_fps: None,
            transport: Transport::default(),
            tls_ca: None,
            latency: Duration::from_millis(100),
            connect_timeout: Duration::from_secs(10),
            stall_timeout: Duration::from_secs(5),
            backoff: Backoff::default(),
            trials: None,
        }
    }
}

/// A change of a camera's state; never one a frame.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A pipeline is being built and started.
    Connecting {
        /// Counts from 1 since frames last flowed for some seconds.
        attempt: u32,
    },
    /// The first frame of a pipeline has been handed over.
    Online {
        /// Factory name of the decoder that gave it; `raw` if the source needs none.
        decoder: String,
        /// Whether that decoder is hardware.
        hardware: bool,
        /// Caps of the frames.
        caps: String,
    },
    /// Frames go on with other caps.
    CapsChanged {
        /// The new ones.
        caps: String,
    },
    /// No frame for the stall time-out; the pipeline is rebuilt.
    Stalled {
        /// Time since the last frame.
        after: Duration,
        /// Pause before the next attempt.
        retry_in: Duration,
    },
    /// The pipeline failed or ended, or never gave a frame; it is rebuilt.
    Failed {
        /// Element, message and debug text. Free of credentials.
        reason: String,
        /// Pause before the next attempt.
        retry_in: Duration,
    },
    /// A file that does not loop is over. Nothing follows but [`Event::Stopped`].
    Ended,
    /// The pipeline is gone: the last event.
    Stopped,
}

/// Why a decoded frame was not handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dropped {
    /// Above [`Options::max_fps`].
    Rate,
    /// Its buffer cannot be read, or is not what its caps say.
    Unusable,
}

/// Who gets the frames: implemented by the daemon, and by tests.
///
/// `frame` and `dropped` run on GStreamer's streaming thread and must return at once; together
/// they see every decoded frame exactly once, in order. `event` runs on the supervisor's thread.
pub trait Sink: Send + Sync {
    /// A decoded frame.
    fn frame(&self, frame: Frame);
    /// A decoded frame that will not be handed over.
    fn dropped(&self, reason: Dropped);
    /// The camera's state changed.
    fn event(&self, event: Event);
}
