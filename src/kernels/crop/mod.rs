//! Samples a picture along one line of a crop, in the picture's own pixel format.
//!
//! # What a sample is
//! At (x, y) stored px, luma and chroma (or R, G, B) are each interpolated bilinearly on their own
//! grid, the nearest edge continued outwards; chroma sample (i, j) lies at luma column 2i (left, as
//! MPEG-2 has it) and, where rows are halved too, at luma row 2j + 0.5. The result is converted to
//! RGB, limited to 0..=255, faded to black over the one pixel outside the picture (what a bilinear
//! warp with a black border gives) and rounded, halves up, as `cv2.warpAffine` rounds.
//!
//! Where one crop pixel spans several picture pixels nothing is averaged: the networks are trained
//! on plain bilinear crops, and see here what they saw there.
//!
//! # How
//! A crop whose lines are rows of the picture goes by [`Upright`], in fixed point; any other sample by sample, in
//! f32. Each way has one order of operations, whatever the processor: results are equal bit for bit.

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

/// Samples that are stored side by side: one plane's, or several channels of it.
#[derive(Clone, Copy, Debug)]
pub struct Group<'a> {
    /// Bytes of the plane.
    pub plane: &'a [u8],
    /// Bytes from one row to the next.
    pub stride: usize,
    /// Bytes from one sample to the next.
    pub step: usize,
    /// Byte of each channel within a sample.
    pub offsets: &'static [usize],
    /// Samples in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// One sample for two px of the picture: across, down.
    pub halved: (bool, bool),
}

/// How samples become RGB.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Colour {
    /// They are.
    Rgb,
    /// Luma alone.
    Grey,
    /// Y, U, V.
    Ycc(Ycc),
}

/// R = y·Y + rv·V + r0, G = y·Y + gu·U + gv·V + g0, B = y·Y + bu·U + b0, all in 0..=255.
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
    /// The matrix of luma weights `kr` and `kb` (ITU-R BT.601: 0.299, 0.114; BT.709: 0.2126, 0.0722).
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
    /// Its channels, in the order that `colour` names them; one to three groups.
    pub groups: &'a [Group<'a>],
    /// How they become RGB.
    pub colour: Colour,
}

/// A straight line of samples, in px of the picture: sample `i` lies at `start + i·step`.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    /// x, y of sample 0.
    pub start: (f32, f32),
    /// From one sample to the next.
    pub step: (f32, f32),
}

/// A way to sample, chosen once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sampler {
    /// Plain Rust: right everywhere.
    Generic,
    /// Eight samples at a time.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// Sixteen columns at a time of upright crops; others as [`Sampler::Avx2`].
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// Four samples at a time.
    #[cfg(target_arch = "aarch64")]
    Neon,
}

impl Sampler {
    /// The best on this processor that uses no more than `limit`'s instructions.
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

    /// Samples `line` into `out`: R, then G, then B, each a third of it; the length of a third must be
    /// a multiple of 8 (anything else is left as it is, for there is nothing sensible to do).
    pub fn sample(self, picture: &Picture<'_>, line: &Line, out: &mut [u8]) {
        let count = out.len() / 3;
        if count * 3 != out.len() || !count.is_multiple_of(8) || !consistent(picture) {
            debug_assert!(false, "a caller of the crop kernels broke their rules");
            return;
        }
        match self {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: asked just now.
            Sampler::Avx2 | Sampler::Avx512 if avx2::here() && lanes::can(picture) => unsafe {
                avx2::sample(picture, line, out)
            },
            #[cfg(target_arch = "aarch64")]
            // SAFETY: asked just now.
            Sampler::Neon if neon::here() && lanes::can(picture) => unsafe {
                neon::sample(picture, line, out)
            },
            _ => generic::sample(picture, line, out),
        }
    }

    /// Prepares `upright` for crops of `picture` whose column `i` of `count` lies at `start + i·step` px.
    pub fn columns(self, picture: &Picture<'_>, upright: &mut Upright, start: f32, step: f32, count: usize) {
        if consistent(picture) {
            upright.columns(picture, start, step, count);
        }
    }

    /// Has what [`Sampler::line`] will read at row `y` fetched.
    pub fn expect(self, picture: &Picture<'_>, upright: &Upright, y: f32) {
        if consistent(picture) {
            upright.expect(picture, y);
        }
    }

    /// Samples the line at row `y` px of the picture that `upright` was prepared for; `out` as in
    /// [`Sampler::sample`].
    pub fn line(self, picture: &Picture<'_>, upright: &mut Upright, y: f32, out: &mut [u8]) {
        if !out.len().is_multiple_of(3) || !consistent(picture) {
            debug_assert!(false, "a caller of the crop kernels broke their rules");
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

/// Whether every sample of every group lies in its plane, and the channels are as many as they must be.
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

/// Sample coordinate from picture coordinate: scale, then offset.
fn across(halved: bool) -> f32 {
    if halved { 0.5 } else { 1.0 }
}

/// As [`across`], for rows, whose halved samples lie between two rows.
fn down(halved: bool) -> (f32, f32) {
    if halved { (0.5, -0.25) } else { (1.0, 0.0) }
}
