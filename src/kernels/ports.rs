//! The inputs and outputs of a plan: plain tensors, in the layouts of ONNX and of the crop.

use super::arena::Area;
use super::{MapId, Quant};
use std::ops::Range;

/// A tensor that a plan reads, and the map that it is copied to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum InputPort {
    /// u8 `[H, W, C]`, already quantized.
    BytesHwc(MapId),
    /// u8 `[C, H, W]`, already quantized.
    BytesChw(MapId),
    /// f32 `[C, H, W]`, to be quantized.
    FloatsChw(MapId, Quant),
}

impl InputPort {
    /// The map that the tensor is copied to.
    pub fn map(&self) -> MapId {
        match self {
            InputPort::BytesHwc(m) | InputPort::BytesChw(m) | InputPort::FloatsChw(m, _) => *m,
        }
    }
}

/// A tensor that a plan writes, and the map that it is copied from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum OutputPort {
    /// u8 `[C, H, W]`.
    BytesChw(MapId),
    /// f32 `[C, H, W]`, from a u8 map.
    RealsChw(MapId, Quant),
    /// f32 `[C, H, W]`, from an f32 map.
    FloatsChw(MapId),
}

impl OutputPort {
    /// The map that the tensor is copied from.
    pub fn map(&self) -> MapId {
        match self {
            OutputPort::BytesChw(m) | OutputPort::RealsChw(m, _) | OutputPort::FloatsChw(m) => *m,
        }
    }
}

/// Memory behind an [`InputPort`].
#[derive(Debug, Clone, Copy)]
pub enum Input<'a> {
    /// For the byte ports.
    Bytes(&'a [u8]),
    /// For the float port.
    Floats(&'a [f32]),
}

/// Memory behind an [`OutputPort`].
#[derive(Debug)]
pub enum Output<'a> {
    /// For the byte port.
    Bytes(&'a mut [u8]),
    /// For the float ports.
    Floats(&'a mut [f32]),
}

impl InputPort {
    /// Whether the buffer has the port's type and the length of `area`.
    pub(super) fn fits(&self, area: &Area, input: &Input<'_>) -> bool {
        let len = area.height * area.width * area.channels;
        match (self, input) {
            (InputPort::BytesHwc(_) | InputPort::BytesChw(_), Input::Bytes(x)) => x.len() == len,
            (InputPort::FloatsChw(..), Input::Floats(x)) => x.len() == len,
            _ => false,
        }
    }

    /// Copies rows of the tensor into its map.
    ///
    /// # Safety
    /// `arena` belongs to a plan that holds `to`. [`InputPort::fits`] accepted the buffer. No other
    /// thread uses these rows.
    pub(super) unsafe fn load(&self, input: &Input<'_>, arena: *mut u8, to: &Area, rows: Range<usize>) {
        let (w, c) = (to.width, to.channels);
        for y in rows {
            // SAFETY: row `y` of `to`.
            let out = unsafe { std::slice::from_raw_parts_mut(arena.add(to.row(y)), w * to.step) };
            match (self, input) {
                (InputPort::BytesHwc(_), Input::Bytes(x)) => copy_pixels(&x[y * w * c..][..w * c], to, out),
                (InputPort::BytesChw(_), Input::Bytes(x)) => from_planes(x, y * w, to, out, |byte| byte),
                (InputPort::FloatsChw(_, q), Input::Floats(x)) => {
                    from_planes(x, y * w, to, out, |real| q.quantize(real));
                }
                _ => {}
            }
        }
    }
}

/// Copies a row of dense pixels into a row of `to`, where pixels are padded.
fn copy_pixels(row: &[u8], to: &Area, out: &mut [u8]) {
    let c = to.channels;
    if to.step == c {
        out.copy_from_slice(row);
        return;
    }
    for (out, x) in out.chunks_exact_mut(to.step).zip(row.chunks_exact(c)) {
        out[..c].copy_from_slice(x);
    }
}

/// Collects a row of `to` from planes, in each of which the row begins at `at`.
#[inline(always)]
fn from_planes<T: Copy>(x: &[T], at: usize, to: &Area, out: &mut [u8], byte: impl Fn(T) -> u8) {
    let plane = to.width * to.height;
    for (p, out) in out.chunks_exact_mut(to.step).enumerate() {
        for (c, out) in out[..to.channels].iter_mut().enumerate() {
            *out = byte(x[c * plane + at + p]);
        }
    }
}

impl OutputPort {
    /// Whether the buffer has the port's type and the length of `area`.
    pub(super) fn fits(&self, area: &Area, output: &Output<'_>) -> bool {
        let len = area.height * area.width * area.channels;
        match (self, output) {
            (OutputPort::BytesChw(_), Output::Bytes(x)) => x.len() == len,
            (OutputPort::RealsChw(..) | OutputPort::FloatsChw(_), Output::Floats(x)) => x.len() == len,
            _ => false,
        }
    }

    /// Copies the map into the tensor.
    ///
    /// # Safety
    /// `arena` belongs to a plan that holds `from`. [`OutputPort::fits`] accepted the buffer. No
    /// other thread writes the map.
    pub(super) unsafe fn save(&self, output: &mut Output<'_>, arena: *const u8, from: &Area) {
        // SAFETY: the caller's contract; the map holds bytes or floats as its port says.
        unsafe {
            match (self, output) {
                (OutputPort::BytesChw(_), Output::Bytes(out)) => to_planes(arena, from, out, |v: u8| v),
                (OutputPort::RealsChw(_, q), Output::Floats(out)) => {
                    let reals: [f32; 256] = std::array::from_fn(|v| q.real(v as u8));
                    to_planes(arena, from, out, |v: u8| reals[usize::from(v)]);
                }
                (OutputPort::FloatsChw(_), Output::Floats(out)) => to_planes(arena, from, out, |v: f32| v),
                _ => {}
            }
        }
    }
}

/// Pixels that are copied together, so that their cache lines are still there for the next channel.
const TOGETHER: usize = 16;

/// Spreads a map over planes.
///
/// # Safety
/// `from` lies in `arena`. Its pixels hold a `T` for each channel, aligned.
unsafe fn to_planes<T: Copy, U>(arena: *const u8, from: &Area, out: &mut [U], value: impl Fn(T) -> U) {
    let (w, plane) = (from.width, from.width * from.height);
    for (y, p) in (0..from.height).flat_map(|y| (0..w).step_by(TOGETHER).map(move |p| (y, p))) {
        let n = TOGETHER.min(w - p);
        // SAFETY: a pixel of the map.
        let pixels = unsafe { arena.add(from.row(y) + p * from.step).cast::<T>() };
        for c in 0..from.channels {
            // SAFETY: channel `c` of `n` pixels of the map.
            let value = |i: usize| value(unsafe { *pixels.byte_add(i * from.step).add(c) });
            let at = c * plane + y * w + p;
            out[at..at + n].iter_mut().enumerate().for_each(|(i, out)| *out = value(i));
        }
    }
}
