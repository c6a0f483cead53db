//! Video decoders: which one a pipeline takes, and whether it works.

mod crash_marker;
mod key_frame;
mod probe;

pub(super) use crash_marker::CrashMarker;
pub(super) use key_frame::{KEY_FRAME_WITHIN, KeyGate};
pub use probe::{Codec, InstalledDecoder, decoders, probe_decoder};

use gstreamer::{self as gst, prelude::*};
use std::sync::Arc;

/// An element that decodes video.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Decoder {
    pub factory: String,
    pub hardware: bool,
}

impl Decoder {
    /// `element`, if it decodes video.
    pub fn of(element: &gst::Element) -> Option<Decoder> {
        Decoder::made_by(&element.factory()?)
    }

    /// What `factory` makes, if that decodes video.
    pub fn made_by(factory: &gst::ElementFactory) -> Option<Decoder> {
        let class = factory.klass();
        if !class.contains("Decoder") || !(class.contains("Video") || class.contains("Image")) {
            return None;
        }
        let name = factory.name();
        // Some vendors' plugins leave "Hardware" out of their class.
        let vendors = ["v4l2", "nv", "omx", "vaapi", "mpp", "vpu", "qti", "imx"];
        let hardware = class.contains("Hardware") || vendors.iter().any(|vendor| name.starts_with(vendor));
        Some(Decoder { factory: name.to_string(), hardware })
    }

    /// The video decoder that `object` is or is part of.
    pub fn around(object: Option<&gst::Object>) -> Option<Decoder> {
        let mut at = object.cloned();
        while let Some(object) = at {
            if let Some(decoder) = object.downcast_ref::<gst::Element>().and_then(Decoder::of) {
                return Some(decoder);
            }
            at = object.parent();
        }
        None
    }
}

/// Makes every autoplugging bin skip `excluded` decoders and streams other than video. Writes the
/// crash marker for a hardware decoder that it takes.
pub(super) fn choose(pipeline: &gst::Pipeline, excluded: Vec<String>, marker: &CrashMarker) {
    let excluded: Arc<[String]> = excluded.into();
    for bin in pipeline.iterate_recurse().into_iter().flatten() {
        let Some(select) = gst::glib::subclass::SignalId::lookup("autoplug-select", bin.type_()) else {
            continue;
        };
        let Some(answers) = gst::glib::EnumClass::with_type(select.query().return_type().type_()) else {
            continue;
        };
        let (excluded, marker) = (excluded.clone(), marker.clone());
        bin.connect("autoplug-select", false, move |args| {
            let factory = args.get(3)?.get::<gst::ElementFactory>().ok()?;
            if excluded.iter().any(|name| *name == factory.name()) {
                return answers.to_value_by_nick("skip");
            }
            match Decoder::made_by(&factory) {
                Some(Decoder { factory, hardware: true }) => marker.write(&factory),
                Some(_) => marker.clear(),
                None => {}
            }
            answers.to_value_by_nick("try")
        });
        bin.connect("autoplug-continue", false, |args| {
            let caps = args.get(2)?.get::<gst::Caps>().ok()?;
            let name = caps.structure(0).map(|s| s.name().to_string()).unwrap_or_default();
            let other = ["audio/", "text/", "subpicture/", "closedcaption/"];
            Some((!other.iter().any(|prefix| name.starts_with(prefix))).to_value())
        });
    }
}
