//! Turns frames upright that carry an orientation tag, as clips and pictures of telephones do.

use gstreamer::{self as gst, prelude::*};

/// Puts a `videoflip` behind `convert` once a tag says that frames lie on a side. Without such a
/// tag the decoder's own memory goes on to `appsink`, which `videoflip` would prevent.
pub fn turn_upright(convert: &gst::Element) {
    let Some(pad) = convert.static_pad("sink") else { return };
    // Weak: the pad holds this closure, so it must not hold its element.
    let weak = convert.downgrade();
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        let Some(gst::EventView::Tag(tag)) = info.event().map(|event| event.view()) else {
            return gst::PadProbeReturn::Ok;
        };
        let orientation = tag.tag().get::<gst::tags::ImageOrientation>();
        if orientation.is_none_or(|orientation| orientation.get() == "rotate-0") {
            return gst::PadProbeReturn::Ok;
        }
        let Some(convert) = weak.upgrade() else { return gst::PadProbeReturn::Remove };
        if let Err(reason) = insert_videoflip(&convert) {
            gst::element_error!(convert, gst::CoreError::MissingPlugin, ("{}", reason));
        }
        // It follows the tags that come later, too.
        gst::PadProbeReturn::Remove
    });
}

/// Runs on the streaming thread, before the first frame: no buffer is on its way.
fn insert_videoflip(convert: &gst::Element) -> Result<(), String> {
    let videoflip = gst::ElementFactory::make("videoflip").build().map_err(|e| e.to_string())?;
    videoflip.set_property_from_str("video-direction", "auto");
    let parent = convert.parent().and_then(|p| p.downcast::<gst::Bin>().ok()).ok_or("no bin")?;
    let src = convert.static_pad("src").ok_or("no source pad")?;
    let next = src.peer().ok_or("no peer")?;
    parent.add(&videoflip).map_err(|e| e.to_string())?;
    src.unlink(&next).map_err(|e| e.to_string())?;
    convert.link(&videoflip).map_err(|e| e.to_string())?;
    let turned = videoflip.static_pad("src").ok_or("no source pad")?;
    turned.link(&next).map_err(|e| e.to_string())?;
    videoflip.sync_state_with_parent().map_err(|e| e.to_string())
}
