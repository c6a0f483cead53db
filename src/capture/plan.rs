//! Source -> pipeline text: pure, so that `posed check` can print what `posed run` would build.

use super::mask::mask;
use super::mode::{camera_caps, exact_caps};
use super::{Error, Mode, Options, Source, Transport, clip};
use crate::frame::PixelFormat;
use std::path::Path;
use std::time::Duration;

/// Name of the source element whose credentials are set after the text is parsed.
pub(super) const SOURCE: &str = "camera";
/// Name of the `decodebin` that is linked once its pads are there.
pub(super) const DECODE: &str = "decode";
/// Name of the element that turns what the crop cannot sample into what it can.
pub(super) const CONVERT: &str = "convert";

/// GStreamer's names of the formats that the crop samples as they are, and ours. Alpha is ignored.
pub(super) const FORMATS: [(&str, PixelFormat); 14] = [
    ("NV12", PixelFormat::Nv12),
    ("I420", PixelFormat::I420),
    ("YV12", PixelFormat::Yv12),
    ("NV21", PixelFormat::Nv21),
    ("Y42B", PixelFormat::Y42b),
    ("YUY2", PixelFormat::Yuy2),
    ("UYVY", PixelFormat::Uyvy),
    ("RGB", PixelFormat::Rgb),
    ("BGR", PixelFormat::Bgr),
    ("RGBx", PixelFormat::Rgbx),
    ("BGRx", PixelFormat::Bgrx),
    ("RGBA", PixelFormat::Rgbx),
    ("BGRA", PixelFormat::Bgrx),
    ("GRAY8", PixelFormat::Gray8),
];

/// A pipeline in two texts: what `decodebin` gives is known only when the stream is there, so the
/// second is linked to the first by hand then.
pub(super) struct Plan {
    /// From the source on; ends in `decodebin` if `decoded`.
    pub head: String,
    /// Conversion and sink; empty if the head has its own `appsink`.
    pub tail: String,
    /// Whether to link by hand.
    pub decoded: bool,
}

impl Plan {
    pub fn new(options: &Options) -> Result<Plan, Error> {
        check(options)?;
        let mut sync = false;
        let decodebin = format!(" ! decodebin name={DECODE}");
        let (mut head, decoded) = match &options.source {
            Source::File { path, paced, .. } => {
                sync = *paced;
                let path = path.to_str().ok_or_else(|| Error::Source {
                    text: path.display().to_string(),
                    reason: "the path is not UTF-8".into(),
                })?;
                (format!("filesrc name={SOURCE} location={}", quote(path)), true)
            }
            Source::Rtsp { url, .. } => (rtsp(url, options), true),
            Source::V4l2 { device, mode } => {
                let device = quote(&device.to_string_lossy());
                (format!("v4l2src name={SOURCE} device={device}{}", camera_caps(mode)), true)
            }
            Source::Libcamera { name, mode } => {
                let name = name.as_ref().map_or(String::new(), |n| format!(" camera-name={}", quote(n)));
                let format = mode.format.clone().or_else(|| Some("NV12".into()));
                let caps = exact_caps(&Mode { format, ..mode.clone() });
                (format!("libcamerasrc name={SOURCE}{name}{caps}"), true)
            }
            Source::Test { pattern, mode } => {
                let mode = Mode {
                    width: mode.width.or(Some(640)),
                    height: mode.height.or(Some(480)),
                    fps: mode.fps.or(Some(30)),
                    format: mode.format.clone().or_else(|| Some("I420".into())),
                };
                (format!("videotestsrc is-live=true pattern={pattern}{}", exact_caps(&mode)), false)
            }
            Source::Pipeline { text } => {
                // A user's own sink keeps its properties; its caps and callbacks are ours.
                let text = text.trim().trim_end_matches('!').trim_end();
                let own_sink = text.split_whitespace().any(|word| word == "appsink");
                let tail = if own_sink { String::new() } else { tail(false) };
                return Ok(Plan { head: text.to_owned(), tail, decoded: false });
            }
        };
        if decoded {
            head.push_str(&decodebin);
        }
        Ok(Plan { head, tail: tail(sync), decoded })
    }

    /// The pipeline that writes the source's video to the Matroska file `path`, nothing decoded, and
    /// its launch text.
    pub fn keeping(options: &Options, path: &Path) -> Result<(Plan, String), Error> {
        let mut plan = Plan::new(options)?;
        let fail = |text: String, reason: &str| Error::Source { text: mask(&text), reason: reason.into() };
        if plan.tail.is_empty() {
            return Err(fail(plan.head, "its frames go to an appsink of its own, not into a file"));
        }
        let to = path.to_str().ok_or_else(|| fail(path.display().to_string(), "the path is not UTF-8"))?;
        // A file would be copied at once, and the messages be of another part of it.
        let sync = matches!(options.source, Source::File { paced: true, .. });
        let (mux, to) = (clip::MUX, quote(to));
        plan.tail = format!("matroskamux name={mux} ! filesink sync={sync} location={to}");
        if let Some(source) = plan.head.strip_suffix(&format!("decodebin name={DECODE}")) {
            plan.head = format!("{source}parsebin name={DECODE}");
        } else {
            plan.tail = format!("{} ! {}", clip::TO_JPEG, plan.tail);
        }
        let text = plan.launch_text();
        Ok((plan, text))
    }

