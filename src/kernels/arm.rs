//! ARMv7 NEON: dense convolution by `vmull`, `vmlal` and `vpadal`, as on 64 bit ARM. Rust's NEON intrinsics for 32 bit
//! ARM are not stable (rust-lang/rust#111800), so the inner loops are assembly; the rest the compiler vectorises,
//! because .cargo/config.toml lets it.

use super::arena::Area;
use super::conv::{Conv, Packed};
use super::depthwise::Depthwise;
use super::requant::Requant;
use std::arch::asm;
use std::ops::Range;

/// Output channels of a tile.
const TILE: usize = 4;

/// # Safety
/// As [`Conv::run`]; the processor has NEON, and no weight is -128.
pub unsafe fn conv(k: &Conv, arena: *mut u8, from: &Area, to: &Area, rows: Range<usize>) {
    let Packed::I8(weights) = &k.weights else { return };
    let segments = k.segments(from, to, rows);
    let rules = Rules::new(&k.requant);
    let out_bytes = if k.float_out { 4 * TILE } else { TILE };
    for block in segments.blocks() {
        for (tile, weights) in weights.chunks_exact(k.kernel_rows * k.run * TILE).enumerate() {
            let mult = &k.mult[tile * TILE..][..TILE];
            for i in block.clone() {
                let (x, y, n) = segments.get(i);
                for p in (0..n).step_by(2) {
                    // A last odd pixel is computed twice.
                    let q = (p + 1).min(n - 1);
                    // SAFETY: building the plan checked every pixel's runs and channels against the arena;
                    // weights and bias are packed in whole tiles.
                    unsafe {
                        let x = [p, q].map(|p| arena.add(x + p * k.x_step).cast_const());
                        let y = [p, q].map(|p| arena.add(y + p * to.step + tile * out_bytes));
                        let bias = k.bias.as_ptr().add(tile * TILE);
                        let sums = pixels(x, weights.as_ptr(), bias, k.run, k.kernel_rows, from.pitch);
                        if k.float_out {
                            for (y, sums) in y.iter().zip(sums.as_chunks::<TILE>().0) {
                                let reals = y.cast::<[f32; TILE]>();
                                reals.write(std::array::from_fn(|c| sums[c] as f32 * mult[c]));
                            }
                        } else {
                            let bytes = rules.bytes(&sums, [mult.as_ptr(); 2]);
                            y[0].cast::<[u8; TILE]>().write([bytes[0], bytes[1], bytes[2], bytes[3]]);
                            y[1].cast::<[u8; TILE]>().write([bytes[4], bytes[5], bytes[6], bytes[7]]);
                        }
                    }
                }
            }
        }
    }
}

/// Depthwise 3x3, 8 channels of a pixel at a time.
///
/// # Safety
/// As [`Depthwise::run`]; the processor has NEON.
pub unsafe fn depthwise(k: &Depthwise, arena: *mut u8, from: &Area, to: &Area, rows: Range<usize>) {
    let Packed::I16(weights) = &k.weights else { return };
    let rules = Rules::new(&k.requant);
    // The maps are padded to 16 channels, so every block of 8 is whole.
    for (block, weights) in weights.chunks_exact(9 * 8).enumerate() {
        let channel = block * 8;
        for y in rows.clone() {
            for p in 0..to.width {
                let x = k.window(from, y) + p * k.stride[1] * from.step + channel;
                let mut sums = [0i32; 8];
                sums.copy_from_slice(&k.bias[channel..channel + 8]);
                for (t, w) in weights.as_chunks::<8>().0.iter().enumerate() {
                    let at = x + t % 3 * from.pitch + t / 3 * from.step;
                    // SAFETY: building the plan checked the window of every output pixel; 8 channels are there.
                    let x = unsafe { &*arena.add(at).cast::<[u8; 8]>() };
                    for l in 0..8 {
                        sums[l] = sums[l].wrapping_add(i32::from(x[l]) * i32::from(w[l]));
                    }
                }
                let mult = k.mult[channel..channel + 8].as_ptr();
                // SAFETY: 8 factors, four and four; 8 channels of a pixel of `to`.
                unsafe {
                    let bytes = rules.bytes(&sums, [mult, mult.add(4)]);
                    arena.add(to.row(y) + p * to.step + channel).cast::<[u8; 8]>().write(bytes);
                }
            }
        }
    }
}

