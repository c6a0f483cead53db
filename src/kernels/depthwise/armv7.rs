//! 32-bit ARM, 8 channels of a pixel at a time. The compiler vectorises the sums; only the store is
//! assembly.

use super::packed::Depthwise;
use crate::kernels::arena::Area;
use crate::kernels::conv::Packed;
use crate::kernels::simd::armv7_store::Armv7Store;
use std::ops::Range;

/// # Safety
/// As [`Depthwise::run`]; the processor has NEON.
pub unsafe fn depthwise(k: &Depthwise, arena: *mut u8, from: &Area, to: &Area, rows: Range<usize>) {
    // SAFETY: the caller's contract.
    unsafe {
        match k.kernel {
            [5, 5] => rows_of::<5>(k, arena, from, to, rows),
            _ => rows_of::<3>(k, arena, from, to, rows),
        }
    }
}

/// Windows of `N`x`N`.
///
/// # Safety
/// As [`depthwise`]; that is the size of the kernel.
#[inline(always)]
unsafe fn rows_of<const N: usize>(k: &Depthwise, arena: *mut u8, from: &Area, to: &Area, rows: Range<usize>) {
    let Packed::I16(weights) = &k.weights else { return };
    let store = Armv7Store::new(&k.requant);
    // Maps are padded to 16 channels, so every block of 8 is full.
    for (block, weights) in weights.as_chunks::<8>().0.chunks_exact(N * N).enumerate() {
        let channel = block * 8;
        let mult = k.mult[channel..channel + 8].as_ptr();
        for (y, p) in rows.clone().flat_map(|y| (0..to.width).map(move |p| (y, p))) {
            let x = k.window(from, y) + p * k.stride[1] * from.step + channel;
            // SAFETY: the plan checked the window of every output pixel; 8 factors and 8 channels.
            unsafe {
                let sums = pixel_sums::<N>(k, arena.add(x), from, weights, channel);
                let bytes = store.bytes(&sums, [mult, mult.add(4)]);
                arena.add(to.row(y) + p * to.step + channel).cast::<[u8; 8]>().write(bytes);
            }
        }
    }
}

/// The sums of 8 channels, bias included.
///
/// # Safety
/// A window of `from` begins at `x`.
#[inline(always)]
unsafe fn pixel_sums<const N: usize>(
    k: &Depthwise,
    x: *const u8,
    from: &Area,
    weights: &[[i16; 8]],
    channel: usize,
) -> [i32; 8] {
    let mut sums = [0i32; 8];
    sums.copy_from_slice(&k.bias[channel..channel + 8]);
    for (t, w) in weights[..N * N].iter().enumerate() {
        // SAFETY: the caller's window.
        let x = unsafe { &*x.add(t % N * from.pitch + t / N * from.step).cast::<[u8; 8]>() };
        for l in 0..8 {
            sums[l] = sums[l].wrapping_add(i32::from(x[l]) * i32::from(w[l]));
        }
    }
    sums
}
