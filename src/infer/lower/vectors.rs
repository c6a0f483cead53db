//! Operators on one vector.

use super::lowered::{Lowered, NodeView};
use super::value::Value;
use crate::infer::consts::volume;
use crate::kernels::VecOp;
use tract_core::ops::nn::{Reduce, Reducer};

pub fn lower(lowered: &mut Lowered, at: &NodeView) -> Option<Value> {
    let Value::Vector(from) = *lowered.value(at.input)? else { return None };
    let len = lowered.builder.vector_len(from);
    let (op, len) = match at.op::<Reduce>() {
        Some(op) if op.reducer == Reducer::Sum && volume(at.shape) == 1 => (VecOp::Sum, 1),
        Some(_) => return None,
        None => (elementwise(&at.node.op.name())?, len),
    };
    Some(Value::Vector(lowered.vector(op, from, len, at.level)))
}

fn elementwise(name: &str) -> Option<VecOp> {
    Some(match name {
        "Square" => VecOp::Square,
        "Rsqrt" => VecOp::Rsqrt,
        "Sqrt" => VecOp::Sqrt,
        "Recip" => VecOp::Recip,
        _ => return None,
    })
}
