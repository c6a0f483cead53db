//! Dense convolution by `smull`, `smlal` and `sadalp`: 4 output channels of up to 4 pixels at a time, 16 bytes
//! of a run in the lanes.
//!
//! Two products of signed bytes fit i16 unless both are -128 * -128; so they share one pairwise addition where
//! no weight is -128, and have one each where some is.

use super::store::{Bytes, signed};
use crate::kernels::arena::Area;
use crate::kernels::conv::{Conv, Packed};
use std::arch::aarch64::*;
use std::ops::Range;

/// # Safety
/// As [`Conv::run`]; the processor has NEON.
#[target_feature(enable = "neon")]
pub unsafe fn conv(k: &Conv, arena: *mut u8, from: &Area, to: &Area, rows: Range<usize>) {
    let Packed::I8(weights) = &k.weights else { return };
    let segments = k.segments(from, to, rows);
    let out_bytes = if k.float_out { 16 } else { 4 };
    for block in segments.blocks() {
        for (tile, weights) in weights.chunks_exact(k.kernel_rows * k.run * 4).enumerate() {
            let t = Tile { k, weights: weights.as_ptr(), channel: tile * 4, pitch: from.pitch };
            for i in block.clone() {
                let (x, y, n) = segments.get(i);
                // SAFETY: building the plan checked every pixel's runs and channels against the arena.
                unsafe {
                    let (x, y) = (arena.add(x).cast_const(), arena.add(y + tile * out_bytes));
                    match k.paired {
                        true => t.segment::<true>(x, y, to.step, n),
                        false => t.segment::<false>(x, y, to.step, n),
                    }
                }
            }
        }
    }
}

struct Tile<'a> {
    k: &'a Conv,
    /// `[kernel row][run / 16][4][16]`, the last 8 of a run `[4][8]`.
    weights: *const i8,
    channel: usize,
    pitch: usize,
}

impl Tile<'_> {
    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn segment<const PAIRED: bool>(&self, x: *const u8, y: *mut u8, y_step: usize, n: usize) {
        let mut p = 0;
        while p < n {
            // SAFETY: pixels `p..p + r` are of the segment.
            unsafe {
                let (x, y) = (x.add(p * self.k.x_step), y.add(p * y_step));
                p += match n - p {
                    4.. => self.pixels::<4, PAIRED>(x, y, y_step),
                    2.. => self.pixels::<2, PAIRED>(x, y, y_step),
                    _ => self.pixels::<1, PAIRED>(x, y, y_step),
                };
            }
        }
    }

    /// `R` pixels by 4 channels.
    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn pixels<const R: usize, const PAIRED: bool>(
        &self,
        x: *const u8,
        y: *mut u8,
        y_step: usize,
    ) -> usize {
        let k = self.k;
        let mut w = self.weights;
        // SAFETY: the runs of these pixels and the packed weights of this tile are in bounds (checked when
        // packed and planned); bias and factors are padded to whole tiles.
        unsafe {
            let mut sums = [[vdupq_n_s32(0); 4]; R];
            for ky in 0..k.kernel_rows {
                let mut x = x.add(ky * self.pitch);
                for _ in 0..k.run / 16 {
                    let w4 = [vld1q_s8(w), vld1q_s8(w.add(16)), vld1q_s8(w.add(32)), vld1q_s8(w.add(48))];
                    for (r, sums) in sums.iter_mut().enumerate() {
                        let x = signed(vld1q_u8(x.add(r * k.x_step)));
                        for c in 0..4 {
                            sums[c] = sixteen::<PAIRED>(sums[c], x, w4[c]);
                        }
                    }
                    (x, w) = (x.add(16), w.add(64));
                }
                if !k.run.is_multiple_of(16) {
                    let w4 = [vld1_s8(w), vld1_s8(w.add(8)), vld1_s8(w.add(16)), vld1_s8(w.add(24))];
                    for (r, sums) in sums.iter_mut().enumerate() {
                        let x = vget_low_s8(signed(vld1q_u8(x.add(r * k.x_step))));
                        for c in 0..4 {
                            sums[c] = vpadalq_s16(sums[c], vmull_s8(x, w4[c]));
                        }
                    }
                    w = w.add(32);
                }
            }
            let bias = vld1q_s32(k.bias.as_ptr().add(self.channel));
            let mult = vld1q_f32(k.mult.as_ptr().add(self.channel));
            let mut real = [vdupq_n_f32(0.0); 4];
            for (real, s) in real.iter_mut().zip(&sums) {
                let sum = vpaddq_s32(vpaddq_s32(s[0], s[1]), vpaddq_s32(s[2], s[3]));
                *real = vmulq_f32(vcvtq_f32_s32(vaddq_s32(sum, bias)), mult);
            }
            if k.float_out {
                (0..R).for_each(|r| vst1q_f32(y.add(r * y_step).cast(), real[r]));
            } else {
                let words = vreinterpretq_u32_u8(Bytes::new(&k.requant).of(real));
                let mut pixels = [0u32; 4];
                vst1q_u32(pixels.as_mut_ptr(), words);
                (0..R).for_each(|r| y.add(r * y_step).cast::<u32>().write(pixels[r]));
            }
        }
        R
    }
}

/// 16 products, summed in fours.
#[inline]
#[target_feature(enable = "neon")]
fn sixteen<const PAIRED: bool>(sum: int32x4_t, x: int8x16_t, w: int8x16_t) -> int32x4_t {
    let low = vmull_s8(vget_low_s8(x), vget_low_s8(w));
    if PAIRED {
        return vpadalq_s16(sum, vmlal_high_s8(low, x, w));
    }
    vpadalq_s16(vpadalq_s16(sum, low), vmull_high_s8(x, w))
}
