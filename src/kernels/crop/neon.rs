//! Four samples at a time with NEON.

use super::lanes::{Lanes, row};
use super::{Line, Picture};
use std::arch::aarch64::*;

/// Whether this processor has NEON.
pub(super) fn here() -> bool {
    std::arch::is_aarch64_feature_detected!("neon")
}

/// # Safety
/// [`here`] is true, and `lanes.rs` can sample the picture.
#[target_feature(enable = "neon")]
pub(super) unsafe fn sample(picture: &Picture<'_>, line: &Line, out: &mut [u8]) {
    // SAFETY: the caller's contract.
    unsafe { row::<Neon>(picture, line, out) };
}

struct Neon;

impl Lanes for Neon {
    type Floats = float32x4_t;
    type Words = uint32x4_t;
    type Bytes = [u8; 4];
    const LANES: usize = 4;

    methods! { "neon",
        fn floats(v: f32) -> float32x4_t { vdupq_n_f32(v) }
        fn words(v: u32) -> uint32x4_t { vdupq_n_u32(v) }
        fn numbered() -> float32x4_t {
            vcvtq_f32_u32(vcombine_u32(vcreate_u32(1 << 32), vcreate_u32(3 << 32 | 2)))
        }
        fn add(a: float32x4_t, b: float32x4_t) -> float32x4_t { vaddq_f32(a, b) }
        fn sub(a: float32x4_t, b: float32x4_t) -> float32x4_t { vsubq_f32(a, b) }
        fn mul(a: float32x4_t, b: float32x4_t) -> float32x4_t { vmulq_f32(a, b) }
        fn abs(a: float32x4_t) -> float32x4_t { vabsq_f32(a) }
        fn min(a: float32x4_t, b: float32x4_t) -> float32x4_t { vminnmq_f32(a, b) }
        fn max(a: float32x4_t, b: float32x4_t) -> float32x4_t { vmaxnmq_f32(a, b) }
        fn whole(a: float32x4_t) -> uint32x4_t { vcvtq_u32_f32(a) }
        fn number(a: uint32x4_t) -> float32x4_t { vcvtq_f32_u32(a) }
        fn add_words(a: uint32x4_t, b: uint32x4_t) -> uint32x4_t { vaddq_u32(a, b) }
        fn mul_words(a: uint32x4_t, b: uint32x4_t) -> uint32x4_t { vmulq_u32(a, b) }
        fn min_words(a: uint32x4_t, b: uint32x4_t) -> uint32x4_t { vminq_u32(a, b) }
        fn byte(words: uint32x4_t, index: usize) -> float32x4_t {
            let shifted = vshlq_u32(words, vdupq_n_s32(-8 * index as i32));
            vcvtq_f32_u32(vandq_u32(shifted, vdupq_n_u32(0xff)))
        }
        fn bytes(words: uint32x4_t) -> [u8; 4] {
            let words = vmovn_u32(words);
            let bytes = vmovn_u16(vcombine_u16(words, words));
            vget_lane_u32::<0>(vreinterpret_u32_u8(bytes)).to_le_bytes()
        }
        fn gather(plane: &[u8], offsets: uint32x4_t) -> uint32x4_t {
            let safe = vminq_u32(offsets, vdupq_n_u32(plane.len() as u32 - 4));
            // SAFETY: the minimum is in 0..=len - 4 for any offset. `plane` has 4..=i32::MAX bytes,
            // so four follow.
            let word = |at: u32| unsafe { plane.as_ptr().add(at as usize).cast::<u32>().read_unaligned() };
            let words = vdupq_n_u32(word(vgetq_lane_u32::<0>(safe)));
            let words = vsetq_lane_u32::<1>(word(vgetq_lane_u32::<1>(safe)), words);
            let words = vsetq_lane_u32::<2>(word(vgetq_lane_u32::<2>(safe)), words);
            let words = vsetq_lane_u32::<3>(word(vgetq_lane_u32::<3>(safe)), words);
            // A negative shift to the left is a shift to the right.
            let behind = vshlq_n_u32::<3>(vsubq_u32(offsets, safe));
            vshlq_u32(words, vnegq_s32(vreinterpretq_s32_u32(behind)))
        }
    }
}
