//! Which decoder a pipeline takes, and whether it does its work.

use super::trial::Trial;
use gstreamer::{self as gst, prelude::*};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// An element that decodes video.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Decoder {
    pub factory: String,
    pub hardware: bool,
}

impl Decoder {
    /// What `element` is, if it decodes pictures.
    pub fn of(element: &gst::Element) -> Option<Decoder> {
        Decoder::made_by(&element.factory()?)
    }

    /// What `factory` makes, if that decodes pictures.
    pub fn made_by(factory: &gst::ElementFactory) -> Option<Decoder> {
        let class = factory.klass();
        if !class.contains("Decoder") || !(class.contains("Video") || class.contains("Image")) {
            return None;
        }
        let name = factory.name();
        // Vendors' plugins do not always say so.
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

/// Counts what goes into video decoders, whoever puts them into the pipeline.
pub(super) fn count_input(pipeline: &gst::Pipeline, fed: &Arc<AtomicU64>) {
    let fed = fed.clone();
    pipeline.connect_deep_element_added(move |_, _, element| {
        let Some(pad) = Decoder::of(element).and_then(|_| element.static_pad("sink")) else { return };
        let fed = fed.clone();
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
            fed.fetch_add(1, Ordering::Relaxed);
            gst::PadProbeReturn::Ok
        });
    });
}

/// Keeps every autoplugging bin from `excluded` decoders, and from decoding what is no picture. A hardware decoder that it
/// takes is on `trial`.
pub(super) fn choose(pipeline: &gst::Pipeline, excluded: Vec<String>, trial: &Trial) {
    let excluded: Arc<[String]> = excluded.into();
    for bin in pipeline.iterate_recurse().into_iter().flatten() {
        let Some(select) = gst::glib::subclass::SignalId::lookup("autoplug-select", bin.type_()) else {
            continue;
        };
        let Some(answers) = gst::glib::EnumClass::with_type(select.query().return_type().type_()) else {
            continue;
        };
        let (excluded, trial) = (excluded.clone(), trial.clone());
        bin.connect("autoplug-select", false, move |args| {
            let factory = args.get(3)?.get::<gst::ElementFactory>().ok()?;
            if excluded.iter().any(|name| *name == factory.name()) {
                return answers.to_value_by_nick("skip");
            }
            match Decoder::made_by(&factory) {
                Some(Decoder { factory, hardware: true }) => trial.begin(&factory),
                Some(_) => trial.end(),
                None => {}
            }
            answers.to_value_by_nick("try")
        });
        bin.connect("autoplug-continue", false, move |args| {
            let caps = args.get(2)?.get::<gst::Caps>().ok()?;
            let name = caps.structure(0).map(|s| s.name().to_string()).unwrap_or_default();
            let other = ["audio/", "text/", "subpicture/", "closedcaption/"];
            Some((!other.iter().any(|prefix| name.starts_with(prefix))).to_value())
        });
    }
}
