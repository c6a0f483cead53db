//! [`Partition`]: which parts of a graph our kernels compute, and which parts tract runs.

use crate::infer::explain::Explain;
use crate::infer::lower::{Lowered, lower};
use crate::kernels::{InputPort, MapId, OutputPort, PlanBuilder, Quant, VecId};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use tract_core::internal::*;

/// A graph, split into what our kernels compute and what tract runs.
pub struct Partition<'a> {
    pub(super) model: &'a TypedModel,
    pub(super) lowered: Lowered,
    /// The steps of each level.
    pub(super) groups: BTreeMap<usize, Group>,
    /// Nodes that tract runs, in evaluation order, each with the level of its inputs.
    pub(super) left: Vec<(usize, usize)>,
}

/// The steps of one level, and the tensors that pass its edges.
#[derive(Default)]
pub(super) struct Group {
    steps: BTreeSet<usize>,
    /// Indices into [`Lowered::imports`].
    pub imports: BTreeSet<usize>,
    /// Maps of earlier levels that this one reads.
    pub enters: BTreeSet<MapId>,
    /// Maps of this level that later ones read.
    pub leaves: BTreeSet<MapId>,
    /// Outlets of the graph that tract or the caller reads, and the ports that give them.
    pub wanted: Vec<(OutletId, OutputPort)>,
}

/// A value that the output depends on.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Need {
    Outlet(OutletId),
    Map(MapId),
    Vector(VecId),
}

impl<'a> Partition<'a> {
    /// Walks back from the graph's outputs and assigns each value they depend on to our kernels or
    /// to tract.
    ///
    /// # Errors
    /// If the graph is inconsistent, or a vector would pass between two levels.
    pub fn new(model: &'a TypedModel) -> TractResult<Partition<'a>> {
        let (lowered, groups) = (lower(model)?, BTreeMap::new());
        let mut partition = Partition { model, lowered, groups, left: vec![] };
        let mut needs: Vec<Need> = model.output_outlets()?.iter().map(|o| Need::Outlet(*o)).collect();
        let (mut seen, mut left) = (HashSet::new(), HashSet::new());
        while let Some(need) = needs.pop() {
            if seen.insert(need) {
                partition.assign(need, &mut needs, &mut left)?;
            }
        }
        let order = model.eval_order()?.into_iter().filter(|n| left.contains(n));
        partition.left = order.map(|n| (n, partition.lowered.level_before(model.node(n)))).collect();
        Ok(partition)
    }

    /// Assigns one value, and adds to `needs` what it depends on.
    fn assign(&mut self, need: Need, needs: &mut Vec<Need>, left: &mut HashSet<usize>) -> TractResult<()> {
        let writer = match need {
            Need::Outlet(outlet) => {
                self.assign_outlet(outlet, needs, left);
                return Ok(());
            }
            Need::Map(map) => {
                if let Some(i) = self.lowered.imports.iter().position(|import| import.map.id == map) {
                    let import = self.lowered.imports[i];
                    self.groups.entry(import.level).or_default().imports.insert(i);
                    needs.push(Need::Outlet(import.outlet));
                    return Ok(());
                }
                self.lowered.builder.writer_of_map(map)
            }
            Need::Vector(v) => self.lowered.builder.writer_of_vector(v),
        };
        self.assign_step(writer.context("no step writes a map or vector that another reads")?, needs)
    }

    fn assign_outlet(&mut self, outlet: OutletId, needs: &mut Vec<Need>, left: &mut HashSet<usize>) {
        if let Some(port) = self.lowered.port(outlet) {
            let level = self.lowered.level_of(port.map());
            self.groups.entry(level).or_default().wanted.push((outlet, port));
            needs.push(Need::Map(port.map()));
        } else if left.insert(outlet.node) {
            needs.extend(self.model.node(outlet.node).inputs.iter().map(|i| Need::Outlet(*i)));
        }
    }

    fn assign_step(&mut self, step: usize, needs: &mut Vec<Need>) -> TractResult<()> {
        let Partition { lowered, groups, .. } = self;
        let level = lowered.levels[step];
        let (maps, vectors) = lowered.builder.steps()[step].reads();
        groups.entry(level).or_default().steps.insert(step);
        for &map in maps.iter().filter(|m| lowered.level_of(**m) != level) {
            groups.entry(level).or_default().enters.insert(map);
            groups.entry(lowered.level_of(map)).or_default().leaves.insert(map);
        }
        for v in &vectors {
            let writer = lowered.builder.writer_of_vector(*v).context("no step writes a vector")?;
            ensure!(lowered.levels[writer] == level, "a vector passes an operator that posed does not know");
        }
        needs.extend(maps.into_iter().map(Need::Map).chain(vectors.into_iter().map(Need::Vector)));
        Ok(())
    }

    /// Whether tract computes a node at run time; constants and inputs are there already.
    fn runs(&self, node: usize) -> bool {
        !self.model.node(node).inputs.is_empty()
    }

    /// What our kernels take over, and what stays with tract.
    pub fn explain(&self) -> Explain {
        let steps = self.groups.values().flat_map(|group| &group.steps);
        let kinds = steps.map(|step| self.lowered.builder.steps()[*step].kind());
        let left = self.left.iter().filter(|(n, _)| self.runs(*n)).map(|(n, _)| self.model.node(*n));
        Explain::new(self.groups.len(), kinds, left.map(|n| (n.op.name().to_string(), n.name.clone())))
    }

    /// The whole network as one plan from the crop's bytes, if nothing is left to tract; and the
    /// scale and zero point of those bytes.
    pub fn whole(&self) -> Option<(PlanBuilder, Quant)> {
        let [input] = self.model.input_outlets().ok()? else { return None };
        let mut groups = self.groups.values();
        let (Some(group), None) = (groups.next(), groups.next()) else { return None };
        let [(_, port)] = group.wanted[..] else { return None };
        let mut imports = group.imports.iter().map(|i| self.lowered.imports[*i]);
        let (Some(import), None) = (imports.next(), imports.next()) else { return None };
        let tract_runs = self.left.iter().any(|(n, _)| self.runs(*n));
        if import.outlet != *input || tract_runs || matches!(port, OutputPort::BytesChw(_)) {
            return None;
        }
        let plan = self.part(group, vec![InputPort::BytesHwc(import.map.id)], vec![port]);
        Some((plan, import.map.quant))
    }

    /// The plan of one group.
    pub(super) fn part(
        &self,
        group: &Group,
        inputs: Vec<InputPort>,
        outputs: Vec<OutputPort>,
    ) -> PlanBuilder {
        let mut part = self.lowered.builder.part(&group.steps, inputs, outputs);
        part.fuse_additions();
        part
    }
}
