//! AVX2: `vpmaddwd` on bytes widened to i16. Exact: `vpmaddubsw`, which is made for bytes, saturates at
//! i16 with 8 bit weights, and its sums need a second multiply anyway, so nothing is lost by widening.

use crate::kernels::arena::Area;
use crate::kernels::conv::{Conv, Packed, Segments};
use crate::kernels::depthwise::Depthwise;
use crate::kernels::requant::Requant;
use std::arch::x86_64::*;
use std::cell::RefCell;
use std::ops::Range;

/// Bytes of widened input that stay in the first level cache beside the weights.
const PANEL: usize = 16 << 10;

thread_local! {
    /// Widened input pixels; grown at a thread's first inferences, then kept.
    static WIDENED: RefCell<Vec<i16>> = const { RefCell::new(vec![]) };
}

/// # Safety
/// As [`Conv::run`]; the processor has AVX2.
#[target_feature(enable = "avx2")]
pub unsafe fn conv(k: &Conv, arena: *mut u8, from: &Area, to: &Area, rows: Range<usize>) {
    let segments = k.segments(from, to, rows);
    WIDENED.with_borrow_mut(|panel| {
        for block in segments.blocks() {
            // SAFETY: the caller's promise, passed on.
            unsafe { conv_block(k, arena, from, to, &segments, block, panel) };
        }
    });
}

#[target_feature(enable = "avx2")]
unsafe fn conv_block(
    k: &Conv,
    arena: *mut u8,
    from: &Area,
    to: &Area,
    segments: &Segments,
    block: Range<usize>,
    panel: &mut Vec<i16>,
) {
    let Packed::I16(weights) = &k.weights else { return };
    let taps = k.kernel_rows * k.run;
    let chunk = (PANEL / (2 * taps)).max(6);
    let out_bytes = if k.float_out { 64 } else { 16 };
    if panel.len() < chunk * taps + 16 {
        panel.resize(chunk * taps + 16, 0);
    }
    for i in block {
        let (x, y, n) = segments.get(i);
        for p0 in (0..n).step_by(chunk) {
            let m = chunk.min(n - p0);
            // SAFETY: building the plan checked every pixel's runs (and 16 bytes on) against the arena; the
            // panel holds `chunk` pixels and a vector more.
            unsafe {
                for p in 0..m {
                    for ky in 0..k.kernel_rows {
                        let x = arena.add(x + (p0 + p) * k.x_step + ky * from.pitch).cast_const();
                        widen(x, panel.as_mut_ptr().add(p * taps + ky * k.run), k.run);
                    }
                }
                for (tile, weights) in weights.chunks_exact(taps * 16).enumerate() {
                    let mut p = 0;
                    while p < m {
                        let x = panel.as_ptr().add(p * taps);
                        let y = arena.add(y + (p0 + p) * to.step + tile * out_bytes);
                        p += match m - p {
                            6.. => pixels::<6>(k, x, taps, weights, tile, y, to.step),
                            3.. => pixels::<3>(k, x, taps, weights, tile, y, to.step),
                            _ => pixels::<1>(k, x, taps, weights, tile, y, to.step),
                        };
                    }
                }
            }
        }
    }
}

/// Widens `len` bytes (rounded up to 16) to i16.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn widen(from: *const u8, to: *mut i16, len: usize) {
    for i in (0..len).step_by(16) {
        // SAFETY: the caller has a vector's room at the end of both.
        unsafe {
            let bytes = _mm_loadu_si128(from.add(i).cast());
            _mm256_storeu_si256(to.add(i).cast(), _mm256_cvtepu8_epi16(bytes));
        }
    }
}

/// `R` pixels by 16 channels.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn pixels<const R: usize>(
    k: &Conv,
    x: *const i16,
    taps: usize,
    weights: &[i16],
    tile: usize,
    y: *mut u8,
    y_step: usize,
) -> usize {
    // SAFETY: the panel holds these pixels' taps, `weights` a whole tile, the output the pixels.
    unsafe {
        let bias = k.bias.as_ptr().add(tile * 16).cast::<__m256i>();
        let mut sums = [[_mm256_loadu_si256(bias), _mm256_loadu_si256(bias.add(1))]; R];
        for q in 0..taps / 2 {
            let w = weights.as_ptr().add(q * 32).cast::<__m256i>();
            let (a, b) = (_mm256_loadu_si256(w), _mm256_loadu_si256(w.add(1)));
            for (r, sums) in sums.iter_mut().enumerate() {
                let pair = _mm256_set1_epi32(x.add(r * taps + q * 2).cast::<i32>().read_unaligned());
                sums[0] = _mm256_add_epi32(sums[0], _mm256_madd_epi16(pair, a));
                sums[1] = _mm256_add_epi32(sums[1], _mm256_madd_epi16(pair, b));
            }
        }
        for (r, sums) in sums.iter().enumerate() {
            store16(k.mult.as_ptr().add(tile * 16), &k.requant, k.float_out, *sums, y.add(r * y_step));
        }
    }
    R
}

