//! Requantization with NEON: `fcvtns` rounds half to even and saturates, as do the narrowing moves after it.

use crate::kernels::requant::Requant;
use std::arch::aarch64::*;

/// A layer's output rules in registers.
#[derive(Clone, Copy)]
pub struct Bytes {
    zero_point: int16x8_t,
    low: uint8x16_t,
    high: uint8x16_t,
}

impl Bytes {
    #[inline]
    #[target_feature(enable = "neon")]
    pub fn new(q: &Requant) -> Bytes {
        Bytes {
            zero_point: vdupq_n_s16(i16::from(q.zero_point)),
            low: vdupq_n_u8(q.low),
            high: vdupq_n_u8(q.high),
        }
    }

    /// The bytes of 16 sums that were multiplied by their factors.
    #[inline]
    #[target_feature(enable = "neon")]
    pub fn of(&self, real: [float32x4_t; 4]) -> uint8x16_t {
        let (a, b) = (self.words([real[0], real[1]]), self.words([real[2], real[3]]));
        let bytes = vqmovun_high_s16(vqmovun_s16(a), b);
        vminq_u8(vmaxq_u8(bytes, self.low), self.high)
    }

    /// The bytes of 8 sums that were multiplied by their factors.
    #[inline]
    #[target_feature(enable = "neon")]
    pub fn of8(&self, real: [float32x4_t; 2]) -> uint8x8_t {
        let bytes = vqmovun_s16(self.words(real));
        vmin_u8(vmax_u8(bytes, vget_low_u8(self.low)), vget_low_u8(self.high))
    }

    /// Rounded, and in steps from the output's 0.
    #[inline]
    #[target_feature(enable = "neon")]
    fn words(&self, real: [float32x4_t; 2]) -> int16x8_t {
        let words = vqmovn_high_s32(vqmovn_s32(vcvtnq_s32_f32(real[0])), vcvtnq_s32_f32(real[1]));
        vqaddq_s16(words, self.zero_point)
    }
}

/// Sums times their factors.
#[inline]
#[target_feature(enable = "neon")]
pub fn reals(sums: [int32x4_t; 4], mult: [float32x4_t; 4]) -> [float32x4_t; 4] {
    let real = |i: usize| vmulq_f32(vcvtq_f32_s32(sums[i]), mult[i]);
    [real(0), real(1), real(2), real(3)]
}

/// Four vectors of four from 16 numbers at `at`.
///
/// # Safety
/// `at` has 16 numbers.
#[inline]
#[target_feature(enable = "neon")]
pub unsafe fn load_f32(at: *const f32) -> [float32x4_t; 4] {
    // SAFETY: the caller's promise.
    unsafe { [vld1q_f32(at), vld1q_f32(at.add(4)), vld1q_f32(at.add(8)), vld1q_f32(at.add(12))] }
}

/// Four vectors of four from 16 numbers at `at`.
///
/// # Safety
/// `at` has 16 numbers.
#[inline]
#[target_feature(enable = "neon")]
pub unsafe fn load_i32(at: *const i32) -> [int32x4_t; 4] {
    // SAFETY: the caller's promise.
    unsafe { [vld1q_s32(at), vld1q_s32(at.add(4)), vld1q_s32(at.add(8)), vld1q_s32(at.add(12))] }
}

/// Bytes as signed ones, 128 less: what `smull` and `sdot` multiply. (The weights' sums times 128 are in the
/// packed biases.)
#[inline]
#[target_feature(enable = "neon")]
pub fn signed(x: uint8x16_t) -> int8x16_t {
    vreinterpretq_s8_u8(veorq_u8(x, vdupq_n_u8(0x80)))
}
