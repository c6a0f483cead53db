//! What a transposed convolution is, before it is packed.

use crate::kernels::Quant;

/// A grouped transposed convolution from quantized map to quantized map.
#[derive(Debug, Clone, PartialEq)]
pub struct DeconvSpec {
    /// Groups of channels.
    pub groups: usize,
    /// Kernel rows and columns.
    pub kernel: [usize; 2],
    /// Vertical and horizontal distance, in output pixels, of neighbouring input pixels.
    pub stride: [usize; 2],
    /// Output rows cut off above, and columns cut off to the left.
    pub pad: [usize; 2],
    /// s8 `[out, in / groups, kernel rows, kernel columns]`.
    pub weights: Vec<i8>,
    /// i32 `[out]`, in units of input scale times weight scale.
    pub bias: Vec<i32>,
    /// f32 `[out]`: the factor from a sum to steps of the output.
    pub mult: Vec<f32>,
    /// Quantization of the input.
    pub input: Quant,
    /// The output's zero point.
    pub output_zero_point: u8,
    /// Smallest and largest output byte.
    pub clamp: (u8, u8),
}

impl DeconvSpec {
    /// Whether it doubles rows and columns by the usual 4x4 kernel, as LPN's head does.
    pub(super) fn doubles(&self, from: (usize, usize), to: (usize, usize)) -> bool {
        let window = (self.kernel, self.stride, self.pad) == ([4, 4], [2, 2], [1, 1]);
        window && (from.0.checked_mul(2), from.1.checked_mul(2)) == (Some(to.0), Some(to.1))
    }
}
