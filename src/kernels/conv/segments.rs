//! The order in which a convolution visits its output.

use super::packed::Conv;
use crate::kernels::Isa;
use crate::kernels::arena::Area;
use std::ops::Range;

/// Output pixels of a segment at most, unless a row is one.
const LONGEST: usize = 96;

/// The output cut into segments: pixels at equal distances in both maps.
#[derive(Debug, Clone, Copy)]
struct Segments {
    /// Offsets of the first segment in the input and the output.
    x: usize,
    y: usize,
    /// Bytes from one segment to the next.
    x_pitch: usize,
    y_pitch: usize,
    /// Pixels of a segment, except for the last one.
    n: usize,
    /// Pixels of all segments.
    pixels: usize,
    /// Segments that are computed with one tile of weights before the next tile is loaded.
    block: usize,
}

/// One tile of output channels over the pixels of one segment: what a kernel computes at a time.
#[derive(Debug, Clone, Copy)]
pub struct Tile {
    /// Number of the tile. Its weights begin at `index *` [`Conv::tile_len`].
    pub index: usize,
    /// First channel of the tile, in packed order.
    pub channel: usize,
    /// The first pixel's first input byte.
    pub x: *const u8,
    /// Bytes from a pixel's input to the next one's.
    pub x_step: usize,
    /// Bytes from the run of a kernel row to that of the next row.
    pub x_pitch: usize,
    /// The tile's first channel of the first pixel.
    pub y: *mut u8,
    /// Bytes from a pixel of the output to the next.
    pub y_step: usize,
    /// How many pixels.
    pub pixels: usize,
}

impl Tile {
    /// The tile without its first `n` pixels.
    ///
    /// # Safety
    /// It has as many.
    #[inline(always)]
    pub unsafe fn skip(self, n: usize) -> Tile {
        // SAFETY: the pixels lie in the arena, because the plan checked the maps.
        let (x, y) = unsafe { (self.x.add(n * self.x_step), self.y.add(n * self.y_step)) };
        Tile { x, y, pixels: self.pixels - n, ..self }
    }
}

/// Iterates over tiles, see [`Conv::tiles`]. Written by hand because a call for each tile, which
/// nested adapters cost, takes 2 % of a convolution with short rows.
pub struct Tiles {
    arena: *mut u8,
    segments: Segments,
    /// Number of segments.
    count: usize,
    /// Channels of a tile, and their bytes in the output.
    channels: usize,
    tile_bytes: usize,
    /// Number of tiles.
    tiles: usize,
    /// [`Tile`]'s `x_step`, `x_pitch` and `y_step`.
    steps: [usize; 3],
    /// The next tile, the block of segments that it is computed for, and the next segment of that.
    index: usize,
    block: Range<usize>,
    segment: usize,
}

impl Iterator for Tiles {
    type Item = Tile;

    #[inline(always)]
    fn next(&mut self) -> Option<Tile> {
        if self.segment == self.block.end {
            self.index += 1;
            if self.index == self.tiles {
                self.index = 0;
                let end = self.block.end;
                self.block = end..(end + self.segments.block).min(self.count);
            }
            self.segment = self.block.start;
        }
        if self.segment == self.count {
            return None;
        }
        let (s, i, index) = (&self.segments, self.segment, self.index);
        self.segment += 1;
        let y = s.y + i * s.y_pitch + index * self.tile_bytes;
        // SAFETY: the plan checked the runs and channels of every pixel against the arena.
        let (x, y) = unsafe { (self.arena.add(s.x + i * s.x_pitch).cast_const(), self.arena.add(y)) };
        let [x_step, x_pitch, y_step] = self.steps;
        let (channel, pixels) = (index * self.channels, s.n.min(s.pixels - i * s.n));
        Some(Tile { index, channel, x, x_step, x_pitch, y, y_step, pixels })
    }
}

impl Conv {
    /// Packed weights of a full tile.
    pub fn tile_len(&self) -> usize {
        self.kernel_rows * self.run * self.tile
    }

    /// Every tile of every segment of `rows`. A tile comes with all segments of a block before the
    /// next tile, so that its weights stay in the cache.
    ///
    /// # Safety
    /// As [`Conv::run`]. The caller reads only the input of a tile's pixels and
    /// writes their output.
    pub unsafe fn tiles(&self, arena: *mut u8, from: &Area, to: &Area, rows: Range<usize>) -> Tiles {
        let segments = self.segments(from, to, rows);
        let count = segments.pixels.div_ceil(segments.n);
        Tiles {
            arena,
            segments,
            count,
            channels: self.tile,
            tile_bytes: if self.float_out { 4 * self.tile } else { self.tile },
            tiles: self.bias.len().div_ceil(self.tile),
            steps: [self.x_step, from.pitch, to.step],
            index: 0,
            block: 0..segments.block.min(count),
            segment: 0,
        }
    }

    /// Cuts the output pixels of `rows` into segments.
    fn segments(&self, from: &Area, to: &Area, rows: Range<usize>) -> Segments {
        let flat = self.kernel_rows == 1
            && self.x_step == from.step
            && self.stride[0] == 1
            && from.is_flat()
            && to.is_flat();
        let input_row = |y: usize| from.row(0) + y * self.stride[0] * from.pitch;
        let x = input_row(rows.start) - self.pad[0] * from.pitch - self.pad[1] * from.step;
        let y = to.row(rows.start);
        let pixels = rows.len() * to.width;
        if flat {
            // These kernels have 8 channels a tile and read a segment so often that it must stay in
            // the first-level cache.
            let n = if matches!(self.isa, Isa::Avx2 | Isa::Sse41) {
                (24 * 1024 / from.step / 8 * 8).clamp(16, LONGEST)
            } else {
                LONGEST
            };
            return Segments { x, y, x_pitch: n * from.step, y_pitch: n * to.step, n, pixels, block: 1 };
        }
        let (n, x_pitch) = (to.width, self.stride[0] * from.pitch);
        Segments { x, y, x_pitch, y_pitch: to.pitch, n, pixels, block: (LONGEST / n).max(1) }
    }
}
