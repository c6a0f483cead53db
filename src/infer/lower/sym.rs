//! What a value of the graph means, as far as it is known.

use super::pending::{Kind, Pending};
use crate::kernels::{MapId, Quant, Term, VecId};

/// Height, width and channels.
pub type Size = (usize, usize, usize);

/// A quantized map and what it stands for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Map {
    pub id: MapId,
    pub quant: Quant,
    pub size: Size,
}

/// What an outlet means.
#[derive(Debug, Clone)]
pub enum Sym {
    /// The bytes of a map.
    Bytes(Map),
    /// The real numbers that a map stands for (in any shape that keeps their order).
    Real(Map),
    /// A convolution that nobody has asked a result of yet.
    Conv(Box<Pending>),
    /// A sum of maps, likewise.
    Sum(Map, Term<Map, VecId>, Clip),
    /// A 1x1 convolution to one channel: numbers that pixels are to be weighed by.
    Logits(Map, Vec<f32>),
    /// Softmax of logits over all pixels.
    Attention(Map, Vec<f32>),
    /// A vector (in any shape with one dimension that is not 1).
    Vector(VecId),
    /// The bytes of a vector that was rounded to them.
    VectorBytes(VecId, Quant),
}

/// Real bounds that an activation puts on a value.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Clip {
    pub low: Option<f32>,
    pub high: Option<f32>,
}

impl Clip {
    /// The bytes between which results lie.
    pub fn bytes(self, q: Quant) -> (u8, u8) {
        (self.low.map_or(0, |v| q.quantize(v)), self.high.map_or(255, |v| q.quantize(v)))
    }
}

/// `max(x, low)` or `min(x, high)` of a value that is still pending.
pub fn clipped(sym: Sym, name: &str, bound: &[f32]) -> Option<Sym> {
    let [bound] = bound[..] else { return None };
    let apply = |clip: Clip| match name {
        "Max" if clip == Clip::default() => Some(Clip { low: Some(bound), ..clip }),
        "Min" if clip.high.is_none() && clip.low.is_none_or(|l| l <= bound) => {
            Some(Clip { high: Some(bound), ..clip })
        }
        _ => None,
    };
    match sym {
        Sym::Conv(mut c) => {
            c.clip = apply(c.clip)?;
            Some(Sym::Conv(c))
        }
        Sym::Sum(a, b, clip) => Some(Sym::Sum(a, b, apply(clip)?)),
        _ => None,
    }
}

/// A value seen through a reshape: a convolution to one channel is from now on a list of logits.
pub fn as_flat(sym: Sym) -> Option<Sym> {
    match sym {
        Sym::Conv(_) => as_logits(sym).map(|(map, w)| Sym::Logits(map, w)),
        Sym::Bytes(_) | Sym::Sum(..) => None,
        sym => Some(sym),
    }
}

pub fn as_logits(sym: Sym) -> Option<(Map, Vec<f32>)> {
    match sym {
        Sym::Logits(map, weights) => Some((map, weights)),
        Sym::Conv(c) => {
            let pointwise = c.kernel == [1, 1] && c.stride == [1, 1] && c.pad == [0, 0];
            let plain = c.kind == Kind::Dense && c.clip == Clip::default() && pointwise && c.size.2 == 1;
            plain.then(|| (c.from, c.weights.reals()))
        }
        _ => None,
    }
}
