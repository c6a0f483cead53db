//! One pipeline, from its text to NULL.

use super::decoder::{self, Decoder};
use super::frames::{Frames, Progress};
use super::link;
use super::mask::mask;
use super::pixels;
use super::plan::{self, Plan};
use super::trial::Trial;
use super::{Credentials, Error, Options, Source};
use crate::frame::ClockLabel;
use crate::shutdown::Thread;
use gstreamer::{self as gst, prelude::*};
use gstreamer_app as gst_app;
use gstreamer_video as gst_video;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Buffers that frames hold while the decoder goes on: one waits in its slot, one is worked on.
const HELD_BUFFERS: u32 = 2;

/// libcamera's plugin makes its camera manager for the first camera that is opened and ends it with the last, and libcamera kills
/// the process if one is made while another still ends. So its cameras are started and stopped one at a time.
static LIBCAMERA: Mutex<()> = Mutex::new(());

/// A pipeline and what watches it. It must be [`shut`](Pipeline::shut): GStreamer forbids to drop
/// an element that runs.
pub(super) struct Pipeline {
    pipeline: gst::Pipeline,
    pub bus: gst::Bus,
    pub progress: Arc<Progress>,
    /// Buffers that reached a video decoder.
    fed: Arc<AtomicU64>,
    /// Whether a camera of libcamera's is in it.
    libcamera: bool,
}

impl Pipeline {
    /// Builds it; nothing runs yet. Decoders named in `excluded` are passed over.
    pub fn build(
        plan: &Plan,
        options: &Options,
        excluded: Vec<String>,
        trial: &Trial,
        mut frames: Frames,
    ) -> Result<Pipeline, Error> {
        let fail = |reason: String| Error::Launch {
            camera: options.name.clone(),
            reason: mask(&reason),
            text: mask(&plan.text()),
        };
        let element = gst::parse::launch(&plan.launch_text()).map_err(|e| fail(e.message().to_owned()))?;
        let pipeline = element
            .downcast::<gst::Pipeline>()
            .map_err(|_| fail("one element alone is no pipeline".into()))?;
        let appsink = only_appsink(&pipeline).map_err(fail)?;
        let bus = pipeline.bus().ok_or_else(|| fail("a pipeline without a bus".into()))?;

        let libcamera = plan.head.contains("libcamerasrc");
        let progress = frames.progress();
        appsink.set_caps(Some(&accepted_caps()));
        appsink.set_max_buffers(1);
        appsink.set_drop(true);
        appsink.set_enable_last_sample(false);
        let take = move |appsink: &gst_app::AppSink| frames.take(appsink);
        appsink.set_callbacks(gst_app::AppSinkCallbacks::builder().new_sample(take).build());
        if let Some(pad) = appsink.static_pad("sink") {
            offer_video_meta(&pad);
            if libcamera {
                pixels::copy_buffers(&pad);
            }
        }

        set_up_source(&pipeline, options).map_err(fail)?;
        let fed = Arc::new(AtomicU64::new(0));
        decoder::count_input(&pipeline, &fed);
        decoder::choose(&pipeline, excluded, trial);
        if plan.decoded {
            link::when_decoded(&pipeline).map_err(fail)?;
        }
        Ok(Pipeline { pipeline, bus, progress, fed, libcamera })
    }

    /// Starts it. May block for as long as a driver takes to open its device.
    pub fn play(&self) -> Result<(), gst::StateChangeError> {
        let _alone = alone(self.libcamera);
        // A source that gives nothing while paused is a live one.
        let live = self.pipeline.set_state(gst::State::Paused)? == gst::StateChangeSuccess::NoPreroll;
        self.progress.live.store(live, Ordering::Relaxed);
        self.pipeline.set_state(gst::State::Playing).map(drop)
    }

    /// Starts a file again; false if it cannot seek.
    pub fn rewind(&self) -> bool {
        self.progress.pass.fetch_add(1, Ordering::AcqRel);
        self.pipeline.seek_simple(gst::SeekFlags::FLUSH, gst::ClockTime::ZERO).is_ok()
    }

