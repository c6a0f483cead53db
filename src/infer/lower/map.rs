//! A quantized map of the graph, and the bounds that an activation puts on its values.

use crate::kernels::{MapId, Quant};

/// Height, width and channels.
pub type Size = (usize, usize, usize);

/// A map of bytes, and the scale and zero point that turn them into real numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Map {
    pub id: MapId,
    pub quant: Quant,
    pub size: Size,
}

/// Real bounds of a value.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Clamp {
    pub low: Option<f32>,
    pub high: Option<f32>,
}

impl Clamp {
    /// The bounds as bytes of `q`.
    pub fn bytes(self, q: Quant) -> (u8, u8) {
        (self.low.map_or(0, |v| q.quantize(v)), self.high.map_or(255, |v| q.quantize(v)))
    }

    /// These bounds after `Max` or `Min` (`operator`) with `bound`.
    ///
    /// Only a lower bound followed by an upper one is one clamp; any other order is `None`.
    pub fn then(self, operator: &str, bound: f32) -> Option<Clamp> {
        match operator {
            "Max" if self == Clamp::default() => Some(Clamp { low: Some(bound), ..self }),
            "Min" if self.high.is_none() && self.low.is_none_or(|l| l <= bound) => {
                Some(Clamp { high: Some(bound), ..self })
            }
            _ => None,
        }
    }
}
