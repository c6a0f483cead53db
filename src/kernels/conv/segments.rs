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

impl Segments {
    /// Numbers of the segments, a block at a time.
    fn blocks(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let (count, block) = (self.pixels.div_ceil(self.n), self.block);
        (0..count).step_by(block).map(move |from| from..(from + block).min(count))
    }

    /// Input offset, output offset and pixels of a segment.
    fn get(&self, i: usize) -> (usize, usize, usize) {
        (self.x + i * self.x_pitch, self.y + i * self.y_pitch, self.n.min(self.pixels - i * self.n))
    }
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

impl Conv {
    /// Packed weights of a full tile.
    pub fn tile_len(&self) -> usize {
        self.kernel_rows * self.run * self.tile
    }

    /// Every tile of every segment of `rows`. A tile comes with all segments of a block before the
    /// next tile, so that its weights stay in the cache.
    ///
    /// # Safety
    /// As [`Conv::run`]. The caller only reads the input of a tile's pixels and writes their channels.
    pub unsafe fn tiles(
        &self,
        arena: *mut u8,
        from: &Area,
        to: &Area,
        rows: Range<usize>,
    ) -> impl Iterator<Item = Tile> + use<> {
        let segments = self.segments(from, to, rows);
        let (tile, tiles) = (self.tile, self.bias.len().div_ceil(self.tile));
        let tile_bytes = if self.float_out { 4 * tile } else { tile };
        let (x_step, x_pitch, y_step) = (self.x_step, from.pitch, to.step);
        let at = move |index: usize, segment: usize| {
            let (x, y, pixels) = segments.get(segment);
            // SAFETY: the plan checked the runs and channels of every pixel against the arena.
            let (x, y) = unsafe { (arena.add(x).cast_const(), arena.add(y + index * tile_bytes)) };
            Tile { index, channel: index * tile, x, x_step, x_pitch, y, y_step, pixels }
        };
        let of_block =
            move |block: Range<usize>| (0..tiles).flat_map(move |t| block.clone().map(move |i| at(t, i)));
        segments.blocks().flat_map(of_block)
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
