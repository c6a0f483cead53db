//! Requantizes a pixel's sums and stores them, over the 256-bit vectors.

use super::x86_256::Vector;
use crate::kernels::requant::Requant;
use std::arch::x86_64::*;

/// Requantizes and stores 8 sums of a pixel: u8, or f32 if `float_out`.
///
/// # Safety
/// The processor has `V`; `mult` has 8 factors and `y` room for 8 channels.
#[inline(always)]
pub unsafe fn store8<V: Vector>(mult: *const f32, q: &Requant, float_out: bool, sums: V::Ints, y: *mut u8) {
    // SAFETY: the caller's contract; every x86-64 processor has SSE2 for the rest.
    unsafe {
        let real = V::scaled(sums, mult);
        if float_out {
            V::store_reals(real, y.cast());
            return;
        }
        let words = V::packed(V::rounded(real));
        let words = _mm_adds_epi16(words, _mm_set1_epi16(i16::from(q.zero_point)));
        _mm_storel_epi64(y.cast(), clamped(_mm_packus_epi16(words, words), q));
    }
}

/// As [`store8`] for 16 sums, in the order of [`packed16`](crate::kernels::conv::packed16).
///
/// # Safety
/// The processor has `V`; `mult` has 16 factors and `y` room for 16 channels.
#[inline(always)]
pub unsafe fn store16<V: Vector>(
    mult: *const f32,
    q: &Requant,
    float_out: bool,
    sums: [V::Ints; 2],
    y: *mut u8,
) {
    // SAFETY: the caller's contract.
    unsafe {
        let real = |i: usize| V::scaled(sums[i], mult.add(i * 8));
        if float_out {
            V::store_reals(real(0), y.cast());
            V::store_reals(real(1), y.cast::<f32>().add(8));
            return;
        }
        let bytes = V::bytes(V::rounded(real(0)), V::rounded(real(1)), i16::from(q.zero_point));
        _mm_storeu_si128(y.cast(), clamped(bytes, q));
    }
}

#[inline(always)]
fn clamped(bytes: __m128i, q: &Requant) -> __m128i {
    // SAFETY: every x86-64 processor has SSE2.
    unsafe { _mm_min_epu8(_mm_max_epu8(bytes, _mm_set1_epi8(q.low as i8)), _mm_set1_epi8(q.high as i8)) }
}
