//! The dot product extension of 64-bit ARM: `sdot` on 16 output channels of up to 6 pixels.

use super::packed::{Conv, Packed};
use super::segments::Tile;
use crate::kernels::arena::Area;
use crate::kernels::simd::aarch64_dot::{dot_lane, six_pixels};
use crate::kernels::simd::aarch64_store::{ByteStore, load_f32, load_i32, reals, signed};
use std::arch::aarch64::*;
use std::ops::Range;

/// # Safety
/// As [`Conv::run`]; the processor has NEON and the dot product extension.
#[target_feature(enable = "neon,dotprod")]
pub unsafe fn conv(k: &Conv, arena: *mut u8, from: &Area, to: &Area, rows: Range<usize>) {
    let Packed::I8(weights) = &k.weights else { return };
    // SAFETY: the caller's contract.
    for tile in unsafe { k.tiles(arena, from, to, rows) } {
        let w = weights[tile.index * k.tile_len()..][..k.tile_len()].as_ptr();
        // SAFETY: the tile's pixels lie in the maps; `w` leads to its weights.
        unsafe { segment(k, w, tile) };
    }
}

/// # Safety
/// The tile's pixels lie in the maps. The arena has 16 bytes after each run. `w` has the tile's
/// weights, `[kernel row][run / 4][16][4]`.
#[inline]
#[target_feature(enable = "neon,dotprod")]
unsafe fn segment(k: &Conv, w: *const i8, mut tile: Tile) {
    while tile.pixels > 0 {
        // SAFETY: the tile has the pixels that are computed and then skipped.
        unsafe {
            let done = match tile.pixels {
                6.. => pixels::<6>(k, w, tile),
                4.. => pixels::<4>(k, w, tile),
                2.. => pixels::<2>(k, w, tile),
                _ => pixels::<1>(k, w, tile),
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
#[target_feature(enable = "neon,dotprod")]
unsafe fn pixels<const R: usize>(k: &Conv, mut w: *const i8, tile: Tile) -> usize {
    // SAFETY: the plan checked these pixels; weights, bias and factors cover the tile.
    unsafe {
        let mut sums = [load_i32(k.bias.as_ptr().add(tile.channel)); R];
        for ky in 0..k.kernel_rows {
            let x = tile.x.add(ky * tile.x_pitch);
            add_run::<R>(&mut sums, x, tile.x_step, w, k.run);
            w = w.add(k.run * 16);
        }
        let mult = load_f32(k.mult.as_ptr().add(tile.channel));
        let store = ByteStore::new(&k.requant);
        for (r, sums) in sums.into_iter().enumerate() {
            let (real, y) = (reals(sums, mult), tile.y.add(r * tile.y_step));
            if k.float_out {
                (0..4).for_each(|i| vst1q_f32(y.cast::<f32>().add(i * 4), real[i]));
            } else {
                vst1q_u8(y, store.bytes(real));
            }
        }
    }
    R
}

/// Adds one run of `R` pixels times its weights: 16 bytes at a time, then 4.
///
/// # Safety
/// Each pixel has `run` bytes and 16 more, `x_step` bytes after the previous pixel's; `w` has 16
/// weights for each byte of the run.
#[inline]
#[target_feature(enable = "neon,dotprod")]
unsafe fn add_run<const R: usize>(
    sums: &mut [[int32x4_t; 4]; R],
    mut x: *const u8,
    x_step: usize,
    mut w: *const i8,
    run: usize,
) {
    let blocks = run / 16;
    // SAFETY: the caller's bytes and weights.
    unsafe {
        if let (Ok(six), 1..) = (<&mut [_; 6]>::try_from(&mut sums[..]), blocks) {
            six_pixels(six, x, x_step, w, blocks);
            (x, w) = (x.add(16 * blocks), w.add(256 * blocks));
        } else {
            for _ in 0..blocks {
                let bytes = load::<R>(x, x_step);
                quad::<R, 0>(sums, &bytes, w);
                quad::<R, 1>(sums, &bytes, w.add(64));
                quad::<R, 2>(sums, &bytes, w.add(128));
                quad::<R, 3>(sums, &bytes, w.add(192));
                (x, w) = (x.add(16), w.add(256));
            }
        }
        for _ in 0..run % 16 / 4 {
            quad::<R, 0>(sums, &load::<R>(x, x_step), w);
            (x, w) = (x.add(4), w.add(64));
        }
    }
}

/// 16 bytes of each pixel's run.
///
/// # Safety
/// They lie in the arena.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn load<const R: usize>(x: *const u8, x_step: usize) -> [int8x16_t; R] {
    let mut bytes = [vdupq_n_s8(0); R];
    for (r, bytes) in bytes.iter_mut().enumerate() {
        // SAFETY: the caller's bytes.
        *bytes = signed(unsafe { vld1q_u8(x.add(r * x_step)) });
    }
    bytes
}

/// Adds four bytes of each pixel, in lane `LANE`, times 16 channels' weights.
///
/// # Safety
/// `w` has 64 weights.
#[inline]
#[target_feature(enable = "neon,dotprod")]
unsafe fn quad<const R: usize, const LANE: u8>(
    sums: &mut [[int32x4_t; 4]; R],
    x: &[int8x16_t; R],
    w: *const i8,
) {
    for c in 0..4 {
        // SAFETY: the caller's weights.
        let w = unsafe { vld1q_s8(w.add(c * 16)) };
        for (sums, x) in sums.iter_mut().zip(x) {
            sums[c] = dot_lane::<LANE>(sums[c], w, *x);
        }
    }
}
