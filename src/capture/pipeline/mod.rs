//! [`Pipeline`]: one GStreamer pipeline, from its launch text to NULL.

mod decodebin;
mod network;
mod null;
mod orientation;
mod plan;

pub(super) use null::to_null;
pub use plan::describe;
pub(super) use plan::{DECODE, MUX, Plan, TO_JPEG};

use super::decoder::{self, CrashMarker, Decoder, KeyGate};
use super::error::Error;
use super::frames::{Frames, StreamProgress, accepted_caps, copy_buffers, retime};
use super::log::init;
use super::source::{Source, mask};
use super::types::Options;
use crate::shutdown::Thread;
use gstreamer::{self as gst, prelude::*};
use gstreamer_app as gst_app;
use gstreamer_video as gst_video;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Buffers that frames hold while the decoder goes on: one waits in its slot, one is worked on.
const HELD_BUFFERS: u32 = 2;

/// Held while a libcamera camera starts or stops, so that only one does at a time. GStreamer's
/// plugin creates a camera manager for the first camera and destroys it with the last. libcamera
/// aborts the process if a manager is created while another is being destroyed.
static LIBCAMERA: Mutex<()> = Mutex::new(());

/// A pipeline and what watches it. Call [`shut`](Pipeline::shut) before dropping it: GStreamer
/// forbids dropping an element that runs.
pub(super) struct Pipeline {
    pipeline: gst::Pipeline,
    pub bus: gst::Bus,
    pub progress: Arc<StreamProgress>,
    gate: Arc<KeyGate>,
    offer: Arc<network::Offer>,
    /// It contains a libcamera camera.
    libcamera: bool,
}

impl Pipeline {
    /// Builds it. Nothing runs yet. Decoders named in `excluded` are skipped.
    pub fn build(
        plan: &Plan,
        options: &Options,
        excluded: Vec<String>,
        marker: &CrashMarker,
        frames: Frames,
    ) -> Result<Pipeline, Error> {
        let fail = |reason: String| launch_error(&options.name, &plan.text(), &reason);
        let (pipeline, bus, offer) = parse(&plan.launch_text(), options).map_err(fail)?;
        let appsink = only_appsink(&pipeline).map_err(fail)?;
        let libcamera = plan.head.contains("libcamerasrc");
        let (progress, gate) = (frames.progress(), frames.gate());
        connect(&appsink, frames, libcamera);
        gate.guard(&pipeline);
        if let (Source::Rtsp { .. }, Some(source)) = (&options.source, pipeline.by_name(plan::SOURCE)) {
            gate.watch(&source);
        }
        if let Some(convert) = pipeline.by_name(plan::CONVERT) {
            orientation::turn_upright(&convert);
            if let (Source::File { .. }, Some(pad)) = (&options.source, convert.static_pad("sink")) {
                retime(&pad, &options.name, options.frame_rate);
            }
        }
        decoder::choose(&pipeline, excluded, marker);
        if plan.decoded {
            decodebin::link_to_convert(&pipeline).map_err(fail)?;
        }
        Ok(Pipeline { pipeline, bus, progress, gate, offer, libcamera })
    }

    /// Starts it. May block for as long as a driver takes to open its device.
    pub fn play(&self) -> Result<(), gst::StateChangeError> {
        let _alone = libcamera_lock(self.libcamera);
        // A source without preroll is live.
        let live = self.pipeline.set_state(gst::State::Paused)? == gst::StateChangeSuccess::NoPreroll;
        self.progress.live.store(live, Ordering::Relaxed);
        self.pipeline.set_state(gst::State::Playing).map(drop)
    }

    /// Starts a file again. Returns false if it cannot seek.
    pub fn rewind(&self) -> bool {
        self.progress.next_pass();
        self.pipeline.seek_simple(gst::SeekFlags::FLUSH, gst::ClockTime::ZERO).is_ok()
    }

    /// The video decoder in use, if there is one.
    pub fn decoder(&self) -> Option<Decoder> {
        // The search ends early if the pipeline changes meanwhile.
        self.pipeline.iterate_recurse().into_iter().flatten().find_map(|element| Decoder::of(&element))
    }

    /// Whether a decoder has had input.
    pub fn fed_decoder(&self) -> bool {
        self.gate.fed()
    }

    /// Whether the camera offers streams, none of which is video.
    pub fn has_no_video(&self) -> bool {
        self.offer.has_no_video()
    }

