//! Samples a picture along one line of a crop, in the picture's own pixel format.
//!
//! # What a sample is
//! At (x, y) in stored pixels, luma and chroma (or R, G, B) are each interpolated bilinearly on
//! their own grid; outside it the nearest edge continues. Chroma sample (i, j) lies at luma column
//! 2i (left, as in MPEG-2) and, if rows are halved too, at luma row 2j + 0.5. The result is
//! converted to RGB, limited to 0..=255, faded to black over one pixel outside the picture, as a
//! bilinear warp with a black border does, and rounded with halves up, as in `cv2.warpAffine`.
//!
//! If a pixel of the crop spans several pixels of the picture, they are not averaged: the networks
//! are trained on plain bilinear crops.
//!
//! # How
//! If the lines of a crop are rows of the picture, [`Upright`] samples them in fixed point. Other
//! crops are sampled point by point in f32. Each way has one order of operations for all
//! processors, so results are equal bit for bit.

mod colour;
mod generic;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
#[macro_use]
mod lanes;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
mod tables;
#[cfg(test)]
mod tests;
mod upright;

pub use tables::Tables;
pub use upright::Upright;

use super::Isa;

/// Channels that are stored together: one plane, or several channels in one plane.
#[derive(Clone, Copy, Debug)]
pub struct Group<'a> {
    /// Bytes of the plane.
    pub plane: &'a [u8],
    /// Bytes from one row to the next.
    pub stride: usize,
    /// Bytes from one sample to the next.
    pub step: usize,
    /// The byte of each channel within a sample.
    pub offsets: &'static [usize],
    /// Samples in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Whether one sample stands for two pixels: across, down.
    pub halved: (bool, bool),
}

/// How samples become RGB.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Colour {
    /// The channels are R, G and B.
    Rgb,
    /// The only channel is luma.
    Grey,
    /// The channels are Y, U and V.
    Ycc(Ycc),
}

/// A conversion to R, G and B, all in 0..=255: R = y·Y + rv·V + r0, G = y·Y + gu·U + gv·V + g0 and
/// B = y·Y + bu·U + b0.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs, reason = "named in the formula above")]
pub struct Ycc {
    pub y: f32,
    pub rv: f32,
    pub gu: f32,
    pub gv: f32,
    pub bu: f32,
    pub r0: f32,
    pub g0: f32,
    pub b0: f32,
}

impl Ycc {
    /// The conversion for luma weights `kr` and `kb`: 0.299 and 0.114 in ITU-R BT.601, 0.2126 and
    /// 0.0722 in BT.709.
    pub fn new(kr: f64, kb: f64, full_range: bool) -> Ycc {
        let kg = 1.0 - kr - kb;
        let (y, c, black) = if full_range { (1.0, 1.0, 0.0) } else { (255.0 / 219.0, 255.0 / 224.0, 16.0) };
        let (rv, bu) = (2.0 * (1.0 - kr) * c, 2.0 * (1.0 - kb) * c);
        let (gu, gv) = (-bu * kb / kg, -rv * kr / kg);
        let zero = |chroma: f64| (-y * black - 128.0 * chroma) as f32;
        Ycc {
            y: y as f32,
            rv: rv as f32,
            gu: gu as f32,
            gv: gv as f32,
            bu: bu as f32,
            r0: zero(rv),
            g0: zero(gu + gv),
            b0: zero(bu),
        }
    }
}

/// A picture to sample.
#[derive(Clone, Copy, Debug)]
pub struct Picture<'a> {
    /// Width in px.
    pub width: usize,
    /// Height in px.
    pub height: usize,
    /// The channels in the order of `colour`, in one to three groups.
    pub groups: &'a [Group<'a>],
    /// How the channels become RGB.
    pub colour: Colour,
}

/// A straight line of samples in pixels of the picture: sample `i` lies at `start + i·step`.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    /// x and y of sample 0.
    pub start: (f32, f32),
    /// From one sample to the next.
    pub step: (f32, f32),
}

/// The implementation that samples; chosen once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sampler {
    /// Plain Rust, for any processor.
    Generic,
    /// Eight samples at a time.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// Sixteen columns of an upright crop at a time; other crops as [`Sampler::Avx2`].
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// Four samples at a time.
    #[cfg(target_arch = "aarch64")]
    Neon,
}

