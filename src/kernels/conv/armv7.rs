//! NEON on 32-bit ARM: `vmull`, `vmlal` and `vpadal` on 4 output channels of 2 pixels at a time, as
//! on 64-bit ARM.
//!
//! Rust's NEON intrinsics for 32-bit ARM are not stable (rust-lang/rust#111800), so the inner loop
//! is assembly. The compiler vectorises the rest, because `.cargo/config.toml` enables NEON.

use super::packed::{Conv, Packed};
use super::segments::Tile;
use crate::kernels::arena::Area;
use crate::kernels::simd::armv7_store::Armv7Store;
use std::arch::asm;
use std::ops::Range;

/// Output channels of a tile.
const TILE: usize = 4;

/// # Safety
/// As [`Conv::run`]; the processor has NEON, and no weight is -128.
pub unsafe fn conv(k: &Conv, arena: *mut u8, from: &Area, to: &Area, rows: Range<usize>) {
    let Packed::I8(weights) = &k.weights else { return };
    let store = Armv7Store::new(&k.requant);
    // SAFETY: the caller's contract.
    for tile in unsafe { k.tiles(arena, from, to, rows) } {
        let w = weights[tile.index * k.tile_len()..][..k.tile_len()].as_ptr();
        for p in (0..tile.pixels).step_by(2) {
            // SAFETY: the tile's pixels lie in the maps; `w` leads to its weights.
            unsafe { pair(k, &store, w, tile.skip(p)) };
        }
    }
}

/// The first two pixels of a tile. If there is only one, it is computed twice.
///
/// # Safety
/// The tile's pixels lie in the maps; `w` has its weights.
#[inline(always)]
unsafe fn pair(k: &Conv, store: &Armv7Store, w: *const i8, tile: Tile) {
    let mult = &k.mult[tile.channel..][..TILE];
    let bias = &k.bias[tile.channel..][..TILE];
    // SAFETY: the caller's pixels: their runs, and room for the tile's channels.
    unsafe {
        let second = tile.skip(1.min(tile.pixels - 1));
        let y = [tile.y, second.y];
        let sums = pixels([tile.x, second.x], w, bias.as_ptr(), k.run, k.kernel_rows, tile.x_pitch);
        if k.float_out {
            for (y, sums) in y.iter().zip(sums.as_chunks::<TILE>().0) {
                y.cast::<[f32; TILE]>().write(std::array::from_fn(|c| sums[c] as f32 * mult[c]));
            }
        } else {
            let bytes = store.bytes(&sums, [mult.as_ptr(); 2]);
            y[0].cast::<[u8; TILE]>().write([bytes[0], bytes[1], bytes[2], bytes[3]]);
            y[1].cast::<[u8; TILE]>().write([bytes[4], bytes[5], bytes[6], bytes[7]]);
        }
    }
}

/// Adds 16 bytes of both pixels (q0, q1) times 4 channels, into q8 to q11 and q12 to q15.
macro_rules! sixteen_bytes {
    () => {
        concat!(
            "vld1.8 {{d0, d1}}, [{x0}]!\n",
            "vld1.8 {{d2, d3}}, [{x1}]!\n",
            "vld1.8 {{d4, d5, d6, d7}}, [{w}]!\n",
            "veor q0, q0, q7\n",
            "veor q1, q1, q7\n",
            "vmull.s8 q4, d0, d4\n",
            "vmull.s8 q5, d2, d4\n",
            "vmull.s8 q6, d0, d6\n",
            "vmlal.s8 q4, d1, d5\n",
            "vmlal.s8 q5, d3, d5\n",
            "vmlal.s8 q6, d1, d7\n",
            "vpadal.s16 q8, q4\n",
            "vmull.s8 q4, d2, d6\n",
            "vpadal.s16 q12, q5\n",
            "vmlal.s8 q4, d3, d7\n",
            "vld1.8 {{d4, d5, d6, d7}}, [{w}]!\n",
            "vpadal.s16 q9, q6\n",
            "vmull.s8 q5, d0, d4\n",
            "vpadal.s16 q13, q4\n",
            "vmull.s8 q6, d2, d4\n",
            "vmull.s8 q4, d0, d6\n",
            "vmlal.s8 q5, d1, d5\n",
            "vmlal.s8 q6, d3, d5\n",
            "vmlal.s8 q4, d1, d7\n",
            "vpadal.s16 q10, q5\n",
            "vmull.s8 q5, d2, d6\n",
            "vpadal.s16 q14, q6\n",
            "vmlal.s8 q5, d3, d7\n",
            "vpadal.s16 q11, q4\n",
            "subs {n}, {n}, #1\n",
            "vpadal.s16 q15, q5\n",
        )
    };
}

