//! QuantizeLinear and DequantizeLinear as our own operators.
//!
//! tract splits them at import (into casts, subtractions and multiplications for each channel), and
//! folds dequantized weights to floats. The rewriter needs them whole to find scales and bytes.

use std::fmt::Debug;
use tract_core::internal::*;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

/// Registers the two operators in place of tract's.
pub fn register(onnx: &mut tract_onnx::Onnx) {
    onnx.op_register.insert("QuantizeLinear", |_, node| import::<Quantize>(node));
    onnx.op_register.insert("DequantizeLinear", |_, node| import::<Dequantize>(node));
}

fn import<T: Linear>(node: &NodeProto) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    ensure!(
        node.get_attr_opt::<i64>("block_size")?.unwrap_or(0) == 0,
        "blocked quantization is not supported"
    );
    ensure!((2..=3).contains(&node.input.len()), "{} takes 2 or 3 inputs", node.op_type);
    let axis = node.get_attr_opt("axis")?.unwrap_or(1);
    Ok((expand(Import::<T> { axis, zero_point: node.input.len() == 3, kind: Default::default() }), vec![]))
}

/// What the two operators have in common.
trait Linear: TypedOp + Clone {
    const NAME: &'static str;
    const QUANTIZES: bool;
    fn of(scales: Scales) -> Self;
}

#[derive(Debug, Clone)]
struct Import<T> {
    axis: i64,
    zero_point: bool,
    kind: std::marker::PhantomData<fn() -> T>,
}

impl<T: Linear + Debug> Expansion for Import<T> {
    fn name(&self) -> StaticName {
        T::NAME.into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        s: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        check_input_arity(inputs, 2 + usize::from(self.zero_point))?;
        check_output_arity(outputs, 1)?;
        s.equals(&inputs[1].datum_type, f32::datum_type())?;
        s.equals(&inputs[0].shape, &outputs[0].shape)?;
        let quantized = if T::QUANTIZES { &outputs[0].datum_type } else { &inputs[0].datum_type };
        if self.zero_point {
            s.equals(quantized, &inputs[2].datum_type)?;
        } else if T::QUANTIZES {
            s.equals(quantized, u8::datum_type())?;
        }
        if !T::QUANTIZES {
            s.equals(&outputs[0].datum_type, f32::datum_type())?;
        }
        Ok(())
    }

    /// Keeps weights as bytes for the rewriter. Decluttering folds those that it leaves.
    fn runs_out_of_plan(&self) -> bool {
        false
    }

    fn wire(
        &self,
        prefix: &str,
        target: &mut TypedModel,
        inputs: &[OutletId],
    ) -> TractResult<TVec<OutletId>> {
        let konst = |i: usize| -> TractResult<Arc<Tensor>> {
            target.outlet_fact(inputs[i])?.konst.clone().context("scale and zero point must be constants")
        };
        let fact = target.outlet_fact(inputs[0])?;
        let dt = if T::QUANTIZES { u8::datum_type() } else { fact.datum_type };
        let zero = if self.zero_point { konst(2)? } else { Arc::new(Tensor::zero_scalar_dt(dt)?) };
        let rank = fact.rank();
        let axis = if self.axis < 0 { self.axis + rank as i64 } else { self.axis };
        let scale = konst(1)?;
        let scales = Scales::new(&scale, &zero, axis, rank, fact)?;
        target.wire_node(prefix, T::of(scales), &[inputs[0]])
    }
}

/// Scale and zero point: one of each, or one for each channel of `axis`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Scales {
    /// Bits of the scales (f32 has no Eq).
    scales: Vec<u32>,
    zero_points: Vec<i32>,
    axis: usize,
    /// The quantized type.
    pub dt: DatumType,
}

impl Scales {
    fn new(scale: &Tensor, zero: &Tensor, axis: i64, rank: usize, fact: &TypedFact) -> TractResult<Scales> {
        let dt = zero.datum_type();
        let kinds = [u8::datum_type(), i8::datum_type(), i32::datum_type()];
        ensure!(kinds.contains(&dt), "quantized type {dt:?} is not supported");
        let scales = scale.try_as_plain_ram()?.as_slice::<f32>()?;
        ensure!(scales.iter().all(|s| s.is_finite() && *s > 0.0), "a scale is not finite and positive");
        let zero = zero.cast_to::<i32>()?;
        let zeros = zero.try_as_plain_ram()?.as_slice::<i32>()?;
        let n = scales.len().max(zeros.len());
        ensure!(
            n > 0 && [1, n].contains(&scales.len()) && [1, n].contains(&zeros.len()),
            "{n} scales or zero points do not match in number"
        );
        let axis = if n == 1 { 0 } else { axis as usize };
        ensure!(
            n == 1 || (axis < rank && fact.shape[axis] == n.to_dim()),
            "{n} scales do not fit axis {axis} of {fact:?}"
        );
        let spread = |i: usize, len: usize| if len == 1 { 0 } else { i };
        Ok(Scales {
            scales: (0..n).map(|i| scales[spread(i, scales.len())].to_bits()).collect(),
            zero_points: (0..n).map(|i| zeros[spread(i, zeros.len())]).collect(),
            axis,
            dt,
        })
    }