/// Sums of 4 channels of two pixels, bias included.
///
/// # Safety
/// `x` are the first of `rows` runs of `run` bytes (a multiple of 8) each, `pitch` bytes apart; `w` is a tile of
/// weights, `[row][run / 16][4][16]`, the last 8 of a run `[4][8]`, none of them -128; `bias` has 4.
unsafe fn pixels(
    x: [*const u8; 2],
    w: *const i8,
    bias: *const i32,
    run: usize,
    rows: usize,
    pitch: usize,
) -> [i32; 2 * TILE] {
    let mut sums = [0; 2 * TILE];
    // SAFETY: reads what the caller promises, writes `sums`.
    unsafe {
        asm!(
            "vmov.i8 q7, #0x80",
            "vmov.i32 q8, #0",
            "vmov.i32 q9, #0",
            "vmov.i32 q10, #0",
            "vmov.i32 q11, #0",
            "vmov.i32 q12, #0",
            "vmov.i32 q13, #0",
            "vmov.i32 q14, #0",
            "vmov.i32 q15, #0",
            "2:",
            "lsrs {n}, {run}, #4",
            "beq 4f",
            // 16 bytes of both pixels by 4 channels.
            "3:",
            "vld1.8 {{d0, d1}}, [{x0}]!",
            "vld1.8 {{d2, d3}}, [{x1}]!",
            "vld1.8 {{d4, d5, d6, d7}}, [{w}]!",
            "veor q0, q0, q7",
            "veor q1, q1, q7",
            "vmull.s8 q4, d0, d4",
            "vmull.s8 q5, d2, d4",
            "vmull.s8 q6, d0, d6",
            "vmlal.s8 q4, d1, d5",
            "vmlal.s8 q5, d3, d5",
            "vmlal.s8 q6, d1, d7",
            "vpadal.s16 q8, q4",
            "vmull.s8 q4, d2, d6",
            "vpadal.s16 q12, q5",
            "vmlal.s8 q4, d3, d7",
            "vld1.8 {{d4, d5, d6, d7}}, [{w}]!",
            "vpadal.s16 q9, q6",
            "vmull.s8 q5, d0, d4",
            "vpadal.s16 q13, q4",
            "vmull.s8 q6, d2, d4",
            "vmull.s8 q4, d0, d6",
            "vmlal.s8 q5, d1, d5",
            "vmlal.s8 q6, d3, d5",
            "vmlal.s8 q4, d1, d7",
            "vpadal.s16 q10, q5",
            "vmull.s8 q5, d2, d6",
            "vpadal.s16 q14, q6",
            "vmlal.s8 q5, d3, d7",
            "vpadal.s16 q11, q4",
            "subs {n}, {n}, #1",
            "vpadal.s16 q15, q5",
            "bne 3b",
            "4:",
            "tst {run}, #8",
            "beq 5f",
            "vld1.8 {{d0}}, [{x0}]!",
            "vld1.8 {{d2}}, [{x1}]!",
            "vld1.8 {{d4, d5, d6, d7}}, [{w}]!",
            "veor d0, d0, d14",
            "veor d2, d2, d14",
            "vmull.s8 q4, d0, d4",
            "vmull.s8 q5, d0, d5",
            "vmull.s8 q6, d0, d6",
            "vpadal.s16 q8, q4",
            "vmull.s8 q4, d0, d7",
            "vpadal.s16 q9, q5",
            "vmull.s8 q5, d2, d4",
            "vpadal.s16 q10, q6",
            "vmull.s8 q6, d2, d5",
            "vpadal.s16 q11, q4",
            "vmull.s8 q4, d2, d6",
            "vpadal.s16 q12, q5",
            "vmull.s8 q5, d2, d7",
            "vpadal.s16 q13, q6",
            "vpadal.s16 q14, q4",
            "vpadal.s16 q15, q5",
            "5:",
            "add {x0}, {x0}, {rest}",
            "add {x1}, {x1}, {rest}",
            "subs {rows}, {rows}, #1",
            "bne 2b",
            "vld1.32 {{d8, d9}}, [{bias}]",
            "vpadd.i32 d0, d16, d17",
            "vpadd.i32 d1, d18, d19",
            "vpadd.i32 d2, d20, d21",
            "vpadd.i32 d3, d22, d23",
            "vpadd.i32 d4, d24, d25",
            "vpadd.i32 d5, d26, d27",
            "vpadd.i32 d6, d28, d29",
            "vpadd.i32 d7, d30, d31",
            "vpadd.i32 d0, d0, d1",
            "vpadd.i32 d1, d2, d3",
            "vpadd.i32 d2, d4, d5",
            "vpadd.i32 d3, d6, d7",
            "vadd.i32 q0, q0, q4",
            "vadd.i32 q1, q1, q4",
            "vst1.32 {{d0, d1, d2, d3}}, [{sums}]",
            x0 = inout(reg) x[0] => _,
            x1 = inout(reg) x[1] => _,
            w = inout(reg) w => _,
            rows = inout(reg) rows => _,
            n = out(reg) _,
            run = in(reg) run,
            rest = in(reg) pitch.wrapping_sub(run),
            bias = in(reg) bias,
            sums = in(reg) sums.as_mut_ptr(),
            out("q0") _, out("q1") _, out("q2") _, out("q3") _,
            out("q4") _, out("q5") _, out("q6") _, out("q7") _,
            out("q8") _, out("q9") _, out("q10") _, out("q11") _,
            out("q12") _, out("q13") _, out("q14") _, out("q15") _,
            options(nostack),
        );
    }
    sums
}

