//! Kernels by hand for x86-64.

pub mod avx512;
mod depthwise;
pub mod doubling;
mod paired;
mod store;
mod vector;
pub mod vnni256;

/// The kernels that are written once for 256 bits, compiled for a vector unit.
macro_rules! compiled {
    ($name:ident, $unit:ident, $features:literal) => {
        pub mod $name {
            use super::doubling::Doubling;
            use super::vector::$unit;
            use crate::kernels::arena::Area;
            use crate::kernels::conv::Conv;
            use crate::kernels::depthwise::Depthwise;
            use crate::kernels::requant::Requant;
            use std::ops::Range;

            /// # Safety
            /// As [`Conv::run`]; the processor has the unit.
            #[target_feature(enable = $features)]
            pub unsafe fn conv(k: &Conv, arena: *mut u8, from: &Area, to: &Area, rows: Range<usize>) {
                // SAFETY: the caller's promise, passed on, as in what follows.
                unsafe { super::paired::conv::<$unit>(k, arena, from, to, rows) };
            }

            /// # Safety
            /// As [`Depthwise::run`]; the processor has the unit.
            #[target_feature(enable = $features)]
            pub unsafe fn depthwise(
                k: &Depthwise,
                arena: *mut u8,
                from: &Area,
                to: &Area,
                rows: Range<usize>,
            ) {
                // SAFETY: as above.
                unsafe { super::depthwise::depthwise::<$unit>(k, arena, from, to, rows) };
            }

            /// # Safety
            /// As [`Doubling::run`]; the processor has the unit.
            #[target_feature(enable = $features)]
            pub unsafe fn double(
                k: &Doubling,
                q: &Requant,
                arena: *mut u8,
                from: &Area,
                to: &Area,
                rows: Range<usize>,
            ) {
                // SAFETY: as above.
                unsafe { k.run::<$unit>(q, arena, from, to, rows) };
            }
        }
    };
}

compiled!(avx2, Avx2, "avx2");
compiled!(sse41, Sse41, "sse4.1");
