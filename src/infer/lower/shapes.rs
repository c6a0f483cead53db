//! Operators that change a tensor's shape or type, but none of its numbers.

use super::lowered::{Lowered, NodeView};
use super::value::Value;
use tract_core::internal::*;
use tract_core::ops::cast::Cast;
use tract_core::ops::identity::Identity;

pub fn lower(lowered: &mut Lowered, at: &NodeView) -> Option<Value> {
    let value = || lowered.value(at.input).cloned();
    if let Some(op) = at.op::<AxisOp>() {
        return if keeps_order(op, at.model.outlet_fact(at.input).ok()?) {
            value()?.reshaped()
        } else {
            None
        };
    }
    if at.op::<Identity>().is_some() {
        return value();
    }
    at.op::<Cast>()?;
    let to_float = at.node.outputs[0].fact.datum_type == f32::datum_type();
    value().filter(|v| to_float && !matches!(v, Value::Bytes(_) | Value::VectorBytes(..)))
}

/// Whether an axis operator leaves all numbers in their order.
fn keeps_order(op: &AxisOp, fact: &TypedFact) -> bool {
    let AxisOp::Move(from, to) = op else { return true };
    let Some(shape) = fact.shape.as_concrete() else { return false };
    let mut axes: Vec<usize> = (0..shape.len()).collect();
    let axis = axes.remove(*from);
    axes.insert(*to, axis);
    axes.retain(|a| shape[*a] != 1);
    axes.is_sorted()
}
