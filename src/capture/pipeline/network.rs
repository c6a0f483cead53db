//! What a network source needs beyond its launch text: login, certificate authorities, stream
//! choice.

use super::plan::SOURCE;
use crate::capture::source::{Credentials, Source, with_login};
use crate::capture::types::Options;
use gstreamer::{self as gst, prelude::*};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// What an RTSP camera offers, as far as it has said.
#[derive(Default)]
pub struct Offer {
    streams: AtomicBool,
    video: AtomicBool,
}

impl Offer {
    /// It offers streams, and none of them is video.
    pub fn has_no_video(&self) -> bool {
        self.streams.load(Ordering::Relaxed) && !self.video.load(Ordering::Relaxed)
    }
}

/// Sets up the network source of `pipeline`, if it has one.
pub fn set_up(pipeline: &gst::Pipeline, options: &Options) -> Result<Arc<Offer>, String> {
    let offer = Arc::<Offer>::default();
    let source = || pipeline.by_name(SOURCE).ok_or("the pipeline has no source");
    match &options.source {
        Source::Rtsp { url, credentials } => {
            let source = source()?;
            // GStreamer 1.22 tries `user-id` and `user-pw` nine times a request, but a login in the
            // location once. Cameras lock accounts after a few wrong logins.
            if let Some(credentials) = credentials {
                source.set_property("location", with_login(url, credentials));
            }
            // The capture time by the camera's clock. GStreamer has it since 1.22.
            if source.has_property_with_type("add-reference-timestamp-meta", bool::static_type()) {
                source.set_property("add-reference-timestamp-meta", true);
            }
            select_first_video(&source, &offer);
        }
        Source::Http { credentials: Some(Credentials { username, password }), .. } => {
            let source = source()?;
            source.set_property("user-id", username);
            source.set_property("user-pw", password);
        }
        _ => {}
    }
    if let Some(ca) = options.tls_ca.as_ref().filter(|_| options.source.is_tls()) {
        trust_only(&source()?, ca)?;
    }
    Ok(offer)
}

/// Takes the first video stream only: no audio, no metadata.
fn select_first_video(source: &gst::Element, offer: &Arc<Offer>) {
    // `rtspsrc` asks again, with the same number, when it switches from UDP to TCP.
    let selected = Mutex::new(None);
    let offer = offer.clone();
    source.connect("select-stream", false, move |args| {
        let number = args.get(1)?.get::<u32>().ok()?;
        let caps = args.get(2)?.get::<gst::Caps>().ok()?;
        let video = caps.structure(0).is_some_and(|s| s.get::<&str>("media") == Ok("video"));
        offer.streams.store(true, Ordering::Relaxed);
        offer.video.fetch_or(video, Ordering::Relaxed);
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
