//! Crops with lines along rows of the picture: all crops, unless the picture is rotated by 90°.
//!
//! All pixels of a line lie between the same two rows, and all lines have the same columns. So the
//! columns are computed once for a crop. For each line the two rows are blended byte by byte, which
//! vector units do at the speed of memory, and samples are then picked from the blended row in the
//! first-level cache. Everything is in fixed point, so all processors give the same bytes. The
//! error is far below half a level:
//!
//! - a blended sample is an i16 in steps of 1/128; the weight of a row is in 1/32768;
//! - a sample between two columns is the same; the weight of a column is in 1/16384;
//! - R, G and B are i16 in steps of 1/64, saturated at 511; everything above 255 becomes 255.

use super::colour::{COLUMNS, Matrix, converted, halved, times, write};
use super::{Colour, Group, Picture, across, down, generic};
use crate::kernels::Isa;

/// 1.0 as the weight of a column.
const ONE: f32 = 16384.0;
/// Samples after the end of a row that a kernel may read. Their weights are zero.
const SLACK: usize = 8;

/// The columns of an upright crop, and memory for its lines. Kept between crops.
#[derive(Debug, Default)]
pub struct Upright {
    groups: [Columns; 3],
    /// How much of each column is in the picture, in 1/16384.
    cover: Vec<i16>,
    /// Whether all columns are entirely in the picture.
    whole: bool,
    /// Two rows of a group, blended.
    row: Vec<i16>,
    /// One line of each channel.
    channels: [Vec<i16>; 3],
}

/// The samples of a group for each column.
#[derive(Debug, Default)]
struct Columns {
    /// The bytes of a row that the crop reads: the first one, and their number.
    start: usize,
    len: usize,
    /// The first byte of each left sample, counted from `start`. The right sample is
    /// a step further.
    left: Vec<u32>,
    /// The weights of the left and the right sample, in 1/16384.
    weights: Vec<[i16; 2]>,
    /// The samples in a form for permutations of bytes.
    #[cfg(target_arch = "x86_64")]
    windows: super::avx512::Windows,
}

impl Upright {
    /// Prepares for crops with column `i` at `start + i·step` of `picture`, which is consistent.
    pub(super) fn columns(&mut self, picture: &Picture<'_>, start: f32, step: f32, count: usize) {
        let inside = |i: usize| {
            let x = start + step * i as f32;
            (x, generic::limit(x, (picture.width - 1) as f32))
        };
        let padded = count.next_multiple_of(COLUMNS);
        self.cover.clear();
        self.cover.extend((0..padded).map(inside).map(|(x, inside)| covered(x, inside)));
        self.whole = self.cover.iter().all(|c| *c == ONE as i16);
        for (group, columns) in picture.groups.iter().zip(&mut self.groups) {
            columns.fill(group, (0..padded).map(|i| inside(i).1));
            let needed = columns.len + group.step + SLACK;
            if self.row.len() < needed {
                self.row.resize(needed, 0);
            }
        }
        self.channels.iter_mut().for_each(|c| c.resize(padded, 0));
    }

    /// Asks the processor to fetch what the line at row `y` will read. Rows are too far apart for
    /// its own prefetcher.
    pub(super) fn expect(&self, picture: &Picture<'_>, y: f32) {
        let inside = generic::limit(y, (picture.height - 1) as f32);
        for (group, columns) in picture.groups.iter().zip(&self.groups) {
            let (row, next, _) = rows(group, inside);
            for row in [row, next] {
                let bytes = group.plane.get(row * group.stride + columns.start..);
                fetch(bytes.and_then(|b| b.get(..columns.len)).unwrap_or(&[]));
            }
        }
    }

    /// Samples the line at row `y` of the `picture` that the columns belong to: R, then G, then B,
    /// each a third of `out` and a multiple of [`COLUMNS`] long.
    pub(super) fn line(&mut self, isa: Isa, picture: &Picture<'_>, y: f32, out: &mut [u8]) {
        let inside = generic::limit(y, (picture.height - 1) as f32);
        let cover = covered(y, inside);
        let count = out.len() / 3;
        if cover == 0 || count > self.cover.len() || !count.is_multiple_of(COLUMNS) {
            out.fill(0);
            return;
        }
        let mut channels = &mut self.channels[..];
        for (group, columns) in picture.groups.iter().zip(&self.groups) {
            let (row, next, weight) = rows(group, inside);
            let of = |row: usize| group.plane.get(row * group.stride + columns.start..)?.get(..columns.len);
            let (Some(top), Some(bottom)) = (of(row), of(next)) else { continue };
            let (these, others) = channels.split_at_mut(group.offsets.len().min(channels.len()));
            columns.sample(isa, [top, bottom], weight, group, &mut self.row, these);
            channels = others;
        }
        let whole = self.whole && cover == ONE as i16;
        let fade = (!whole).then_some((cover, &self.cover[..count]));
        let [a, b, c] = self.channels.each_ref().map(|c| &c[..count]);
        match &picture.colour {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the caller's `isa` runs here.
            Colour::Ycc(m) if isa != Isa::Generic => unsafe {
                super::avx2::convert(&Matrix::from(m), [a, b, c], fade, out);
            },
            Colour::Ycc(m) => {
                let m = Matrix::from(m);
                write([a, b, c], fade, out, |y, u, v| converted(&m, y, u, v));
            }
            Colour::Rgb => write([a, b, c], fade, out, |r, g, b| [r, g, b].map(halved)),
            Colour::Grey => write([a; 3], fade, out, |y, _, _| [halved(y); 3]),
        }
    }
}

