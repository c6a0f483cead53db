//! What an outlet of the graph means.

use super::map::{Clamp, Map};
use super::pending::{Pending, PendingKind};
use crate::kernels::{Quant, Term, VecId};

/// What an outlet means.
#[derive(Debug, Clone)]
pub enum Value {
    /// The bytes of a map.
    Bytes(Map),
    /// The real numbers of a map, in any shape that keeps their order.
    Real(Map),
    /// A convolution with no step yet: the step depends on the form of its result.
    Conv(Box<Pending>),
    /// A sum of two maps or of a map and a vector, with no step yet.
    Sum(Map, Term<Map, VecId>, Clamp),
    /// A 1x1 convolution of a map to one channel, by these weights: one logit for each pixel.
    Logits(Map, Vec<f32>),
    /// The softmax of such logits over all pixels.
    Attention(Map, Vec<f32>),
    /// A vector, in any shape with at most one dimension other than 1.
    Vector(VecId),
    /// The bytes of a vector that was rounded to this scale and zero point.
    VectorBytes(VecId, Quant),
}

impl Value {
    /// `max(self, bound)` or `min(self, bound)`, if the value's step can still clamp its result.
    pub fn clamped(self, operator: &str, bound: &[f32]) -> Option<Value> {
        let [bound] = bound[..] else { return None };
        match self {
            Value::Conv(mut conv) => {
                conv.clamp = conv.clamp.then(operator, bound)?;
                Some(Value::Conv(conv))
            }
            Value::Sum(a, b, clamp) => Some(Value::Sum(a, b, clamp.then(operator, bound)?)),
            _ => None,
        }
    }

    /// The value after a reshape that keeps the order of its numbers.
    ///
    /// A pending convolution to one channel becomes logits; values that need their `[1, C, H, W]`
    /// shape later are lost.
    pub fn reshaped(self) -> Option<Value> {
        match self {
            Value::Conv(_) => self.into_logits().map(|(map, weights)| Value::Logits(map, weights)),
            Value::Bytes(_) | Value::Sum(..) => None,
            value => Some(value),
        }
    }

    /// The map and the weights that give one logit for each pixel.
    pub fn into_logits(self) -> Option<(Map, Vec<f32>)> {
        match self {
            Value::Logits(map, weights) => Some((map, weights)),
            Value::Conv(c) => {
                let pointwise = c.kernel == [1, 1] && c.stride == [1, 1] && c.pad == [0, 0];
                let plain = c.kind == PendingKind::Dense && c.clamp == Clamp::default() && c.size.2 == 1;
                (pointwise && plain).then(|| (c.from, c.weights.reals()))
            }
            _ => None,
        }
    }
}
