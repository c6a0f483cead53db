//! What a camera's `source` says.

use super::{Error, Mode};
use std::path::PathBuf;
use std::str::FromStr;

/// User name and password of a camera. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// User name.
    pub username: String,
    /// Password; may be empty.
    pub password: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// Where frames come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// A video file.
    File {
        /// Its path.
        path: PathBuf,
        /// Start again at its end, for ever.
        looped: bool,
        /// At the file's own speed, not as fast as it decodes.
        paced: bool,
    },
    /// An IP camera.
    Rtsp {
        /// `rtsp://` or `rtsps://`, without user name and password.
        url: String,
        /// For the camera; sent by digest or basic authentication, as it asks.
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
        /// Camera id; the first one if `None`.
        name: Option<String>,
        /// What to ask it for.
        mode: Mode,
    },
    /// A live test picture.
    Test {
        /// `videotestsrc` pattern.
        pattern: String,
        /// What to make; 640x480 at 30 frames a second where `None`.
        mode: Mode,
    },
    /// Any `gst-launch` text. Without an `appsink` of its own, it ends in ours.
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

    fn error(text: &str, reason: impl Into<String>) -> Error {
        Error::Source { text: super::mask::mask(text), reason: reason.into() }
    }
}

impl FromStr for Source {
    type Err = Error;

    /// Reads `file://PATH`, `rtsp[s]://[USER:PASSWORD@]HOST[:PORT]/PATH`, `v4l2:///dev/videoN`,
    /// `libcamera:[ID]`, `test://[PATTERN]` or `pipeline:TEXT`. Devices and `test:` take
    /// `?width=W&height=H&fps=N&format=F`. A file is paced and does not loop until told so.
    fn from_str(text: &str) -> Result<Source, Error> {
        let fail = |reason: &str| Source::error(text, reason);
        let Some((scheme, rest)) = text.split_once(':') else {
            return Err(fail(
                "no scheme: write file://, rtsp://, rtsps://, v4l2://, libcamera:, \
                             test:// or pipeline:",
            ));
        };
        let rest_after_slashes = rest.strip_prefix("//").unwrap_or(rest);
        match scheme {
            "file" => match decode(rest_after_slashes) {
                path if path.is_empty() => Err(fail("no path: write file:///path/to/clip.mp4")),
                path => Ok(Source::File { path: path.into(), looped: false, paced: true }),
            },
            "rtsp" | "rtsps" => rtsp(scheme, rest).ok_or_else(|| {
                fail(
                    "no host: write rtsp://camera.example/stream (a user name or password with \
                      any of / ? # @ : must be percent-encoded)",
                )
            }),
            "v4l2" => {
                let (device, mode) = with_mode(rest_after_slashes).map_err(|e| fail(&e))?;
                if !device.starts_with('/') {
                    return Err(fail("no device: write v4l2:///dev/video0"));
                }
                Ok(Source::V4l2 { device: decode(device).into(), mode })
            }
            "libcamera" => {
                let (name, mode) = with_mode(rest_after_slashes).map_err(|e| fail(&e))?;
                let name = Some(decode(name)).filter(|n| !n.is_empty());
                Ok(Source::Libcamera { name, mode })
            }
            "test" => {
                let (pattern, mode) = with_mode(rest_after_slashes).map_err(|e| fail(&e))?;
                let pattern = if pattern.is_empty() { "smpte" } else { pattern };
                if !pattern.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
                    return Err(fail("no such pattern: `gst-inspect-1.0 videotestsrc` lists them"));
                }
                Ok(Source::Test { pattern: pattern.into(), mode })
            }
            "pipeline" if rest.trim().is_empty() => Err(fail("no text: write pipeline:v4l2src ! ...")),
            "pipeline" => Ok(Source::Pipeline { text: rest.trim().into() }),
            _ => Err(fail("unknown scheme: file, rtsp, rtsps, v4l2, libcamera, test and pipeline are known")),
        }
    }
}

/// `//[user[:password]@]host...`; `None` without a host.
fn rtsp(scheme: &str, rest: &str) -> Option<Source> {
    let rest = rest.strip_prefix("//")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let (credentials, host) = match authority.rsplit_once('@') {
        None => (None, authority),
        Some((user, host)) => {
            let (username, password) = user.split_once(':').unwrap_or((user, ""));
            (Some(Credentials { username: decode(username), password: decode(password) }), host)
        }
    };
    // An `@` after the authority is a password with a `/` in it more often than a path: asking for
    // %2F is better than connecting to half of somebody's password.
    if host.is_empty() || host.starts_with(':') || (credentials.is_none() && path.contains('@')) {
        return None;
    }
    Some(Source::Rtsp { url: format!("{scheme}://{host}{path}"), credentials })
}

/// Splits `name?width=..&..`.
fn with_mode(text: &str) -> Result<(&str, Mode), String> {
    let (name, query) = text.split_once('?').unwrap_or((text, ""));
    let mut mode = Mode::default();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let number = || match value.parse::<u32>() {
            Ok(n) if (1..=16384).contains(&n) => Ok(Some(n)),
            _ => Err(format!("{key} must be a number from 1 to 16384, not \"{value}\"")),
        };
        match key {
            "width" => mode.width = number()?,
            "height" => mode.height = number()?,
            "fps" => mode.fps = number()?,
            "format" if value.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !value.is_empty() => {
                mode.format = Some(value.into());
            }
            "format" => return Err(format!("\"{value}\" is no format: mjpeg, h264, YUY2, NV12..")),
            _ => return Err(format!("unknown \"{key}\": width, height, fps and format are known")),
        }
    }
    Ok((name, mode))
}

/// Percent-decodes; text that is not percent-encoded stays as it is.
fn decode(text: &str) -> String {
    let hex = |b: Option<&u8>| b.and_then(|&b| char::from(b).to_digit(16));
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match (byte, hex(bytes.get(at + 1)), hex(bytes.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 3;
            }
            _ => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
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
    fn nonsense_is_refused_with_a_remedy() {
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
