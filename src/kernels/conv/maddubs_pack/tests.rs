//! No packed vector saturates, and the sums are those of the weights.

use super::*;

/// The sum of two products in one i16 lane of the vector with bytes from `at` on.
fn product(weights: &PairedWeights, at: usize, signed: bool, x: [u8; 2]) -> i32 {
    let factor = |i: usize| {
        let w = weights.bytes[at + i];
        if signed {
            i32::from(w) * i32::from((x[i] ^ weights.bytes[at + 32 + i]) as i8)
        } else {
            i32::from(w as i8) * i32::from(x[i])
        }
    };
    factor(0) + factor(1)
}

/// For each vector of the first tile, how many its group has and whether it is signed.
fn forms(weights: &PairedWeights) -> Vec<(usize, bool)> {
    let groups = VectorGroup::ALL.into_iter().zip(weights.tiles[0].vectors);
    let of_group = |(group, n): (VectorGroup, usize)| {
        let together = group.forms().len();
        (0..n).map(move |i| (together, group.forms()[i % together]))
    };
    groups.flat_map(of_group).collect()
}

/// Packs two vectors with these weights for the first channel, and checks its sums for inputs of
/// extreme bytes.
fn check(weights: [i8; 8]) {
    let mut bias = [0; TILE];
    let order: Vec<usize> = (0..TILE).collect();
    let at = |o: usize, _: usize, byte: usize| if o == 0 { weights[byte] } else { 0 };
    let packed = PairedWeights::new((1, 8, 8), &order, at, &mut bias);
    for b in [[0u8, 0, 0, 0], [0, 255, 0, 255], [255, 0, 255, 255], [255; 4], [128, 127, 3, 250]] {
        let x = [b[0], b[1], 0, 0, b[2], b[3], 0, 0];
        let want: i32 = weights.iter().zip(x).map(|(w, x)| i32::from(*w) * i32::from(x)).sum();
        let (mut total, mut lane, mut at) = (bias[0], 0, 0);
        for (i, (&(together, signed), &offset)) in forms(&packed).iter().zip(&packed.offsets).enumerate() {
            let x = [x[offset as usize], x[offset as usize + 1]];
            let first = together == 1 || i % 2 == 0;
            let value = product(&packed, at, signed, x);
            lane = if first { value } else { lane + value };
            assert!(i16::try_from(lane).is_ok(), "{weights:?} {x:?}: {lane}");
            total += value;
            at += if signed { 64 } else { 32 };
        }
        assert_eq!(total, want, "{weights:?} {x:?}");
    }
}

#[test]
fn no_pair_saturates_and_the_bias_makes_up_for_the_signed_form() {
    // Any two weights of a lane, with some others in a second vector.
    let others = [[0, 0], [127, 127], [-128, -128], [127, -128], [60, -60], [40, 40], [-30, -90]];
    for (a, b) in (i8::MIN..=i8::MAX).flat_map(|a| [-128, -100, -1, 0, 64, 127].map(|b| (a, b))) {
        others.iter().for_each(|c| check([a, b, 0, 0, c[0], c[1], 0, 0]));
    }
}

#[test]
fn vectors_of_trained_weights_all_find_partners() {
    let mut rng = fastrand::Rng::with_seed(1);
    let weights: Vec<i8> = (0..TILE * 256).map(|_| rng.i8(-90..=90)).collect();
    let order: Vec<usize> = (0..TILE).collect();
    let at = |o: usize, _: usize, byte: usize| weights[o * 256 + byte];
    let packed = PairedWeights::new((1, 256, 256), &order, at, &mut [0; TILE]);
    let [plain, mixed, signed, alone @ ..] = packed.tiles[0].vectors;
    assert_eq!((plain + mixed + signed, alone), (64, [0, 0]), "{:?}", packed.tiles);
}
