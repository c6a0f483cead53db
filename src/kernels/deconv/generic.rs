//! Plain Rust for any kernel and any groups: for each output pixel, the taps that reach it.

use super::spec::DeconvSpec;
use crate::kernels::arena::Area;
use crate::kernels::requant::Requant;
use std::ops::Range;

/// The longest side of a kernel.
pub const LONGEST: usize = 16;

/// Weights by tap.
pub struct TapWeights {
    kernel: [usize; 2],
    stride: [usize; 2],
    pad: [usize; 2],
    /// The input's zero point.
    zero_point: u8,
    /// Input channels that an output channel sums over.
    members: usize,
    /// Each group has one output channel.
    one_out: bool,
    /// Output channels, padded to a multiple of 16.
    padded: usize,
    /// The first input channel of each padded output channel.
    first: Vec<u32>,
    /// `[kernel row][kernel column][member][padded output channel]`.
    weights: Vec<i16>,
}

/// Kernel positions along one axis that reach an output position, each with its input position.
struct AxisTaps {
    taps: [(usize, usize); LONGEST],
    n: usize,
}

impl TapWeights {
    /// `spec` fits `ci` input and `co` output channels.
    pub fn new(spec: &DeconvSpec, ci: usize, co: usize) -> TapWeights {
        let [rows, columns] = spec.kernel;
        let (members, out_of) = (ci / spec.groups, co / spec.groups);
        let padded = co.next_multiple_of(16);
        let mut weights = vec![0; rows * columns * members * padded];
        for (i, w) in weights.iter_mut().enumerate() {
            let (t, j, o) = (i / padded / members, i / padded % members, i % padded);
            let at = (o * members + j) * rows * columns + t;
            *w = if o < co { i16::from(spec.weights[at]) } else { 0 };
        }
        let first = (0..padded).map(|o| if o < co { (o / out_of * members) as u32 } else { 0 }).collect();
        let DeconvSpec { kernel, stride, pad, .. } = *spec;
        let (zero_point, one_out) = (spec.input.zero_point, out_of == 1);
        TapWeights { kernel, stride, pad, zero_point, members, one_out, padded, first, weights }
    }

    /// The taps along an axis of `len` input positions that reach output position `o`.
    #[inline(always)]
    fn taps(&self, axis: usize, o: usize, len: usize) -> AxisTaps {
        let (at, stride) = (o + self.pad[axis], self.stride[axis]);
        let mut out = AxisTaps { taps: [(0, 0); LONGEST], n: 0 };
        for k in (at % stride..self.kernel[axis]).step_by(stride) {
            if at >= k && (at - k) / stride < len {
                out.taps[out.n] = (k, (at - k) / stride);
                out.n += 1;
            }
        }
        out
    }
}

versions! {
    /// # Safety
    /// As [`Deconv::run`](super::Deconv::run); the processor has the set.
    pub fn deconv(
        k: &TapWeights, q: &Requant, arena: *mut u8, from: &Area, to: &Area, rows: Range<usize>,
    ) = body;
}

#[inline(always)]
unsafe fn body(k: &TapWeights, q: &Requant, arena: *mut u8, from: &Area, to: &Area, rows: Range<usize>) {
    // SAFETY: the caller's contract.
    unsafe {
        match k.members {
            1 if k.one_out => rows_of::<1>(k, q, arena, from, to, rows),
            2 if k.one_out => rows_of::<2>(k, q, arena, from, to, rows),
            _ => rows_of::<0>(k, q, arena, from, to, rows),
        }
    }
}

/// `M`: how many neighbouring input channels an output channel sums over. 0: look it up.
#[inline(always)]
unsafe fn rows_of<const M: usize>(
    k: &TapWeights,
    q: &Requant,
    arena: *mut u8,
    from: &Area,
    to: &Area,
    rows: Range<usize>,
) {
    for y in rows {
        let row_taps = k.taps(0, y, from.height);
        for p in 0..to.width {
            let column_taps = k.taps(1, p, from.width);
            let out = to.row(y) + p * to.step;
            for c in (0..k.padded).step_by(16) {
                // SAFETY: `taps` yields positions of `from` only.
                let sums = unsafe { pixel_sums::<M>(k, q, (arena, from), [&row_taps, &column_taps], c) };
                // SAFETY: 16 channels of a pixel of `to`.
                unsafe { arena.add(out + c).cast::<[u8; 16]>().write(q.bytes(c, &sums)) };
            }
        }
    }
}

/// The sums of 16 output channels from `c` on, bias included.
///
/// # Safety
/// The taps' input positions are pixels of `from`.
#[inline(always)]
unsafe fn pixel_sums<const M: usize>(
    k: &TapWeights,
    q: &Requant,
    (arena, from): (*const u8, &Area),
    [rows, columns]: [&AxisTaps; 2],
    c: usize,
) -> [i32; 16] {
    let mut sums = [0i32; 16];
    sums.copy_from_slice(&q.bias[c..c + 16]);
    for (ky, iy) in &rows.taps[..rows.n] {
        for (kx, ix) in &columns.taps[..columns.n] {
            let tap = (ky * k.kernel[1] + kx) * k.members * k.padded + c;
            // SAFETY: the caller's pixel.
            unsafe { add_tap::<M>(k, &mut sums, arena.add(from.row(*iy) + ix * from.step), tap, c) };
        }
    }
    sums
}

/// Adds one pixel's members times their weights, which begin at `tap`.
///
/// # Safety
/// `pixel` is one of the input map. The arena extends past its channels, which meet zero weights.
#[inline(always)]
unsafe fn add_tap<const M: usize>(
    k: &TapWeights,
    sums: &mut [i32; 16],
    pixel: *const u8,
    tap: usize,
    c: usize,
) {
    let zero = i16::from(k.zero_point);
    for j in 0..if M == 0 { k.members } else { M } {
        let weights = &k.weights[tap + j * k.padded..][..16];
        // SAFETY: the caller's pixel.
        let members = unsafe { &*pixel.add(c * M).cast::<[[u8; M]; 16]>() };
        for l in 0..16 {
            // SAFETY: as above; `first` is a channel of the pixel.
            let looked_up = || unsafe { *pixel.add(k.first[c + l] as usize + j) };
            let x = if M == 0 { looked_up() } else { members[l][j] };
            let product = i16::from(x).wrapping_sub(zero).wrapping_mul(weights[l]);
            sums[l] = sums[l].wrapping_add(product.into());
        }
    }
}
