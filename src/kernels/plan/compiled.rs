//! A step that is ready to run: its weights are packed and its places known.

use super::step::{MapId, Step, VecId, operand};
use crate::kernels::add::{Add, AddSpec, Term};
use crate::kernels::arena::Area;
use crate::kernels::attention::Attend;
use crate::kernels::conv::Conv;
use crate::kernels::deconv::Deconv;
use crate::kernels::depthwise::Depthwise;
use crate::kernels::pool::MaxPoolSpec;
use crate::kernels::vector_ops::{VectorSpan, VectorStep};
use crate::kernels::{Error, Isa, Quant};
use std::ops::Range;

/// A map's shape before it has a place.
#[derive(Debug, Clone, Copy)]
pub(super) struct MapShape {
    pub size: (usize, usize, usize),
    pub zero_point: u8,
    pub float: bool,
}

/// The maps and vectors of a plan, with their places.
pub(super) struct Places<'a> {
    pub areas: &'a [Area],
    pub shapes: &'a [MapShape],
    /// Where a vector lies.
    pub vector: &'a dyn Fn(VecId) -> VectorSpan,
    /// What a vector was rounded to.
    pub rounded: &'a dyn Fn(VecId) -> Option<Quant>,
}

impl Places<'_> {
    fn area(&self, map: MapId) -> &Area {
        &self.areas[map.0]
    }

    /// Checks what all kinds of steps require of their maps.
    fn check(&self, step: &Step) -> Result<(), Error> {
        let bad = |what: &str| Err(Error::step(step.kind(), what));
        let (maps, to) = step.maps();
        if maps.iter().any(|m| self.shapes[m.0].float) {
            return bad("reads floats");
        }
        let float_out = to.is_some_and(|m| self.shapes[m.0].float);
        let can_float = matches!(step, Step::Conv { spec, .. } if spec.output_zero_point.is_none());
        if float_out != can_float {
            return bad("writes another type than its map has");
        }
        let dense = matches!(step, Step::Conv { .. });
        if !dense && maps.into_iter().chain(to).any(|m| !self.area(m).step.is_multiple_of(16)) {
            return bad("channels are not padded");
        }
        Ok(())
    }
}

/// A step with its weights packed and its places known.
pub(super) enum Compiled {
    Conv(Conv, MapId, MapId),
    Depthwise(Depthwise, MapId, MapId),
    Deconv(Deconv, MapId, MapId),
    MaxPool(Isa, MaxPoolSpec, MapId, MapId),
    Add(Add, MapId, [Option<MapId>; 2], MapId),
    Attend(Attend, MapId),
    Vector(VectorStep),
}

impl Compiled {
    /// Checks and packs a step. `logits` is the offset of an attention pooling's logits.
    pub fn new(isa: Isa, step: &Step, places: &Places<'_>, logits: usize) -> Result<Compiled, Error> {
        places.check(step)?;
        let (area, vector) = (|m: &MapId| places.area(*m), |v: &VecId| (places.vector)(*v));
        Ok(match step {
            Step::Conv { spec, from, to } => {
                Compiled::Conv(Conv::new(isa, spec, area(from), area(to))?, *from, *to)
            }
            Step::Depthwise { spec, from, to } => {
                Compiled::Depthwise(Depthwise::new(isa, spec, area(from), area(to))?, *from, *to)
            }
            Step::Deconv { spec, from, to } => {
                Compiled::Deconv(Deconv::new(isa, spec, area(from), area(to))?, *from, *to)
            }
            Step::MaxPool { spec, from, to } => {
                spec.check(area(from), area(to))?;
                Compiled::MaxPool(isa, *spec, *from, *to)
            }
            Step::Add { spec, from, term, to } => {
                Compiled::add(isa, places, (*spec, *from, *term), None, *to)?
            }
            Step::AddTwice { specs: [spec, second], from, term, then, to } => {
                let then = Some((*second, then.0, then.1));
                Compiled::add(isa, places, (*spec, *from, *term), then, *to)?
            }
            Step::Attend { spec, from, to } => {
                let context = vector(to);
                if context.len != area(from).channels {
                    return Err(Error::step(Attend::STEP, "a context of another length"));
                }
                Compiled::Attend(Attend::new(isa, spec, area(from), logits, context.at)?, *from)
            }
            Step::Vector { op, from, to } => {
                let other = operand(op).map(|v| vector(&v));
                let (from, to) = (vector(from), vector(to));
                if VectorStep::out_len(op, from.len, other.map(|p| p.len))? != to.len {
                    return Err(Error::step(VectorStep::STEP, "a result of another length"));
                }
                Compiled::Vector(VectorStep::new(isa, op.clone(), from, other, to))
            }
        })
    }

