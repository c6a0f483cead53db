//! Quantization, and requantization as ONNX Runtime does it: the i32 sum times one f32 for each
//! channel, rounded half to even, plus the zero point, saturated.

/// How bytes stand for real numbers: `(byte - zero_point) * scale`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quant {
    /// The real difference between neighbouring bytes; finite and positive.
    pub scale: f32,
    /// The byte that stands for 0.
    pub zero_point: u8,
}

impl Quant {
    /// ONNX QuantizeLinear: `saturate(round_half_even(x / scale) + zero_point)`. NaN becomes 0.
    pub fn quantize(self, x: f32) -> u8 {
        round_to_byte(x / self.scale, self.zero_point)
    }

    /// ONNX DequantizeLinear: the real number that a byte stands for.
    pub fn real(self, byte: u8) -> f32 {
        (f32::from(byte) - f32::from(self.zero_point)) * self.scale
    }
}

/// Adding and subtracting 1.5 * 2^23 leaves the nearest integer, ties to even, if |x| < 2^22.
const ROUNDER: f32 = 12_582_912.0;

/// The larger of `x` and `bound`; `bound` if `x` is a NaN. `f32::max` gives the same: in one
/// instruction on 64-bit ARM, in several on x86. The next two functions choose for the same reason.
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

/// The smaller of `x` and `bound`, neither of which is a NaN.
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

/// The nearest integer, ties to even, if |x| < 2^22.
#[inline(always)]
fn nearest(x: f32) -> f32 {
    if cfg!(target_arch = "aarch64") { x.round_ties_even() } else { (x + ROUNDER) - ROUNDER }
}

/// `saturate(round_half_even(x) + zero_point)`; a NaN becomes byte 0.
#[inline(always)]
pub fn round_to_byte(x: f32, zero_point: u8) -> u8 {
    round_to_bytes([x], zero_point, (0, 255))[0]
}

/// [`round_to_byte`] of many lanes, then clamped; in stages, which the compiler vectorizes.
#[inline(always)]
pub fn round_to_bytes<const N: usize>(x: [f32; N], zero_point: u8, (low, high): (u8, u8)) -> [u8; N] {
    let zero = f32::from(zero_point);
    // All bounds are integers, so it makes no difference to saturate before rounding.
    whole_bytes(round_between(x, f32::from(low) - zero, f32::from(high) - zero), zero_point)
}

/// The nearest integers, ties to even, limited to `least..=most`, which are integers below 2^22. A
/// NaN becomes `least`.
#[inline(always)]
pub fn round_between<const N: usize>(x: [f32; N], least: f32, most: f32) -> [f32; N] {
    let mut out = [0f32; N];
    for l in 0..N {
        out[l] = nearest(smaller(larger(x[l], least), most));
    }
    out
}

/// Integers from [`round_between`] plus the zero point, as bytes.
#[inline(always)]
pub fn whole_bytes<const N: usize>(x: [f32; N], zero_point: u8) -> [u8; N] {
    let mut ints = [0i32; N];
    for l in 0..N {
        // SAFETY: `round_between` returns integers within 2^22, and no NaN.
        ints[l] = unsafe { x[l].to_int_unchecked::<i32>() };
    }
    let mut bytes = [0u8; N];
    for l in 0..N {
        bytes[l] = ints[l].wrapping_add(i32::from(zero_point)) as u8;
    }
    bytes
}

/// Requantization of the sums of a layer. Vectors have a value for each channel and are padded to a
/// multiple of 64.
#[derive(Debug, Clone)]
pub struct Requant {
    /// Added to the sum: the bias minus what the input's zero point adds.
    pub bias: Vec<i32>,
    /// `input scale * weight scale of the channel / output scale`.
    pub mult: Vec<f32>,
    /// The output's zero point.
    pub zero_point: u8,
    /// Smallest output byte: the zero point after a ReLU.
    pub low: u8,
    /// Largest output byte.
    pub high: u8,
    /// Whether every sum times its factor fits in i32, which the kernels by hand require.
    pub fits_i32: bool,
}

impl Requant {
    /// The output bytes of 16 channels from `channel` on; `sums` include the bias.
    ///
    /// # Panics
    /// If there are no such channels.
    #[inline(always)]
    pub fn bytes(&self, channel: usize, sums: &[i32; 16]) -> [u8; 16] {
        let mult = &self.mult[channel..channel + 16];
        let mut real = [0f32; 16];
        for l in 0..16 {
            real[l] = sums[l] as f32 * mult[l];
        }
        round_to_bytes(real, self.zero_point, (self.low, self.high))
    }

    /// Checks the values of a layer and folds the input's zero point into the bias.
    /// `weights(channel)` are all weights of a channel.
    ///
    /// # Errors
    /// If a factor is not finite and positive, or a sum could leave i32.
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
            return Err(format!("the numbers of biases and scales differ from {channels} channels"));
        }
        for c in 0..channels {
            let (sum, size) = weights(c)
                .fold((0i64, 0i64), |(sum, size), w| (sum + i64::from(w), size + i64::from(w).abs()));
            let bias = i64::from(values.bias[c]) - i64::from(values.input_zero_point) * sum;
            let most = 255 * size + bias.abs();
            if most > i64::from(i32::MAX) {
                return Err(format!("channel {c} can sum to {most}, more than 32 bits hold"));
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

/// The values of a layer that [`Requant::new`] checks.
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
    fn nan_and_infinity_saturate() {
        assert_eq!(round_to_byte(f32::NAN, 7), 0);
        assert_eq!(round_to_byte(f32::INFINITY, 7), 255);
        assert_eq!(round_to_byte(f32::NEG_INFINITY, 7), 0);
    }
}