impl Sampler {
    /// The best one of this processor. It uses no larger instruction set than `limit`.
    pub fn new(limit: Option<Isa>) -> Sampler {
        #[cfg(target_arch = "x86_64")]
        if !matches!(limit, Some(Isa::Generic | Isa::Sse41)) && avx2::here() {
            let older = matches!(limit, Some(Isa::Avx2 | Isa::AvxVnni));
            return if avx512::here() && !older { Sampler::Avx512 } else { Sampler::Avx2 };
        }
        #[cfg(target_arch = "aarch64")]
        if limit != Some(Isa::Generic) && neon::here() {
            return Sampler::Neon;
        }
        let _ = limit;
        Sampler::Generic
    }

    /// Samples `line` into `out`: R, then G, then B, each a third of it. The length of a third must
    /// be a multiple of 8; if not, `out` stays as it is.
    pub fn sample(self, picture: &Picture<'_>, line: &Line, out: &mut [u8]) {
        let count = out.len() / 3;
        if count * 3 != out.len() || !count.is_multiple_of(8) || !consistent(picture) {
            debug_assert!(false, "the output or the picture breaks the contract of the crop kernels");
            return;
        }
        match self {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: checked just now.
            Sampler::Avx2 | Sampler::Avx512 if avx2::here() && lanes::can(picture) => unsafe {
                avx2::sample(picture, line, out)
            },
            #[cfg(target_arch = "aarch64")]
            // SAFETY: checked just now.
            Sampler::Neon if neon::here() && lanes::can(picture) => unsafe {
                neon::sample(picture, line, out)
            },
            _ => generic::sample(picture, line, out),
        }
    }

    /// Prepares `upright` for crops of `picture` with `count` columns, column `i` at
    /// `start + i·step`.
    pub fn columns(self, picture: &Picture<'_>, upright: &mut Upright, start: f32, step: f32, count: usize) {
        if consistent(picture) {
            upright.columns(picture, start, step, count);
        }
    }

    /// Starts to fetch what [`Sampler::line`] will read at row `y`.
    pub fn expect(self, picture: &Picture<'_>, upright: &Upright, y: f32) {
        if consistent(picture) {
            upright.expect(picture, y);
        }
    }

    /// Samples the line at row `y` of the picture that `upright` is prepared for; `out` as in
    /// [`Sampler::sample`].
    pub fn line(self, picture: &Picture<'_>, upright: &mut Upright, y: f32, out: &mut [u8]) {
        if !out.len().is_multiple_of(3) || !consistent(picture) {
            debug_assert!(false, "the output or the picture breaks the contract of the crop kernels");
            return;
        }
        let isa = match self {
            #[cfg(target_arch = "x86_64")]
            Sampler::Avx512 if avx512::here() => Isa::Avx512Vnni,
            #[cfg(target_arch = "x86_64")]
            Sampler::Avx2 | Sampler::Avx512 if avx2::here() => Isa::Avx2,
            _ => Isa::Generic,
        };
        upright.line(isa, picture, y, out);
    }
}

/// Whether every sample of a group lies in its plane, and the number of channels fits the colour.
fn consistent(picture: &Picture<'_>) -> bool {
    let channels: usize = picture.groups.iter().map(|g| g.offsets.len()).sum();
    let wanted = if picture.colour == Colour::Grey { 1 } else { 3 };
    channels == wanted
        && picture.width > 0
        && picture.height > 0
        && picture.groups.iter().all(|g| {
            let last = g.offsets.iter().max().copied().unwrap_or(0);
            g.width > 0
                && g.height > 0
                && (g.height - 1) * g.stride + (g.width - 1) * g.step + last < g.plane.len()
        })
}

/// The scale from columns of the picture to columns of samples.
fn across(halved: bool) -> f32 {
    if halved { 0.5 } else { 1.0 }
}

/// The scale and offset from rows of the picture to rows of samples. Halved rows lie between two.
fn down(halved: bool) -> (f32, f32) {
    if halved { (0.5, -0.25) } else { (1.0, 0.0) }
}
