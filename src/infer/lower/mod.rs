//! Reads a typed graph for what it means: quantized maps, convolutions between them, attention pooling.
//!
//! One pass in evaluation order gives each outlet a meaning ([`Sym`]) where one is known, and appends the
//! kernels' steps that compute it. Nothing is matched by name or by neighbourhood: a convolution of a
//! dequantized map is remembered until something asks for its quantized result, an order-preserving
//! reshape is the same value, and so on. What has no meaning here is left to tract.

mod arithmetic;
mod pending;
mod sym;
mod windows;

pub use sym::{Map, Size};

use super::consts::{self, volume};
use super::qdq::{Dequantize, Quantize};
use crate::kernels::{AddSpec, MapId, OutputPort, PlanBuilder, Quant, Step, Term, VecId, VecOp};
use arithmetic::TypedBinaryOp;
use std::collections::HashMap;
use sym::{Sym, as_flat, as_logits};
use tract_core::internal::*;
use tract_core::ops::cast::Cast;
use tract_core::ops::cnn::{Conv, Deconv, MaxPool};
use tract_core::ops::einsum::EinSum;
use tract_core::ops::identity::Identity;
use tract_core::ops::nn::{Reduce, Reducer, Softmax, SoftmaxKind};

/// What the pass over a graph found.
#[derive(Default)]
pub struct Lowered {
    /// All steps, with the level of each.
    pub builder: PlanBuilder,
    /// How many of tract's operators lie before each step: steps of one level can be one plan.
    pub levels: Vec<usize>,
    /// Floats that enter: outlet, the map they are quantized to, and the level at which they are known.
    pub imports: Vec<(OutletId, Map, usize)>,
    sizes: HashMap<MapId, Size>,
    /// Outlets whose bytes a step computes.
    bytes: HashMap<OutletId, Map>,
    /// Outputs of the graph that a step computes.
    outputs: HashMap<OutletId, OutputPort>,
    syms: HashMap<OutletId, Sym>,
    /// Level of every outlet.
    known_at: HashMap<OutletId, usize>,
    map_level: HashMap<MapId, usize>,
}

/// Gives meaning to as much of `model` as is known.
pub fn lower(model: &TypedModel) -> TractResult<Lowered> {
    let mut it = Lowered::default();
    for id in model.eval_order()? {
        let node = model.node(id);
        let level = it.level_before(node);
        let sym = if node.outputs.len() == 1 { it.node(model, node, level)? } else { None };
        let outlet = OutletId::new(id, 0);
        match sym {
            Some(sym) => {
                if let Sym::Bytes(map) = sym {
                    it.bytes.insert(outlet, map);
                }
                it.syms.insert(outlet, sym);
                it.known_at.insert(outlet, level);
            }
            None => {
                // Constants and inputs are there from the start; other nodes run between two plans.
                let runs = !node.inputs.is_empty() && consts::value(model, outlet).is_none();
                for slot in 0..node.outputs.len() {
                    it.known_at.insert(OutletId::new(id, slot), level + usize::from(runs));
                }
            }
        }
    }
    for outlet in model.output_outlets()? {
        let level = it.known_at.get(outlet).copied().unwrap_or(0);
        if let Some(port) = it.output(*outlet, level) {
            it.outputs.insert(*outlet, port);
        }
    }
    Ok(it)
}

impl Lowered {
    fn new_map(&mut self, size: Size, quant: Quant, level: usize) -> Map {
        let id = self.builder.map(size, quant.zero_point);
        self.sizes.insert(id, size);
        self.map_level.insert(id, level);
        Map { id, quant, size }
    }

    fn step(&mut self, step: Step, level: usize) {
        self.builder.step(step);
        self.levels.push(level);
    }

    fn vector(&mut self, op: VecOp, from: VecId, len: usize, level: usize) -> Sym {
        let to = self.builder.vector(len);
        self.step(Step::Vector { op, from, to }, level);
        Sym::Vector(to)
    }

    fn node(&mut self, model: &TypedModel, node: &TypedNode, level: usize) -> TractResult<Option<Sym>> {
        let Some(&input) = node.inputs.first() else { return Ok(None) };
        let fact = &node.outputs[0].fact;
        let Some(shape) = fact.shape.as_concrete() else { return Ok(None) };
        let sym = self.syms.get(&input).cloned();
        if let Some(op) = node.op_as::<Quantize>() {
            return Ok(self.quantize(op, sym, input, shape, level));
        }
        if let Some(op) = node.op_as::<TypedBinaryOp>() {
            return Ok(self.binary(model, op, node, shape, level));
        }
        if let Some(op) = node.op_as::<EinSum>() {
            return Ok(self.einsum(model, op, node, level));
        }
        let Some(sym) = sym else { return Ok(None) };
        if let Some(op) = node.op_as::<Dequantize>() {
            let q = op.0.single().and_then(|(scale, zero)| Some((scale, u8::try_from(zero).ok()?)));
            return Ok(match (sym, q) {
                (Sym::Bytes(map), Some((scale, zero_point))) if op.0.dt == u8::datum_type() => {
                    Some(Sym::Real(Map { quant: Quant { scale, zero_point }, ..map }))
                        .filter(|_| zero_point == map.quant.zero_point)
                }
                (Sym::VectorBytes(v, quant), Some((scale, zero_point))) => {
                    (quant == Quant { scale, zero_point }).then_some(Sym::Vector(v))
                }
                _ => None,
            });
        }
        if let Some(op) = node.op_as::<Conv>() {
            return Ok(self.conv(model, op, node, sym, shape, level));
        }
        if let Some(op) = node.op_as::<Deconv>() {
            return Ok(self.deconv(model, op, node, sym, shape));
        }
        if let Some(op) = node.op_as::<MaxPool>() {
            return Ok(self.max_pool(op, model, node, sym, shape, level));
        }
        if let Some(op) = node.op_as::<AxisOp>() {
            return Ok(keeps_order(op, model.outlet_fact(input)?).then_some(sym).and_then(as_flat));
        }
        if let Some(op) = node.op_as::<Softmax>() {
            let over = |axes: &[usize]| (0..shape.len()).all(|i| shape[i] == 1 || axes.contains(&i));
            let plain = op.kind == SoftmaxKind::Softmax && op.quant_output_dt.is_none() && over(&op.axes);
            return Ok(match as_logits(sym) {
                Some((map, weights)) if plain => Some(Sym::Attention(map, weights)),
                _ => None,
            });
        }
        if node.op_is::<Identity>() {
            return Ok(Some(sym));
        }
        if node.op_is::<Cast>() {
            let float = fact.datum_type == f32::datum_type();
            return Ok(Some(sym).filter(|s| float && !matches!(s, Sym::Bytes(_) | Sym::VectorBytes(..))));
        }
        let Sym::Vector(from) = sym else { return Ok(None) };
        let len = self.builder.vector_len(from);
        if let Some(op) = node.op_as::<Reduce>() {
            let all = volume(shape) == 1 && op.reducer == Reducer::Sum;
            return Ok(all.then(|| self.vector(VecOp::Sum, from, 1, level)));
        }
        let op = match &*node.op.name() {
            "Square" => VecOp::Square,
            "Rsqrt" => VecOp::Rsqrt,
            "Sqrt" => VecOp::Sqrt,
            "Recip" => VecOp::Recip,
            _ => return Ok(None),
        };
        Ok(Some(self.vector(op, from, len, level)))
    }

