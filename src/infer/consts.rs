//! Finds the constants of a typed graph, through the operators between a constant and its reader.

use super::quantize_ops::Dequantize;
use tract_core::internal::*;

/// s8 weights, and the scale of each.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights {
    /// In the layout that the reader sees: `[out, in / groups, rows, columns]`.
    pub bytes: Vec<i8>,
    scales: Vec<f32>,
}

impl Weights {
    /// One scale for each output channel, if all weights of a channel have the same.
    pub fn channel_scales(&self, channels: usize) -> Option<Vec<f32>> {
        if channels == 0 || !self.scales.len().is_multiple_of(channels) || self.scales.is_empty() {
            return None;
        }
        let per = self.scales.chunks_exact(self.scales.len() / channels);
        per.map(|s| s.iter().all(|v| *v == s[0]).then_some(s[0])).collect()
    }

    /// The weights as real numbers.
    pub fn reals(&self) -> Vec<f32> {
        self.bytes.iter().zip(&self.scales).map(|(b, s)| f32::from(*b) * s).collect()
    }
}

/// Number of values in a tensor of this shape.
pub fn volume(shape: &[usize]) -> usize {
    shape.iter().product()
}

/// Most operators between a constant and its reader. Exporters write a few; a hostile file may hold
/// any number.
const CHAIN: usize = 32;

/// The outlet's value, if it depends only on constants.
pub fn value(model: &TypedModel, outlet: OutletId) -> Option<Arc<Tensor>> {
    value_within(model, outlet, CHAIN)
}

fn value_within(model: &TypedModel, outlet: OutletId, chain: usize) -> Option<Arc<Tensor>> {
    let node = model.nodes().get(outlet.node)?;
    if let Some(konst) = &node.outputs.get(outlet.slot)?.fact.konst {
        return Some(konst.clone());
    }
    if node.inputs.is_empty() || chain == 0 {
        return None;
    }
    let inputs: Option<TVec<TValue>> =
        node.inputs.iter().map(|i| Some(value_within(model, *i, chain - 1)?.into_tvalue())).collect();
    let mut outputs = node.op.eval_out_of_plan(inputs?).ok()??;
    (outlet.slot < outputs.len()).then(|| outputs.swap_remove(outlet.slot).into_arc_tensor())
}

/// The outlet's constant floats, in order.
pub fn floats(model: &TypedModel, outlet: OutletId) -> Option<Vec<f32>> {
    let tensor = value(model, outlet)?;
    let tensor = tensor.cast_to::<f32>().ok()?;
    Some(tensor.try_as_plain_ram().ok()?.as_slice::<f32>().ok()?.to_vec())
}

/// The outlet's constant floats, one for each of `n` channels. A single float is for all of them.
pub fn channels(model: &TypedModel, outlet: OutletId, n: usize) -> Option<Vec<f32>> {
    let values = floats(model, outlet)?;
    match values.len() {
        1 => Some(vec![values[0]; n]),
        len => (len == n).then_some(values),
    }
}

/// The s8 weights (zero point 0) that the outlet is dequantized from, also through changes of axes.
pub fn weights(model: &TypedModel, outlet: OutletId) -> Option<Weights> {
    let (bytes, scales) = quantized(model, outlet, CHAIN)?;
    let bytes = bytes.try_as_plain_ram().ok()?.as_slice::<i8>().ok()?.to_vec();
    let scales = scales.try_as_plain_ram().ok()?.as_slice::<f32>().ok()?.to_vec();
    Some(Weights { bytes, scales })
}

/// The weights' bytes, and their scales in the same shape.
fn quantized(model: &TypedModel, outlet: OutletId, chain: usize) -> Option<(Tensor, Tensor)> {
    let node = model.nodes().get(outlet.node)?;
    let input = *node.inputs.first()?;
    if let Some(op) = node.op_as::<Dequantize>() {
        let bytes = value(model, input)?;
        if op.0.dt != i8::datum_type() || bytes.datum_type() != i8::datum_type() {
            return None;
        }
        let scales = op.0.symmetric_scales(bytes.shape())?;
        let scales = Tensor::from_shape(bytes.shape(), &scales).ok()?;
        return Some((bytes.into_tensor(), scales));
    }
    let op = node.op_as::<AxisOp>().filter(|_| chain > 0)?;
    let (bytes, scales) = quantized(model, input, chain - 1)?;
    let moved = |t: Tensor| -> Option<Tensor> {
        let mut out = op.eval_out_of_plan(tvec!(t.into_tvalue())).ok()??;
        Some(out.pop()?.into_tensor())
    };
    Some((moved(bytes)?, moved(scales)?))
}
