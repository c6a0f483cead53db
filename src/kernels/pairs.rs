//! Weights for processors without a dot product of bytes: `vpmaddubsw`, kept from saturating.
//!
//! That instruction multiplies u8 by s8 and adds neighbours in i16, which two products of full bytes can
//! leave. At load, each vector of weights (8 channels by 4 taps) is therefore packed in one of two forms:
//!
//! - *plain*, `x . w`, where no pair of any channel can leave i16: `-32768 <= 255 * (negative weights)` and
//!   `255 * (positive weights) <= 32767`;
//! - *signed*, `|w| . (x ^ mask)`, where `mask` is 0x80, and 0x7f for negative weights: the second factor is
//!   `x - 128`, or `127 - x`, so a pair is within `2 * 128 * -128 ..= 2 * 128 * 127`, which i16 holds. It differs
//!   from `x . w` by `128 * w`, and by `|w|` where w is negative: constants, which go into the bias.
//!
//! Taps are sorted by form, so each tile has a list of where its taps lie. Taps with no weight are left out.

/// Channels of a tile: two vectors of 8.
pub const TILE: usize = 16;

/// Taps that are multiplied together.
const TAPS: usize = 4;

/// The weights of a convolution.
#[derive(Debug, Default)]
pub struct Pairs {
    /// For each tap group of each tile, both vectors: the factors, then (if signed) the masks.
    pub weights: Vec<u8>,
    /// Bytes from a pixel's first to each tap group's.
    pub offsets: Vec<u32>,
    pub tiles: Vec<Tile>,
}

/// Where a tile's weights and offsets begin, and how many tap groups have which form: neither vector signed,
/// the first, the second, both.
#[derive(Debug, Clone, Copy)]
pub struct Tile {
    pub weights: usize,
    pub offsets: usize,
    pub groups: [usize; 4],
}

impl Pairs {
    /// Packs `kernel_rows` runs of `run` bytes, `pitch` bytes apart, for the channels of `order`;
    /// `at(channel, row, byte)` is a weight. Adds to `bias` (one a channel of `order`) what the forms need.
    pub fn new(
        (kernel_rows, run, pitch): (usize, usize, usize),
        order: &[usize],
        at: impl Fn(usize, usize, usize) -> i8,
        bias: &mut [i32],
    ) -> Pairs {
        let mut out = Pairs::default();
        for (channels, bias) in order.chunks_exact(TILE).zip(bias.chunks_exact_mut(TILE)) {
            let mut forms: [Vec<(u32, [[i8; TAPS]; TILE])>; 4] = Default::default();
            for (row, byte) in (0..kernel_rows).flat_map(|r| (0..run).step_by(TAPS).map(move |b| (r, b))) {
                let weights: [[i8; TAPS]; TILE] =
                    std::array::from_fn(|c| std::array::from_fn(|t| at(channels[c], row, byte + t)));
                let signed = |half: usize| !weights[half * 8..][..8].iter().all(is_plain);
                if weights.as_flattened().iter().any(|w| *w != 0) {
                    let form = usize::from(signed(0)) + 2 * usize::from(signed(1));
                    forms[form].push(((row * pitch + byte) as u32, weights));
                }
            }
            let groups = forms.each_ref().map(Vec::len);
            out.tiles.push(Tile { weights: out.weights.len(), offsets: out.offsets.len(), groups });
            for (form, groups) in forms.iter().enumerate() {
                for (offset, weights) in groups {
                    out.offsets.push(*offset);
                    for (half, (weights, bias)) in
                        weights.chunks_exact(8).zip(bias.chunks_exact_mut(8)).enumerate()
                    {
                        out.vector(weights, form >> half & 1 == 1, bias);
                    }
                }
            }
        }
        out
    }

    fn vector(&mut self, weights: &[[i8; TAPS]], signed: bool, bias: &mut [i32]) {
        if !signed {
            self.weights.extend(weights.as_flattened().iter().map(|w| *w as u8));
            return;
        }
        self.weights.extend(weights.as_flattened().iter().map(|w| w.unsigned_abs()));
        self.weights.extend(weights.as_flattened().iter().map(|w| if *w < 0 { 0x7f } else { 0x80 }));
        for (bias, w) in bias.iter_mut().zip(weights) {
            for w in w.map(i32::from) {
                *bias = bias.wrapping_add(128 * w - w.min(0));
            }
        }
    }
}

/// No byte's products with both pairs of these weights can leave i16.
fn is_plain(weights: &[i8; TAPS]) -> bool {
    weights.as_chunks::<2>().0.iter().all(|pair| {
        let pair = pair.map(i32::from);
        let (most, least) = (pair.map(|w| w.max(0)), pair.map(|w| w.min(0)));
        255 * (most[0] + most[1]) <= i32::from(i16::MAX) && 255 * (least[0] + least[1]) >= i32::from(i16::MIN)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_form_saturates_and_the_bias_makes_up_for_the_signed_one() {
        // The worst bytes for each pair, and some others.
        for a in i8::MIN..=i8::MAX {
            for b in [i8::MIN, -127, -100, -1, 0, 1, 64, 100, 126, 127] {
                let weights = [a, b, 0, 0];
                for x in [[0, 0], [0, 255], [255, 0], [255, 255], [128, 127], [3, 250]] {
                    let want = i32::from(a) * i32::from(x[0]) + i32::from(b) * i32::from(x[1]);
                    let (mut pairs, mut bias) = (Pairs::default(), [0]);
                    pairs.vector(&[weights], !is_plain(&weights), &mut bias);
                    let got = if is_plain(&weights) {
                        want
                    } else {
                        let factor = |i: usize| i32::from((x[i] ^ pairs.weights[4 + i]) as i8);
                        i32::from(pairs.weights[0]) * factor(0) + i32::from(pairs.weights[1]) * factor(1)
                    };
                    assert!(i16::try_from(got).is_ok(), "{a} {b} {x:?}: {got}");
                    assert_eq!(got + bias[0], want, "{a} {b} {x:?}");
                }
            }
        }
    }
}