    /// The video decoder in use, if there is one.
    pub fn decoder(&self) -> Option<Decoder> {
        // A change of the pipeline meanwhile ends the search early.
        self.pipeline.iterate_recurse().into_iter().flatten().find_map(|element| Decoder::of(&element))
    }

    /// Whether data went into a decoder.
    pub fn fed_decoder(&self) -> bool {
        self.fed.load(Ordering::Relaxed) > 0
    }

    /// Takes the pipeline to NULL on a thread of its own, and waits `within` for that: a driver or
    /// a network name that hangs must not take the supervisor with it. (`rtspsrc` itself gives the
    /// camera 100 ms to answer its TEARDOWN.)
    ///
    /// # Errors
    /// The thread, if the pipeline is still on its way to NULL.
    pub fn shut(self, name: &str, within: Duration) -> Result<(), Thread> {
        let (pipeline, libcamera) = (self.pipeline.clone(), self.libcamera);
        let end = move || {
            let _alone = alone(libcamera);
            let _ = pipeline.set_state(gst::State::Null);
        };
        match Thread::spawn(format!("end-{name}"), end) {
            Ok(thread) => thread.join(within),
            // Out of threads: better to block here than to leave it running.
            Err(_) => self.pipeline.set_state(gst::State::Null).map(drop).or(Ok(())),
        }
    }
}

fn alone(libcamera: bool) -> Option<MutexGuard<'static, ()>> {
    libcamera.then(|| LIBCAMERA.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Which clock the source's timestamps are of.
pub(super) fn label(source: &Source) -> ClockLabel {
    match source {
        // Of libcamera, too, these are the kernel's capture times.
        Source::V4l2 { .. } | Source::Libcamera { .. } => ClockLabel::V4l2,
        _ => ClockLabel::Receive,
    }
}

/// What the crop samples.
pub(super) fn accepted_caps() -> gst::Caps {
    let formats = gst::List::new(plan::FORMATS.map(|(name, _)| name));
    gst::Caps::builder("video/x-raw").field("format", formats).build()
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
        (_, n) => Err(format!("{n} appsinks where there must be one")),
    }
}

/// Says that padded rows are welcome, which spares decoders a copy into packed ones, and asks for
/// the buffers that frames hold.
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

/// What a source needs that is not in its launch text: an RTSP camera's login and authorities.
pub(super) fn set_up_source(pipeline: &gst::Pipeline, options: &Options) -> Result<(), String> {
    let Source::Rtsp { credentials, .. } = &options.source else { return Ok(()) };
    let source = pipeline.by_name(plan::SOURCE).ok_or("no source")?;
    set_up_rtsp(&source, credentials.as_ref());
    options.tls_ca.as_ref().map_or(Ok(()), |ca| trust_only(&source, ca))
}

fn set_up_rtsp(source: &gst::Element, credentials: Option<&Credentials>) {
    if let Some(Credentials { username, password }) = credentials {
        source.set_property("user-id", username);
        source.set_property("user-pw", password);
    }
    // Since GStreamer 1.22: the capture time by the camera's clock.
    if source.has_property_with_type("add-reference-timestamp-meta", bool::static_type()) {
        source.set_property("add-reference-timestamp-meta", true);
    }
    // The first video stream and nothing else: no audio, no metadata. It is asked again, with the
    // same number, when UDP gives way to TCP.
    let selected = Mutex::new(None);
    source.connect("select-stream", false, move |args| {
        let number = args.get(1)?.get::<u32>().ok()?;
        let caps = args.get(2)?.get::<gst::Caps>().ok()?;
        let video = caps.structure(0).is_some_and(|s| s.get::<&str>("media") == Ok("video"));
        let mut selected = selected.lock().unwrap_or_else(PoisonError::into_inner);
        let take = video && *selected.get_or_insert(number) == number;
        Some(take.to_value())
    });
}

/// Trusts the authorities in PEM file `ca` and no others. Certificate and host name are verified
/// as always.
fn trust_only(source: &gst::Element, ca: &Path) -> Result<(), String> {
    let authorities =
        gio::TlsFileDatabase::new(ca).map_err(|e| format!("tls_ca {}: {}", ca.display(), e.message()))?;
    source.set_property("tls-database", authorities);
    Ok(())
}
