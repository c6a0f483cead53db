//! Requantization of 64 sums at a time with AVX-512.

use crate::kernels::requant::Requant;
use std::arch::x86_64::*;

/// 64 output bytes from four vectors of scaled sums, in the order of
/// [`packed64`](crate::kernels::conv::packed64).
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub fn bytes(q: &Requant, real: [__m512; 4]) -> __m512i {
    let int = |c: usize| _mm512_cvtps_epi32(real[c]);
    let zero = _mm512_set1_epi16(i16::from(q.zero_point));
    let a = _mm512_adds_epi16(_mm512_packs_epi32(int(0), int(1)), zero);
    let b = _mm512_adds_epi16(_mm512_packs_epi32(int(2), int(3)), zero);
    let bytes = _mm512_max_epu8(_mm512_packus_epi16(a, b), _mm512_set1_epi8(q.low as i8));
    _mm512_min_epu8(bytes, _mm512_set1_epi8(q.high as i8))
}

/// 16 output bytes from one vector of scaled sums, in their order.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub fn bytes16(q: &Requant, real: __m512) -> __m128i {
    let zero = _mm512_set1_epi32(i32::from(q.zero_point));
    // Saturate to i16 first: then adding the zero point cannot overflow.
    let v = _mm512_cvtepi16_epi32(_mm512_cvtsepi32_epi16(_mm512_cvtps_epi32(real)));
    let v = _mm512_max_epi32(_mm512_add_epi32(v, zero), _mm512_setzero_si512());
    let bytes = _mm_max_epu8(_mm512_cvtusepi32_epi8(v), _mm_set1_epi8(q.low as i8));
    _mm_min_epu8(bytes, _mm_set1_epi8(q.high as i8))
}
