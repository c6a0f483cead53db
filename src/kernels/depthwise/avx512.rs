//! AVX-512 VNNI, 64 channels of a pixel at a time: the three rows of a column are interleaved, so
//! that `vpdpbusd` adds three taps of a channel at once.

use super::packed::Depthwise;
use crate::kernels::arena::Area;
use crate::kernels::conv::Packed;
use crate::kernels::simd::avx512_store::bytes;
use std::arch::x86_64::*;
use std::ops::Range;

/// # Safety
/// As [`Depthwise::run`]; the processor has AVX-512 F, BW, VL and VNNI.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub unsafe fn depthwise(k: &Depthwise, arena: *mut u8, from: &Area, to: &Area, rows: Range<usize>) {
    let Packed::I8(weights) = &k.weights else { return };
    for (i, weights) in weights.as_chunks::<{ 3 * 256 }>().0.iter().enumerate() {
        let left = to.step - i * 64;
        // All 64 channels, or those that the maps still have.
        let mask: __mmask64 = if left >= 64 { !0 } else { (1 << left) - 1 };
        let (pitch, step) = (from.pitch, from.step);
        // SAFETY: bias and factors are padded to 64 channels.
        let block = unsafe { Block::load(k, weights, i, mask, (pitch, step)) };
        for y in rows.clone() {
            // SAFETY: the plan checked the window of every output pixel; the mask keeps out
            // channels that the maps lack.
            unsafe {
                let x = arena.add(k.window(from, y) + i * 64).cast_const();
                block.row(k, x, arena.add(to.row(y) + i * 64), to);
            }
        }
    }
}

/// 64 channels.
struct Block {
    /// `[column][sums]`.
    weights: [[__m512i; 4]; 3],
    bias: *const i32,
    mult: *const f32,
    /// The channels that the maps have.
    mask: __mmask64,
    /// Bytes from a row of the input to the next, and from a pixel.
    pitch: usize,
    step: usize,
}

impl Block {
    /// # Safety
    /// There is a `block`th block of channels.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    unsafe fn load(
        k: &Depthwise,
        packed: &[i8; 3 * 256],
        block: usize,
        mask: __mmask64,
        (pitch, step): (usize, usize),
    ) -> Block {
        let mut weights = [[_mm512_setzero_si512(); 4]; 3];
        for (vector, packed) in weights.as_flattened_mut().iter_mut().zip(packed.as_chunks::<64>().0) {
            // SAFETY: 64 bytes.
            *vector = unsafe { _mm512_loadu_si512(packed.as_ptr().cast()) };
        }
        let (bias, mult) = (k.bias[block * 64..].as_ptr(), k.mult[block * 64..].as_ptr());
        Block { weights, bias, mult, mask, pitch, step }
    }

    /// A row of output pixels; `x` leads to the first one's window.
    ///
    /// # Safety
    /// The windows and the pixels lie in the maps.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    unsafe fn row(&self, k: &Depthwise, x: *const u8, out: *mut u8, to: &Area) {
        let stride = k.stride[1];
        // SAFETY: the caller's contract.
        unsafe {
            let (mut c0, mut c1) = (self.column(x), self.column(x.add(self.step)));
            for p in 0..to.width {
                let at = x.add(p * stride * self.step);
                if stride != 1 && p > 0 {
                    c1 = self.column(at.add(self.step));
                }
                let c2 = self.column(at.add(2 * self.step));
                let bytes = bytes(&k.requant, self.scaled_sums([&c0, &c1, &c2]));
                self.store(out.add(p * to.step), bytes);
                (c0, c1) = if stride == 1 { (c1, c2) } else { (c2, c2) };
            }
        }
    }

    /// The sums over three columns, times their factors.
    ///
    /// # Safety
    /// Bias and factors are those of 64 channels.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    unsafe fn scaled_sums(&self, columns: [&[__m512i; 4]; 3]) -> [__m512; 4] {
        let mut real = [_mm512_setzero_ps(); 4];
        for (a, real) in real.iter_mut().enumerate() {
            // SAFETY: the caller's contract.
            let (sum, mult) = unsafe {
                (_mm512_loadu_si512(self.bias.add(a * 16).cast()), _mm512_loadu_ps(self.mult.add(a * 16)))
            };
            let sum = _mm512_dpbusd_epi32(sum, columns[0][a], self.weights[0][a]);
            let sum = _mm512_dpbusd_epi32(sum, columns[1][a], self.weights[1][a]);
            let sum = _mm512_dpbusd_epi32(sum, columns[2][a], self.weights[2][a]);
            *real = _mm512_mul_ps(_mm512_cvtepi32_ps(sum), mult);
        }
        real
    }

    /// # Safety
    /// `to` has room for the channels of the mask.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    unsafe fn store(&self, to: *mut u8, bytes: __m512i) {
        // SAFETY: the caller's contract.
        unsafe {
            if self.mask == !0 {
                _mm512_storeu_si512(to.cast(), bytes);
            } else {
                _mm512_mask_storeu_epi8(to.cast(), self.mask, bytes);
            }
        }
    }

    /// Three rows of a column: a channel's three bytes and a zero in each 32-bit lane.
    ///
    /// # Safety
    /// A column of a window begins at `x`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    unsafe fn column(&self, x: *const u8) -> [__m512i; 4] {
        // SAFETY: the caller's column; masked bytes are not read.
        let row = |i: usize| unsafe { _mm512_maskz_loadu_epi8(self.mask, x.add(i * self.pitch).cast()) };
        let (a, b, c, zero) = (row(0), row(1), row(2), _mm512_setzero_si512());
        let ab = [_mm512_unpacklo_epi8(a, b), _mm512_unpackhi_epi8(a, b)];
        let c = [_mm512_unpacklo_epi8(c, zero), _mm512_unpackhi_epi8(c, zero)];
        [
            _mm512_unpacklo_epi16(ab[0], c[0]),
            _mm512_unpackhi_epi16(ab[0], c[0]),
            _mm512_unpacklo_epi16(ab[1], c[1]),
            _mm512_unpackhi_epi16(ab[1], c[1]),
        ]
    }
}