    /// An addition, and the one that may follow it in the same pass.
    fn add(
        isa: Isa,
        places: &Places<'_>,
        (spec, from, term): (AddSpec, MapId, Term<MapId, VecId>),
        then: Option<(AddSpec, MapId, Quant)>,
        to: MapId,
    ) -> Result<Compiled, Error> {
        let (other, quant, vector) = match term {
            Term::Map(m, q) => (Some(m), Some(q), None),
            Term::Vector(v) => (None, None, Some(((places.vector)(v), (places.rounded)(v)))),
        };
        let maps = [other, then.map(|(_, map, _)| map)];
        let size = |m: MapId| places.shapes[m.0].size;
        let same_size = std::iter::once(from).chain(maps.into_iter().flatten()).all(|m| size(m) == size(to));
        if !same_size || vector.is_some_and(|(span, _)| span.len != places.area(to).channels) {
            return Err(Error::step(AddSpec::STEP, "maps of different sizes"));
        }
        let second = then.map(|(spec, _, quant)| (spec, quant));
        let add = Add::new(isa, (spec, quant), second, vector.map(|(span, quant)| (span.at, quant)))?;
        Ok(Compiled::Add(add, from, maps, to))
    }

    /// What the step does, and the shapes of its input and output.
    pub fn label(&self, areas: &[Area]) -> String {
        let shape = |m: &MapId| {
            let a = &areas[m.0];
            format!("{}x{}x{}", a.height, a.width, a.channels)
        };
        let change = |kind: &str, window: &str, from: &MapId, to: &MapId| {
            format!("{kind} {window} {} -> {}", shape(from), shape(to))
        };
        match self {
            Compiled::Conv(k, from, to) => {
                let columns = k.run / areas[from.0].step.max(1);
                change(Conv::STEP, &format!("{}x{}/{}", k.kernel_rows, columns, k.stride[0]), from, to)
            }
            Compiled::Depthwise(k, from, to) => {
                change(Depthwise::STEP, &format!("/{}", k.stride[0]), from, to)
            }
            Compiled::Deconv(_, from, to) => change(Deconv::STEP, "", from, to),
            Compiled::MaxPool(_, _, from, to) => change(MaxPoolSpec::STEP, "", from, to),
            Compiled::Add(k, from, _, to) => {
                change(if k.second.is_some() { "two additions" } else { "addition" }, "", from, to)
            }
            Compiled::Attend(_, from) => format!("{} {}", Attend::STEP, shape(from)),
            Compiled::Vector(k) => format!("{} {} -> {}", VectorStep::STEP, k.from.len, k.to.len),
        }
    }

    /// The number of phases. All threads finish one before the next begins.
    pub fn phases(&self) -> usize {
        if let Compiled::Attend(..) = self { 3 } else { 1 }
    }

    /// Whether the first thread computes the whole step.
    pub fn is_alone(&self) -> bool {
        matches!(self, Compiled::Vector(_))
    }

    /// Runs the `part`th of `parts` of a phase.
    ///
    /// # Safety
    /// `arena` belongs to the plan. All earlier phases are done, or this thread alone runs them.
    /// Other threads run only other parts of this phase.
    pub unsafe fn run(&self, arena: *mut u8, areas: &[Area], phase: usize, (part, parts): (usize, usize)) {
        let area = |m: &MapId| &areas[m.0];
        let rows = |m: &MapId| split(area(m).height, part, parts);
        // SAFETY: the caller's contract; different parts have different rows and channels.
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
pub(super) fn split(len: usize, part: usize, parts: usize) -> Range<usize> {
    len * part / parts..len * (part + 1) / parts
}
