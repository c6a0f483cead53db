//! Sample -> [`Frame`]: runs on GStreamer's streaming thread, once a decoded frame.

use super::pixels::Mapped;
use super::plan::FORMATS;
use super::rate::RateLimit;
use super::stamp::{self, Times};
use super::{Dropped, Sink};
use crate::clock::{Mono, SharedClock};
use crate::frame::{ClockLabel, Colorimetry, Frame, FrameInfo, Matrix};
use crate::telemetry::progress::Beat;
use gstreamer::{self as gst, prelude::*};
use gstreamer_app as gst_app;
use gstreamer_video as gst_video;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

/// How far a pipeline has come: written by its streaming thread, read by the supervisor.
#[derive(Debug, Default)]
pub(super) struct Progress {
    frames: AtomicU64,
    first_ns: AtomicU64,
    last_ns: AtomicU64,
    /// The source runs by the pipeline's clock: a buffer's timestamp says when it was captured.
    pub live: AtomicBool,
    /// How often a file has started again.
    pub pass: AtomicU32,
}

impl Progress {
    fn count(&self, now: Mono) {
        // The streaming thread alone writes, and the count last.
        if self.frames() == 0 {
            self.first_ns.store(now.0, Ordering::Release);
        }
        self.last_ns.store(now.0, Ordering::Release);
        self.frames.fetch_add(1, Ordering::AcqRel);
    }

    /// Usable frames so far.
    pub fn frames(&self) -> u64 {
        self.frames.load(Ordering::Acquire)
    }

    /// When the last usable frame came, if one has.
    pub fn last(&self) -> Option<Mono> {
        (self.frames() > 0).then(|| Mono(self.last_ns.load(Ordering::Acquire)))
    }

    /// From the first usable frame to the last.
    pub fn span(&self) -> Duration {
        self.last().map_or(Duration::ZERO, |last| last.since(Mono(self.first_ns.load(Ordering::Acquire))))
    }
}

/// What the caps of the last sample said; parsed again only when they change.
struct Known {
    caps: gst::Caps,
    video: gst_video::VideoInfo,
    info: FrameInfo,
    announced: bool,
}

/// Turns the samples of one pipeline into frames.
pub(super) struct Frames {
    clock: SharedClock,
    sink: Arc<dyn Sink>,
    seq: Arc<AtomicU64>,
    progress: Arc<Progress>,
    limit: Option<RateLimit>,
    label: ClockLabel,
    beat: Arc<Beat>,
    known: Option<Known>,
    /// The current pass of a looped file, when it began and when its last frame ends.
    pass: (u32, Duration, Duration),
    complained: bool,
}

/// Name of the message that tells the supervisor of a first frame or of new caps.
pub(super) const CAPS_MESSAGE: &str = "posed-caps";

impl Frames {
    pub fn new(
        clock: SharedClock,
        sink: Arc<dyn Sink>,
        seq: Arc<AtomicU64>,
        max_fps: Option<f64>,
        label: ClockLabel,
        beat: Arc<Beat>,
    ) -> Frames {
        Frames {
            clock,
            sink,
            seq,
            progress: Arc::default(),
            limit: max_fps.map(RateLimit::new),
            label,
            beat,
            known: None,
            pass: (0, Duration::ZERO, Duration::ZERO),
            complained: false,
        }
    }

    pub fn progress(&self) -> Arc<Progress> {
        self.progress.clone()
    }

    /// Takes the sample that waits in `appsink`.
    pub fn take(&mut self, appsink: &gst_app::AppSink) -> Result<gst::FlowSuccess, gst::FlowError> {
        self.beat.busy();
        let taken = self.hand_over(appsink);
        self.beat.idle();
        taken
    }

    fn hand_over(&mut self, appsink: &gst_app::AppSink) -> Result<gst::FlowSuccess, gst::FlowError> {
        // No sample: the pipeline is being stopped.
        let sample = appsink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
        let seq = self.seq.fetch_add(1, Ordering::Relaxed);
        let now = self.clock.now();
        let times = self.times(&sample, appsink);
        let admitted = match &mut self.limit {
            Some(limit) => limit.admit(times.pts.unwrap_or(Duration::from_nanos(now.0))),
            None => true,
        };
        if !admitted {
            self.progress.count(now);
            self.sink.dropped(Dropped::Rate);
            return Ok(gst::FlowSuccess::Ok);
        }
        match self.frame(&sample, seq, times) {
            Ok(frame) => {
                self.progress.count(now);
                self.sink.frame(frame);
                self.announce(appsink);
            }
            Err(reason) => {
                self.sink.dropped(Dropped::Unusable);
                if !std::mem::replace(&mut self.complained, true) {
                    tracing::warn!(element = %appsink.path_string(), reason, "decoded frames cannot be used");
                }
            }
        }
        Ok(gst::FlowSuccess::Ok)
    }

