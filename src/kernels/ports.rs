//! The plan's edges: plain tensors in and out, in the layouts of ONNX and of the crop.

use super::arena::Area;
use super::{MapId, Quant};

/// A tensor that a plan reads, and the map that it becomes.
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
    /// The map that the tensor becomes.
    pub fn map(&self) -> MapId {
        match self {
            InputPort::BytesHwc(m) | InputPort::BytesChw(m) | InputPort::FloatsChw(m, _) => *m,
        }
    }
}

/// A tensor that a plan writes, and the map that it is made of.
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
    /// The map that the tensor is made of.
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
    /// The buffer is of the port's kind and holds `area`'s values.
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
    /// `arena` is an arena of the plan that holds `to`, `fits` said yes, and no other thread uses these rows.
    pub(super) unsafe fn load(
        &self,
        input: &Input<'_>,
        arena: *mut u8,
        to: &Area,
        rows: std::ops::Range<usize>,
    ) {
        let (w, c, plane) = (to.width, to.channels, to.width * to.height);
        for y in rows {
            // SAFETY: row `y` of `to`.
            let out = unsafe { std::slice::from_raw_parts_mut(arena.add(to.row(y)), w * to.step) };
            match (self, input) {
                (InputPort::BytesHwc(_), Input::Bytes(x)) => {
                    let row = &x[y * w * c..][..w * c];
                    if to.step == c {
                        out.copy_from_slice(row);
                    } else {
                        for (out, x) in out.chunks_exact_mut(to.step).zip(row.chunks_exact(c)) {
                            out[..c].copy_from_slice(x);
                        }
                    }
                }
                (InputPort::BytesChw(_), Input::Bytes(x)) => {
                    for (p, out) in out.chunks_exact_mut(to.step).enumerate() {
                        (0..c).for_each(|i| out[i] = x[i * plane + y * w + p]);
                    }
                }
                (InputPort::FloatsChw(_, q), Input::Floats(x)) => {
                    for (p, out) in out.chunks_exact_mut(to.step).enumerate() {
                        (0..c).for_each(|i| out[i] = q.quantize(x[i * plane + y * w + p]));
                    }
                }
                _ => {}
            }
        }
    }
}

impl OutputPort {
    /// The buffer is of the port's kind and holds `area`'s values.
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
    /// `arena` is an arena of the plan that holds `from`, `fits` said yes, and no other thread writes it.
    pub(super) unsafe fn save(&self, output: &mut Output<'_>, arena: *const u8, from: &Area) {
        let (w, plane) = (from.width, from.width * from.height);
        let table: [f32; 256] = match self {
            OutputPort::RealsChw(_, q) => std::array::from_fn(|v| q.real(v as u8)),
            _ => [0.0; 256],
        };
        for y in 0..from.height {
            // SAFETY: row `y` of `from`.
            let row = unsafe { arena.add(from.row(y)) };
            // A few pixels at a time, so that each one's lines are still there for its next channel.
            for p in (0..w).step_by(16) {
                let (n, at) = (16.min(w - p), y * w + p);
                for c in 0..from.channels {
                    let place = c * plane + at..c * plane + at + n;
                    // SAFETY: channel `c` of a pixel of the row; f32 maps are aligned.
                    let byte = |i: usize| unsafe { *row.add((p + i) * from.step + c) };
                    match (self, &mut *output) {
                        (OutputPort::BytesChw(_), Output::Bytes(out)) => {
                            out[place].iter_mut().enumerate().for_each(|(i, out)| *out = byte(i));
                        }
                        (OutputPort::RealsChw(..), Output::Floats(out)) => {
                            let out = out[place].iter_mut().enumerate();
                            out.for_each(|(i, out)| *out = table[usize::from(byte(i))]);
                        }
                        (OutputPort::FloatsChw(_), Output::Floats(out)) => {
                            // SAFETY: as above.
                            let real =
                                |i: usize| unsafe { *row.add((p + i) * from.step).cast::<f32>().add(c) };
                            out[place].iter_mut().enumerate().for_each(|(i, out)| *out = real(i));
                        }
                        _ => {}
                    }
                }
            }
        }
    }
}
