//! Plain Rust, 16 channels of a pixel at a time; kernels of any size.

use super::packed::Depthwise;
use crate::kernels::arena::Area;
use crate::kernels::conv::Packed;
use std::ops::Range;

versions! {
    /// # Safety
    /// As [`Depthwise::run`]; the processor has the set.
    pub fn depthwise(k: &Depthwise, arena: *mut u8, from: &Area, to: &Area, rows: Range<usize>) = body;
}

#[inline(always)]
unsafe fn body(k: &Depthwise, arena: *mut u8, from: &Area, to: &Area, rows: Range<usize>) {
    let Packed::I8(weights) = &k.weights else { return };
    for y in rows {
        for p in 0..to.width {
            let x = k.window(from, y) + p * k.stride[1] * from.step;
            // SAFETY: the plan checked the window of every output pixel.
            unsafe { pixel(k, arena.add(x), from, weights, (arena.add(to.row(y) + p * to.step), to.step)) };
        }
    }
}

/// All `channels` of one pixel at `out`.
///
/// # Safety
/// A window of `from` begins at `x`, and `out` has room for the channels.
#[inline(always)]
unsafe fn pixel(k: &Depthwise, x: *const u8, from: &Area, weights: &[i8], (out, channels): (*mut u8, usize)) {
    for c in (0..channels).step_by(16) {
        // SAFETY: the caller's contract.
        unsafe {
            let sums = pixel_sums(k, x.add(c), from, weights, c);
            out.add(c).cast::<[u8; 16]>().write(k.requant.bytes(c, &sums));
        }
    }
}

/// The sums of 16 channels from `c` on, bias included.
///
/// # Safety
/// The window of channel `c` begins at `x`.
#[inline(always)]
unsafe fn pixel_sums(k: &Depthwise, x: *const u8, from: &Area, weights: &[i8], c: usize) -> [i32; 16] {
    let mut sums = [0i32; 16];
    sums.copy_from_slice(&k.bias[c..c + 16]);
    for (t, weights) in weights.chunks_exact(k.bias.len()).enumerate() {
        let tap = t / k.kernel[1] * from.pitch + t % k.kernel[1] * from.step;
        // SAFETY: the caller's window.
        let x = unsafe { &*x.add(tap).cast::<[u8; 16]>() };
        let weights = &weights[c..c + 16];
        for l in 0..16 {
            let product = i16::from(x[l]).wrapping_mul(weights[l].into());
            sums[l] = sums[l].wrapping_add(product.into());
        }
    }
    sums
}
