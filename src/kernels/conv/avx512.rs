//! AVX-512 VNNI: `vpdpbusd` on 64 output channels of up to 6 pixels at a time.

use super::packed::{Conv, Packed};
use super::segments::Tile;
use crate::kernels::arena::Area;
use crate::kernels::simd::avx512_store::{bytes, bytes16};
use std::arch::x86_64::*;
use std::ops::Range;

/// # Safety
/// As [`Conv::run`]; the processor has AVX-512 F, BW, VL and VNNI.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub unsafe fn conv(k: &Conv, arena: *mut u8, from: &Area, to: &Area, rows: Range<usize>) {
    let Packed::I8(weights) = &k.weights else { return };
    // SAFETY: the caller's contract.
    for tile in unsafe { k.tiles(arena, from, to, rows) } {
        let w = weights[tile.index * k.tile_len()..].as_ptr();
        // SAFETY: the tile's pixels lie in the maps; `w` leads to its weights.
        unsafe {
            match k.bias.len() - tile.channel {
                64.. => segment::<4>(k, w, tile),
                48 => segment::<3>(k, w, tile),
                32 => segment::<2>(k, w, tile),
                _ => segment::<1>(k, w, tile),
            }
        }
    }
}

/// A tile of `16 C` channels.
///
/// # Safety
/// The tile's pixels lie in the maps, and its weights begin at `w`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
unsafe fn segment<const C: usize>(k: &Conv, w: *const i8, mut tile: Tile) {
    while tile.pixels > 0 {
        // SAFETY: the tile has the pixels that are computed and then skipped.
        unsafe {
            let done = match tile.pixels {
                6.. => pixels::<6, C>(k, w, tile),
                4.. => pixels::<4, C>(k, w, tile),
                2.. => pixels::<2, C>(k, w, tile),
                _ => pixels::<1, C>(k, w, tile),
            };
            tile = tile.skip(done);
        }
    }
}

/// The first `R` pixels of a tile of `16 C` channels.
///
/// # Safety
/// As [`segment`]; the tile has `R` pixels.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
unsafe fn pixels<const R: usize, const C: usize>(k: &Conv, mut w: *const i8, tile: Tile) -> usize {
    // SAFETY: the plan checked the runs of these pixels; bias and factors cover whole vectors.
    unsafe {
        let mut sums = [load::<C>(k.bias.as_ptr().add(tile.channel).cast()); R];
        for ky in 0..k.kernel_rows {
            let x = tile.x.add(ky * tile.x_pitch);
            add_run::<R, C>(&mut sums, x, tile.x_step, w, k.run / 4);
            w = w.add(k.run * C * 16);
        }
        let mult = load::<C>(k.mult.as_ptr().add(tile.channel).cast()).map(|v| _mm512_castsi512_ps(v));
        for (r, sums) in sums.iter().enumerate() {
            let mut real = [_mm512_setzero_ps(); C];
            for c in 0..C {
                real[c] = _mm512_mul_ps(_mm512_cvtepi32_ps(sums[c]), mult[c]);
            }
            store::<C>(k, &real, tile.y.add(r * tile.y_step));
        }
    }
    R
}

/// Adds one run of `R` pixels, four bytes at a time, times its weights.
///
/// # Safety
/// Each pixel has `4 * quads` bytes, `x_step` bytes after the previous pixel's; `w` has 16 C
/// weights for each.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
unsafe fn add_run<const R: usize, const C: usize>(
    sums: &mut [[__m512i; C]; R],
    x: *const u8,
    x_step: usize,
    w: *const i8,
    quads: usize,
) {
    for q in 0..quads {
        // SAFETY: the caller's weights.
        let weights = unsafe { load::<C>(w.add(q * C * 64)) };
        for (r, sums) in sums.iter_mut().enumerate() {
            // SAFETY: the caller's bytes.
            let bytes = unsafe { x.add(r * x_step + q * 4).cast::<i32>().read_unaligned() };
            let bytes = _mm512_set1_epi32(bytes);
            for c in 0..C {
                sums[c] = _mm512_dpbusd_epi32(sums[c], bytes, weights[c]);
            }
        }
    }
}

/// `C` vectors.
///
/// # Safety
/// `64 C` bytes lie there.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
unsafe fn load<const C: usize>(from: *const i8) -> [__m512i; C] {
    let mut vectors = [_mm512_setzero_si512(); C];
    for (c, v) in vectors.iter_mut().enumerate() {
        // SAFETY: the caller's bytes.
        *v = unsafe { _mm512_loadu_si512(from.add(c * 64).cast()) };
    }
    vectors
}

/// Requantizes and stores a pixel's scaled sums.
///
/// # Safety
/// `y` has room for `16 C` channels.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
unsafe fn store<const C: usize>(k: &Conv, real: &[__m512; C], y: *mut u8) {
    let q = &k.requant;
    // SAFETY: the caller's pixel.
    unsafe {
        if k.float_out {
            for (c, v) in real.iter().enumerate() {
                _mm512_storeu_ps(y.cast::<f32>().add(c * 16), *v);
            }
        } else if C == 4 {
            let bytes = bytes(q, [real[0], real[1 % C], real[2 % C], real[3 % C]]);
            _mm512_storeu_si512(y.cast(), bytes);
        } else {
            for (c, v) in real.iter().enumerate() {
                _mm_storeu_si128(y.add(c * 16).cast(), bytes16(q, *v));
            }
        }
    }
}