    fn times(&mut self, sample: &gst::SampleRef, appsink: &gst_app::AppSink) -> Times {
        let Some(buffer) = sample.buffer() else { return Times::default() };
        let running = sample
            .segment()
            .and_then(|segment| segment.downcast_ref::<gst::ClockTime>()?.to_running_time(buffer.pts()))
            .map(Duration::from);
        let age = if self.progress.live.load(Ordering::Relaxed) {
            let now = appsink.current_running_time().map(Duration::from);
            now.zip(running).map(|(now, then)| now.saturating_sub(then))
        } else {
            None
        };
        // A file that starts again counts its running time from zero: go on where it ended.
        let pass = self.progress.pass.load(Ordering::Acquire);
        if pass != self.pass.0 {
            self.pass = (pass, self.pass.2, self.pass.2);
        }
        let pts = running.map(|running| self.pass.1 + running);
        let duration = buffer.duration().map_or(Duration::ZERO, Duration::from);
        self.pass.2 = self.pass.2.max(pts.unwrap_or_default() + duration);
        Times { pts, age, reference: stamp::reference(buffer) }
    }

    fn frame(&mut self, sample: &gst::SampleRef, seq: u64, times: Times) -> Result<Frame, String> {
        let caps = sample.caps().ok_or("a sample without caps")?;
        if self.known.as_ref().is_none_or(|known| *known.caps != *caps) {
            self.known = Some(Known::new(caps)?);
        }
        let known = self.known.as_ref().ok_or("no caps")?;
        let buffer = sample.buffer_owned().ok_or("a sample without a buffer")?;
        let (info, mapped) = Mapped::new(buffer, &known.video, known.info)?;
        let stamp = stamp::stamp(self.clock.as_ref(), times, self.label);
        Frame::new(info, stamp, seq, Box::new(mapped)).map_err(|e| format!("{e}, with {caps}"))
    }

    /// Tells the supervisor, after the first frame with these caps has been handed over.
    fn announce(&mut self, appsink: &gst_app::AppSink) {
        let Some(known) = self.known.as_mut().filter(|known| !known.announced) else { return };
        known.announced = true;
        let text = gst::Structure::builder(CAPS_MESSAGE).field("caps", known.caps.to_string()).build();
        // Refused only by a bus that is being shut.
        let _ = appsink.post_message(gst::message::Application::builder(text).src(appsink).build());
    }
}

impl Known {
    fn new(caps: &gst::CapsRef) -> Result<Known, String> {
        let video = gst_video::VideoInfo::from_caps(caps).map_err(|e| format!("{e}: {caps}"))?;
        let name = video.format().to_str();
        let (_, format) =
            FORMATS.iter().find(|(known, _)| *known == name).ok_or_else(|| format!("format {name}"))?;
        let par = video.par();
        let info = FrameInfo {
            format: *format,
            width: video.width(),
            height: video.height(),
            strides: [0; 3],
            par: (u32::try_from(par.numer()).unwrap_or(1), u32::try_from(par.denom()).unwrap_or(1)),
            colorimetry: colorimetry(&video),
        };
        Ok(Known { caps: caps.to_owned(), video, info, announced: false })
    }
}

fn colorimetry(video: &gst_video::VideoInfo) -> Colorimetry {
    use gst_video::VideoColorMatrix as M;
    let given = video.colorimetry();
    let matrix = match given.matrix() {
        // Within a few levels of BT.709, and what there is.
        M::Bt709 | M::Bt2020 | M::Smpte240m => Matrix::Bt709,
        M::Bt601 | M::Fcc => Matrix::Bt601,
        // Not said: GStreamer's own rule.
        _ if video.height() > 576 => Matrix::Bt709,
        _ => Matrix::Bt601,
    };
    Colorimetry { matrix, full_range: given.range() == gst_video::VideoColorRange::Range0_255 }
}
