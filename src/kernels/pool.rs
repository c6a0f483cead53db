//! Max pooling of a u8 map. Quantization keeps the order of numbers, so bytes are compared.

use super::arena::Area;
use super::{Error, Isa};
use std::ops::Range;

/// Max pooling. Pixels of a window outside the map do not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxPoolSpec {
    /// Window rows and columns.
    pub kernel: [usize; 2],
    /// Vertical and horizontal stride, in input pixels.
    pub stride: [usize; 2],
    /// Padding above and to the left.
    pub pad: [usize; 2],
}

impl MaxPoolSpec {
    pub(super) const STEP: &'static str = "max pool";

    pub(super) fn check(&self, from: &Area, to: &Area) -> Result<(), Error> {
        let inside = |axis: usize, len: usize, out: usize| {
            let (k, s, p) = (self.kernel[axis], self.stride[axis], self.pad[axis]);
            k > 0 && s > 0 && p < k && (out - 1) * s < len + p
        };
        let fits = inside(0, from.height, to.height) && inside(1, from.width, to.width);
        if fits && from.channels == to.channels && from.zero_point == to.zero_point {
            return Ok(());
        }
        Err(Error::step(
            MaxPoolSpec::STEP,
            format!("{self:?} has an empty window, or changes channels or zero point"),
        ))
    }

    /// Computes `rows` of `to`.
    ///
    /// # Safety
    /// `arena` belongs to the plan that this step was checked for. No other thread writes `from` or
    /// uses these rows of `to`.
    pub(super) unsafe fn run(self, isa: Isa, arena: *mut u8, from: &Area, to: &Area, rows: Range<usize>) {
        // SAFETY: the caller's contract; `isa` is one that runs here.
        unsafe { versioned(isa, self, arena, from, to, rows) };
    }

    /// The input positions along an axis of `len` that output position `o` looks at.
    #[inline(always)]
    fn window(self, axis: usize, o: usize, len: usize) -> Range<usize> {
        let (at, pad) = (o * self.stride[axis], self.pad[axis]);
        at.saturating_sub(pad)..(at + self.kernel[axis]).saturating_sub(pad).min(len)
    }
}

versions! {
    fn versioned(k: MaxPoolSpec, arena: *mut u8, from: &Area, to: &Area, rows: Range<usize>) = body;
}

#[inline(always)]
unsafe fn body(k: MaxPoolSpec, arena: *mut u8, from: &Area, to: &Area, rows: Range<usize>) {
    // SAFETY: the caller's contract.
    unsafe {
        if to.step.is_multiple_of(64) {
            rows_of::<64>(k, arena, from, to, rows);
        } else {
            rows_of::<16>(k, arena, from, to, rows);
        }
    }
}

/// Computes `rows` of `to`, `N` channels at a time.
#[inline(always)]
unsafe fn rows_of<const N: usize>(
    k: MaxPoolSpec,
    arena: *mut u8,
    from: &Area,
    to: &Area,
    rows: Range<usize>,
) {
    for y in rows {
        let window_rows = k.window(0, y, from.height);
        for p in 0..to.width {
            let window = [window_rows.clone(), k.window(1, p, from.width)];
            let out = to.row(y) + p * to.step;
            for c in (0..to.step).step_by(N) {
                // SAFETY: the window lies in `from`; `N` channels of a pixel of `to`.
                unsafe { *arena.add(out + c).cast() = largest::<N>(arena.add(c), from, &window) };
            }
        }
    }
}

/// The largest byte of each of `N` channels in a window.
///
/// # Safety
/// The window lies in `from`. The first pixel has the channels at `arena + from.origin`.
#[inline(always)]
unsafe fn largest<const N: usize>(
    arena: *const u8,
    from: &Area,
    [rows, columns]: &[Range<usize>; 2],
) -> [u8; N] {
    let mut largest = [0u8; N];
    for y in rows.clone() {
        for x in columns.clone() {
            // SAFETY: the caller's pixel.
            let pixel = unsafe { &*arena.add(from.row(y) + x * from.step).cast::<[u8; N]>() };
            for l in 0..N {
                largest[l] = largest[l].max(pixel[l]);
            }
        }
    }
    largest
}
