//! Quantization, and requantization as ONNX Runtime does it: the i32 sum times one f32 a channel,
//! rounded half to even, plus the zero point, saturated.

/// How a u8 map stands for real numbers: `(byte - zero_point) * scale`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quant {
    /// Real difference of one step; finite and positive.
    pub scale: f32,
    /// The byte that stands for 0.
    pub zero_point: u8,
}

impl Quant {
    /// ONNX QuantizeLinear: `saturate(round_half_even(x / scale) + zero_point)`; a NaN becomes 0's byte.
    pub fn quantize(self, x: f32) -> u8 {
        round_to_byte(x / self.scale, self.zero_point)
    }

    /// ONNX DequantizeLinear.
    pub fn real(self, byte: u8) -> f32 {
        (f32::from(byte) - f32::from(self.zero_point)) * self.scale
    }
}

/// Adding and taking away 1.5 * 2^23 leaves the nearest integer, ties to even, for |x| < 2^22.
const ROUNDER: f32 = 12_582_912.0;

/// The larger of `x` and a number; the number where `x` is none. `f32::max` says the same, which is one instruction
/// on 64 bit ARM and many on x86; so it is with the two functions below.
#[inline(always)]
fn larger(x: f32, bound: f32) -> f32 {
    if cfg!(target_arch = "aarch64") {
        x.max(bound)
    } else if x > bound {
        x
    } else {
        bound
    }
}

/// The smaller of two numbers.
#[inline(always)]
fn smaller(x: f32, bound: f32) -> f32 {
    if cfg!(target_arch = "aarch64") {
        x.min(bound)
    } else if x < bound {
        x
    } else {
        bound
    }
}

/// The nearest integer, ties to even; |x| < 2^22.
#[inline(always)]
fn nearest(x: f32) -> f32 {
    if cfg!(target_arch = "aarch64") { x.round_ties_even() } else { (x + ROUNDER) - ROUNDER }
}

/// `saturate(round_half_even(x) + zero_point)`; a NaN becomes 0.
#[inline(always)]
pub fn round_to_byte(x: f32, zero_point: u8) -> u8 {
    round_to_bytes([x], zero_point, (0, 255))[0]
}

/// [`round_to_byte`] of many lanes at a time, then clamped: in stages, so that it vectorises.
#[inline(always)]
pub fn round_to_bytes<const N: usize>(x: [f32; N], zero_point: u8, (low, high): (u8, u8)) -> [u8; N] {
    let zero = f32::from(zero_point);
    // Saturating before rounding is the same, all bounds being integers.
    whole_bytes(round_between(x, f32::from(low) - zero, f32::from(high) - zero), zero_point)
}

/// The nearest whole numbers, ties to even, between two whole numbers less than 2^22; a NaN becomes the lower.
#[inline(always)]
pub fn round_between<const N: usize>(x: [f32; N], least: f32, most: f32) -> [f32; N] {
    let mut out = [0f32; N];
    for l in 0..N {
        out[l] = nearest(smaller(larger(x[l], least), most));
    }
    out
}

/// Whole numbers from [`round_between`], plus the zero point, as bytes.
#[inline(always)]
pub fn whole_bytes<const N: usize>(x: [f32; N], zero_point: u8) -> [u8; N] {
    let mut ints = [0i32; N];
    for l in 0..N {
        // SAFETY: between two numbers less than 2^22, and no NaN.
        ints[l] = unsafe { x[l].to_int_unchecked::<i32>() };
    }
    let mut bytes = [0u8; N];
    for l in 0..N {
        bytes[l] = ints[l].wrapping_add(i32::from(zero_point)) as u8;
    }
    bytes
}

/// Requantization of a layer's sums, a value a channel padded to a multiple of 64 channels.
#[derive(Debug, Clone)]
pub struct Requant {
    /// Added to the sum: the bias, less what the input's zero point adds.
    pub bias: Vec<i32>,
    /// `scale of input * scale of the channel's weights / scale of output`.
    pub mult: Vec<f32>,
    /// The output's zero point.
    pub zero_point: u8,
    /// Least output byte (the zero point after a ReLU).
    pub low: u8,
    /// Largest output byte.
    pub high: u8,
    /// No sum times its factor can leave i32: what the vector conversions need.
    pub fits_i32: bool,
}

impl Requant {
    /// The output bytes of 16 channels from `channel` on, for their sums (bias included).
    ///
    /// # Panics
    /// When there are no such channels.
    #[inline(always)]
    pub fn bytes(&self, channel: usize, sums: &[i32; 16]) -> [u8; 16] {
        let mult = &self.mult[channel..channel + 16];
        let mut real = [0f32; 16];
        for l in 0..16 {
            real[l] = sums[l] as f32 * mult[l];
        }
        round_to_bytes(real, self.zero_point, (self.low, self.high))
    }

    /// Checks the values of a layer with `weights(channel)` (all taps of it), and folds the zero point in.
    ///
    /// # Errors
    /// When a factor is not finite and positive, or a sum could leave i32.
    pub fn new<'a, W: Iterator<Item = i8>>(
        channels: usize,
        weights: impl Fn(usize) -> W + 'a,
        values: RequantSpec<'_>,
    ) -> Result<Requant, String> {
        let padded = channels.next_multiple_of(64);
        let mut out = Requant {
            bias: vec![0; padded],
            mult: vec![0.0; padded],
            zero_point: values.zero_point,
            low: values.low,
            high: values.high,
            fits_i32: true,
        };
        if values.bias.len() != channels || values.mult.len() != channels {
            return Err(format!("{channels} channels, not as many biases and scales"));
        }
        for c in 0..channels {
            let (sum, size) = weights(c)
                .fold((0i64, 0i64), |(sum, size), w| (sum + i64::from(w), size + i64::from(w).abs()));
            let bias = i64::from(values.bias[c]) - i64::from(values.input_zero_point) * sum;
            let most = 255 * size + bias.abs();
            if most > i64::from(i32::MAX) {
                return Err(format!("channel {c} can sum to {most}, past 32 bits"));
            }
            let mult = values.mult[c];
            if !(mult.is_finite() && mult > 0.0) {
                return Err(format!("channel {c} has scale {mult}"));
            }
            out.fits_i32 &= most as f32 * mult < 2e9;
            out.bias[c] = bias as i32;
            out.mult[c] = mult;
        }
        Ok(out)
    }
}

/// What [`Requant::new`] folds.
pub struct RequantSpec<'a> {
    pub bias: &'a [i32],
    pub mult: &'a [f32],
    pub input_zero_point: u8,
    pub zero_point: u8,
    pub low: u8,
    pub high: u8,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn rounding_is_half_to_even_and_saturates(x in -1e4f32..1e4, half in -600i32..600, zero: u8) {
            for x in [x, half as f32 * 0.5, x * 1e30] {
                let want = (x.round_ties_even() as f64 + f64::from(zero)).clamp(0.0, 255.0) as u8;
                prop_assert_eq!(round_to_byte(x, zero), want);
            }
        }
    }

    #[test]
    fn a_nan_is_no_panic() {
        assert_eq!(round_to_byte(f32::NAN, 7), 0);
        assert_eq!(round_to_byte(f32::INFINITY, 7), 255);
        assert_eq!(round_to_byte(f32::NEG_INFINITY, 7), 0);
    }
}