    /// As `gst-launch-1.0` would take it.
    pub fn text(&self) -> String {
        if self.tail.is_empty() { self.head.clone() } else { format!("{} ! {}", self.head, self.tail) }
    }

    /// As the pipeline is built: the same, less the link that is made later.
    pub fn launch_text(&self) -> String {
        if self.decoded { format!("{} {}", self.head, self.tail) } else { self.text() }
    }
}

/// The `gst-launch` text of the pipeline that `options` leads to, credentials masked.
///
/// # Errors
/// If the source or an option makes no sense.
pub fn describe(options: &Options) -> Result<String, Error> {
    let mut text = mask(&Plan::new(options)?.text());
    if let Source::Rtsp { credentials: Some(_), .. } = options.source {
        text = text.replacen(" ! ", " user-id=*** user-pw=*** ! ", 1);
    }
    Ok(text)
}

fn check(options: &Options) -> Result<(), Error> {
    let fail = |key, want| Err(Error::Option { camera: options.name.clone(), key, want });
    if options.max_fps.is_some_and(|fps| !(fps.is_finite() && fps > 0.0)) {
        return fail("max_fps", "a positive number");
    }
    if options.connect_timeout.is_zero() {
        return fail("connect_timeout", "longer than zero");
    }
    if options.stall_timeout.is_zero() {
        return fail("stall_timeout", "longer than zero");
    }
    if options.latency > Duration::from_secs(60) {
        return fail("latency", "60 s at most");
    }
    match &options.source {
        // Whatever else parsed the URL: a password in it would reach logs.
        Source::Rtsp { url, .. } if mask(url) != *url => fail("source", "free of user name and password"),
        _ => Ok(()),
    }
}

fn rtsp(url: &str, options: &Options) -> String {
    let protocols = match options.transport {
        Transport::Tcp => "tcp",
        Transport::Udp => "udp",
        Transport::Auto => "tcp+udp",
    };
    // `timeout` is when UDP gives way to TCP (or fails): within the time that we wait for a frame.
    let connect_us = options.connect_timeout.as_micros();
    format!(
        "rtspsrc name={SOURCE} location={} protocols={protocols} latency={} drop-on-latency=true \
         timeout={} tcp-timeout={connect_us}",
        quote(url),
        options.latency.as_millis(),
        (connect_us / 2).max(1),
    )
}

/// Without a last sample kept aside, a buffer goes back to its pool as soon as its frame is done.
fn tail(sync: bool) -> String {
    let formats = FORMATS.map(|(name, _)| name).join(",");
    format!(
        "videoconvert name={CONVERT} ! appsink name=frames sync={sync} max-buffers=1 drop=true \
         enable-last-sample=false caps=\"video/x-raw,format={{{formats}}}\""
    )
}

/// A value as `gst-launch` reads it back.
fn quote(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(source: &str) -> String {
        describe(&Options::new("c", source.parse().unwrap())).unwrap()
    }

    #[test]
    fn sources_become_launch_texts() {
        let file = text("file:///a \"b\"\\c.mp4");
        assert!(file.starts_with(r#"filesrc name=camera location="/a \"b\"\\c.mp4" ! decodebin"#), "{file}");
        assert!(file.contains("sync=true"), "{file}");
        let rtsp = text("rtsp://u:secret@cam/1");
        assert!(rtsp.contains(r#"location="rtsp://cam/1" protocols=tcp latency=100 drop-on-latency=true"#));
        assert!(rtsp.contains("user-pw=***") && !rtsp.contains("secret"), "{rtsp}");
        let usb = text("v4l2:///dev/video2?width=640&fps=15&format=mjpeg");
        assert!(
            usb.contains(r#"device="/dev/video2" ! capsfilter caps="image/jpeg,width=640,framerate=15/1;"#)
        );
        assert!(text("libcamera:").contains("format=NV12"));
        assert!(text("test://ball").starts_with("videotestsrc is-live=true pattern=ball ! "));
        let own = text("pipeline:videotestsrc ! appsink drop=true");
        assert_eq!(own, "videotestsrc ! appsink drop=true");
        assert!(text("pipeline:videotestsrc").starts_with("videotestsrc ! videoconvert"));
    }

    #[test]
    fn secrets_are_masked_wherever_they_stand() {
        let own = text("pipeline:rtspsrc location=rtsp://u:s3/c@ret@cam/1 user-pw=s3cret ! decodebin");
        assert!(!own.contains("s3") && own.contains("location=rtsp://***@cam/1 user-pw=*** ! "), "{own}");
    }

    #[test]
    fn options_that_cannot_work_are_refused() {
        let good = Options::new("c", "test://".parse().unwrap());
        let bad = Options { max_fps: Some(0.0), ..good.clone() };
        assert!(describe(&bad).unwrap_err().to_string().contains("max_fps"));
        let url = "rtsp://u:p@cam".to_owned();
        let bad = Options { source: Source::Rtsp { url, credentials: None }, ..good };
        assert!(!describe(&bad).unwrap_err().to_string().contains("u:p"));
    }
}
