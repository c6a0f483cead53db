//! Cameras: the only room that knows GStreamer.
//!
//! ```text
//! Source ──► Plan (launch text, pure) ──► Pipeline (elements) ──► Frames (sample -> Frame) ─► Sink
//!                                           ▲     │ bus: error, end, caps
//!                                           └─────┴── Supervisor (one thread a camera)
//! ```
//! A supervisor thread builds a pipeline and watches its bus and the age of its last decoded frame.
//! After an error, an end of stream or silence it rebuilds the pipeline, with capped and jittered
//! pauses, until it is stopped. Frames that cannot be right, before the first key frame or flagged
//! as damaged, are dropped and counted, and their arrival is a sign of life. Frames reach the
//! [`Sink`] on GStreamer's streaming thread, in the decoder's own pixel format and memory.
//!
//! # Layout
//! - `source/` reads a camera's `source`.
//! - `pipeline/` builds it: launch text, what the text cannot hold, and the link behind
//!   `decodebin`.
//! - `frames/` turns samples into frames: caps, pixels, capture time, rate limit.
//! - `decoder/` chooses decoders and, for `posed doctor`, tests them.
//! - `supervisor` runs attempts, `watch` runs one of them, `failure` says why it ended, in the
//!   words of `reason` and, for a refused login, of `challenge`.
//! - `descriptors` refuses a camera that the process has no file descriptors for.
//!
//! # Decoders
//! `decodebin` tries decoders by rank, so an installed hardware decoder comes first. A hardware
//! decoder works once it has given a frame. If it fails before that, the supervisor excludes it for
//! an hour and rebuilds the pipeline, which uses the next decoder by rank, in the end a software
//! one. The hour is a limit because a decoder is often only busy. A decoder that crashes the
//! process is excluded by the next process in the same way (see `decoder/crash_marker.rs`).

mod challenge;
mod clip;
mod decoder;
mod descriptors;
mod devices;
mod error;
mod failure;
mod frames;
mod log;
mod pipeline;
mod reason;
mod source;
mod stop_signal;
mod supervisor;
mod types;
mod watch;

pub use clip::Clip;
pub use decoder::{Codec, InstalledDecoder, decoders, probe_decoder};
pub use devices::{Device, devices};
pub use error::Error;
pub use log::init;
pub use pipeline::{check, describe};
pub use source::{Credentials, Mode, Source, secret_parameters};
pub use types::{Event, FrameDrop, Options, Sink, Transport};

use crate::clock::{Mono, SharedClock};
use crate::shutdown::Thread;
use crate::telemetry::progress::Progress;
use descriptors::Share;
use std::sync::Arc;
use std::time::Duration;
use stop_signal::StopSignal;
use supervisor::{Beats, Supervisor};

/// GStreamer 1.22's v4l2 elements orphan their buffers when they stop and then keep the device
/// open. Every pipeline would leave one more open file, and a camera that is unplugged would come
/// back under another name. With this variable in the environment, which is the only place where
/// they look, they wait for the last frame and close the device.
const DRAIN: &str = "GST_V4L2_FORCE_DRAIN";

/// Longest piece of our own work between two waits. Time that a device or a server takes is not
/// counted.
const WORK_LIMIT: Duration = Duration::from_secs(30);

/// Longest that [`Capture::stop`] takes.
const STOP_WITHIN: Duration = Duration::from_millis(1800);

/// One camera's capture; dropping it stops it.
pub struct Capture {
    clock: SharedClock,
    _share: Share,
    stop: Arc<StopSignal>,
    thread: Option<Thread>,
}

impl Capture {
    /// Builds the pipeline once, to find faults that no retry can fix, and starts the supervisor.
    /// `progress` gets the signs of life of both of the camera's threads.
    ///
    /// # Errors
    /// If the source or an option makes no sense, an element of the pipeline is not installed, or
    /// the process may not open enough files.
    pub fn start(
        options: Options,
        clock: SharedClock,
        sink: Arc<dyn Sink>,
        progress: &Progress,
    ) -> Result<Capture, Error> {
        init()?;
        let name = options.name.clone();
        let share = Share::take(&options)?;
        if matches!(options.source, Source::V4l2 { .. }) && std::env::var_os(DRAIN).is_none() {
            tracing::warn!(
                "{name}: GStreamer 1.22 may leak an open file at each reconnect of a v4l2 camera; set {DRAIN}=1 \
                 in posed's environment, as its systemd unit does"
            );
        }
        let beats = Beats {
            supervisor: progress.stage(format!("cap-{name}"), WORK_LIMIT, clock.clone()),
            frames: progress.stage(format!("frames-{name}"), WORK_LIMIT, clock.clone()),
        };
        let stop = Arc::new(StopSignal::default());
        let supervisor = Supervisor::new(options, clock.clone(), sink, stop.clone(), beats)?;
        let thread = progress
            .spawn(format!("cap-{name}"), move || supervisor.run())
            .map_err(|source| Error::Thread { camera: name, source })?;
        Ok(Capture { clock, _share: share, stop, thread: Some(thread) })
    }

    /// Tells the supervisor to stop, without waiting. With many cameras, call this on each before
    /// [`Capture::stop_by`].
    pub fn request_stop(&self) {
        self.stop.set();
    }

    /// Stops within two seconds: pipeline to NULL, thread joined. If a driver hangs, its thread is
    /// left to the end of the process, and the log says so.
    pub fn stop(self) {
        drop(self);
    }

    /// Like [`Capture::stop`], but by a time on the clock that the capture was started with.
    pub fn stop_by(mut self, by: Mono) {
        self.end(by);
    }

    fn end(&mut self, by: Mono) {
        self.stop.set();
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
