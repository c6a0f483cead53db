//! One plain function, compiled once for each instruction set that the compiler can use it with.

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
            // SAFETY: the caller's promise, passed on; `isa` says that the processor has the features.
            unsafe {
                match isa {
                    #[cfg(target_arch = "x86_64")]
                    $crate::kernels::Isa::Avx512Vnni => avx512($($arg),*),
                    #[cfg(target_arch = "x86_64")]
                    $crate::kernels::Isa::Avx2 | $crate::kernels::Isa::AvxVnni => avx2($($arg),*),
                    _ => $body($($arg),*),
                }
            }
        }
    };
}
