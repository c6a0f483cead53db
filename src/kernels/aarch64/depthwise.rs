//! Depthwise 3x3: a block of channels of a pixel at a time; each column of three rows is prepared once, and
//! meets the windows of up to three pixels.

use super::dot::dot;
use super::store::{Bytes, load_f32, load_i32, reals, signed};
use crate::kernels::arena::Area;
use crate::kernels::conv::Packed;
use crate::kernels::depthwise::Depthwise;
use std::arch::aarch64::*;
use std::ops::Range;

/// By `sdot`: 16 channels, a channel's three rows (and a zero) in a lane.
///
/// # Safety
/// As [`Depthwise::run`]; the processor has NEON and the dot product extension.
#[target_feature(enable = "neon,dotprod")]
pub unsafe fn by_dot(k: &Depthwise, arena: *mut u8, from: &Area, to: &Area, rows: Range<usize>) {
    let Packed::I8(weights) = &k.weights else { return };
    let bytes = Bytes::new(&k.requant);
    for (block, weights) in weights.chunks_exact(3 * 64).enumerate() {
        // SAFETY: building the plan checked the window of every output pixel; 16 channels of each are there.
        unsafe {
            let mut weight = [[vdupq_n_s8(0); 4]; 3];
            for (i, vector) in weight.as_flattened_mut().iter_mut().enumerate() {
                *vector = vld1q_s8(weights.as_ptr().add(i * 16));
            }
            let bias = load_i32(k.bias.as_ptr().add(block * 16));
            let mult = load_f32(k.mult.as_ptr().add(block * 16));
            for y in rows.clone() {
                let x = arena.add(k.window(from, y) + block * 16).cast_const();
                let out = arena.add(to.row(y) + block * 16);
                let mut columns = [lanes(x, from.pitch), lanes(x.add(from.step), from.pitch)];
                for p in 0..to.width {
                    let at = x.add(p * k.stride[1] * from.step);
                    if k.stride[1] != 1 && p > 0 {
                        columns[1] = lanes(at.add(from.step), from.pitch);
                    }
                    let last = lanes(at.add(2 * from.step), from.pitch);
                    let mut sums = bias;
                    for (kx, column) in [columns[0], columns[1], last].into_iter().enumerate() {
                        for i in 0..4 {
                            sums[i] = dot(sums[i], weight[kx][i], column[i]);
                        }
                    }
                    vst1q_u8(out.add(p * to.step), bytes.of(reals(sums, mult)));
                    columns = if k.stride[1] == 1 { [columns[1], last] } else { [last, last] };
                }
            }
        }
    }
}

/// Three rows of a column, a channel's three bytes (and a zero) in a lane.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn lanes(x: *const u8, pitch: usize) -> [int8x16_t; 4] {
    // SAFETY: the caller's window of three rows.
    let row = |i: usize| signed(unsafe { vld1q_u8(x.add(i * pitch)) });
    let (a, b, c, none) = (row(0), row(1), row(2), vdupq_n_s8(0));
    let words = |bytes| vreinterpretq_s16_s8(bytes);
    let bytes = |words| vreinterpretq_s8_s16(words);
    let ab = [words(vzip1q_s8(a, b)), words(vzip2q_s8(a, b))];
    let c = [words(vzip1q_s8(c, none)), words(vzip2q_s8(c, none))];
    [
        bytes(vzip1q_s16(ab[0], c[0])),
        bytes(vzip2q_s16(ab[0], c[0])),
        bytes(vzip1q_s16(ab[1], c[1])),
        bytes(vzip2q_s16(ab[1], c[1])),
    ]
}

/// By `smlal`: 8 channels, widened to i16.
///
/// # Safety
/// As [`Depthwise::run`]; the processor has NEON.
#[target_feature(enable = "neon")]
pub unsafe fn by_mlal(k: &Depthwise, arena: *mut u8, from: &Area, to: &Area, rows: Range<usize>) {
    let Packed::I16(weights) = &k.weights else { return };
    let bytes = Bytes::new(&k.requant);
    // The maps are padded to 16 channels, so every block of 8 is whole.
    for (block, weights) in weights.chunks_exact(9 * 8).enumerate() {
        // SAFETY: building the plan checked the window of every output pixel; 8 channels of each are there.
        unsafe {
            let mut weight = [[vdupq_n_s16(0); 3]; 3];
            for (i, vector) in weight.as_flattened_mut().iter_mut().enumerate() {
                *vector = vld1q_s16(weights.as_ptr().add(i * 8));
            }
            let at = |i: usize| block * 8 + i * 4;
            let bias = [vld1q_s32(k.bias.as_ptr().add(at(0))), vld1q_s32(k.bias.as_ptr().add(at(1)))];
            let mult = [vld1q_f32(k.mult.as_ptr().add(at(0))), vld1q_f32(k.mult.as_ptr().add(at(1)))];
            for y in rows.clone() {
                let x = arena.add(k.window(from, y) + block * 8).cast_const();
                let out = arena.add(to.row(y) + block * 8);
                let mut columns = [widened(x, from.pitch), widened(x.add(from.step), from.pitch)];
                for p in 0..to.width {
                    let at = x.add(p * k.stride[1] * from.step);
                    if k.stride[1] != 1 && p > 0 {
                        columns[1] = widened(at.add(from.step), from.pitch);
                    }
                    let last = widened(at.add(2 * from.step), from.pitch);
                    let mut sums = bias;
                    for (kx, column) in [columns[0], columns[1], last].into_iter().enumerate() {
                        for (ky, x) in column.into_iter().enumerate() {
                            let w = weight[kx][ky];
                            sums[0] = vmlal_s16(sums[0], vget_low_s16(x), vget_low_s16(w));
                            sums[1] = vmlal_high_s16(sums[1], x, w);
                        }
                    }
                    let real = |i: usize| vmulq_f32(vcvtq_f32_s32(sums[i]), mult[i]);
                    vst1_u8(out.add(p * to.step), bytes.of8([real(0), real(1)]));
                    columns = if k.stride[1] == 1 { [columns[1], last] } else { [last, last] };
                }
            }
        }
    }
}

/// Three rows of a column.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn widened(x: *const u8, pitch: usize) -> [int16x8_t; 3] {
    // SAFETY: the caller's window of three rows.
    let row = |i: usize| vreinterpretq_s16_u16(vmovl_u8(unsafe { vld1_u8(x.add(i * pitch)) }));
    [row(0), row(1), row(2)]
}
