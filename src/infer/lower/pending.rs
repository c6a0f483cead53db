//! Convolutions without a step yet. The step depends on the form of the result: bytes of some scale
//! and zero point, or floats.

use super::map::{Clamp, Map, Size};
use crate::infer::consts::Weights;
use crate::kernels::{ConvSpec, DeconvSpec, MapId, Quant, Step};
use tract_core::ops::cnn::{PaddingSpec, PoolSpec};
use tract_core::ops::nn::DataFormat;

/// A convolution of a map.
#[derive(Debug, Clone)]
pub struct Pending {
    pub from: Map,
    pub kind: PendingKind,
    pub kernel: [usize; 2],
    pub stride: [usize; 2],
    pub pad: [usize; 2],
    pub weights: Weights,
    /// Real bias of each output channel.
    pub bias: Vec<f32>,
    /// Size of the result.
    pub size: Size,
    pub clamp: Clamp,
}

/// Which input channels an output channel reads.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum PendingKind {
    /// All of them.
    Dense,
    /// The channel with the same index.
    Depthwise,
    /// Transposed: those of its group.
    Transposed { groups: usize },
}

/// A two-dimensional window: rows and columns of its kernel, its stride, and the padding before.
pub struct Window {
    pub kernel: [usize; 2],
    pub stride: [usize; 2],
    pub pad: [usize; 2],
}

/// The window of an operator on NCHW with explicit padding and no dilation.
pub fn window(spec: &PoolSpec) -> Option<Window> {
    let pair = |v: &[usize]| <[usize; 2]>::try_from(v).ok();
    let pad = match &spec.padding {
        PaddingSpec::Explicit(before, _) | PaddingSpec::ExplicitOnnxPool(before, ..) => pair(before)?,
        PaddingSpec::Valid => [0, 0],
        PaddingSpec::SameUpper | PaddingSpec::SameLower => return None,
    };
    let dense = spec.dilations.as_ref().is_none_or(|d| d.iter().all(|d| *d == 1));
    let stride = spec.strides.as_ref().map_or(Some([1, 1]), |s| pair(s))?;
    let nchw = spec.data_format == DataFormat::NCHW;
    (dense && nchw).then_some(Window { kernel: pair(&spec.kernel_shape)?, stride, pad })
}

impl Window {
    /// A convolution by this window, without a clamp.
    pub fn pending(
        self,
        from: Map,
        kind: PendingKind,
        weights: Weights,
        bias: Vec<f32>,
        size: Size,
    ) -> Pending {
        let Window { kernel, stride, pad } = self;
        Pending { from, kind, kernel, stride, pad, weights, bias, size, clamp: Clamp::default() }
    }
}

impl Pending {
    /// The step that computes this to `to`: bytes of `output`, or floats if that is `None`.
    pub fn step(&self, output: Option<Quant>, to: MapId) -> Option<Step> {
        let scales = self.weights.channel_scales(self.size.2)?;
        let input = self.from.quant;
        // As in ONNX Runtime: one f32 factor for each channel, (input * weight) / output.
        let factor = |s: &f32| input.scale * s / output.map_or(1.0, |q| q.scale);
        let mult = scales.iter().map(factor).collect();
        let bias = self.bias.iter().zip(&scales);
        let bias = bias.map(|(b, s)| nearest(f64::from(*b) / (f64::from(input.scale) * f64::from(*s))));
        let bias: Vec<i32> = bias.collect::<Option<_>>()?;
        let clamp = match output {
            Some(q) => self.clamp.bytes(q),
            None if self.clamp == Clamp::default() => (0, 255),
            None => return None,
        };
        let (kernel, stride, pad) = (self.kernel, self.stride, self.pad);
        let (weights, from) = (self.weights.bytes.clone(), self.from.id);
        let output_zero_point = output.map(|q| q.zero_point);
        if let PendingKind::Transposed { groups } = self.kind {
            let output_zero_point = output_zero_point?;
            let spec = DeconvSpec {
                groups,
                kernel,
                stride,
                pad,
                weights,
                bias,
                mult,
                input,
                output_zero_point,
                clamp,
            };
            return Some(Step::Deconv { spec, from, to });
        }
        let spec = ConvSpec { kernel, stride, pad, weights, bias, mult, input, output_zero_point, clamp };
        match self.kind {
            PendingKind::Depthwise if output.is_none() => None,
            PendingKind::Depthwise => Some(Step::Depthwise { spec, from, to }),
            _ => Some(Step::Conv { spec, from, to }),
        }
    }
}

/// The nearest integer, if it fits in i32.
fn nearest(x: f64) -> Option<i32> {
    (x.abs() < f64::from(i32::MAX)).then(|| x.round_ties_even() as i32)
}
