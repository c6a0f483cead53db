//! The reference: plain Rust, 16 channels of one pixel at a time.

use super::packed::{Conv, Packed};
use super::segments::Tile;
use crate::kernels::arena::Area;
use std::ops::Range;

/// # Safety
/// As [`Conv::run`].
pub unsafe fn conv(k: &Conv, arena: *mut u8, from: &Area, to: &Area, rows: Range<usize>) {
    let Packed::I8(weights) = &k.weights else { return };
    // SAFETY: the caller's contract.
    for tile in unsafe { k.tiles(arena, from, to, rows) } {
        let weights = &weights[tile.index * k.tile_len()..][..k.tile_len()];
        for p in 0..tile.pixels {
            // SAFETY: a pixel of the tile; the plan checked its input and channels.
            unsafe {
                let pixel = tile.skip(p);
                store(k, pixel, &pixel_sums(k, pixel, weights));
            }
        }
    }
}

/// The sums of the first pixel, bias included.
///
/// # Safety
/// The tile has a pixel.
#[inline(always)]
unsafe fn pixel_sums(k: &Conv, pixel: Tile, weights: &[i8]) -> [i32; 16] {
    let mut sums = [0i32; 16];
    sums.copy_from_slice(&k.bias[pixel.channel..][..16]);
    for (ky, weights) in weights.chunks_exact(k.run * 16).enumerate() {
        // SAFETY: the plan checked every run of the pixel against the arena.
        let run = unsafe { std::slice::from_raw_parts(pixel.x.add(ky * pixel.x_pitch), k.run) };
        for (x, w) in run.iter().zip(weights.as_chunks::<16>().0) {
            add_products(&mut sums, *x, w);
        }
    }
    sums
}

/// Adds one byte times 16 weights. Products fit in i16, of which a vector multiplies twice as many.
#[inline(always)]
fn add_products(sums: &mut [i32; 16], x: u8, w: &[i8; 16]) {
    for l in 0..16 {
        sums[l] = sums[l].wrapping_add(i32::from(i16::from(x).wrapping_mul(w[l].into())));
    }
}

/// Requantizes and stores the sums of the first pixel.
///
/// # Safety
/// The tile has a pixel.
unsafe fn store(k: &Conv, pixel: Tile, sums: &[i32; 16]) {
    // SAFETY: 16 channels of a pixel; pixels of an f32 map are aligned to 64 bytes.
    unsafe {
        if k.float_out {
            for (l, sum) in sums.iter().enumerate() {
                pixel.y.cast::<f32>().add(l).write(*sum as f32 * k.requant.mult[pixel.channel + l]);
            }
        } else {
            pixel.y.cast::<[u8; 16]>().write(k.requant.bytes(pixel.channel, sums));
        }
    }
}
