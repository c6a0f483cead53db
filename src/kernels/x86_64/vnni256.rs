//! 256 bit `vpdpbusd` (AVX-VNNI, or AVX-512 VL under its own encoding): 16 output channels of 6 pixels.

use super::store::store16;
use super::vector::Avx2;
use crate::kernels::arena::Area;
use crate::kernels::conv::{Conv, Packed};
use std::arch::x86_64::*;
use std::ops::Range;

/// # Safety
/// As [`Conv::run`]; the processor has AVX2, and AVX-VNNI or AVX-512 VL and VNNI.
pub unsafe fn conv(k: &Conv, arena: *mut u8, from: &Area, to: &Area, rows: Range<usize>) {
    // SAFETY: the caller's promise, passed on, and the feature is there.
    unsafe {
        if std::is_x86_feature_detected!("avxvnni") {
            vex::conv(k, arena, from, to, rows);
        } else {
            evex::conv(k, arena, from, to, rows);
        }
    }
}

/// The same kernel under either encoding of the instruction.
macro_rules! encoding {
    ($name:ident, $features:literal, $dot:ident) => {
        mod $name {
            use super::*;

            #[target_feature(enable = $features)]
            pub unsafe fn conv(k: &Conv, arena: *mut u8, from: &Area, to: &Area, rows: Range<usize>) {
                let Packed::I8(weights) = &k.weights else { return };
                let segments = k.segments(from, to, rows);
                let out_bytes = if k.float_out { 64 } else { 16 };
                for block in segments.blocks() {
                    for (tile, weights) in weights.chunks_exact(k.kernel_rows * k.run * 16).enumerate() {
                        for i in block.clone() {
                            let (x, y, n) = segments.get(i);
                            let mut p = 0;
                            while p < n {
                                // SAFETY: building the plan checked every pixel's runs and channels.
                                unsafe {
                                    let x = arena.add(x + p * k.x_step).cast_const();
                                    let y = arena.add(y + p * to.step + tile * out_bytes);
                                    let w = weights.as_ptr();
                                    p += match n - p {
                                        6.. => pixels::<6>(k, x, from.pitch, w, tile, y, to.step),
                                        3.. => pixels::<3>(k, x, from.pitch, w, tile, y, to.step),
                                        _ => pixels::<1>(k, x, from.pitch, w, tile, y, to.step),
                                    };
                                }
                            }
                        }
                    }
                }
            }

            #[inline]
            #[target_feature(enable = $features)]
            unsafe fn pixels<const R: usize>(
                k: &Conv,
                x: *const u8,
                pitch: usize,
                mut w: *const i8,
                tile: usize,
                y: *mut u8,
                y_step: usize,
            ) -> usize {
                // SAFETY: the caller's pixels, and the packed weights of a whole tile.
                unsafe {
                    let bias = k.bias.as_ptr().add(tile * 16).cast::<__m256i>();
                    let mut sums = [[_mm256_loadu_si256(bias), _mm256_loadu_si256(bias.add(1))]; R];
                    for ky in 0..k.kernel_rows {
                        let x = x.add(ky * pitch);
                        for q in 0..k.run / 4 {
                            let a = _mm256_loadu_si256(w.cast());
                            let b = _mm256_loadu_si256(w.add(32).cast());
                            w = w.add(64);
                            for (r, sums) in sums.iter_mut().enumerate() {
                                let bytes = x.add(r * k.x_step + q * 4).cast::<i32>().read_unaligned();
                                let bytes = _mm256_set1_epi32(bytes);
                                *sums = [$dot(sums[0], bytes, a), $dot(sums[1], bytes, b)];
                            }
                        }
                    }
                    for (r, sums) in sums.iter().enumerate() {
                        let mult = k.mult.as_ptr().add(tile * 16);
                        store16::<Avx2>(mult, &k.requant, k.float_out, *sums, y.add(r * y_step));
                    }
                }
                R
            }
        }
    };
}

encoding!(vex, "avx2,avxvnni", _mm256_dpbusd_avx_epi32);
encoding!(evex, "avx2,avx512vnni,avx512vl", _mm256_dpbusd_epi32);
