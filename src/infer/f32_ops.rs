//! Networks that are not quantized: tract runs them, except two operators for which it has no fast
//! code.

use crate::kernels::{Isa, PlaneConv, PlaneDouble};
use tract_core::internal::*;
use tract_core::ops::cnn::{Conv, Deconv, KernelFormat, PaddingSpec};
use tract_core::ops::nn::DataFormat;
use tract_core::transform::ModelTransform;

/// Replaces f32 depthwise convolutions, and grouped transposed ones that double a map, with ours.
#[derive(Debug)]
pub struct F32Ops {
    /// Kernels that the operators use.
    pub isa: Isa,
}

impl ModelTransform for F32Ops {
    fn name(&self) -> StaticName {
        "posed-f32".into()
    }

    fn transform(&self, model: &mut TypedModel) -> TractResult<()> {
        Rewriter::<Isa>::default()
            .with_rule_for("posed-depthwise", depthwise)
            .with_rule_for("posed-double", double)
            .rewrite(&self.isa, model)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Kernel {
    Conv(PlaneConv),
    Double(PlaneDouble),
}

/// Runs a kernel on the planes of one image. Inputs: f32 image, weights and bias; output: f32
/// `shape`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Planes {
    isa: Isa,
    kernel: Kernel,
    shape: Vec<usize>,
}

impl Op for Planes {
    fn name(&self) -> StaticName {
        "posed.Planes".into()
    }
    op_as_typed_op!();
}

impl EvalOp for Planes {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let (x, k, b) = args_3!(inputs);
        let mut out = Tensor::zero::<f32>(&self.shape)?;
        {
            let (x, k, b) = (x.try_as_plain_ram()?, k.try_as_plain_ram()?, b.try_as_plain_ram()?);
            let (x, k, b) = (x.as_slice::<f32>()?, k.as_slice::<f32>()?, b.as_slice::<f32>()?);
            let mut ram = out.try_as_plain_ram_mut()?;
            let y = ram.as_slice_mut::<f32>()?;
            match &self.kernel {
                Kernel::Conv(op) => op.run(self.isa, x, k, b, y),
                Kernel::Double(op) => op.run(self.isa, x, k, b, y),
            }
        }
        Ok(tvec!(out.into_tvalue()))
    }
}

impl TypedOp for Planes {
    fn output_facts(&self, _: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec!(f32::fact(&self.shape)))
    }
    as_op!();
}

/// Rows and columns of one image: `[1, C, H, W]`, or `[C, H, W]` where tract has dropped the batch.
fn planes(fact: &TypedFact, channels: usize) -> Option<[usize; 2]> {
    let shape = fact.shape.as_concrete().filter(|_| fact.datum_type == f32::datum_type())?;
    match *shape {
        [1, c, h, w] | [c, h, w] if c == channels && h * w > 0 => Some([h, w]),
        _ => None,
    }
}

fn pair(v: &[usize]) -> Option<[usize; 2]> {
    v.try_into().ok()
}

fn before(padding: &PaddingSpec) -> Option<[usize; 2]> {
    match padding {
        PaddingSpec::Explicit(before, _) => pair(before),
        PaddingSpec::Valid => Some([0, 0]),
        _ => None,
    }
}

fn replace(
    isa: Isa,
    model: &TypedModel,
    node: &TypedNode,
    name: &str,
    kernel: Kernel,
) -> TractResult<Option<TypedModelPatch>> {
    let Some(shape) = node.outputs[0].fact.shape.as_concrete() else { return Ok(None) };
    let op = Planes { isa, kernel, shape: shape.to_vec() };
    TypedModelPatch::replace_single_op(model, node, &node.inputs, op)
        .map(Some)
        .with_context(|| name.to_owned())
}

fn depthwise(
    isa: &Isa,
    model: &TypedModel,
    node: &TypedNode,
    name: &str,
    op: &Conv,
) -> TractResult<Option<TypedModelPatch>> {
    let spec = &op.pool_spec;
    let c = spec.input_channels;
    let nchw = matches!(spec.data_format, DataFormat::NCHW | DataFormat::CHW);
    let plain = op.q_params.is_none() && op.kernel_fmt == KernelFormat::OIHW && nchw;
    let dense = spec.dilations.as_ref().is_none_or(|d| d.iter().all(|d| *d == 1));
    if !plain || !dense || op.group != c || spec.output_channels != c || c == 1 {
        return Ok(None);
    }
    let sizes = (planes(model.outlet_fact(node.inputs[0])?, c), planes(&node.outputs[0].fact, c));
    let stride = spec.strides.as_ref().map_or(Some([1, 1]), |s| pair(s));
    let (Some(kernel), Some(stride), Some(pad)) = (pair(&spec.kernel_shape), stride, before(&spec.padding))
    else {
        return Ok(None);
    };
    let (Some(size), Some(out)) = sizes else { return Ok(None) };
    let bias = model.outlet_fact(node.inputs[2])?.shape.volume();
    if bias != 1.to_dim() && bias != c.to_dim() {
        return Ok(None);
    }
    let kernel = Kernel::Conv(PlaneConv { channels: c, size, out, kernel, stride, pad });
    replace(*isa, model, node, name, kernel)
}

fn double(
    isa: &Isa,
    model: &TypedModel,
    node: &TypedNode,
    name: &str,
    op: &Deconv,
) -> TractResult<Option<TypedModelPatch>> {
    let spec = &op.pool_spec;
    let (ci, co) = (spec.input_channels, spec.output_channels);
    let nchw = matches!(spec.data_format, DataFormat::NCHW | DataFormat::CHW);
    let dense = spec.dilations.as_ref().is_none_or(|d| d.iter().all(|d| *d == 1));
    let window = spec.kernel_shape[..] == [4, 4] && spec.strides.as_deref() == Some(&[2, 2][..]);
    let padded = spec.padding == PaddingSpec::Explicit(tvec![1, 1], tvec![1, 1]);
    if !nchw || !dense || !window || !padded || op.kernel_format != KernelFormat::OIHW || op.group != co {
        return Ok(None);
    }
    let sizes = (planes(model.outlet_fact(node.inputs[0])?, ci), planes(&node.outputs[0].fact, co));
    let (Some([h, w]), Some(out)) = sizes else { return Ok(None) };
    let bias = model.outlet_fact(node.inputs[2])?.shape.volume();
    if out != [2 * h, 2 * w] || !ci.is_multiple_of(co) || (bias != 1.to_dim() && bias != co.to_dim()) {
        return Ok(None);
    }
    let kernel = Kernel::Double(PlaneDouble { channels: co, members: ci / co, size: [h, w] });
    replace(*isa, model, node, name, kernel)
}