    /// Takes the pipeline to NULL on a thread of its own and waits `within` for it, because a
    /// hanging driver or DNS look-up must not block the supervisor. (`rtspsrc` itself gives the
    /// camera 100 ms to answer TEARDOWN.)
    ///
    /// # Errors
    /// The thread, if the pipeline is still on its way to NULL.
    pub fn shut(self, name: &str, within: Duration) -> Result<(), Thread> {
        let (pipeline, libcamera) = (self.pipeline.clone(), self.libcamera);
        let camera = name.to_owned();
        let end = move || {
            let _alone = libcamera_lock(libcamera);
            to_null(&pipeline, &camera);
        };
        match Thread::spawn(format!("end-{name}"), end) {
            Ok(thread) => thread.join(within),
            // Out of threads: blocking here is better than leaving it running.
            Err(_) => {
                to_null(&self.pipeline, name);
                Ok(())
            }
        }
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        // A supervisor that panics ends the process. Until then a reference keeps its pipeline:
        // GStreamer may crash if a running one is disposed, and taking it to NULL may hang.
        if std::thread::panicking() {
            std::mem::forget(self.pipeline.clone());
        }
    }
}

/// Finds the faults of a source that no retry can fix, without opening it: elements that are not
/// installed, and mistakes in a user's own pipeline.
///
/// # Errors
/// The first fault.
pub fn check(options: &Options) -> Result<(), Error> {
    init()?;
    let plan = Plan::new(options)?;
    let fail = |reason: String| launch_error(&options.name, &plan.text(), &reason);
    match options.source.element() {
        Some(element) if gst::ElementFactory::find(element).is_none() => {
            Err(fail(format!("no element \"{element}\"")))
        }
        // To make a test pattern opens nothing.
        Some(_) if !matches!(options.source, Source::Test { .. }) => Ok(()),
        _ => {
            let (pipeline, ..) = parse(&plan.launch_text(), options).map_err(fail)?;
            only_appsink(&pipeline).map(drop).map_err(fail)
        }
    }
}

/// An [`Error::Launch`] with credentials masked.
pub(super) fn launch_error(camera: &str, text: &str, reason: &str) -> Error {
    Error::Launch { camera: camera.to_owned(), reason: mask(reason), text: mask(text) }
}

/// A pipeline, its bus, and what its camera will offer.
type Parsed = (gst::Pipeline, gst::Bus, Arc<network::Offer>);

/// Builds a pipeline from its launch text and sets what the text cannot hold.
pub(super) fn parse(text: &str, options: &Options) -> Result<Parsed, String> {
    let element = gst::parse::launch(text).map_err(|e| e.message().to_owned())?;
    let pipeline = element
        .downcast::<gst::Pipeline>()
        .map_err(|_| "a single element is not a pipeline: add \" ! \" and a sink")?;
    let bus = pipeline.bus().ok_or("the pipeline has no bus")?;
    decodebin::expect_one_stream(&pipeline);
    let offer = network::set_up(&pipeline, options)?;
    Ok((pipeline, bus, offer))
}

/// Sends the samples of `appsink` to `frames`.
fn connect(appsink: &gst_app::AppSink, mut frames: Frames, libcamera: bool) {
    appsink.set_caps(Some(&accepted_caps()));
    appsink.set_max_buffers(1);
    appsink.set_drop(true);
    appsink.set_enable_last_sample(false);
    let take = move |appsink: &gst_app::AppSink| frames.take(appsink);
    appsink.set_callbacks(gst_app::AppSinkCallbacks::builder().new_sample(take).build());
    if let Some(pad) = appsink.static_pad("sink") {
        offer_video_meta(&pad);
        if libcamera {
            copy_buffers(&pad);
        }
    }
}

fn libcamera_lock(libcamera: bool) -> Option<MutexGuard<'static, ()>> {
    libcamera.then(|| LIBCAMERA.lock().unwrap_or_else(PoisonError::into_inner))
}

fn only_appsink(pipeline: &gst::Pipeline) -> Result<gst_app::AppSink, String> {
    let mut sinks: Vec<_> = pipeline
        .iterate_recurse()
        .into_iter()
        .flatten()
        .filter_map(|element| element.downcast::<gst_app::AppSink>().ok())
        .collect();
    match (sinks.pop(), sinks.len()) {
        (Some(sink), 0) => Ok(sink),
        (None, _) => Err("no appsink: exactly one is needed".into()),
        (Some(_), more) => Err(format!("{} appsinks: exactly one is needed", more + 1)),
    }
}

/// Answers allocation queries: padded rows are welcome, which spares decoders a copy into packed
/// rows, and frames hold [`HELD_BUFFERS`].
fn offer_video_meta(pad: &gst::Pad) {
    pad.add_probe(gst::PadProbeType::QUERY_DOWNSTREAM, |_, info| {
        let Some(gst::QueryViewMut::Allocation(query)) = info.query_mut().map(|q| q.view_mut()) else {
            return gst::PadProbeReturn::Ok;
        };
        let size = query.get().0.and_then(|caps| gst_video::VideoInfo::from_caps(caps).ok());
        let size = size.and_then(|video| u32::try_from(video.size()).ok()).unwrap_or(0);
        query.add_allocation_meta::<gst_video::VideoMeta>(None);
        query.add_allocation_pool(gst::BufferPool::NONE, size, HELD_BUFFERS, 0);
        gst::PadProbeReturn::Handled
    });
}
