//! Eight samples at a time with AVX2.

use super::lanes::{Lanes, row};
use super::{Line, Picture};
use std::arch::x86_64::*;

/// Whether this processor has it.
pub(super) fn here() -> bool {
    std::arch::is_x86_feature_detected!("avx2")
}

/// # Safety
/// [`here`], and the picture can be sampled.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn sample(picture: &Picture<'_>, line: &Line, out: &mut [u8]) {
    // SAFETY: the caller's promises.
    unsafe { row::<Avx2>(picture, line, out) };
}

struct Avx2;

impl Lanes for Avx2 {
    type Floats = __m256;
    type Words = __m256i;
    type Bytes = [u8; 8];
    const LANES: usize = 8;

    methods! { "avx2",
        fn floats(v: f32) -> __m256 { _mm256_set1_ps(v) }
        fn words(v: u32) -> __m256i { _mm256_set1_epi32(v as i32) }
        fn numbered() -> __m256 { _mm256_setr_ps(0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0) }
        fn add(a: __m256, b: __m256) -> __m256 { _mm256_add_ps(a, b) }
        fn sub(a: __m256, b: __m256) -> __m256 { _mm256_sub_ps(a, b) }
        fn mul(a: __m256, b: __m256) -> __m256 { _mm256_mul_ps(a, b) }
        fn abs(a: __m256) -> __m256 { _mm256_andnot_ps(_mm256_set1_ps(-0.0), a) }
        fn min(a: __m256, b: __m256) -> __m256 { _mm256_min_ps(a, b) }
        fn max(a: __m256, b: __m256) -> __m256 { _mm256_max_ps(a, b) }
        fn whole(a: __m256) -> __m256i { _mm256_cvttps_epi32(a) }
        fn number(a: __m256i) -> __m256 { _mm256_cvtepi32_ps(a) }
        fn add_words(a: __m256i, b: __m256i) -> __m256i { _mm256_add_epi32(a, b) }
        fn mul_words(a: __m256i, b: __m256i) -> __m256i { _mm256_mullo_epi32(a, b) }
        fn min_words(a: __m256i, b: __m256i) -> __m256i { _mm256_min_epi32(a, b) }
        fn byte(words: __m256i, index: usize) -> __m256 {
            let shifted = _mm256_srl_epi32(words, _mm_cvtsi32_si128(8 * index as i32));
            _mm256_cvtepi32_ps(_mm256_and_si256(shifted, _mm256_set1_epi32(0xff)))
        }
        fn bytes(words: __m256i) -> [u8; 8] {
            let words = _mm_packus_epi32(_mm256_castsi256_si128(words), _mm256_extracti128_si256::<1>(words));
            _mm_cvtsi128_si64(_mm_packus_epi16(words, words)).to_le_bytes()
        }
        fn gather(plane: &[u8], offsets: __m256i) -> __m256i {
            let last = _mm256_set1_epi32(plane.len() as i32 - 4);
            let safe = _mm256_min_epu32(offsets, last);
            // SAFETY: the unsigned minimum puts every offset into 0..=len - 4, whatever it was; the four
            // bytes from there are in `plane`, which has 4..=i32::MAX. A gather needs no alignment.
            let words = unsafe { _mm256_i32gather_epi32::<1>(plane.as_ptr().cast(), safe) };
            let behind = _mm256_slli_epi32::<3>(_mm256_sub_epi32(offsets, safe));
            _mm256_srlv_epi32(words, behind)
        }
    }
}