    fn quantize(
        &mut self,
        op: &Quantize,
        sym: Option<Sym>,
        input: OutletId,
        shape: &[usize],
        level: usize,
    ) -> Option<Sym> {
        let (scale, zero) = op.0.single().filter(|_| op.0.dt == u8::datum_type())?;
        let quant = Quant { scale, zero_point: u8::try_from(zero).ok()? };
        let is_map = shape.len() == 4 && shape[0] == 1;
        match sym {
            Some(Sym::Real(map)) => (map.quant == quant).then_some(Sym::Bytes(map)),
            Some(Sym::Conv(c)) => {
                let to = self.new_map(c.size, quant, level);
                let step = c.step(Some(quant), to.id)?;
                self.step(step, level);
                Some(Sym::Bytes(to))
            }
            Some(Sym::Sum(from, term, clip)) => {
                let to = self.new_map(from.size, quant, level);
                let spec = AddSpec { input: from.quant, output: quant, clamp: clip.bytes(quant) };
                let term = match term {
                    Term::Map(m, _) => Term::Map(m.id, m.quant),
                    Term::Vector(v) => Term::Vector(v),
                };
                self.step(Step::Add { spec, from: from.id, term, to: to.id }, level);
                Some(Sym::Bytes(to))
            }
            Some(Sym::Vector(v)) => {
                let len = self.builder.vector_len(v);
                let Sym::Vector(v) = self.vector(VecOp::Requantize(quant), v, len, level) else {
                    return None;
                };
                Some(Sym::VectorBytes(v, quant))
            }
            None if is_map => {
                let to = self.new_map((shape[2], shape[3], shape[1]), quant, level);
                self.imports.push((input, to, level));
                Some(Sym::Bytes(to))
            }
            _ => None,
        }
    }

    /// A graph output that a step computes as floats.
    fn output(&mut self, outlet: OutletId, level: usize) -> Option<OutputPort> {
        match self.syms.get(&outlet).cloned()? {
            Sym::Real(map) => Some(OutputPort::RealsChw(map.id, map.quant)),
            Sym::Conv(c) => {
                let to = self.builder.float_map(c.size);
                self.sizes.insert(to, c.size);
                self.map_level.insert(to, level);
                let step = c.step(None, to)?;
                self.step(step, level);
                Some(OutputPort::FloatsChw(to))
            }
            _ => None,
        }
    }

    /// The level whose plan writes a map.
    pub fn level_of(&self, map: MapId) -> usize {
        self.map_level.get(&map).copied().unwrap_or(0)
    }

    /// What our kernels can give for an outlet.
    pub fn port(&self, outlet: OutletId) -> Option<OutputPort> {
        let bytes = || self.bytes.get(&outlet).map(|m| OutputPort::BytesChw(m.id));
        self.outputs.get(&outlet).copied().or_else(bytes)
    }

    /// The level at which a node's inputs are all known.
    pub fn level_before(&self, node: &TypedNode) -> usize {
        node.inputs.iter().filter_map(|i| self.known_at.get(i)).max().copied().unwrap_or(0)
    }

    /// The size of a map.
    pub fn size(&self, map: MapId) -> Size {
        self.sizes.get(&map).copied().unwrap_or_default()
    }
}

/// Whether an axis operator leaves all values in their order.
fn keeps_order(op: &AxisOp, fact: &TypedFact) -> bool {
    match op {
        AxisOp::Move(from, to) => {
            let Some(shape) = fact.shape.as_concrete() else { return false };
            let mut axes: Vec<usize> = (0..shape.len()).collect();
            let axis = axes.remove(*from);
            axes.insert(*to, axis);
            axes.retain(|a| shape[*a] != 1);
            axes.is_sorted()
        }
        _ => true,
    }
}

/// The size of an outlet that is a map: `[1, C, H, W]`.
fn map_size(model: &TypedModel, outlet: OutletId) -> Option<Size> {
    match *model.outlet_fact(outlet).ok()?.shape.as_concrete()? {
        [1, c, h, w] => Some((h, w, c)),
        _ => None,
    }
}
