//! Sixteen columns at a time with AVX-512 VBMI.
//!
//! A permutation picks from 128 bytes, so one is enough for the samples of sixteen columns, which
//! AVX2 loads one by one. Samples are therefore picked from both rows first and blended in
//! registers. A look-up in a table of 256 bytes takes two permutations.

use super::Tables;
use super::colour::COLUMNS;
use std::arch::x86_64::*;

/// Bytes that a permutation picks from.
const REACH: usize = 128;

/// Pixels that are looked up in the tables at a time.
const PIXELS: usize = 64;

/// Whether this processor has every part of AVX-512 that is used here.
pub(super) fn here() -> bool {
    super::avx2::here()
        && std::arch::is_x86_feature_detected!("avx512f")
        && std::arch::is_x86_feature_detected!("avx512bw")
        && std::arch::is_x86_feature_detected!("avx512vl")
        && std::arch::is_x86_feature_detected!("avx512vbmi")
}

/// Where the samples lie, for each 16 columns.
#[derive(Debug, Default)]
pub(super) struct Windows {
    /// The byte of the row at which the window begins.
    starts: Vec<usize>,
    /// Each column's left and right sample within the window, for the channel with offset 0.
    places: Vec<[u8; 2 * COLUMNS]>,
    /// Whether each window has at most the bytes that a permutation picks from.
    pub fit: bool,
}

impl Windows {
    /// `left` are the left samples of the columns, the right ones are `step` further on, and `last`
    /// is the largest offset of a channel.
    pub fn fill(&mut self, left: &[u32], step: usize, last: usize) {
        self.starts.clear();
        self.places.clear();
        self.fit = true;
        for left in left.as_chunks::<COLUMNS>().0 {
            let start = left.iter().min().map_or(0, |l| *l as usize);
            let place = |i: usize| left[i / 2] as usize - start + i % 2 * step;
            self.fit &= (0..2 * COLUMNS).all(|i| place(i) + last < REACH);
            self.starts.push(start);
            self.places.push(std::array::from_fn(|i| place(i) as u8));
        }
    }
}

/// Samples a line of a group's channels between two rows of the same length. Results are those of
/// `upright.rs`.
///
/// # Safety
/// [`here`] is true.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi")]
pub(super) unsafe fn sample(
    rows: [&[u8]; 2],
    weight: i16,
    windows: &Windows,
    weights: &[[i16; 2]],
    (offsets, channels): (&[usize], &mut [Vec<i16>]),
) {
    let weight = _mm512_set1_epi16(weight);
    let columns = windows.starts.iter().zip(&windows.places).zip(weights.as_chunks::<COLUMNS>().0);
    for (i, ((&start, places), weights)) in columns.enumerate() {
        let [top, bottom] = rows.map(|row| window(row.get(start..).unwrap_or(&[])));
        // SAFETY: 32 places, 16 pairs of weights.
        let (places, weights) = unsafe {
            (_mm256_loadu_si256(places.as_ptr().cast()), _mm512_loadu_si512(weights.as_ptr().cast()))
        };
        for (&offset, channel) in offsets.iter().zip(&mut *channels) {
            let places = _mm512_castsi256_si512(_mm256_add_epi8(places, _mm256_set1_epi8(offset as i8)));
            let (top, bottom) = (pick(top, places), pick(bottom, places));
            let part = _mm512_mulhrs_epi16(_mm512_sub_epi16(bottom, top), weight);
            let sums = _mm512_madd_epi16(_mm512_add_epi16(top, part), weights);
            let samples = _mm512_srai_epi32::<14>(_mm512_add_epi32(sums, _mm512_set1_epi32(1 << 13)));
            if let Some(out) = channel.as_chunks_mut::<COLUMNS>().0.get_mut(i) {
                // SAFETY: 16 samples.
                unsafe { _mm256_storeu_si256(out.as_mut_ptr().cast(), _mm512_cvtepi32_epi16(samples)) };
            }
        }
    }
}

