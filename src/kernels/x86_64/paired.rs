//! `vpmaddubsw`, with weights packed so that it cannot saturate (see [`Pairs`]): for processors without a dot product of
//! bytes.

use super::store::store8;
use super::vector::Vector;
use crate::kernels::arena::Area;
use crate::kernels::conv::{Conv, Packed};
use crate::kernels::pairs::{Pairs, TILE};
use std::ops::Range;

/// # Safety
/// As [`Conv::run`]; the processor has `V`.
#[inline(always)]
pub unsafe fn conv<V: Vector>(k: &Conv, arena: *mut u8, from: &Area, to: &Area, rows: Range<usize>) {
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
                            8.. if V::SUMS >= 8 => pixels::<V, 8>(k, pairs, tile, x, y, to.step),
                            4.. => pixels::<V, 4>(k, pairs, tile, x, y, to.step),
                            2.. => pixels::<V, 2>(k, pairs, tile, x, y, to.step),
                            _ => pixels::<V, 1>(k, pairs, tile, x, y, to.step),
                        };
                    }
                }
            }
        }
    }
}

/// `R` pixels by 8 channels.
#[inline(always)]
unsafe fn pixels<V: Vector, const R: usize>(
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
        let mut sums = [V::load(k.bias.as_ptr().add(tile * TILE).cast()); R];
        let w = pairs.weights.as_ptr().add(at.weights);
        let (plain, rest) = pairs.offsets[at.offsets..].split_at(at.vectors[0]);
        let (mixed, rest) = rest.split_at(at.vectors[1]);
        let (signed, rest) = rest.split_at(at.vectors[2]);
        let (plain_alone, rest) = rest.split_at(at.vectors[3]);
        let w = add::<V, R, 2, false, false>(&mut sums, plain, w, x, k.x_step);
        let w = add::<V, R, 2, true, false>(&mut sums, mixed, w, x, k.x_step);
        let w = add::<V, R, 2, true, true>(&mut sums, signed, w, x, k.x_step);
        let w = add::<V, R, 1, false, false>(&mut sums, plain_alone, w, x, k.x_step);
        add::<V, R, 1, true, true>(&mut sums, &rest[..at.vectors[4]], w, x, k.x_step);
        let mult = k.mult.as_ptr().add(tile * TILE);
        for (r, sums) in sums.iter().enumerate() {
            store8::<V>(mult, &k.requant, k.float_out, *sums, y.add(r * y_step));
        }
    }
    R
}

/// Adds `N` vectors at a time, one or two, whose first (`A`) and second (`B`) are signed or not; returns where the
/// weights end.
#[inline(always)]
unsafe fn add<V: Vector, const R: usize, const N: usize, const A: bool, const B: bool>(
    sums: &mut [V::Ints; R],
    offsets: &[u32],
    mut w: *const u8,
    x: *const u8,
    x_step: usize,
) -> *const u8 {
    for offsets in offsets.as_chunks::<N>().0 {
        // SAFETY: the caller's taps; a vector of weights, and one of masks where they are signed.
        unsafe {
            let a = Weights::<V>::load::<A>(&mut w);
            let b = if N == 2 { Weights::load::<B>(&mut w) } else { a };
            let (x_a, x_b) = (x.add(offsets[0] as usize), x.add(offsets[N - 1] as usize));
            for (r, sum) in sums.iter_mut().enumerate() {
                let mut products = a.products::<A>(V::repeat(x_a.add(r * x_step)));
                if N == 2 {
                    products = V::add_i16(products, b.products::<B>(V::repeat(x_b.add(r * x_step))));
                }
                *sum = V::add_i32(*sum, V::products(products, V::ones_i16()));
            }
        }
    }
    w
}

/// 8 channels by 4 taps.
struct Weights<V: Vector> {
    factors: V::Ints,
    masks: V::Ints,
}

impl<V: Vector> Clone for Weights<V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V: Vector> Copy for Weights<V> {}

impl<V: Vector> Weights<V> {
    /// # Safety
    /// A vector of weights lies there, and one of masks if they are signed; `w` moves past them. The processor has `V`.
    #[inline(always)]
    unsafe fn load<const SIGNED: bool>(w: &mut *const u8) -> Self {
        // SAFETY: the caller's promise.
        unsafe {
            let factors = V::load(*w);
            let masks = if SIGNED { V::load(w.add(32)) } else { factors };
            *w = w.add(if SIGNED { 64 } else { 32 });
            Weights { factors, masks }
        }
    }

    /// Sums of neighbouring products, as i16.
    ///
    /// # Safety
    /// The processor has `V`.
    #[inline(always)]
    unsafe fn products<const SIGNED: bool>(&self, bytes: V::Ints) -> V::Ints {
        // SAFETY: the caller's promise.
        unsafe {
            if SIGNED {
                V::byte_products(self.factors, V::xor(bytes, self.masks))
            } else {
                V::byte_products(bytes, self.factors)
            }
        }
    }
}
