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
//! another chance an hour later: a decoder is often only busy. One that crashes takes the process along; the next process leaves
//! it out in the same way.

mod clip;
mod decoder;
mod devices;
mod error;
mod failure;
mod frames;
mod link;
mod log;
mod mask;
mod mode;
mod pipeline;
mod pixels;
mod plan;
mod proof;
mod rate;
mod source;
mod stamp;
mod supervisor;
mod trial;
mod types;
mod wake;

pub use clip::Clip;
pub use devices::{Device, devices};
pub use error::Error;
pub use log::init;
pub use mode::Mode;
pub use plan::describe;
pub use proof::{Codec, Proof, decoders, prove};
pub use source::{Credentials, Source};
pub use types::{Dropped, Event, Options, Sink, Transport};

use crate::clock::{Mono, SharedClock};
use crate::shutdown::{Shutdown, Thread};
use crate::telemetry::progress::{Beat, Progress};
use std::sync::Arc;
use std::time::Duration;

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
    wake: Arc<wake::Wake>,
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
        let wake = Arc::new(wake::Wake::new(Shutdown::default()));
        let supervisor = supervisor::Supervisor::new(options, clock.clone(), sink, wake.clone(), beats)?;
        let thread = progress
            .spawn(format!("cap-{name}"), move || supervisor.run())
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
