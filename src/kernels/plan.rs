//! [`Plan`]: steps over maps and vectors in one arena, checked and packed once, then run without checks.

use super::add::{Add, AddSpec, Term};
use super::arena::{Area, Arena, Border, place};
use super::attention::{Attend, AttendSpec};
use super::conv::{Conv, ConvSpec};
use super::deconv::{Deconv, DeconvSpec};
use super::depthwise::Depthwise;
use super::pool::MaxPoolSpec;
use super::ports::{Input, InputPort, Output, OutputPort};
use super::vector::{self, Operand, VecOp};
use super::workers::{Attendance, Barrier, Workers};
use super::{Error, Isa, Quant};
use std::collections::BTreeSet;
use std::ops::Range;

/// A map of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MapId(usize);

/// A vector of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VecId(usize);

/// One operator over maps and vectors.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs, reason = "from and to are what they say; the rest has its own words")]
pub enum Step {
    /// Dense convolution.
    Conv { spec: ConvSpec, from: MapId, to: MapId },
    /// Depthwise convolution: weights `[channels, 1, rows, columns]`.
    Depthwise { spec: ConvSpec, from: MapId, to: MapId },
    /// Grouped transposed convolution.
    Deconv { spec: DeconvSpec, from: MapId, to: MapId },
    /// Max pooling.
    MaxPool { spec: MaxPoolSpec, from: MapId, to: MapId },
    /// Addition of a map or a vector.
    Add { spec: AddSpec, from: MapId, term: Term<MapId, VecId>, to: MapId },
    /// Two additions in one pass: the second adds a map to the first one's result.
    AddTwice { specs: [AddSpec; 2], from: MapId, term: Term<MapId, VecId>, then: (MapId, Quant), to: MapId },
    /// Attention pooling of a map to a vector.
    Attend { spec: AttendSpec, from: MapId, to: VecId },
    /// Arithmetic on a vector.
    Vector { op: VecOp, from: VecId, to: VecId },
}

impl Step {
    /// What kind of step this is, as people call it.
    pub fn kind(&self) -> &'static str {
        match self {
            Step::Conv { .. } => Conv::STEP,
            Step::Depthwise { .. } => Depthwise::STEP,
            Step::Deconv { .. } => Deconv::STEP,
            Step::MaxPool { .. } => MaxPoolSpec::STEP,
            Step::Add { .. } => AddSpec::STEP,
            Step::AddTwice { .. } => "two additions",
            Step::Attend { .. } => Attend::STEP,
            Step::Vector { .. } => vector::Step::STEP,
        }
    }

    /// Maps and vectors that the step reads.
    pub fn reads(&self) -> (Vec<MapId>, Vec<VecId>) {
        (self.maps().0, self.vectors().0)
    }

    fn maps(&self) -> (Vec<MapId>, Option<MapId>) {
        match self {
            Step::Conv { from, to, .. }
            | Step::Depthwise { from, to, .. }
            | Step::Deconv { from, to, .. }
            | Step::MaxPool { from, to, .. } => (vec![*from], Some(*to)),
            Step::Add { from, term, to, .. } => (read_by(*from, term, None), Some(*to)),
            Step::AddTwice { from, term, then, to, .. } => (read_by(*from, term, Some(then.0)), Some(*to)),
            Step::Attend { from, .. } => (vec![*from], None),
            Step::Vector { .. } => (vec![], None),
        }
    }

    fn vectors(&self) -> (Vec<VecId>, Option<VecId>) {
        match self {
            Step::Add { term: Term::Vector(v), .. } | Step::AddTwice { term: Term::Vector(v), .. } => {
                (vec![*v], None)
            }
            Step::Attend { to, .. } => (vec![], Some(*to)),
            Step::Vector { op, from, to } => (std::iter::once(*from).chain(operand(op)).collect(), Some(*to)),
            _ => (vec![], None),
        }
    }
}

fn read_by(from: MapId, term: &Term<MapId, VecId>, then: Option<MapId>) -> Vec<MapId> {
    let other = if let Term::Map(m, _) = term { Some(*m) } else { None };
    [Some(from), other, then].into_iter().flatten().collect()
}

