//! Attention pooling, the first half of a GC block: one logit a pixel, softmax over all pixels, and
//! the sum of the features weighted by it. It reads bytes and computes in f32.

use super::arena::Area;
use super::simd::exp::exp_nonpositive;
use super::{Error, Isa, Quant};
use std::ops::Range;

/// `context[c] = sum over pixels of softmax(weights . x + bias) * x[c]`.
#[derive(Debug, Clone, PartialEq)]
pub struct AttendSpec {
    /// f32 `[channels]`: the 1x1 convolution to one logit.
    pub weights: Vec<f32>,
    /// Quantization of the map.
    pub input: Quant,
}

/// Attention pooling over places in the arena. A bias of the logits would not change their softmax.
pub struct Attend {
    isa: Isa,
    /// `weights * scale`, padded with zeros.
    weights: Vec<f32>,
    input: Quant,
    /// Offset of the logits: f32, one a pixel.
    pub logits: usize,
    /// Offset of the context: f32, padded channels.
    pub context: usize,
}

/// Channels of the context that are summed together at most: more sums leave the registers.
const BLOCK: usize = 64;

impl Attend {
    pub const STEP: &'static str = "attention pooling";

    pub fn new(
        isa: Isa,
        spec: &AttendSpec,
        from: &Area,
        logits: usize,
        context: usize,
    ) -> Result<Attend, Error> {
        let mut weights: Vec<f32> = spec.weights.iter().map(|w| w * spec.input.scale).collect();
        if weights.len() != from.channels || weights.iter().any(|w| !w.is_finite()) {
            return Err(Error::step(Attend::STEP, "the weights are not finite, or not one for each channel"));
        }
        weights.resize(from.step, 0.0);
        Ok(Attend { isa, weights, input: spec.input, logits, context })
    }

    /// Computes the logits of `rows`.
    ///
    /// # Safety
    /// `arena` belongs to the plan that this step was built for. No other thread writes `from` or
    /// uses the logits of these rows.
    pub unsafe fn logits(&self, arena: *mut u8, from: &Area, rows: Range<usize>) {
        for y in rows {
            // SAFETY: a row of `from` and one of the logits; each pixel of `from` has a logit.
            let (x, out) = unsafe {
                let out = arena.add(self.logits).cast::<f32>().add(y * from.width);
                let row = std::slice::from_raw_parts(arena.add(from.row(y)), from.width * from.step);
                (row, std::slice::from_raw_parts_mut(out, from.width))
            };
            // SAFETY: the body is safe; `isa` runs here.
            unsafe { row_logits(self.isa, &self.weights, x, out) };
        }
    }

    /// Turns all logits into weights, `exp(logit - largest)`, which are not normalised.
    ///
    /// # Safety
    /// As [`Attend::logits`] for all rows.
    pub unsafe fn weigh(&self, arena: *mut u8, from: &Area) {
        // SAFETY: the caller's contract; the body is safe; `isa` runs here.
        unsafe {
            let logits = arena.add(self.logits).cast::<f32>();
            let logits = std::slice::from_raw_parts_mut(logits, from.height * from.width);
            exponentials(self.isa, logits);
        }
    }

    /// Computes the `part`th of `parts` of the context's channels.
    ///
    /// # Safety
    /// `arena` belongs to the plan that this step was built for. No other thread writes `from` or
    /// the logits, or uses these channels of the context.
    pub unsafe fn context(&self, arena: *mut u8, from: &Area, part: usize, parts: usize) {
        let block = from.step.div_ceil(parts).next_multiple_of(16).min(BLOCK);
        let blocks = from.step.div_ceil(block);
        for i in blocks * part / parts..blocks * (part + 1) / parts {
            let channels = i * block..(i * block + block).min(from.step);
            // SAFETY: the caller's contract; the plan placed the logits and the context.
            unsafe {
                let weights = arena.add(self.logits).cast::<f32>().cast_const();
                let weights = std::slice::from_raw_parts(weights, from.height * from.width);
                let context = arena.add(self.context).cast::<f32>().add(channels.start);
                let context = std::slice::from_raw_parts_mut(context, channels.len());
                weighted_sums(self.isa, self.input, weights, arena, from, channels.start, context);
            }
        }
    }
}

versions! { fn row_logits(weights: &[f32], x: &[u8], out: &mut [f32]) = row_logits_body; }
versions! { fn exponentials(logits: &mut [f32]) = exponentials_body; }
versions! {
    fn weighted_sums(
        input: Quant, weights: &[f32], arena: *const u8, from: &Area, channel: usize, context: &mut [f32],
    ) = weighted_sums_body;
}

