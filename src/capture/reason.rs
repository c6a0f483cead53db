//! Words for GStreamer's errors that stay the same from attempt to attempt.
//!
//! GStreamer's own texts hold names of elements that count up, places in its sources, and sometimes
//! counters. The log reports each new reason once, so a text that always differs would fill it.

use super::source::{Source, mask};
use gstreamer as gst;

/// Causes that GStreamer takes over from the system, as they appear in its texts, and our words.
const CAUSES: [(&str, &str); 15] = [
    ("connection refused", "the connection is refused"),
    ("no route to host", "there is no route to it"),
    ("network is unreachable", "the network is unreachable"),
    ("connection reset", "the connection was reset"),
    ("broken pipe", "the connection was closed"),
    ("cannot resolve", "its name cannot be resolved"),
    ("resolving", "its name cannot be resolved"),
    ("timed out", "it does not answer in time"),
    ("timeout", "it does not answer in time"),
    ("permission denied", "permission denied"),
    ("no such file", "No such file or directory"),
    ("no such device", "No such device"),
    ("is a directory", "it is a directory"),
    ("busy", "busy: another program uses it"),
    ("certificate", "its certificate is not trusted"),
];

/// Why `source` failed, from an error that element `factory` posted.
pub(super) fn of(source: &Source, factory: &str, error: &gst::glib::Error, debug: &str) -> String {
    let known = match source {
        Source::Rtsp { .. } | Source::Http { .. } => network(source, error, debug),
        Source::File { path, .. } => file(&path.display().to_string(), error, debug),
        Source::V4l2 { .. } | Source::Libcamera { .. } => device(error, debug),
        Source::Test { .. } | Source::Pipeline { .. } => None,
    };
    let known = known.or_else(|| stream(error, debug)).unwrap_or_else(|| {
        let own = without_names(error.message());
        if factory.is_empty() { own } else { format!("{factory}: {own}") }
    });
    mask(&known)
}

fn network(source: &Source, error: &gst::glib::Error, debug: &str) -> Option<String> {
    use gst::ResourceError as E;
    let kind = error.kind::<E>()?;
    if let Some(status) = status(debug) {
        return Some(format!("the camera answers {status}"));
    }
    let because = cause(error, debug).map(|cause| format!(": {cause}")).unwrap_or_default();
    Some(match kind {
        E::NotFound if cause(error, debug).is_none() => "the camera has no stream at this path".into(),
        E::OpenReadWrite | E::OpenRead | E::NotFound | E::Failed if source.is_tls() => format!(
            "cannot connect to the camera{because}; TLS needs glib-networking and a certificate that this \
             system's CAs, or those in tls_ca, signed"
        ),
        E::OpenReadWrite | E::OpenRead | E::NotFound | E::Failed => {
            format!("cannot connect to the camera{because}")
        }
        E::Read | E::Write | E::Busy | E::Sync => format!("the connection to the camera broke{because}"),
        _ => return None,
    })
}

fn file(path: &str, error: &gst::glib::Error, debug: &str) -> Option<String> {
    use gst::ResourceError as E;
    let because = cause(error, debug).map(|cause| format!(": {cause}")).unwrap_or_default();
    Some(match error.kind::<E>()? {
        E::NotFound => format!("there is no file {path}"),
        E::OpenRead | E::OpenReadWrite => format!("cannot open {path}{because}"),
        E::Read | E::Seek => format!("cannot read {path}{because}"),
        _ => return None,
    })
}

/// GStreamer's own words for devices say what is wrong, and the same each time.
fn device(error: &gst::glib::Error, debug: &str) -> Option<String> {
    if debug.contains("not-negotiated") {
        let remedy = "the camera has no mode that the source asks for: `posed doctor` lists its modes";
        return Some(remedy.into());
    }
    error.kind::<gst::ResourceError>()?;
    let words = without_names(error.message());
    let words = words.trim_end_matches('.');
    Some(match cause(error, debug).filter(|cause| !words.contains("busy") && !words.contains(cause)) {
        Some(cause) => format!("{words}: {cause}"),
        None => words.to_owned(),
    })
}

/// Errors of the data, from any kind of source.
fn stream(error: &gst::glib::Error, debug: &str) -> Option<String> {
    if let Some(missing) = debug.lines().find_map(|line| line.trim().strip_prefix("Missing ")) {
        // What follows the name are caps, which may differ each time.
        let name = missing.split(" (").next().unwrap_or(missing);
        return Some(format!("a GStreamer plugin is missing: {}", without_names(name)));
    }
    if let Some(gst::StreamError::TypeNotFound) = error.kind::<gst::StreamError>() {
        return Some("the data is of no type that GStreamer knows".into());
    }
    let flow =
        debug.rsplit_once("reason ").map(|(_, flow)| flow.split([' ', '(', '\n']).next().unwrap_or(""));
    match flow {
        Some("not-negotiated") => Some("the stream's format cannot be used (not-negotiated)".into()),
        Some("not-linked") => Some("the stream holds nothing that can be used (not-linked)".into()),
        Some("error") => Some("the stream broke off".into()),
        _ => None,
    }
}

/// What the system said, in our words.
fn cause(error: &gst::glib::Error, debug: &str) -> Option<&'static str> {
    let text = format!("{} {debug}", error.message()).to_lowercase();
    CAUSES.iter().find(|(theirs, _)| text.contains(theirs)).map(|(_, ours)| *ours)
}

/// The status of an RTSP or HTTP answer in a text, such as `503 (Service Unavailable)`.
fn status(debug: &str) -> Option<String> {
    let (_, rest) =
        debug.split_once("error response: ").or_else(|| debug.split_once("Got error response "))?;
    let code: String = rest.trim_start_matches(|c: char| !c.is_ascii_digit()).chars().take(3).collect();
    let phrase =
        rest.split_once('(').and_then(|(_, phrase)| phrase.split_once(')')).map(|(phrase, _)| phrase);
    code.parse::<u16>().ok()?;
    Some(phrase.map_or(code.clone(), |phrase| format!("{code} ({phrase})")))
}

/// `text` without the names that GStreamer counts up, such as `rtspsrc17`, and without paths of
/// pads.
fn without_names(text: &str) -> String {
    let word = |word: &str| -> String {
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric() && c != '/');
        if bare.starts_with("/Gst") {
            return word.replace(bare, "an element");
        }
        let factory = bare.trim_end_matches(|c: char| c.is_ascii_digit());
        if factory.len() < bare.len() && gst::ElementFactory::find(factory).is_some() {
            return word.replace(bare, factory);
        }
        word.to_owned()
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_counts_up_is_left_out() {
        gst::init().unwrap();
        let text = "Element identity12 failed on h264 in /GstPipeline:pipeline3/GstIdentity:identity12.";
        assert_eq!(without_names(text), "Element identity failed on h264 in an element.");
        assert_eq!(
            status("x.c(3): Got error response: 453 (Not Enough Bandwidth)."),
            Some("453 (Not Enough Bandwidth)".into())
        );
        let error = gst::glib::Error::new(gst::StreamError::CodecNotFound, "missing a plug-in");
        let debug = "no suitable plugins found:\nMissing decoder: H.264 (Baseline) (video/x-h264, codec_data=(buffer)01)";
        let source = Source::Test { pattern: "ball".into(), mode: Default::default() };
        assert_eq!(of(&source, "", &error, debug), "a GStreamer plugin is missing: decoder: H.264");
    }
}