/// Asks the processor to fetch bytes, if it has an instruction for that.
fn fetch(bytes: &[u8]) {
    #[cfg(target_arch = "x86_64")]
    for line in bytes.chunks(64) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: every x86-64 processor has the instruction, and it changes only the cache.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = bytes;
}

/// How much of a point is in the picture, in 1/16384.
fn covered(at: f32, inside: f32) -> i16 {
    (generic::positive(1.0 - (at - inside).abs()) * ONE + 0.5) as i16
}

/// The two rows of a group around row `y` of the picture, and the weight of the second in 1/32768.
fn rows(group: &Group<'_>, y: f32) -> (usize, usize, i16) {
    let (scale, offset) = down(group.halved.1);
    let y = generic::limit(y * scale + offset, (group.height - 1) as f32);
    let row = y as usize;
    let weight = ((y - row as f32) * 32768.0 + 0.5).min(32767.0);
    (row, (row + 1).min(group.height - 1), weight as i16)
}

impl Columns {
    fn fill(&mut self, group: &Group<'_>, inside: impl Iterator<Item = f32>) {
        self.left.clear();
        self.weights.clear();
        // A point at the last sample of a row takes the last pair, and the right one counts fully.
        let last = group.width.max(2) - 2;
        for x in inside {
            let x = generic::limit(x * across(group.halved.0), (group.width - 1) as f32);
            let column = (x as usize).min(last);
            let right = ((x - column as f32) * ONE + 0.5) as i16;
            self.left.push((column * group.step) as u32);
            self.weights.push([ONE as i16 - right, right]);
        }
        let (first, last) = (self.left.iter().min().copied(), self.left.iter().max().copied());
        let (first, last) = (first.unwrap_or(0), last.unwrap_or(0) as usize);
        self.left.iter_mut().for_each(|l| *l -= first);
        self.start = first as usize;
        let right = (last + group.step).min((group.width - 1) * group.step);
        let last = group.offsets.iter().max().copied().unwrap_or(0);
        self.len = right + last + 1 - self.start;
        #[cfg(target_arch = "x86_64")]
        self.windows.fill(&self.left, group.step, last);
    }

    /// Samples a line of a group's channels between two rows; `weight` of the second is in 1/32768.
    fn sample(
        &self,
        isa: Isa,
        rows: [&[u8]; 2],
        weight: i16,
        group: &Group<'_>,
        row: &mut [i16],
        channels: &mut [Vec<i16>],
    ) {
        #[cfg(target_arch = "x86_64")]
        if isa == Isa::Avx512Vnni && self.windows.fit {
            let to = (group.offsets, channels);
            // SAFETY: the caller's `isa` runs here.
            unsafe { super::avx512::sample(rows, weight, &self.windows, &self.weights, to) };
            return;
        }
        blend(isa, rows[0], rows[1], weight, row);
        self.pick(isa, row, group, channels);
    }

    /// Picks the samples of a group's channels out of a blended row.
    fn pick(&self, isa: Isa, row: &[i16], group: &Group<'_>, channels: &mut [Vec<i16>]) {
        #[cfg(target_arch = "x86_64")]
        if isa != Isa::Generic {
            // SAFETY: the caller's `isa` runs here.
            unsafe { super::avx2::pick(row, &self.left, &self.weights, group, channels) };
            return;
        }
        let _ = isa;
        let at = |i: usize| row.get(i).copied().map_or(0, i32::from);
        for (&offset, channel) in group.offsets.iter().zip(channels) {
            for ((out, &left), [a, b]) in channel.iter_mut().zip(&self.left).zip(&self.weights) {
                let left = left as usize + offset;
                let sum = at(left) * i32::from(*a) + at(left + group.step) * i32::from(*b);
                *out = ((sum + (1 << 13)) >> 14) as i16;
            }
        }
    }
}

/// Blends two rows byte by byte; `weight` is that of the lower one, in 1/32768.
fn blend(isa: Isa, top: &[u8], bottom: &[u8], weight: i16, out: &mut [i16]) {
    #[cfg(target_arch = "x86_64")]
    if isa != Isa::Generic && top.len() >= COLUMNS {
        // SAFETY: the caller's `isa` runs here.
        unsafe { super::avx2::blend(top, bottom, weight, out) };
        return;
    }
    let _ = isa;
    let one = |top: u8, bottom: u8| {
        let (top, bottom) = (i16::from(top) << 7, i16::from(bottom) << 7);
        top.wrapping_add(times(bottom.wrapping_sub(top), weight))
    };
    let (top, top_rest) = top.as_chunks::<COLUMNS>();
    let (bottom, bottom_rest) = bottom.as_chunks::<COLUMNS>();
    let (out, out_rest) = out.split_at_mut(top.len() * COLUMNS);
    for ((out, top), bottom) in out.as_chunks_mut::<COLUMNS>().0.iter_mut().zip(top).zip(bottom) {
        for l in 0..COLUMNS {
            out[l] = one(top[l], bottom[l]);
        }
    }
    for ((out, top), bottom) in out_rest.iter_mut().zip(top_rest).zip(bottom_rest) {
        *out = one(*top, *bottom);
    }
}
