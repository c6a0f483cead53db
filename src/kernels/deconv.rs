//! Grouped transposed convolution of a u8 map: what LPN's head doubles its heatmaps with.

use super::arena::{Area, Border};
use super::requant::{Requant, RequantSpec};
use super::{Error, Isa, Quant};
use std::ops::Range;

/// A grouped transposed convolution from quantized map to quantized map.
#[derive(Debug, Clone, PartialEq)]
pub struct DeconvSpec {
    /// Groups of channels.
    pub groups: usize,
    /// Kernel rows and columns.
    pub kernel: [usize; 2],
    /// Output pixels from an input pixel's first to the next one's.
    pub stride: [usize; 2],
    /// Output rows and columns cut off above and left.
    pub pad: [usize; 2],
    /// s8 `[out, in / groups, kernel rows, kernel columns]`.
    pub weights: Vec<i8>,
    /// i32 `[out]`, in units of input scale times weight scale.
    pub bias: Vec<i32>,
    /// f32 `[out]`: what a sum is multiplied by to be in steps of the output.
    pub mult: Vec<f32>,
    /// Real meaning of the input's bytes.
    pub input: Quant,
    /// The output's zero point.
    pub output_zero_point: u8,
    /// Least and largest output byte.
    pub clamp: (u8, u8),
}

/// The longest kernel.
const LONGEST: usize = 16;

/// A transposed convolution, packed.
pub struct Deconv {
    isa: Isa,
    kernel: [usize; 2],
    stride: [usize; 2],
    pad: [usize; 2],
    zero_point: i32,
    /// Input channels that an output channel sums over.
    members: usize,
    /// Each group has one output channel.
    one_out: bool,
    /// First input channel of each output channel (padded).
    first: Vec<u32>,
    /// `[kernel row][kernel column][member][padded output channel]`.
    weights: Vec<i16>,
    padded: usize,
    requant: Requant,
    /// The kernel by hand for a map that is doubled.
    #[cfg(target_arch = "x86_64")]
    doubling: Option<super::x86_64::doubling::Doubling>,
}

impl Deconv {
    pub const STEP: &'static str = "transposed convolution";

    /// The border that a kernel may read of a map of that many rows and columns.
    pub fn border(spec: &DeconvSpec, from: (usize, usize), to: (usize, usize)) -> Border {
        let side = usize::from(Deconv::doubles(spec, from, to));
        Border { top: side, left: side, bottom: side, right: side }
    }

    /// Twice the rows and columns from the usual 4x4 kernel, as LPN's head has it.
    fn doubles(spec: &DeconvSpec, from: (usize, usize), to: (usize, usize)) -> bool {
        let window = (spec.kernel, spec.stride, spec.pad) == ([4, 4], [2, 2], [1, 1]);
        window && (from.0.checked_mul(2), from.1.checked_mul(2)) == (Some(to.0), Some(to.1))
    }

    pub fn new(isa: Isa, spec: &DeconvSpec, from: &Area, to: &Area) -> Result<Deconv, Error> {
        let bad = |what: String| Error::step(Deconv::STEP, what);
        let [kh, kw] = spec.kernel;
        let (ci, co, g) = (from.channels, to.channels, spec.groups);
        if g == 0
            || ci % g != 0
            || co % g != 0
            || kh * kw == 0
            || kh.max(kw) > LONGEST
            || spec.stride.contains(&0)
        {
            return Err(bad(format!("{g} groups of {ci} -> {co} channels, {kh}x{kw}")));
        }
        let (members, out_of) = (ci / g, co / g);
        if spec.weights.len() != co * members * kh * kw {
            return Err(bad(format!("{} weights for {ci} -> {co} channels, {kh}x{kw}", spec.weights.len())));
        }
        let at = |o: usize, j: usize, t: usize| spec.weights[(o * members + j) * kh * kw + t];
        let taps = |o: usize| (0..members * kh * kw).map(move |i| at(o, i / (kh * kw), i % (kh * kw)));
        let values = RequantSpec {
            bias: &spec.bias,
            mult: &spec.mult,
            // Taken from each byte here: how many taps an output pixel has depends on where it lies.
            input_zero_point: 0,
            zero_point: spec.output_zero_point,
            low: spec.clamp.0,
            high: spec.clamp.1,
        };
        let requant = Requant::new(co, taps, values).map_err(bad)?;
        let padded = co.next_multiple_of(16);
        let mut weights = vec![0; kh * kw * members * padded];
        for (i, w) in weights.iter_mut().enumerate() {
            let (t, j, o) = (i / padded / members, i / padded % members, i % padded);
            *w = if o < co { i16::from(at(o, j, t)) } else { 0 };
        }
        #[cfg(target_arch = "x86_64")]
        let doubling = {
            let doubles = Deconv::doubles(spec, (from.height, from.width), (to.height, to.width));
            let by_hand = isa != Isa::Generic && doubles && out_of == 1 && members <= 2 && requant.fits_i32;
            let at = |o, j, ky, kx| at(o, j, ky * 4 + kx);
            let zero = spec.input.zero_point;
            by_hand.then(|| super::x86_64::doubling::Doubling::new(members, co, zero, &requant, at))
        };
        let first = (0..padded).map(|o| if o < co { (o / out_of * members) as u32 } else { 0 }).collect();
        let zero_point = i32::from(spec.input.zero_point);
        let DeconvSpec { kernel, stride, pad, .. } = *spec;
        Ok(Deconv {
            isa,
            kernel,
            stride,
            pad,
            zero_point,
            members,
            one_out: out_of == 1,
            first,
            weights,
            padded,
            requant,
            #[cfg(target_arch = "x86_64")]
            doubling,
        })
    }