#[inline(always)]
unsafe fn row_logits_body(weights: &[f32], x: &[u8], out: &mut [f32]) {
    let fours = out.len() / 4 * 4;
    let (x, last) = x.split_at(fours * weights.len());
    let (out, last_out) = out.split_at_mut(fours);
    for (x, out) in x.chunks_exact(4 * weights.len()).zip(out.as_chunks_mut::<4>().0) {
        *out = logits_of(weights, x);
    }
    for (x, out) in last.chunks_exact(weights.len()).zip(last_out) {
        [*out] = logits_of(weights, x);
    }
}

/// Sums of `N` vectors, in one cache line each: link-time optimization leaves them in memory.
#[repr(align(64))]
struct Sums<const N: usize>([[f32; 16]; N]);

/// The logits of `N` pixels. Several at a time hide the latency of the additions.
#[inline(always)]
fn logits_of<const N: usize>(weights: &[f32], x: &[u8]) -> [f32; N] {
    let mut sums = Sums([[0f32; 16]; N]);
    for (i, w) in weights.as_chunks::<16>().0.iter().enumerate() {
        for (p, lanes) in sums.0.iter_mut().enumerate() {
            let x = &x[p * weights.len() + i * 16..][..16];
            for l in 0..16 {
                lanes[l] += f32::from(x[l]) * w[l];
            }
        }
    }
    sums.0.map(tree_sum)
}

/// The sum of 16 lanes in a fixed order.
#[inline(always)]
pub fn tree_sum(mut lanes: [f32; 16]) -> f32 {
    for half in [8, 4, 2, 1] {
        for l in 0..half {
            lanes[l] += lanes[l + half];
        }
    }
    lanes[0]
}

#[inline(always)]
unsafe fn exponentials_body(logits: &mut [f32]) {
    let larger = |m: f32, v: f32| if v > m { v } else { m };
    let mut most = [f32::NEG_INFINITY; 16];
    let (sixteens, rest) = logits.as_chunks::<16>();
    for v in sixteens {
        for l in 0..16 {
            most[l] = larger(most[l], v[l]);
        }
    }
    let most = rest.iter().chain(&most).fold(f32::NEG_INFINITY, |m, v| larger(m, *v));
    for v in logits {
        *v = exp_nonpositive(*v - most);
    }
}

#[inline(always)]
unsafe fn weighted_sums_body(
    input: Quant,
    weights: &[f32],
    arena: *const u8,
    from: &Area,
    channel: usize,
    context: &mut [f32],
) {
    // SAFETY: the caller's contract: `from` has as many channels as `context`.
    unsafe {
        match context.len() / 16 {
            1 => weighted_sums_of::<1>(input, weights, arena, from, channel, context),
            2 => weighted_sums_of::<2>(input, weights, arena, from, channel, context),
            3 => weighted_sums_of::<3>(input, weights, arena, from, channel, context),
            _ => weighted_sums_of::<{ BLOCK / 16 }>(input, weights, arena, from, channel, context),
        }
    }
}

#[inline(always)]
unsafe fn weighted_sums_of<const B: usize>(
    input: Quant,
    weights: &[f32],
    arena: *const u8,
    from: &Area,
    channel: usize,
    context: &mut [f32],
) {
    let mut total = 0f32;
    let mut sums = Sums([[0f32; 16]; B]);
    for (y, weights) in weights.chunks_exact(from.width).enumerate() {
        // SAFETY: a row of `from`.
        let row = unsafe { arena.add(from.row(y) + channel) };
        for (p, w) in weights.iter().enumerate() {
            total += *w;
            // SAFETY: `16 B` channels of a pixel of `from`.
            add_weighted(&mut sums.0, unsafe { &*row.add(p * from.step).cast() }, *w);
        }
    }
    for (out, sum) in context.iter_mut().zip(sums.0.as_flattened()) {
        *out = (sum / total - f32::from(input.zero_point)) * input.scale;
    }
}

/// Adds `16 B` channels of a pixel times its weight.
#[inline(always)]
fn add_weighted<const B: usize>(sums: &mut [[f32; 16]; B], pixel: &[[u8; 16]; B], w: f32) {
    for (sums, x) in sums.iter_mut().zip(pixel) {
        for l in 0..16 {
            sums[l] += f32::from(x[l]) * w;
        }
    }
}
