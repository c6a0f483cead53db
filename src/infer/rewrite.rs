//! Puts our operators into tract's graph: the steps that can run together become one [`Fused`] operator;
//! everything else is copied as it is.

use super::explain::Explain;
use super::fused::Fused;
use super::lower::{Lowered, Map, lower};
use crate::kernels::{InputPort, Isa, MapId, OutputPort, PlanBuilder, Quant, VecId};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use tract_core::internal::*;
use tract_core::transform::ModelTransform;

/// Replaces the quantized parts of a graph by [`Fused`] operators.
#[derive(Debug)]
pub struct Rewrite {
    /// Kernels that the operators use.
    pub isa: Isa,
}

impl ModelTransform for Rewrite {
    fn name(&self) -> StaticName {
        "posed-int8".into()
    }

    fn transform(&self, model: &mut TypedModel) -> TractResult<()> {
        *model = Rewritten::new(model)?.graph(self.isa)?;
        Ok(())
    }
}

/// A graph taken apart into what our kernels compute and what stays tract's.
pub struct Rewritten<'a> {
    model: &'a TypedModel,
    lowered: Lowered,
    groups: BTreeMap<usize, Group>,
    /// Nodes that stay, in evaluation order, each with the level of its inputs.
    left: Vec<(usize, usize)>,
}

/// The steps of one level, and its edges.
#[derive(Default)]
struct Group {
    steps: BTreeSet<usize>,
    imports: BTreeSet<usize>,
    /// Maps of earlier levels that this one reads.
    enters: BTreeSet<MapId>,
    /// Maps that later levels read.
    leaves: BTreeSet<MapId>,
    /// Tensors that the rest of the graph wants, with the outlet that each stands for.
    wanted: Vec<(OutletId, OutputPort)>,
}

/// Something whose computation must be found.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Need {
    Outlet(OutletId),
    Map(MapId),
    Vector(VecId),
}

impl<'a> Rewritten<'a> {
    /// Finds what the graph's outputs need, and who is to compute it.
    ///
    /// # Errors
    /// When the graph is inconsistent, or a vector would have to pass between two of our operators.
    pub fn new(model: &'a TypedModel) -> TractResult<Rewritten<'a>> {
        let lowered = lower(model)?;
        let mut groups: BTreeMap<usize, Group> = BTreeMap::new();
        let mut needs: Vec<Need> = model.output_outlets()?.iter().map(|o| Need::Outlet(*o)).collect();
        let mut seen: HashSet<Need> = HashSet::new();
        let mut left: HashSet<usize> = HashSet::new();
        while let Some(need) = needs.pop() {
            if !seen.insert(need) {
                continue;
            }
            let step = match need {
                Need::Outlet(outlet) => {
                    match lowered.port(outlet) {
                        Some(port) => {
                            let group = groups.entry(lowered.level_of(port.map())).or_default();
                            group.wanted.push((outlet, port));
                            needs.push(Need::Map(port.map()));
                        }
                        None if left.insert(outlet.node) => {
                            needs.extend(model.node(outlet.node).inputs.iter().map(|i| Need::Outlet(*i)));
                        }
                        None => {}
                    }
                    continue;
                }
                Need::Map(map) => {
                    if let Some(i) = lowered.imports.iter().position(|(_, m, _)| m.id == map) {
                        let (outlet, _, level) = lowered.imports[i];
                        groups.entry(level).or_default().imports.insert(i);
                        needs.push(Need::Outlet(outlet));
                        continue;
                    }
                    lowered.builder.writer_of_map(map)
                }
                Need::Vector(v) => lowered.builder.writer_of_vector(v),
            };
            let step = step.context("a map or vector that no step writes")?;
            let level = lowered.levels[step];
            let (maps, vectors) = lowered.builder.steps()[step].reads();
            groups.entry(level).or_default().steps.insert(step);
            for &map in maps.iter().filter(|m| lowered.level_of(**m) != level) {
                groups.entry(level).or_default().enters.insert(map);
                groups.entry(lowered.level_of(map)).or_default().leaves.insert(map);
            }
            for v in &vectors {
                let writer = lowered.builder.writer_of_vector(*v).context("a vector that no step writes")?;
                ensure!(lowered.levels[writer] == level, "a vector passes an operator that is not known");
            }
            needs.extend(maps.into_iter().map(Need::Map).chain(vectors.into_iter().map(Need::Vector)));
        }
        let order = model.eval_order()?.into_iter().filter(|n| left.contains(n));
        let left = order.map(|n| (n, lowered.level_before(model.node(n)))).collect();
        Ok(Rewritten { model, lowered, groups, left })
    }

    /// What was taken and left.
    pub fn explain(&self) -> Explain {
        let steps =
            self.groups.values().flat_map(|g| &g.steps).map(|s| self.lowered.builder.steps()[*s].kind());
        let runs = |n: &TypedNode| !n.inputs.is_empty();
        let left = self.left.iter().map(|(n, _)| self.model.node(*n)).filter(|n| runs(n));
        Explain::new(self.groups.len(), steps, left.map(|n| (n.op.name().to_string(), n.name.clone())))
    }

    /// The whole network as one plan from the crop's bytes, if nothing is left to tract.
    pub fn whole(&self) -> Option<(PlanBuilder, Quant)> {
        let [input] = self.model.input_outlets().ok()? else { return None };
        let mut groups = self.groups.values();
        let (Some(group), None) = (groups.next(), groups.next()) else { return None };
        let [(_, port)] = group.wanted[..] else { return None };
        let runs_in_tract = self.left.iter().any(|(n, _)| !self.model.node(*n).inputs.is_empty());
        let mut imports = group.imports.iter().map(|i| self.lowered.imports[*i]);
        let (Some((outlet, map, _)), None) = (imports.next(), imports.next()) else { return None };
        if outlet != *input || runs_in_tract || matches!(port, OutputPort::BytesChw(_)) {
            return None;
        }
        Some((self.part(group, vec![InputPort::BytesHwc(map.id)], vec![port]), map.quant))
    }

    fn part(&self, group: &Group, inputs: Vec<InputPort>, outputs: Vec<OutputPort>) -> PlanBuilder {
        let mut part = self.lowered.builder.part(&group.steps, inputs, outputs);
        part.fuse_additions();
        part
    }

    /// The rewritten graph.
    ///
    /// # Errors
    /// When a plan cannot be built.
    pub fn graph(&self, isa: Isa) -> TractResult<TypedModel> {
        let mut graph = Graph {
            of: self,
            target: TypedModel { symbols: self.model.symbols.clone(), ..TypedModel::default() },
            outlets: HashMap::new(),
            maps: HashMap::new(),
        };
        for input in self.model.input_outlets()? {
            let name = self.model.node(input.node).name.clone();
            let source = graph.target.add_source(name, self.model.outlet_fact(*input)?.clone())?;
            graph.outlets.insert(*input, source);
        }
        for (node, _) in &self.left {
            if self.model.node(*node).inputs.is_empty() {
                graph.copy(*node)?;
            }
        }
        let last = self.groups.keys().chain(self.left.iter().map(|(_, l)| l)).max().copied().unwrap_or(0);
        for level in 0..=last {
            if let Some(group) = self.groups.get(&level) {
                graph.fuse(level, group, isa)?;
            }
            for (node, _) in self.left.iter().filter(|(_, l)| *l == level) {
                graph.copy(*node)?;
            }
        }
        let outputs = self.model.output_outlets()?.iter().map(|o| graph.find(*o));
        let outputs = outputs.collect::<TractResult<TVec<_>>>()?;
        graph.target.select_output_outlets(&outputs)?;
        Ok(graph.target)
    }
}

/// The graph under construction.
struct Graph<'a> {
    of: &'a Rewritten<'a>,
    target: TypedModel,
    /// The new outlet of each old one that exists.
    outlets: HashMap<OutletId, OutletId>,
    /// The outlet with the bytes of each map that passes between groups.
    maps: HashMap<MapId, OutletId>,
}

