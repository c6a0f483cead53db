//! `x * w + sum`, rounded once, also on processors that have no instruction for it.

/// `x * w + sum` of finite numbers, rounded once: in one instruction where the processor has it (`in_one`), else in f64.
#[inline(always)]
pub fn fused(in_one: bool, x: f32, w: f32, sum: f32) -> f32 {
    if in_one { x.mul_add(w, sum) } else { in_f64(x, w, sum) }
}

/// f64 holds the product exactly. It need not hold the sum, which would then be rounded twice: so it is rounded to odd
/// first, which leaves the second rounding what it must know (Boldo and Melquiond, Emulation of FMA and correctly rounded
/// sums, 2008). The C library's own is some hundred instructions a number.
#[inline(always)]
fn in_f64(x: f32, w: f32, sum: f32) -> f32 {
    let (product, addend) = (f64::from(x) * f64::from(w), f64::from(sum));
    let near = product + addend;
    // What the sum lost, exactly (Knuth's two-sum).
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
        fn it_is_the_processors_own(x: u32, w: u32, sum: u32, byte: u8, near in -40i32..40) {
            let [x, w, sum] = [x, w, sum].map(f32::from_bits);
            // Some sums are near the product's size, or next to a tie: where rounding is decided.
            let close = (x * w) * (near as f32).exp2();
            for (x, sum) in [(x, sum), (x, close), (byte.into(), sum), (byte.into(), f32::from(byte) * w * 1.5e7)] {
                let want = x.mul_add(w, sum);
                if [x, w, sum].iter().all(|v| v.is_finite()) {
                    prop_assert_eq!(in_f64(x, w, sum).to_bits(), want.to_bits(), "{} * {} + {}", x, w, sum);
                }
            }
        }
    }

    /// Each product is half way between two f32, and f64 has no room for the rest: rounded there first, the sum would go to
    /// the even one.
    #[test]
    fn a_sum_is_not_rounded_twice() {
        let little = (-40f32).exp2();
        // 2^24 + 1 and a little is more than half way; 2^24 + 11 less a little is less.
        for (x, w, sum, want) in [(24929.0, 673.0, little, 16777218.0), (3.0, 5592409.0, -little, 16777226.0)]
        {
            assert_ne!((f64::from(x) * f64::from(w) + f64::from(sum)) as f32, want);
            assert_eq!((in_f64(x, w, sum), x.mul_add(w, sum)), (want, want));
            assert_eq!(in_f64(-x, w, -sum), -want);
        }
    }
}
