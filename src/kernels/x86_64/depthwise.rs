//! Depthwise 3x3: 16 channels of a pixel at a time, each column of three rows widened and paired once.

use super::store::store16;
use super::vector::Vector;
use crate::kernels::arena::Area;
use crate::kernels::conv::Packed;
use crate::kernels::depthwise::Depthwise;
use std::ops::Range;

/// # Safety
/// As [`Depthwise::run`]; the processor has `V`.
#[inline(always)]
pub unsafe fn depthwise<V: Vector>(
    k: &Depthwise,
    arena: *mut u8,
    from: &Area,
    to: &Area,
    rows: Range<usize>,
) {
    let Packed::I16(weights) = &k.weights else { return };
    for y in rows {
        for (block, weights) in weights.chunks_exact(3 * 64).enumerate() {
            // SAFETY: building the plan checked the window of every output pixel; 16 channels of each are there.
            unsafe {
                let weight = |kx: usize, i: usize| V::load(weights.as_ptr().add((kx * 4 + i) * 16).cast());
                let bias = k.bias.as_ptr().add(block * 16).cast::<u8>();
                let bias = [V::load(bias), V::load(bias.add(32))];
                let x = arena.add(k.window(from, y) + block * 16).cast_const();
                let out = arena.add(to.row(y) + block * 16);
                let mut columns = [column::<V>(x, from.pitch), column::<V>(x.add(from.step), from.pitch)];
                for p in 0..to.width {
                    let at = x.add(p * k.stride[1] * from.step);
                    if k.stride[1] != 1 && p > 0 {
                        columns[1] = column::<V>(at.add(from.step), from.pitch);
                    }
                    let last = column::<V>(at.add(2 * from.step), from.pitch);
                    let mut sums = bias;
                    for (kx, column) in [columns[0], columns[1], last].into_iter().enumerate() {
                        for (i, pairs) in column.into_iter().enumerate() {
                            sums[i % 2] = V::add_i32(sums[i % 2], V::products(pairs, weight(kx, i)));
                        }
                    }
                    let mult = k.mult.as_ptr().add(block * 16);
                    store16::<V>(mult, &k.requant, false, sums, out.add(p * to.step));
                    columns = if k.stride[1] == 1 { [columns[1], last] } else { [last, last] };
                }
            }
        }
    }
}

/// Three rows of a column: pairs (row 0, row 1) and (row 2, nothing), the lower and upper channels of each.
#[inline(always)]
unsafe fn column<V: Vector>(x: *const u8, pitch: usize) -> [V::Ints; 4] {
    // SAFETY: the caller's window of three rows.
    unsafe {
        let row = |i: usize| V::widen(x.add(i * pitch));
        let ([a, b], [c, d]) = (V::pairs(row(0), row(1)), V::pairs(row(2), V::zero()));
        [a, b, c, d]
    }
}
