//! Dense convolution of a u8 map: pointwise, strided, the stem; as sums over runs of contiguous bytes.
//!
//! In an NHWC map with its border in place, one kernel row of one output pixel reads `kernel width *
//! channels` contiguous bytes. So every dense convolution is the same loop: a few runs of bytes against
//! packed weights, the next pixel `stride * step` bytes on.

mod layout;
mod segments;

pub use layout::{packed16, packed64};
pub use segments::Segments;

use super::arena::{Area, Border};
#[cfg(target_arch = "x86_64")]
use super::pairs::Pairs;
use super::requant::{Requant, RequantSpec};
use super::{Error, Isa, Quant};
use layout::Layout;
use std::ops::Range;

/// A dense (one group) convolution from quantized map to quantized map, or to floats.
#[derive(Debug, Clone, PartialEq)]
pub struct ConvSpec {
    /// Kernel rows and columns.
    pub kernel: [usize; 2],
    /// Steps down and right.
    pub stride: [usize; 2],
    /// Padding above and left (that below and right follows from the output's size).
    pub pad: [usize; 2],
    /// s8 `[out, in, kernel rows, kernel columns]`.
    pub weights: Vec<i8>,
    /// i32 `[out]`, in units of input scale times weight scale.
    pub bias: Vec<i32>,
    /// f32 `[out]`: what a sum is multiplied by to be in steps of the output (or to be real).
    pub mult: Vec<f32>,
    /// Real meaning of the input's bytes.
    pub input: Quant,
    /// The output's zero point; `None`: the output is f32.
    pub output_zero_point: Option<u8>,
    /// Least and largest output byte.
    pub clamp: (u8, u8),
}

/// A convolution packed for an instruction set.
pub struct Conv {
    pub isa: Isa,
    pub kernel_rows: usize,
    /// Bytes of a run, padded to a multiple of 4, or 8 for NEON (the padding meets zero weights).
    pub run: usize,
    /// Bytes from an output pixel's input to the next one's.
    pub x_step: usize,
    pub stride: [usize; 2],
    pub pad: [usize; 2],
    pub requant: Requant,
    pub float_out: bool,
    /// No weight is -128: two products of signed bytes fit i16.
    #[cfg_attr(not(target_arch = "aarch64"), allow(dead_code, reason = "only its kernels take both kinds"))]
    pub paired: bool,
    pub weights: Packed,
    /// Bias and factor in the packed order of channels.
    pub bias: Vec<i32>,
    pub mult: Vec<f32>,
}

/// Weights in the order that the kernel reads them.
pub enum Packed {
    I8(Vec<i8>),
    #[cfg_attr(not(any(target_arch = "x86_64", target_arch = "aarch64", posed_neon)), allow(dead_code))]
    I16(Vec<i16>),
    #[cfg(target_arch = "x86_64")]
    Pairs(Pairs),
}

impl Conv {
    pub const STEP: &'static str = "convolution";

    /// The border that the kernel reads of `from`.
    pub fn border(spec: &ConvSpec, from: (usize, usize), to: (usize, usize)) -> Border {
        let after = |i: usize, len, out| Border::after(len, spec.kernel[i], spec.stride[i], spec.pad[i], out);
        Border {
            top: spec.pad[0],
            left: spec.pad[1],
            bottom: after(0, from.0, to.0),
            right: after(1, from.1, to.1),
        }
    }

    pub fn new(isa: Isa, spec: &ConvSpec, from: &Area, to: &Area) -> Result<Conv, Error> {
        let bad = |what: String| Error::step(Conv::STEP, what);
        let [kh, kw] = spec.kernel;
        let (ci, co) = (from.channels, to.channels);
        if spec.weights.len() != co * ci * kh * kw || spec.stride.contains(&0) || kh * kw == 0 {
            return Err(bad(format!("{} weights for {ci} -> {co} channels, {kh}x{kw}", spec.weights.len())));
        }
        let taps = |o: usize| spec.weights[o * ci * kh * kw..][..ci * kh * kw].iter().copied();
        let values = RequantSpec {
            bias: &spec.bias,
            mult: &spec.mult,
            input_zero_point: spec.input.zero_point,
            zero_point: spec.output_zero_point.unwrap_or(0),
            low: spec.clamp.0,
            high: spec.clamp.1,
        };
        let requant = Requant::new(co, taps, values).map_err(bad)?;
        // No weight is -128: two products of signed bytes fit i16. 32 bit ARM has no kernel without that.
        let paired = !spec.weights.contains(&i8::MIN);
        let by_hand = requant.fits_i32 && (paired || !cfg!(posed_neon));
        let isa = if by_hand { isa } else { Isa::Generic };
        // The weight of output channel `o` for byte `b` of kernel row `ky`'s run.
        let at = |o: usize, ky: usize, b: usize| {
            let (kx, i) = (b / from.step, b % from.step);
            let real = o < co && kx < kw && i < ci;
            if real { spec.weights[((o * ci + i) * kh + ky) * kw + kx] } else { 0 }
        };
        let blocks = co.div_ceil(16);
        let float_out = spec.output_zero_point.is_none();
        let layout = Layout::of(isa, float_out);
        let run = (kw * from.step).next_multiple_of(layout.run_multiple);
        let order: Vec<usize> = layout.channels(blocks);
        // A kernel that takes 128 from each byte is owed 128 times the weights' sum.
        let owed = |c: usize| {
            let sum: i32 = if layout.signed && c < co { taps(c).map(i32::from).sum() } else { 0 };
            sum.wrapping_mul(128)
        };
        #[cfg_attr(not(target_arch = "x86_64"), allow(unused_mut))]
        let mut bias: Vec<i32> = order.iter().map(|&c| requant.bias[c].wrapping_add(owed(c))).collect();
        let weights = match isa {
            #[cfg(target_arch = "x86_64")]
            Isa::Sse41 | Isa::Avx2 => Packed::Pairs(Pairs::new((kh, run, from.pitch), &order, at, &mut bias)),
            _ => Packed::I8(layout.pack(kh, run, &order, at)),
        };
        let mult = order.iter().map(|&c| requant.mult[c]).collect();
        let x_step = spec.stride[1] * from.step;
        let (stride, pad) = (spec.stride, spec.pad);
        Ok(Conv {
            isa,
            kernel_rows: kh,
            run,
            x_step,
            stride,
            pad,
            requant,
            float_out,
            paired,
            weights,
            bias,
            mult,
        })
    }

