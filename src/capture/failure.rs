//! [`Failure`]: why a pipeline came to its end, and whose fault it is.

use super::Source;
use super::decoder::Decoder;
use super::mask::mask;
use super::pipeline::Pipeline;
use gstreamer::{self as gst, prelude::*};

pub(super) struct Failure {
    /// Free of credentials.
    pub reason: String,
    pub unauthorized: bool,
    /// A hardware decoder that is to blame.
    pub decoder: Option<String>,
}

impl Failure {
    pub fn of(reason: String) -> Failure {
        Failure { reason, unauthorized: false, decoder: None }
    }

    /// A pipeline that had all the time or data it could want; so did its decoder.
    pub fn no_frame(pipeline: &Pipeline, reason: String) -> Failure {
        let hardware = pipeline.decoder().filter(|d| d.hardware && pipeline.fed_decoder());
        Failure { decoder: hardware.map(|decoder| decoder.factory), ..Failure::of(reason) }
    }

    /// An error on the bus of `pipeline`, whose frames come from `from`.
    pub fn error(from: &Source, pipeline: &Pipeline, error: &gst::message::Error) -> Failure {
        let what = error.error();
        let source = error.src();
        let factory = source
            .and_then(|source| source.downcast_ref::<gst::Element>()?.factory())
            .map_or_else(String::new, |factory| factory.name().to_string());
        // The last line of the debug text says it; those before say where in GStreamer's sources.
        let debug = error.debug().unwrap_or_default();
        let detail = debug.lines().next_back().unwrap_or_default();
        let mut reason = mask(&format!("{factory}: {what} ({detail})"));
        if from.is_tls() && what.matches(gst::ResourceError::OpenReadWrite) {
            // GStreamer says no more than that the connection failed.
            reason += "; rtsps:// wants glib-networking, and a certificate that this system's CAs vouch for";
        }
        if from.is_device() && reason.contains("not-negotiated") {
            // Of all that GStreamer says, no word tells that it was asked for what the camera does not have.
            reason +=
                "; the camera has no mode that the source asks for: `posed doctor` lists those that it has";
        }

        // Before the first frame, an error in the decoder, or one of data rather than of access
        // while the decoder had data, is the decoder's.
        let data = !what.is::<gst::ResourceError>() && pipeline.fed_decoder();
        let suspect = Decoder::around(source).or_else(|| pipeline.decoder().filter(|_| data));
        let unproven = pipeline.progress.frames() == 0;
        let decoder = suspect.filter(|d| d.hardware && unproven).map(|d| d.factory);
        let unauthorized = what.matches(gst::ResourceError::NotAuthorized);
        Failure { reason, unauthorized, decoder }
    }
}