/// Adds the last 8 bytes of a run of both pixels (d0, d2) times 4 channels.
macro_rules! eight_bytes {
    () => {
        concat!(
            "vld1.8 {{d0}}, [{x0}]!\n",
            "vld1.8 {{d2}}, [{x1}]!\n",
            "vld1.8 {{d4, d5, d6, d7}}, [{w}]!\n",
            "veor d0, d0, d14\n",
            "veor d2, d2, d14\n",
            "vmull.s8 q4, d0, d4\n",
            "vmull.s8 q5, d0, d5\n",
            "vmull.s8 q6, d0, d6\n",
            "vpadal.s16 q8, q4\n",
            "vmull.s8 q4, d0, d7\n",
            "vpadal.s16 q9, q5\n",
            "vmull.s8 q5, d2, d4\n",
            "vpadal.s16 q10, q6\n",
            "vmull.s8 q6, d2, d5\n",
            "vpadal.s16 q11, q4\n",
            "vmull.s8 q4, d2, d6\n",
            "vpadal.s16 q12, q5\n",
            "vmull.s8 q5, d2, d7\n",
            "vpadal.s16 q13, q6\n",
            "vpadal.s16 q14, q4\n",
            "vpadal.s16 q15, q5\n",
        )
    };
}

/// Adds up the lanes of q8 to q15, adds the bias, and stores the sums.
macro_rules! finish {
    () => {
        concat!(
            "vld1.32 {{d8, d9}}, [{bias}]\n",
            "vpadd.i32 d0, d16, d17\n",
            "vpadd.i32 d1, d18, d19\n",
            "vpadd.i32 d2, d20, d21\n",
            "vpadd.i32 d3, d22, d23\n",
            "vpadd.i32 d4, d24, d25\n",
            "vpadd.i32 d5, d26, d27\n",
            "vpadd.i32 d6, d28, d29\n",
            "vpadd.i32 d7, d30, d31\n",
            "vpadd.i32 d0, d0, d1\n",
            "vpadd.i32 d1, d2, d3\n",
            "vpadd.i32 d2, d4, d5\n",
            "vpadd.i32 d3, d6, d7\n",
            "vadd.i32 q0, q0, q4\n",
            "vadd.i32 q1, q1, q4\n",
            "vst1.32 {{d0, d1, d2, d3}}, [{sums}]\n",
        )
    };
}

/// The sums of 4 channels of two pixels, bias included.
///
/// # Safety
/// `x` leads to the first run of each pixel; a pixel has `rows` runs of `run` bytes (a multiple of
/// 8), `pitch` bytes apart. `w` is a tile of weights, `[row][run / 16][4][16]`, the last 8 bytes of
/// a run as `[4][8]`; none is -128. `bias` leads to 4 numbers.
unsafe fn pixels(
    x: [*const u8; 2],
    w: *const i8,
    bias: *const i32,
    run: usize,
    rows: usize,
    pitch: usize,
) -> [i32; 2 * TILE] {
    let mut sums = [0; 2 * TILE];
    // SAFETY: reads what the caller's contract covers; writes `sums`.
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
            "3:",
            sixteen_bytes!(),
            "bne 3b",
            "4:",
            "tst {run}, #8",
            "beq 5f",
            eight_bytes!(),
            "5:",
            "add {x0}, {x0}, {rest}",
            "add {x1}, {x1}, {rest}",
            "subs {rows}, {rows}, #1",
            "bne 2b",
            finish!(),
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
