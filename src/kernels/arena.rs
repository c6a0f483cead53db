//! One block of memory for all maps of an inference, and where each map lies in it.

use super::Error;

/// Bytes past the last map that a kernel may read (never write): a vector at the last pixel.
const SLACK: usize = 1024;

/// Border pixels that a map's readers look at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Border {
    pub top: usize,
    pub left: usize,
    pub bottom: usize,
    pub right: usize,
}

impl Border {
    /// The border that satisfies both.
    pub fn max(self, o: Border) -> Border {
        Border {
            top: self.top.max(o.top),
            left: self.left.max(o.left),
            bottom: self.bottom.max(o.bottom),
            right: self.right.max(o.right),
        }
    }

    /// What a window of `kernel` taps, stepping `stride`, needs on a side of `len` pixels with `pad` before
    /// it and `out` output pixels: pixels after it.
    pub fn after(len: usize, kernel: usize, stride: usize, pad: usize, out: usize) -> usize {
        ((out - 1) * stride + kernel).saturating_sub(len + pad)
    }
}

/// A map's shape and place. Offsets and pitches in bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Area {
    pub height: usize,
    pub width: usize,
    /// Channels that mean something.
    pub channels: usize,
    /// Bytes from a pixel to the next.
    pub step: usize,
    /// Bytes from a row to the next.
    pub pitch: usize,
    pub border: Border,
    /// The border's byte.
    pub zero_point: u8,
    /// Offset of pixel (0, 0).
    pub origin: usize,
    /// Offset and length of it all, border included.
    pub start: usize,
    pub len: usize,
}

impl Area {
    /// Bytes of the map with its border, or `None` past 1 GiB.
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

    /// All pixels follow each other without a gap.
    pub fn is_flat(&self) -> bool {
        self.pitch == self.width * self.step
    }

    /// Offset of row `y`'s pixel 0.
    pub fn row(&self, y: usize) -> usize {
        self.origin + y * self.pitch
    }

    /// Fills the border beside `rows`, and above and below it where `rows` has the map's first or last row.
    ///
    /// # Safety
    /// `arena` is an arena of a plan that holds this area; no other thread uses these bytes.
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

/// The memory. Aligned to 64 bytes, never grown.
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

/// Places `areas` (each with the first and last step that uses it) so that no two that live at once
/// overlap, and returns the arena's length.
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
