//! Weights for processors without a dot product of bytes: `vpmaddubsw`, kept from saturating.
//!
//! That instruction multiplies u8 by s8 and adds neighbours in i16, which two products of full bytes can
//! leave. At load, each vector of weights (8 channels by 4 taps) is therefore packed in one of two forms:
//!
//! - *plain*, `x . w`: a sum of neighbours is within `-255 * (negative weights) ..= 255 * (positive weights)`;
//! - *signed*, `|w| . (x ^ mask)`, where `mask` is 0x80, and 0x7f for negative weights: the second factor is
//!   `x - 128`, or `127 - x`, so a sum of neighbours is within `-128 * |w| ..= 127 * |w|` (both weights), which
//!   i16 always holds. It differs from `x . w` by `128 * w`, and by `|w|` where w is negative: constants, which go
//!   into the bias.
//!
//! Widening to i32 costs a multiplication (`vpmaddwd` by one). Where the ranges of two vectors add up to one that
//! i16 holds, which trained weights mostly do when each finds a fitting partner, they are added before it: three
//! multiplications instead of four. Vectors are sorted by what is done with them, so each tile has a list of where
//! its taps lie for each [`Kind`]. Taps with no weight are left out.

/// Channels of a tile: a vector's lanes.
pub const TILE: usize = 8;

/// Taps that are multiplied together.
const TAPS: usize = 4;

/// How many vectors are looked at for the partner of one.
const WINDOW: usize = 256;

/// What is done with vectors of weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Two plain ones added.
    PlainPair,
    /// A signed and a plain one added.
    MixedPair,
    /// Two signed ones added.
    SignedPair,
    /// A plain one alone.
    Plain,
    /// A signed one alone.
    Signed,
}

impl Kind {
    /// All, in the order that a tile's lists have.
    const ALL: [Kind; 5] = [Kind::PlainPair, Kind::MixedPair, Kind::SignedPair, Kind::Plain, Kind::Signed];

    /// Whether each of its vectors is signed.
    fn forms(self) -> &'static [bool] {
        match self {
            Kind::PlainPair => &[false, false],
            Kind::MixedPair => &[true, false],
            Kind::SignedPair => &[true, true],
            Kind::Plain => &[false],
            Kind::Signed => &[true],
        }
    }
}

/// The weights of a convolution.
#[derive(Debug, Default)]
pub struct Pairs {
    /// For each vector its factors, then (if signed) its masks.
    pub weights: Vec<u8>,
    /// Bytes from a pixel's first to each vector's taps.
    pub offsets: Vec<u32>,
    pub tiles: Vec<Tile>,
}

/// Where a tile's weights and offsets begin, and how many offsets each kind has.
#[derive(Debug, Clone, Copy)]
pub struct Tile {
    pub weights: usize,
    pub offsets: usize,
    pub vectors: [usize; 5],
}

/// Weights of 8 channels by 4 taps, and where the taps lie.
#[derive(Debug, Clone)]
struct Vector {
    offset: u32,
    weights: [[i8; TAPS]; TILE],
    /// The largest sum of a lane's two weights, by size.
    largest: i32,
    /// What the lanes can be in the plain and in the signed form.
    ranges: [Ranges; 2],
}

/// Least and largest value of each i16 lane.
type Ranges = [[(i32, i32); 2]; TILE];

impl Vector {
    fn new(offset: u32, weights: [[i8; TAPS]; TILE]) -> Vector {
        let sizes = weights.as_flattened().as_chunks::<2>().0.iter();
        let largest = sizes.map(|pair| pair.iter().map(|w| i32::from(*w).abs()).sum()).max().unwrap_or(0);
        Vector { offset, weights, largest, ranges: [false, true].map(|signed| ranges(&weights, signed)) }
    }

    /// Whether no byte's products can leave i16.
    fn is_plain(&self) -> bool {
        fit(&self.ranges[0], &[[(0, 0); 2]; TILE])
    }
}

fn ranges(weights: &[[i8; TAPS]; TILE], signed: bool) -> Ranges {
    weights.map(|taps| {
        let lane = |i: usize| {
            let pair = [taps[i], taps[i + 1]].map(i32::from);
            let sum = |of: fn(i32) -> i32| pair.map(of).iter().sum::<i32>();
            if signed {
                let size = sum(i32::abs);
                (-128 * size, 127 * size)
            } else {
                (255 * sum(|w| w.min(0)), 255 * sum(|w| w.max(0)))
            }
        };
        [lane(0), lane(2)]
    })
}

