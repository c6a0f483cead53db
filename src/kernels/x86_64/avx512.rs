//! AVX-512 VNNI: `vpdpbusd` on 64 output channels of up to 6 pixels at a time.

use crate::kernels::arena::Area;
use crate::kernels::conv::{Conv, Packed};
use crate::kernels::depthwise::Depthwise;
use crate::kernels::requant::Requant;
use std::arch::x86_64::*;
use std::ops::Range;

/// # Safety
/// As [`Conv::run`]; the processor has AVX-512 F, BW, VL and VNNI.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub unsafe fn conv(k: &Conv, arena: *mut u8, from: &Area, to: &Area, rows: Range<usize>) {
    let Packed::I8(weights) = &k.weights else { return };
    let segments = k.segments(from, to, rows);
    let tile_len = k.kernel_rows * k.run * 64;
    for block in segments.blocks() {
        for (tile, weights) in weights.chunks(tile_len).enumerate() {
            for i in block.clone() {
                let (x, y, n) = segments.get(i);
                let out_bytes = if k.float_out { 256 } else { 64 };
                // SAFETY: building the plan checked every pixel's runs and channels against the arena.
                unsafe {
                    let (x, y) = (arena.add(x).cast_const(), arena.add(y + tile * out_bytes));
                    let t = Tile { k, weights: weights.as_ptr(), channel: tile * 64, pitch: from.pitch };
                    match weights.len() * 4 / tile_len {
                        4 => t.segment::<4>(x, y, to.step, n),
                        3 => t.segment::<3>(x, y, to.step, n),
                        2 => t.segment::<2>(x, y, to.step, n),
                        _ => t.segment::<1>(x, y, to.step, n),
                    }
                }
            }
        }
    }
}

struct Tile<'a> {
    k: &'a Conv,
    weights: *const i8,
    channel: usize,
    pitch: usize,
}

impl Tile<'_> {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    unsafe fn segment<const C: usize>(&self, x: *const u8, y: *mut u8, y_step: usize, n: usize) {
        let mut p = 0;
        while p < n {
            // SAFETY: pixels `p..p + r` are of the segment.
            unsafe {
                let (x, y) = (x.add(p * self.k.x_step), y.add(p * y_step));
                p += match n - p {
                    6.. => self.pixels::<6, C>(x, y, y_step),
                    4.. => self.pixels::<4, C>(x, y, y_step),
                    2.. => self.pixels::<2, C>(x, y, y_step),
                    _ => self.pixels::<1, C>(x, y, y_step),
                };
            }
        }
    }

    /// `R` pixels by `16 C` channels.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    unsafe fn pixels<const R: usize, const C: usize>(
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
            let mut sums = [[_mm512_setzero_si512(); C]; R];
            for c in 0..C {
                let bias = _mm512_loadu_si512(k.bias.as_ptr().add(self.channel + c * 16).cast());
                for sums in &mut sums {
                    sums[c] = bias;
                }
            }
            for ky in 0..k.kernel_rows {
                let x = x.add(ky * self.pitch);
                for q in 0..k.run / 4 {
                    let mut weights = [_mm512_setzero_si512(); C];
                    for (c, v) in weights.iter_mut().enumerate() {
                        *v = _mm512_loadu_si512(w.add(c * 64).cast());
                    }
                    w = w.add(C * 64);
                    for (r, sums) in sums.iter_mut().enumerate() {
                        let bytes = x.add(r * k.x_step + q * 4).cast::<i32>().read_unaligned();
                        let bytes = _mm512_set1_epi32(bytes);
                        for c in 0..C {
                            sums[c] = _mm512_dpbusd_epi32(sums[c], bytes, weights[c]);
                        }
                    }
                }
            }
            let mut mult = [_mm512_setzero_ps(); C];
            for (c, v) in mult.iter_mut().enumerate() {
                *v = _mm512_loadu_ps(k.mult.as_ptr().add(self.channel + c * 16));
            }
            for (r, sums) in sums.iter().enumerate() {
                let mut real = [_mm512_setzero_ps(); C];
                for c in 0..C {
                    real[c] = _mm512_mul_ps(_mm512_cvtepi32_ps(sums[c]), mult[c]);
                }
                self.store::<C>(&real, y.add(r * y_step));
            }
        }
        R
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    unsafe fn store<const C: usize>(&self, real: &[__m512; C], y: *mut u8) {
        let q = &self.k.requant;
        // SAFETY: the pixel has room for this tile's channels.
        unsafe {
            if self.k.float_out {
                for (c, v) in real.iter().enumerate() {
                    _mm512_storeu_ps(y.cast::<f32>().add(c * 16), *v);
                }
            } else if C == 4 {
                let bytes = bytes(q, [real[0], real[1 % C], real[2 % C], real[3 % C]]);
                _mm512_storeu_si512(y.cast(), bytes);
            } else {
                for (c, v) in real.iter().enumerate() {
                    let zero = _mm512_set1_epi32(i32::from(q.zero_point));
                    // Saturated to i16 first: adding the zero point cannot overflow then.
                    let v = _mm512_cvtepi16_epi32(_mm512_cvtsepi32_epi16(_mm512_cvtps_epi32(*v)));
                    let v = _mm512_max_epi32(_mm512_add_epi32(v, zero), _mm512_setzero_si512());
                    let bytes = _mm_max_epu8(_mm512_cvtusepi32_epi8(v), _mm_set1_epi8(q.low as i8));
                    let bytes = _mm_min_epu8(bytes, _mm_set1_epi8(q.high as i8));
                    _mm_storeu_si128(y.add(c * 16).cast(), bytes);
                }
            }
        }
    }
}

