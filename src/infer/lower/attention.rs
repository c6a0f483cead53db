//! Attention pooling: softmax over a map's pixels, then the sum of the pixels by those weights.

use super::lowered::{Lowered, NodeView};
use super::value::Value;
use crate::infer::consts::volume;
use crate::kernels::{AttendSpec, Step};
use tract_core::ops::einsum::EinSum;
use tract_core::ops::nn::{Softmax, SoftmaxKind};

pub fn lower(lowered: &mut Lowered, at: &NodeView) -> Option<Value> {
    match at.op::<Softmax>() {
        Some(op) => softmax(lowered, at, op),
        None => einsum(lowered, at, at.op::<EinSum>()?),
    }
}

fn softmax(lowered: &Lowered, at: &NodeView, op: &Softmax) -> Option<Value> {
    let all_axes = at.shape.iter().enumerate().all(|(i, n)| *n == 1 || op.axes.contains(&i));
    if op.kind != SoftmaxKind::Softmax || op.quant_output_dt.is_some() || !all_axes {
        return None;
    }
    let (map, weights) = lowered.value(at.input)?.clone().into_logits()?;
    Some(Value::Attention(map, weights))
}

/// The sum over a map's pixels, weighted by the map's own attention: `[.., C, H * W]` times
/// attention `[.., H * W]` in any arrangement of axes.
fn einsum(lowered: &mut Lowered, at: &NodeView, op: &EinSum) -> Option<Value> {
    let [a, b] = at.node.inputs[..] else { return None };
    let (map, weights, slot) = match (lowered.value(a)?, lowered.value(b)?) {
        (Value::Real(m), Value::Attention(from, w)) if m == from => (*m, w.clone(), 0),
        (Value::Attention(from, w), Value::Real(m)) if m == from => (*m, w.clone(), 1),
        _ => return None,
    };
    let other = 1 - slot;
    let shape = |slot: usize| at.model.outlet_fact(at.node.inputs[slot]).ok()?.shape.as_concrete();
    let (map_shape, attention_shape) = (shape(slot)?, shape(other)?);
    let (h, w, c) = map.size;
    let flat = map_shape.len() >= 2 && map_shape.ends_with(&[c, h * w]) && volume(map_shape) == c * h * w;
    let pixels = map_shape.len() - 1;
    let sums_pixels = op.axes.iter_all_axes().any(|axis| {
        axis.outputs.iter().all(|o| o.is_empty())
            && axis.inputs[slot][..] == [pixels]
            && axis.inputs[other].len() == 1
            && attention_shape[axis.inputs[other][0]] == h * w
    });
    let sizes = volume(attention_shape) == h * w && volume(at.shape) == c;
    if !(flat && sums_pixels && sizes && op.q_params.is_none()) {
        return None;
    }
    let to = lowered.builder.vector(c);
    let spec = AttendSpec { weights, input: map.quant };
    lowered.step(Step::Attend { spec, from: map.id, to }, at.level);
    Some(Value::Vector(to))
}
