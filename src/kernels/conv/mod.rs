//! Dense convolution of a u8 map: pointwise, strided, and the stem.
//!
//! In an NHWC map with its border, one kernel row of one output pixel reads a *run*: contiguous
//! bytes, `kernel width * channels` of them. So every dense convolution is the same loop: the runs
//! of a pixel against packed weights, and the next pixel `x_step` bytes on.
//!
//! [`packed`] lays the weights out for an instruction set, [`segments`] walks over the output, and
//! one file for each instruction set computes the pixels of a tile.

mod generic;
mod layout;
#[cfg(target_arch = "x86_64")]
mod maddubs_pack;
mod packed;
mod segments;

#[cfg(posed_neon)]
mod armv7;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod dotprod;
#[cfg(target_arch = "x86_64")]
mod maddubs;
#[cfg(target_arch = "aarch64")]
mod neon;
#[cfg(target_arch = "x86_64")]
mod vnni256;

pub use layout::{packed16, packed64};
pub use packed::{Conv, ConvSpec, Packed};

use super::Isa;
use super::arena::Area;
use std::ops::Range;

impl Conv {
    /// Computes `rows` of `to`.
    ///
    /// # Safety
    /// `arena` belongs to the plan that this step was built for. No other thread writes `from` or
    /// uses these rows of `to`.
    pub unsafe fn run(&self, arena: *mut u8, from: &Area, to: &Area, rows: Range<usize>) {
        // SAFETY: the caller's contract; `isa` is one that runs here.
        unsafe {
            match self.isa {
                #[cfg(target_arch = "x86_64")]
                Isa::Avx512Vnni => avx512::conv(self, arena, from, to, rows),
                #[cfg(target_arch = "x86_64")]
                Isa::AvxVnni => vnni256::conv(self, arena, from, to, rows),
                #[cfg(target_arch = "x86_64")]
                Isa::Avx2 | Isa::Sse41 => maddubs::conv(self.isa, self, arena, from, to, rows),
                #[cfg(target_arch = "aarch64")]
                Isa::DotProd => dotprod::conv(self, arena, from, to, rows),
                #[cfg(target_arch = "aarch64")]
                Isa::Neon => neon::conv(self, arena, from, to, rows),
                #[cfg(posed_neon)]
                Isa::Neon => armv7::conv(self, arena, from, to, rows),
                _ => generic::conv(self, arena, from, to, rows),
            }
        }
    }
}
