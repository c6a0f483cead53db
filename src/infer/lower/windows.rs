//! Operators that slide a window over a map: convolution, transposed convolution, max pooling.

use super::lowered::{Lowered, NodeView};
use super::pending::{PendingKind, Window, window};
use super::value::Value;
use crate::infer::consts::{self, volume};
use crate::kernels::{MaxPoolSpec, Step, VecId, VecOp};
use tract_core::ops::cnn::{Conv, Deconv, KernelFormat, MaxPool};

pub fn lower(lowered: &mut Lowered, at: &NodeView) -> Option<Value> {
    if let Some(op) = at.op::<Conv>() {
        conv(lowered, at, op)
    } else if let Some(op) = at.op::<Deconv>() {
        deconv(lowered, at, op)
    } else {
        max_pool(lowered, at, at.op::<MaxPool>()?)
    }
}

fn conv(lowered: &mut Lowered, at: &NodeView, op: &Conv) -> Option<Value> {
    let value = lowered.value(at.input)?;
    let window = window(&op.pool_spec)?;
    let [_, _, rows, columns] = *at.shape else { return None };
    if op.q_params.is_some() || op.kernel_fmt != KernelFormat::OIHW {
        return None;
    }
    let (model, channels) = (at.model, op.pool_spec.output_channels);
    let pointwise = window.kernel == [1, 1] && op.group == 1;
    let from = match *value {
        Value::Vector(v) => return if pointwise { mat_vec(lowered, at, op, v) } else { None },
        Value::Real(map) if at.map_size(at.input) == Some(map.size) => map,
        _ => return None,
    };
    let bias = consts::channels(model, *at.node.inputs.get(2)?, channels)?;
    let Some(weights) = consts::weights(model, at.node.inputs[1]) else {
        // Float weights have a meaning only in the convolution that computes attention logits.
        let weights = consts::floats(model, at.node.inputs[1])?;
        let logits = pointwise && channels == 1 && window.stride == [1, 1] && window.pad == [0, 0];
        return (logits && weights.len() == from.size.2).then_some(Value::Logits(from, weights));
    };
    let kind = match op.group {
        1 => PendingKind::Dense,
        groups if [groups; 2] == [from.size.2, channels] => PendingKind::Depthwise,
        _ => return None,
    };
    let pending = window.pending(from, kind, weights, bias, (rows, columns, channels));
    Some(Value::Conv(Box::new(pending)))
}

/// A 1x1 convolution of a vector: a matrix times the vector.
fn mat_vec(lowered: &mut Lowered, at: &NodeView, op: &Conv, v: VecId) -> Option<Value> {
    let channels = op.pool_spec.output_channels;
    let bias = consts::channels(at.model, *at.node.inputs.get(2)?, channels)?;
    let sizes = [volume(at.shape), op.pool_spec.input_channels];
    if sizes != [channels, lowered.builder.vector_len(v)] {
        return None;
    }
    let weights = consts::floats(at.model, at.node.inputs[1])?;
    Some(Value::Vector(lowered.vector(VecOp::MatVec { weights, bias }, v, channels, at.level)))
}

fn deconv(lowered: &Lowered, at: &NodeView, op: &Deconv) -> Option<Value> {
    let Value::Real(from) = *lowered.value(at.input)? else { return None };
    let window = window(&op.pool_spec)?;
    if op.kernel_format != KernelFormat::OIHW || at.map_size(at.input)? != from.size {
        return None;
    }
    let channels = op.pool_spec.output_channels;
    let bias = consts::channels(at.model, *at.node.inputs.get(2)?, channels)?;
    let weights = consts::weights(at.model, at.node.inputs[1])?;
    let kind = PendingKind::Transposed { groups: op.group };
    let size = (*at.shape.get(2)?, *at.shape.get(3)?, channels);
    Some(Value::Conv(Box::new(window.pending(from, kind, weights, bias, size))))
}

fn max_pool(lowered: &mut Lowered, at: &NodeView, op: &MaxPool) -> Option<Value> {
    let Value::Real(from) = *lowered.value(at.input)? else { return None };
    let Window { kernel, stride, pad } = window(&op.pool_spec)?;
    if op.with_index_outputs.is_some() || at.map_size(at.input)? != from.size {
        return None;
    }
    let size = (*at.shape.get(2)?, *at.shape.get(3)?, from.size.2);
    let to = lowered.map(size, from.quant, at.level);
    let spec = MaxPoolSpec { kernel, stride, pad };
    lowered.step(Step::MaxPool { spec, from: from.id, to: to.id }, at.level);
    Some(Value::Real(to))
}
