//! NEON on 64-bit ARM: `smull`, `smlal` and `sadalp` on 4 output channels of up to 4 pixels at a
//! time, 16 bytes of a run in the lanes.
//!
//! The sum of two products of signed bytes fits in i16 unless both are -128 * -128. So two products
//! share one pairwise addition if no weight is -128, and have one each otherwise.

use super::packed::{Conv, Packed};
use super::segments::Tile;
use crate::kernels::arena::Area;
use crate::kernels::simd::aarch64_store::{ByteStore, signed};
use std::arch::aarch64::*;
use std::ops::Range;

/// # Safety
/// As [`Conv::run`]; the processor has NEON.
#[target_feature(enable = "neon")]
pub unsafe fn conv(k: &Conv, arena: *mut u8, from: &Area, to: &Area, rows: Range<usize>) {
    let Packed::I8(weights) = &k.weights else { return };
    // SAFETY: the caller's contract.
    for tile in unsafe { k.tiles(arena, from, to, rows) } {
        let w = weights[tile.index * k.tile_len()..][..k.tile_len()].as_ptr();
        // SAFETY: the tile's pixels lie in the maps; `w` leads to its weights.
        unsafe {
            match k.paired {
                true => segment::<true>(k, w, tile),
                false => segment::<false>(k, w, tile),
            }
        }
    }
}

/// # Safety
/// The tile's pixels lie in the maps. `w` has its weights, `[kernel row][run / 16][4][16]`, the
/// last 8 bytes of a run as `[4][8]`.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn segment<const PAIRED: bool>(k: &Conv, w: *const i8, mut tile: Tile) {
    while tile.pixels > 0 {
        // SAFETY: the tile has the pixels that are computed and then skipped.
        unsafe {
            let done = match tile.pixels {
                4.. => pixels::<4, PAIRED>(k, w, tile),
                2.. => pixels::<2, PAIRED>(k, w, tile),
                _ => pixels::<1, PAIRED>(k, w, tile),
            };
            tile = tile.skip(done);
        }
    }
}

/// The first `R` pixels of a tile.
///
/// # Safety
/// As [`segment`]; the tile has `R` pixels.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn pixels<const R: usize, const PAIRED: bool>(k: &Conv, mut w: *const i8, tile: Tile) -> usize {
    // SAFETY: the plan checked these pixels; weights, bias and factors cover the tile.
    unsafe {
        let mut sums = [[vdupq_n_s32(0); 4]; R];
        for ky in 0..k.kernel_rows {
            let mut x = tile.x.add(ky * tile.x_pitch);
            for _ in 0..k.run / 16 {
                add_sixteen::<R, PAIRED>(&mut sums, x, tile.x_step, w);
                (x, w) = (x.add(16), w.add(64));
            }
            if !k.run.is_multiple_of(16) {
                add_eight::<R>(&mut sums, x, tile.x_step, w);
                w = w.add(32);
            }
        }
        let bias = vld1q_s32(k.bias.as_ptr().add(tile.channel));
        let mult = vld1q_f32(k.mult.as_ptr().add(tile.channel));
        let mut real = [vdupq_n_f32(0.0); 4];
        for (real, s) in real.iter_mut().zip(&sums) {
            let sum = vpaddq_s32(vpaddq_s32(s[0], s[1]), vpaddq_s32(s[2], s[3]));
            *real = vmulq_f32(vcvtq_f32_s32(vaddq_s32(sum, bias)), mult);
        }
        store::<R>(k, real, tile);
    }
    R
}

/// Adds 16 bytes of `R` pixels times 4 channels' weights.
///
/// # Safety
/// Each pixel has 16 bytes, `x_step` bytes after the previous pixel's; `w` has 64 weights.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn add_sixteen<const R: usize, const PAIRED: bool>(
    sums: &mut [[int32x4_t; 4]; R],
    x: *const u8,
    x_step: usize,
    w: *const i8,
) {
    // SAFETY: the caller's weights.
    let w4 = unsafe { [vld1q_s8(w), vld1q_s8(w.add(16)), vld1q_s8(w.add(32)), vld1q_s8(w.add(48))] };
    for (r, sums) in sums.iter_mut().enumerate() {
        // SAFETY: the caller's pixels.
        let x = signed(unsafe { vld1q_u8(x.add(r * x_step)) });
        for c in 0..4 {
            sums[c] = sixteen::<PAIRED>(sums[c], x, w4[c]);
        }
    }
}

/// Adds 8 bytes of `R` pixels times 4 channels' weights.
///
/// # Safety
/// As [`add_sixteen`], of which only the first 8 bytes count; `w` has 32 weights.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn add_eight<const R: usize>(
    sums: &mut [[int32x4_t; 4]; R],
    x: *const u8,
    x_step: usize,
    w: *const i8,
) {
    // SAFETY: the caller's weights.
    let w4 = unsafe { [vld1_s8(w), vld1_s8(w.add(8)), vld1_s8(w.add(16)), vld1_s8(w.add(24))] };
    for (r, sums) in sums.iter_mut().enumerate() {
        // SAFETY: the caller's pixels.
        let x = vget_low_s8(signed(unsafe { vld1q_u8(x.add(r * x_step)) }));
        for c in 0..4 {
            sums[c] = vpadalq_s16(sums[c], vmull_s8(x, w4[c]));
        }
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

/// Requantizes and stores 4 channels of `R` pixels.
///
/// # Safety
/// The tile has `R` pixels.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn store<const R: usize>(k: &Conv, real: [float32x4_t; 4], tile: Tile) {
    let pixel = |r: usize| tile.y.wrapping_add(r * tile.y_step);
    // SAFETY: 4 channels of the caller's pixels.
    unsafe {
        if k.float_out {
            (0..R).for_each(|r| vst1q_f32(pixel(r).cast(), real[r]));
        } else {
            let words = vreinterpretq_u32_u8(ByteStore::new(&k.requant).bytes(real));
            let mut pixels = [0u32; 4];
            vst1q_u32(pixels.as_mut_ptr(), words);
            (0..R).for_each(|r| pixel(r).cast::<u32>().write(pixels[r]));
        }
    }
}
