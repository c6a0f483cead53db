//! Requantization with ARMv7 NEON, in assembly: Rust's NEON intrinsics for 32-bit ARM are
//! not stable (rust-lang/rust#111800).

use crate::kernels::requant::Requant;
use std::arch::asm;

/// Zero point and clamp of a layer's output, as [`Armv7Store::bytes`] loads them.
pub struct Armv7Store {
    /// Least and largest rounded sum, both before the zero point is added; the rounding constant;
    /// the bits that it leaves, minus the zero point.
    values: [u32; 4],
}

impl Armv7Store {
    pub fn new(q: &Requant) -> Armv7Store {
        let zero = f32::from(q.zero_point);
        let (least, most) = (f32::from(q.low) - zero, f32::from(q.high) - zero);
        // Adding 1.5 * 2^23 leaves the nearest integer, ties to even, in the low bits.
        let rounder = 12_582_912f32.to_bits();
        Armv7Store { values: [least.to_bits(), most.to_bits(), rounder, rounder - u32::from(q.zero_point)] }
    }

    /// The output bytes of 8 sums: the first four times the factors at `mult[0]`, the others times
    /// those at `mult[1]`.
    ///
    /// NEON flushes numbers below 2^-126 to 0. They round to 0 anyway.
    ///
    /// # Safety
    /// Both pointers lead to 4 factors.
    #[inline]
    pub unsafe fn bytes(&self, sums: &[i32; 8], mult: [*const f32; 2]) -> [u8; 8] {
        let mut bytes = [0; 8];
        // SAFETY: reads the caller's factors, `sums` and `values`; writes `bytes`.
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
