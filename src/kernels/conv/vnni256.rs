//! 256-bit `vpdpbusd`: 16 output channels of up to 6 pixels at a time. The instruction has two
//! encodings, that of AVX-VNNI and that of AVX-512 VL; the kernel is compiled for both.

use super::packed::{Conv, Packed};
use super::segments::Tile;
use crate::kernels::arena::Area;
use crate::kernels::simd::x86_256::Avx2;
use crate::kernels::simd::x86_store::store16;
use std::arch::x86_64::*;
use std::ops::Range;

/// # Safety
/// As [`Conv::run`]; the processor has AVX2, and AVX-VNNI or AVX-512 VL and VNNI.
pub unsafe fn conv(k: &Conv, arena: *mut u8, from: &Area, to: &Area, rows: Range<usize>) {
    // SAFETY: the caller's contract; the processor has the features.
    unsafe {
        if std::is_x86_feature_detected!("avxvnni") {
            vex::conv(k, arena, from, to, rows);
        } else {
            evex::conv(k, arena, from, to, rows);
        }
    }
}

/// The kernel under one encoding of the instruction.
macro_rules! encoding {
    ($name:ident, $features:literal, $dot:ident) => {
        mod $name {
            use super::*;

            #[target_feature(enable = $features)]
            pub unsafe fn conv(k: &Conv, arena: *mut u8, from: &Area, to: &Area, rows: Range<usize>) {
                let Packed::I8(weights) = &k.weights else { return };
                // SAFETY: the caller's contract.
                for tile in unsafe { k.tiles(arena, from, to, rows) } {
                    let w = weights[tile.index * k.tile_len()..][..k.tile_len()].as_ptr();
                    // SAFETY: the tile's pixels lie in the maps; `w` leads to its weights.
                    unsafe { segment(k, w, tile) };
                }
            }

            #[inline]
            #[target_feature(enable = $features)]
            unsafe fn segment(k: &Conv, w: *const i8, mut tile: Tile) {
                while tile.pixels > 0 {
                    // SAFETY: the tile has the pixels that are computed and then skipped.
                    unsafe {
                        let done = match tile.pixels {
                            6.. => pixels::<6>(k, w, tile),
                            3.. => pixels::<3>(k, w, tile),
                            _ => pixels::<1>(k, w, tile),
                        };
                        tile = tile.skip(done);
                    }
                }
            }

            /// The first `R` pixels of a tile.
            #[inline]
            #[target_feature(enable = $features)]
            unsafe fn pixels<const R: usize>(k: &Conv, mut w: *const i8, tile: Tile) -> usize {
                // SAFETY: the plan checked these pixels; weights, bias and factors cover the tile.
                unsafe {
                    let bias = k.bias.as_ptr().add(tile.channel).cast::<__m256i>();
                    let mut sums = [[_mm256_loadu_si256(bias), _mm256_loadu_si256(bias.add(1))]; R];
                    for ky in 0..k.kernel_rows {
                        let x = tile.x.add(ky * tile.x_pitch);
                        add_run::<R>(&mut sums, x, tile.x_step, w, k.run / 4);
                        w = w.add(k.run * 16);
                    }
                    let mult = k.mult.as_ptr().add(tile.channel);
                    for (r, sums) in sums.iter().enumerate() {
                        let y = tile.y.add(r * tile.y_step);
                        store16::<Avx2>(mult, &k.requant, k.float_out, *sums, y);
                    }
                }
                R
            }

            /// Adds one run of `R` pixels, four bytes at a time, times its weights.
            #[inline]
            #[target_feature(enable = $features)]
            unsafe fn add_run<const R: usize>(
                sums: &mut [[__m256i; 2]; R],
                x: *const u8,
                x_step: usize,
                w: *const i8,
                quads: usize,
            ) {
                for q in 0..quads {
                    // SAFETY: the caller's weights: 64 for four bytes of a run.
                    let [a, b] = [0, 32].map(|i| unsafe { _mm256_loadu_si256(w.add(q * 64 + i).cast()) });
                    for (r, sums) in sums.iter_mut().enumerate() {
                        // SAFETY: the caller's runs.
                        let bytes = unsafe { x.add(r * x_step + q * 4).cast::<i32>().read_unaligned() };
                        let bytes = _mm256_set1_epi32(bytes);
                        *sums = [$dot(sums[0], bytes, a), $dot(sums[1], bytes, b)];
                    }
                }
            }
        }
    };
}

encoding!(vex, "avx2,avxvnni", _mm256_dpbusd_avx_epi32);
encoding!(evex, "avx2,avx512vnni,avx512vl", _mm256_dpbusd_epi32);
