//! Builds the graph that tract runs: each group of a [`Partition`] as one operator, and the nodes
//! that are left.

use super::partition::{Group, Partition};
use crate::infer::plan_op::PlanOp;
use crate::kernels::{InputPort, Isa, MapId, OutputPort};
use std::collections::HashMap;
use tract_core::internal::*;

/// The rewritten graph; its operators use `isa`'s kernels.
///
/// # Errors
/// If a plan cannot be built.
pub fn graph(partition: &Partition, isa: Isa) -> TractResult<TypedModel> {
    let model = partition.model;
    let target = TypedModel { symbols: model.symbols.clone(), ..TypedModel::default() };
    let mut graph = Graph { partition, isa, target, outlets: HashMap::new(), maps: HashMap::new() };
    for input in model.input_outlets()? {
        let name = model.node(input.node).name.clone();
        let source = graph.target.add_source(name, model.outlet_fact(*input)?.clone())?;
        graph.outlets.insert(*input, source);
    }
    for (node, _) in &partition.left {
        if model.node(*node).inputs.is_empty() {
            graph.copy(*node)?;
        }
    }
    let levels = partition.groups.keys().chain(partition.left.iter().map(|(_, level)| level));
    for level in 0..=levels.max().copied().unwrap_or(0) {
        if let Some(group) = partition.groups.get(&level) {
            graph.add_group(level, group)?;
        }
        for (node, _) in partition.left.iter().filter(|(_, l)| *l == level) {
            graph.copy(*node)?;
        }
    }
    let outputs = model.output_outlets()?.iter().map(|o| graph.find(*o));
    let outputs = outputs.collect::<TractResult<TVec<_>>>()?;
    graph.target.select_output_outlets(&outputs)?;
    Ok(graph.target)
}

/// The graph under construction.
struct Graph<'a> {
    partition: &'a Partition<'a>,
    isa: Isa,
    target: TypedModel,
    /// The new outlet of each old one that exists.
    outlets: HashMap<OutletId, OutletId>,
    /// The outlet with the bytes of each map that passes between groups.
    maps: HashMap<MapId, OutletId>,
}

impl Graph<'_> {
    fn find(&self, outlet: OutletId) -> TractResult<OutletId> {
        self.outlets.get(&outlet).copied().context("an operator runs before its input is known")
    }

    /// Copies a node that tract runs.
    fn copy(&mut self, id: usize) -> TractResult<()> {
        if self.outlets.contains_key(&OutletId::new(id, 0)) {
            return Ok(());
        }
        let node = self.partition.model.node(id);
        let inputs = node.inputs.iter().map(|i| self.find(*i)).collect::<TractResult<TVec<_>>>()?;
        let outlets = self.target.wire_node(&node.name, node.op.clone(), &inputs)?;
        for (slot, outlet) in outlets.into_iter().enumerate() {
            self.outlets.insert(OutletId::new(id, slot), outlet);
        }
        Ok(())
    }

    /// Adds the steps of one level as one operator.
    fn add_group(&mut self, level: usize, group: &Group) -> TractResult<()> {
        let lowered = &self.partition.lowered;
        let mut wires = tvec![];
        let mut inputs = vec![];
        for i in &group.imports {
            let import = lowered.imports[*i];
            wires.push(self.find(import.outlet)?);
            inputs.push(InputPort::FloatsChw(import.map.id, import.map.quant));
        }
        for map in &group.enters {
            wires.push(*self.maps.get(map).context("a map is read before it is written")?);
            inputs.push(InputPort::BytesChw(*map));
        }
        let wanted = group.wanted.iter().map(|(_, port)| *port);
        let leaves = group.leaves.iter().map(|map| OutputPort::BytesChw(*map));
        let outputs: Vec<OutputPort> = wanted.chain(leaves).collect();
        let facts: TVec<TypedFact> = outputs.iter().map(|port| self.fact(port)).collect();
        let op = PlanOp::new(self.partition.part(group, inputs, outputs).build(self.isa)?, facts);
        let outlets = self.target.wire_node(format!("posed.{level}"), op, &wires)?;
        let (wanted, leaves) = outlets.split_at(group.wanted.len());
        self.outlets.extend(group.wanted.iter().zip(wanted).map(|((old, _), new)| (*old, *new)));
        self.maps.extend(group.leaves.iter().zip(leaves).map(|(map, new)| (*map, *new)));
        Ok(())
    }

    /// Type and shape `[1, C, H, W]` of a port's tensor.
    fn fact(&self, port: &OutputPort) -> TypedFact {
        let (h, w, c) = self.partition.lowered.size(port.map());
        match port {
            OutputPort::BytesChw(_) => u8::fact([1, c, h, w]),
            _ => f32::fact([1, c, h, w]),
        }
    }
}