    /// Computes `rows` of `to`.
    ///
    /// # Safety
    /// `arena` is an arena of the plan that this step was built and checked for; no other thread writes
    /// `from`, or touches these rows of `to`.
    pub unsafe fn run(&self, arena: *mut u8, from: &Area, to: &Area, rows: Range<usize>) {
        // SAFETY: the caller's promise, passed on; `isa` was chosen from those that run here.
        unsafe {
            match self.isa {
                #[cfg(target_arch = "x86_64")]
                Isa::Avx512Vnni => super::x86_64::avx512::conv(self, arena, from, to, rows),
                #[cfg(target_arch = "x86_64")]
                Isa::AvxVnni => super::x86_64::vnni256::conv(self, arena, from, to, rows),
                #[cfg(target_arch = "x86_64")]
                Isa::Avx2 => super::x86_64::avx2::conv(self, arena, from, to, rows),
                #[cfg(target_arch = "x86_64")]
                Isa::Sse41 => super::x86_64::sse41::conv(self, arena, from, to, rows),
                #[cfg(target_arch = "aarch64")]
                Isa::DotProd => super::aarch64::dotprod::conv(self, arena, from, to, rows),
                #[cfg(target_arch = "aarch64")]
                Isa::Neon => super::aarch64::neon::conv(self, arena, from, to, rows),
                #[cfg(posed_neon)]
                Isa::Neon => super::arm::conv(self, arena, from, to, rows),
                _ => generic(self, arena, from, to, rows),
            }
        }
    }

    /// The output pixels of `rows` cut into segments whose inputs are `x_step` apart.
    pub fn segments(&self, from: &Area, to: &Area, rows: Range<usize>) -> Segments {
        let flat = self.kernel_rows == 1
            && self.x_step == from.step
            && self.stride[0] == 1
            && from.is_flat()
            && to.is_flat();
        let input_row = |y: usize| from.row(0) + y * self.stride[0] * from.pitch;
        let x = input_row(rows.start) - self.pad[0] * from.pitch - self.pad[1] * from.step;
        let y = to.row(rows.start);
        let pixels = rows.len() * to.width;
        if flat {
            // With 8 channels a tile, a segment is gone over so often that it has to stay in the first cache.
            let n = if matches!(self.isa, Isa::Avx2 | Isa::Sse41) {
                (24 * 1024 / from.step / 8 * 8).clamp(16, 96)
            } else {
                96
            };
            return Segments { x, y, x_pitch: n * from.step, y_pitch: n * to.step, n, pixels, block: 1 };
        }
        let (n, x_pitch) = (to.width, self.stride[0] * from.pitch);
        Segments { x, y, x_pitch, y_pitch: to.pitch, n, pixels, block: (96 / n).max(1) }
    }
}

/// The reference: 16 channels of one pixel at a time.
unsafe fn generic(k: &Conv, arena: *mut u8, from: &Area, to: &Area, rows: Range<usize>) {
    let Packed::I8(weights) = &k.weights else { return };
    let segments = k.segments(from, to, rows);
    for block in segments.blocks() {
        for (tile, weights) in weights.chunks_exact(k.kernel_rows * k.run * 16).enumerate() {
            for i in block.clone() {
                let (x, y, n) = segments.get(i);
                for p in 0..n {
                    let mut sums = [0i32; 16];
                    sums.copy_from_slice(&k.bias[tile * 16..][..16]);
                    for (ky, weights) in weights.chunks_exact(k.run * 16).enumerate() {
                        // SAFETY: building the plan checked that each run of each pixel lies in the arena.
                        let run = unsafe {
                            std::slice::from_raw_parts(arena.add(x + p * k.x_step + ky * from.pitch), k.run)
                        };
                        for (x, w) in run.iter().zip(weights.as_chunks::<16>().0) {
                            // A product fits i16: half as wide, twice as many at a time.
                            for l in 0..16 {
                                sums[l] =
                                    sums[l].wrapping_add(i32::from(i16::from(*x).wrapping_mul(w[l].into())));
                            }
                        }
                    }
                    // SAFETY: as above: 16 channels of a pixel of `to`.
                    unsafe { store(k, arena.add(y + p * to.step), tile * 16, &sums) };
                }
            }
        }
    }
}

/// Stores 16 sums (natural order) of a pixel from `channel` on.
///
/// # Safety
/// `pixel` has room for channels `channel..channel + 16`.
pub unsafe fn store(k: &Conv, pixel: *mut u8, channel: usize, sums: &[i32; 16]) {
    // SAFETY: the caller's promise; an f32 map is aligned to 64 bytes, its pixels to 64.
    unsafe {
        if k.float_out {
            let pixel = pixel.cast::<f32>().add(channel);
            for (l, sum) in sums.iter().enumerate() {
                pixel.add(l).write(*sum as f32 * k.requant.mult[channel + l]);
            }
        } else {
            pixel.add(channel).cast::<[u8; 16]>().write(k.requant.bytes(channel, sums));
        }
    }
}
