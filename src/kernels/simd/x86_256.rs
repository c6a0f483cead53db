//! A vector of 256 bits, over which kernels are written once: one AVX2 register or two of SSE4.1.

use std::arch::x86_64::*;

/// 256 bits of registers. Packing and unpacking work within each 128 bits, as in AVX2.
///
/// # Safety
/// For every method: the processor has the registers. For methods with a pointer: the bytes exist.
#[allow(clippy::missing_safety_doc, reason = "one contract for all methods, above")]
pub trait Vector {
    /// 256 bits of integers.
    type Ints: Copy;
    /// Eight f32.
    type Reals: Copy;
    /// How many vectors of sums stay in registers next to weights and bytes.
    const SUMS: usize;

    unsafe fn zero() -> Self::Ints;
    unsafe fn load(from: *const u8) -> Self::Ints;
    /// 16 bytes, each widened to u16.
    unsafe fn widen(from: *const u8) -> Self::Ints;
    unsafe fn ones_i16() -> Self::Ints;
    /// Four bytes, repeated to fill the vector.
    unsafe fn repeat(from: *const u8) -> Self::Ints;
    unsafe fn xor(a: Self::Ints, b: Self::Ints) -> Self::Ints;
    unsafe fn add_i16(a: Self::Ints, b: Self::Ints) -> Self::Ints;
    unsafe fn add_i32(a: Self::Ints, b: Self::Ints) -> Self::Ints;
    /// u8 times s8; neighbouring products are added and saturate to i16.
    unsafe fn byte_products(u: Self::Ints, s: Self::Ints) -> Self::Ints;
    /// i16 times i16; neighbouring products are added as i32.
    unsafe fn products(a: Self::Ints, b: Self::Ints) -> Self::Ints;
    /// Interleaves the i16 of `a` and `b`: of the lower halves, then of the upper halves.
    unsafe fn pairs(a: Self::Ints, b: Self::Ints) -> [Self::Ints; 2];
    /// Bytes widened to u16: of the lower halves, then of the upper halves.
    unsafe fn wide_bytes(a: Self::Ints) -> [Self::Ints; 2];
    /// Eight i32 times the eight f32 factors at `mult`.
    unsafe fn scaled(sums: Self::Ints, mult: *const f32) -> Self::Reals;
    /// The nearest integers, ties to even.
    unsafe fn rounded(reals: Self::Reals) -> Self::Ints;
    unsafe fn store_reals(reals: Self::Reals, to: *mut f32);
    /// Eight i32, saturated to i16, in order.
    unsafe fn packed(a: Self::Ints) -> __m128i;
    /// 16 bytes: both saturated to i16, plus `zero`, saturated to u8. Four of `a` and four of
    /// `b` take turns.
    unsafe fn bytes(a: Self::Ints, b: Self::Ints, zero: i16) -> __m128i;
}

/// One AVX2 register.
pub struct Avx2;

impl Vector for Avx2 {
    type Ints = __m256i;
    type Reals = __m256;
    const SUMS: usize = 8;

    methods! { "avx2",
        fn zero() -> __m256i { _mm256_setzero_si256() }
        fn load(from: *const u8) -> __m256i {
            // SAFETY: the caller's bytes.
            unsafe { _mm256_loadu_si256(from.cast()) }
        }
        fn widen(from: *const u8) -> __m256i {
            // SAFETY: the caller's bytes.
            _mm256_cvtepu8_epi16(unsafe { _mm_loadu_si128(from.cast()) })
        }
        fn ones_i16() -> __m256i { _mm256_set1_epi16(1) }
        fn repeat(from: *const u8) -> __m256i {
            // SAFETY: the caller's bytes.
            _mm256_set1_epi32(unsafe { from.cast::<i32>().read_unaligned() })
        }
        fn xor(a: __m256i, b: __m256i) -> __m256i { _mm256_xor_si256(a, b) }
        fn add_i16(a: __m256i, b: __m256i) -> __m256i { _mm256_add_epi16(a, b) }
        fn add_i32(a: __m256i, b: __m256i) -> __m256i { _mm256_add_epi32(a, b) }
        fn byte_products(u: __m256i, s: __m256i) -> __m256i { _mm256_maddubs_epi16(u, s) }
        fn products(a: __m256i, b: __m256i) -> __m256i { _mm256_madd_epi16(a, b) }
        fn pairs(a: __m256i, b: __m256i) -> [__m256i; 2] {
            [_mm256_unpacklo_epi16(a, b), _mm256_unpackhi_epi16(a, b)]
        }
        fn wide_bytes(a: __m256i) -> [__m256i; 2] {
            let none = _mm256_setzero_si256();
            [_mm256_unpacklo_epi8(a, none), _mm256_unpackhi_epi8(a, none)]
        }
        fn scaled(sums: __m256i, mult: *const f32) -> __m256 {
            // SAFETY: the caller's bytes.
            _mm256_mul_ps(_mm256_cvtepi32_ps(sums), unsafe { _mm256_loadu_ps(mult) })
        }
        fn rounded(reals: __m256) -> __m256i { _mm256_cvtps_epi32(reals) }
        fn store_reals(reals: __m256, to: *mut f32) -> () {
            // SAFETY: the caller's bytes.
            unsafe { _mm256_storeu_ps(to, reals) }
        }
        fn packed(a: __m256i) -> __m128i {
            _mm_packs_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256::<1>(a))
        }
        fn bytes(a: __m256i, b: __m256i, zero: i16) -> __m128i {
            let words = _mm256_adds_epi16(_mm256_packs_epi32(a, b), _mm256_set1_epi16(zero));
            _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256::<1>(words))
        }
    }
}

