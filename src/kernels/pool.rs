//! Max pooling of a u8 map (quantization keeps order, so bytes compare as their reals do).

use super::arena::Area;
use super::{Error, Isa};
use std::ops::Range;

/// Max pooling; windows past the edge take what is inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxPoolSpec {
    /// Window rows and columns.
    pub kernel: [usize; 2],
    /// Steps down and right.
    pub stride: [usize; 2],
    /// Padding above and left.
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
        Err(Error::step(MaxPoolSpec::STEP, format!("{self:?} leaves an empty window, or changes channels")))
    }

    /// Computes `rows` of `to`.
    ///
    /// # Safety
    /// `arena` is an arena of the plan that this step was checked for; no other thread writes `from`, or
    /// touches these rows of `to`.
    pub(super) unsafe fn run(self, isa: Isa, arena: *mut u8, from: &Area, to: &Area, rows: Range<usize>) {
        // SAFETY: the caller's promise, passed on.
        unsafe { versioned(isa, self, arena, from, to, rows) };
    }
}

versions! {
    fn versioned(k: MaxPoolSpec, arena: *mut u8, from: &Area, to: &Area, rows: Range<usize>) = body;
}

#[inline(always)]
unsafe fn body(k: MaxPoolSpec, arena: *mut u8, from: &Area, to: &Area, rows: Range<usize>) {
    // SAFETY: the caller's promise, passed on.
    unsafe {
        if to.step.is_multiple_of(64) {
            blocks::<64>(k, arena, from, to, rows);
        } else {
            blocks::<16>(k, arena, from, to, rows);
        }
    }
}

/// `N` channels at a time.
#[inline(always)]
unsafe fn blocks<const N: usize>(k: MaxPoolSpec, arena: *mut u8, from: &Area, to: &Area, rows: Range<usize>) {
    let window = |axis: usize, o: usize, len: usize| {
        let at = o * k.stride[axis];
        at.saturating_sub(k.pad[axis])..(at + k.kernel[axis]).saturating_sub(k.pad[axis]).min(len)
    };
    for y in rows {
        let window_rows = window(0, y, from.height);
        for p in 0..to.width {
            let columns = window(1, p, from.width);
            for c in (0..to.step).step_by(N) {
                let mut most = [0u8; N];
                for iy in window_rows.clone() {
                    let row = from.row(iy) + c;
                    for ix in columns.clone() {
                        // SAFETY: a pixel of `from`, `N` of its channels.
                        let x = unsafe { &*arena.add(row + ix * from.step).cast::<[u8; N]>() };
                        for l in 0..N {
                            most[l] = most[l].max(x[l]);
                        }
                    }
                }
                // SAFETY: `N` channels of a pixel of `to`.
                unsafe { *arena.add(to.row(y) + p * to.step + c).cast::<[u8; N]>() = most };
            }
        }
    }
}
