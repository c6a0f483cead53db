//! Eight samples at a time with AVX2.

use super::colour::{COLUMNS, Fade, Matrix};
use super::lanes::{Lanes, row};
use super::{Group, Line, Picture};
use std::arch::x86_64::*;

/// Whether this processor has all that [`Isa::Avx2`](crate::kernels::Isa::Avx2) needs.
pub(super) fn here() -> bool {
    std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma")
}

/// # Safety
/// [`here`] is true, and `lanes.rs` can sample the picture.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn sample(picture: &Picture<'_>, line: &Line, out: &mut [u8]) {
    // SAFETY: the caller's contract.
    unsafe { row::<Avx2>(picture, line, out) };
}

/// Picks the samples of a group's channels out of a blended row. Results are those of `upright.rs`.
///
/// Neighbours are loaded column by column, which takes fewer operations than a gather.
///
/// # Safety
/// [`here`] is true.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn pick(
    row: &[i16],
    left: &[u32],
    weights: &[[i16; 2]],
    group: &Group<'_>,
    channels: &mut [Vec<i16>],
) {
    let offset = group.offsets.iter().max().copied().unwrap_or(0);
    let last = left.iter().max().map_or(0, |l| *l as usize);
    if last + offset + group.step + 2 > row.len() {
        return;
    }
    let both = group.step == 2 && matches!(group.offsets, [0, 1] | [1, 0]);
    for (i, (left, weights)) in left.as_chunks::<8>().0.iter().zip(weights.as_chunks::<8>().0).enumerate() {
        // SAFETY: eight pairs of weights.
        let weights = unsafe { _mm256_loadu_si256(weights.as_ptr().cast()) };
        if both {
            // SAFETY: checked above: `row` has four samples from each place on.
            let [first, second] = unsafe { alternating(row, left, weights) };
            // The first sample belongs to the channel with offset 0.
            store(channels, group.offsets[0], i, first);
            store(channels, group.offsets[1], i, second);
            continue;
        }
        for (channel, &offset) in group.offsets.iter().enumerate() {
            // SAFETY: checked above: `row` has two samples at each place, and a step further.
            let sums = weighed(unsafe { neighbours(row, left, offset, group.step) }, weights);
            let (low, high) = (_mm256_castsi256_si128(sums), _mm256_extracti128_si256::<1>(sums));
            store(channels, channel, i, _mm_packs_epi32(low, high));
        }
    }
}

/// Stores the `i`th eight samples of a channel.
#[inline]
#[target_feature(enable = "avx2")]
fn store(channels: &mut [Vec<i16>], channel: usize, i: usize, samples: __m128i) {
    if let Some(out) = channels.get_mut(channel).and_then(|c| c.as_chunks_mut::<8>().0.get_mut(i)) {
        // SAFETY: eight samples.
        unsafe { _mm_storeu_si128(out.as_mut_ptr().cast(), samples) };
    }
}

/// For each of eight places, the sample `offset` further on and its right neighbour.
///
/// # Safety
/// `row` has two samples from there on, and from `step` further on.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn neighbours(row: &[i16], left: &[u32; 8], offset: usize, step: usize) -> __m256i {
    // SAFETY: the caller's contract.
    unsafe {
        let both = words(row, left, offset);
        if step == 1 {
            return both;
        }
        let right = _mm256_slli_epi32::<16>(words(row, left, offset + step));
        _mm256_blend_epi16::<0b1010_1010>(both, right)
    }
}

/// Two samples from each of eight places, `offset` further on.
///
/// # Safety
/// `row` has them.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn words(row: &[i16], left: &[u32; 8], offset: usize) -> __m256i {
    // SAFETY: the caller's contract.
    let w = |i: usize| unsafe { row.as_ptr().add(left[i] as usize + offset).cast::<i32>().read_unaligned() };
    _mm256_setr_epi32(w(0), w(1), w(2), w(3), w(4), w(5), w(6), w(7))
}

/// The weighted sums of pairs of samples, in steps of 1/128.
#[inline]
#[target_feature(enable = "avx2")]
fn weighed(pairs: __m256i, weights: __m256i) -> __m256i {
    let sums = _mm256_add_epi32(_mm256_madd_epi16(pairs, weights), _mm256_set1_epi32(1 << 13));
    _mm256_srai_epi32::<14>(sums)
}

