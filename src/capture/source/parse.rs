//! Reads the text of a `source`.

use super::mask::mask_address;
use super::{Mode, Source, address, percent};
use crate::capture::error::Error;
use std::str::FromStr;

/// Schemes of RTSP: plain or TLS, and the transport that some of them name.
const RTSP: [&str; 6] = ["rtsp", "rtsps", "rtspt", "rtspu", "rtsph", "rtspst"];
const SCHEMES: &str =
    "write file://, rtsp://, rtsps://, http://, https://, v4l2://, libcamera:, test:// or pipeline:";

impl FromStr for Source {
    type Err = Error;

    /// Reads `file://PATH`, `rtsp[s]://[USER:PASSWORD@]HOST[:PORT]/PATH` (also `rtspt`, `rtspu`,
    /// `rtsph` and `rtspst`), `http[s]://...`, `v4l2:///dev/videoN`, `libcamera:[ID]`,
    /// `test://[PATTERN]` or `pipeline:TEXT`. Devices and `test:` take
    /// `?width=W&height=H&fps=N&format=F`. A file is paced and does not loop by default.
    fn from_str(text: &str) -> Result<Source, Error> {
        let read = || -> Result<Source, String> {
            let (scheme, rest) = text.split_once(':').ok_or_else(|| format!("no scheme: {SCHEMES}"))?;
            if scheme.starts_with(char::is_whitespace) {
                return Err("a blank before the scheme: remove it".into());
            }
            // Schemes have no case.
            let scheme = scheme.to_ascii_lowercase();
            let name = rest.strip_prefix("//").unwrap_or(rest);
            match scheme.as_str() {
                "file" => file(name),
                rtsp if RTSP.contains(&rtsp) => {
                    let (url, credentials) = address::read(rtsp, rest)?;
                    Ok(Source::Rtsp { url, credentials })
                }
                "http" | "https" => {
                    let (url, credentials) = address::read(&scheme, rest)?;
                    Ok(Source::Http { url, credentials })
                }
                "v4l2" => v4l2(name),
                "libcamera" => libcamera(name),
                "test" => test(name),
                "pipeline" => pipeline(rest.trim()),
                _ => Err(format!("unknown scheme: {SCHEMES}")),
            }
        };
        read().map_err(|reason| Error::Source { text: mask_address(text), reason })
    }
}

fn file(path: &str) -> Result<Source, String> {
    let path = percent::decode(path);
    if path.is_empty() {
        return Err("no path: write file:///path/to/clip.mp4".into());
    }
    if path == "~" || path.starts_with("~/") {
        return Err("~ is a shell's: write the whole path, such as file:///home/me/clip.mp4".into());
    }
    if path.contains('\0') {
        return Err("path with a NUL character: remove it".into());
    }
    Ok(Source::File { path: path.into(), looped: false, paced: true })
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
        let error = parse("ftp://ad min:hunter2@host/x").unwrap_err();
        assert!(!error.contains("hunter2"), "{error}");
        let source = parse("rtsp://h:554/user=admin&password=hunter2&stream=0.sdp?").unwrap();
        assert!(!format!("{source:?}").contains("hunter2"), "{source:?}");
    }

    #[test]
    fn common_variants_of_addresses_are_read() {
        let url = |text: &str| parse(text).unwrap().url().map(str::to_owned).unwrap();
        assert_eq!(url("RTSP://cam/x"), "rtsp://cam/x");
        assert_eq!(url("rtspt://cam/x"), "rtspt://cam/x");
        assert_eq!(url("http://cam/a.mjpg"), "http://cam/a.mjpg");
        let dvr = "rtsp://10.0.0.9:554/user=admin&password=x&channel=1&stream=0.sdp?";
        assert_eq!(url(dvr), dvr);
        assert!(parse("https://cam/live/index.m3u8?x=1").unwrap().is_played());
        assert!(!parse("http://cam/video.mjpg").unwrap().is_played());
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
            ("file://~/clip.mp4", "whole path"),
            ("rtsp://h:99999/x", "from 1 to 65535"),
            ("http://", "no host"),
            ("gopher://x", "unknown scheme"),
            (" rtsp://cam/x", "a blank before the scheme"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(want), "{text}: {error}");
        }
    }
}
