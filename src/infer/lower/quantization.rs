//! QuantizeLinear and DequantizeLinear: where pending values get their steps.

use super::lowered::{Import, Lowered, NodeView};
use super::map::Map;
use super::value::Value;
use crate::infer::quantize_ops::{Dequantize, Quantize, Scales};
use crate::kernels::{AddSpec, Quant, Step, Term, VecOp};
use tract_core::internal::*;

pub fn lower(lowered: &mut Lowered, at: &NodeView) -> Option<Value> {
    if let Some(op) = at.op::<Quantize>() {
        return quantize(lowered, at, single_quant(&op.0)?);
    }
    dequantize(lowered, at, single_quant(&at.op::<Dequantize>()?.0)?)
}

/// The one u8 scale and zero point of an operator.
fn single_quant(scales: &Scales) -> Option<Quant> {
    let (scale, zero) = scales.single().filter(|_| scales.dt == u8::datum_type())?;
    Some(Quant { scale, zero_point: u8::try_from(zero).ok()? })
}

fn quantize(lowered: &mut Lowered, at: &NodeView, quant: Quant) -> Option<Value> {
    let level = at.level;
    match lowered.value(at.input).cloned() {
        Some(Value::Real(map)) => (map.quant == quant).then_some(Value::Bytes(map)),
        Some(Value::Conv(conv)) => {
            let to = lowered.map(conv.size, quant, level);
            lowered.step(conv.step(Some(quant), to.id)?, level);
            Some(Value::Bytes(to))
        }
        Some(Value::Sum(from, term, clamp)) => {
            let to = lowered.map(from.size, quant, level);
            let spec = AddSpec { input: from.quant, output: quant, clamp: clamp.bytes(quant) };
            let term = match term {
                Term::Map(m, _) => Term::Map(m.id, m.quant),
                Term::Vector(v) => Term::Vector(v),
            };
            lowered.step(Step::Add { spec, from: from.id, term, to: to.id }, level);
            Some(Value::Bytes(to))
        }
        Some(Value::Vector(v)) => {
            let len = lowered.builder.vector_len(v);
            Some(Value::VectorBytes(lowered.vector(VecOp::Requantize(quant), v, len, level), quant))
        }
        None => {
            let [1, c, h, w] = *at.shape else { return None };
            let map = lowered.map((h, w, c), quant, level);
            lowered.imports.push(Import { outlet: at.input, map, level });
            Some(Value::Bytes(map))
        }
        _ => None,
    }
}

fn dequantize(lowered: &Lowered, at: &NodeView, quant: Quant) -> Option<Value> {
    match *lowered.value(at.input)? {
        // A map's border holds its zero point, so only the scale may differ.
        Value::Bytes(map) => {
            (quant.zero_point == map.quant.zero_point).then_some(Value::Real(Map { quant, ..map }))
        }
        Value::VectorBytes(v, rounded) => (quant == rounded).then_some(Value::Vector(v)),
        _ => None,
    }
}