    /// The scale and zero point, if there is only one.
    pub fn single(&self) -> Option<(f32, i32)> {
        (self.scales.len() == 1).then(|| (f32::from_bits(self.scales[0]), self.zero_points[0]))
    }

    /// The scale of each element of a tensor of `shape`, if all zero points are 0.
    pub fn symmetric_scales(&self, shape: &[usize]) -> Option<Vec<f32>> {
        let at = self.at(shape);
        let symmetric = self.zero_points.iter().all(|z| *z == 0);
        symmetric.then(|| (0..shape.iter().product()).map(|i| at(i).0).collect())
    }

    /// Scale and zero point of element `i` of a tensor of `shape`.
    fn at(&self, shape: &[usize]) -> impl Fn(usize) -> (f32, i32) + '_ {
        let inner: usize = shape.iter().skip(self.axis + 1).product();
        move |i| {
            let c = if self.scales.len() == 1 { 0 } else { i / inner.max(1) % self.scales.len() };
            (f32::from_bits(self.scales[c]), self.zero_points[c])
        }
    }
}

/// `saturate(round_half_even(x / scale) + zero_point)`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Quantize(pub Scales);

/// `(x - zero_point) * scale`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Dequantize(pub Scales);

impl Linear for Quantize {
    const NAME: &'static str = "QuantizeLinear";
    const QUANTIZES: bool = true;
    fn of(scales: Scales) -> Quantize {
        Quantize(scales)
    }
}

impl Linear for Dequantize {
    const NAME: &'static str = "DequantizeLinear";
    const QUANTIZES: bool = false;
    fn of(scales: Scales) -> Dequantize {
        Dequantize(scales)
    }
}

impl Op for Quantize {
    fn name(&self) -> StaticName {
        Quantize::NAME.into()
    }
    op_as_typed_op!();
}

impl EvalOp for Quantize {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let x = args_1!(inputs);
        let at = self.0.at(x.shape());
        let x_slice = x.try_as_plain_ram()?.as_slice::<f32>()?;
        let values = x_slice.iter().enumerate().map(|(i, x)| {
            let (scale, zero) = at(i);
            f64::from((x / scale).round_ties_even()) + f64::from(zero)
        });
        // `as` saturates, as the operator requires.
        let out = match self.0.dt {
            DatumType::I8 => Tensor::from_shape(x.shape(), &values.map(|v| v as i8).collect::<Vec<_>>())?,
            DatumType::U8 => Tensor::from_shape(x.shape(), &values.map(|v| v as u8).collect::<Vec<_>>())?,
            _ => Tensor::from_shape(x.shape(), &values.map(|v| v as i32).collect::<Vec<_>>())?,
        };
        Ok(tvec!(out.into()))
    }
}

impl TypedOp for Quantize {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        ensure!(inputs[0].datum_type == f32::datum_type(), "QuantizeLinear needs f32, not {:?}", inputs[0]);
        Ok(tvec!(self.0.dt.fact(inputs[0].shape.clone())))
    }
    as_op!();
}

impl Op for Dequantize {
    fn name(&self) -> StaticName {
        Dequantize::NAME.into()
    }
    op_as_typed_op!();
}

impl EvalOp for Dequantize {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let x = args_1!(inputs);
        let at = self.0.at(x.shape());
        let ints = x.cast_to::<i32>()?;
        let values = ints.try_as_plain_ram()?.as_slice::<i32>()?.iter().enumerate().map(|(i, x)| {
            let (scale, zero) = at(i);
            (i64::from(*x) - i64::from(zero)) as f32 * scale
        });
        Ok(tvec!(Tensor::from_shape(x.shape(), &values.collect::<Vec<_>>())?.into()))
    }
}

impl TypedOp for Dequantize {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        ensure!(
            inputs[0].datum_type == self.0.dt,
            "DequantizeLinear needs {:?}, not {:?}",
            self.0.dt,
            inputs[0]
        );
        Ok(tvec!(f32::fact(inputs[0].shape.clone())))
    }
    as_op!();
}
