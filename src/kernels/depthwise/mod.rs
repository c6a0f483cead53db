//! Depthwise convolution of a u8 map: each channel has a kernel of its own.
//!
//! The kernels by hand compute 3x3 windows, a block of channels of a pixel at a time. They prepare
//! a column of three rows once and use it for the windows of up to three pixels. Most sets compute
//! 5x5 windows, too; AVX-512 and `sdot` leave them to the kernels of AVX2 and of plain NEON.

mod generic;
mod packed;

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(posed_neon)]
mod armv7;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod x86_256;

pub use packed::Depthwise;

use super::Isa;
use super::arena::Area;
use std::ops::Range;

impl Depthwise {
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
                Isa::Avx512Vnni => avx512::depthwise(self, arena, from, to, rows),
                #[cfg(target_arch = "x86_64")]
                Isa::Avx2 | Isa::AvxVnni | Isa::Sse41 => {
                    x86_256::depthwise(self.isa, self, arena, from, to, rows);
                }
                #[cfg(target_arch = "aarch64")]
                Isa::DotProd => aarch64::by_dot(self, arena, from, to, rows),
                #[cfg(target_arch = "aarch64")]
                Isa::Neon => aarch64::by_mlal(self, arena, from, to, rows),
                #[cfg(posed_neon)]
                Isa::Neon => armv7::depthwise(self, arena, from, to, rows),
                isa => generic::depthwise(isa, self, arena, from, to, rows),
            }
        }
    }
}
