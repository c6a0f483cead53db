//! Grouped transposed convolution of a u8 map: LPN's head doubles its heatmaps with it.

#[cfg(target_arch = "x86_64")]
mod doubling;
mod generic;
mod spec;

pub use spec::DeconvSpec;

use super::arena::{Area, Border};
use super::requant::{Requant, RequantSpec};
use super::{Error, Isa};
#[cfg(target_arch = "x86_64")]
use doubling::Doubling;
use generic::TapWeights;
use std::ops::Range;

/// A transposed convolution, packed.
pub struct Deconv {
    isa: Isa,
    requant: Requant,
    generic: TapWeights,
    /// The weights for the kernel by hand, if it can compute this convolution.
    #[cfg(target_arch = "x86_64")]
    doubling: Option<Doubling>,
}

impl Deconv {
    pub const STEP: &'static str = "transposed convolution";

    /// The border that a kernel may read of `from`, for maps of these rows and columns.
    pub fn border(spec: &DeconvSpec, from: (usize, usize), to: (usize, usize)) -> Border {
        let side = usize::from(spec.doubles(from, to));
        Border { top: side, left: side, bottom: side, right: side }
    }

    /// Checks `spec` and packs it.
    ///
    /// # Errors
    /// If groups or weights do not fit the maps, the kernel is too long, or as [`Requant::new`].
    pub fn new(isa: Isa, spec: &DeconvSpec, from: &Area, to: &Area) -> Result<Deconv, Error> {
        let requant = requant(spec, from.channels, to.channels)?;
        let generic = TapWeights::new(spec, from.channels, to.channels);
        #[cfg(target_arch = "x86_64")]
        let doubling = {
            let doubles = spec.doubles((from.height, from.width), (to.height, to.width));
            let one_to_two = to.channels == spec.groups && from.channels / spec.groups <= 2;
            let by_hand = isa != Isa::Generic && doubles && one_to_two && requant.fits_i32;
            by_hand.then(|| Doubling::new(spec, to.channels, &requant))
        };
        Ok(Deconv {
            isa,
            requant,
            generic,
            #[cfg(target_arch = "x86_64")]
            doubling,
        })
    }

    /// Computes `rows` of `to`.
    ///
    /// # Safety
    /// `arena` belongs to the plan that this step was built for. No other thread writes `from` or
    /// uses these rows of `to`.
    pub unsafe fn run(&self, arena: *mut u8, from: &Area, to: &Area, rows: Range<usize>) {
        #[cfg(target_arch = "x86_64")]
        if let Some(doubling) = &self.doubling {
            // SAFETY: the caller's contract; `from` has the border; the set is not `Generic`.
            return unsafe { doubling::double(self.isa, doubling, &self.requant, arena, from, to, rows) };
        }
        // SAFETY: the caller's contract.
        unsafe { generic::deconv(self.isa, &self.generic, &self.requant, arena, from, to, rows) };
    }
}

/// Checks the shapes and values of `spec` for `ci` input and `co` output channels.
fn requant(spec: &DeconvSpec, ci: usize, co: usize) -> Result<Requant, Error> {
    let bad = |what: String| Error::step(Deconv::STEP, what);
    let ([rows, columns], g) = (spec.kernel, spec.groups);
    let grouped = g > 0 && ci.is_multiple_of(g) && co.is_multiple_of(g);
    let window = rows * columns > 0 && rows.max(columns) <= generic::LONGEST && !spec.stride.contains(&0);
    if !grouped || !window {
        return Err(bad(format!("{g} groups of {ci} -> {co} channels, {rows}x{columns}")));
    }
    let taps = ci / g * rows * columns;
    if spec.weights.len() != co * taps {
        let n = spec.weights.len();
        return Err(bad(format!("{n} weights for {ci} -> {co} channels, {rows}x{columns}")));
    }
    let values = RequantSpec {
        bias: &spec.bias,
        mult: &spec.mult,
        // The kernels subtract it from each byte: the number of taps differs from pixel to pixel.
        input_zero_point: 0,
        zero_point: spec.output_zero_point,
        low: spec.clamp.0,
        high: spec.clamp.1,
    };
    Requant::new(co, |o| spec.weights[o * taps..][..taps].iter().copied(), values).map_err(bad)
}
