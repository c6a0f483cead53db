//! The link that is made once it is known what `decodebin` gives.

use super::decoder::Decoder;
use super::pipeline::accepted_caps;
use super::plan;
use gstreamer::{self as gst, prelude::*};

/// Links the first video pad of `decodebin` to the converter once it is there.
pub(super) fn when_decoded(pipeline: &gst::Pipeline) -> Result<(), String> {
    let decode = pipeline.by_name(plan::DECODE).ok_or("no decodebin")?;
    let convert = pipeline.by_name(plan::CONVERT).ok_or("no videoconvert")?;
    // Weak: what the pipeline holds must not hold the pipeline.
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

fn link(pad: &gst::Pad, convert: &gst::Element) -> Result<(), String> {
    let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
    let is_video = caps.structure(0).is_some_and(|s| s.name() == "video/x-raw");
    let target = convert.static_pad("sink").ok_or("no sink pad")?;
    if !is_video || target.is_linked() {
        return Ok(());
    }
    // NVIDIA's decoders give memory that nothing but NVIDIA's converter can read.
    let target = if caps.features(0).is_some_and(|f| f.contains("memory:NVMM")) {
        let nvvidconv = gst::ElementFactory::make("nvvidconv").build().map_err(|e| e.to_string())?;
        let parent = convert.parent().and_then(|p| p.downcast::<gst::Bin>().ok()).ok_or("no bin")?;
        parent.add(&nvvidconv).map_err(|e| e.to_string())?;
        nvvidconv.link(convert).map_err(|e| e.to_string())?;
        nvvidconv.sync_state_with_parent().map_err(|e| e.to_string())?;
        nvvidconv.static_pad("sink").ok_or("no sink pad")?
    } else {
        target
    };
    pad.link_full(&target, checks(pad, &caps)).map(drop).map_err(|e| format!("{e}: {caps}"))
}

/// How `pad` of a `decodebin`, which gives `caps` by now, is linked. To be asked again what they would like is more than GStreamer
/// 1.22's stateless decoders stand: they make their buffers anew while the first ones are in use, and fail.
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