/// A layer's output rules, as [`Rules::bytes`] loads them.
struct Rules {
    /// Least and largest result before the zero point is added; what rounds; what that leaves in the bits, less the
    /// zero point.
    values: [u32; 4],
}

impl Rules {
    fn new(q: &Requant) -> Rules {
        let zero = f32::from(q.zero_point);
        let (least, most) = (f32::from(q.low) - zero, f32::from(q.high) - zero);
        // Adding 1.5 * 2^23 leaves the nearest integer, ties to even, in the low bits.
        let rounder = 12_582_912f32.to_bits();
        Rules { values: [least.to_bits(), most.to_bits(), rounder, rounder - u32::from(q.zero_point)] }
    }

    /// The bytes of 8 sums, the first four by the factors at `mult[0]`, the others by those at `mult[1]`.
    ///
    /// NEON takes numbers below 2^-126 for 0: so does the rounding.
    ///
    /// # Safety
    /// There are 4 factors at both.
    #[inline]
    unsafe fn bytes(&self, sums: &[i32; 8], mult: [*const f32; 2]) -> [u8; 8] {
        let mut bytes = [0; 8];
        // SAFETY: reads what the caller promises, `sums` and `values`; writes `bytes`.
        unsafe {
            asm!(
                "vld1.32 {{d0, d1, d2, d3}}, [{sums}]",
                "vld1.32 {{d4, d5}}, [{m0}]",
                "vld1.32 {{d6, d7}}, [{m1}]",
                "vcvt.f32.s32 q0, q0",
                "vcvt.f32.s32 q1, q1",
                "vld1.32 {{d20, d21}}, [{values}]",
                "vmul.f32 q0, q0, q2",
                "vmul.f32 q1, q1, q3",
                "vdup.32 q8, d20[0]",
                "vdup.32 q9, d20[1]",
                "vmax.f32 q0, q0, q8",
                "vmax.f32 q1, q1, q8",
                "vdup.32 q8, d21[0]",
                "vdup.32 q10, d21[1]",
                "vmin.f32 q0, q0, q9",
                "vmin.f32 q1, q1, q9",
                "vadd.f32 q0, q0, q8",
                "vadd.f32 q1, q1, q8",
                "vsub.i32 q0, q0, q10",
                "vsub.i32 q1, q1, q10",
                "vmovn.i32 d0, q0",
                "vmovn.i32 d1, q1",
                "vmovn.i16 d0, q0",
                "vst1.8 {{d0}}, [{bytes}]",
                sums = in(reg) sums.as_ptr(),
                m0 = in(reg) mult[0],
                m1 = in(reg) mult[1],
                values = in(reg) self.values.as_ptr(),
                bytes = in(reg) bytes.as_mut_ptr(),
                out("q0") _, out("q1") _, out("q2") _, out("q3") _,
                out("q8") _, out("q9") _, out("q10") _,
                options(nostack, preserves_flags),
            );
        }
        bytes
    }
}