fn operand(op: &VecOp) -> Option<VecId> {
    match op {
        VecOp::Add(Operand::Vector(v))
        | VecOp::Sub(Operand::Vector(v))
        | VecOp::Mul(Operand::Vector(v))
        | VecOp::Div(Operand::Vector(v))
        | VecOp::Max(Operand::Vector(v)) => Some(*v),
        _ => None,
    }
}

/// A map's shape before it has a place.
#[derive(Debug, Clone, Copy)]
struct MapShape {
    size: (usize, usize, usize),
    zero_point: u8,
    float: bool,
}

/// The life of a map that no step of a part uses.
const UNUSED: (usize, usize) = (usize::MAX, 0);

/// Collects the steps of a [`Plan`], in the order that they run.
#[derive(Debug, Clone, Default)]
pub struct PlanBuilder {
    maps: Vec<MapShape>,
    vectors: Vec<usize>,
    steps: Vec<Step>,
    inputs: Vec<InputPort>,
    outputs: Vec<OutputPort>,
}

impl PlanBuilder {
    /// A u8 map `[height, width, channels]` whose border, where a step needs one, holds `zero_point`.
    pub fn map(&mut self, size: (usize, usize, usize), zero_point: u8) -> MapId {
        self.maps.push(MapShape { size, zero_point, float: false });
        MapId(self.maps.len() - 1)
    }

    /// An f32 map `[height, width, channels]`: what a convolution without output zero point makes.
    pub fn float_map(&mut self, size: (usize, usize, usize)) -> MapId {
        self.maps.push(MapShape { size, zero_point: 0, float: true });
        MapId(self.maps.len() - 1)
    }

    /// An f32 vector.
    pub fn vector(&mut self, len: usize) -> VecId {
        self.vectors.push(len);
        VecId(self.vectors.len() - 1)
    }

    /// Length of a vector.
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

    /// What a vector was rounded to, if that is how it was made.
    fn rounded_to(&self, v: VecId) -> Option<Quant> {
        match &self.steps[self.writer_of_vector(v)?] {
            Step::Vector { op: VecOp::Requantize(q), .. } => Some(*q),
            _ => None,
        }
    }

    /// Some of the steps, between other edges; maps and vectors keep their ids.
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

    /// Fuses an addition whose only reader is another addition into one pass.
    pub fn fuse_additions(&mut self) {
        let readers = |steps: &[Step], outputs: &[OutputPort], m: MapId| {
            steps.iter().flat_map(|s| s.maps().0).filter(|r| *r == m).count()
                + outputs.iter().filter(|o| o.map() == m).count()
        };
        let mut i = 0;
        while i < self.steps.len() {
            if let Step::Add { spec: second, from, term: Term::Map(other, other_quant), to } = self.steps[i] {
                // Addition commutes: the inner sum may stand on either side.
                let sides =
                    [(from, second.input, other, other_quant), (other, other_quant, from, second.input)];
                let fused = sides.into_iter().find_map(|(inner, inner_quant, residual, residual_quant)| {
                    let at = self.steps[..i].iter().position(|s| s.maps().1 == Some(inner))?;
                    let Step::Add { spec, from, term, .. } = &self.steps[at] else { return None };
                    if readers(&self.steps, &self.outputs, inner) != 1 || spec.output != inner_quant {
                        return None;
                    }
                    let specs = [*spec, AddSpec { input: inner_quant, ..second }];
                    let (from, term, then) = (*from, *term, (residual, residual_quant));
                    Some((at, Step::AddTwice { specs, from, term, then, to }))
                });
                if let Some((at, step)) = fused {
                    self.steps[i] = step;
                    self.steps.remove(at);
                    continue;
                }
            }
            i += 1;
        }
    }

