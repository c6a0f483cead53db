//! Quantized addition: a map plus a map or a vector, requantized. Two additions can share one pass,
//! as at the end of a GC block: features plus context, rounded, plus the residual, rounded.

use super::arena::Area;
use super::requant::{round_between, whole_bytes};
use super::simd::fma::fused;
use super::{Error, Isa, Quant};
use std::ops::Range;

/// What is added to a map.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Term<M, V> {
    /// Another map, and its quantization.
    Map(M, Quant),
    /// One real number a channel, the same for every pixel.
    Vector(V),
}

/// `quantize(first + term)`, clamped.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AddSpec {
    /// Quantization of the map that is added to.
    pub input: Quant,
    /// Quantization of the result.
    pub output: Quant,
    /// Smallest and largest output byte.
    pub clamp: (u8, u8),
}

impl AddSpec {
    pub(super) const STEP: &'static str = "addition";

    fn factors(&self, other: Option<Quant>) -> Result<Factors, Error> {
        let ratio = |q: Quant| q.scale / self.output.scale;
        let zero = |q: Quant| f32::from(q.zero_point);
        let others_zero = other.map_or(0.0, |q| zero(q) * ratio(q));
        let f = Factors {
            input: ratio(self.input),
            other: other.map_or(0.0, ratio),
            constant: zero(self.output) - zero(self.input).mul_add(ratio(self.input), others_zero),
            per_real: 1.0 / self.output.scale,
            low: self.clamp.0,
            high: self.clamp.1,
        };
        if [f.input, f.other, f.constant, f.per_real].iter().all(|v| v.is_finite()) {
            return Ok(f);
        }
        Err(Error::step(AddSpec::STEP, format!("scales {self:?} leave the range of f32")))
    }
}

/// Computes a sum in steps of its output, `a * input + (b * other + constant)`, by fused
/// multiply-adds. `constant` includes the zero points. These are the operations of ONNX
/// Runtime's QLinearAdd in the same order, because a byte that is rounded the other way changes
/// all later layers.
#[derive(Debug, Clone, Copy)]
pub struct Factors {
    input: f32,
    other: f32,
    constant: f32,
    per_real: f32,
    low: u8,
    high: u8,
}

impl Factors {
    /// The bytes of 16 sums, still as floats.
    #[inline(always)]
    fn rounded<const MAP: bool, const FUSES: bool>(
        &self,
        a: &[f32; 16],
        b: &[u8; 16],
        constant: &[f32; 16],
    ) -> [f32; 16] {
        let mut v = *constant;
        if MAP {
            for l in 0..16 {
                v[l] = fused(FUSES, b[l].into(), self.other, v[l]);
            }
        }
        for l in 0..16 {
            v[l] = fused(FUSES, a[l], self.input, v[l]);
        }
        round_between(v, f32::from(self.low), f32::from(self.high))
    }

    /// The constants of 16 channels, including their numbers of a vector if there is one.
    #[inline(always)]
    fn constants(&self, vector: Option<(&[f32], Option<Quant>)>) -> [f32; 16] {
        let mut constants = [self.constant; 16];
        if let Some((reals, quant)) = vector {
            for (constant, real) in constants.iter_mut().zip(reals) {
                *constant = self.with(*real, quant);
            }
        }
        constants
    }

    /// The constant plus a number of a vector; `quant` is what the vector was rounded to.
    #[inline(always)]
    fn with(&self, real: f32, quant: Option<Quant>) -> f32 {
        match quant {
            Some(q) => f32::from(q.quantize(real)).mul_add(self.other, self.constant),
            None => real.mul_add(self.per_real, self.constant),
        }
    }
}

/// One or two additions over places in the arena.
pub struct Add {
    pub isa: Isa,
    pub first: Factors,
    pub second: Option<Factors>,
    /// Offset of the f32 vector that the first addition takes instead of a map, and what it
    /// was rounded to.
    pub vector: Option<(usize, Option<Quant>)>,
}

impl Add {
    pub fn new(
        isa: Isa,
        first: (AddSpec, Option<Quant>),
        second: Option<(AddSpec, Quant)>,
        vector: Option<(usize, Option<Quant>)>,
    ) -> Result<Add, Error> {
        let second = second.map(|(s, q)| s.factors(Some(q))).transpose()?;
        let other = first.1.or(vector.and_then(|v| v.1));
        Ok(Add { isa, first: first.0.factors(other)?, second, vector })
    }

