//! Where people are: the person finder, and when to run it.

pub mod centers;
pub mod due;
mod finder;
pub mod motion;
pub mod search;

pub use finder::Finder;

use crate::geometry::BBox;

/// A box that the finder returns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Detection {
    /// In px of the frame that it was found in.
    pub bbox: BBox,
    /// Score, 0..=1.
    pub score: f32,
}
