//! [`PlanBuilder`]: collects steps, checks that they fit each other, and gives every map a place.

use super::Plan;
use super::compiled::{Compiled, MapShape, Places};
use super::step::{MapId, Step, VecId};
use crate::kernels::arena::{Area, Border, place};
use crate::kernels::conv::Conv;
use crate::kernels::deconv::Deconv;
use crate::kernels::ports::{InputPort, OutputPort};
use crate::kernels::vector_ops::{VecOp, VectorSpan};
use crate::kernels::{Error, Isa, Quant};
use std::collections::BTreeSet;

/// The life of a map that no step uses.
const UNUSED: (usize, usize) = (usize::MAX, 0);

/// Collects the steps of a [`Plan`] in the order in which they run.
#[derive(Debug, Clone, Default)]
pub struct PlanBuilder {
    maps: Vec<MapShape>,
    vectors: Vec<usize>,
    pub(super) steps: Vec<Step>,
    inputs: Vec<InputPort>,
    pub(super) outputs: Vec<OutputPort>,
}

impl PlanBuilder {
    /// A u8 map `[height, width, channels]`. If a step needs a border, `zero_point` fills it.
    pub fn map(&mut self, size: (usize, usize, usize), zero_point: u8) -> MapId {
        self.maps.push(MapShape { size, zero_point, float: false });
        MapId(self.maps.len() - 1)
    }

    /// An f32 map `[height, width, channels]`: the output of a convolution that has no zero point
    /// there.
    pub fn float_map(&mut self, size: (usize, usize, usize)) -> MapId {
        self.maps.push(MapShape { size, zero_point: 0, float: true });
        MapId(self.maps.len() - 1)
    }

    /// An f32 vector.
    pub fn vector(&mut self, len: usize) -> VecId {
        self.vectors.push(len);
        VecId(self.vectors.len() - 1)
    }

    /// The length of a vector.
    pub fn vector_len(&self, v: VecId) -> usize {
        self.vectors.get(v.0).copied().unwrap_or(0)
    }

    /// Appends a step.
    pub fn step(&mut self, step: Step) {
        self.steps.push(step);
    }

    /// The steps so far.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The step that writes a map.
    pub fn writer_of_map(&self, map: MapId) -> Option<usize> {
        self.steps.iter().position(|s| s.maps().1 == Some(map))
    }

    /// The step that writes a vector.
    pub fn writer_of_vector(&self, v: VecId) -> Option<usize> {
        self.steps.iter().position(|s| s.vectors().1 == Some(v))
    }

    /// What a vector was rounded to, if its last operation was rounding.
    fn rounded_to(&self, v: VecId) -> Option<Quant> {
        match &self.steps[self.writer_of_vector(v)?] {
            Step::Vector { op: VecOp::Requantize(q), .. } => Some(*q),
            _ => None,
        }
    }

    /// Some of the steps, with other inputs and outputs. Maps and vectors keep their ids.
    pub fn part(
        &self,
        steps: &BTreeSet<usize>,
        inputs: Vec<InputPort>,
        outputs: Vec<OutputPort>,
    ) -> PlanBuilder {
        let steps = steps.iter().filter_map(|i| self.steps.get(*i).cloned()).collect();
        PlanBuilder { maps: self.maps.clone(), vectors: self.vectors.clone(), steps, inputs, outputs }
    }

    /// Appends a tensor that the plan reads.
    pub fn input(&mut self, port: InputPort) {
        self.inputs.push(port);
    }

    /// Appends a tensor that the plan writes.
    pub fn output(&mut self, port: OutputPort) {
        self.outputs.push(port);
    }

    /// Checks every step, packs its weights for `isa`, and gives each map its place.
    ///
    /// # Errors
    /// If shapes do not fit each other, the kernels cannot compute with the values, or a map is
    /// written twice or read before it is written.
    pub fn build(&self, isa: Isa) -> Result<Plan, Error> {
        let borders = self.check_order()?;
        let mut lives = self.lives();
        let mut areas = vec![];
        for (i, m) in self.maps.iter().enumerate() {
            let (h, w, c) = m.size;
            if lives[i] == UNUSED {
                areas.push(Area::shape((1, 1, 0), 0, Border::default(), 0)?);
                continue;
            }
            if h == 0 || w == 0 || c == 0 || h.max(w).max(c) > 1 << 16 {
                return Err(Error::step("map", format!("{h}x{w}x{c}")));
            }
            let step = if self.is_image(MapId(i)) { c } else { c.next_multiple_of(16) };
            let step = if m.float { step * 4 } else { step };
            areas.push(Area::shape(m.size, step, borders[i], m.zero_point)?);
        }
        let (maps, logits) = (areas.len(), areas.len() + self.vectors.len());
        let scratch =
            |len: usize| Area::shape((1, 1, len), len.next_multiple_of(16) * 4, Border::default(), 0);
        for (&len, life) in self.vectors.iter().zip(&lives[maps..]) {
            areas.push(scratch(if *life == UNUSED { 0 } else { len.clamp(1, 1 << 20) })?);
        }
        for (i, step) in self.steps.iter().enumerate() {
            if let Step::Attend { from, .. } = step {
                areas.push(scratch(areas[from.0].height * areas[from.0].width)?);
                lives.push((i + 1, i + 1));
            }
        }
        let arena_len = place(&mut areas, &lives)?;
        let places = Places {
            areas: &areas[..maps],
            shapes: &self.maps,
            vector: &|v| VectorSpan { at: areas[maps + v.0].start, len: self.vectors[v.0] },
            rounded: &|v| self.rounded_to(v),
        };
        let mut next_logits = areas[logits..].iter().map(|area| area.start);
        let mut steps = vec![];
        for step in &self.steps {
            let logits = if matches!(step, Step::Attend { .. }) { next_logits.next() } else { None };
            steps.push(Compiled::new(isa, step, &places, logits.unwrap_or(0))?);
        }
        areas.truncate(maps);
        let (inputs, outputs) = (self.inputs.clone(), self.outputs.clone());
        Ok(Plan { isa, areas, steps, inputs, outputs, arena_len })
    }

