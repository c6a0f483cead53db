//! 256-bit vectors, 16 channels of a pixel at a time: the rows of a column are widened to i16 and
//! paired, so that `vpmaddwd` adds two taps of a channel at once. The columns of a 3x3 window stay
//! in registers, those of a 5x5 window in a ring in memory.

use super::packed::Depthwise;
use crate::kernels::arena::Area;
use crate::kernels::conv::Packed;
use crate::kernels::simd::x86_256::Vector;
use crate::kernels::simd::x86_store::store16;
use std::ops::Range;

/// Packed weights of 16 channels, zeros of the last pair of rows included.
const THREE: usize = 3 * 4 * 16;
const FIVE: usize = 5 * 6 * 16;

on_256_bits! {
    /// # Safety
    /// As [`Depthwise::run`]; the processor has the set.
    pub fn depthwise(k: &Depthwise, arena: *mut u8, from: &Area, to: &Area, rows: Range<usize>) = body;
}

#[inline(always)]
unsafe fn body<V: Vector>(k: &Depthwise, arena: *mut u8, from: &Area, to: &Area, rows: Range<usize>) {
    let Packed::I16(weights) = &k.weights else { return };
    let five = k.kernel == [5, 5];
    let taps = if five { FIVE } else { THREE };
    for y in rows {
        for (block, weights) in weights.chunks_exact(taps).enumerate() {
            // SAFETY: the plan checked the windows of all output pixels, which have these 16
            // channels.
            unsafe {
                let x = (arena.add(k.window(from, y) + block * 16).cast_const(), from);
                let out = (arena.add(to.row(y) + block * 16), to);
                match five {
                    true => row_of_five::<V>(k, block, weights, x, out),
                    false => row::<V>(k, block, weights, x, out),
                }
            }
        }
    }
}

/// 16 channels of a row of output pixels; `x` leads to the first one's window, `out` to itself.
///
/// # Safety
/// The windows and the pixels lie in the maps. The processor has `V`.
#[inline(always)]
unsafe fn row<V: Vector>(
    k: &Depthwise,
    block: usize,
    weights: &[i16],
    (x, from): (*const u8, &Area),
    (out, to): (*mut u8, &Area),
) {
    let stride = k.stride[1];
    // SAFETY: the caller's contract; there are weights, bias and factors for whole blocks.
    unsafe {
        let (bias, mult) = (k.bias.as_ptr().add(block * 16).cast::<u8>(), k.mult.as_ptr().add(block * 16));
        let bias = [V::load(bias), V::load(bias.add(32))];
        let mut columns = [column::<V>(x, from.pitch), column::<V>(x.add(from.step), from.pitch)];
        for p in 0..to.width {
            let at = x.add(p * stride * from.step);
            if stride != 1 && p > 0 {
                columns[1] = column::<V>(at.add(from.step), from.pitch);
            }
            let last = column::<V>(at.add(2 * from.step), from.pitch);
            let sums = sums::<V>(bias, weights, [columns[0], columns[1], last]);
            store16::<V>(mult, &k.requant, false, sums, out.add(p * to.step));
            columns = if stride == 1 { [columns[1], last] } else { [last, last] };
        }
    }
}

/// The sums over three columns.
///
/// # Safety
/// There are 192 weights. The processor has `V`.
#[inline(always)]
unsafe fn sums<V: Vector>(
    mut sums: [V::Ints; 2],
    weights: &[i16],
    columns: [[V::Ints; 4]; 3],
) -> [V::Ints; 2] {
    for (kx, column) in columns.into_iter().enumerate() {
        for (i, pairs) in column.into_iter().enumerate() {
            // SAFETY: the caller's contract.
            unsafe {
                let weight = V::load(weights.as_ptr().add((kx * 4 + i) * 16).cast());
                sums[i % 2] = V::add_i32(sums[i % 2], V::products(pairs, weight));
            }
        }
    }
    sums
}

/// Three rows of a column: pairs of rows 0 and 1, then of row 2 and zeros; of each the lower and
/// the upper channels.
///
/// # Safety
/// A column of a window begins at `x`. The processor has `V`.
#[inline(always)]
unsafe fn column<V: Vector>(x: *const u8, pitch: usize) -> [V::Ints; 4] {
    // SAFETY: the caller's contract.
    unsafe {
        let row = |i: usize| V::widen(x.add(i * pitch));
        let ([a, b], [c, d]) = (V::pairs(row(0), row(1)), V::pairs(row(2), V::zero()));
        [a, b, c, d]
    }
}

/// As [`row`], for 5x5 windows.
///
/// # Safety
/// As [`row`].
#[inline(always)]
unsafe fn row_of_five<V: Vector>(
    k: &Depthwise,
    block: usize,
    weights: &[i16],
    (x, from): (*const u8, &Area),
    (out, to): (*mut u8, &Area),
) {
    // SAFETY: the caller's contract; there are weights, bias and factors for whole blocks.
    unsafe {
        let (bias, mult) = (k.bias.as_ptr().add(block * 16).cast::<u8>(), k.mult.as_ptr().add(block * 16));
        let mut ring = [[V::zero(); 6]; 5];
        let mut ready = 0;
        for p in 0..to.width {
            let first = p * k.stride[1];
            // A stride above 5 skips columns.
            ready = ready.max(first);
            while ready < first + 5 {
                ring[ready % 5] = column_of_five::<V>(x.add(ready * from.step), from.pitch);
                ready += 1;
            }
            let mut sums = [V::load(bias), V::load(bias.add(32))];
            for kx in 0..5 {
                let column = &ring[(first + kx) % 5];
                for i in 0..6 {
                    let weight = V::load(weights.as_ptr().add((kx * 6 + i) * 16).cast());
                    sums[i % 2] = V::add_i32(sums[i % 2], V::products(column[i], weight));
                }
            }
            store16::<V>(mult, &k.requant, false, sums, out.add(p * to.step));
        }
    }
}

/// As [`column`], for five rows: three pairs of rows, the last one with zeros.
///
/// # Safety
/// As [`column`].
#[inline(always)]
unsafe fn column_of_five<V: Vector>(x: *const u8, pitch: usize) -> [V::Ints; 6] {
    // SAFETY: the caller's contract.
    unsafe {
        let row = |i: usize| V::widen(x.add(i * pitch));
        let pairs = [V::pairs(row(0), row(1)), V::pairs(row(2), row(3)), V::pairs(row(4), V::zero())];
        let [[a, b], [c, d], [e, f]] = pairs;
        [a, b, c, d, e, f]
    }
}
