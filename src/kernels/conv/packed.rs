//! A convolution checked and packed for an instruction set.

use super::layout::Layout;
#[cfg(target_arch = "x86_64")]
use super::maddubs_pack::PairedWeights;
use crate::kernels::arena::{Area, Border};
use crate::kernels::requant::{Requant, RequantSpec};
use crate::kernels::{Error, Isa, Quant};

/// A dense (one group) convolution from a quantized map to a quantized or an f32 map.
#[derive(Debug, Clone, PartialEq)]
pub struct ConvSpec {
    /// Kernel rows and columns.
    pub kernel: [usize; 2],
    /// Vertical and horizontal stride, in input pixels.
    pub stride: [usize; 2],
    /// Padding above and to the left. The output's size determines the other two sides.
    pub pad: [usize; 2],
    /// s8 `[out, in, kernel rows, kernel columns]`.
    pub weights: Vec<i8>,
    /// i32 `[out]`, in units of input scale times weight scale.
    pub bias: Vec<i32>,
    /// f32 `[out]`: the factor from a sum to steps of the output, or to reals if the output is f32.
    pub mult: Vec<f32>,
    /// Quantization of the input.
    pub input: Quant,
    /// The output's zero point. `None`: the output is f32.
    pub output_zero_point: Option<u8>,
    /// Smallest and largest output byte.
    pub clamp: (u8, u8),
}

impl ConvSpec {
    /// The values for [`Requant::new`].
    pub(in crate::kernels) fn requant(&self) -> RequantSpec<'_> {
        RequantSpec {
            bias: &self.bias,
            mult: &self.mult,
            input_zero_point: self.input.zero_point,
            zero_point: self.output_zero_point.unwrap_or(0),
            low: self.clamp.0,
            high: self.clamp.1,
        }
    }
}

/// A convolution packed for an instruction set.
pub struct Conv {
    pub isa: Isa,
    pub kernel_rows: usize,
    /// Bytes of a run, rounded up to the layout's multiple; the extra bytes meet zero weights.
    pub run: usize,
    /// Bytes from an output pixel's input to the next one's.
    pub x_step: usize,
    pub stride: [usize; 2],
    pub pad: [usize; 2],
    pub requant: Requant,
    pub float_out: bool,
    /// No weight is -128, so the sum of two products of signed bytes fits in i16.
    #[cfg_attr(not(target_arch = "aarch64"), allow(dead_code, reason = "only NEON has both kernels"))]
    pub paired: bool,
    pub weights: Packed,
    /// Output channels of a tile.
    pub tile: usize,
    /// Bias and factor of each output channel, in packed order, padded to a multiple of 16.
    pub bias: Vec<i32>,
    pub mult: Vec<f32>,
}

/// Weights in the order in which a kernel reads them.
pub enum Packed {
    I8(Vec<i8>),
    #[cfg_attr(not(any(target_arch = "x86_64", target_arch = "aarch64", posed_neon)), allow(dead_code))]
    I16(Vec<i16>),
    #[cfg(target_arch = "x86_64")]
    Pairs(PairedWeights),
}

impl Conv {
    pub const STEP: &'static str = "convolution";

    /// The border of `from` that the kernel reads, for maps of these rows and columns.
    pub fn border(spec: &ConvSpec, from: (usize, usize), to: (usize, usize)) -> Border {
        let after = |i: usize, len, out| Border::after(len, spec.kernel[i], spec.stride[i], spec.pad[i], out);
        Border {
            top: spec.pad[0],
            left: spec.pad[1],
            bottom: after(0, from.0, to.0),
            right: after(1, from.1, to.1),
        }
    }

    /// Checks `spec` and packs it. A convolution that the kernels of `isa` cannot compute is packed
    /// for the generic one.
    ///
    /// # Errors
    /// If the weights do not fit the maps, or as [`Requant::new`].
    pub fn new(isa: Isa, spec: &ConvSpec, from: &Area, to: &Area) -> Result<Conv, Error> {
        let requant = requant(spec, from.channels, to.channels)?;
        let paired = !spec.weights.contains(&i8::MIN);
        // The 32-bit ARM kernel needs pairs that fit in i16.
        let by_hand = requant.fits_i32 && (paired || !cfg!(posed_neon));
        let isa = if by_hand { isa } else { Isa::Generic };
        let float_out = spec.output_zero_point.is_none();
        let layout = Layout::of(isa, float_out);
        let [kernel_rows, columns] = spec.kernel;
        let run = (columns * from.step).next_multiple_of(layout.run_multiple);
        let order: Vec<usize> = layout.channels(to.channels.div_ceil(16));
        // Kernels that subtract 128 from each byte need 128 times the sum of the weights back.
        let taps = from.channels * kernel_rows * columns;
        let owed = |o: usize| {
            let sum = |weights: &[i8]| weights.iter().copied().map(i32::from).sum::<i32>().wrapping_mul(128);
            if layout.signed && o < to.channels { sum(&spec.weights[o * taps..][..taps]) } else { 0 }
        };
        #[cfg_attr(not(target_arch = "x86_64"), allow(unused_mut))]
        let mut bias: Vec<i32> = order.iter().map(|&o| requant.bias[o].wrapping_add(owed(o))).collect();
        let at = |o: usize, ky: usize, byte: usize| weight(spec, from, to, (o, ky, byte));
        let weights = match isa {
            #[cfg(target_arch = "x86_64")]
            Isa::Sse41 | Isa::Avx2 => {
                Packed::Pairs(PairedWeights::new((kernel_rows, run, from.pitch), &order, at, &mut bias))
            }
            _ => Packed::I8(layout.pack(kernel_rows, run, &order, at)),
        };
        let mult = order.iter().map(|&o| requant.mult[o]).collect();
        let (stride, pad, x_step, tile) = (spec.stride, spec.pad, spec.stride[1] * from.step, layout.tile);
        Ok(Conv {
            isa,
            kernel_rows,
            run,
            x_step,
            stride,
            pad,
            requant,
            float_out,
            paired,
            weights,
            tile,
            bias,
            mult,
        })
    }
}

/// Checks the shapes and values of `spec` for `ci` input and `co` output channels.
fn requant(spec: &ConvSpec, ci: usize, co: usize) -> Result<Requant, Error> {
    let bad = |what: String| Error::step(Conv::STEP, what);
    let [rows, columns] = spec.kernel;
    let taps = ci * rows * columns;
    if spec.weights.len() != co * taps || spec.stride.contains(&0) || rows * columns == 0 {
        let n = spec.weights.len();
        return Err(bad(format!("{n} weights for {ci} -> {co} channels, {rows}x{columns}")));
    }
    Requant::new(co, |o| spec.weights[o * taps..][..taps].iter().copied(), spec.requant()).map_err(bad)
}

/// The weight of output channel `o` for one byte of kernel row `ky`'s run; 0 in the padding.
fn weight(spec: &ConvSpec, from: &Area, to: &Area, (o, ky, byte): (usize, usize, usize)) -> i8 {
    let [rows, columns] = spec.kernel;
    let (kx, i) = (byte / from.step, byte % from.step);
    if o < to.channels && kx < columns && i < from.channels {
        spec.weights[((o * from.channels + i) * rows + ky) * columns + kx]
    } else {
        0
    }
}
