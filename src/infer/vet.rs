//! What an ONNX file may not say, checked before tract reads it.
//!
//! tract believes attributes and dimensions: it counts up to an axis of 2^63, and reserves what a shape asks
//! for. A damaged file must not hang a daemon or take its memory, so numbers that no network has end here.

use tract_core::internal::*;
use tract_onnx::pb::{GraphProto, ModelProto, NodeProto, TensorProto};
use tract_onnx::tract_hir::internal::*;

/// The largest axis, kernel, stride, padding or group; and the most dimensions.
const LARGEST: i64 = 1 << 16;
const DIMENSIONS: usize = 8;
/// The most values of a constant, or of what passes between two operators.
const VALUES: usize = 1 << 28;

/// Refuses numbers that no network has.
///
/// # Errors
/// Naming the node and attribute, or the constant.
pub fn file(model: &ModelProto) -> TractResult<()> {
    graph(model.graph.as_ref().context("the file holds no graph")?)
}

fn graph(graph: &GraphProto) -> TractResult<()> {
    graph.initializer.iter().try_for_each(constant)?;
    graph.node.iter().try_for_each(node)
}

fn node(node: &NodeProto) -> TractResult<()> {
    for a in &node.attribute {
        ensure!(a.g.is_none() && a.graphs.is_empty(), "{} has a graph of its own: not supported", node.name);
        // An end of a slice may be as large as can be: it means the last.
        let open = node.op_type == "Slice";
        let large = |i: &&i64| !(-LARGEST..=LARGEST).contains(*i);
        if let Some(i) = std::iter::once(&a.i).chain(&a.ints).find(large).filter(|_| !open) {
            bail!("{} {:?} has {} = {i}", node.op_type, node.name, a.name);
        }
        a.t.iter().chain(&a.tensors).try_for_each(constant)?;
    }
    Ok(())
}

fn constant(tensor: &TensorProto) -> TractResult<()> {
    let volume = tensor.dims.iter().try_fold(1usize, |n, d| n.checked_mul(usize::try_from(*d).ok()?));
    let fits = tensor.dims.len() <= DIMENSIONS && volume.is_some_and(|n| n <= VALUES);
    ensure!(fits, "constant {:?} has the shape {:?}", tensor.name, tensor.dims);
    Ok(())
}

/// Refuses a graph in which a tensor would not fit in memory.
///
/// # Errors
/// Naming the node.
pub fn shapes(model: &TypedModel) -> TractResult<()> {
    for node in model.nodes() {
        for fact in node.outputs.iter().map(|o| &o.fact) {
            let shape = fact.shape.as_concrete().unwrap_or(&[]);
            let volume = shape.iter().try_fold(1usize, |n, d| n.checked_mul(*d));
            ensure!(volume.is_some_and(|n| n <= VALUES), "{} makes a tensor of {fact:?}", node.name);
        }
    }
    Ok(())
}

/// Guards tract's LayerNormalization, which counts from an axis outside of its input's rank for ever.
pub fn register(onnx: &mut tract_onnx::Onnx) {
    onnx.op_register.insert("LayerNormalization", |context, node| {
        let axis = node.get_attr_opt("axis")?.unwrap_or(-1);
        let tracts = tract_onnx::onnx().op_register.0.get("LayerNormalization").copied();
        let (op, outputs) = tracts.context("no LayerNormalization in tract")?(context, node)?;
        match op.into_any().downcast::<Box<dyn Expansion>>() {
            Ok(inner) => Ok((expand(Ranked { axis, inner: *inner }), outputs)),
            Err(_) => bail!("LayerNormalization is not what it was in tract"),
        }
    });
}

/// An operator that is asked nothing before its axis is known to be one of its input's.
#[derive(Debug, Clone)]
struct Ranked {
    axis: i64,
    inner: Box<dyn Expansion>,
}

impl Expansion for Ranked {
    fn name(&self) -> StaticName {
        Expansion::name(&*self.inner)
    }

    fn nboutputs(&self) -> TractResult<usize> {
        Expansion::nboutputs(&*self.inner)
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        s: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        let first = inputs.first().context("no input")?;
        s.given(&first.rank, move |s, rank| {
            ensure!((-rank..rank).contains(&self.axis), "axis {} of a tensor of rank {rank}", self.axis);
            self.inner.rules(s, inputs, outputs)
        })
    }

    fn wire(&self, prefix: &str, model: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        Expansion::wire(&*self.inner, prefix, model, inputs)
    }
}
