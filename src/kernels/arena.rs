//! One block of memory for all maps of an inference, and the place of each map in it.

use super::Error;

/// Bytes after the last map that a kernel may read but not write, with a vector at the last pixel.
const SLACK: usize = 1024;

/// Pixels outside a map that its readers look at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Border {
    pub top: usize,
    pub left: usize,
    pub bottom: usize,
    pub right: usize,
}

impl Border {
    /// The border that is enough for both readers.
    pub fn max(self, o: Border) -> Border {
        Border {
            top: self.top.max(o.top),
            left: self.left.max(o.left),
            bottom: self.bottom.max(o.bottom),
            right: self.right.max(o.right),
        }
    }

    /// The border after an axis of `len` pixels that has `pad` pixels before it: what `out` windows
    /// of `kernel` pixels, `stride` pixels apart, read there.
    pub fn after(len: usize, kernel: usize, stride: usize, pad: usize, out: usize) -> usize {
        ((out - 1) * stride + kernel).saturating_sub(len + pad)
    }
}

/// A map's shape and place. Offsets, steps and lengths are in bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Area {
    pub height: usize,
    pub width: usize,
    /// Channels without the padding.
    pub channels: usize,
    /// From a pixel to the next.
    pub step: usize,
    /// From a row to the next.
    pub pitch: usize,
    pub border: Border,
    /// The byte that fills the border.
    pub zero_point: u8,
    /// Offset of pixel (0, 0).
    pub origin: usize,
    /// Offset and length of the map with its border.
    pub start: usize,
    pub len: usize,
}

impl Area {
    /// A map with its border, at offset 0.
    ///
    /// # Errors
    /// If it needs more than 1 GiB.
    pub fn shape(
        (height, width, channels): (usize, usize, usize),
        step: usize,
        border: Border,
        zero_point: u8,
    ) -> Result<Area, Error> {
        let columns = border.left + width + border.right;
        let pitch = columns.saturating_mul(step);
        let len = pitch.saturating_mul(border.top + height + border.bottom);
        if len > 1 << 30 {
            return Err(Error::TooLarge(len));
        }
        let origin = border.top * pitch + border.left * step;
        Ok(Area { height, width, channels, step, pitch, border, zero_point, origin, start: 0, len })
    }

    /// The same map `start` bytes into the arena.
    pub fn placed(self, start: usize) -> Area {
        Area { origin: self.origin - self.start + start, start, ..self }
    }

    /// Whether all pixels follow each other without a gap.
    pub fn is_flat(&self) -> bool {
        self.pitch == self.width * self.step
    }

    /// Offset of the first pixel of row `y`.
    pub fn row(&self, y: usize) -> usize {
        self.origin + y * self.pitch
    }

    /// Fills the border beside `rows`, and that above or below if they have the first or last row.
    ///
    /// # Safety
    /// `arena` belongs to a plan that holds this area. No other thread uses these bytes.
    pub unsafe fn fill_border(&self, arena: *mut u8, rows: std::ops::Range<usize>) {
        let b = self.border;
        if b == Border::default() || rows.is_empty() {
            return;
        }
        // SAFETY: `shape` laid the border out inside `start..start + len`, and the caller owns it.
        let fill = |at: usize, len: usize| unsafe { arena.add(at).write_bytes(self.zero_point, len) };
        if rows.start == 0 {
            fill(self.start, b.top * self.pitch);
        }
        for y in rows.clone() {
            let left = self.row(y) - b.left * self.step;
            fill(left, b.left * self.step);
            fill(self.row(y) + self.width * self.step, b.right * self.step);
        }
        if rows.end == self.height {
            fill(self.row(self.height) - b.left * self.step, b.bottom * self.pitch);
        }
    }
}

#[derive(Clone, Copy)]
#[repr(align(64))]
struct Line(#[allow(dead_code, reason = "read through pointers")] [u8; 64]);

/// The memory of all maps, aligned to 64 bytes.
pub struct Arena(Vec<Line>);

impl Arena {
    pub fn new(len: usize) -> Arena {
        Arena(vec![Line([0; 64]); (len + SLACK).div_ceil(64)])
    }

    /// Bytes that maps may use.
    pub fn len(&self) -> usize {
        self.0.len() * 64 - SLACK
    }

    pub fn as_mut_ptr(&mut self) -> *mut u8 {
        self.0.as_mut_ptr().cast()
    }
}

/// Gives each of `areas` a place and returns the arena's length. `lives` has the first and the last
/// step that uses each; areas that are in use at the same step do not overlap.
pub fn place(areas: &mut [Area], lives: &[(usize, usize)]) -> Result<usize, Error> {
    let mut order: Vec<usize> = (0..areas.len()).collect();
    order.sort_by_key(|&i| std::cmp::Reverse(areas[i].len));
    let mut placed: Vec<usize> = vec![];
    let mut end = 0;
    for i in order {
        let mut taken: Vec<(usize, usize)> = placed
            .iter()
            .filter(|&&j| lives[i].0 <= lives[j].1 && lives[j].0 <= lives[i].1)
            .map(|&j| (areas[j].start, areas[j].start + areas[j].len))
            .collect();
        taken.sort_unstable();
        let mut at = 0;
        for (from, to) in taken {
            if at + areas[i].len <= from {
                break;
            }
            at = at.max(to.next_multiple_of(64));
        }
        areas[i] = areas[i].placed(at);
        end = end.max(at + areas[i].len);
        placed.push(i);
    }
    if end > 1 << 30 { Err(Error::TooLarge(end)) } else { Ok(end) }
}