/// Two SSE4.1 registers.
pub struct Sse41;

/// The lower 128 bits, then the upper.
type Two = [__m128i; 2];

impl Vector for Sse41 {
    type Ints = Two;
    type Reals = [__m128; 2];
    const SUMS: usize = 4;

    methods! { "sse4.1",
        fn zero() -> Two { [_mm_setzero_si128(); 2] }
        fn load(from: *const u8) -> Two {
            // SAFETY: the caller's bytes.
            unsafe { [_mm_loadu_si128(from.cast()), _mm_loadu_si128(from.add(16).cast())] }
        }
        fn widen(from: *const u8) -> Two {
            // SAFETY: the caller's bytes.
            let bytes = unsafe { _mm_loadu_si128(from.cast()) };
            [_mm_cvtepu8_epi16(bytes), _mm_unpackhi_epi8(bytes, _mm_setzero_si128())]
        }
        fn ones_i16() -> Two { [_mm_set1_epi16(1); 2] }
        fn repeat(from: *const u8) -> Two {
            // SAFETY: the caller's bytes.
            [_mm_set1_epi32(unsafe { from.cast::<i32>().read_unaligned() }); 2]
        }
        fn xor(a: Two, b: Two) -> Two { [_mm_xor_si128(a[0], b[0]), _mm_xor_si128(a[1], b[1])] }
        fn add_i16(a: Two, b: Two) -> Two { [_mm_add_epi16(a[0], b[0]), _mm_add_epi16(a[1], b[1])] }
        fn add_i32(a: Two, b: Two) -> Two { [_mm_add_epi32(a[0], b[0]), _mm_add_epi32(a[1], b[1])] }
        fn byte_products(u: Two, s: Two) -> Two { [_mm_maddubs_epi16(u[0], s[0]), _mm_maddubs_epi16(u[1], s[1])] }
        fn products(a: Two, b: Two) -> Two { [_mm_madd_epi16(a[0], b[0]), _mm_madd_epi16(a[1], b[1])] }
        fn pairs(a: Two, b: Two) -> [Two; 2] {
            [
                [_mm_unpacklo_epi16(a[0], b[0]), _mm_unpacklo_epi16(a[1], b[1])],
                [_mm_unpackhi_epi16(a[0], b[0]), _mm_unpackhi_epi16(a[1], b[1])],
            ]
        }
        fn wide_bytes(a: Two) -> [Two; 2] {
            let none = _mm_setzero_si128();
            [
                [_mm_unpacklo_epi8(a[0], none), _mm_unpacklo_epi8(a[1], none)],
                [_mm_unpackhi_epi8(a[0], none), _mm_unpackhi_epi8(a[1], none)],
            ]
        }
        fn scaled(sums: Two, mult: *const f32) -> [__m128; 2] {
            // SAFETY: the caller's bytes.
            let mult = unsafe { [_mm_loadu_ps(mult), _mm_loadu_ps(mult.add(4))] };
            [_mm_mul_ps(_mm_cvtepi32_ps(sums[0]), mult[0]), _mm_mul_ps(_mm_cvtepi32_ps(sums[1]), mult[1])]
        }
        fn rounded(reals: [__m128; 2]) -> Two { [_mm_cvtps_epi32(reals[0]), _mm_cvtps_epi32(reals[1])] }
        fn store_reals(reals: [__m128; 2], to: *mut f32) -> () {
            // SAFETY: the caller's bytes.
            unsafe {
                _mm_storeu_ps(to, reals[0]);
                _mm_storeu_ps(to.add(4), reals[1]);
            }
        }
        fn packed(a: Two) -> __m128i { _mm_packs_epi32(a[0], a[1]) }
        fn bytes(a: Two, b: Two, zero: i16) -> __m128i {
            let zero = _mm_set1_epi16(zero);
            let words = |i: usize| _mm_adds_epi16(_mm_packs_epi32(a[i], b[i]), zero);
            _mm_packus_epi16(words(0), words(1))
        }
    }
}
