//! What a capture device is asked for, and how GStreamer is told.

use std::fmt::Write as _;

/// What to ask a capture device for; what is `None` is left to it.
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

/// What a camera is asked for where nothing else is said. `v4l2src` by itself would take its largest picture, however
/// seldom that comes: 3840x2160 twice a second.
const PREFERRED: Mode = Mode { width: Some(1280), height: Some(720), fps: Some(30), format: None };

/// The mode of a v4l2 camera: what must be, after what is preferred. Of the first structure `v4l2src` takes what to be near
/// to, and the camera need not have it.
pub(super) fn camera_caps(mode: &Mode) -> String {
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

/// ` ! capsfilter` for exactly this.
pub(super) fn exact_caps(mode: &Mode) -> String {
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
    fn what_is_not_said_is_preferred_and_not_demanded() {
        let near = "width=1280,height=720,framerate=30/1";
        let all = |fields: &str| format!("video/x-raw{fields};image/jpeg{fields};video/x-h264{fields}");
        let want = |caps: String| format!(" ! capsfilter caps=\"{caps}\"");
        assert_eq!(camera_caps(&ANY), want(format!("{};{}", all(&format!(",{near}")), all(""))));
        // Half a size is not completed: who knows of which shape the camera's pictures are.
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