impl Graph<'_> {
    fn find(&self, outlet: OutletId) -> TractResult<OutletId> {
        self.outlets.get(&outlet).copied().context("an operator runs before what it reads")
    }

    fn copy(&mut self, id: usize) -> TractResult<()> {
        if self.outlets.contains_key(&OutletId::new(id, 0)) {
            return Ok(());
        }
        let node = self.of.model.node(id);
        let inputs = node.inputs.iter().map(|i| self.find(*i)).collect::<TractResult<TVec<_>>>()?;
        let outlets = self.target.wire_node(&node.name, node.op.clone(), &inputs)?;
        for (slot, outlet) in outlets.into_iter().enumerate() {
            self.outlets.insert(OutletId::new(id, slot), outlet);
        }
        Ok(())
    }

    fn fuse(&mut self, level: usize, group: &Group, isa: Isa) -> TractResult<()> {
        let lowered = &self.of.lowered;
        let mut wires = tvec![];
        let mut inputs = vec![];
        for i in &group.imports {
            let (outlet, Map { id, quant, .. }, _) = lowered.imports[*i];
            wires.push(self.find(outlet)?);
            inputs.push(InputPort::FloatsChw(id, quant));
        }
        for map in &group.enters {
            wires.push(*self.maps.get(map).context("a map is read before it is written")?);
            inputs.push(InputPort::BytesChw(*map));
        }
        let wanted = group.wanted.iter().map(|(_, port)| *port);
        let outputs: Vec<OutputPort> =
            wanted.chain(group.leaves.iter().map(|m| OutputPort::BytesChw(*m))).collect();
        let facts = outputs.iter().map(|port| {
            let (h, w, c) = lowered.size(port.map());
            let bytes = matches!(port, OutputPort::BytesChw(_));
            let dt = if bytes { u8::datum_type() } else { f32::datum_type() };
            dt.fact([1, c, h, w])
        });
        let facts: TVec<TypedFact> = facts.collect();
        let op = Fused::new(self.of.part(group, inputs, outputs).build(isa)?, facts);
        let outlets = self.target.wire_node(format!("posed.{level}"), op, &wires)?;
        let keys = group.wanted.iter().map(|(o, _)| *o);
        for (old, new) in keys.zip(&outlets) {
            self.outlets.insert(old, *new);
        }
        for (map, new) in group.leaves.iter().zip(&outlets[group.wanted.len()..]) {
            self.maps.insert(*map, *new);
        }
        Ok(())
    }
}
