//! [`Source`]: what a camera's `source` says.

mod mask;
mod mode;
mod percent;
mod rtsp;

pub(super) use mask::mask;
pub use mode::Mode;
pub(super) use mode::{camera_caps, exact_caps};
pub use rtsp::Credentials;

use super::error::Error;
use crate::frame::ClockLabel;
use std::path::PathBuf;
use std::str::FromStr;

/// Where frames come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// A video file.
    File {
        /// Its path.
        path: PathBuf,
        /// Start again at the end.
        looped: bool,
        /// Play at the file's own speed instead of as fast as it decodes.
        paced: bool,
    },
    /// An IP camera.
    Rtsp {
        /// `rtsp://` or `rtsps://`, without user name and password.
        url: String,
        /// For the camera; sent by digest or basic authentication, as the camera asks.
        credentials: Option<Credentials>,
    },
    /// A camera of the kernel's video4linux2: raw, MJPEG or H.264.
    V4l2 {
        /// Device node, e.g. `/dev/video0`.
        device: PathBuf,
        /// What to ask it for.
        mode: Mode,
    },
    /// A CSI camera.
    Libcamera {
        /// Camera id; the first camera if `None`.
        name: Option<String>,
        /// What to ask it for.
        mode: Mode,
    },
    /// A live test pattern.
    Test {
        /// `videotestsrc` pattern.
        pattern: String,
        /// What to make; 640x480 at 30 frames a second where `None`.
        mode: Mode,
    },
    /// Any `gst-launch` text. Ours is added at the end unless it has its own `appsink`.
    Pipeline {
        /// The text.
        text: String,
    },
}

impl Source {
    /// Whether the connection to it is encrypted.
    pub fn is_tls(&self) -> bool {
        matches!(self, Source::Rtsp { url, .. } if url.starts_with("rtsps:"))
    }

    /// Whether it is a camera of this machine, with modes to choose from.
    pub fn is_device(&self) -> bool {
        matches!(self, Source::V4l2 { .. } | Source::Libcamera { .. })
    }

    /// The clock that stamps its buffers.
    pub(super) fn clock_label(&self) -> ClockLabel {
        // libcamera's timestamps, too, are the kernel's capture times.
        if self.is_device() { ClockLabel::V4l2 } else { ClockLabel::Receive }
    }
}

impl FromStr for Source {
    type Err = Error;

    /// Reads `file://PATH`, `rtsp[s]://[USER:PASSWORD@]HOST[:PORT]/PATH`, `v4l2:///dev/videoN`,
    /// `libcamera:[ID]`, `test://[PATTERN]` or `pipeline:TEXT`. Devices and `test:` take
    /// `?width=W&height=H&fps=N&format=F`. A file is paced and does not loop by default.
    fn from_str(text: &str) -> Result<Source, Error> {
        let read = || -> Result<Source, String> {
            let (scheme, rest) = text.split_once(':').ok_or(
                "no scheme: write file://, rtsp://, rtsps://, v4l2://, libcamera:, test:// or pipeline:",
            )?;
            let name = rest.strip_prefix("//").unwrap_or(rest);
            match scheme {
                "file" => file(name),
                "rtsp" | "rtsps" => {
                    let (url, credentials) = rtsp::read(scheme, rest)?;
                    Ok(Source::Rtsp { url, credentials })
                }
                "v4l2" => v4l2(name),
                "libcamera" => libcamera(name),
                "test" => test(name),
                "pipeline" => pipeline(rest.trim()),
                _ => {
                    Err("unknown scheme: file, rtsp, rtsps, v4l2, libcamera, test and pipeline are known"
                        .into())
                }
            }
        };
        read().map_err(|reason| Error::Source { text: mask(text), reason })
    }
}

fn file(path: &str) -> Result<Source, String> {
    if path.is_empty() {
        return Err("no path: write file:///path/to/clip.mp4".into());
    }
    Ok(Source::File { path: percent::decode(path).into(), looped: false, paced: true })
}

