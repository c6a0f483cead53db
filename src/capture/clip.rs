//! A camera's video into a file, for `posed record --clip`: over a connection of its own, beside the
//! daemon's, and as it comes, so that it can be played again to any later version of what follows.

use super::mask::mask;
use super::pipeline::set_up_source;
use super::plan::{DECODE, Plan};
use super::{Error, Options, init};
use gstreamer::{self as gst, prelude::*};
use std::path::Path;

/// Name of the element that writes the container.
pub(super) const MUX: &str = "mux";
/// What becomes of video that is not compressed: raw, a minute of it would fill a card.
pub(super) const TO_JPEG: &str = "videoconvert ! jpegenc quality=95";
/// Longest wait for the end of the file, where its index is written.
const END_WITHIN: gst::ClockTime = gst::ClockTime::from_seconds(5);

/// A file that is being written. Only [`Clip::finish`] makes it whole.
pub struct Clip {
    camera: String,
    pipeline: gst::Pipeline,
    bus: gst::Bus,
}

impl Clip {
    /// Connects to the camera of `options` and writes its video to the Matroska file `path`.
    ///
    /// # Errors
    /// If the source or an option makes no sense, an element is not installed, or the pipeline does
    /// not start. What goes wrong later is told by [`Clip::finish`].
    pub fn start(options: &Options, path: &Path) -> Result<Clip, Error> {
        init()?;
        let (plan, text) = Plan::keeping(options, path)?;
        let fail = |reason: String| Error::Launch {
            camera: options.name.clone(),
            reason: mask(&reason),
            text: mask(&text),
        };
        let element = gst::parse::launch(&text).map_err(|e| fail(e.message().to_owned()))?;
        let pipeline = element
            .downcast::<gst::Pipeline>()
            .map_err(|_| fail("one element alone is no pipeline".into()))?;
        set_up_source(&pipeline, options).map_err(fail)?;
        if plan.decoded {
            link_when_parsed(&pipeline).map_err(fail)?;
        }
        let bus = pipeline.bus().ok_or_else(|| fail("a pipeline without a bus".into()))?;
        let clip = Clip { camera: options.name.clone(), pipeline, bus };
        match clip.pipeline.set_state(gst::State::Playing) {
            Ok(_) => Ok(clip),
            Err(e) => Err(fail(clip.failure().unwrap_or_else(|| e.to_string()))),
        }
    }

    /// Ends the file.
    ///
    /// # Errors
    /// If the camera or the disk failed since [`Clip::start`], or no video came: the file ends there.
    pub fn finish(self) -> Result<(), Error> {
        // While it is still on its way to play, the end of the stream would wait for that and that for
        // the end, for ever.
        if self.pipeline.state(END_WITHIN).1 == gst::State::Playing {
            self.pipeline.send_event(gst::event::Eos::new());
        }
        let ends = [gst::MessageType::Error, gst::MessageType::Eos];
        let reason = match self.bus.timed_pop_filtered(END_WITHIN, &ends).as_ref().map(|m| m.view()) {
            Some(gst::MessageView::Eos(_)) => return Ok(()),
            Some(gst::MessageView::Error(error)) => error.error().to_string(),
            _ => "no end of the stream".into(),
        };
        Err(Error::Clip { camera: self.camera.clone(), reason: mask(&reason) })
    }

    /// What the bus says went wrong.
    fn failure(&self) -> Option<String> {
        match self.bus.pop_filtered(&[gst::MessageType::Error])?.view() {
            gst::MessageView::Error(error) => Some(error.error().to_string()),
            _ => None,
        }
    }
}

impl Drop for Clip {
    fn drop(&mut self) {
        // GStreamer forbids to drop an element that runs; there is nothing to do about a failure.
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

/// Links the first video pad of `parsebin` to the container once it is there.
fn link_when_parsed(pipeline: &gst::Pipeline) -> Result<(), String> {
    let parse = pipeline.by_name(DECODE).ok_or("no parsebin")?;
    let mux = pipeline.by_name(MUX).ok_or("no matroskamux")?;
    // Weak: what the pipeline holds must not hold the pipeline.
    let weak = mux.downgrade();
    parse.connect_pad_added(move |parse, pad| {
        let Some(mux) = weak.upgrade() else { return };
        if let Err(reason) = link(pad, &mux) {
            gst::element_error!(parse, gst::CoreError::Negotiation, ("{}", reason));
        }
    });
    Ok(())
}

/// By way of what makes it fit for the container: H.264 and H.265 come from a network as bytes
/// without the headers that a file begins with.
fn link(pad: &gst::Pad, mux: &gst::Element) -> Result<(), String> {
    let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
    let name = caps.structure(0).map_or("", |s| s.name().as_str());
    let way = match name {
        "video/x-raw" => TO_JPEG,
        "video/x-h264" => "h264parse",
        "video/x-h265" => "h265parse",
        name if name.starts_with("video/") || name == "image/jpeg" => "identity",
        _ => return Ok(()),
    };
    if mux.num_sink_pads() > 0 {
        return Ok(());
    }
    let way = gst::parse::bin_from_description(way, true).map_err(|e| e.to_string())?;
    let parent = mux.parent().and_then(|p| p.downcast::<gst::Bin>().ok()).ok_or("no bin")?;
    parent.add(&way).map_err(|e| e.to_string())?;
    way.link(mux).map_err(|e| e.to_string())?;
    way.sync_state_with_parent().map_err(|e| e.to_string())?;
    let target = way.static_pad("sink").ok_or("no sink pad")?;
    pad.link(&target).map(drop).map_err(|e| format!("{e}: {caps}"))
}
