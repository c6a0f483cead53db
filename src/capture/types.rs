//! What goes into capture (options) and what comes out of it (frames and events, to a sink).

use super::source::Source;
use crate::backoff::Backoff;
use crate::frame::Frame;
use std::path::PathBuf;
use std::time::Duration;

/// How RTP packets travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// Interleaved in the RTSP connection: no packet loss, passes firewalls.
    #[default]
    Tcp,
    /// Datagrams: lost packets damage frames and never delay them.
    Udp,
    /// UDP first; TCP if no datagram arrives within half the connect time-out.
    Auto,
}

/// Settings of one camera's capture.
#[derive(Clone, Debug)]
pub struct Options {
    /// Camera's name: in the thread's name and in log lines.
    pub name: String,
    /// Where frames come from.
    pub source: Source,
    /// Frames above this rate are dropped before they are mapped, and counted.
    pub max_fps: Option<f64>,
    /// For RTSP.
    pub transport: Transport,
    /// For `rtsps://`: PEM file of the only authorities to trust. `None` trusts the system's.
    pub tls_ca: Option<PathBuf>,
    /// RTSP jitter buffer: how long to wait for a late packet.
    pub latency: Duration,
    /// A pipeline is rebuilt if its first frame takes longer than this.
    pub connect_timeout: Duration,
    /// A pipeline is rebuilt if no frame comes for this long, or for three frames' time if that is
    /// longer.
    pub stall_timeout: Duration,
    /// How often a still picture is read again: a looped file, or an address that gives one
    /// picture.
    pub picture_interval: Duration,
    /// Frames a second of a file without timestamps. `None` assumes 25 and warns.
    pub frame_rate: Option<f64>,
    /// Pauses between attempts, but for those after a refused login, which last minutes. They start
    /// short again after some seconds of frames.
    pub backoff: Backoff,
    /// Folder for crash markers (see the module's "Decoders"). It should survive a restart of the
    /// process but not a reboot. Without it, a decoder that crashes the process does so again.
    pub crash_markers: Option<PathBuf>,
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
            picture_interval: Duration::from_secs(1),
            frame_rate: None,
            backoff: Backoff::default(),
            crash_markers: None,
        }
    }
}

/// A change of a camera's state. Frames do not cause events.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A pipeline is being built and started.
    Connecting {
        /// Counts from 1. Starts again after some seconds of frames.
        attempt: u32,
    },
    /// Video arrives, but its pictures cannot be decoded before the next key frame.
    AwaitingKeyFrame,
    /// A pipeline has given its first frame.
    Online {
        /// Factory name of its decoder; `raw` if the source needs none.
        decoder: String,
        /// Whether that decoder is hardware.
        hardware: bool,
        /// Caps of the frames.
        caps: String,
    },
    /// The next frames have other caps.
    CapsChanged {
        /// The new caps.
        caps: String,
    },
    /// No frame for the stall time-out; the pipeline is rebuilt.
    Stalled {
        /// Time since the last frame.
        after: Duration,
        /// Pause before the next attempt.
        retry_in: Duration,
    },
    /// The pipeline failed, ended, or gave no frame in time; it is rebuilt.
    Failed {
        /// What happened, and the remedy if there is one. The same for the same cause; free of
        /// credentials.
        reason: String,
        /// Pause before the next attempt.
        retry_in: Duration,
    },
    /// A file that does not loop has ended. Only [`Event::Stopped`] follows.
    Ended,
    /// The pipeline is gone. This is the last event.
    Stopped,
}

/// Why a frame was not handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FrameDrop {
    /// Above [`Options::max_fps`].
    Rate,
    /// It came before the first key frame, so it could not be decoded.
    NoKeyFrame,
    /// The decoder, or the camera's driver, says that its picture is damaged.
    Corrupted,
    /// Its buffer cannot be read, or does not match its caps.
    Unusable,
}

/// Receives the frames and events of one camera.
///
/// `frame` and `dropped` run on GStreamer's streaming thread and must return at once. Together they
/// see every frame that reaches or leaves the decoder exactly once, in order. `event` runs on the
/// supervisor's thread.
pub trait Sink: Send + Sync {
    /// A decoded frame.
    fn frame(&self, frame: Frame);
    /// A frame was dropped.
    fn dropped(&self, reason: FrameDrop);
    /// The camera's state changed.
    fn event(&self, event: Event);
}
