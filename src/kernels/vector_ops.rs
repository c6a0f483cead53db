//! Operations on f32 vectors: the middle of a GC block, in whatever operators a graph expresses it.
//!
//! A vector is padded with zeros to a multiple of 16. An operation takes microseconds.

use super::attention::tree_sum;
use super::{Error, Isa, Quant, VecId};

/// The second operand of an operation.
#[derive(Debug, Clone, PartialEq)]
pub enum Operand {
    /// A vector that was computed before: of the same length, or of length 1.
    Vector(VecId),
    /// Numbers from the network: as many as the vector has, or one.
    Constant(Vec<f32>),
}

/// An operation on a vector.
#[derive(Debug, Clone, PartialEq)]
pub enum VecOp {
    /// Row-major `[out, in]` times the vector, plus `[out]`.
    MatVec {
        /// `out * in` numbers.
        weights: Vec<f32>,
        /// `out` numbers.
        bias: Vec<f32>,
    },
    /// Adds.
    Add(Operand),
    /// Subtracts.
    Sub(Operand),
    /// Multiplies.
    Mul(Operand),
    /// Divides.
    Div(Operand),
    /// The larger of both.
    Max(Operand),
    /// The sum: a vector of length 1.
    Sum,
    /// Squares.
    Square,
    /// `1 / sqrt(x)`.
    Rsqrt,
    /// `sqrt(x)`.
    Sqrt,
    /// `1 / x`.
    Recip,
    /// Rounds to values that a quantized vector can hold.
    Requantize(Quant),
}

/// The place of a vector in the arena: offset in bytes, and number of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VectorSpan {
    pub at: usize,
    pub len: usize,
}

/// An operation over places in the arena.
pub struct VectorStep {
    pub isa: Isa,
    pub op: VecOp,
    pub from: VectorSpan,
    /// The place of the operand, if it is a vector.
    pub other: Option<VectorSpan>,
    pub to: VectorSpan,
    /// The weights of a `MatVec`, each row padded to a multiple of 16.
    rows: Vec<f32>,
}

impl VectorStep {
    pub const STEP: &'static str = "vector operation";

    /// The length of the result of `op` on `len` numbers.
    pub fn out_len(op: &VecOp, len: usize, other: Option<usize>) -> Result<usize, Error> {
        let bad = |what: &str| Err(Error::step(VectorStep::STEP, format!("{what}: {len} numbers")));
        match op {
            VecOp::MatVec { weights, bias } if weights.len() == bias.len() * len => Ok(bias.len()),
            VecOp::MatVec { .. } => bad("the weights do not fit"),
            VecOp::Sum => Ok(1),
            VecOp::Add(o) | VecOp::Sub(o) | VecOp::Mul(o) | VecOp::Div(o) | VecOp::Max(o) => {
                let n = match o {
                    Operand::Constant(c) => c.len(),
                    Operand::Vector(_) => other.unwrap_or(0),
                };
                if n == len || n == 1 { Ok(len) } else { bad("the operand does not fit") }
            }
            _ => Ok(len),
        }
    }

    pub fn new(
        isa: Isa,
        op: VecOp,
        from: VectorSpan,
        other: Option<VectorSpan>,
        to: VectorSpan,
    ) -> VectorStep {
        let mut rows = vec![];
        if let VecOp::MatVec { weights, .. } = &op {
            let padded = from.len.next_multiple_of(16);
            for row in weights.chunks_exact(from.len) {
                rows.extend_from_slice(row);
                rows.resize(rows.len().next_multiple_of(padded), 0.0);
            }
        }
        VectorStep { isa, op, from, other, to, rows }
    }

    /// Runs the operation.
    ///
    /// # Safety
    /// `arena` belongs to the plan that this step was built for. No other thread uses its vectors.
    pub unsafe fn run(&self, arena: *mut u8) {
        let padded = |p: VectorSpan| p.len.next_multiple_of(16);
        // SAFETY: the plan placed the vectors: aligned, padded, without overlap.
        let read = |p: VectorSpan| unsafe {
            std::slice::from_raw_parts(arena.add(p.at).cast::<f32>().cast_const(), padded(p))
        };
        // SAFETY: as above; the result overlaps nothing that is read.
        let out =
            unsafe { std::slice::from_raw_parts_mut(arena.add(self.to.at).cast::<f32>(), padded(self.to)) };
        let x = read(self.from);
        let n = self.to.len;
        let other = |i: usize, o: &Operand| match (o, self.other) {
            (Operand::Constant(c), _) => c[if c.len() == 1 { 0 } else { i }],
            (_, Some(p)) => read(p)[if p.len == 1 { 0 } else { i }],
            _ => 0.0,
        };
        let each = |out: &mut [f32], f: &dyn Fn(usize, f32) -> f32| {
            out.iter_mut().zip(x).take(n).enumerate().for_each(|(i, (out, x))| *out = f(i, *x));
        };
        match &self.op {
            VecOp::MatVec { bias, .. } => {
                // SAFETY: the body is safe; `isa` runs here.
                unsafe { mat_vec(self.isa, &self.rows, bias, x, out) }
            }
            VecOp::Sum => {
                let mut lanes = [0f32; 16];
                for x in x.as_chunks::<16>().0 {
                    (0..16).for_each(|l| lanes[l] += x[l]);
                }
                out[0] = tree_sum(lanes);
            }
            VecOp::Add(o) => each(out, &|i, x| x + other(i, o)),
            VecOp::Sub(o) => each(out, &|i, x| x - other(i, o)),
            VecOp::Mul(o) => each(out, &|i, x| x * other(i, o)),
            VecOp::Div(o) => each(out, &|i, x| x / other(i, o)),
            VecOp::Max(o) => each(out, &|i, x| x.max(other(i, o))),
            VecOp::Square => each(out, &|_, x| x * x),
            VecOp::Rsqrt => each(out, &|_, x| 1.0 / x.sqrt()),
            VecOp::Sqrt => each(out, &|_, x| x.sqrt()),
            VecOp::Recip => each(out, &|_, x| 1.0 / x),
            VecOp::Requantize(q) => each(out, &|_, x| q.real(q.quantize(x))),
        }
        out[n..].fill(0.0);
    }
}

versions! { fn mat_vec(rows: &[f32], bias: &[f32], x: &[f32], out: &mut [f32]) = mat_vec_body; }

#[inline(always)]
unsafe fn mat_vec_body(rows: &[f32], bias: &[f32], x: &[f32], out: &mut [f32]) {
    for ((row, bias), out) in rows.chunks_exact(x.len()).zip(bias).zip(out) {
        let mut lanes = [0f32; 16];
        for (w, x) in row.as_chunks::<16>().0.iter().zip(x.as_chunks::<16>().0) {
            for l in 0..16 {
                lanes[l] += w[l] * x[l];
            }
        }
        *out = tree_sum(lanes) + bias;
    }
}
