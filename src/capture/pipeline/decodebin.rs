//! Links `decodebin` to the converter once it is known what it gives.

use super::plan::{CONVERT, DECODE};
use crate::capture::decoder::Decoder;
use crate::capture::frames::accepted_caps;
use gstreamer::{self as gst, prelude::*};

/// Links the first video pad of `decodebin` to the converter when that pad appears.
pub fn link_to_convert(pipeline: &gst::Pipeline) -> Result<(), String> {
    let decode = pipeline.by_name(DECODE).ok_or("no decodebin")?;
    let convert = pipeline.by_name(CONVERT).ok_or("no videoconvert")?;
    // Weak: the pipeline holds these closures, so they must not hold the pipeline.
    let weak = convert.downgrade();
    decode.connect_pad_added(move |decode, pad| {
        let Some(convert) = weak.upgrade() else { return };
        if let Err(reason) = link(pad, &convert) {
            gst::element_error!(decode, gst::CoreError::Negotiation, ("{}", reason));
        }
    });
    let weak = convert.downgrade();
    decode.connect_no_more_pads(move |decode| {
        let linked = weak.upgrade().and_then(|c| c.static_pad("sink")).is_some_and(|pad| pad.is_linked());
        if !linked {
            gst::element_error!(decode, gst::StreamError::WrongType, ("there is no video in the stream"));
        }
    });
    Ok(())
}

/// Tells the demuxer of MJPEG over HTTP that there is one stream. Otherwise `decodebin` waits for
/// more until its queues are full.
pub fn expect_one_stream(pipeline: &gst::Pipeline) {
    pipeline.connect_deep_element_added(|_, _, element| {
        if element.factory().is_some_and(|factory| factory.name() == "multipartdemux") {
            element.set_property("single-stream", true);
        }
    });
}

fn link(pad: &gst::Pad, convert: &gst::Element) -> Result<(), String> {
    let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
    let is_video = caps.structure(0).is_some_and(|s| s.name() == "video/x-raw");
    let mut target = convert.static_pad("sink").ok_or("no sink pad")?;
    if !is_video || target.is_linked() {
        return Ok(());
    }
    if caps.features(0).is_some_and(|f| f.contains("memory:NVMM")) {
        target = nvvidconv_before(convert)?;
    }
    pad.link_full(&target, checks(pad, &caps)).map(drop).map_err(|e| format!("{e}: {caps}"))
}

/// Puts `nvvidconv` before `convert` and returns its sink pad. Only NVIDIA's converter can read the
/// memory of NVIDIA's decoders.
fn nvvidconv_before(convert: &gst::Element) -> Result<gst::Pad, String> {
    let nvvidconv = gst::ElementFactory::make("nvvidconv").build().map_err(|e| e.to_string())?;
    let parent = convert.parent().and_then(|p| p.downcast::<gst::Bin>().ok()).ok_or("no bin")?;
    parent.add(&nvvidconv).map_err(|e| e.to_string())?;
    nvvidconv.link(convert).map_err(|e| e.to_string())?;
    nvvidconv.sync_state_with_parent().map_err(|e| e.to_string())?;
    Ok(nvvidconv.static_pad("sink").ok_or("no sink pad")?)
}

/// How to link `pad` of a `decodebin` with `caps`. Skip renegotiation for `v4l2sl*` decoders if the
/// crop samples their format: in GStreamer 1.22 they reallocate buffers that are in use, and fail.
fn checks(pad: &gst::Pad, caps: &gst::Caps) -> gst::PadLinkCheck {
    let bin = pad.parent_element().and_then(|decodebin| decodebin.downcast::<gst::Bin>().ok());
    let mut inside = bin.iter().flat_map(|bin| bin.iterate_recurse()).flatten();
    let stateless =
        inside.any(|e| Decoder::of(&e).is_some_and(|decoder| decoder.factory.starts_with("v4l2sl")));
    if stateless && caps.can_intersect(&accepted_caps()) {
        gst::PadLinkCheck::DEFAULT | gst::PadLinkCheck::NO_RECONFIGURE
    } else {
        gst::PadLinkCheck::DEFAULT
    }
}
