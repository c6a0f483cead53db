//! Depthwise convolution: all taps at once for 3x3 kernels, tap after tap for others.

use super::{LANES, sum_of};
use crate::kernels::Isa;

/// Depthwise convolution of one image, f32 planes in and out.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PlaneConv {
    /// Number of channels.
    pub channels: usize,
    /// Input rows and columns.
    pub size: [usize; 2],
    /// Output rows and columns.
    pub out: [usize; 2],
    /// Kernel rows and columns.
    pub kernel: [usize; 2],
    /// Vertical and horizontal stride, in input pixels.
    pub stride: [usize; 2],
    /// Padding above and to the left.
    pub pad: [usize; 2],
}

impl PlaneConv {
    /// Rows and columns of a padded plane: everything that the last window reads.
    fn padded(&self) -> [usize; 2] {
        std::array::from_fn(|i| {
            ((self.out[i] - 1) * self.stride[i] + self.kernel[i]).max(self.size[i] + self.pad[i])
        })
    }

    /// `y[c] = x[c] * kernel[c] + bias[c]`: x `[C, h, w]`, kernel `[C, kh, kw]`, bias `[C]` or
    /// `[1]`, y `[C, H, W]`.
    ///
    /// # Panics
    /// If a slice does not have the length of its shape.
    pub fn run(&self, isa: Isa, x: &[f32], kernel: &[f32], bias: &[f32], y: &mut [f32]) {
        let ([rows, columns], taps) = (self.padded(), self.kernel[0] * self.kernel[1]);
        let (plane, out_plane) = (self.size[0] * self.size[1], self.out[0] * self.out[1]);
        assert!(x.len() == self.channels * plane && y.len() == self.channels * out_plane);
        assert!(kernel.len() == self.channels * taps && [1, self.channels].contains(&bias.len()));
        // The last vectors read and write more than the last window needs.
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

/// Copies each `stride`th value.
#[inline(always)]
fn every(stride: usize, from: &[f32], to: &mut [f32]) {
    match stride {
        1 => to.copy_from_slice(&from[..to.len()]),
        s => to.iter_mut().zip(from.iter().step_by(s)).for_each(|(to, v)| *to = *v),
    }
}

versions! {
    fn three_by_three(
        fused: bool, op: &PlaneConv, kernel: &[f32; 9], bias: f32, padded: &[f32], sums: &mut [f32], out: &mut [f32],
    ) = three_by_three_body;
}

/// The 3x3 windows of one padded plane: of the whole plane at once, or row by row if a stride skips
/// some.
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
            let rows = std::array::from_fn(|ky| &padded[ky * columns + i..][..LANES + 2]);
            nine_taps(fused, rows, kernel, bias, &mut sums[i..i + LANES]);
        }
        for (r, out) in out.chunks_exact_mut(width).enumerate() {
            every(op.stride[1], &sums[r * columns..], out);
        }
    }
}

/// Neighbouring 3x3 windows; the first window begins with the rows.
#[inline(always)]
fn nine_taps(fused: bool, rows: [&[f32]; 3], kernel: &[f32; 9], bias: f32, sums: &mut [f32]) {
    for (l, to) in sums.iter_mut().enumerate() {
        let mut sum = bias;
        for t in 0..9 {
            sum = sum_of(fused, sum, rows[t / 3][l + t % 3], kernel[t]);
        }
        *to = sum;
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
    use super::super::noise;
    use super::*;

    /// The output by the definition of the convolution.
    fn definition(op: &PlaneConv, x: &[f32], kernel: &[f32], bias: &[f32]) -> Vec<f32> {
        let ([h, w], [kh, kw], taps) = (op.size, op.kernel, op.kernel[0] * op.kernel[1]);
        let pixel = |c: usize, y: usize, x_at: usize| {
            let (y, x_at) = (y.checked_sub(op.pad[0])?, x_at.checked_sub(op.pad[1])?);
            (y < h && x_at < w).then(|| x[(c * h + y) * w + x_at])
        };
        let output = |i: usize| {
            let (c, r, q) = (i / op.out[1] / op.out[0], i / op.out[1] % op.out[0], i % op.out[1]);
            let tap = |t: usize| {
                let pixel = pixel(c, r * op.stride[0] + t / kw, q * op.stride[1] + t % kw);
                pixel.unwrap_or(0.0) * kernel[c * taps + t]
            };
            bias[c] + (0..kh * kw).map(tap).sum::<f32>()
        };
        (0..op.channels * op.out[0] * op.out[1]).map(output).collect()
    }

    #[test]
    fn it_equals_its_definition_on_every_set() {
        let rng = &mut fastrand::Rng::with_seed(1);
        for (size, kernel, stride) in
            [([7, 5], 3, 1), ([3, 40], 3, 1), ([8, 6], 3, 2), ([9, 9], 5, 1), ([7, 8], 5, 2)]
        {
            let pad = kernel / 2;
            let out = size.map(|n: usize| (n + 2 * pad - kernel) / stride + 1);
            let op =
                PlaneConv { channels: 3, size, out, kernel: [kernel; 2], stride: [stride; 2], pad: [pad; 2] };
            let (x, k) = (noise(rng, 3 * size[0] * size[1]), noise(rng, 3 * kernel * kernel));
            let b = noise(rng, 3);
            let want = definition(&op, &x, &k, &b);
            for isa in Isa::available() {
                let mut y = vec![0.0; want.len()];
                op.run(isa, &x, &k, &b, &mut y);
                let close = y.iter().zip(&want).all(|(y, want)| (y - want).abs() < 1e-5);
                assert!(close, "{isa:?} {op:?}: {y:?} {want:?}");
            }
        }
    }
}