    /// The border of each map. Checks that all ids exist and every map is written once, before
    /// it is read.
    fn check_order(&self) -> Result<Vec<Border>, Error> {
        let bad = |what: String| Error::step("plan", what);
        let mut borders = vec![Border::default(); self.maps.len()];
        let mut written = vec![false; self.maps.len()];
        let mut filled = vec![false; self.vectors.len()];
        let write = |done: &mut Vec<bool>, i: usize| match done.get_mut(i) {
            Some(done) if !*done => {
                *done = true;
                Ok(())
            }
            _ => Err(bad(format!("map or vector {i} is written twice, or does not exist"))),
        };
        let read = |done: &[bool], i: usize| {
            if done.get(i) == Some(&true) {
                Ok(())
            } else {
                Err(bad(format!("map or vector {i} is read before it is written")))
            }
        };
        for port in &self.inputs {
            write(&mut written, port.map().0)?;
        }
        for step in &self.steps {
            let ((maps, to), (vectors, result)) = (step.maps(), step.vectors());
            maps.iter().try_for_each(|m| read(&written, m.0))?;
            vectors.iter().try_for_each(|v| read(&filled, v.0))?;
            to.map_or(Ok(()), |m| write(&mut written, m.0))?;
            result.map_or(Ok(()), |v| write(&mut filled, v.0))?;
            if let Step::Conv { spec, from, to } | Step::Depthwise { spec, from, to } = step {
                let (a, b) = (self.maps[from.0].size, self.maps[to.0].size);
                let limits = spec.kernel.into_iter().chain(spec.stride).chain(spec.pad);
                if limits.max() > Some(256) || b.0 == 0 || b.1 == 0 || spec.kernel.contains(&0) {
                    return Err(bad(format!("a window of {:?} by {:?}", spec.kernel, spec.stride)));
                }
                borders[from.0] = borders[from.0].max(Conv::border(spec, (a.0, a.1), (b.0, b.1)));
            }
            if let Step::Deconv { spec, from, to } = step {
                let (a, b) = (self.maps[from.0].size, self.maps[to.0].size);
                borders[from.0] = borders[from.0].max(Deconv::border(spec, (a.0, a.1), (b.0, b.1)));
            }
        }
        self.outputs.iter().try_for_each(|port| read(&written, port.map().0))?;
        Ok(borders)
    }

    /// The first and last step that use each map, then each vector. Inputs exist before step 1.
    fn lives(&self) -> Vec<(usize, usize)> {
        let mut lives = vec![UNUSED; self.maps.len() + self.vectors.len()];
        let mut at = |i: usize, t: usize| lives[i] = (lives[i].0.min(t), lives[i].1.max(t));
        self.inputs.iter().for_each(|p| at(p.map().0, 0));
        for (t, step) in self.steps.iter().enumerate() {
            let ((maps, to), (vectors, result)) = (step.maps(), step.vectors());
            maps.into_iter().chain(to).for_each(|m| at(m.0, t + 1));
            vectors.into_iter().chain(result).for_each(|v| at(self.maps.len() + v.0, t + 1));
        }
        self.outputs.iter().for_each(|p| at(p.map().0, self.steps.len() + 1));
        lives
    }

    /// Whether a map is an input of a few channels that only convolutions read. Its channels are
    /// not padded, so that runs are short.
    fn is_image(&self, m: MapId) -> bool {
        let convs_alone =
            self.steps.iter().all(|s| matches!(s, Step::Conv { .. }) || !s.maps().0.contains(&m));
        self.maps[m.0].size.2 <= 4
            && self.inputs.iter().any(|p| p.map() == m)
            && self.outputs.iter().all(|p| p.map() != m)
            && convs_alone
    }
}