    /// Computes `rows` of `to`.
    ///
    /// # Safety
    /// `arena` is an arena of the plan that this step was built and checked for; no other thread writes
    /// `from`, or touches these rows of `to`.
    pub unsafe fn run(&self, arena: *mut u8, from: &Area, to: &Area, rows: Range<usize>) {
        #[cfg(target_arch = "x86_64")]
        if let Some(doubling) = &self.doubling {
            let double = match self.isa {
                Isa::Sse41 => super::x86_64::sse41::double,
                _ => super::x86_64::avx2::double,
            };
            // SAFETY: the caller's promise, passed on; all sets beyond SSE4.1 have AVX2, and the border was asked for.
            return unsafe { double(doubling, &self.requant, arena, from, to, rows) };
        }
        // SAFETY: the caller's promise, passed on.
        unsafe { versioned(self.isa, self, arena, from, to, rows) };
    }

    /// Kernel taps along an axis that reach output position `o`, each with its input position.
    #[inline(always)]
    fn taps(&self, axis: usize, o: usize, len: usize) -> ([(usize, usize); LONGEST], usize) {
        let (at, stride) = (o + self.pad[axis], self.stride[axis]);
        let (mut taps, mut n) = ([(0, 0); LONGEST], 0);
        for k in (at % stride..self.kernel[axis]).step_by(stride) {
            if at >= k && (at - k) / stride < len {
                taps[n] = (k, (at - k) / stride);
                n += 1;
            }
        }
        (taps, n)
    }
}

versions! {
    fn versioned(k: &Deconv, arena: *mut u8, from: &Area, to: &Area, rows: Range<usize>) = body;
}

#[inline(always)]
unsafe fn body(k: &Deconv, arena: *mut u8, from: &Area, to: &Area, rows: Range<usize>) {
    // SAFETY: the caller's promise, passed on.
    unsafe {
        match k.members {
            1 if k.one_out => rows_of::<1>(k, arena, from, to, rows),
            2 if k.one_out => rows_of::<2>(k, arena, from, to, rows),
            _ => rows_of::<0>(k, arena, from, to, rows),
        }
    }
}

/// `M` is how many neighbouring channels an output channel sums over; 0: look it up.
#[inline(always)]
unsafe fn rows_of<const M: usize>(k: &Deconv, arena: *mut u8, from: &Area, to: &Area, rows: Range<usize>) {
    let zero = k.zero_point as i16;
    for y in rows {
        let (row_taps, n_rows) = k.taps(0, y, from.height);
        for p in 0..to.width {
            let (column_taps, n_columns) = k.taps(1, p, from.width);
            for c in (0..k.padded).step_by(16) {
                let mut sums = [0i32; 16];
                sums.copy_from_slice(&k.requant.bias[c..c + 16]);
                for (ky, iy) in &row_taps[..n_rows] {
                    for (kx, ix) in &column_taps[..n_columns] {
                        let pixel = from.row(*iy) + ix * from.step;
                        let tap = (ky * k.kernel[1] + kx) * k.members * k.padded + c;
                        let members = if M == 0 { k.members } else { M };
                        for j in 0..members {
                            let weights = &k.weights[tap + j * k.padded..][..16];
                            // SAFETY: `taps` yields pixels of `from` only. What lies past the channels
                            // of one is in the arena, and meets zero weights.
                            let members = unsafe { &*arena.add(pixel + c * M).cast::<[[u8; M]; 16]>() };
                            for l in 0..16 {
                                let x = if M == 0 {
                                    // SAFETY: one of the pixel's channels, or of its padding.
                                    unsafe { *arena.add(pixel + k.first[c + l] as usize + j) }
                                } else {
                                    members[l][j]
                                };
                                let product = i16::from(x).wrapping_sub(zero).wrapping_mul(weights[l]);
                                sums[l] = sums[l].wrapping_add(product.into());
                            }
                        }
                    }
                }
                let out = to.row(y) + p * to.step + c;
                // SAFETY: 16 channels of a pixel of `to`.
                unsafe { arena.add(out).cast::<[u8; 16]>().write(k.requant.bytes(c, &sums)) };
            }
        }
    }
}