    /// Checks every step, packs its weights for `isa`, and gives each map its place.
    ///
    /// # Errors
    /// When shapes do not fit each other, values leave what the kernels can compute, or a map is read
    /// before it is written or written twice.
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
        let mut next_logits = logits..;
        let mut steps = vec![];
        for step in &self.steps {
            let scratch = if matches!(step, Step::Attend { .. }) { next_logits.next() } else { None };
            let logits = scratch.map_or(0, |i| areas[i].start);
            let vector = |v: VecId| vector::Place { at: areas[maps + v.0].start, len: self.vectors[v.0] };
            let rounded = |v: VecId| self.rounded_to(v);
            steps.push(Compiled::new(isa, step, &areas[..maps], (&vector, &rounded), logits, &self.maps)?);
        }
        areas.truncate(maps);
        let (inputs, outputs) = (self.inputs.clone(), self.outputs.clone());
        Ok(Plan { isa, areas, steps, inputs, outputs, arena_len })
    }

    /// Each map's border; also that all ids exist and every map is written once, before it is read.
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
            _ => Err(bad(format!("map or vector {i} is written twice, or is none"))),
        };
        let read = |done: &[bool], i: usize| {
            if done.get(i) == Some(&true) { Ok(()) } else { Err(bad(format!("{i} is read before written"))) }
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
        }
        self.outputs.iter().try_for_each(|port| read(&written, port.map().0))?;
        Ok(borders)
    }

    /// First and last step that uses each map, then each vector; inputs come before step 1.
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

    /// An input of a few channels that only convolutions read: kept dense, as its runs are then shortest.
    fn is_image(&self, m: MapId) -> bool {
        let convs_alone =
            self.steps.iter().all(|s| matches!(s, Step::Conv { .. }) || !s.maps().0.contains(&m));
        self.maps[m.0].size.2 <= 4
            && self.inputs.iter().any(|p| p.map() == m)
            && self.outputs.iter().all(|p| p.map() != m)
            && convs_alone
    }
}

/// Where a vector lies.
type PlaceOf<'a> = &'a dyn Fn(VecId) -> vector::Place;

/// What a vector was rounded to.
type RoundedTo<'a> = &'a dyn Fn(VecId) -> Option<Quant>;

/// A step with its weights packed and its places known.
enum Compiled {
    Conv(Conv, MapId, MapId),
    Depthwise(Depthwise, MapId, MapId),
    Deconv(Deconv, MapId, MapId),
    MaxPool(Isa, MaxPoolSpec, MapId, MapId),
    Add(Add, MapId, [Option<MapId>; 2], MapId),
    Attend(Attend, MapId),
    Vector(vector::Step),
}

