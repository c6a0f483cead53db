//! `vpmaddubsw`, for processors without a dot product of bytes, on weights that cannot make it
//! saturate (see [`PairedWeights`]). 8 output channels of up to 8 pixels at a time.

use super::maddubs_pack::{PairedWeights, TILE};
use super::packed::{Conv, Packed};
use super::segments::Tile;
use crate::kernels::arena::Area;
use crate::kernels::simd::x86_256::Vector;
use crate::kernels::simd::x86_store::store8;
use std::ops::Range;

on_256_bits! {
    /// # Safety
    /// As [`Conv::run`]; the processor has the set.
    pub fn conv(k: &Conv, arena: *mut u8, from: &Area, to: &Area, rows: Range<usize>) = body;
}

#[inline(always)]
unsafe fn body<V: Vector>(k: &Conv, arena: *mut u8, from: &Area, to: &Area, rows: Range<usize>) {
    let Packed::Pairs(weights) = &k.weights else { return };
    // SAFETY: the caller's contract.
    for tile in unsafe { k.tiles(arena, from, to, rows) } {
        // SAFETY: the tile's pixels lie in the maps.
        unsafe { segment::<V>(k, weights, tile) };
    }
}

/// # Safety
/// The tile's pixels lie in the maps. The processor has `V`.
#[inline(always)]
unsafe fn segment<V: Vector>(k: &Conv, weights: &PairedWeights, mut tile: Tile) {
    while tile.pixels > 0 {
        // SAFETY: the tile has the pixels that are computed and then skipped.
        unsafe {
            let done = match tile.pixels {
                8.. if V::SUMS >= 8 => pixels::<V, 8>(k, weights, tile),
                4.. => pixels::<V, 4>(k, weights, tile),
                2.. => pixels::<V, 2>(k, weights, tile),
                _ => pixels::<V, 1>(k, weights, tile),
            };
            tile = tile.skip(done);
        }
    }
}

/// The first `R` pixels of a tile.
///
/// # Safety
/// As [`segment`]; the tile has `R` pixels.
#[inline(always)]
unsafe fn pixels<V: Vector, const R: usize>(k: &Conv, weights: &PairedWeights, tile: Tile) -> usize {
    let at = weights.tiles[tile.index];
    let (x, x_step) = (tile.x, tile.x_step);
    // SAFETY: the plan checked these pixels; weights, bias and factors cover the tile.
    unsafe {
        let mut sums = [V::load(k.bias.as_ptr().add(tile.index * TILE).cast()); R];
        let w = weights.bytes.as_ptr().add(at.bytes);
        let (plain, rest) = weights.offsets[at.offsets..].split_at(at.vectors[0]);
        let (mixed, rest) = rest.split_at(at.vectors[1]);
        let (signed, rest) = rest.split_at(at.vectors[2]);
        let (plain_alone, rest) = rest.split_at(at.vectors[3]);
        let w = add::<V, R, 2, false, false>(&mut sums, plain, w, x, x_step);
        let w = add::<V, R, 2, true, false>(&mut sums, mixed, w, x, x_step);
        let w = add::<V, R, 2, true, true>(&mut sums, signed, w, x, x_step);
        let w = add::<V, R, 1, false, false>(&mut sums, plain_alone, w, x, x_step);
        add::<V, R, 1, true, true>(&mut sums, &rest[..at.vectors[4]], w, x, x_step);
        let mult = k.mult.as_ptr().add(tile.index * TILE);
        for (r, sums) in sums.iter().enumerate() {
            store8::<V>(mult, &k.requant, k.float_out, *sums, tile.y.add(r * tile.y_step));
        }
    }
    R
}

/// Adds the products of groups of `N` vectors of weights, one or two. `A` and `B` tell whether the
/// first and the second are in the signed form. Returns where the weights end.
///
/// # Safety
/// The taps at `offsets` from each pixel's first byte lie in the arena; `w` has a vector of weights
/// for each offset, and one of masks after it if it is signed. The processor has `V`.
#[inline(always)]
unsafe fn add<V: Vector, const R: usize, const N: usize, const A: bool, const B: bool>(
    sums: &mut [V::Ints; R],
    offsets: &[u32],
    mut w: *const u8,
    x: *const u8,
    x_step: usize,
) -> *const u8 {
    for offsets in offsets.as_chunks::<N>().0 {
        // SAFETY: the caller's contract.
        unsafe {
            let a = Weights::<V>::load::<A>(&mut w);
            let b = if N == 2 { Weights::load::<B>(&mut w) } else { a };
            let (x_a, x_b) = (x.add(offsets[0] as usize), x.add(offsets[N - 1] as usize));
            for (r, sum) in sums.iter_mut().enumerate() {
                let products = a.products::<A>(V::repeat(x_a.add(r * x_step)));
                let others = || b.products::<B>(V::repeat(x_b.add(r * x_step)));
                let products = if N == 2 { V::add_i16(products, others()) } else { products };
                *sum = V::add_i32(*sum, V::products(products, V::ones_i16()));
            }
        }
    }
    w
}

/// Weights of 8 channels by 4 taps.
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
    /// Loads a vector of weights, and one of masks if they are signed; `w` moves past them.
    ///
    /// # Safety
    /// They lie at `w`. The processor has `V`.
    #[inline(always)]
    unsafe fn load<const SIGNED: bool>(w: &mut *const u8) -> Self {
        // SAFETY: the caller's contract.
        unsafe {
            let factors = V::load(*w);
            let masks = if SIGNED { V::load(w.add(32)) } else { factors };
            *w = w.add(if SIGNED { 64 } else { 32 });
            Weights { factors, masks }
        }
    }

    /// Products with `bytes`, neighbours added, as i16.
    ///
    /// # Safety
    /// The processor has `V`.
    #[inline(always)]
    unsafe fn products<const SIGNED: bool>(&self, bytes: V::Ints) -> V::Ints {
        // SAFETY: the caller's contract.
        unsafe {
            if SIGNED {
                V::byte_products(self.factors, V::xor(bytes, self.masks))
            } else {
                V::byte_products(bytes, self.factors)
            }
        }
    }
}
