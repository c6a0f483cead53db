//! [`Failure`]: why a pipeline ended, and which part of it is to blame.

use super::decoder::Decoder;
use super::pipeline::Pipeline;
use super::reason;
use super::source::{Source, mask};
use gstreamer::{self as gst, prelude::*};

pub(super) struct Failure {
    /// For people: in our words, the same for the same cause, free of credentials.
    pub reason: String,
    /// The camera refused the login.
    pub unauthorized: bool,
    /// The hardware decoder that is to blame, if one is.
    pub decoder: Option<String>,
}

impl Failure {
    pub fn new(reason: String) -> Failure {
        Failure { reason, unauthorized: false, decoder: None }
    }

    /// For a pipeline that had enough time or data and gave no frame. A hardware decoder that had
    /// input is to blame.
    pub fn no_frame(pipeline: &Pipeline, reason: String) -> Failure {
        let hardware = pipeline.decoder().filter(|d| d.hardware && pipeline.fed_decoder());
        Failure { decoder: hardware.map(|decoder| decoder.factory), ..Failure::new(reason) }
    }

    /// For an error on the bus of `pipeline`, which plays `from`.
    pub fn error(from: &Source, pipeline: &Pipeline, error: &gst::message::Error) -> Failure {
        let what = error.error();
        let source = error.src();
        let debug = error.debug().unwrap_or_default();
        let factory = source
            .and_then(|source| source.downcast_ref::<gst::Element>()?.factory())
            .map_or_else(String::new, |factory| factory.name().to_string());
        let element = source.map(|source| source.path_string().to_string()).unwrap_or_default();
        let details = mask(&debug);
        tracing::debug!(element, details, "{}", mask(what.message()));

        // Before the first frame, the decoder is to blame for its own errors, and for errors of
        // data (not of access to a resource) once it had input.
        let data = !what.is::<gst::ResourceError>() && pipeline.fed_decoder();
        let suspect = Decoder::around(source).or_else(|| pipeline.decoder().filter(|_| data));
        let unproven = pipeline.progress.frames() == 0;
        let decoder = suspect.filter(|d| d.hardware && unproven).map(|d| d.factory);
        // The supervisor words a refused login: that may ask the camera.
        let unauthorized = what.matches(gst::ResourceError::NotAuthorized);
        let reason = match pipeline.has_no_video() {
            true => "there is no video in the stream".into(),
            false => reason::of(from, &factory, &what, &debug),
        };
        Failure { reason, unauthorized, decoder }
    }
}
