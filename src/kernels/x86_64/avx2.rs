//! AVX2: `vpmaddubsw`, with weights packed so that it cannot saturate (see [`Pairs`]).

use crate::kernels::arena::Area;
use crate::kernels::conv::{Conv, Packed};
use crate::kernels::depthwise::Depthwise;
use crate::kernels::pairs::{Pairs, TILE};
use crate::kernels::requant::Requant;
use std::arch::x86_64::*;
use std::ops::Range;

/// # Safety
/// As [`Conv::run`]; the processor has AVX2.
#[target_feature(enable = "avx2")]
pub unsafe fn conv(k: &Conv, arena: *mut u8, from: &Area, to: &Area, rows: Range<usize>) {
    let Packed::Pairs(pairs) = &k.weights else { return };
    let segments = k.segments(from, to, rows);
    let out_bytes = if k.float_out { 4 * TILE } else { TILE };
    for block in segments.blocks() {
        for tile in 0..pairs.tiles.len() {
            for i in block.clone() {
                let (x, y, n) = segments.get(i);
                let mut p = 0;
                while p < n {
                    // SAFETY: building the plan checked every pixel's runs and channels.
                    unsafe {
                        let x = arena.add(x + p * k.x_step).cast_const();
                        let y = arena.add(y + p * to.step + tile * out_bytes);
                        p += match n - p {
                            8.. => pixels::<8>(k, pairs, tile, x, y, to.step),
                            4.. => pixels::<4>(k, pairs, tile, x, y, to.step),
                            2.. => pixels::<2>(k, pairs, tile, x, y, to.step),
                            _ => pixels::<1>(k, pairs, tile, x, y, to.step),
                        };
                    }
                }
            }
        }
    }
}

/// `R` pixels by 8 channels.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn pixels<const R: usize>(
    k: &Conv,
    pairs: &Pairs,
    tile: usize,
    x: *const u8,
    y: *mut u8,
    y_step: usize,
) -> usize {
    let at = pairs.tiles[tile];
    // SAFETY: the caller's pixels, and the packed weights of a whole tile.
    unsafe {
        let mut sums = [_mm256_loadu_si256(k.bias.as_ptr().add(tile * TILE).cast()); R];
        let w = pairs.weights.as_ptr().add(at.weights);
        let (plain, rest) = pairs.offsets[at.offsets..].split_at(at.vectors[0]);
        let (mixed, rest) = rest.split_at(at.vectors[1]);
        let (signed, rest) = rest.split_at(at.vectors[2]);
        let (plain_alone, rest) = rest.split_at(at.vectors[3]);
        let w = add::<R, 2, false, false>(&mut sums, plain, w, x, k.x_step);
        let w = add::<R, 2, true, false>(&mut sums, mixed, w, x, k.x_step);
        let w = add::<R, 2, true, true>(&mut sums, signed, w, x, k.x_step);
        let w = add::<R, 1, false, false>(&mut sums, plain_alone, w, x, k.x_step);
        add::<R, 1, true, true>(&mut sums, &rest[..at.vectors[4]], w, x, k.x_step);
        let mult = _mm256_loadu_ps(k.mult.as_ptr().add(tile * TILE));
        for (r, sums) in sums.iter().enumerate() {
            store8(mult, &k.requant, k.float_out, *sums, y.add(r * y_step));
        }
    }
    R
}

/// Adds `N` vectors at a time, one or two, whose first (`A`) and second (`B`) are signed or not; returns where the
/// weights end.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn add<const R: usize, const N: usize, const A: bool, const B: bool>(
    sums: &mut [__m256i; R],
    offsets: &[u32],
    mut w: *const u8,
    x: *const u8,
    x_step: usize,
) -> *const u8 {
    let ones = _mm256_set1_epi16(1);
    for offsets in offsets.as_chunks::<N>().0 {
        // SAFETY: the caller's taps; a vector of weights, and one of masks where they are signed.
        unsafe {
            let a = Weights::load::<A>(&mut w);
            let b = if N == 2 { Weights::load::<B>(&mut w) } else { a };
            let (x_a, x_b) = (x.add(offsets[0] as usize), x.add(offsets[N - 1] as usize));
            for (r, sum) in sums.iter_mut().enumerate() {
                let mut products = a.products::<A>(taps(x_a.add(r * x_step)));
                if N == 2 {
                    products = _mm256_add_epi16(products, b.products::<B>(taps(x_b.add(r * x_step))));
                }
                *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(products, ones));
            }
        }
    }
    w
}

/// Four bytes of a pixel, for every channel.
///
/// # Safety
/// They are there.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn taps(x: *const u8) -> __m256i {
    // SAFETY: the caller's promise.
    _mm256_set1_epi32(unsafe { x.cast::<i32>().read_unaligned() })
}

/// 8 channels by 4 taps.
#[derive(Clone, Copy)]
struct Weights {
    factors: __m256i,
    masks: __m256i,
}

impl Weights {
    /// # Safety
    /// A vector of weights lies there, and one of masks if they are signed; `w` moves past them.
    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn load<const SIGNED: bool>(w: &mut *const u8) -> Weights {
        // SAFETY: the caller's promise.
        unsafe {
            let factors = _mm256_loadu_si256(w.cast());
            let masks = if SIGNED { _mm256_loadu_si256(w.add(32).cast()) } else { factors };
            *w = w.add(if SIGNED { 64 } else { 32 });
            Weights { factors, masks }
        }
    }

    /// Sums of neighbouring products, as i16.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn products<const SIGNED: bool>(&self, bytes: __m256i) -> __m256i {
        if SIGNED {
            _mm256_maddubs_epi16(self.factors, _mm256_xor_si256(bytes, self.masks))
        } else {
            _mm256_maddubs_epi16(bytes, self.factors)
        }
    }
}

/// Requantizes and stores a pixel's 8 sums.
///
/// # Safety
/// `y` has room for 8 channels.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn store8(mult: __m256, q: &Requant, float_out: bool, sums: __m256i, y: *mut u8) {
    let real = _mm256_mul_ps(_mm256_cvtepi32_ps(sums), mult);
    // SAFETY: the caller's promise.
    unsafe {
        if float_out {
            _mm256_storeu_ps(y.cast(), real);
            return;
        }
        let ints = _mm256_cvtps_epi32(real);
        let words = _mm_packs_epi32(_mm256_castsi256_si128(ints), _mm256_extracti128_si256::<1>(ints));
        let words = _mm_adds_epi16(words, _mm_set1_epi16(i16::from(q.zero_point)));
        let bytes = _mm_max_epu8(_mm_packus_epi16(words, words), _mm_set1_epi8(q.low as i8));
        _mm_storel_epi64(y.cast(), _mm_min_epu8(bytes, _mm_set1_epi8(q.high as i8)));
    }
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
    for y in rows {
        for (block, weights) in weights.chunks_exact(3 * 64).enumerate() {
            // SAFETY: building the plan checked the window of every output pixel; 16 channels of each are there.
            unsafe {
                let weight =
                    |kx: usize, i: usize| _mm256_loadu_si256(weights.as_ptr().add((kx * 4 + i) * 16).cast());
                let bias = k.bias.as_ptr().add(block * 16).cast::<__m256i>();
                let bias = [_mm256_loadu_si256(bias), _mm256_loadu_si256(bias.add(1))];
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
