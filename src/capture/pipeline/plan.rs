//! [`Plan`]: a source as `gst-launch` text. Pure, so `posed check` prints what `posed run` builds.

use crate::capture::error::Error;
use crate::capture::frames::FORMATS;
use crate::capture::source::{Mode, Source, camera_caps, exact_caps, mask};
use crate::capture::types::{Options, Transport};
use std::path::Path;
use std::time::Duration;

/// Name of the source element, which gets its credentials after the text is parsed.
pub const SOURCE: &str = "camera";
/// Name of the `decodebin` or `parsebin` that is linked once its pads are there.
pub const DECODE: &str = "decode";
/// Name of the element that converts other formats into those of [`FORMATS`].
pub const CONVERT: &str = "convert";
/// Name of the element that writes a clip's container.
pub const MUX: &str = "mux";
/// Compresses raw video in a clip: raw, a minute of it would fill a memory card.
pub const TO_JPEG: &str = "videoconvert ! jpegenc quality=95";

/// A pipeline in two texts. What `decodebin` gives is known only when the stream is there, so the
/// program links the second text to the first then.
pub struct Plan {
    /// From the source on. Ends in `decodebin` if `decoded`.
    pub head: String,
    /// Conversion and sink. Empty if the head has its own `appsink`.
    pub tail: String,
    /// The program links tail to head.
    pub decoded: bool,
}

impl Plan {
    pub fn new(options: &Options) -> Result<Plan, Error> {
        check(options)?;
        let sync = options.source.is_played();
        let (head, decoded) = match &options.source {
            Source::Pipeline { text } => return Ok(own(text)),
            Source::File { path, .. } => (file(path)?, true),
            Source::Rtsp { url, .. } => (rtsp(url, options), true),
            Source::Http { url, .. } => (http(url, options), true),
            Source::V4l2 { device, mode } => {
                let device = quote(&device.to_string_lossy());
                (format!("v4l2src name={SOURCE} device={device}{}", camera_caps(mode)), true)
            }
            Source::Libcamera { name, mode } => (libcamera(name.as_deref(), mode), true),
            Source::Test { pattern, mode } => (test(pattern, mode), false),
        };
        let decode = if decoded { format!(" ! decodebin name={DECODE}") } else { String::new() };
        Ok(Plan { head: head + &decode, tail: tail(sync), decoded })
    }

    /// The pipeline that writes the source's video, not decoded, to the Matroska file `path`.
    pub fn to_file(options: &Options, path: &Path) -> Result<Plan, Error> {
        let mut plan = Plan::new(options)?;
        if plan.tail.is_empty() {
            return Err(Error::Source {
                text: mask(&plan.head),
                reason:
                    "its frames go to its own appsink and cannot be written to a file: remove the appsink"
                        .into(),
            });
        }
        // Without sync a file would be copied at once, and the clip would not match the messages.
        let sync = options.source.is_played();
        plan.tail = format!("matroskamux name={MUX} ! filesink sync={sync} location={}", utf8(path)?);
        if let Some(source) = plan.head.strip_suffix(&format!("decodebin name={DECODE}")) {
            plan.head = format!("{source}parsebin name={DECODE}");
        } else {
            plan.tail = format!("{TO_JPEG} ! {}", plan.tail);
        }
        Ok(plan)
    }

    /// As `gst-launch-1.0` takes it.
    pub fn text(&self) -> String {
        if self.tail.is_empty() { self.head.clone() } else { format!("{} ! {}", self.head, self.tail) }
    }

    /// As the program builds it: without the link that is made later.
    pub fn launch_text(&self) -> String {
        if self.decoded { format!("{} {}", self.head, self.tail) } else { self.text() }
    }
}

/// The `gst-launch` text of the pipeline for `options`, with credentials masked.
///
/// # Errors
/// If the source or an option makes no sense.
pub fn describe(options: &Options) -> Result<String, Error> {
    let text = mask(&Plan::new(options)?.text());
    Ok(match options.source {
        Source::Rtsp { credentials: Some(_), .. } => text.replacen("://", "://***@", 1),
        Source::Http { credentials: Some(_), .. } => text.replacen(" ! ", " user-id=*** user-pw=*** ! ", 1),
        _ => text,
    })
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
    if options.picture_interval.is_zero() {
        return fail("picture_interval", "longer than zero");
    }
    if options.frame_rate.is_some_and(|rate| !(rate.is_finite() && rate > 0.0)) {
        return fail("frame_rate", "a positive number");
    }
    // A URL built in code may still contain a login, which would reach logs.
    let host = options.source.url().and_then(|url| url.split("://").nth(1)?.split(['/', '?']).next());
    match host {
        Some(host) if host.contains('@') => fail("source", "free of user name and password"),
        _ => Ok(()),
    }
}

