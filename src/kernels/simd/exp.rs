//! The exponential function by operations that the compiler vectorizes.

/// `e^x` for `x <= 0`, within 2 units in the last place, by plain operations: `2^n * p(r)` with
/// the polynomial of the Cephes library.
#[inline(always)]
pub fn exp_nonpositive(x: f32) -> f32 {
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    let x = if x > -87.0 { x } else { -87.0 };
    let n = (x * std::f32::consts::LOG2_E + 12_582_912.0) - 12_582_912.0;
    let r = (x - n * LN2_HIGH) - n * LN2_LOW;
    let mut p = 1.987_569_1e-4f32;
    for c in [1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.500_000_06] {
        p = p * r + c;
    }
    let p = p * (r * r) + r + 1.0;
    p * f32::from_bits(((n as i32 + 127) << 23) as u32)
}

#[cfg(test)]
mod tests {
    use super::exp_nonpositive;

    #[test]
    fn exp_is_close_to_the_library_one() {
        for i in 0..200_000 {
            let x = -(i as f32) * 4e-4;
            let (got, want) = (exp_nonpositive(x), x.exp());
            assert!((got - want).abs() <= 3e-7 * want, "{x}: {got} {want}");
        }
        assert!(exp_nonpositive(f32::NEG_INFINITY) < 1e-37);
    }
}
