//! [`Clip`]: writes a camera's video to a file, for `posed record --clip`.
//!
//! It opens a connection of its own beside the daemon's and stores the video as it comes, so a
//! later version of posed can replay it.

use super::error::Error;
use super::log::init;
use super::pipeline::{self, DECODE, MUX, Plan, TO_JPEG, to_null};
use super::source::mask;
use super::types::Options;
use gstreamer::{self as gst, prelude::*};
use std::path::Path;

/// Longest wait for the end of the file, where its index is written.
const END_WITHIN: gst::ClockTime = gst::ClockTime::from_seconds(5);

/// A file that is being written. Only [`Clip::finish`] completes it.
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
    /// not start. [`Clip::finish`] reports later faults.
    pub fn start(options: &Options, path: &Path) -> Result<Clip, Error> {
        init()?;
        let plan = Plan::to_file(options, path)?;
        let text = plan.launch_text();
        let fail = |reason: String| pipeline::launch_error(&options.name, &text, &reason);
        let (pipeline, bus, _) = pipeline::parse(&text, options).map_err(fail)?;
        if plan.decoded {
            link_when_parsed(&pipeline).map_err(fail)?;
        }
        let clip = Clip { camera: options.name.clone(), pipeline, bus };
        match clip.pipeline.set_state(gst::State::Playing) {
            Ok(_) => Ok(clip),
            Err(e) => Err(fail(clip.failure().unwrap_or_else(|| e.to_string()))),
        }
    }

    /// Ends the file.
    ///
    /// # Errors
    /// If the camera or the disk failed since [`Clip::start`], or no video came. The file ends
    /// there.
    pub fn finish(self) -> Result<(), Error> {
        // Send EOS only while it plays: sent earlier, EOS and the start would wait for each other
        // without end.
        if self.pipeline.state(END_WITHIN).1 == gst::State::Playing {
            self.pipeline.send_event(gst::event::Eos::new());
        }
        let ends = [gst::MessageType::Error, gst::MessageType::Eos];
        let reason = match self.bus.timed_pop_filtered(END_WITHIN, &ends).as_ref().map(|m| m.view()) {
            Some(gst::MessageView::Eos(_)) => return Ok(()),
            Some(gst::MessageView::Error(error)) => error.error().to_string(),
            _ => "the stream did not end in time".into(),
        };
        Err(Error::Clip { camera: self.camera.clone(), reason: mask(&reason) })
    }

    /// The first error on the bus.
    fn failure(&self) -> Option<String> {
        match self.bus.pop_filtered(&[gst::MessageType::Error])?.view() {
            gst::MessageView::Error(error) => Some(error.error().to_string()),
            _ => None,
        }
    }
}

impl Drop for Clip {
    fn drop(&mut self) {
        // GStreamer forbids dropping an element that runs.
        to_null(&self.pipeline, &self.camera);
    }
}

/// Links the first video pad of `parsebin` to the container once it is there.
fn link_when_parsed(pipeline: &gst::Pipeline) -> Result<(), String> {
    let parse = pipeline.by_name(DECODE).ok_or("no parsebin")?;
    let mux = pipeline.by_name(MUX).ok_or("no matroskamux")?;
    // Weak: the pipeline holds this closure, so it must not hold the pipeline.
    let weak = mux.downgrade();
    parse.connect_pad_added(move |parse, pad| {
        let Some(mux) = weak.upgrade() else { return };
        if let Err(reason) = link(pad, &mux) {
            gst::element_error!(parse, gst::CoreError::Negotiation, ("{}", reason));
        }
    });
    Ok(())
}

/// Links through an element that makes the video fit for the container: H.264 and H.265 from a
/// network lack the headers that a file needs.
fn link(pad: &gst::Pad, mux: &gst::Element) -> Result<(), String> {
    let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
    let name = caps.structure(0).map_or("", |s| s.name().as_str());
    let filter = match name {
        "video/x-raw" => TO_JPEG,
        "video/x-h264" => "h264parse",
        "video/x-h265" => "h265parse",
        name if name.starts_with("video/") || name == "image/jpeg" => "identity",
        _ => return Ok(()),
    };
    if mux.num_sink_pads() > 0 {
        return Ok(());
    }
    let filter = gst::parse::bin_from_description(filter, true).map_err(|e| e.to_string())?;
    let parent = mux.parent().and_then(|p| p.downcast::<gst::Bin>().ok()).ok_or("no bin")?;
    parent.add(&filter).map_err(|e| e.to_string())?;
    filter.link(mux).map_err(|e| e.to_string())?;
    filter.sync_state_with_parent().map_err(|e| e.to_string())?;
    let target = filter.static_pad("sink").ok_or("no sink pad")?;
    pad.link(&target).map(drop).map_err(|e| format!("{e}: {caps}"))
}