/// Only `jpegparse` reads a picture's orientation, and `decodebin` leaves it out.
fn file(path: &Path) -> Result<String, Error> {
    let parse = if holds_jpeg(path) { " ! jpegparse" } else { "" };
    Ok(format!("filesrc name={SOURCE} location={}{parse}", utf8(path)?))
}

/// By its first bytes: many files have a wrong ending. The ending counts while there is no file.
fn holds_jpeg(path: &Path) -> bool {
    use std::io::Read as _;
    let mut first = [0; 3];
    // To open a pipe would block.
    let file = path.is_file().then(|| std::fs::File::open(path).ok()).flatten();
    match file.map(|mut file| file.read_exact(&mut first)) {
        Some(Ok(())) => first == [0xff, 0xd8, 0xff],
        _ => {
            let ending = path.extension().unwrap_or_default().to_ascii_lowercase();
            ["jpg", "jpeg", "jpe", "jfif", "mjpg", "mjpeg"].iter().any(|jpeg| ending == **jpeg)
        }
    }
}

fn http(url: &str, options: &Options) -> String {
    // Pictures of a live camera are stamped as they arrive. Recorded video has timestamps of its
    // own.
    let live = !options.source.is_played();
    format!(
        "souphttpsrc name={SOURCE} location={} is-live={live} do-timestamp={live} iradio-mode=false retries=0 \
         timeout={}",
        quote(url),
        options.connect_timeout.as_secs().max(1),
    )
}

fn rtsp(url: &str, options: &Options) -> String {
    let protocols = match (url.split(':').next(), options.transport) {
        (Some("rtspt" | "rtspst"), _) => "tcp",
        (Some("rtspu"), _) => "udp",
        (Some("rtsph"), _) => "http",
        (_, Transport::Tcp) => "tcp",
        (_, Transport::Udp) => "udp",
        (_, Transport::Auto) => "tcp+udp",
    };
    // After `timeout`, UDP gives way to TCP, or fails: half of the time that we wait for a frame.
    let connect_us = options.connect_timeout.as_micros();
    format!(
        "rtspsrc name={SOURCE} location={} protocols={protocols} latency={} drop-on-latency=true \
         timeout={} tcp-timeout={connect_us}",
        quote(url),
        options.latency.as_millis(),
        (connect_us / 2).max(1),
    )
}

fn libcamera(name: Option<&str>, mode: &Mode) -> String {
    let name = name.map_or(String::new(), |name| format!(" camera-name={}", quote(name)));
    let format = mode.format.clone().or_else(|| Some("NV12".into()));
    let caps = exact_caps(&Mode { format, ..mode.clone() });
    format!("libcamerasrc name={SOURCE}{name}{caps}")
}

fn test(pattern: &str, mode: &Mode) -> String {
    let mode = Mode {
        width: mode.width.or(Some(640)),
        height: mode.height.or(Some(480)),
        fps: mode.fps.or(Some(30)),
        format: mode.format.clone().or_else(|| Some("I420".into())),
    };
    format!("videotestsrc is-live=true pattern={pattern}{}", exact_caps(&mode))
}

/// A user's own text. The program sets caps and callbacks of its `appsink`; other properties stay.
fn own(text: &str) -> Plan {
    let text = text.trim().trim_end_matches('!').trim_end();
    let own_sink = text.split_whitespace().any(|word| word == "appsink");
    let tail = if own_sink { String::new() } else { tail(false) };
    Plan { head: text.to_owned(), tail, decoded: false }
}

/// Without a last sample kept aside, a buffer returns to its pool as soon as its frame is done.
fn tail(sync: bool) -> String {
    let formats = FORMATS.map(|(name, _)| name).join(",");
    format!(
        "videoconvert name={CONVERT} ! appsink name=frames sync={sync} max-buffers=1 drop=true \
         enable-last-sample=false caps=\"video/x-raw,format={{{formats}}}\""
    )
}

/// A path as `gst-launch` reads it back.
fn utf8(path: &Path) -> Result<String, Error> {
    path.to_str().map(quote).ok_or_else(|| Error::Source {
        text: mask(&path.display().to_string()),
        reason: "the path is not UTF-8".into(),
    })
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
        assert!(
            rtsp.contains(r#"location="rtsp://***@cam/1" protocols=tcp latency=100 drop-on-latency=true"#)
        );
        assert!(!rtsp.contains("secret"), "{rtsp}");
        assert!(text("rtspu://cam/1").contains(r#"location="rtspu://cam/1" protocols=udp"#));
        assert!(text("http://cam/a.mjpg").contains("is-live=true do-timestamp=true"));
        assert!(text("https://cam/a.m3u8").contains("is-live=false"));
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
    fn secrets_in_a_users_own_text_are_masked() {
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
