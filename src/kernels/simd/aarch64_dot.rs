//! `sdot` in inline assembly: single instructions, because Rust's intrinsics for it are not stable
//! (rust-lang/rust#117224), and one inner loop that needs every vector register.

use std::arch::aarch64::{int8x16_t, int32x4_t};
use std::arch::asm;

/// `sum[i] + w[4i..4i + 4] · x[4 LANE..4 LANE + 4]` in each lane `i`.
#[inline]
#[target_feature(enable = "neon,dotprod")]
pub fn dot_lane<const LANE: u8>(mut sum: int32x4_t, w: int8x16_t, x: int8x16_t) -> int32x4_t {
    // SAFETY: arithmetic on registers with an instruction of an enabled feature.
    unsafe {
        asm!("sdot {0:v}.4s, {1:v}.16b, {2:v}.4b[{3}]", inout(vreg) sum, in(vreg) w, in(vreg) x, const LANE,
             options(pure, nomem, nostack, preserves_flags));
    }
    sum
}

/// `sum[i] + w[4i..4i + 4] · x[4i..4i + 4]` in each lane `i`.
#[inline]
#[target_feature(enable = "neon,dotprod")]
pub fn dot(mut sum: int32x4_t, w: int8x16_t, x: int8x16_t) -> int32x4_t {
    // SAFETY: arithmetic on registers with an instruction of an enabled feature.
    unsafe {
        asm!("sdot {0:v}.4s, {1:v}.16b, {2:v}.16b", inout(vreg) sum, in(vreg) w, in(vreg) x,
             options(pure, nomem, nostack, preserves_flags));
    }
    sum
}

/// `sdot` of weights `$w` with lane `$lane` of pixel `$p`, into the sums of its column `$c`.
macro_rules! one {
    ($w:literal, $lane:literal, $c:literal, $p:literal) => {
        concat!("sdot {s", $p, $c, ":v}.4s, {", $w, ":v}.16b, {x", $p, ":v}.4b[", $lane, "]\n")
    };
}

/// [`one`] for all six pixels.
macro_rules! six {
    ($w:literal, $lane:literal, $c:literal) => {
        concat!(
            one!($w, $lane, $c, "0"),
            one!($w, $lane, $c, "1"),
            one!($w, $lane, $c, "2"),
            one!($w, $lane, $c, "3"),
            one!($w, $lane, $c, "4"),
            one!($w, $lane, $c, "5"),
        )
    };
}

/// Three of the four columns of lane `$lane`. A weight is loaded six instructions before its use.
macro_rules! lane {
    ($lane:literal) => {
        concat!(
            "ldr {w1:q}, [{w}], #16\n",
            six!("w0", $lane, "0"),
            "ldr {w0:q}, [{w}], #16\n",
            six!("w1", $lane, "1"),
            "ldr {w1:q}, [{w}], #16\n",
            six!("w0", $lane, "2"),
        )
    };
}

/// Adds to the sums of six pixels by 16 channels the products of `16 * blocks` bytes of each pixel,
/// each minus 128, with their weights.
///
/// 24 sums, 6 pixels and 2 vectors of weights take all 32 registers. The compiler's version of this
/// loop moves a third of them for every 16 bytes, so it is written by hand.
///
/// # Safety
/// `blocks` is not 0. Pixel `r` has `16 * blocks` bytes at `x + r * step`. `w` has 16 weights for
/// each of these bytes, as `[byte / 4][channel][4]`.
#[inline]
#[target_feature(enable = "neon,dotprod")]
pub unsafe fn six_pixels(
    sums: &mut [[int32x4_t; 4]; 6],
    x: *const u8,
    step: usize,
    w: *const i8,
    blocks: usize,
) {
    let [s0, s1, s2, s3, s4, s5] = sums;
    // SAFETY: reads what the caller's contract covers; writes only the operands.
    unsafe {
        asm!(
            "2:",
            "movi {w0:v}.16b, #0x80",
            "ldr {x0:q}, [{a}], #16",
            "ldr {x1:q}, [{a1}], #16",
            "ldr {x2:q}, [{a2}], #16",
            "ldr {x3:q}, [{a3}], #16",
            "ldr {x4:q}, [{a4}], #16",
            "ldr {x5:q}, [{a5}], #16",
            "eor {x0:v}.16b, {x0:v}.16b, {w0:v}.16b",
            "eor {x1:v}.16b, {x1:v}.16b, {w0:v}.16b",
            "eor {x2:v}.16b, {x2:v}.16b, {w0:v}.16b",
            "eor {x3:v}.16b, {x3:v}.16b, {w0:v}.16b",
            "eor {x4:v}.16b, {x4:v}.16b, {w0:v}.16b",
            "eor {x5:v}.16b, {x5:v}.16b, {w0:v}.16b",
            "subs {n}, {n}, #1",
            "ldr {w0:q}, [{w}], #16",
            lane!("0"),
            "ldr {w0:q}, [{w}], #16",
            six!("w1", "0", "3"),
            lane!("1"),
            "ldr {w0:q}, [{w}], #16",
            six!("w1", "1", "3"),
            lane!("2"),
            "ldr {w0:q}, [{w}], #16",
            six!("w1", "2", "3"),
            lane!("3"),
            six!("w1", "3", "3"),
            "b.ne 2b",
            n = inout(reg) blocks => _,
            w = inout(reg) w => _,
            a = inout(reg) x => _,
            a1 = inout(reg) x.add(step) => _,
            a2 = inout(reg) x.add(2 * step) => _,
            a3 = inout(reg) x.add(3 * step) => _,
            a4 = inout(reg) x.add(4 * step) => _,
            a5 = inout(reg) x.add(5 * step) => _,
            x0 = out(vreg) _, x1 = out(vreg) _, x2 = out(vreg) _, x3 = out(vreg) _, x4 = out(vreg) _, x5 = out(vreg) _,
            w0 = out(vreg) _, w1 = out(vreg) _,
            s00 = inout(vreg) s0[0], s01 = inout(vreg) s0[1], s02 = inout(vreg) s0[2], s03 = inout(vreg) s0[3],
            s10 = inout(vreg) s1[0], s11 = inout(vreg) s1[1], s12 = inout(vreg) s1[2], s13 = inout(vreg) s1[3],
            s20 = inout(vreg) s2[0], s21 = inout(vreg) s2[1], s22 = inout(vreg) s2[2], s23 = inout(vreg) s2[3],
            s30 = inout(vreg) s3[0], s31 = inout(vreg) s3[1], s32 = inout(vreg) s3[2], s33 = inout(vreg) s3[3],
            s40 = inout(vreg) s4[0], s41 = inout(vreg) s4[1], s42 = inout(vreg) s4[2], s43 = inout(vreg) s4[3],
            s50 = inout(vreg) s5[0], s51 = inout(vreg) s5[1], s52 = inout(vreg) s5[2], s53 = inout(vreg) s5[3],
            options(readonly, nostack),
        );
    }
}