/// Eight columns of two channels that alternate: the samples of the first, then of the second.
///
/// # Safety
/// `row` has four samples from each place on.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn alternating(row: &[i16], left: &[u32; 8], weights: __m256i) -> [__m128i; 2] {
    let twice = |order: __m128i| _mm256_broadcastsi128_si256(order);
    // Puts left and right neighbours of a channel next to each other.
    let pairs = twice(_mm_setr_epi8(0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15));
    let four = |first: usize, of: __m256i| {
        // SAFETY: the caller's contract.
        let q =
            |i: usize| unsafe { row.as_ptr().add(left[first + i] as usize).cast::<i64>().read_unaligned() };
        let columns = _mm256_shuffle_epi8(_mm256_setr_epi64x(q(0), q(1), q(2), q(3)), pairs);
        weighed(columns, _mm256_permutevar8x32_epi32(weights, of))
    };
    let (a, b) = (
        four(0, _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3)),
        four(4, _mm256_setr_epi32(4, 4, 5, 5, 6, 6, 7, 7)),
    );
    // Columns 0 1 4 5, then 2 3 6 7, each sorted by channel.
    let apart = twice(_mm_setr_epi8(0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15));
    let words = _mm256_shuffle_epi8(_mm256_packs_epi32(a, b), apart);
    let (even, odd) = (_mm256_castsi256_si128(words), _mm256_extracti128_si256::<1>(words));
    [_mm_unpacklo_epi32(even, odd), _mm_unpackhi_epi32(even, odd)]
}

/// Blends two rows of the same length, 16 or more. Results are those of `upright.rs`.
///
/// # Safety
/// [`here`] is true.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn blend(top: &[u8], bottom: &[u8], weight: i16, out: &mut [i16]) {
    let len = top.len();
    if len < COLUMNS || bottom.len() != len || out.len() < len {
        return;
    }
    let weight = _mm256_set1_epi16(weight);
    for at in (0..len).step_by(COLUMNS) {
        // The last vector overlaps the one before it.
        let at = at.min(len - COLUMNS);
        // SAFETY: `at` is at most `len - 16`, so the rows have 16 bytes and `out` 16 samples there.
        unsafe {
            let row = |row: &[u8]| {
                _mm256_slli_epi16::<7>(_mm256_cvtepu8_epi16(_mm_loadu_si128(row.as_ptr().add(at).cast())))
            };
            let (top, bottom) = (row(top), row(bottom));
            let part = _mm256_mulhrs_epi16(_mm256_sub_epi16(bottom, top), weight);
            _mm256_storeu_si256(out.as_mut_ptr().add(at).cast(), _mm256_add_epi16(top, part));
        }
    }
}

/// Converts a line of Y, U and V to pixels. Results are those of `colour.rs`.
///
/// # Safety
/// [`here`] is true.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn convert(m: &Matrix, ycc: [&[i16]; 3], fade: Fade<'_>, out: &mut [u8]) {
    let all = |v: i16| _mm256_set1_epi16(v);
    let [luma, u, v] = ycc.map(|c| c.as_chunks::<COLUMNS>().0);
    let third = out.len() / 3;
    for (i, ((luma, u), v)) in luma.iter().zip(u).zip(v).enumerate() {
        // SAFETY: 16 samples.
        let load = |samples: &[i16; COLUMNS]| unsafe { _mm256_loadu_si256(samples.as_ptr().cast()) };
        let about = |c| _mm256_slli_epi16::<1>(_mm256_sub_epi16(load(c), all(128 << 7)));
        let (u, v) = (about(u), about(v));
        let luma = _mm256_adds_epi16(_mm256_mulhrs_epi16(load(luma), all(m.y)), all(m.black));
        let plus = |a, c, by| _mm256_adds_epi16(a, _mm256_mulhrs_epi16(c, all(by)));
        let rgb = [plus(luma, v, m.rv), plus(plus(luma, u, m.gu), v, m.gv), plus(luma, u, m.bu)];
        for (channel, mut samples) in rgb.into_iter().enumerate() {
            if let Some((line, columns)) = fade
                && let Some(columns) = columns.as_chunks::<COLUMNS>().0.get(i)
            {
                let inside = _mm256_min_epi16(_mm256_max_epi16(samples, all(0)), all(255 << 6));
                let faded = _mm256_mulhrs_epi16(_mm256_slli_epi16::<1>(inside), load(columns));
                samples = _mm256_mulhrs_epi16(_mm256_slli_epi16::<1>(faded), all(line));
            }
            let levels = _mm256_srai_epi16::<6>(_mm256_adds_epi16(samples, all(32)));
            let (low, high) = (_mm256_castsi256_si128(levels), _mm256_extracti128_si256::<1>(levels));
            if let Some(out) = out.get_mut(channel * third + i * COLUMNS..).and_then(|o| o.get_mut(..COLUMNS))
            {
                // SAFETY: 16 bytes.
                unsafe { _mm_storeu_si128(out.as_mut_ptr().cast(), _mm_packus_epi16(low, high)) };
            }
        }
    }
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
            // SAFETY: the unsigned minimum is in 0..=len - 4 for any offset. `plane` has
            // 4..=i32::MAX bytes, so four follow. A gather needs no alignment.
            let words = unsafe { _mm256_i32gather_epi32::<1>(plane.as_ptr().cast(), safe) };
            let behind = _mm256_slli_epi32::<3>(_mm256_sub_epi32(offsets, safe));
            _mm256_srlv_epi32(words, behind)
        }
    }
}
