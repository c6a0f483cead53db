//! The grouped 4x4 transposed convolution that doubles a map.

use super::{LANES, sum_of};
use crate::kernels::Isa;

/// Grouped transposed convolution: kernel 4x4, stride 2, padding 1, one output channel a group.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PlaneDouble {
    /// Output channels, which is the number of groups.
    pub channels: usize,
    /// Input channels of a group.
    pub members: usize,
    /// Input rows and columns; the output has twice as many.
    pub size: [usize; 2],
}

impl PlaneDouble {
    /// x `[C * members, h, w]`, kernel `[C, members, 4, 4]`, bias `[C]` or `[1]`, y `[C, 2h, 2w]`.
    ///
    /// # Panics
    /// If a slice does not have the length of its shape.
    pub fn run(&self, isa: Isa, x: &[f32], kernel: &[f32], bias: &[f32], y: &mut [f32]) {
        let [h, w] = self.size;
        let (plane, columns) = (h * w, w + 2);
        let inputs = self.channels * self.members;
        assert!(x.len() == inputs * plane && y.len() == self.channels * 4 * plane);
        assert!(kernel.len() == inputs * 16 && [1, self.channels].contains(&bias.len()));
        let mut padded = vec![0f32; self.members * (h + 2) * columns + LANES];
        let mut sums = vec![0f32; 2 * ((h + 1) * columns).next_multiple_of(LANES)];
        for c in 0..self.channels {
            let members = c * self.members..(c + 1) * self.members;
            for (member, padded) in members.zip(padded.chunks_exact_mut((h + 2) * columns)) {
                for (r, row) in x[member * plane..][..plane].chunks_exact(w).enumerate() {
                    padded[(r + 1) * columns + 1..][..w].copy_from_slice(row);
                }
            }
            let kernel = &kernel[c * self.members * 16..][..self.members * 16];
            let (bias, out) = (bias[c.min(bias.len() - 1)], &mut y[c * 4 * plane..][..4 * plane]);
            // SAFETY: the body is safe; `isa` runs here.
            unsafe { doubled(isa, isa.fuses(), self.size, kernel, bias, &padded, &mut sums, out) };
        }
    }
}

versions! {
    fn doubled(
        fused: bool, size: [usize; 2], kernel: &[f32], bias: f32, padded: &[f32], sums: &mut [f32], out: &mut [f32],
    ) = doubled_body;
}

/// One output plane from its members' padded planes. The 2x2 window at (r, c) of those planes gives
/// the output pixels of rows 2r - 1 and 2r and columns 2c - 1 and 2c.
#[inline(always)]
unsafe fn doubled_body(
    fused: bool,
    [h, w]: [usize; 2],
    kernel: &[f32],
    bias: f32,
    padded: &[f32],
    sums: &mut [f32],
    out: &mut [f32],
) {
    let columns = w + 2;
    let (odd, even) = sums.split_at_mut(sums.len() / 2);
    for parity in 0..2 {
        for i in (0..h * columns + w + 1).step_by(LANES) {
            let (mut left, mut right) = ([bias; LANES], [bias; LANES]);
            for (member, kernel) in kernel.as_chunks::<16>().0.iter().enumerate() {
                let row = |dy: usize| &padded[(member * (h + 2) + dy) * columns + i..][..LANES + 1];
                add_windows(fused, [&mut left, &mut right], [row(0), row(1)], taps(kernel, parity));
            }
            odd[i..i + LANES].copy_from_slice(&left);
            even[i..i + LANES].copy_from_slice(&right);
        }
        for (y, out) in out.chunks_exact_mut(2 * w).enumerate().skip(parity).step_by(2) {
            let window = y.div_ceil(2) * columns;
            let pairs = even[window..].iter().zip(&odd[window + 1..]);
            for (out, (even, odd)) in out.as_chunks_mut::<2>().0.iter_mut().zip(pairs) {
                *out = [*even, *odd];
            }
        }
    }
}

/// The weights of a window's four pixels for output rows of one parity: those of the odd column,
/// then of the even one. The nearer a pixel is to the top left, the later its place in the kernel.
#[inline(always)]
fn taps(kernel: &[f32; 16], parity: usize) -> [[f32; 2]; 4] {
    let first = |t: usize| ((parity + 1) % 2 + 2 - t / 2 * 2) * 4 + 2 - t % 2 * 2;
    std::array::from_fn(|t| [kernel[first(t)], kernel[first(t) + 1]])
}

/// Adds one member's part of neighbouring windows; the first window begins with the rows.
#[inline(always)]
fn add_windows(fused: bool, [left, right]: [&mut [f32; LANES]; 2], rows: [&[f32]; 2], taps: [[f32; 2]; 4]) {
    for l in 0..LANES {
        let mut sum = [left[l], right[l]];
        for t in 0..4 {
            sum[0] = sum_of(fused, sum[0], rows[t / 2][l + t % 2], taps[t][0]);
            sum[1] = sum_of(fused, sum[1], rows[t / 2][l + t % 2], taps[t][1]);
        }
        [left[l], right[l]] = sum;
    }
}

#[cfg(test)]
mod tests {
    use super::super::noise;
    use super::*;

    /// The output by the definition of the convolution: each input pixel adds its 16 products.
    fn definition(op: &PlaneDouble, x: &[f32], kernel: &[f32], bias: &[f32]) -> Vec<f32> {
        let [h, w] = op.size;
        let plane = 4 * h * w;
        let mut out: Vec<f32> = (0..op.channels * plane).map(|i| bias[i / plane]).collect();
        for (i, t) in (0..x.len()).flat_map(|i| (0..16).map(move |t| (i, t))) {
            let (member, iy, ix) = (i / w / h, i / w % h, i % w);
            let (oy, ox) = (2 * iy + t / 4, 2 * ix + t % 4);
            if (1..=2 * h).contains(&oy) && (1..=2 * w).contains(&ox) {
                let at = member / op.members * plane + (oy - 1) * 2 * w + ox - 1;
                out[at] += x[i] * kernel[member * 16 + t];
            }
        }
        out
    }

    #[test]
    fn it_equals_its_definition_on_every_set() {
        let rng = &mut fastrand::Rng::with_seed(2);
        for members in [1, 2] {
            let op = PlaneDouble { channels: 3, members, size: [4, 3] };
            let (x, k, b) = (noise(rng, 3 * members * 12), noise(rng, 3 * members * 16), noise(rng, 3));
            let want = definition(&op, &x, &k, &b);
            for isa in Isa::available() {
                let mut y = vec![0.0; want.len()];
                op.run(isa, &x, &k, &b, &mut y);
                assert!(y.iter().zip(&want).all(|(a, b)| (a - b).abs() < 1e-5), "{isa:?} {y:?} {want:?}");
            }
        }
    }
}
