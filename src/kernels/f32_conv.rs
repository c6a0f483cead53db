//! f32 convolutions of planes (NCHW), for networks that are not quantized: depthwise, and the grouped 4x4
//! transposed convolution that doubles a map. A plane is padded once; then its windows' taps lie at the same distances
//! everywhere, so that sixteen outputs are summed side by side across the ends of rows, however short those are.

use super::Isa;

/// Values that are summed side by side.
const LANES: usize = 16;

/// Depthwise convolution of one image, f32 planes in and out.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PlaneConv {
    /// Channels.
    pub channels: usize,
    /// Input rows and columns.
    pub size: [usize; 2],
    /// Output rows and columns.
    pub out: [usize; 2],
    /// Kernel rows and columns.
    pub kernel: [usize; 2],
    /// Steps down and right.
    pub stride: [usize; 2],
    /// Padding above and left.
    pub pad: [usize; 2],
}

impl PlaneConv {
    /// The padded plane's rows and columns: as much as the last window reads.
    fn padded(&self) -> [usize; 2] {
        std::array::from_fn(|i| {
            ((self.out[i] - 1) * self.stride[i] + self.kernel[i]).max(self.size[i] + self.pad[i])
        })
    }

    /// `y[c] = x[c] * kernel[c] + bias[c]`: x `[C, h, w]`, kernel `[C, kh, kw]`, bias `[C]` or `[1]`, y
    /// `[C, H, W]`.
    ///
    /// # Panics
    /// When a slice is not as long as its shape.
    pub fn run(&self, isa: Isa, x: &[f32], kernel: &[f32], bias: &[f32], y: &mut [f32]) {
        let ([rows, columns], taps) = (self.padded(), self.kernel[0] * self.kernel[1]);
        let (plane, out_plane) = (self.size[0] * self.size[1], self.out[0] * self.out[1]);
        assert!(x.len() == self.channels * plane && y.len() == self.channels * out_plane);
        assert!(kernel.len() == self.channels * taps && [1, self.channels].contains(&bias.len()));
        // Past the end: what the last window's vectors read and write beyond it.
        let mut padded = vec![0f32; rows * columns + self.kernel[1] + LANES];
        let mut sums = vec![0f32; columns * ((self.out[0] - 1) * self.stride[0] + 1) + LANES];
        for c in 0..self.channels {
            for (r, row) in x[c * plane..][..plane].chunks_exact(self.size[1]).enumerate() {
                padded[(r + self.pad[0]) * columns + self.pad[1]..][..self.size[1]].copy_from_slice(row);
            }
            let (bias, out) = (bias[c.min(bias.len() - 1)], &mut y[c * out_plane..][..out_plane]);
            if let (Ok(kernel), [3, 3]) = (kernel[c * taps..][..taps].try_into(), self.kernel) {
                // SAFETY: the body is safe; `isa` runs here.
                unsafe { three_by_three(isa, isa.fuses(), self, kernel, bias, &padded, &mut sums, out) };
                continue;
            }
            sums.fill(bias);
            for (t, w) in kernel[c * taps..][..taps].iter().enumerate() {
                let from = t / self.kernel[1] * columns + t % self.kernel[1];
                // SAFETY: the body is safe; `isa` runs here.
                unsafe { accumulate(isa, isa.fuses(), &mut sums, &padded[from..], *w) };
            }
            for (r, out) in out.chunks_exact_mut(self.out[1]).enumerate() {
                every(self.stride[1], &sums[r * self.stride[0] * columns..], out);
            }
        }
    }
}

/// Takes each `stride`th value.
#[inline(always)]
fn every(stride: usize, from: &[f32], to: &mut [f32]) {
    match stride {
        1 => to.copy_from_slice(&from[..to.len()]),
        s => to.iter_mut().zip(from.iter().step_by(s)).for_each(|(to, v)| *to = *v),
    }
}

/// Grouped transposed convolution, kernel 4x4, stride 2, padding 1, one output channel a group.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PlaneDouble {
    /// Output channels, and groups.
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
    /// When a slice is not as long as its shape.
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

/// `sum + x * w`, the product unrounded where the processor does both in one instruction.
#[inline(always)]
fn sum_of(fused: bool, sum: f32, x: f32, w: f32) -> f32 {
    if fused { x.mul_add(w, sum) } else { sum + x * w }
}

versions! {
    fn three_by_three(
        fused: bool, op: &PlaneConv, kernel: &[f32; 9], bias: f32, padded: &[f32], sums: &mut [f32], out: &mut [f32],
    ) = three_by_three_body;
}

/// One padded plane's 3x3 windows, all taps at once: of the whole plane, or of each row where rows are skipped.
#[inline(always)]
unsafe fn three_by_three_body(
    fused: bool,
    op: &PlaneConv,
    kernel: &[f32; 9],
    bias: f32,
    padded: &[f32],
    sums: &mut [f32],
    out: &mut [f32],
) {
    let (columns, [height, width]) = (op.padded()[1], op.out);
    let wide = (width - 1) * op.stride[1] + 1;
    let rows = if op.stride == [1, 1] { height } else { 1 };
    for (part, out) in out.chunks_exact_mut(rows * width).enumerate() {
        let padded = &padded[part * op.stride[0] * columns..];
        for i in (0..(rows - 1) * columns + wide).step_by(LANES) {
            let rows: [_; 3] = std::array::from_fn(|ky| &padded[ky * columns + i..][..LANES + 2]);
            for (l, to) in sums[i..i + LANES].iter_mut().enumerate() {
                let mut sum = bias;
                for t in 0..9 {
                    sum = sum_of(fused, sum, rows[t / 3][l + t % 3], kernel[t]);
                }
                *to = sum;
            }
        }
        for (r, out) in out.chunks_exact_mut(width).enumerate() {
            every(op.stride[1], &sums[r * columns..], out);
        }
    }
}

