//! [`Lowered`]: the steps and meanings found so far.

use super::map::{Map, Size};
use super::value::Value;
use crate::kernels::{MapId, OutputPort, PlanBuilder, Quant, Step, VecId, VecOp};
use std::collections::HashMap;
use tract_core::internal::*;

/// The kernel steps of a graph, and what its outlets mean.
#[derive(Default)]
pub struct Lowered {
    /// The steps, in the order of evaluation.
    pub builder: PlanBuilder,
    /// The level of each step. A level counts the tract operators that run before a step; the steps
    /// of one level can run as one plan.
    pub levels: Vec<usize>,
    /// Float outlets that the steps read as bytes.
    pub imports: Vec<Import>,
    sizes: HashMap<MapId, Size>,
    map_levels: HashMap<MapId, usize>,
    values: HashMap<OutletId, Value>,
    /// The level at which each outlet is known.
    outlet_levels: HashMap<OutletId, usize>,
    /// Outputs of the graph that a step computes.
    outputs: HashMap<OutletId, OutputPort>,
}

/// A float outlet that becomes a map.
#[derive(Debug, Clone, Copy)]
pub struct Import {
    pub outlet: OutletId,
    /// The map that the floats are quantized to.
    pub map: Map,
    /// The level at which the floats are known.
    pub level: usize,
}

/// A node of the graph, as the handlers of operators see it.
pub struct NodeView<'a> {
    pub model: &'a TypedModel,
    pub node: &'a TypedNode,
    /// The node's first input.
    pub input: OutletId,
    /// Shape of the node's only output.
    pub shape: &'a [usize],
    /// The level at which all inputs are known.
    pub level: usize,
}

impl<'a> NodeView<'a> {
    /// A view of a node with inputs and one output of known shape; `None` for any other node.
    pub fn new(model: &'a TypedModel, node: &'a TypedNode, level: usize) -> Option<NodeView<'a>> {
        let input = *node.inputs.first()?;
        let [output] = &node.outputs[..] else { return None };
        Some(NodeView { model, node, input, shape: output.fact.shape.as_concrete()?, level })
    }

    /// The operator, if it is a `T`.
    pub fn op<T: Op>(&self) -> Option<&'a T> {
        self.node.op_as::<T>()
    }

    /// The size of an outlet of shape `[1, C, H, W]`.
    pub fn map_size(&self, outlet: OutletId) -> Option<Size> {
        match *self.model.outlet_fact(outlet).ok()?.shape.as_concrete()? {
            [1, c, h, w] => Some((h, w, c)),
            _ => None,
        }
    }
}

impl Lowered {
    /// What an outlet means, if that is known.
    pub fn value(&self, outlet: OutletId) -> Option<&Value> {
        self.values.get(&outlet)
    }

    /// Records what an outlet means, and the level at which it is known.
    pub fn set_value(&mut self, outlet: OutletId, value: Value, level: usize) {
        self.values.insert(outlet, value);
        self.outlet_levels.insert(outlet, level);
    }

    /// Records that tract computes an outlet, and the level at which it is known.
    pub fn set_level(&mut self, outlet: OutletId, level: usize) {
        self.outlet_levels.insert(outlet, level);
    }

    /// Adds an empty map that a step of `level` writes.
    pub fn map(&mut self, size: Size, quant: Quant, level: usize) -> Map {
        let id = self.builder.map(size, quant.zero_point);
        self.sizes.insert(id, size);
        self.map_levels.insert(id, level);
        Map { id, quant, size }
    }

    /// Adds a step.
    pub fn step(&mut self, step: Step, level: usize) {
        self.builder.step(step);
        self.levels.push(level);
    }

    /// Adds a step that computes a vector of `len` numbers.
    pub fn vector(&mut self, op: VecOp, from: VecId, len: usize, level: usize) -> VecId {
        let to = self.builder.vector(len);
        self.step(Step::Vector { op, from, to }, level);
        to
    }

    /// Lets a step compute the floats of a graph output, if one can.
    pub fn lower_output(&mut self, outlet: OutletId) {
        let level = self.outlet_levels.get(&outlet).copied().unwrap_or(0);
        let port = match self.values.get(&outlet) {
            Some(Value::Real(map)) => Some(OutputPort::RealsChw(map.id, map.quant)),
            Some(Value::Conv(conv)) => {
                let (conv, to) = (conv.clone(), self.builder.float_map(conv.size));
                self.sizes.insert(to, conv.size);
                self.map_levels.insert(to, level);
                conv.step(None, to).map(|step| {
                    self.step(step, level);
                    OutputPort::FloatsChw(to)
                })
            }
            _ => None,
        };
        self.outputs.extend(port.map(|port| (outlet, port)));
    }

    /// The level at which a map is written.
    pub fn level_of(&self, map: MapId) -> usize {
        self.map_levels.get(&map).copied().unwrap_or(0)
    }

    /// The port through which our kernels give an outlet's tensor.
    pub fn port(&self, outlet: OutletId) -> Option<OutputPort> {
        let output = self.outputs.get(&outlet).copied();
        output.or_else(|| match self.values.get(&outlet) {
            Some(Value::Bytes(map)) => Some(OutputPort::BytesChw(map.id)),
            _ => None,
        })
    }

    /// The level at which a node's inputs are all known.
    pub fn level_before(&self, node: &TypedNode) -> usize {
        node.inputs.iter().filter_map(|i| self.outlet_levels.get(i)).max().copied().unwrap_or(0)
    }

    /// The size of a map.
    pub fn size(&self, map: MapId) -> Size {
        self.sizes.get(&map).copied().unwrap_or_default()
    }
}
