//! A step ready to run: its weights packed, its places known.

use super::builder::MapShape;
use super::step::{MapId, Step, VecId, operand};
use crate::kernels::add::{Add, Term};
use crate::kernels::arena::Area;
use crate::kernels::attention::Attend;
use crate::kernels::conv::Conv;
use crate::kernels::deconv::Deconv;
use crate::kernels::depthwise::Depthwise;
use crate::kernels::pool::MaxPoolSpec;
use crate::kernels::vector_ops::{VectorSpan, VectorStep};
use crate::kernels::{Error, Isa, Quant};
use std::ops::Range;

/// Where a vector lies.
pub(super) type PlaceOf<'a> = &'a dyn Fn(VecId) -> VectorSpan;

/// What a vector was rounded to.
pub(super) type RoundedTo<'a> = &'a dyn Fn(VecId) -> Option<Quant>;

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
    pub fn new(
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
                if VectorStep::out_len(op, from.len, other.map(|p| p.len))? != to.len {
                    return Err(Error::step(kind, "a result of another length"));
                }
                Compiled::Vector(VectorStep::new(isa, op.clone(), from, other, to))
            }
        })
    }

    /// What the step does, and the shapes that it goes from and to.
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

    /// Parts of the step with a barrier after each.
    pub fn phases(&self) -> usize {
        if let Compiled::Attend(..) = self { 3 } else { 1 }
    }

    /// Whether the first part is all of it.
    pub fn is_alone(&self) -> bool {
        matches!(self, Compiled::Vector(_))
    }

    /// Runs the `part`th of `parts` of a phase.
    ///
    /// # Safety
    /// `arena` is the plan's; all earlier phases are done, or are this thread's alone; other threads only run
    /// other parts of this one.
    pub unsafe fn run(&self, arena: *mut u8, areas: &[Area], phase: usize, (part, parts): (usize, usize)) {
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
pub(super) fn split(len: usize, part: usize, parts: usize) -> Range<usize> {
    len * part / parts..len * (part + 1) / parts
}
