//! Cameras: the only room that knows GStreamer.
//!
//! ```text
//! Source ──► plan (launch text, pure) ──► pipeline (elements) ──► frames (samples -> Frame) ──► Sink
//!                                            ▲     │ bus: error, end, caps
//!                                            └─────┴── supervisor (one thread a camera)
//! ```
//! A supervisor thread builds a pipeline, watches its bus and the age of its last decoded frame,
//! and rebuilds it after an error, an end of stream or silence, for ever, with a capped and
//! jittered pause in between. Frames reach the [`Sink`] on GStreamer's streaming thread, in the
//! decoder's own pixel format and memory.
//!
//! # Decoders
//! `decodebin` picks them by rank, so a board's hardware decoder comes first where its plugin is
//! installed. It counts as working once it has given a frame; if it fails before that, it is left
//! out when the pipeline is rebuilt, and the next by rank (software, in the end) is used. It gets
//! another chance an hour later: a decoder is often only busy.

mod clip;
mod decoder;
mod devices;
mod frames;
mod log;
mod mode;
mod pipeline;
mod plan;
mod proof;
mod rate;
mod source;
mod stamp;
mod supervisor;

pub use clip::Clip;
pub use devices::{Device, devices};
pub use log::init;
pub use mode::Mode;
pub use plan::describe;
pub use proof::{Codec, Proof, decoders, prove};
pub use source::{Credentials, Source};

use crate::backoff::Backoff;
use crate::clock::{Mono, SharedClock};
use crate::frame::Frame;
use crate::shutdown::{Shutdown, Thread};
use crate::telemetry::progress::{Beat, Progress};
use std::path::PathBuf;
use std::sync::Arc;
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

/// Why capture cannot start. Whatever may mend itself (an absent camera, a dead server) is no
/// error but an [`Event::Failed`].
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// GStreamer itself.
    #[error("GStreamer does not start: {0}")]
    Init(String),
    /// The source's text.
    #[error("source \"{text}\": {reason}")]
    Source {
        /// What was given, free of credentials.
        text: String,
        /// What is wrong, and what would be right.
        reason: String,
    },
    /// A number that cannot work.
    #[error("camera {camera}: {key} must be {want}")]
    Option {
        /// Camera's name.
        camera: String,
        /// Which option.
        key: &'static str,
        /// What it must be.
        want: &'static str,
    },
    /// The pipeline cannot be built: usually a plugin is not installed.
    #[error("camera {camera}: {reason}, in \"{text}\"")]
    Launch {
        /// Camera's name.
        camera: String,
        /// GStreamer's words.
        reason: String,
        /// The pipeline, free of credentials.
        text: String,
    },
    /// A clip that was being recorded has an early end.
    #[error("camera {camera}: its clip ends early: {reason}")]
    Clip {
        /// Camera's name.
        camera: String,
        /// GStreamer's words.
        reason: String,
    },
    /// The machine is out of threads.
    #[error("camera {camera}: no thread: {source}")]
    Thread {
        /// Camera's name.
        camera: String,
        /// Why.
        source: std::io::Error,
    },
}

/// GStreamer's v4l2 elements give up their buffers when they stop (orphan them), and those of 1.22 then keep the device open:
/// one file of it more with every pipeline, so that a camera that was unplugged comes back under another name. With this
/// in the environment, the only place where they look, they wait for the last frame and close it.
const DRAIN: &str = "GST_V4L2_FORCE_DRAIN";

/// Our own work between two waits takes no time; what a device or a server takes is not counted.
const WORK_LIMIT: Duration = Duration::from_secs(30);

/// Signs of life of one camera's threads: its supervisor's, and that of GStreamer's streaming thread
/// while it is in our code.
#[derive(Clone)]
struct Beats {
    supervisor: Arc<Beat>,
    frames: Arc<Beat>,
}

/// Longest that [`Capture::stop`] takes.
const STOP_WITHIN: Duration = Duration::from_millis(1800);

/// One camera's capture; dropping it stops it.
pub struct Capture {
    clock: SharedClock,
    wake: Arc<supervisor::Wake>,
    thread: Option<Thread>,
}

impl Capture {
    /// Builds the pipeline once, to find what no retry would mend, and starts the supervisor.
    /// `progress` gets the signs of life of both of the camera's threads.
    ///
    /// # Errors
    /// If the source or an option makes no sense, or an element of the pipeline is not installed.
    pub fn start(
        options: Options,
        clock: SharedClock,
        sink: Arc<dyn Sink>,
        progress: &Progress,
    ) -> Result<Capture, Error> {
        init()?;
        let name = options.name.clone();
        if matches!(options.source, Source::V4l2 { .. }) && std::env::var_os(DRAIN).is_none() {
            tracing::warn!(
                "{name}: each time the camera is opened anew, GStreamer 1.22 may keep a file of it open; start posed \
                 with {DRAIN}=1 in its environment, as its systemd unit does"
            );
        }
        let beats = Beats {
            supervisor: progress.stage(format!("cap-{name}"), WORK_LIMIT, clock.clone()),
            frames: progress.stage(format!("frames-{name}"), WORK_LIMIT, clock.clone()),
        };
        let wake = Arc::new(supervisor::Wake::new(Shutdown::default()));
        let supervisor = supervisor::Supervisor::new(options, clock.clone(), sink, wake.clone(), beats)?;
        let thread = Thread::spawn(format!("cap-{name}"), move || supervisor.run())
            .map_err(|source| Error::Thread { camera: name, source })?;
        Ok(Capture { clock, wake, thread: Some(thread) })
    }

    /// Tells the supervisor to stop, without waiting for it: with many cameras, call this on each
    /// before [`Capture::stop_by`].
    pub fn request_stop(&self) {
        self.wake.stop();
    }

    /// Stops: pipeline to NULL, thread joined, in two seconds at most. A driver that hangs keeps
    /// its thread, which is said in the log and left to the end of the process.
    pub fn stop(self) {
        drop(self);
    }

    /// The same, but by a time on the clock that the capture was started with.
    pub fn stop_by(mut self, by: Mono) {
        self.end(by);
    }

    fn end(&mut self, by: Mono) {
        self.wake.stop();
        if let Some(thread) = self.thread.take() {
            thread.end(by.since(self.clock.now()));
        }
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.end(self.clock.now() + STOP_WITHIN);
    }
}