impl Compiled {
    fn new(
        isa: Isa,
        step: &Step,
        areas: &[Area],
        (vector, rounded): (PlaceOf<'_>, RoundedTo<'_>),
        logits: usize,
        shapes: &[MapShape],
    ) -> Result<Compiled, Error> {
        let kind = step.kind();
        let (maps, to) = step.maps();
        let area = |m: MapId| &areas[m.0];
        if maps.iter().any(|m| shapes[m.0].float) {
            return Err(Error::step(kind, "reads floats"));
        }
        let float_out = to.is_some_and(|m| shapes[m.0].float);
        let can_float = matches!(step, Step::Conv { spec, .. } if spec.output_zero_point.is_none());
        if float_out != can_float {
            return Err(Error::step(kind, "writes the other type than its map has"));
        }
        let dense = matches!(step, Step::Conv { .. });
        if !dense && maps.iter().chain(to.iter()).any(|m| area(*m).step % 16 != 0) {
            return Err(Error::step(kind, "channels are not padded"));
        }
        let same_size = |maps: &[MapId], to: MapId| {
            let size = |m: &MapId| shapes[m.0].size;
            maps.iter().all(|m| size(m) == size(&to))
        };
        Ok(match step {
            Step::Conv { spec, from, to } => {
                Compiled::Conv(Conv::new(isa, spec, area(*from), area(*to))?, *from, *to)
            }
            Step::Depthwise { spec, from, to } => {
                Compiled::Depthwise(Depthwise::new(isa, spec, area(*from), area(*to))?, *from, *to)
            }
            Step::Deconv { spec, from, to } => {
                Compiled::Deconv(Deconv::new(isa, spec, area(*from), area(*to))?, *from, *to)
            }
            Step::MaxPool { spec, from, to } => {
                spec.check(area(*from), area(*to))?;
                Compiled::MaxPool(isa, *spec, *from, *to)
            }
            Step::Add { from, term, to, .. } | Step::AddTwice { from, term, to, .. } => {
                let (first, second, then) = match step {
                    Step::AddTwice { specs, then, .. } => (specs[0], Some((specs[1], then.1)), Some(then.0)),
                    Step::Add { spec, .. } => (*spec, None, None),
                    _ => return Err(Error::step(kind, "is no addition")),
                };
                let (other, quant, place) = match term {
                    Term::Map(m, q) => (Some(*m), Some(*q), None),
                    Term::Vector(v) => (None, None, Some((vector(*v), rounded(*v)))),
                };
                if !same_size(&maps, *to) || place.is_some_and(|(p, _)| p.len != area(*to).channels) {
                    return Err(Error::step(kind, "maps of different sizes"));
                }
                let add = Add::new(isa, (first, quant), second, place.map(|(p, q)| (p.at, q)))?;
                Compiled::Add(add, *from, [other, then], *to)
            }
            Step::Attend { spec, from, to } => {
                if vector(*to).len != area(*from).channels {
                    return Err(Error::step(kind, "a context of another length than the map's channels"));
                }
                let at = vector(*to).at;
                Compiled::Attend(Attend::new(isa, spec, area(*from), logits, at)?, *from)
            }
            Step::Vector { op, from, to } => {
                let other = operand(op).map(vector);
                let (from, to) = (vector(*from), vector(*to));
                if vector::Step::out_len(op, from.len, other.map(|p| p.len))? != to.len {
                    return Err(Error::step(kind, "a result of another length"));
                }
                Compiled::Vector(vector::Step::new(isa, op.clone(), from, other, to))
            }
        })
    }

    /// Parts of the step with a barrier after each.
    fn phases(&self) -> usize {
        if let Compiled::Attend(..) = self { 3 } else { 1 }
    }

    /// Runs the `part`th of `parts` of a phase.
    ///
    /// # Safety
    /// `arena` is the plan's; all earlier phases are done; other threads only run other parts of this one.
    unsafe fn run(&self, arena: *mut u8, areas: &[Area], phase: usize, (part, parts): (usize, usize)) {
        let area = |m: &MapId| &areas[m.0];
        let rows = |m: &MapId| split(area(m).height, part, parts);
        // SAFETY: the caller's promise; rows and channels of different parts do not meet.
        unsafe {
            match self {
                Compiled::Conv(k, from, to) => k.run(arena, area(from), area(to), rows(to)),
                Compiled::Depthwise(k, from, to) => k.run(arena, area(from), area(to), rows(to)),
                Compiled::Deconv(k, from, to) => k.run(arena, area(from), area(to), rows(to)),
                Compiled::MaxPool(isa, k, from, to) => k.run(*isa, arena, area(from), area(to), rows(to)),
                Compiled::Add(k, from, others, to) => {
                    let others = others.each_ref().map(|m| m.as_ref().map(area));
                    k.run(arena, area(from), others, area(to), rows(to));
                }
                Compiled::Attend(k, from) => match phase {
                    0 => k.logits(arena, area(from), rows(from)),
                    1 if part == 0 => k.weigh(arena, area(from)),
                    1 => {}
                    _ => k.context(arena, area(from), part, parts),
                },
                Compiled::Vector(k) if part == 0 => k.run(arena),
                Compiled::Vector(_) => {}
            }
            match self {
                Compiled::Conv(.., to)
                | Compiled::Depthwise(.., to)
                | Compiled::Deconv(.., to)
                | Compiled::MaxPool(.., to)
                | Compiled::Add(.., to) => area(to).fill_border(arena, rows(to)),
                Compiled::Attend(..) | Compiled::Vector(_) => {}
            }
        }
    }
}

