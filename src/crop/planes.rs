//! A frame as the crop kernels see it: groups of channels, and how they become RGB.

use crate::frame::{Colorimetry, Frame, Matrix, PixelFormat};
use crate::kernels::crop::{Colour, Group, Ycc};

/// How the channels of a frame become RGB.
pub(super) fn colour(format: PixelFormat, colorimetry: Colorimetry) -> Colour {
    use PixelFormat::*;
    match format {
        Rgb | Bgr | Rgbx | Bgrx => Colour::Rgb,
        Gray8 => Colour::Grey,
        I420 | Yv12 | Nv12 | Nv21 | Y42b | Yuy2 | Uyvy => {
            let (kr, kb) = match colorimetry.matrix {
                Matrix::Bt601 => (0.299, 0.114),
                Matrix::Bt709 => (0.2126, 0.0722),
            };
            Colour::Ycc(Ycc::new(kr, kb, colorimetry.full_range))
        }
    }
}

impl PixelFormat {
    /// Number of groups of channels in a frame of this format.
    pub(super) fn groups(self) -> usize {
        match self {
            PixelFormat::Yuy2 | PixelFormat::Uyvy => 2,
            other => other.planes(),
        }
    }
}

/// The groups of channels in `frame`. Places past [`PixelFormat::groups`] are empty.
pub(super) fn groups(frame: &Frame) -> [Group<'_>; 3] {
    use PixelFormat::*;
    let (width, height) = (frame.info.width as usize, frame.info.height as usize);
    let group = |plane: usize, step, offsets, halved: (bool, bool)| {
        let half = |n: usize, halved| if halved { n.div_ceil(2) } else { n };
        Group {
            plane: frame.plane(plane),
            stride: frame.info.strides[plane],
            step,
            offsets,
            width: half(width, halved.0),
            height: half(height, halved.1),
            halved,
        }
    };
    const WHOLE: (bool, bool) = (false, false);
    const BOTH: (bool, bool) = (true, true);
    const ACROSS: (bool, bool) = (true, false);
    let none = Group { plane: &[], stride: 0, step: 0, offsets: &[], width: 0, height: 0, halved: WHOLE };
    let luma = group(0, 1, &[0], WHOLE);
    match frame.info.format {
        I420 => [luma, group(1, 1, &[0], BOTH), group(2, 1, &[0], BOTH)],
        Yv12 => [luma, group(2, 1, &[0], BOTH), group(1, 1, &[0], BOTH)],
        Y42b => [luma, group(1, 1, &[0], ACROSS), group(2, 1, &[0], ACROSS)],
        Nv12 => [luma, group(1, 2, &[0, 1], BOTH), none],
        Nv21 => [luma, group(1, 2, &[1, 0], BOTH), none],
        Yuy2 => [group(0, 2, &[0], WHOLE), group(0, 4, &[1, 3], ACROSS), none],
        Uyvy => [group(0, 2, &[1], WHOLE), group(0, 4, &[0, 2], ACROSS), none],
        Rgb => [group(0, 3, &[0, 1, 2], WHOLE), none, none],
        Bgr => [group(0, 3, &[2, 1, 0], WHOLE), none, none],
        Rgbx => [group(0, 4, &[0, 1, 2], WHOLE), none, none],
        Bgrx => [group(0, 4, &[2, 1, 0], WHOLE), none, none],
        Gray8 => [luma, none, none],
    }
}
