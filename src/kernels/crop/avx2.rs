//! Eight samples at a time: a gathered 32-bit word holds a sample and, where samples are one or two
//! bytes apart, its right neighbour too.

use super::{Colour, Group, Line, Picture, across, down};
use std::arch::x86_64::*;

/// Whether `picture` can be sampled here: rows of at least two samples, planes that a 32-bit offset
/// reaches and that hold at least one word.
pub(super) fn can(picture: &Picture<'_>) -> bool {
    picture.groups.iter().all(|g| g.width > 1 && (4..=i32::MAX as usize).contains(&g.plane.len()))
        && std::arch::is_x86_feature_detected!("avx2")
}

pub(super) fn sample(picture: &Picture<'_>, line: &Line, out: &mut [u8]) {
    if can(picture) {
        // SAFETY: `can` has just found that this processor has AVX2, all that `row` asks for.
        unsafe { row(picture, line, out) }
    }
}

#[target_feature(enable = "avx2")]
fn row(picture: &Picture<'_>, line: &Line, out: &mut [u8]) {
    let count = out.len() / 3;
    let (red, rest) = out.split_at_mut(count);
    let (green, blue) = rest.split_at_mut(count);
    let all = _mm256_set1_ps;
    let (zero, one) = (_mm256_setzero_ps(), all(1.0));
    let right = all((picture.width - 1) as f32);
    let bottom = all((picture.height - 1) as f32);
    let mut i = _mm256_setr_ps(0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0);
    let chunks = red.chunks_exact_mut(8).zip(green.chunks_exact_mut(8)).zip(blue.chunks_exact_mut(8));
    for ((r, g), b) in chunks {
        let at = |start, step| _mm256_add_ps(all(start), _mm256_mul_ps(all(step), i));
        let x = at(line.start.0, line.step.0);
        let y = at(line.start.1, line.step.1);
        i = _mm256_add_ps(i, all(8.0));
        // What is no number becomes the second operand.
        let inside_x = _mm256_min_ps(_mm256_max_ps(x, zero), right);
        let inside_y = _mm256_min_ps(_mm256_max_ps(y, zero), bottom);
        let cover = |out, inside| {
            let far = _mm256_andnot_ps(all(-0.0), _mm256_sub_ps(out, inside));
            _mm256_max_ps(_mm256_sub_ps(one, far), zero)
        };
        let cover = _mm256_mul_ps(cover(x, inside_x), cover(y, inside_y));
        let channels = match picture.groups {
            [rgb] if picture.colour != Colour::Grey => words(rgb, inside_x, inside_y),
            [luma] => [near::<1>(luma, inside_x, inside_y)[0]; 3],
            [luma, chroma] => {
                let [y] = near(luma, inside_x, inside_y);
                let [u, v] = if chroma.step < 3 {
                    near(chroma, inside_x, inside_y)
                } else {
                    words(chroma, inside_x, inside_y)
                };
                [y, u, v]
            }
            [luma, u, v, ..] => {
                let one = |group| near::<1>(group, inside_x, inside_y)[0];
                [one(luma), one(u), one(v)]
            }
            [] => [zero; 3],
        };
        let [red, green, blue] = rgb(&picture.colour, channels);
        let byte = |v| {
            let v = _mm256_max_ps(_mm256_min_ps(v, all(255.0)), zero);
            bytes(_mm256_cvttps_epi32(_mm256_add_ps(_mm256_mul_ps(v, cover), all(0.5))))
        };
        r.copy_from_slice(&byte(red));
        g.copy_from_slice(&byte(green));
        b.copy_from_slice(&byte(blue));
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn rgb(colour: &Colour, [a, b, c]: [__m256; 3]) -> [__m256; 3] {
    let Colour::Ycc(m) = colour else { return [a, b, c] };
    let times = |v, by: f32| _mm256_mul_ps(v, _mm256_set1_ps(by));
    let plus = |v, add: f32| _mm256_add_ps(v, _mm256_set1_ps(add));
    let y = times(a, m.y);
    [
        plus(_mm256_add_ps(y, times(c, m.rv)), m.r0),
        plus(_mm256_add_ps(_mm256_add_ps(y, times(b, m.gu)), times(c, m.gv)), m.g0),
        plus(_mm256_add_ps(y, times(b, m.bu)), m.b0),
    ]
}

/// The low bytes of eight numbers in 0..=255.
#[inline]
#[target_feature(enable = "avx2")]
fn bytes(v: __m256i) -> [u8; 8] {
    let words = _mm_packus_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256::<1>(v));
    _mm_cvtsi128_si64(_mm_packus_epi16(words, words)).to_le_bytes()
}

/// Byte offsets of the upper and lower left samples around eight points, and how near those are.
struct Taps {
    upper: __m256i,
    lower: __m256i,
    fx: __m256,
    fy: __m256,
}

#[inline]
#[target_feature(enable = "avx2")]
fn taps(group: &Group<'_>, x: __m256, y: __m256) -> Taps {
    let (scale, offset) = down(group.halved.1);
    let (all, int) = (_mm256_set1_ps, _mm256_set1_epi32);
    let (w, h) = (group.width as i32, group.height as i32);
    let x = _mm256_min_ps(_mm256_mul_ps(x, all(across(group.halved.0))), all((w - 1) as f32));
    let y = _mm256_add_ps(_mm256_mul_ps(y, all(scale)), all(offset));
    let y = _mm256_min_ps(_mm256_max_ps(y, _mm256_setzero_ps()), all((h - 1) as f32));
    let column = _mm256_min_epi32(_mm256_cvttps_epi32(x), int(w - 2));
    let row = _mm256_cvttps_epi32(y);
    let next = _mm256_min_epi32(_mm256_add_epi32(row, int(1)), int(h - 1));
    let stride = int(group.stride as i32);
    let left = _mm256_mullo_epi32(column, int(group.step as i32));
    Taps {
        upper: _mm256_add_epi32(_mm256_mullo_epi32(row, stride), left),
        lower: _mm256_add_epi32(_mm256_mullo_epi32(next, stride), left),
        fx: _mm256_sub_ps(x, _mm256_cvtepi32_ps(column)),
        fy: _mm256_sub_ps(y, _mm256_cvtepi32_ps(row)),
    }
}

/// Channels whose samples are one or two bytes apart: one word has both neighbours.
#[inline]
#[target_feature(enable = "avx2")]
fn near<const N: usize>(group: &Group<'_>, x: __m256, y: __m256) -> [__m256; N] {
    let at = taps(group, x, y);
    let upper = gather(group.plane, at.upper);
    let lower = gather(group.plane, at.lower);
    let mut out = [_mm256_setzero_ps(); N];
    for (&offset, channel) in group.offsets.iter().zip(&mut out) {
        let (left, right) = (offset, offset + group.step);
        let four = [byte(upper, left), byte(upper, right), byte(lower, left), byte(lower, right)];
        *channel = blend(four, &at);
    }
    out
}

/// Channels whose samples are three or four bytes apart: a word each.
#[inline]
#[target_feature(enable = "avx2")]
fn words<const N: usize>(group: &Group<'_>, x: __m256, y: __m256) -> [__m256; N] {
    let at = taps(group, x, y);
    let step = _mm256_set1_epi32(group.step as i32);
    let word = |offset| gather(group.plane, offset);
    let four = [
        word(at.upper),
        word(_mm256_add_epi32(at.upper, step)),
        word(at.lower),
        word(_mm256_add_epi32(at.lower, step)),
    ];
    let mut out = [_mm256_setzero_ps(); N];
    for (&offset, channel) in group.offsets.iter().zip(&mut out) {
        let [a, b, c, d] = four;
        *channel = blend([byte(a, offset), byte(b, offset), byte(c, offset), byte(d, offset)], &at);
    }
    out
}

#[inline]
#[target_feature(enable = "avx2")]
fn blend([a, b, c, d]: [__m256; 4], at: &Taps) -> __m256 {
    let lerp = |a, b, f| _mm256_add_ps(a, _mm256_mul_ps(_mm256_sub_ps(b, a), f));
    lerp(lerp(a, b, at.fx), lerp(c, d, at.fx), at.fy)
}

/// Byte `index` of each word, as a number.
#[inline]
#[target_feature(enable = "avx2")]
fn byte(words: __m256i, index: usize) -> __m256 {
    let shifted = _mm256_srl_epi32(words, _mm_cvtsi32_si128(8 * index as i32));
    _mm256_cvtepi32_ps(_mm256_and_si256(shifted, _mm256_set1_epi32(0xff)))
}

/// The little-endian words that begin at `offsets`; bytes past the end of `plane` read as zero, so an
/// offset near the end still finds the bytes that are there.
#[inline]
#[target_feature(enable = "avx2")]
fn gather(plane: &[u8], offsets: __m256i) -> __m256i {
    // `can` holds: the plane has 4..=i32::MAX bytes.
    let last = _mm256_set1_epi32(plane.len() as i32 - 4);
    let safe = _mm256_min_epu32(offsets, last);
    // SAFETY: the unsigned minimum puts every offset into 0..=len - 4, whatever it was; the four bytes
    // from there are in `plane`. A gather needs no alignment.
    let words = unsafe { _mm256_i32gather_epi32::<1>(plane.as_ptr().cast(), safe) };
    let behind = _mm256_slli_epi32::<3>(_mm256_sub_epi32(offsets, safe));
    _mm256_srlv_epi32(words, behind)
}