versions! {
    fn doubled(
        fused: bool, size: [usize; 2], kernel: &[f32], bias: f32, padded: &[f32], sums: &mut [f32], out: &mut [f32],
    ) = doubled_body;
}

/// One output plane from its members' padded planes. Window (r, c) of those gives the output pixels of rows
/// 2r - 1 and 2r and columns 2c - 1 and 2c.
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
                // The nearer a tap's input is to the top left, the later its kernel place.
                let tap = |t: usize| ((parity + 1) % 2 + 2 - t / 2 * 2) * 4 + 2 - t % 2 * 2;
                let taps: [_; 4] = std::array::from_fn(|t| [kernel[tap(t)], kernel[tap(t) + 1]]);
                let rows = [row(0), row(1)];
                for l in 0..LANES {
                    let mut sum = [left[l], right[l]];
                    for t in 0..4 {
                        sum[0] = sum_of(fused, sum[0], rows[t / 2][l + t % 2], taps[t][0]);
                        sum[1] = sum_of(fused, sum[1], rows[t / 2][l + t % 2], taps[t][1]);
                    }
                    [left[l], right[l]] = sum;
                }
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

versions! { fn accumulate(fused: bool, sums: &mut [f32], x: &[f32], w: f32) = accumulate_body; }

#[inline(always)]
unsafe fn accumulate_body(fused: bool, sums: &mut [f32], x: &[f32], w: f32) {
    for (sum, x) in sums.iter_mut().zip(x) {
        *sum = sum_of(fused, *sum, *x, w);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(rng: &mut fastrand::Rng, n: usize) -> Vec<f32> {
        (0..n).map(|_| rng.f32() - 0.5).collect()
    }

    #[test]
    fn depthwise_is_what_its_definition_says() {
        let rng = &mut fastrand::Rng::with_seed(1);
        for (size, kernel, stride) in
            [([7, 5], 3, 1), ([3, 40], 3, 1), ([8, 6], 3, 2), ([9, 9], 5, 1), ([7, 8], 5, 2)]
        {
            let pad = kernel / 2;
            let out = size.map(|n: usize| (n + 2 * pad - kernel) / stride + 1);
            let op =
                PlaneConv { channels: 3, size, out, kernel: [kernel; 2], stride: [stride; 2], pad: [pad; 2] };
            let [h, w] = size;
            let (x, k, b) = (noise(rng, 3 * h * w), noise(rng, 3 * kernel * kernel), noise(rng, 3));
            for isa in Isa::available() {
                let mut y = vec![0.0; 3 * out[0] * out[1]];
                op.run(isa, &x, &k, &b, &mut y);
                for (i, y) in y.iter().enumerate() {
                    let (c, r, q) = (i / out[1] / out[0], i / out[1] % out[0], i % out[1]);
                    let mut want = b[c];
                    for t in 0..kernel * kernel {
                        let (iy, ix) = (r * stride + t / kernel, q * stride + t % kernel);
                        if (pad..h + pad).contains(&iy) && (pad..w + pad).contains(&ix) {
                            want += x[(c * h + iy - pad) * w + ix - pad] * k[c * kernel * kernel + t];
                        }
                    }
                    assert!((y - want).abs() < 1e-5, "{isa:?} {op:?} at {i}: {y} {want}");
                }
            }
        }
    }

    #[test]
    fn doubling_is_what_its_definition_says() {
        let rng = &mut fastrand::Rng::with_seed(2);
        for members in [1, 2] {
            let op = PlaneDouble { channels: 3, members, size: [4, 3] };
            let (x, k, b) = (noise(rng, 3 * members * 12), noise(rng, 3 * members * 16), noise(rng, 3));
            let mut want: Vec<f32> = (0..3 * 48).map(|i| b[i / 48]).collect();
            for m in 0..3 * members {
                for i in 0..12 * 16 {
                    let (iy, ix, ky, kx) = (i / 16 / 3, i / 16 % 3, i % 16 / 4, i % 4);
                    let (oy, ox) = (2 * iy + ky, 2 * ix + kx);
                    if (1..9).contains(&oy) && (1..7).contains(&ox) {
                        want[m / members * 48 + (oy - 1) * 6 + ox - 1] +=
                            x[m * 12 + iy * 3 + ix] * k[m * 16 + ky * 4 + kx];
                    }
                }
            }
            for isa in Isa::available() {
                let mut y = vec![0.0; 3 * 48];
                op.run(isa, &x, &k, &b, &mut y);
                assert!(y.iter().zip(&want).all(|(a, b)| (a - b).abs() < 1e-5), "{isa:?} {y:?} {want:?}");
            }
        }
    }
}
