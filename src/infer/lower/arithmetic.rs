//! Sums of maps, arithmetic on vectors, and attention pooling.

use super::sym::{Clip, Sym, clipped};
use super::{Lowered, map_size};
use crate::infer::consts::{self, volume};
use crate::kernels::{AttendSpec, Operand, Step, Term, VecOp};
use tract_core::internal::*;
use tract_core::ops::einsum::EinSum;

impl Lowered {
    pub(super) fn binary(
        &mut self,
        model: &TypedModel,
        op: &TypedBinaryOp,
        node: &TypedNode,
        shape: &[usize],
        level: usize,
    ) -> Option<Sym> {
        let name = op.0.name();
        let [a, b] = node.inputs[..] else { return None };
        let (sa, sb) = (self.syms.get(&a).cloned(), self.syms.get(&b).cloned());
        match (sa, sb) {
            (Some(Sym::Real(a_map)), Some(Sym::Real(b_map))) if name == "Add" => {
                let sizes = [map_size(model, a)?, map_size(model, b)?];
                let same = sizes == [a_map.size; 2] && b_map.size == a_map.size;
                same.then(|| Sym::Sum(a_map, Term::Map(b_map, b_map.quant), Clip::default()))
            }
            (Some(Sym::Real(map)), Some(Sym::Vector(v))) | (Some(Sym::Vector(v)), Some(Sym::Real(map)))
                if name == "Add" =>
            {
                let c = map.size.2;
                let spread = [a, b].iter().all(|o| {
                    let s = model.outlet_fact(*o).ok().and_then(|f| f.shape.as_concrete());
                    s == Some(&[1, c, 1, 1][..]) || s == Some(&[1, c, map.size.0, map.size.1][..])
                });
                (spread && self.builder.vector_len(v) == c)
                    .then(|| Sym::Sum(map, Term::Vector(v), Clip::default()))
            }
            (Some(Sym::Vector(v)), Some(Sym::Vector(w))) => {
                let (n, m) = (self.builder.vector_len(v), self.builder.vector_len(w));
                let (v, w) = if n >= m { (v, w) } else { (w, v) };
                let turned = n < m && matches!(name, "Sub" | "Div");
                let op = vec_op(name, Operand::Vector(w)).filter(|_| !turned && volume(shape) == n.max(m))?;
                Some(self.vector(op, v, n.max(m), level))
            }
            (Some(Sym::Vector(v)), None) => {
                let n = self.builder.vector_len(v);
                let numbers = consts::floats(model, b)?;
                let lines_up = volume(shape) == n && (numbers.len() == 1 || numbers.len() == n);
                if name == "Pow" {
                    return (numbers == [2.0]).then(|| self.vector(VecOp::Square, v, n, level));
                }
                let op = vec_op(name, Operand::Constant(numbers)).filter(|_| lines_up)?;
                Some(self.vector(op, v, n, level))
            }
            (None, Some(Sym::Vector(v))) if matches!(name, "Add" | "Mul" | "Max") => {
                let n = self.builder.vector_len(v);
                let numbers = consts::floats(model, a)?;
                let lines_up = volume(shape) == n && (numbers.len() == 1 || numbers.len() == n);
                let op = vec_op(name, Operand::Constant(numbers)).filter(|_| lines_up)?;
                Some(self.vector(op, v, n, level))
            }
            (Some(sym), None) => clipped(sym, name, &consts::floats(model, b)?),
            (None, Some(sym)) => clipped(sym, name, &consts::floats(model, a)?),
            _ => None,
        }
    }

    /// The sum of a map's pixels weighed by its own attention.
    pub(super) fn einsum(
        &mut self,
        model: &TypedModel,
        op: &EinSum,
        node: &TypedNode,
        level: usize,
    ) -> Option<Sym> {
        let [a, b] = node.inputs[..] else { return None };
        let (map, weights, slot) = match (self.syms.get(&a)?, self.syms.get(&b)?) {
            (Sym::Real(m), Sym::Attention(from, w)) if m == from => (*m, w.clone(), 0),
            (Sym::Attention(from, w), Sym::Real(m)) if m == from => (*m, w.clone(), 1),
            _ => return None,
        };
        let (h, w, c) = map.size;
        let shape = model.outlet_fact(node.inputs[slot]).ok()?.shape.as_concrete()?;
        let flat = shape.len() >= 2 && shape.ends_with(&[c, h * w]) && volume(shape) == c * h * w;
        let pixels = shape.len() - 1;
        let other = model.outlet_fact(node.inputs[1 - slot]).ok()?.shape.as_concrete()?;
        let summed = op.axes.iter_all_axes().any(|axis| {
            axis.outputs.iter().all(|o| o.is_empty())
                && axis.inputs[slot][..] == [pixels]
                && axis.inputs[1 - slot].len() == 1
                && other[axis.inputs[1 - slot][0]] == h * w
        });
        let out = volume(node.outputs[0].fact.shape.as_concrete()?) == c;
        if !(flat && summed && out && volume(other) == h * w && op.q_params.is_none()) {
            return None;
        }
        let to = self.builder.vector(c);
        let spec = AttendSpec { weights, input: map.quant };
        self.step(Step::Attend { spec, from: map.id, to }, level);
        Some(Sym::Vector(to))
    }
}

pub type TypedBinaryOp = tract_core::ops::binary::TypedBinOp;

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
