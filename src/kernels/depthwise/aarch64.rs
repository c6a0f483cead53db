//! 64-bit ARM: by `sdot` where there is a dot product, else by `smlal`; 5x5 windows always by
//! `smlal`, with their columns in a ring in memory.

use super::packed::Depthwise;
use crate::kernels::arena::Area;
use crate::kernels::conv::Packed;
use crate::kernels::simd::aarch64_dot::dot;
use crate::kernels::simd::aarch64_store::{ByteStore, load_f32, load_i32, reals, signed};
use std::arch::aarch64::*;
use std::ops::Range;

/// 16 channels at a time by `sdot`: three rows and a zero of a channel in each lane.
///
/// # Safety
/// As [`Depthwise::run`]; the processor has NEON and the dot product extension.
#[target_feature(enable = "neon,dotprod")]
pub unsafe fn by_dot(k: &Depthwise, arena: *mut u8, from: &Area, to: &Area, rows: Range<usize>) {
    let Packed::I8(weights) = &k.weights else { return };
    for (i, weights) in weights.chunks_exact(3 * 64).enumerate() {
        let mut vectors = [[vdupq_n_s8(0); 4]; 3];
        for (vector, weights) in vectors.as_flattened_mut().iter_mut().zip(weights.as_chunks::<16>().0) {
            // SAFETY: 16 weights.
            *vector = unsafe { vld1q_s8(weights.as_ptr()) };
        }
        for y in rows.clone() {
            // SAFETY: the plan checked the windows of all output pixels, which have these 16
            // channels.
            unsafe {
                let x = arena.add(k.window(from, y) + i * 16).cast_const();
                dot_row(k, i * 16, &vectors, (x, from), (arena.add(to.row(y) + i * 16), to));
            }
        }
    }
}

/// 16 channels of a row of output pixels; `x` leads to the first one's window, `out` to itself.
///
/// # Safety
/// The windows and the pixels lie in the maps.
#[inline]
#[target_feature(enable = "neon,dotprod")]
unsafe fn dot_row(
    k: &Depthwise,
    channel: usize,
    weights: &[[int8x16_t; 4]; 3],
    (x, from): (*const u8, &Area),
    (out, to): (*mut u8, &Area),
) {
    let stride = k.stride[1];
    let store = ByteStore::new(&k.requant);
    // SAFETY: the caller's contract; bias and factors cover whole blocks.
    unsafe {
        let bias = load_i32(k.bias.as_ptr().add(channel));
        let mult = load_f32(k.mult.as_ptr().add(channel));
        let mut columns = [lanes(x, from.pitch), lanes(x.add(from.step), from.pitch)];
        for p in 0..to.width {
            let at = x.add(p * stride * from.step);
            if stride != 1 && p > 0 {
                columns[1] = lanes(at.add(from.step), from.pitch);
            }
            let last = lanes(at.add(2 * from.step), from.pitch);
            let sums = dot_sums(bias, weights, [columns[0], columns[1], last]);
            vst1q_u8(out.add(p * to.step), store.bytes(reals(sums, mult)));
            columns = if stride == 1 { [columns[1], last] } else { [last, last] };
        }
    }
}

/// The sums over three columns.
#[inline]
#[target_feature(enable = "neon,dotprod")]
fn dot_sums(
    mut sums: [int32x4_t; 4],
    weights: &[[int8x16_t; 4]; 3],
    columns: [[int8x16_t; 4]; 3],
) -> [int32x4_t; 4] {
    for (weights, column) in weights.iter().zip(columns) {
        for i in 0..4 {
            sums[i] = dot(sums[i], weights[i], column[i]);
        }
    }
    sums
}

/// Three rows of a column: a channel's three bytes and a zero in each 32-bit lane.
///
/// # Safety
/// A column of a window begins at `x`.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn lanes(x: *const u8, pitch: usize) -> [int8x16_t; 4] {
    // SAFETY: the caller's column.
    let row = |i: usize| signed(unsafe { vld1q_u8(x.add(i * pitch)) });
    let (a, b, c, zero) = (row(0), row(1), row(2), vdupq_n_s8(0));
    let words = |bytes| vreinterpretq_s16_s8(bytes);
    let bytes = |words| vreinterpretq_s8_s16(words);
    let ab = [words(vzip1q_s8(a, b)), words(vzip2q_s8(a, b))];
    let c = [words(vzip1q_s8(c, zero)), words(vzip2q_s8(c, zero))];
    [
        bytes(vzip1q_s16(ab[0], c[0])),
        bytes(vzip2q_s16(ab[0], c[0])),
        bytes(vzip1q_s16(ab[1], c[1])),
        bytes(vzip2q_s16(ab[1], c[1])),
    ]
}

/// 8 channels at a time by `smlal`, widened to i16.
///
/// # Safety
/// As [`Depthwise::run`]; the processor has NEON.
#[target_feature(enable = "neon")]
pub unsafe fn by_mlal(k: &Depthwise, arena: *mut u8, from: &Area, to: &Area, rows: Range<usize>) {
    let Packed::I16(weights) = &k.weights else { return };
    let (five, weights) = (k.kernel == [5, 5], weights.as_chunks::<8>().0);
    // Maps are padded to 16 channels, so every block of 8 is full.
    for (i, weights) in weights.chunks_exact(if five { 25 } else { 9 }).enumerate() {
        for y in rows.clone() {
            // SAFETY: the plan checked the window of every output pixel; each has these 8 channels.
            unsafe {
                let x = (arena.add(k.window(from, y) + i * 8).cast_const(), from);
                let out = (arena.add(to.row(y) + i * 8), to);
                match five {
                    true => mlal_row_of_five(k, i * 8, weights, x, out),
                    false => mlal_row(k, i * 8, &loaded(weights), x, out),
                }
            }
        }
    }
}

