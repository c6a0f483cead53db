//! Fused multiply-add, `x * w + sum` rounded once, also for processors without such an instruction.

/// `x * w + sum` of finite numbers, rounded once. `native`: the processor has the instruction;
/// otherwise the same bits come from f64 arithmetic.
#[inline(always)]
pub fn fused(native: bool, x: f32, w: f32, sum: f32) -> f32 {
    if native { x.mul_add(w, sum) } else { in_f64(x, w, sum) }
}

/// Emulates the instruction in f64.
///
/// f64 holds the product exactly, but not always the sum, and rounding to f64 and then to f32 can
/// round twice. So the f64 sum is rounded to odd first, which keeps what the second rounding needs
/// (Boldo and Melquiond, Emulation of FMA and correctly rounded sums, 2008). The C library's `fmaf`
/// takes about a hundred instructions instead.
#[inline(always)]
fn in_f64(x: f32, w: f32, sum: f32) -> f32 {
    let (product, addend) = (f64::from(x) * f64::from(w), f64::from(sum));
    let near = product + addend;
    // The exact error of the sum (Knuth's two-sum).
    let added = near - product;
    let lost = (product - (near - added)) + (addend - added);
    let bits = near.to_bits();
    let even = lost != 0.0 && bits & 1 == 0;
    let outward = (lost > 0.0) == (near > 0.0);
    let step = u64::from(even).wrapping_mul(if outward { 1 } else { u64::MAX });
    f64::from_bits(bits.wrapping_add(step)) as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_equals_the_processors_own(x: u32, w: u32, sum: u32, byte: u8, near in -40i32..40) {
            let [x, w, sum] = [x, w, sum].map(f32::from_bits);
            // Also sums near the product's size or next to a tie: the hard cases of rounding.
            let close = (x * w) * (near as f32).exp2();
            for (x, sum) in [(x, sum), (x, close), (byte.into(), sum), (byte.into(), f32::from(byte) * w * 1.5e7)] {
                let want = x.mul_add(w, sum);
                if [x, w, sum].iter().all(|v| v.is_finite()) {
                    prop_assert_eq!(in_f64(x, w, sum).to_bits(), want.to_bits(), "{} * {} + {}", x, w, sum);
                }
            }
        }
    }

    /// Each product lies half way between two f32 and f64 cannot hold the small addend: rounding to
    /// f64 first would then pick the even neighbour.
    #[test]
    fn a_sum_is_not_rounded_twice() {
        let little = (-40f32).exp2();
        // 2^24 + 1 plus a little is above half way; 2^24 + 11 minus a little is below.
        for (x, w, sum, want) in [(24929.0, 673.0, little, 16777218.0), (3.0, 5592409.0, -little, 16777226.0)]
        {
            assert_ne!((f64::from(x) * f64::from(w) + f64::from(sum)) as f32, want);
            assert_eq!((in_f64(x, w, sum), x.mul_add(w, sum)), (want, want));
            assert_eq!(in_f64(-x, w, -sum), -want);
        }
    }
}
