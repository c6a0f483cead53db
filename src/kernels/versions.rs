//! How functions are compiled for instruction sets: one plain function for each that the compiler can use it with, and
//! the methods of a vector unit.

/// Defines `unsafe fn $name(isa, args..)`, which runs `$body(args..)` (an `#[inline(always)]` function)
/// compiled for `isa`. Callers promise what `$body` asks for, and that the processor has `isa`.
macro_rules! versions {
    ($(#[$meta:meta])* $vis:vis fn $name:ident($($arg:ident: $ty:ty),* $(,)?) = $body:path;) => {
        $(#[$meta])*
        #[allow(clippy::too_many_arguments, reason = "the plain function's own list")]
        $vis unsafe fn $name(isa: $crate::kernels::Isa, $($arg: $ty),*) {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,fma")]
            #[allow(clippy::too_many_arguments)]
            unsafe fn avx512($($arg: $ty),*) {
                // SAFETY: the caller's promise, passed on.
                unsafe { $body($($arg),*) }
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            #[allow(clippy::too_many_arguments)]
            unsafe fn avx2($($arg: $ty),*) {
                // SAFETY: the caller's promise, passed on.
                unsafe { $body($($arg),*) }
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "sse4.1")]
            #[allow(clippy::too_many_arguments)]
            unsafe fn sse41($($arg: $ty),*) {
                // SAFETY: the caller's promise, passed on.
                unsafe { $body($($arg),*) }
            }
            // SAFETY: the caller's promise, passed on; `isa` says that the processor has the features.
            unsafe {
                match isa {
                    #[cfg(target_arch = "x86_64")]
                    $crate::kernels::Isa::Avx512Vnni => avx512($($arg),*),
                    #[cfg(target_arch = "x86_64")]
                    $crate::kernels::Isa::Avx2 | $crate::kernels::Isa::AvxVnni => avx2($($arg),*),
                    #[cfg(target_arch = "x86_64")]
                    $crate::kernels::Isa::Sse41 => sse41($($arg),*),
                    _ => $body($($arg),*),
                }
            }
        }
    };
}

/// Defines the methods of a trait that stands for a vector unit, each compiled for `$features`.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
macro_rules! methods {
    ($features:literal, $(fn $name:ident($($arg:ident: $ty:ty),*) -> $out:ty $body:block)*) => {$(
        #[inline]
        #[target_feature(enable = $features)]
        unsafe fn $name($($arg: $ty),*) -> $out $body
    )*};
}
