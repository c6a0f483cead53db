//! Raw video formats: which ones posed accepts, and what the caps of a frame say.
//!
//! To add a pixel format, add a [`PixelFormat`] that the crop samples, and its name to [`FORMATS`].

use crate::frame::{Colorimetry, FrameInfo, Matrix, PixelFormat};
use gstreamer as gst;
use gstreamer_video as gst_video;
use std::time::Duration;

/// Formats that the crop samples without a conversion: GStreamer's names and ours. Alpha is
/// ignored.
pub const FORMATS: [(&str, PixelFormat); 14] = [
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

/// Caps of all [`FORMATS`], at any size and rate.
pub fn accepted_caps() -> gst::Caps {
    let formats = gst::List::new(FORMATS.map(|(name, _)| name));
    gst::Caps::builder("video/x-raw").field("format", formats).build()
}

/// What the caps of a sample say. Strides are zero: each buffer has its own.
pub fn frame_info(caps: &gst::CapsRef) -> Result<(gst_video::VideoInfo, FrameInfo), String> {
    let video = gst_video::VideoInfo::from_caps(caps).map_err(|e| format!("{e}: {caps}"))?;
    let name = video.format().to_str();
    let (_, format) =
        FORMATS.iter().find(|(known, _)| *known == name).ok_or_else(|| format!("unknown format {name}"))?;
    let par = video.par();
    let info = FrameInfo {
        format: *format,
        width: video.width(),
        height: video.height(),
        strides: [0; 3],
        par: (u32::try_from(par.numer()).unwrap_or(1), u32::try_from(par.denom()).unwrap_or(1)),
        colorimetry: colorimetry(&video),
    };
    Ok((video, info))
}

/// Time between two frames, as the caps say; zero if they do not.
pub fn interval(video: &gst_video::VideoInfo) -> Duration {
    let (frames, seconds) = (video.fps().numer(), video.fps().denom());
    match frames > 0 && seconds > 0 {
        true => Duration::from_secs_f64(f64::from(seconds) / f64::from(frames)),
        false => Duration::ZERO,
    }
}

fn colorimetry(video: &gst_video::VideoInfo) -> Colorimetry {
    use gst_video::VideoColorMatrix as M;
    let given = video.colorimetry();
    let matrix = match given.matrix() {
        // BT.2020 and SMPTE 240M are within a few levels of BT.709.
        M::Bt709 | M::Bt2020 | M::Smpte240m => Matrix::Bt709,
        M::Bt601 | M::Fcc => Matrix::Bt601,
        // The caps do not say: GStreamer's own rule.
        _ if video.height() > 576 => Matrix::Bt709,
        _ => Matrix::Bt601,
    };
    Colorimetry { matrix, full_range: given.range() == gst_video::VideoColorRange::Range0_255 }
}