fn v4l2(text: &str) -> Result<Source, String> {
    let (device, mode) = Mode::after(text)?;
    if !device.starts_with('/') {
        return Err("no device: write v4l2:///dev/video0".into());
    }
    Ok(Source::V4l2 { device: percent::decode(device).into(), mode })
}

fn libcamera(text: &str) -> Result<Source, String> {
    let (name, mode) = Mode::after(text)?;
    Ok(Source::Libcamera { name: Some(percent::decode(name)).filter(|n| !n.is_empty()), mode })
}

fn test(text: &str) -> Result<Source, String> {
    let (pattern, mode) = Mode::after(text)?;
    let pattern = if pattern.is_empty() { "smpte" } else { pattern };
    if !pattern.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        return Err("no such pattern: `gst-inspect-1.0 videotestsrc` lists them".into());
    }
    Ok(Source::Test { pattern: pattern.into(), mode })
}

fn pipeline(text: &str) -> Result<Source, String> {
    if text.is_empty() {
        return Err("no text: write pipeline:v4l2src ! ...".into());
    }
    Ok(Source::Pipeline { text: text.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Source, String> {
        text.parse().map_err(|e: Error| e.to_string())
    }

    #[test]
    fn each_scheme_is_read() {
        let file = |path: &str| Source::File { path: path.into(), looped: false, paced: true };
        assert_eq!(parse("file:///a%20b/c.mp4").unwrap(), file("/a b/c.mp4"));
        assert_eq!(parse("file://clips/100%.mp4").unwrap(), file("clips/100%.mp4"));
        let mode = Mode { width: Some(640), fps: Some(15), format: Some("mjpeg".into()), ..Mode::default() };
        assert_eq!(
            parse("v4l2:///dev/video0?width=640&fps=15&format=mjpeg").unwrap(),
            Source::V4l2 { device: "/dev/video0".into(), mode }
        );
        assert_eq!(parse("libcamera:").unwrap(), Source::Libcamera { name: None, mode: Mode::default() });
        assert_eq!(
            parse("test://ball").unwrap(),
            Source::Test { pattern: "ball".into(), mode: Mode::default() }
        );
        assert_eq!(
            parse("pipeline: videotestsrc ! identity").unwrap(),
            Source::Pipeline { text: "videotestsrc ! identity".into() }
        );
    }

    #[test]
    fn credentials_leave_the_url_and_are_never_printed() {
        let source = parse("rtsps://ad%40min:p%2Fw@10.0.0.7:322/a?b=1").unwrap();
        let Source::Rtsp { url, credentials: Some(c) } = &source else { panic!("{source:?}") };
        assert_eq!(url, "rtsps://10.0.0.7:322/a?b=1");
        assert_eq!((c.username.as_str(), c.password.as_str()), ("ad@min", "p/w"));
        assert!(!format!("{source:?}").contains("p/w"));
        let error = parse("rtsp://admin:hunter2@").unwrap_err();
        assert!(!error.contains("hunter2") && error.contains("no host"), "{error}");
        let error = parse("rtsp://admin:hun/ter2@host/x").unwrap_err();
        assert!(!error.contains("ter2"), "{error}");
        let error = parse("http://admin:hunter2@host/x").unwrap_err();
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn a_source_that_makes_no_sense_is_refused_with_a_remedy() {
        for (text, want) in [
            ("clip.mp4", "no scheme"),
            ("file://", "file:///path"),
            ("rtsp:host/x", "no host"),
            ("v4l2://video0", "v4l2:///dev/video0"),
            ("v4l2:///dev/video0?width=0", "1 to 16384"),
            ("test://ball?sise=3", "unknown \"sise\""),
            ("test://a ! filesink", "pattern"),
            ("pipeline: ", "no text"),
            ("gopher://x", "unknown scheme"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(want), "{text}: {error}");
        }
    }
}
