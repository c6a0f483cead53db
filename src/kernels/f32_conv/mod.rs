//! f32 convolutions of planes (NCHW), for networks that are not quantized: depthwise, and the
//! grouped 4x4 transposed convolution that doubles a map.
//!
//! Each plane is padded once. After that the taps of every window lie at the same distances, so
//! sixteen outputs are computed side by side, across the ends of short rows.

mod depthwise;
mod doubling;

pub use depthwise::PlaneConv;
pub use doubling::PlaneDouble;

/// Outputs that are computed side by side.
const LANES: usize = 16;

/// `sum + x * w`. With `fused`, one instruction does both and does not round the product.
#[inline(always)]
fn sum_of(fused: bool, sum: f32, x: f32, w: f32) -> f32 {
    if fused { x.mul_add(w, sum) } else { sum + x * w }
}

#[cfg(test)]
fn noise(rng: &mut fastrand::Rng, n: usize) -> Vec<f32> {
    (0..n).map(|_| rng.f32() - 0.5).collect()
}
