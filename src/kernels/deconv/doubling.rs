//! The transposed convolution that doubles a map (4x4, stride 2, padding 1, one output channel a
//! group), over 256-bit vectors. It is a small part of a network, so larger sets use it too.
//!
//! An output pixel sums over two rows and two columns of the input. The parity of its row and
//! column decides which of the 16 taps they meet. The input's border holds the zero point, so the
//! edges need no special case.

use super::spec::DeconvSpec;
use crate::kernels::arena::Area;
use crate::kernels::conv::packed16;
use crate::kernels::requant::Requant;
use crate::kernels::simd::x86_256::Vector;
use crate::kernels::simd::x86_store::store16;
use std::array::from_fn;
use std::ops::Range;

/// Packed weights: 16 output channels at a time, for each parity of row and column.
pub struct Doubling {
    /// Input channels of an output channel: 1 or 2.
    members: usize,
    /// `[16 channels][row parity][column parity]`.
    taps: Vec<[[ParityTaps; 2]; 2]>,
    /// In packed order.
    mult: Vec<f32>,
}

/// The taps of one parity of row and column.
struct ParityTaps {
    /// `[column][v][lower and upper half of the channels][lane]`. A pair of lanes has the weights
    /// of both rows with one member (`v` is 0), and those of both members of row `v` with two.
    weights: [[[[i16; 16]; 2]; 2]; 2],
    /// The bias minus what the input's zero point adds.
    bias: [i32; 16],
}

impl Doubling {
    /// Packs a convolution that doubles, with `channels` output channels and 1 or 2 members.
    pub fn new(spec: &DeconvSpec, channels: usize, requant: &Requant) -> Doubling {
        let members = spec.weights.len() / channels / 16;
        let order: Vec<usize> =
            (0..channels.next_multiple_of(16)).map(|p| p / 16 * 16 + packed16(p % 16)).collect();
        let parity = |c: &[usize], py, px| ParityTaps::new(spec, (channels, members), requant, c, (py, px));
        let block = |c: &[usize]| from_fn(|py| from_fn(|px| parity(c, py, px)));
        let taps = order.chunks_exact(16).map(block).collect();
        Doubling { members, taps, mult: order.iter().map(|&c| requant.mult[c]).collect() }
    }
}

impl ParityTaps {
    /// The taps of 16 channels for one parity.
    fn new(
        spec: &DeconvSpec,
        (channels, members): (usize, usize),
        requant: &Requant,
        block: &[usize],
        (py, px): (usize, usize),
    ) -> ParityTaps {
        let at = |o: usize, j: usize, ky: usize, kx: usize| {
            if o < channels { spec.weights[((o * members + j) * 4 + ky) * 4 + kx] } else { 0 }
        };
        // The upper and left inputs meet the later rows and columns of the kernel.
        let (rows, columns) = ([py + 2, py], [px + 2, px]);
        let lane = |o: usize, column: usize, v: usize, side: usize| match members {
            1 if v > 0 => 0,
            1 => at(o, 0, rows[side], columns[column]),
            _ => at(o, side, rows[v], columns[column]),
        };
        let half = |column, v, half| from_fn(|i| lane(block[half * 8 + i / 2], column, v, i % 2).into());
        let weights = from_fn(|column| from_fn(|v| from_fn(|h| half(column, v, h))));
        let bias = from_fn(|i| {
            let tap = |t: usize| i32::from(at(block[i], t / 4, rows[t / 2 % 2], columns[t % 2]));
            let sum: i32 = (0..4 * members).map(tap).sum();
            requant.bias[block[i]].wrapping_sub(i32::from(spec.input.zero_point) * sum)
        });
        ParityTaps { weights, bias }
    }
}

on_256_bits! {
    /// Computes `rows` of `to`, which has twice the rows and columns of `from`.
    ///
    /// # Safety
    /// As [`Deconv::run`](super::Deconv::run), and `from` has a border of one pixel. The processor
    /// has the set.
    pub fn double(
        k: &Doubling, q: &Requant, arena: *mut u8, from: &Area, to: &Area, rows: Range<usize>,
    ) = body;
}

#[inline(always)]
unsafe fn body<V: Vector>(
    k: &Doubling,
    q: &Requant,
    arena: *mut u8,
    from: &Area,
    to: &Area,
    rows: Range<usize>,
) {
    // SAFETY: the caller's contract.
    unsafe {
        match k.members {
            1 => rows_of::<V, 1>(k, q, arena, from, to, rows),
            _ => rows_of::<V, 2>(k, q, arena, from, to, rows),
        }
    }
}

#[inline(always)]
unsafe fn rows_of<V: Vector, const M: usize>(
    k: &Doubling,
    q: &Requant,
    arena: *mut u8,
    from: &Area,
    to: &Area,
    rows: Range<usize>,
) {
    for y in rows {
        for (block, taps) in k.taps.iter().enumerate() {
            // SAFETY: windows that begin a row and a column before the map lie in its
            // border. Channels that the map lacks are the next pixel's or the arena's slack,
            // and meet zero weights.
            unsafe {
                let top = from.origin + y.div_ceil(2) * from.pitch - from.pitch;
                let x = arena.add(top + block * 16 * M).cast_const();
                let out = arena.add(to.row(y) + block * 16);
                let mult = k.mult.as_ptr().add(block * 16);
                row::<V, M>(&taps[(y + 1) % 2], q, mult, (x, from), (out, to));
            }
        }
    }
}

/// 16 channels of an output row from two input rows, of which `x` is the upper.
///
/// # Safety
/// The maps have these rows, the input with a border of one pixel. The processor has `V`.
#[inline(always)]
unsafe fn row<V: Vector, const M: usize>(
    [odd, even]: &[ParityTaps; 2],
    q: &Requant,
    mult: *const f32,
    (x, from): (*const u8, &Area),
    (out, to): (*mut u8, &Area),
) {
    // SAFETY: the caller's contract.
    unsafe {
        let mut left = column::<V, M>(x.sub(from.step), from.pitch);
        for c in 0..=from.width {
            let right = column::<V, M>(x.add(c * from.step), from.pitch);
            let pixel = |p: usize| out.add(p * to.step);
            if c > 0 {
                store16::<V>(mult, q, false, sum::<V, M>(odd, left, right), pixel(2 * c - 1));
            }
            if c < from.width {
                store16::<V>(mult, q, false, sum::<V, M>(even, left, right), pixel(2 * c));
            }
            left = right;
        }
    }
}

/// Two rows of a column as i16: pairs of rows with one member; pairs of members in each
/// row with two.
///
/// # Safety
/// The column's two rows begin at `x`. The processor has `V`.
#[inline(always)]
unsafe fn column<V: Vector, const M: usize>(x: *const u8, pitch: usize) -> [[V::Ints; 2]; 2] {
    // SAFETY: the caller's contract.
    unsafe {
        if M == 1 {
            [V::pairs(V::widen(x), V::widen(x.add(pitch))), [V::zero(); 2]]
        } else {
            [V::wide_bytes(V::load(x)), V::wide_bytes(V::load(x.add(pitch)))]
        }
    }
}

/// The sums of 16 channels over two columns.
///
/// # Safety
/// The processor has `V`.
#[inline(always)]
unsafe fn sum<V: Vector, const M: usize>(
    taps: &ParityTaps,
    left: [[V::Ints; 2]; 2],
    right: [[V::Ints; 2]; 2],
) -> [V::Ints; 2] {
    // SAFETY: the caller's contract; 8 biases and 16 weights a load.
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