/// 64 output bytes from sums times factors in the packed order.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn bytes(q: &Requant, real: [__m512; 4]) -> __m512i {
    let int = |c: usize| _mm512_cvtps_epi32(real[c]);
    let zero = _mm512_set1_epi16(i16::from(q.zero_point));
    let a = _mm512_adds_epi16(_mm512_packs_epi32(int(0), int(1)), zero);
    let b = _mm512_adds_epi16(_mm512_packs_epi32(int(2), int(3)), zero);
    let bytes = _mm512_max_epu8(_mm512_packus_epi16(a, b), _mm512_set1_epi8(q.low as i8));
    _mm512_min_epu8(bytes, _mm512_set1_epi8(q.high as i8))
}

/// Depthwise 3x3: 64 channels of a pixel at a time, each column's three rows interleaved once.
///
/// # Safety
/// As [`Depthwise::run`]; the processor has AVX-512 F, BW, VL and VNNI.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub unsafe fn depthwise(k: &Depthwise, arena: *mut u8, from: &Area, to: &Area, rows: Range<usize>) {
    let Packed::I8(weights) = &k.weights else { return };
    for (block, weights) in weights.chunks_exact(3 * 256).enumerate() {
        let left = to.step - block * 64;
        // All 64 channels, or those that the maps still have.
        let mask: __mmask64 = if left >= 64 { !0 } else { (1 << left) - 1 };
        // SAFETY: building the plan checked the window of every output pixel; masked channels are not touched;
        // bias and factors are padded to 64 channels.
        unsafe {
            let mut weight = [[_mm512_setzero_si512(); 4]; 3];
            for (i, vector) in weight.as_flattened_mut().iter_mut().enumerate() {
                *vector = _mm512_loadu_si512(weights.as_ptr().add(i * 64).cast());
            }
            let bias = |a: usize| _mm512_loadu_si512(k.bias.as_ptr().add(block * 64 + a * 16).cast());
            let mult = |a: usize| _mm512_loadu_ps(k.mult.as_ptr().add(block * 64 + a * 16));
            for y in rows.clone() {
                let x = arena.add(k.window(from, y) + block * 64).cast_const();
                let out = arena.add(to.row(y) + block * 64);
                let mut c0 = column(x, from.pitch, mask);
                let mut c1 = column(x.add(from.step), from.pitch, mask);
                for p in 0..to.width {
                    let at = x.add(p * k.stride[1] * from.step);
                    if k.stride[1] != 1 && p > 0 {
                        c1 = column(at.add(from.step), from.pitch, mask);
                    }
                    let c2 = column(at.add(2 * from.step), from.pitch, mask);
                    let mut real = [_mm512_setzero_ps(); 4];
                    for a in 0..4 {
                        let sum = _mm512_dpbusd_epi32(bias(a), c0[a], weight[0][a]);
                        let sum = _mm512_dpbusd_epi32(sum, c1[a], weight[1][a]);
                        let sum = _mm512_dpbusd_epi32(sum, c2[a], weight[2][a]);
                        real[a] = _mm512_mul_ps(_mm512_cvtepi32_ps(sum), mult(a));
                    }
                    let to = out.add(p * to.step);
                    if left >= 64 {
                        _mm512_storeu_si512(to.cast(), bytes(&k.requant, real));
                    } else {
                        _mm512_mask_storeu_epi8(to.cast(), mask, bytes(&k.requant, real));
                    }
                    (c0, c1) = if k.stride[1] == 1 { (c1, c2) } else { (c2, c2) };
                }
            }
        }
    }
}

/// Three rows of a column, a channel's three bytes (and a zero) in a lane.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
unsafe fn column(x: *const u8, pitch: usize, mask: __mmask64) -> [__m512i; 4] {
    // SAFETY: the caller's window of three rows; masked bytes are not read.
    let row = |i: usize| unsafe { _mm512_maskz_loadu_epi8(mask, x.add(i * pitch).cast()) };
    let (a, b, c, none) = (row(0), row(1), row(2), _mm512_setzero_si512());
    let ab = [_mm512_unpacklo_epi8(a, b), _mm512_unpackhi_epi8(a, b)];
    let c = [_mm512_unpacklo_epi8(c, none), _mm512_unpackhi_epi8(c, none)];
    [
        _mm512_unpacklo_epi16(ab[0], c[0]),
        _mm512_unpackhi_epi16(ab[0], c[0]),
        _mm512_unpacklo_epi16(ab[1], c[1]),
        _mm512_unpackhi_epi16(ab[1], c[1]),
    ]
}