/// Requantizes and stores two 8-lane sums of a pixel (in the packed order of channels).
///
/// # Safety
/// `mult` has 16 factors, `y` room for 16 channels.
#[inline]
#[target_feature(enable = "avx2")]
pub unsafe fn store16(mult: *const f32, q: &Requant, float_out: bool, sums: [__m256i; 2], y: *mut u8) {
    // SAFETY: the caller's promise.
    unsafe {
        let real = |i: usize| _mm256_mul_ps(_mm256_cvtepi32_ps(sums[i]), _mm256_loadu_ps(mult.add(i * 8)));
        if float_out {
            _mm256_storeu_ps(y.cast(), real(0));
            _mm256_storeu_ps(y.cast::<f32>().add(8), real(1));
            return;
        }
        let int = |i: usize| _mm256_cvtps_epi32(real(i));
        let words = _mm256_packs_epi32(int(0), int(1));
        let words = _mm256_adds_epi16(words, _mm256_set1_epi16(i16::from(q.zero_point)));
        let bytes = _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
        let bytes = _mm_max_epu8(bytes, _mm_set1_epi8(q.low as i8));
        _mm_storeu_si128(y.cast(), _mm_min_epu8(bytes, _mm_set1_epi8(q.high as i8)));
    }
}

/// Depthwise 3x3: 16 channels of a pixel at a time, each column of three rows widened and paired once.
///
/// # Safety
/// As [`Depthwise::run`]; the processor has AVX2.
#[target_feature(enable = "avx2")]
pub unsafe fn depthwise(k: &Depthwise, arena: *mut u8, from: &Area, to: &Area, rows: Range<usize>) {
    let Packed::I16(weights) = &k.weights else { return };
    for (block, weights) in weights.chunks_exact(3 * 64).enumerate() {
        // SAFETY: building the plan checked the window of every output pixel; 16 channels of each are there.
        unsafe {
            let weight =
                |kx: usize, i: usize| _mm256_loadu_si256(weights.as_ptr().add((kx * 4 + i) * 16).cast());
            let bias = k.bias.as_ptr().add(block * 16).cast::<__m256i>();
            let bias = [_mm256_loadu_si256(bias), _mm256_loadu_si256(bias.add(1))];
            for y in rows.clone() {
                let x = arena.add(k.window(from, y) + block * 16).cast_const();
                let out = arena.add(to.row(y) + block * 16);
                let mut columns = [column(x, from.pitch), column(x.add(from.step), from.pitch)];
                for p in 0..to.width {
                    let at = x.add(p * k.stride[1] * from.step);
                    if k.stride[1] != 1 && p > 0 {
                        columns[1] = column(at.add(from.step), from.pitch);
                    }
                    let last = column(at.add(2 * from.step), from.pitch);
                    let mut sums = bias;
                    for (kx, column) in [columns[0], columns[1], last].into_iter().enumerate() {
                        for (i, pairs) in column.into_iter().enumerate() {
                            let products = _mm256_madd_epi16(pairs, weight(kx, i));
                            sums[i % 2] = _mm256_add_epi32(sums[i % 2], products);
                        }
                    }
                    let mult = k.mult.as_ptr().add(block * 16);
                    store16(mult, &k.requant, false, sums, out.add(p * to.step));
                    columns = if k.stride[1] == 1 { [columns[1], last] } else { [last, last] };
                }
            }
        }
    }
}

/// Three rows of a column: pairs (row 0, row 1) and (row 2, nothing), the lower and upper channels of each.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn column(x: *const u8, pitch: usize) -> [__m256i; 4] {
    // SAFETY: the caller's window of three rows.
    let row = |i: usize| unsafe { _mm256_cvtepu8_epi16(_mm_loadu_si128(x.add(i * pitch).cast())) };
    let (a, b, c, none) = (row(0), row(1), row(2), _mm256_setzero_si256());
    [
        _mm256_unpacklo_epi16(a, b),
        _mm256_unpackhi_epi16(a, b),
        _mm256_unpacklo_epi16(c, none),
        _mm256_unpackhi_epi16(c, none),
    ]
}
