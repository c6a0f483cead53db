//! `sdot`, whose intrinsics are not stable in Rust yet (rust-lang/rust#117224): one instruction of assembly.

use std::arch::aarch64::{int8x16_t, int32x4_t};
use std::arch::asm;

/// `sum[i] + w[4i..4i + 4] . x[4 LANE..4 LANE + 4]`, in every lane i.
#[inline]
#[target_feature(enable = "neon,dotprod")]
pub fn dot_lane<const LANE: u8>(mut sum: int32x4_t, w: int8x16_t, x: int8x16_t) -> int32x4_t {
    // SAFETY: arithmetic on registers; the processor has the instruction, for the caller has the feature.
    unsafe {
        asm!("sdot {0:v}.4s, {1:v}.16b, {2:v}.4b[{3}]", inout(vreg) sum, in(vreg) w, in(vreg) x, const LANE,
             options(pure, nomem, nostack, preserves_flags));
    }
    sum
}

/// `sum[i] + w[4i..4i + 4] . x[4i..4i + 4]`, in every lane i.
#[inline]
#[target_feature(enable = "neon,dotprod")]
pub fn dot(mut sum: int32x4_t, w: int8x16_t, x: int8x16_t) -> int32x4_t {
    // SAFETY: as above.
    unsafe {
        asm!("sdot {0:v}.4s, {1:v}.16b, {2:v}.16b", inout(vreg) sum, in(vreg) w, in(vreg) x,
             options(pure, nomem, nostack, preserves_flags));
    }
    sum
}
