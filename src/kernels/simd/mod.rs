//! What kernels of several operations share for one instruction set: vector types, loads, the
//! requantizing stores, and the macros that compile one function for several sets.

#[macro_use]
pub mod versions;
#[cfg(target_arch = "aarch64")]
pub mod aarch64_dot;
#[cfg(target_arch = "aarch64")]
pub mod aarch64_store;
#[cfg(posed_neon)]
pub mod armv7_store;
#[cfg(target_arch = "x86_64")]
pub mod avx512_store;
pub mod exp;
pub mod fma;
#[cfg(target_arch = "x86_64")]
pub mod x86_256;
#[cfg(target_arch = "x86_64")]
pub mod x86_store;
