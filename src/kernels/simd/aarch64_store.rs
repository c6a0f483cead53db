//! Loads and requantization with NEON. `fcvtns` rounds half to even and saturates; the narrowing
//! moves after it saturate too.

use crate::kernels::requant::Requant;
use std::arch::aarch64::*;

/// Zero point and clamp of a layer's output, in registers.
#[derive(Clone, Copy)]
pub struct ByteStore {
    zero_point: int16x8_t,
    low: uint8x16_t,
    high: uint8x16_t,
}

impl ByteStore {
    #[inline]
    #[target_feature(enable = "neon")]
    pub fn new(q: &Requant) -> ByteStore {
        ByteStore {
            zero_point: vdupq_n_s16(i16::from(q.zero_point)),
            low: vdupq_n_u8(q.low),
            high: vdupq_n_u8(q.high),
        }
    }

    /// The output bytes of 16 scaled sums.
    #[inline]
    #[target_feature(enable = "neon")]
    pub fn bytes(&self, real: [float32x4_t; 4]) -> uint8x16_t {
        let (a, b) = (self.words([real[0], real[1]]), self.words([real[2], real[3]]));
        let bytes = vqmovun_high_s16(vqmovun_s16(a), b);
        vminq_u8(vmaxq_u8(bytes, self.low), self.high)
    }

    /// The output bytes of 8 scaled sums.
    #[inline]
    #[target_feature(enable = "neon")]
    pub fn bytes8(&self, real: [float32x4_t; 2]) -> uint8x8_t {
        let bytes = vqmovun_s16(self.words(real));
        vmin_u8(vmax_u8(bytes, vget_low_u8(self.low)), vget_low_u8(self.high))
    }

    /// Rounded, with the zero point added.
    #[inline]
    #[target_feature(enable = "neon")]
    fn words(&self, real: [float32x4_t; 2]) -> int16x8_t {
        let words = vqmovn_high_s32(vqmovn_s32(vcvtnq_s32_f32(real[0])), vcvtnq_s32_f32(real[1]));
        vqaddq_s16(words, self.zero_point)
    }
}

/// Sums times their factors, as f32.
#[inline]
#[target_feature(enable = "neon")]
pub fn reals(sums: [int32x4_t; 4], mult: [float32x4_t; 4]) -> [float32x4_t; 4] {
    let real = |i: usize| vmulq_f32(vcvtq_f32_s32(sums[i]), mult[i]);
    [real(0), real(1), real(2), real(3)]
}

/// Loads 16 numbers.
///
/// # Safety
/// `at` points to 16 numbers.
#[inline]
#[target_feature(enable = "neon")]
pub unsafe fn load_f32(at: *const f32) -> [float32x4_t; 4] {
    // SAFETY: the caller's contract.
    unsafe { [vld1q_f32(at), vld1q_f32(at.add(4)), vld1q_f32(at.add(8)), vld1q_f32(at.add(12))] }
}

/// Loads 16 numbers.
///
/// # Safety
/// `at` points to 16 numbers.
#[inline]
#[target_feature(enable = "neon")]
pub unsafe fn load_i32(at: *const i32) -> [int32x4_t; 4] {
    // SAFETY: the caller's contract.
    unsafe { [vld1q_s32(at), vld1q_s32(at.add(4)), vld1q_s32(at.add(8)), vld1q_s32(at.add(12))] }
}

/// Each byte minus 128, as s8: what `smull` and `sdot` multiply. The packed biases make up for it:
/// they include 128 times the sum of the weights.
#[inline]
#[target_feature(enable = "neon")]
pub fn signed(x: uint8x16_t) -> int8x16_t {
    vreinterpretq_s8_u8(veorq_u8(x, vdupq_n_u8(0x80)))
}
