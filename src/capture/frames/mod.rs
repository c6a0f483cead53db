//! [`Frames`]: turns each decoded sample into a [`Frame`], on GStreamer's streaming thread.

mod caps;
mod pixels;
mod progress;
mod rate;
mod retime;
mod stamp;
mod timeline;

pub(super) use caps::{FORMATS, accepted_caps};
pub(super) use pixels::copy_buffers;
pub(super) use progress::StreamProgress;
pub(super) use retime::retime;

use super::decoder::KeyGate;
use super::types::{FrameDrop, Options, Sink};
use crate::clock::SharedClock;
use crate::frame::{Frame, FrameInfo};
use crate::telemetry::progress::Beat;
use gstreamer::{self as gst, prelude::*};
use gstreamer_app as gst_app;
use gstreamer_video as gst_video;
use pixels::Mapped;
use rate::RateLimit;
use stamp::{Stamper, Times};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use timeline::Timeline;

/// Name of the message that tells the supervisor of a first frame or of new caps.
pub(super) const CAPS_MESSAGE: &str = "posed-caps";
/// Name of the message that tells the supervisor that frames cannot be right before a key frame.
pub(super) const AWAITING_MESSAGE: &str = "posed-awaiting-key-frame";

/// What a camera keeps from one pipeline to the next.
#[derive(Default)]
pub(super) struct Carried {
    seq: AtomicU64,
    timeline: Timeline,
}

/// What the caps of the last sample say. Parsed again only when they change.
struct Known {
    caps: gst::Caps,
    video: gst_video::VideoInfo,
    info: FrameInfo,
    announced: bool,
}

/// One pass of a looped file.
#[derive(Default)]
struct Pass {
    number: u32,
    /// When it began, in the time that counts on over all passes.
    start: Duration,
    /// When its last frame so far ends.
    end: Duration,
}

/// Turns the samples of one pipeline into frames.
pub(super) struct Frames {
    clock: SharedClock,
    sink: Arc<dyn Sink>,
    carried: Arc<Carried>,
    progress: Arc<StreamProgress>,
    limit: Option<RateLimit>,
    stamper: Stamper,
    beat: Arc<Beat>,
    known: Option<Known>,
    pass: Pass,
    complained: bool,
}

impl Frames {
    pub fn new(
        options: &Options,
        clock: SharedClock,
        sink: Arc<dyn Sink>,
        carried: Arc<Carried>,
        beat: Arc<Beat>,
    ) -> Frames {
        Frames {
            clock,
            sink,
            carried,
            progress: Arc::default(),
            limit: options.max_fps.map(RateLimit::new),
            stamper: Stamper::new(options.name.clone(), options.source.clock_label()),
            beat,
            known: None,
            pass: Pass::default(),
            complained: false,
        }
    }

    /// Keeps frames from decoders that have had no key frame.
    pub fn gate(&self) -> Arc<KeyGate> {
        KeyGate::new(self.clock.clone(), self.sink.clone(), self.progress.clone())
    }

    pub fn progress(&self) -> Arc<StreamProgress> {
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
        let seq = self.carried.seq.fetch_add(1, Ordering::Relaxed);
        let now = self.clock.now();
        if sample.buffer().is_some_and(|buffer| buffer.flags().contains(gst::BufferFlags::CORRUPTED)) {
            self.progress.damaged(now);
            self.sink.dropped(FrameDrop::Corrupted);
            let message = gst::Structure::new_empty(AWAITING_MESSAGE);
            // Only a bus that is shutting down refuses it.
            let _ = appsink.post_message(gst::message::Application::builder(message).src(appsink).build());
            return Ok(gst::FlowSuccess::Ok);
        }
        let times = self.times(&sample, appsink);
        let live = self.progress.live.load(Ordering::Relaxed);
        let admitted = match &mut self.limit {
            Some(limit) => limit.admit(times.pts.unwrap_or(Duration::from_nanos(now.0)), live.then_some(now)),
            None => true,
        };
        if !admitted {
            self.progress.count(now);
            self.sink.dropped(FrameDrop::Rate);
            return Ok(gst::FlowSuccess::Ok);
        }
        match self.frame(&sample, seq, times) {
            Ok(frame) => {
                self.progress.count(now);
                self.sink.frame(frame);
                self.announce(appsink);
            }
            Err(reason) => {
                self.sink.dropped(FrameDrop::Unusable);
                if !std::mem::replace(&mut self.complained, true) {
                    let element = appsink.path_string();
                    tracing::warn!(%element, reason, "decoded frames cannot be used and are dropped");
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
        // The running time of a file that starts again counts from zero: go on where it ended.
        let number = self.progress.pass.load(Ordering::Acquire);
        if number != self.pass.number {
            self.pass = Pass { number, start: self.pass.end, end: self.pass.end };
        }
        let pts = running.map(|running| self.pass.start + running);
        let duration = buffer.duration().map_or(Duration::ZERO, Duration::from);
        self.pass.end = self.pass.end.max(pts.unwrap_or_default() + duration);
        Times { pts, age, reference: stamp::reference(buffer) }
    }

    fn frame(&mut self, sample: &gst::SampleRef, seq: u64, times: Times) -> Result<Frame, String> {
        let caps = sample.caps().ok_or("a sample without caps")?;
        if self.known.as_ref().is_none_or(|known| *known.caps != *caps) {
            let (video, info) = caps::frame_info(caps)?;
            self.progress.expect(caps::interval(&video));
            self.known = Some(Known { caps: caps.to_owned(), video, info, announced: false });
        }
        let known = self.known.as_ref().ok_or("no caps")?;
        let buffer = sample.buffer_owned().ok_or("a sample without a buffer")?;
        let (info, mapped) = Mapped::new(buffer, &known.video, known.info)?;
        let stamp = self.stamper.stamp(self.clock.as_ref(), times, &self.carried.timeline);
        Frame::new(info, stamp, seq, Box::new(mapped)).map_err(|e| format!("{e}, with {caps}"))
    }

    /// Tells the supervisor, once the first frame with these caps has been handed over.
    fn announce(&mut self, appsink: &gst_app::AppSink) {
        let Some(known) = self.known.as_mut().filter(|known| !known.announced) else { return };
        known.announced = true;
        let text = gst::Structure::builder(CAPS_MESSAGE).field("caps", known.caps.to_string()).build();
        // Only a bus that is shutting down refuses it.
        let _ = appsink.post_message(gst::message::Application::builder(text).src(appsink).build());
    }
}
