//! [`Mode`]: what a capture device is asked for, and the caps that ask for it.

use std::fmt::Write as _;

/// What to ask a capture device for. It chooses what is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mode {
    /// Width in px.
    pub width: Option<u32>,
    /// Height in px.
    pub height: Option<u32>,
    /// Frames a second.
    pub fps: Option<u32>,
    /// `mjpeg`, `h264`, `h265`, or a raw format by its GStreamer name (`YUY2`, `NV12`..).
    pub format: Option<String>,
}

impl Mode {
    /// Splits `NAME?width=..&..` into the name and the mode.
    pub(super) fn after(text: &str) -> Result<(&str, Mode), String> {
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
                "format" if is_format(value) => mode.format = Some(value.into()),
                "format" => return Err(format!("\"{value}\" is no format: mjpeg, h264, YUY2, NV12..")),
                _ => return Err(format!("unknown \"{key}\": width, height, fps and format are known")),
            }
        }
        Ok((name, mode))
    }
}

fn is_format(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Asked of a camera where the source says nothing. `v4l2src` alone takes the largest frames that
/// the camera has, even at two frames a second.
const PREFERRED: Mode = Mode { width: Some(1280), height: Some(720), fps: Some(30), format: None };

/// ` ! capsfilter` for a v4l2 camera: the preferred mode first, then what `mode` requires.
/// `v4l2src` gets as near to the first structure as the camera can.
pub fn camera_caps(mode: &Mode) -> String {
    let sized = mode.width.or(mode.height).is_some();
    let size = if sized { mode } else { &PREFERRED };
    let near = Mode {
        width: size.width,
        height: size.height,
        fps: mode.fps.or(PREFERRED.fps),
        format: mode.format.clone(),
    };
    format!(" ! capsfilter caps=\"{};{}\"", structures(&near), structures(mode))
}

/// ` ! capsfilter` for exactly this mode.
pub fn exact_caps(mode: &Mode) -> String {
    format!(" ! capsfilter caps=\"{}\"", structures(mode))
}

fn structures(mode: &Mode) -> String {
    let mut fields = String::new();
    for (key, value) in [("width", mode.width), ("height", mode.height)] {
        if let Some(value) = value {
            let _ = write!(fields, ",{key}={value}");
        }
    }
    if let Some(fps) = mode.fps {
        let _ = write!(fields, ",framerate={fps}/1");
    }
    match mode.format.as_deref() {
        None => format!("video/x-raw{fields};image/jpeg{fields};video/x-h264{fields}"),
        Some("mjpeg") => format!("image/jpeg{fields}"),
        Some(codec @ ("h264" | "h265")) => format!("video/x-{codec}{fields}"),
        Some(raw) => format!("video/x-raw,format={raw}{fields}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANY: Mode = Mode { width: None, height: None, fps: None, format: None };

    #[test]
    fn a_missing_field_is_preferred_but_not_required() {
        let near = "width=1280,height=720,framerate=30/1";
        let all = |fields: &str| format!("video/x-raw{fields};image/jpeg{fields};video/x-h264{fields}");
        let want = |caps: String| format!(" ! capsfilter caps=\"{caps}\"");
        assert_eq!(camera_caps(&ANY), want(format!("{};{}", all(&format!(",{near}")), all(""))));
        // Half a size is not completed: the aspect ratio of the camera's frames is unknown.
        let mode = Mode { width: Some(640), format: Some("mjpeg".into()), ..ANY };
        assert_eq!(
            camera_caps(&mode),
            want("image/jpeg,width=640,framerate=30/1;image/jpeg,width=640".into())
        );
        let mode = Mode { fps: Some(15), format: Some("NV12".into()), ..ANY };
        let nv12 = "video/x-raw,format=NV12";
        let near = format!("{nv12},width=1280,height=720,framerate=15/1;{nv12},framerate=15/1");
        assert_eq!(camera_caps(&mode), want(near));
        assert_eq!(exact_caps(&mode), want(format!("{nv12},framerate=15/1")));
    }
}
