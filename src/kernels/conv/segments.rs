//! The order in which a convolution goes over its output.

use std::ops::Range;

/// Runs of output pixels at equal distances in input and output.
#[derive(Debug, Clone, Copy)]
pub struct Segments {
    pub x: usize,
    pub y: usize,
    pub x_pitch: usize,
    pub y_pitch: usize,
    pub n: usize,
    pub pixels: usize,
    /// Segments worth going over with one block of weights.
    pub block: usize,
}

impl Segments {
    /// The segments, a block at a time.
    pub fn blocks(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let (count, block) = (self.pixels.div_ceil(self.n), self.block);
        (0..count).step_by(block).map(move |from| from..(from + block).min(count))
    }

    /// Input offset, output offset and pixels of segment `i`.
    pub fn get(&self, i: usize) -> (usize, usize, usize) {
        (self.x + i * self.x_pitch, self.y + i * self.y_pitch, self.n.min(self.pixels - i * self.n))
    }
}
