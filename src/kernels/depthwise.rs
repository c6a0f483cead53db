//! Depthwise convolution of a u8 map: each channel by its own kernel.

use super::arena::Area;
use super::conv::{Packed, packed16, packed64};
use super::requant::{Requant, RequantSpec};
use super::{ConvSpec, Error, Isa};
use std::ops::Range;

/// A depthwise convolution packed for an instruction set.
pub struct Depthwise {
    isa: Isa,
    kernel: [usize; 2],
    pub stride: [usize; 2],
    pad: [usize; 2],
    pub requant: Requant,
    pub weights: Packed,
    /// Bias and factor in the packed order of channels.
    pub bias: Vec<i32>,
    #[cfg_attr(not(any(target_arch = "x86_64", target_arch = "aarch64", posed_neon)), allow(dead_code))]
    pub mult: Vec<f32>,
}

impl Depthwise {
    pub const STEP: &'static str = "depthwise convolution";

    /// `spec.weights` are s8 `[channels, 1, kernel rows, kernel columns]`.
    pub fn new(isa: Isa, spec: &ConvSpec, from: &Area, to: &Area) -> Result<Depthwise, Error> {
        let bad = |what: String| Error::step(Depthwise::STEP, what);
        let [kh, kw] = spec.kernel;
        let channels = to.channels;
        let Some(zero_point) = spec.output_zero_point else {
            return Err(bad("float output is not made".into()));
        };
        if spec.weights.len() != channels * kh * kw || from.channels != channels || spec.stride.contains(&0) {
            return Err(bad(format!("{} weights for {channels} channels, {kh}x{kw}", spec.weights.len())));
        }
        let taps = |c: usize| spec.weights[c * kh * kw..][..kh * kw].iter().copied();
        let values = RequantSpec {
            bias: &spec.bias,
            mult: &spec.mult,
            input_zero_point: spec.input.zero_point,
            zero_point,
            low: spec.clamp.0,
            high: spec.clamp.1,
        };
        let requant = Requant::new(channels, taps, values).map_err(bad)?;
        let at = |c: usize, ky: usize, kx: usize| {
            if c < channels && ky < kh { spec.weights[(c * kh + ky) * kw + kx] } else { 0 }
        };
        let by_hand = spec.kernel == [3, 3] && requant.fits_i32;
        let (weights, order): (Packed, Vec<usize>) = match isa {
            Isa::Avx512Vnni if by_hand => {
                let order: Vec<usize> =
                    (0..channels.next_multiple_of(64)).map(|p| p / 64 * 64 + packed64(p % 64)).collect();
                let pack = |c: &[usize]| {
                    let rows = |(kx, c): (usize, usize)| (0..4).map(move |ky| at(c, ky, kx));
                    (0..3).flat_map(|kx| c.iter().map(move |c| (kx, *c))).flat_map(rows).collect::<Vec<i8>>()
                };
                (Packed::I8(order.chunks(64).flat_map(pack).collect()), order)
            }
            Isa::Sse41 | Isa::Avx2 | Isa::AvxVnni if by_hand => {
                let order: Vec<usize> =
                    (0..channels.next_multiple_of(16)).map(|p| p / 16 * 16 + packed16(p % 16)).collect();
                let mut packed = vec![];
                for c in order.chunks(16) {
                    for kx in 0..3 {
                        for rows in [[0, 1], [2, 3]] {
                            packed.extend(c.iter().flat_map(|&c| rows.map(|ky| i16::from(at(c, ky, kx)))));
                        }
                    }
                }
                (Packed::I16(packed), order)
            }
            Isa::DotProd if by_hand => {
                let order: Vec<usize> = (0..channels.next_multiple_of(16)).collect();
                let rows = |(kx, c): (usize, usize)| (0..4).map(move |ky| at(c, ky, kx));
                let pack = |c: &[usize]| {
                    (0..3).flat_map(|kx| c.iter().map(move |c| (kx, *c))).flat_map(rows).collect::<Vec<i8>>()
                };
                (Packed::I8(order.chunks(16).flat_map(pack).collect()), order)
            }
            Isa::Neon if by_hand => {
                let order: Vec<usize> = (0..channels.next_multiple_of(16)).collect();
                let tap = |c: usize, t: usize| i16::from(at(c, t % 3, t / 3));
                let pack = |c: &[usize]| {
                    (0..9).flat_map(|t| c.iter().map(move |&c| tap(c, t))).collect::<Vec<i16>>()
                };
                (Packed::I16(order.chunks(8).flat_map(pack).collect()), order)
            }
            _ => {
                let order: Vec<usize> = (0..channels.next_multiple_of(16)).collect();
                let tap = |t: usize| order.iter().map(move |&c| at(c, t / kw, t % kw));
                (Packed::I8((0..kh * kw).flat_map(tap).collect()), order.clone())
            }
        };
        let isa = if by_hand { isa } else { Isa::Generic };
        // `sdot` takes 128 from each byte, and is owed 128 times the weights' sum.
        let owed = |c: usize| {
            let sum: i32 = if isa == Isa::DotProd && c < channels { taps(c).map(i32::from).sum() } else { 0 };
            sum.wrapping_mul(128)
        };
        let bias = order.iter().map(|&c| requant.bias[c].wrapping_add(owed(c))).collect();
        let mult = order.iter().map(|&c| requant.mult[c]).collect();
        let ConvSpec { kernel, stride, pad, .. } = *spec;
        Ok(Depthwise { isa, kernel, stride, pad, requant, weights, bias, mult })
    }

