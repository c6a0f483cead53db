//! Quantized addition: a map plus a map or a vector, requantized; and two of them in one pass, which is
//! how a GC block ends (features plus context, rounded, plus the residual, rounded).

use super::arena::Area;
use super::requant::{round_between, whole_bytes};
use super::simd::fma::fused;
use super::{Error, Isa, Quant};
use std::ops::Range;

/// What is added to a map.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Term<M, V> {
    /// Another map, with the meaning of its bytes.
    Map(M, Quant),
    /// A real number a channel, the same at every pixel.
    Vector(V),
}

/// `quantize(first + term)`, clamped.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AddSpec {
    /// Meaning of the map that is added to.
    pub input: Quant,
    /// Meaning of the result.
    pub output: Quant,
    /// Least and largest output byte.
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

/// A sum in steps of its output: `a * input + (b * other + constant)`, each a fused multiply-add and the
/// zero points in the constant, `c - (a * input + b * other)` of theirs with the first product fused: the operations
/// of ONNX Runtime's QLinearAdd in its order, because a byte that rounds the other way here is a different network
/// some layers on.
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
    /// The sums' bytes, still as floats.
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

    /// The constant with a vector's number in it; the byte it was rounded to, where it was.
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
    /// Offset of the vector (f32) that the first addition takes instead of a map, and what it was rounded to.
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

    /// Computes `rows` of `to`; `others` are the maps of the first and the second addition.
    ///
    /// # Safety
    /// `arena` is an arena of the plan that this step was built and checked for; no other thread writes
    /// what is read, or touches these rows of `to`.
    pub unsafe fn run(
        &self,
        arena: *mut u8,
        from: &Area,
        others: [Option<&Area>; 2],
        to: &Area,
        rows: Range<usize>,
    ) {
        // SAFETY: the caller's promise, passed on; a vector lies in the arena, aligned, padded like the map.
        unsafe {
            let vector = self.vector.map(|(at, q)| {
                (std::slice::from_raw_parts(arena.add(at).cast::<f32>().cast_const(), to.step), q)
            });
            match (others[0], self.second) {
                (None, None) => run::<false, false>(self.isa, self, arena, from, others, vector, to, rows),
                (None, Some(_)) => run::<false, true>(self.isa, self, arena, from, others, vector, to, rows),
                (Some(_), None) => run::<true, false>(self.isa, self, arena, from, others, vector, to, rows),
                (Some(_), Some(_)) => {
                    run::<true, true>(self.isa, self, arena, from, others, vector, to, rows)
                }
            }
        }
    }
}

#[allow(clippy::too_many_arguments, reason = "private: what `Add::run` has, unpacked")]
unsafe fn run<const MAP: bool, const TWICE: bool>(
    isa: Isa,
    k: &Add,
    arena: *mut u8,
    from: &Area,
    others: [Option<&Area>; 2],
    vector: Option<(&[f32], Option<Quant>)>,
    to: &Area,
    rows: Range<usize>,
) {
    let second = k.second.unwrap_or(k.first);
    for y in rows {
        let row = |area: Option<&Area>| {
            let area = area.unwrap_or(from);
            // SAFETY: row `y` of a map of the plan, all of which have `to`'s size.
            unsafe { std::slice::from_raw_parts(arena.add(area.row(y)).cast_const(), area.width * area.step) }
        };
        // SAFETY: as above; `to` is not among the maps that are read.
        let out = unsafe { std::slice::from_raw_parts_mut(arena.add(to.row(y)), to.width * to.step) };
        let read = Line { a: row(Some(from)), b: row(others[0]), r: row(others[1]), vector, step: to.step };
        // SAFETY: `isa` runs here.
        unsafe { line::<MAP, TWICE>(isa, &k.first, &second, &read, out) };
    }
}

/// A row of everything that is read.
struct Line<'a> {
    a: &'a [u8],
    b: &'a [u8],
    r: &'a [u8],
    vector: Option<(&'a [f32], Option<Quant>)>,
    step: usize,
}

unsafe fn line<const MAP: bool, const TWICE: bool>(
    isa: Isa,
    first: &Factors,
    second: &Factors,
    line: &Line<'_>,
    out: &mut [u8],
) {
    versions! {
        fn versioned(map: bool, twice: bool, fuses: bool, first: &Factors, second: &Factors, line: &Line<'_>, out: &mut [u8])
            = body;
    }
    // SAFETY: the body is safe; the caller's `isa` runs here.
    unsafe { versioned(isa, MAP, TWICE, isa.fuses(), first, second, line, out) };
}

#[inline(always)]
unsafe fn body(
    map: bool,
    twice: bool,
    fuses: bool,
    first: &Factors,
    second: &Factors,
    line: &Line<'_>,
    out: &mut [u8],
) {
    match (map, twice, fuses) {
        (false, false, true) => pixels::<false, false, true>(first, second, line, out),
        (false, true, true) => pixels::<false, true, true>(first, second, line, out),
        (true, false, true) => pixels::<true, false, true>(first, second, line, out),
        (true, true, true) => pixels::<true, true, true>(first, second, line, out),
        (false, false, false) => pixels::<false, false, false>(first, second, line, out),
        (false, true, false) => pixels::<false, true, false>(first, second, line, out),
        (true, false, false) => pixels::<true, false, false>(first, second, line, out),
        (true, true, false) => pixels::<true, true, false>(first, second, line, out),
    }
}

#[inline(always)]
fn pixels<const MAP: bool, const TWICE: bool, const FUSES: bool>(
    first: &Factors,
    second: &Factors,
    line: &Line<'_>,
    out: &mut [u8],
) {
    let (first, second) = (*first, *second);
    let parts = |x: &'_ [u8]| -> *const [u8; 16] { x.as_ptr().cast() };
    let (a, b, r, out_parts) =
        (parts(line.a), parts(line.b), parts(line.r), out.as_mut_ptr().cast::<[u8; 16]>());
    let n = out.len() / 16;
    assert!(line.a.len() >= n * 16 && line.b.len() >= n * 16 && line.r.len() >= n * 16);
    let per_pixel = line.step / 16;
    let second_constant = [second.constant; 16];
    for i in 0..per_pixel {
        let mut constant = [first.constant; 16];
        if let Some((v, quant)) = line.vector {
            for (constant, v) in constant.iter_mut().zip(&v[i * 16..i * 16 + 16]) {
                *constant = first.with(*v, quant);
            }
        }
        for p in (i..n).step_by(per_pixel) {
            // SAFETY: `p` is less than `n`, which the assertion holds against all four.
            unsafe {
                let a = *a.add(p);
                let mut sum = [0f32; 16];
                for l in 0..16 {
                    sum[l] = a[l].into();
                }
                let mut sum = first.rounded::<MAP, FUSES>(&sum, &*b.add(p), &constant);
                if TWICE {
                    sum = second.rounded::<true, FUSES>(&sum, &*r.add(p), &second_constant);
                }
                out_parts.add(p).write(whole_bytes(sum, 0));
            }
        }
    }
}
