//! Operators of two inputs: sums of maps, arithmetic on vectors, clamps.

use super::lowered::{Lowered, NodeView};
use super::map::{Clamp, Map};
use super::value::Value;
use crate::infer::consts::{self, volume};
use crate::kernels::{Operand, Term, VecId, VecOp};
use tract_core::internal::*;
use tract_core::ops::binary::TypedBinOp;

pub fn lower(lowered: &mut Lowered, at: &NodeView) -> Option<Value> {
    let name = at.op::<TypedBinOp>()?.0.name();
    let [a, b] = at.node.inputs[..] else { return None };
    match (lowered.value(a).cloned(), lowered.value(b).cloned()) {
        (Some(Value::Real(a)), Some(Value::Real(b))) if name == "Add" => sum_of_maps(at, a, b),
        (Some(Value::Real(map)), Some(Value::Vector(v)))
        | (Some(Value::Vector(v)), Some(Value::Real(map)))
            if name == "Add" =>
        {
            map_plus_vector(lowered, at, map, v)
        }
        (Some(Value::Vector(a)), Some(Value::Vector(b))) => two_vectors(lowered, at, name, a, b),
        (Some(Value::Vector(v)), None) => vector_and_constant(lowered, at, name, v, b),
        (None, Some(Value::Vector(v))) if matches!(name, "Add" | "Mul" | "Max") => {
            vector_and_constant(lowered, at, name, v, a)
        }
        (Some(value), None) => value.clamped(name, &consts::floats(at.model, b)?),
        (None, Some(value)) => value.clamped(name, &consts::floats(at.model, a)?),
        _ => None,
    }
}

fn sum_of_maps(at: &NodeView, a: Map, b: Map) -> Option<Value> {
    let [size_a, size_b] = [at.map_size(at.node.inputs[0])?, at.map_size(at.node.inputs[1])?];
    let same = [size_a, size_b, b.size] == [a.size; 3];
    same.then(|| Value::Sum(a, Term::Map(b, b.quant), Clamp::default()))
}

/// A map plus one number for each channel.
fn map_plus_vector(lowered: &Lowered, at: &NodeView, map: Map, v: VecId) -> Option<Value> {
    let (h, w, c) = map.size;
    let broadcast = at.node.inputs.iter().all(|input| {
        let size = at.map_size(*input);
        size == Some((1, 1, c)) || size == Some((h, w, c))
    });
    (broadcast && lowered.builder.vector_len(v) == c)
        .then(|| Value::Sum(map, Term::Vector(v), Clamp::default()))
}

fn two_vectors(lowered: &mut Lowered, at: &NodeView, name: &str, a: VecId, b: VecId) -> Option<Value> {
    let (n, m) = (lowered.builder.vector_len(a), lowered.builder.vector_len(b));
    // The kernel's first operand is the longer one; Sub and Div must not swap theirs.
    if volume(at.shape) != n.max(m) || (n < m && matches!(name, "Sub" | "Div")) {
        return None;
    }
    let (long, short) = if n >= m { (a, b) } else { (b, a) };
    let op = vec_op(name, Operand::Vector(short))?;
    Some(Value::Vector(lowered.vector(op, long, n.max(m), at.level)))
}

/// A vector combined with one constant for all of it, or with one for each number.
fn vector_and_constant(
    lowered: &mut Lowered,
    at: &NodeView,
    name: &str,
    v: VecId,
    constant: OutletId,
) -> Option<Value> {
    let len = lowered.builder.vector_len(v);
    let numbers = consts::floats(at.model, constant)?;
    let op = if name == "Pow" {
        (numbers == [2.0]).then_some(VecOp::Square)?
    } else {
        let fits = volume(at.shape) == len && [1, len].contains(&numbers.len());
        vec_op(name, Operand::Constant(numbers)).filter(|_| fits)?
    };
    Some(Value::Vector(lowered.vector(op, v, len, at.level)))
}

fn vec_op(name: &str, operand: Operand) -> Option<VecOp> {
    Some(match name {
        "Add" => VecOp::Add(operand),
        "Sub" => VecOp::Sub(operand),
        "Mul" => VecOp::Mul(operand),
        "Div" => VecOp::Div(operand),
        "Max" => VecOp::Max(operand),
        _ => return None,
    })
}
