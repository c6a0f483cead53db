//! What an RTSP source needs beyond its launch text: login, certificate authorities, stream choice.

use super::plan::SOURCE;
use crate::capture::source::{Credentials, Source};
use crate::capture::types::Options;
use gstreamer::{self as gst, prelude::*};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// Sets up the RTSP source of `pipeline`, if it has one.
pub fn set_up(pipeline: &gst::Pipeline, options: &Options) -> Result<(), String> {
    let Source::Rtsp { credentials, .. } = &options.source else { return Ok(()) };
    let source = pipeline.by_name(SOURCE).ok_or("the pipeline has no source")?;
    if let Some(Credentials { username, password }) = credentials {
        source.set_property("user-id", username);
        source.set_property("user-pw", password);
    }
    // The capture time by the camera's clock. GStreamer has it since 1.22.
    if source.has_property_with_type("add-reference-timestamp-meta", bool::static_type()) {
        source.set_property("add-reference-timestamp-meta", true);
    }
    select_first_video(&source);
    options.tls_ca.as_ref().map_or(Ok(()), |ca| trust_only(&source, ca))
}

/// Takes the first video stream only: no audio, no metadata.
fn select_first_video(source: &gst::Element) {
    // `rtspsrc` asks again, with the same number, when it switches from UDP to TCP.
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

/// Trusts the authorities in PEM file `ca` and no others. Certificate and host name are verified as
/// always.
fn trust_only(source: &gst::Element, ca: &Path) -> Result<(), String> {
    let authorities =
        gio::TlsFileDatabase::new(ca).map_err(|e| format!("tls_ca {}: {}", ca.display(), e.message()))?;
    source.set_property("tls-database", authorities);
    Ok(())
}
