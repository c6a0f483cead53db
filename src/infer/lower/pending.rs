//! Convolutions that wait for what their result is to be: bytes of which scale, or floats.

use super::sym::{Clip, Map, Size};
use crate::infer::consts::Weights;
use crate::kernels::{ConvSpec, DeconvSpec, MapId, Quant, Step};
use tract_core::ops::cnn::{PaddingSpec, PoolSpec};
use tract_core::ops::nn::DataFormat;

/// A convolution of a map.
#[derive(Debug, Clone)]
pub struct Pending {
    pub from: Map,
    pub kind: Kind,
    pub kernel: [usize; 2],
    pub stride: [usize; 2],
    pub pad: [usize; 2],
    pub weights: Weights,
    /// Real bias, one an output channel.
    pub bias: Vec<f32>,
    pub size: Size,
    pub clip: Clip,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    Dense,
    Depthwise,
    Transposed { groups: usize },
}

pub struct Window {
    pub kernel: [usize; 2],
    pub stride: [usize; 2],
    pub pad: [usize; 2],
}

/// A two-dimensional window without dilation, its padding said outright.
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
    pub fn of(self, from: Map, kind: Kind, weights: Weights, bias: Vec<f32>, size: Size) -> Pending {
        let Window { kernel, stride, pad } = self;
        Pending { from, kind, kernel, stride, pad, weights, bias, size, clip: Clip::default() }
    }
}

impl Pending {
    /// The step that computes this to `to`: bytes of `output`, or floats.
    pub fn step(&self, output: Option<Quant>, to: MapId) -> Option<Step> {
        let co = self.size.2;
        let scales = self.weights.channel_scales(co)?;
        let input = self.from.quant;
        // As ONNX Runtime: one f32 factor a channel, (input * weight) / output.
        let per_output = |s: &f32| input.scale * s / output.map_or(1.0, |q| q.scale);
        let mult = scales.iter().map(per_output).collect();
        let bias = self.bias.iter().zip(&scales);
        let bias = bias.map(|(b, s)| int(f64::from(*b) / (f64::from(input.scale) * f64::from(*s))));
        let bias: Vec<i32> = bias.collect::<Option<_>>()?;
        let clamp = match output {
            Some(q) => self.clip.bytes(q),
            None if self.clip == Clip::default() => (0, 255),
            None => return None,
        };
        let (kernel, stride, pad) = (self.kernel, self.stride, self.pad);
        let (weights, from) = (self.weights.bytes.clone(), self.from.id);
        let zero_point = output.map(|q| q.zero_point);
        if let Kind::Transposed { groups } = self.kind {
            let output_zero_point = zero_point?;
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
        let spec = ConvSpec {
            kernel,
            stride,
            pad,
            weights,
            bias,
            mult,
            input,
            output_zero_point: zero_point,
            clamp,
        };
        match self.kind {
            Kind::Depthwise if zero_point.is_none() => None,
            Kind::Depthwise => Some(Step::Depthwise { spec, from, to }),
            _ => Some(Step::Conv { spec, from, to }),
        }
    }
}

/// The nearest integer, if i32 has it.
fn int(x: f64) -> Option<i32> {
    (x.abs() < f64::from(i32::MAX)).then(|| x.round_ties_even() as i32)
}
