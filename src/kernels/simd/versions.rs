//! Macros that compile one function for several instruction sets.

/// Defines `unsafe fn $name(isa, args..)`: `$body(args..)`, an `#[inline(always)]` function of
/// plain Rust, compiled once for each set that the compiler can vectorise for.
///
/// Callers fulfil the contract of `$body`, and the processor has `isa`.
macro_rules! versions {
    ($(#[$meta:meta])* $vis:vis fn $name:ident($($arg:ident: $ty:ty),* $(,)?) = $body:path;) => {
        $(#[$meta])*
        #[allow(clippy::too_many_arguments, reason = "the arguments of the plain function")]
        $vis unsafe fn $name(isa: $crate::kernels::Isa, $($arg: $ty),*) {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,fma")]
            #[allow(clippy::too_many_arguments)]
            unsafe fn avx512($($arg: $ty),*) {
                // SAFETY: the caller's contract.
                unsafe { $body($($arg),*) }
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            #[allow(clippy::too_many_arguments)]
            unsafe fn avx2($($arg: $ty),*) {
                // SAFETY: the caller's contract.
                unsafe { $body($($arg),*) }
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "sse4.1")]
            #[allow(clippy::too_many_arguments)]
            unsafe fn sse41($($arg: $ty),*) {
                // SAFETY: the caller's contract.
                unsafe { $body($($arg),*) }
            }
            // SAFETY: the caller's contract; the processor has the features of `isa`.
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

/// Defines `unsafe fn $name(isa, args..)`: `$body::<V>(args..)`, an `#[inline(always)]` function
/// over a [`Vector`](super::x86_256::Vector), compiled for the registers of SSE4.1 and of AVX2.
/// Every set but `Sse41` has AVX2.
///
/// Callers fulfil the contract of `$body`, and the processor has `isa`.
#[cfg(target_arch = "x86_64")]
macro_rules! on_256_bits {
    ($(#[$meta:meta])* $vis:vis fn $name:ident($($arg:ident: $ty:ty),* $(,)?) = $body:ident;) => {
        $(#[$meta])*
        $vis unsafe fn $name(isa: $crate::kernels::Isa, $($arg: $ty),*) {
            #[target_feature(enable = "avx2")]
            unsafe fn avx2($($arg: $ty),*) {
                // SAFETY: the caller's contract; the processor has AVX2.
                unsafe { $body::<$crate::kernels::simd::x86_256::Avx2>($($arg),*) }
            }
            #[target_feature(enable = "sse4.1")]
            unsafe fn sse41($($arg: $ty),*) {
                // SAFETY: the caller's contract; the processor has SSE4.1.
                unsafe { $body::<$crate::kernels::simd::x86_256::Sse41>($($arg),*) }
            }
            // SAFETY: the caller's contract; the processor has the features of `isa`.
            unsafe {
                match isa {
                    $crate::kernels::Isa::Sse41 => sse41($($arg),*),
                    _ => avx2($($arg),*),
                }
            }
        }
    };
}

/// Defines the methods of a trait over vector registers, each compiled for `$features`.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
macro_rules! methods {
    ($features:literal, $(fn $name:ident($($arg:ident: $ty:ty),*) -> $out:ty $body:block)*) => {$(
        #[inline]
        #[target_feature(enable = $features)]
        unsafe fn $name($($arg: $ty),*) -> $out $body
    )*};
}