/// The first bytes of a row that a permutation picks from, followed by zeros if the row is shorter.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn window(row: &[u8]) -> [__m512i; 2] {
    let at = row.as_ptr();
    // SAFETY: 128 bytes, or those that the row has: masked bytes are not read.
    unsafe {
        if row.len() >= REACH {
            return [_mm512_loadu_si512(at.cast()), _mm512_loadu_si512(at.add(64).cast())];
        }
        let mask = first(row.len());
        let rest = first(row.len().saturating_sub(64));
        [_mm512_maskz_loadu_epi8(mask, at.cast()), _mm512_maskz_loadu_epi8(rest, at.wrapping_add(64).cast())]
    }
}

/// A mask of the first `count` bytes of a vector.
#[inline]
fn first(count: usize) -> u64 {
    if count < 64 { (1 << count) - 1 } else { u64::MAX }
}

/// Samples of a window, in steps of 1/128.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
fn pick([first, second]: [__m512i; 2], places: __m512i) -> __m512i {
    let bytes = _mm512_permutex2var_epi8(first, places, second);
    _mm512_slli_epi16::<7>(_mm512_cvtepu8_epi16(_mm512_castsi512_si256(bytes)))
}

/// The place of each byte of 64 pixels in the first two channels or in the third, and a mask of
/// those in the third.
const PLACES: ([[u8; PIXELS]; 3], [u64; 3]) = {
    let (mut places, mut third) = ([[0; PIXELS]; 3], [0; 3]);
    let mut at = 0;
    while at < 3 * PIXELS {
        // The bytes of the second channel follow those of the first.
        places[at / 64][at % 64] = (at / 3 + if at % 3 == 1 { 64 } else { 0 }) as u8;
        if at % 3 == 2 {
            third[at / 64] |= 1 << (at % 64);
        }
        at += 1;
    }
    (places, third)
};

/// As `tables.rs`, for lines of the same length and an output of three times that length.
///
/// # Safety
/// [`here`] is true.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi")]
pub(super) unsafe fn interleave(lines: [&[u8]; 3], tables: &Tables, out: &mut [u8]) {
    let tables = tables.each_ref().map(|table| {
        let (quarters, _) = table.as_chunks::<64>();
        // SAFETY: 64 bytes.
        [0, 1, 2, 3].map(|i: usize| unsafe { _mm512_loadu_si512(quarters[i].as_ptr().cast()) })
    });
    for (i, out) in out.chunks_mut(3 * PIXELS).enumerate() {
        let channel = |c: usize| {
            let line = lines[c].get(i * PIXELS..).unwrap_or(&[]);
            // SAFETY: 64 bytes, or those that the line has: masked bytes are not read.
            let bytes = unsafe { _mm512_maskz_loadu_epi8(first(line.len()), line.as_ptr().cast()) };
            look_up(bytes, &tables[c])
        };
        let [a, b, c] = [channel(0), channel(1), channel(2)];
        for (j, (places, third)) in PLACES.0.iter().zip(PLACES.1).enumerate() {
            // SAFETY: 64 bytes.
            let places = unsafe { _mm512_loadu_si512(places.as_ptr().cast()) };
            let bytes = _mm512_permutex2var_epi8(a, places, b);
            let bytes = _mm512_mask_permutexvar_epi8(bytes, third, places, c);
            let out = out.get_mut(j * 64..).unwrap_or(&mut []);
            // SAFETY: 64 bytes, or those that there is room for: masked bytes are not written.
            unsafe { _mm512_mask_storeu_epi8(out.as_mut_ptr().cast(), first(out.len()), bytes) };
        }
    }
}

/// Looks up in two tables of 128 bytes; the top bit of each byte chooses one.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
fn look_up(bytes: __m512i, [a, b, c, d]: &[__m512i; 4]) -> __m512i {
    let (low, high) = (_mm512_permutex2var_epi8(*a, bytes, *b), _mm512_permutex2var_epi8(*c, bytes, *d));
    _mm512_mask_blend_epi8(_mm512_movepi8_mask(bytes), low, high)
}
