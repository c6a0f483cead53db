//! The operators of a plan over maps and vectors that have no place yet.

use crate::kernels::Quant;
use crate::kernels::add::{AddSpec, Term};
use crate::kernels::attention::{Attend, AttendSpec};
use crate::kernels::conv::{Conv, ConvSpec};
use crate::kernels::deconv::{Deconv, DeconvSpec};
use crate::kernels::depthwise::Depthwise;
use crate::kernels::pool::MaxPoolSpec;
use crate::kernels::vector_ops::{Operand, VecOp, VectorStep};

/// A map of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MapId(pub(super) usize);

/// A vector of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VecId(pub(super) usize);

/// One operator over maps and vectors.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs, reason = "`from` and `to` name themselves; types explain the rest")]
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
    /// Two additions in one pass: the second adds a map to the result of the first.
    AddTwice { specs: [AddSpec; 2], from: MapId, term: Term<MapId, VecId>, then: (MapId, Quant), to: MapId },
    /// Attention pooling of a map to a vector.
    Attend { spec: AttendSpec, from: MapId, to: VecId },
    /// An operation on a vector.
    Vector { op: VecOp, from: VecId, to: VecId },
}

impl Step {
    /// The kind of step, for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Step::Conv { .. } => Conv::STEP,
            Step::Depthwise { .. } => Depthwise::STEP,
            Step::Deconv { .. } => Deconv::STEP,
            Step::MaxPool { .. } => MaxPoolSpec::STEP,
            Step::Add { .. } => AddSpec::STEP,
            Step::AddTwice { .. } => "two additions",
            Step::Attend { .. } => Attend::STEP,
            Step::Vector { .. } => VectorStep::STEP,
        }
    }

    /// The maps and vectors that the step reads.
    pub fn reads(&self) -> (Vec<MapId>, Vec<VecId>) {
        (self.maps().0, self.vectors().0)
    }

    /// The maps that the step reads, and the map that it writes.
    pub(super) fn maps(&self) -> (Vec<MapId>, Option<MapId>) {
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

    /// The vectors that the step reads, and the vector that it writes.
    pub(super) fn vectors(&self) -> (Vec<VecId>, Option<VecId>) {
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

/// The vector that is the second operand of `op`.
pub(super) fn operand(op: &VecOp) -> Option<VecId> {
    match op {
        VecOp::Add(Operand::Vector(v))
        | VecOp::Sub(Operand::Vector(v))
        | VecOp::Mul(Operand::Vector(v))
        | VecOp::Div(Operand::Vector(v))
        | VecOp::Max(Operand::Vector(v)) => Some(*v),
        _ => None,
    }
}