    /// Offset of the first byte of output row `y`'s first window.
    pub fn window(&self, from: &Area, y: usize) -> usize {
        from.origin + y * self.stride[0] * from.pitch - self.pad[0] * from.pitch - self.pad[1] * from.step
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
                Isa::Avx512Vnni => super::x86_64::avx512::depthwise(self, arena, from, to, rows),
                #[cfg(target_arch = "x86_64")]
                Isa::Avx2 | Isa::AvxVnni => super::x86_64::avx2::depthwise(self, arena, from, to, rows),
                #[cfg(target_arch = "x86_64")]
                Isa::Sse41 => super::x86_64::sse41::depthwise(self, arena, from, to, rows),
                #[cfg(target_arch = "aarch64")]
                Isa::DotProd => super::aarch64::depthwise::by_dot(self, arena, from, to, rows),
                #[cfg(target_arch = "aarch64")]
                Isa::Neon => super::aarch64::depthwise::by_mlal(self, arena, from, to, rows),
                #[cfg(posed_neon)]
                Isa::Neon => super::arm::depthwise(self, arena, from, to, rows),
                isa => generic(isa, self, arena, from, to, rows),
            }
        }
    }
}

versions! {
    fn generic(k: &Depthwise, arena: *mut u8, from: &Area, to: &Area, rows: Range<usize>) = body;
}

#[inline(always)]
unsafe fn body(k: &Depthwise, arena: *mut u8, from: &Area, to: &Area, rows: Range<usize>) {
    let Packed::I8(weights) = &k.weights else { return };
    for y in rows {
        for p in 0..to.width {
            let x = k.window(from, y) + p * k.stride[1] * from.step;
            for c in (0..to.step).step_by(16) {
                let mut sums = [0i32; 16];
                sums.copy_from_slice(&k.bias[c..c + 16]);
                for (t, weights) in weights.chunks_exact(k.bias.len()).enumerate() {
                    let at = x + t / k.kernel[1] * from.pitch + t % k.kernel[1] * from.step + c;
                    // SAFETY: building the plan checked the window of every output pixel.
                    let x = unsafe { &*arena.add(at).cast::<[u8; 16]>() };
                    let weights = &weights[c..c + 16];
                    for l in 0..16 {
                        let product = i16::from(x[l]).wrapping_mul(weights[l].into());
                        sums[l] = sums[l].wrapping_add(product.into());
                    }
                }
                let out = to.row(y) + p * to.step + c;
                // SAFETY: 16 channels of a pixel of `to`.
                unsafe { arena.add(out).cast::<[u8; 16]>().write(k.requant.bytes(c, &sums)) };
            }
        }
    }
}
