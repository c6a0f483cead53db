//! The transposed convolution that doubles a map (4x4, stride 2, padding 1, one output channel a group). The larger sets
//! run AVX2's, as it is a small part of a network.
//!
//! Each output pixel has two input rows and two columns to sum over, which of the 16 taps depends on whether its
//! row and column are odd. The border of the input holds the zero point, so the edges are like the rest.

use super::store::store16;
use super::vector::Vector;
use crate::kernels::arena::Area;
use crate::kernels::conv::packed16;
use crate::kernels::requant::Requant;
use std::ops::Range;

/// Packed weights: 16 output channels at a time, for each parity of row and column.
pub struct Doubling {
    /// Input channels of an output channel: 1, or 2.
    members: usize,
    /// `[block][row parity][column parity]` of [`Taps`].
    taps: Vec<[[Taps; 2]; 2]>,
    /// In the packed order of channels.
    mult: Vec<f32>,
}

/// What one parity sums: `[column][top and bottom, or vertical pairs][lower and upper half]`, and the bias less
/// what the zero point adds. With one member, a lane has the weights of the two rows; else of the two members.
struct Taps {
    weights: [[[[i16; 16]; 2]; 2]; 2],
    bias: [i32; 16],
}

impl Doubling {
    /// `at(output channel, member, kernel row, kernel column)` is a weight.
    pub fn new(
        members: usize,
        channels: usize,
        zero_point: u8,
        requant: &Requant,
        at: impl Fn(usize, usize, usize, usize) -> i8,
    ) -> Doubling {
        let at = |o: usize, j: usize, ky: usize, kx: usize| {
            if o < channels { i16::from(at(o, j, ky, kx)) } else { 0 }
        };
        let order: Vec<usize> =
            (0..channels.next_multiple_of(16)).map(|p| p / 16 * 16 + packed16(p % 16)).collect();
        let parity = |channels: &[usize], py: usize, px: usize| {
            // The nearer an input row or column is to the top left, the later its kernel place.
            let (rows, columns) = ([py + 2, py], [px + 2, px]);
            let lane = |o: usize, column: usize, v: usize, side: usize| match members {
                1 if v > 0 => 0,
                1 => at(o, 0, rows[side], columns[column]),
                _ => at(o, side, rows[v], columns[column]),
            };
            let weights = std::array::from_fn(|column| {
                std::array::from_fn(|v| {
                    std::array::from_fn(|half| {
                        std::array::from_fn(|i| lane(channels[half * 8 + i / 2], column, v, i % 2))
                    })
                })
            });
            let bias = std::array::from_fn(|i| {
                let o = channels[i];
                let taps = (0..members).flat_map(|j| {
                    rows.map(|ky| columns.map(|kx| i32::from(at(o, j, ky, kx)))).into_iter().flatten()
                });
                requant.bias[o].wrapping_sub(i32::from(zero_point) * taps.sum::<i32>())
            });
            Taps { weights, bias }
        };
        let block = |c: &[usize]| std::array::from_fn(|py| std::array::from_fn(|px| parity(c, py, px)));
        let taps = order.chunks_exact(16).map(block).collect();
        Doubling { members, taps, mult: order.iter().map(|&c| requant.mult[c]).collect() }
    }

    /// Computes `rows` of `to`, which has twice the rows and columns of `from`.
    ///
    /// # Safety
    /// `arena` is an arena of the plan that this step was built and checked for, and `from` has a border of a
    /// pixel; no other thread writes `from`, or touches these rows of `to`. The processor has `V`.
    #[inline(always)]
    pub unsafe fn run<V: Vector>(
        &self,
        q: &Requant,
        arena: *mut u8,
        from: &Area,
        to: &Area,
        rows: Range<usize>,
    ) {
        // SAFETY: the caller's promise, passed on.
        unsafe {
            match self.members {
                1 => self.rows::<V, 1>(q, arena, from, to, rows),
                _ => self.rows::<V, 2>(q, arena, from, to, rows),
            }
        }
    }

    #[inline(always)]
    unsafe fn rows<V: Vector, const M: usize>(
        &self,
        q: &Requant,
        arena: *mut u8,
        from: &Area,
        to: &Area,
        rows: Range<usize>,
    ) {
        for y in rows {
            for (block, taps) in self.taps.iter().enumerate() {
                let [odd, even] = &taps[(y + 1) % 2];
                // SAFETY: windows of one row and column more than the map has lie in its border; the channels
                // of a last block that the map does not have are the next pixel's, or the arena's slack, and
                // meet zero weights.
                unsafe {
                    let top = from.origin + y.div_ceil(2) * from.pitch - from.pitch;
                    let x = arena.add(top + block * 16 * M).cast_const();
                    let out = arena.add(to.row(y) + block * 16);
                    let mult = self.mult.as_ptr().add(block * 16);
                    let mut left = column::<V, M>(x.sub(from.step), from.pitch);
                    for c in 0..=from.width {
                        let right = column::<V, M>(x.add(c * from.step), from.pitch);
                        if c > 0 {
                            store16::<V>(
                                mult,
                                q,
                                false,
                                sum::<V, M>(odd, left, right),
                                out.add((2 * c - 1) * to.step),
                            );
                        }
                        if c < from.width {
                            store16::<V>(
                                mult,
                                q,
                                false,
                                sum::<V, M>(even, left, right),
                                out.add(2 * c * to.step),
                            );
                        }
                        left = right;
                    }
                }
            }
        }
    }
}

/// Two rows of a column as i16: pairs of the rows (one member), or pairs of the members, row by row.
#[inline(always)]
unsafe fn column<V: Vector, const M: usize>(x: *const u8, pitch: usize) -> [[V::Ints; 2]; 2] {
    // SAFETY: the caller's two rows.
    unsafe {
        if M == 1 {
            [V::pairs(V::widen(x), V::widen(x.add(pitch))), [V::zero(); 2]]
        } else {
            [V::wide_bytes(V::load(x)), V::wide_bytes(V::load(x.add(pitch)))]
        }
    }
}

#[inline(always)]
unsafe fn sum<V: Vector, const M: usize>(
    taps: &Taps,
    left: [[V::Ints; 2]; 2],
    right: [[V::Ints; 2]; 2],
) -> [V::Ints; 2] {
    // SAFETY: the caller's vector unit; 8 biases; 16 weights.
    unsafe {
        let mut sums = [V::zero(); 2];
        for half in 0..2 {
            sums[half] = V::load(taps.bias.as_ptr().add(half * 8).cast());
            for v in 0..M {
                let weights = |side: usize| V::load(taps.weights[side][v][half].as_ptr().cast());
                let products = V::products(left[v][half], weights(0));
                let others = V::products(right[v][half], weights(1));
                sums[half] = V::add_i32(sums[half], V::add_i32(products, others));
            }
        }
        sums
    }
}