/// The weights of a 3x3 window of 8 channels.
#[inline]
#[target_feature(enable = "neon")]
fn loaded(weights: &[[i16; 8]]) -> [[int16x8_t; 3]; 3] {
    let mut vectors = [[vdupq_n_s16(0); 3]; 3];
    for (vector, weights) in vectors.as_flattened_mut().iter_mut().zip(weights) {
        // SAFETY: 8 weights.
        *vector = unsafe { vld1q_s16(weights.as_ptr()) };
    }
    vectors
}

/// 8 channels of a row of output pixels; `x` leads to the first one's window, `out` to itself.
///
/// # Safety
/// The windows and the pixels lie in the maps.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn mlal_row(
    k: &Depthwise,
    channel: usize,
    weights: &[[int16x8_t; 3]; 3],
    (x, from): (*const u8, &Area),
    (out, to): (*mut u8, &Area),
) {
    let stride = k.stride[1];
    let store = ByteStore::new(&k.requant);
    // SAFETY: the caller's contract; bias and factors cover whole blocks.
    unsafe {
        let (bias, mult) = (k.bias.as_ptr().add(channel), k.mult.as_ptr().add(channel));
        let (bias, mult) =
            ([vld1q_s32(bias), vld1q_s32(bias.add(4))], [vld1q_f32(mult), vld1q_f32(mult.add(4))]);
        let mut columns = [widened(x, from.pitch), widened(x.add(from.step), from.pitch)];
        for p in 0..to.width {
            let at = x.add(p * stride * from.step);
            if stride != 1 && p > 0 {
                columns[1] = widened(at.add(from.step), from.pitch);
            }
            let last = widened(at.add(2 * from.step), from.pitch);
            let sums = mlal_sums(bias, weights, [columns[0], columns[1], last]);
            let real = |i: usize| vmulq_f32(vcvtq_f32_s32(sums[i]), mult[i]);
            vst1_u8(out.add(p * to.step), store.bytes8([real(0), real(1)]));
            columns = if stride == 1 { [columns[1], last] } else { [last, last] };
        }
    }
}

/// The sums over three columns.
#[inline]
#[target_feature(enable = "neon")]
fn mlal_sums(
    mut sums: [int32x4_t; 2],
    weights: &[[int16x8_t; 3]; 3],
    columns: [[int16x8_t; 3]; 3],
) -> [int32x4_t; 2] {
    for (weights, column) in weights.iter().zip(columns) {
        for (w, x) in weights.iter().zip(column) {
            sums[0] = vmlal_s16(sums[0], vget_low_s16(x), vget_low_s16(*w));
            sums[1] = vmlal_high_s16(sums[1], x, *w);
        }
    }
    sums
}

/// As [`mlal_row`], for 5x5 windows.
///
/// # Safety
/// As [`mlal_row`]; there are 25 times 8 weights.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn mlal_row_of_five(
    k: &Depthwise,
    channel: usize,
    weights: &[[i16; 8]],
    (x, from): (*const u8, &Area),
    (out, to): (*mut u8, &Area),
) {
    let store = ByteStore::new(&k.requant);
    let row = |x: *const u8| {
        // SAFETY: the caller's windows.
        vreinterpretq_s16_u16(vmovl_u8(unsafe { vld1_u8(x) }))
    };
    // SAFETY: the caller's contract; bias and factors cover whole blocks.
    unsafe {
        let (bias, mult) = (k.bias.as_ptr().add(channel), k.mult.as_ptr().add(channel));
        let mult = [vld1q_f32(mult), vld1q_f32(mult.add(4))];
        let mut ring = [[vdupq_n_s16(0); 5]; 5];
        let mut ready = 0;
        for p in 0..to.width {
            let first = p * k.stride[1];
            // A stride above 5 skips columns.
            ready = ready.max(first);
            while ready < first + 5 {
                let column = x.add(ready * from.step);
                ring[ready % 5] = std::array::from_fn(|ky| row(column.add(ky * from.pitch)));
                ready += 1;
            }
            let mut sums = [vld1q_s32(bias), vld1q_s32(bias.add(4))];
            for (kx, weights) in weights.chunks_exact(5).enumerate() {
                for (x, w) in ring[(first + kx) % 5].into_iter().zip(weights) {
                    let w = vld1q_s16(w.as_ptr());
                    sums[0] = vmlal_s16(sums[0], vget_low_s16(x), vget_low_s16(w));
                    sums[1] = vmlal_high_s16(sums[1], x, w);
                }
            }
            let real = |i: usize| vmulq_f32(vcvtq_f32_s32(sums[i]), mult[i]);
            vst1_u8(out.add(p * to.step), store.bytes8([real(0), real(1)]));
        }
    }
}

/// Three rows of a column, widened to i16.
///
/// # Safety
/// A column of a window begins at `x`.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn widened(x: *const u8, pitch: usize) -> [int16x8_t; 3] {
    // SAFETY: the caller's column.
    let row = |i: usize| vreinterpretq_s16_u16(vmovl_u8(unsafe { vld1_u8(x.add(i * pitch)) }));
    [row(0), row(1), row(2)]
}