    /// Computes `rows` of `to`. `others` are the maps of the first and the second addition.
    ///
    /// # Safety
    /// `arena` belongs to the plan that this step was built for. No other thread writes what is
    /// read or uses these rows of `to`.
    pub unsafe fn run(
        &self,
        arena: *mut u8,
        from: &Area,
        others: [Option<&Area>; 2],
        to: &Area,
        rows: Range<usize>,
    ) {
        let vector = self.vector.map(|(at, quant)| {
            // SAFETY: the plan placed the vector, aligned and padded like the channels of the map.
            (unsafe { std::slice::from_raw_parts(arena.add(at).cast::<f32>().cast_const(), to.step) }, quant)
        });
        for y in rows {
            let row = |area: &Area| {
                // SAFETY: row `y` of a map of the plan; all maps have the size of `to`.
                unsafe {
                    std::slice::from_raw_parts(arena.add(area.row(y)).cast_const(), area.width * area.step)
                }
            };
            // SAFETY: as above; no step reads the map that it writes.
            let out = unsafe { std::slice::from_raw_parts_mut(arena.add(to.row(y)), to.width * to.step) };
            let [b, r] = others.map(|area| row(area.unwrap_or(from)));
            let read = Line { a: row(from), b, r, vector, step: to.step };
            let parts = (others[0].is_some(), self.second.is_some());
            // SAFETY: the body is safe; `isa` runs here.
            unsafe { line(self.isa, parts, self.isa.fuses(), self, &read, out) };
        }
    }
}

/// A row of everything that is read.
struct Line<'a> {
    /// Of the input.
    a: &'a [u8],
    /// Of the map of the first addition; unused if that adds a vector.
    b: &'a [u8],
    /// Of the map of the second addition; unused if there is only one.
    r: &'a [u8],
    vector: Option<(&'a [f32], Option<Quant>)>,
    /// Bytes from a pixel to the next.
    step: usize,
}

versions! {
    fn line(parts: (bool, bool), fuses: bool, k: &Add, line: &Line<'_>, out: &mut [u8]) = line_body;
}

/// `(map, twice)`: whether the first addition adds a map, and whether there is a second.
#[inline(always)]
unsafe fn line_body((map, twice): (bool, bool), fuses: bool, k: &Add, line: &Line<'_>, out: &mut [u8]) {
    match (map, twice, fuses) {
        (false, false, true) => pixels::<false, false, true>(k, line, out),
        (false, true, true) => pixels::<false, true, true>(k, line, out),
        (true, false, true) => pixels::<true, false, true>(k, line, out),
        (true, true, true) => pixels::<true, true, true>(k, line, out),
        (false, false, false) => pixels::<false, false, false>(k, line, out),
        (false, true, false) => pixels::<false, true, false>(k, line, out),
        (true, false, false) => pixels::<true, false, false>(k, line, out),
        (true, true, false) => pixels::<true, true, false>(k, line, out),
    }
}

#[inline(always)]
fn pixels<const MAP: bool, const TWICE: bool, const FUSES: bool>(k: &Add, line: &Line<'_>, out: &mut [u8]) {
    let (first, second) = (k.first, k.second.unwrap_or(k.first));
    let parts = |x: &'_ [u8]| -> *const [u8; 16] { x.as_ptr().cast() };
    let (a, b, r) = (parts(line.a), parts(line.b), parts(line.r));
    let (n, out) = (out.len() / 16, out.as_mut_ptr().cast::<[u8; 16]>());
    assert!(line.a.len() >= n * 16 && line.b.len() >= n * 16 && line.r.len() >= n * 16);
    let per_pixel = line.step / 16;
    let second_constants = [second.constant; 16];
    for i in 0..per_pixel {
        let constants = first.constants(line.vector.map(|(v, quant)| (&v[i * 16..i * 16 + 16], quant)));
        for p in (i..n).step_by(per_pixel) {
            // SAFETY: `p` is less than `n`, which the assertion and `out` allow for all four.
            unsafe {
                let sum = first.rounded::<MAP, FUSES>(&reals(&*a.add(p)), &*b.add(p), &constants);
                let twice = || second.rounded::<true, FUSES>(&sum, &*r.add(p), &second_constants);
                out.add(p).write(whole_bytes(if TWICE { twice() } else { sum }, 0));
            }
        }
    }
}

/// Bytes as floats.
#[inline(always)]
fn reals(bytes: &[u8; 16]) -> [f32; 16] {
    let mut reals = [0f32; 16];
    for l in 0..16 {
        reals[l] = bytes[l].into();
    }
    reals
}