/// Whether i16 holds the sums of both.
fn fit(a: &Ranges, b: &Ranges) -> bool {
    let (least, most) = (i32::from(i16::MIN), i32::from(i16::MAX));
    a.as_flattened().iter().zip(b.as_flattened()).all(|(a, b)| a.0 + b.0 >= least && a.1 + b.1 <= most)
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
            let taps = (0..kernel_rows).flat_map(|r| (0..run).step_by(TAPS).map(move |b| (r, b)));
            let vectors = taps.map(|(row, byte)| {
                let weights =
                    std::array::from_fn(|c| std::array::from_fn(|t| at(channels[c], row, byte + t)));
                Vector::new((row * pitch + byte) as u32, weights)
            });
            let lists = paired(vectors.filter(|v| v.largest > 0).collect());
            let vectors = lists.each_ref().map(Vec::len);
            out.tiles.push(Tile { weights: out.weights.len(), offsets: out.offsets.len(), vectors });
            for (kind, list) in Kind::ALL.into_iter().zip(&lists) {
                for (vector, signed) in list.iter().zip(kind.forms().iter().cycle()) {
                    out.offsets.push(vector.offset);
                    out.pack(&vector.weights, *signed, bias);
                }
            }
        }
        out
    }

    fn pack(&mut self, weights: &[[i8; TAPS]], signed: bool, bias: &mut [i32]) {
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

/// Sorts vectors into a list for each kind, in [`Kind::ALL`]'s order. Those with the largest weights choose first:
/// the cheapest kind that some partner allows, of those partners the one with the largest weights.
fn paired(mut vectors: Vec<Vector>) -> [Vec<Vector>; 5] {
    let mut lists: [Vec<Vector>; 5] = Default::default();
    vectors.sort_by_key(|v| v.largest);
    while let Some(one) = vectors.pop() {
        let near = vectors.len().saturating_sub(WINDOW)..vectors.len();
        let partner = |forms: (bool, bool)| {
            let fits =
                |i: &usize| fit(&one.ranges[usize::from(forms.0)], &vectors[*i].ranges[usize::from(forms.1)]);
            near.clone().rev().find(fits).map(|i| (i, forms))
        };
        let choices = [(false, false), (true, false), (false, true), (true, true)];
        let Some((i, forms)) = choices.into_iter().find_map(partner) else {
            lists[if one.is_plain() { 3 } else { 4 }].push(one);
            continue;
        };
        let other = vectors.remove(i);
        lists[usize::from(forms.0) + usize::from(forms.1)].extend(match forms {
            // A mixed pair's signed one is the first.
            (false, true) => [other, one],
            _ => [one, other],
        });
    }
    lists
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What one i16 lane of a vector makes of two bytes.
    fn product(pairs: &Pairs, at: usize, signed: bool, x: [u8; 2]) -> i32 {
        let factor = |i: usize| {
            let w = pairs.weights[at + i];
            if signed {
                i32::from(w) * i32::from((x[i] ^ pairs.weights[at + 32 + i]) as i8)
            } else {
                i32::from(w as i8) * i32::from(x[i])
            }
        };
        factor(0) + factor(1)
    }

    #[test]
    fn no_pair_saturates_and_the_bias_makes_up_for_the_signed_form() {
        // Every two weights of a lane, beside some others, as the first of 8 channels.
        let others = [[0, 0], [127, 127], [-128, -128], [127, -128], [60, -60], [40, 40], [-30, -90]];
        for (a, b) in (i8::MIN..=i8::MAX).flat_map(|a| [-128, -100, -1, 0, 64, 127].map(|b| (a, b))) {
            for c in others {
                let weights = [a, b, 0, 0, c[0], c[1], 0, 0];
                let mut bias = [0; TILE];
                let order: Vec<usize> = (0..TILE).collect();
                let at = |o: usize, _: usize, byte: usize| if o == 0 { weights[byte] } else { 0 };
                let pairs = Pairs::new((1, 8, 8), &order, at, &mut bias);
                let kinds = Kind::ALL.into_iter().zip(pairs.tiles[0].vectors);
                let forms: Vec<(usize, bool)> = kinds
                    .flat_map(|(k, n)| {
                        let together = k.forms().len();
                        (0..n).map(move |i| (together, k.forms()[i % together]))
                    })
                    .collect();
                for bytes in
                    [[0u8, 0, 0, 0], [0, 255, 0, 255], [255, 0, 255, 255], [255; 4], [128, 127, 3, 250]]
                {
                    let x = [bytes[0], bytes[1], 0, 0, bytes[2], bytes[3], 0, 0];
                    let want: i32 = weights.iter().zip(x).map(|(w, x)| i32::from(*w) * i32::from(x)).sum();
                    let (mut total, mut lane, mut at) = (bias[0], 0, 0);
                    for (i, (&(together, signed), &offset)) in forms.iter().zip(&pairs.offsets).enumerate() {
                        let x = [x[offset as usize], x[offset as usize + 1]];
                        let first = together == 1 || i % 2 == 0;
                        let value = product(&pairs, at, signed, x);
                        lane = if first { value } else { lane + value };
                        assert!(i16::try_from(lane).is_ok(), "{weights:?} {x:?}: {lane}");
                        total += value;
                        at += if signed { 64 } else { 32 };
                    }
                    assert_eq!(total, want, "{weights:?} {x:?}");
                }
            }
        }
    }

    #[test]
    fn weights_as_trained_ones_are_all_find_partners() {
        let mut rng = fastrand::Rng::with_seed(1);
        let weights: Vec<i8> = (0..TILE * 256).map(|_| rng.i8(-90..=90)).collect();
        let order: Vec<usize> = (0..TILE).collect();
        let at = |o: usize, _: usize, byte: usize| weights[o * 256 + byte];
        let pairs = Pairs::new((1, 256, 256), &order, at, &mut [0; TILE]);
        let [plain, mixed, signed, alone @ ..] = pairs.tiles[0].vectors;
        assert_eq!((plain + mixed + signed, alone), (64, [0, 0]), "{:?}", pairs.tiles);
    }
}
