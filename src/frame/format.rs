//! Pixel formats, and how YCbCr becomes RGB.

/// Pixel layouts that the crop can sample. Chroma of 4:2:0 and 4:2:2 formats is sited at the left
/// (MPEG-2). Subsampled planes of odd sizes are rounded up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PixelFormat {
    /// Planes Y, U, V; chroma halved both ways.
    I420,
    /// Planes Y, V, U; chroma halved both ways.
    Yv12,
    /// Planes Y, interleaved UV; chroma halved both ways.
    Nv12,
    /// Planes Y, interleaved VU; chroma halved both ways.
    Nv21,
    /// Planes Y, U, V; chroma halved horizontally (most MJPEG cameras).
    Y42b,
    /// One plane Y0 U Y1 V.
    Yuy2,
    /// One plane U Y0 V Y1.
    Uyvy,
    /// One plane R G B.
    Rgb,
    /// One plane B G R.
    Bgr,
    /// One plane R G B x.
    Rgbx,
    /// One plane B G R x.
    Bgrx,
    /// One plane of luma.
    Gray8,
}

impl PixelFormat {
    /// (bytes in a row, rows) of plane `plane` for a frame of `width` x `height` px; `None` if the
    /// format has no such plane.
    pub fn plane_size(self, plane: usize, width: usize, height: usize) -> Option<(usize, usize)> {
        use PixelFormat::*;
        let (half_w, half_h) = (width.div_ceil(2), height.div_ceil(2));
        match (self, plane) {
            (I420 | Yv12 | Nv12 | Nv21 | Y42b | Gray8, 0) => Some((width, height)),
            (I420 | Yv12, 1 | 2) => Some((half_w, half_h)),
            (Nv12 | Nv21, 1) => Some((2 * half_w, half_h)),
            (Y42b, 1 | 2) => Some((half_w, height)),
            (Yuy2 | Uyvy, 0) => Some((4 * half_w, height)),
            (Rgb | Bgr, 0) => Some((3 * width, height)),
            (Rgbx | Bgrx, 0) => Some((4 * width, height)),
            _ => None,
        }
    }

    /// Number of planes.
    pub fn planes(self) -> usize {
        use PixelFormat::*;
        match self {
            I420 | Yv12 | Y42b => 3,
            Nv12 | Nv21 => 2,
            Yuy2 | Uyvy | Rgb | Bgr | Rgbx | Bgrx | Gray8 => 1,
        }
    }
}

/// YCbCr matrix (ITU-R).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Matrix {
    /// BT.601: standard definition, JPEG.
    #[default]
    Bt601,
    /// BT.709: high definition.
    Bt709,
}

/// Range of luma and chroma, and the matrix that converts them to RGB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Colorimetry {
    /// Matrix to RGB.
    pub matrix: Matrix,
    /// True: 0..255 (JPEG). False: luma 16..235, chroma 16..240.
    pub full_range: bool,
}
