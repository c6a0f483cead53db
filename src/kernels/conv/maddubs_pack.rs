//! Weights for `vpmaddubsw`, packed so that it cannot saturate.
//!
//! The instruction multiplies u8 by s8 and adds neighbouring products in i16, which two products of
//! full bytes can leave. So each vector of weights (8 channels by 4 taps) is packed in one of two
//! forms:
//!
//! - *plain*, `x · w`: a sum of two products is in `255 * (negative weights) ..= 255 * (positive
//!   weights)`;
//! - *signed*, `|w| · (x ^ mask)`, where `mask` is 0x80, or 0x7f for a negative weight. The second
//!   factor is then `x - 128` or `127 - x`, so a sum of two products is in
//!   `-128 * |w| ..= 127 * |w|` (of both weights), which i16 always holds. It differs from `x · w`
//!   by `128 * w`, and by `|w|` more where w is negative. These constants go into the bias.
//!
//! Widening to i32 costs a multiplication (`vpmaddwd` by one). If i16 holds the added ranges of two
//! vectors, they are added first: three multiplications instead of four. Most vectors of trained
//! weights find such a partner. Vectors are sorted by [`VectorGroup`], so that a tile has one list
//! of tap offsets for each group. Vectors without weights are left out.

/// Output channels of a tile: the lanes of a vector.
pub const TILE: usize = 8;

/// Taps of a vector.
const TAPS: usize = 4;

/// How many vectors are tried as the partner of one.
const WINDOW: usize = 256;

/// Vectors of weights; the products of a group are added before they are widened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VectorGroup {
    /// Two plain vectors.
    PlainPair,
    /// A signed vector, then a plain one.
    MixedPair,
    /// Two signed vectors.
    SignedPair,
    /// One plain vector.
    Plain,
    /// One signed vector.
    Signed,
}

impl VectorGroup {
    /// In the order of a tile's lists.
    const ALL: [VectorGroup; 5] = [
        VectorGroup::PlainPair,
        VectorGroup::MixedPair,
        VectorGroup::SignedPair,
        VectorGroup::Plain,
        VectorGroup::Signed,
    ];

    /// For each vector of the group, whether it is signed.
    fn forms(self) -> &'static [bool] {
        match self {
            VectorGroup::PlainPair => &[false, false],
            VectorGroup::MixedPair => &[true, false],
            VectorGroup::SignedPair => &[true, true],
            VectorGroup::Plain => &[false],
            VectorGroup::Signed => &[true],
        }
    }
}

/// The packed weights of a convolution.
#[derive(Debug, Default)]
pub struct PairedWeights {
    /// For each vector its factors, then its masks if it is signed.
    pub bytes: Vec<u8>,
    /// For each vector, bytes from a pixel's first input byte to the vector's taps.
    pub offsets: Vec<u32>,
    pub tiles: Vec<TileLists>,
}

/// Where a tile's weights and offsets begin, and how many vectors each [`VectorGroup`] has.
#[derive(Debug, Clone, Copy)]
pub struct TileLists {
    pub bytes: usize,
    pub offsets: usize,
    pub vectors: [usize; 5],
}

/// Weights of 8 channels by 4 taps.
#[derive(Debug, Clone)]
struct WeightVector {
    /// Bytes from a pixel's first input byte to the taps.
    offset: u32,
    weights: [[i8; TAPS]; TILE],
    /// The largest `|a| + |b|` of the two weights of an i16 lane.
    largest: i32,
    /// Ranges of the lanes in the plain and in the signed form.
    ranges: [Ranges; 2],
}

/// Smallest and largest value of each i16 lane.
type Ranges = [[(i32, i32); 2]; TILE];

impl WeightVector {
    fn new(offset: u32, weights: [[i8; TAPS]; TILE]) -> WeightVector {
        let sizes = weights.as_flattened().as_chunks::<2>().0.iter();
        let largest = sizes.map(|pair| pair.iter().map(|w| i32::from(*w).abs()).sum()).max().unwrap_or(0);
        let ranges = [false, true].map(|signed| ranges(&weights, signed));
        WeightVector { offset, weights, largest, ranges }
    }

    /// Whether the plain form cannot leave i16.
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

/// Whether i16 holds the sum of both.
fn fit(a: &Ranges, b: &Ranges) -> bool {
    let (least, most) = (i32::from(i16::MIN), i32::from(i16::MAX));
    a.as_flattened().iter().zip(b.as_flattened()).all(|(a, b)| a.0 + b.0 >= least && a.1 + b.1 <= most)
}

impl PairedWeights {
    /// Packs `kernel_rows` runs of `run` bytes, `pitch` bytes apart, for the channels of `order`.
    /// `at(channel, row, byte)` is a weight. Adds the constants of the signed form to `bias`, one
    /// for each channel of `order`.
    pub fn new(
        (kernel_rows, run, pitch): (usize, usize, usize),
        order: &[usize],
        at: impl Fn(usize, usize, usize) -> i8,
        bias: &mut [i32],
    ) -> PairedWeights {
        let mut out = PairedWeights::default();
        for (channels, bias) in order.chunks_exact(TILE).zip(bias.chunks_exact_mut(TILE)) {
            let taps = (0..kernel_rows).flat_map(|r| (0..run).step_by(TAPS).map(move |b| (r, b)));
            let vectors = taps.map(|(row, byte)| {
                let weights =
                    std::array::from_fn(|c| std::array::from_fn(|t| at(channels[c], row, byte + t)));
                WeightVector::new((row * pitch + byte) as u32, weights)
            });
            let lists = paired(vectors.filter(|v| v.largest > 0).collect());
            let vectors = lists.each_ref().map(Vec::len);
            out.tiles.push(TileLists { bytes: out.bytes.len(), offsets: out.offsets.len(), vectors });
            for (group, list) in VectorGroup::ALL.into_iter().zip(&lists) {
                for (vector, signed) in list.iter().zip(group.forms().iter().cycle()) {
                    out.offsets.push(vector.offset);
                    out.pack(&vector.weights, *signed, bias);
                }
            }
        }
        out
    }

    fn pack(&mut self, weights: &[[i8; TAPS]], signed: bool, bias: &mut [i32]) {
        if !signed {
            self.bytes.extend(weights.as_flattened().iter().map(|w| *w as u8));
            return;
        }
        self.bytes.extend(weights.as_flattened().iter().map(|w| w.unsigned_abs()));
        self.bytes.extend(weights.as_flattened().iter().map(|w| if *w < 0 { 0x7f } else { 0x80 }));
        for (bias, w) in bias.iter_mut().zip(weights) {
            for w in w.map(i32::from) {
                *bias = bias.wrapping_add(128 * w - w.min(0));
            }
        }
    }
}

/// Sorts vectors into a list for each group, in the order of [`VectorGroup::ALL`]. The vectors with
/// the largest weights choose first. Each takes the cheapest group that some partner allows, and of
/// those partners the one with the largest weights.
fn paired(mut vectors: Vec<WeightVector>) -> [Vec<WeightVector>; 5] {
    let mut lists: [Vec<WeightVector>; 5] = Default::default();
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
            // The signed vector of a mixed pair comes first.
            (false, true) => [other, one],
            _ => [one, other],
        });
    }
    lists
}

#[cfg(test)]
mod tests;
