//! Dense convolution by `sdot`: 16 output channels of up to 6 pixels at a time.

use super::dot::{dot_lane, six_pixels};
use super::store::{Bytes, load_f32, load_i32, reals, signed};
use crate::kernels::arena::Area;
use crate::kernels::conv::{Conv, Packed};
use std::arch::aarch64::*;
use std::ops::Range;

/// # Safety
/// As [`Conv::run`]; the processor has NEON and the dot product extension.
#[target_feature(enable = "neon,dotprod")]
pub unsafe fn conv(k: &Conv, arena: *mut u8, from: &Area, to: &Area, rows: Range<usize>) {
    let Packed::I8(weights) = &k.weights else { return };
    let segments = k.segments(from, to, rows);
    let out_bytes = if k.float_out { 64 } else { 16 };
    for block in segments.blocks() {
        for (tile, weights) in weights.chunks_exact(k.kernel_rows * k.run * 16).enumerate() {
            let t = Tile { k, weights: weights.as_ptr(), channel: tile * 16, pitch: from.pitch };
            for i in block.clone() {
                let (x, y, n) = segments.get(i);
                let mut p = 0;
                while p < n {
                    // SAFETY: building the plan checked every pixel's runs (and 16 bytes on) and channels.
                    unsafe {
                        let x = arena.add(x + p * k.x_step).cast_const();
                        let y = arena.add(y + p * to.step + tile * out_bytes);
                        p += match n - p {
                            6.. => t.pixels::<6>(x, y, to.step),
                            4.. => t.pixels::<4>(x, y, to.step),
                            2.. => t.pixels::<2>(x, y, to.step),
                            _ => t.pixels::<1>(x, y, to.step),
                        };
                    }
                }
            }
        }
    }
}

struct Tile<'a> {
    k: &'a Conv,
    /// `[kernel row][run / 4][16][4]`.
    weights: *const i8,
    channel: usize,
    pitch: usize,
}

impl Tile<'_> {
    /// `R` pixels by 16 channels.
    #[inline]
    #[target_feature(enable = "neon,dotprod")]
    unsafe fn pixels<const R: usize>(&self, x: *const u8, y: *mut u8, y_step: usize) -> usize {
        let k = self.k;
        let mut w = self.weights;
        // SAFETY: the runs of these pixels and the packed weights of this tile are in bounds (checked when
        // packed and planned); bias and factors are padded to whole tiles.
        unsafe {
            let mut sums = [load_i32(k.bias.as_ptr().add(self.channel)); R];
            for ky in 0..k.kernel_rows {
                let mut x = x.add(ky * self.pitch);
                let blocks = k.run / 16;
                if let (Ok(six), 1..) = (<&mut [_; 6]>::try_from(&mut sums[..]), blocks) {
                    six_pixels(six, x, k.x_step, w, blocks);
                    (x, w) = (x.add(16 * blocks), w.add(256 * blocks));
                } else {
                    for _ in 0..blocks {
                        let bytes = load::<R>(x, k.x_step);
                        quad::<R, 0>(&mut sums, &bytes, w);
                        quad::<R, 1>(&mut sums, &bytes, w.add(64));
                        quad::<R, 2>(&mut sums, &bytes, w.add(128));
                        quad::<R, 3>(&mut sums, &bytes, w.add(192));
                        (x, w) = (x.add(16), w.add(256));
                    }
                }
                for _ in 0..k.run % 16 / 4 {
                    quad::<R, 0>(&mut sums, &load::<R>(x, k.x_step), w);
                    (x, w) = (x.add(4), w.add(64));
                }
            }
            let mult = load_f32(k.mult.as_ptr().add(self.channel));
            let bytes = Bytes::new(&k.requant);
            for (r, sums) in sums.into_iter().enumerate() {
                let (real, y) = (reals(sums, mult), y.add(r * y_step));
                if k.float_out {
                    (0..4).for_each(|i| vst1q_f32(y.cast::<f32>().add(i * 4), real[i]));
                } else {
                    vst1q_u8(y, bytes.of(real));
                }
            }
        }
        R
    }
}

/// 16 bytes of each pixel's run.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn load<const R: usize>(x: *const u8, x_step: usize) -> [int8x16_t; R] {
    let mut bytes = [vdupq_n_s8(0); R];
    for (r, bytes) in bytes.iter_mut().enumerate() {
        // SAFETY: the caller's runs, and 16 bytes on.
        *bytes = signed(unsafe { vld1q_u8(x.add(r * x_step)) });
    }
    bytes
}

/// Four bytes of each pixel, in lane `LANE`, by 16 channels.
#[inline]
#[target_feature(enable = "neon,dotprod")]
unsafe fn quad<const R: usize, const LANE: u8>(
    sums: &mut [[int32x4_t; 4]; R],
    x: &[int8x16_t; R],
    w: *const i8,
) {
    for c in 0..4 {
        // SAFETY: the caller's 64 weights.
        let w = unsafe { vld1q_s8(w.add(c * 16)) };
        for (sums, x) in sums.iter_mut().zip(x) {
            sums[c] = dot_lane::<LANE>(sums[c], w, *x);
        }
    }
}