/// The `part`th of `parts` of `0..len`.
fn split(len: usize, part: usize, parts: usize) -> Range<usize> {
    len * part / parts..len * (part + 1) / parts
}

/// Steps ready to run; shared by all threads that run the network.
pub struct Plan {
    isa: Isa,
    areas: Vec<Area>,
    steps: Vec<Compiled>,
    inputs: Vec<InputPort>,
    outputs: Vec<OutputPort>,
    arena_len: usize,
}

/// The memory of one inference at a time.
pub struct Workspace(Arena);

/// An arena that the threads of one run write different parts of.
#[derive(Clone, Copy)]
struct Shared(*mut u8);

// SAFETY: `Plan::run` splits the work so that threads never touch the same bytes between barriers.
unsafe impl Sync for Shared {}

impl Plan {
    /// The kernels that the weights are packed for.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// Bytes of an inference's maps.
    pub fn arena_len(&self) -> usize {
        self.arena_len
    }

    /// Memory for one run at a time.
    pub fn workspace(&self) -> Workspace {
        Workspace(Arena::new(self.arena_len))
    }

    /// Runs all steps, splitting each over the workers if there are any.
    ///
    /// # Errors
    /// When a buffer is not what its port takes, or `workspace` is another plan's.
    pub fn run(
        &self,
        workspace: &mut Workspace,
        workers: Option<&mut Workers>,
        inputs: &[Input<'_>],
        outputs: &mut [Output<'_>],
    ) -> Result<(), Error> {
        self.check(workspace, inputs, outputs)?;
        let arena = Shared(workspace.0.as_mut_ptr());
        match workers {
            Some(workers) => {
                let parts = workers.count();
                let barrier = Barrier::new(parts);
                let arena = &arena;
                // SAFETY: checked above; each worker runs its own part.
                workers.run(&|part| unsafe { self.run_part(*arena, inputs, (part, parts), &barrier) });
            }
            // SAFETY: checked above; there is one part.
            None => unsafe { self.run_part(arena, inputs, (0, 1), &Barrier::new(1)) },
        }
        for (port, output) in self.outputs.iter().zip(outputs) {
            // SAFETY: checked above; no other thread runs any more.
            unsafe { port.save(output, arena.0, &self.areas[port.map().0]) };
        }
        Ok(())
    }

    fn check(
        &self,
        workspace: &Workspace,
        inputs: &[Input<'_>],
        outputs: &[Output<'_>],
    ) -> Result<(), Error> {
        let port = |port, what: &str| Err(Error::Port { port, what: what.into() });
        if workspace.0.len() < self.arena_len {
            return port("workspace", "it is another plan's");
        }
        if inputs.len() != self.inputs.len() || outputs.len() != self.outputs.len() {
            return port("list of tensors", "another number of them");
        }
        let area = |m: MapId| &self.areas[m.0];
        if self.inputs.iter().zip(inputs).any(|(p, i)| !p.fits(area(p.map()), i)) {
            return port("input", "another type or length");
        }
        if self.outputs.iter().zip(outputs).any(|(p, o)| !p.fits(area(p.map()), o)) {
            return port("output", "another type or length");
        }
        Ok(())
    }

    unsafe fn run_part(
        &self,
        arena: Shared,
        inputs: &[Input<'_>],
        (part, parts): (usize, usize),
        barrier: &Barrier,
    ) {
        let _attendance = Attendance(barrier);
        for (port, input) in self.inputs.iter().zip(inputs) {
            let to = &self.areas[port.map().0];
            let rows = split(to.height, part, parts);
            // SAFETY: the caller checked the buffers; rows of different parts do not meet.
            unsafe {
                port.load(input, arena.0, to, rows.clone());
                to.fill_border(arena.0, rows);
            }
        }
        if !barrier.wait() {
            return;
        }
        for step in &self.steps {
            for phase in 0..step.phases() {
                // SAFETY: the barrier ends each phase before the next one starts.
                unsafe { step.run(arena.0, &self.areas, phase, (part, parts)) };
                if !barrier.wait() {
                    return;
                }
            }
        }
    }
}
