//! What an ONNX file may not say, checked before tract reads it.
//!
//! tract believes attributes and dimensions: it counts up to an axis of 2^63, and reserves what a shape asks
//! for. A damaged file must not hang a daemon or take its memory, so numbers that no network has end here.

use std::collections::HashMap;
use tract_core::internal::*;
use tract_core::ops::cnn::{Conv, Deconv, PoolSpec};
use tract_core::ops::konst::Const;
use tract_onnx::pb::{GraphProto, ModelProto, NodeProto, TensorProto};
use tract_onnx::tract_hir::internal::*;

/// The largest number of an attribute; and the most dimensions.
const LARGEST: i64 = 1 << 16;
const DIMENSIONS: usize = 8;
/// The largest kernel, stride, dilation or padding: what our own plans allow too. A padding makes pixels that the
/// file need not hold, of constants even before shapes are known.
const WINDOW: i64 = 256;
/// The most bytes that may be in use at one time: as much as our own plans may take.
const BYTES: usize = 1 << 30;

/// Refuses numbers that no network has.
///
/// # Errors
/// Naming the node and attribute, or the constant.
pub fn check_numbers(model: &ModelProto) -> TractResult<()> {
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
        let window = ["kernel_shape", "strides", "dilations", "pads", "output_padding"];
        let largest = if window.contains(&&*a.name) { WINDOW } else { LARGEST };
        let large = |i: &&i64| !(-largest..=largest).contains(*i);
        if let Some(i) = std::iter::once(&a.i).chain(&a.ints).find(large).filter(|_| !open) {
            bail!("{} {:?} has {} = {i}", node.op_type, node.name, a.name);
        }
        if node.op_type == "Transpose" && a.name == "perm" {
            ensure!(is_permutation(&a.ints), "{} permutes axes by {:?}", node.name, a.ints);
        }
        a.t.iter().chain(&a.tensors).try_for_each(constant)?;
    }
    Ok(())
}

/// tract swaps axes until they are in order, which those that are named twice never are.
fn is_permutation(axes: &[i64]) -> bool {
    let mut sorted = axes.to_vec();
    sorted.sort_unstable();
    sorted.into_iter().eq(0..axes.len() as i64)
}

fn constant(tensor: &TensorProto) -> TractResult<()> {
    let volume = tensor.dims.iter().try_fold(1usize, |n, d| n.checked_mul(usize::try_from(*d).ok()?));
    let fits = tensor.dims.len() <= DIMENSIONS && volume.is_some_and(|n| n <= BYTES / 4);
    ensure!(fits, "constant {:?} has the shape {:?}", tensor.name, tensor.dims);
    Ok(())
}

/// Refuses a graph that would not fit in memory: its constants, and at each node the tensors that are still to be
/// read, with what its operator makes for itself. A tensor alone may be small and a hundred of them not.
///
/// # Errors
/// Naming the node at which it is too much.
pub fn check_memory(model: &TypedModel) -> TractResult<()> {
    let order = model.eval_order()?;
    let outputs = model.output_outlets()?.iter().map(|o| (o.node, usize::MAX));
    let reads =
        order.iter().enumerate().flat_map(|(i, n)| model.node(*n).inputs.iter().map(move |o| (o.node, i)));
    let mut last_read: HashMap<usize, usize> = HashMap::new();
    for (node, i) in reads.chain(outputs) {
        let last = last_read.entry(node).or_default();
        *last = i.max(*last);
    }
    let mut ends: HashMap<usize, usize> = HashMap::new();
    let mut alive = 0usize;
    for (i, id) in order.iter().enumerate() {
        let node = model.node(*id);
        let made = node.outputs.iter().map(|o| bytes(&o.fact)).try_fold(0usize, |sum, n| sum.checked_add(n?));
        let needed = made.and_then(|n| alive.checked_add(n)?.checked_add(own(model, node)?));
        ensure!(needed.is_some_and(|n| n <= BYTES), "{} needs more than {BYTES} bytes", node.name);
        alive += made.unwrap_or(0);
        if !node.op_is::<Const>() {
            *ends.entry(last_read.get(id).copied().unwrap_or(i)).or_default() += made.unwrap_or(0);
        }
        alive -= ends.remove(&i).unwrap_or(0);
    }
    Ok(())
}

/// Bytes of a tensor; `None` past what can be counted.
fn bytes(fact: &TypedFact) -> Option<usize> {
    let shape = fact.shape.as_concrete().unwrap_or(&[]);
    shape.iter().try_fold(fact.datum_type.size_of(), |n, d| n.checked_mul(*d))
}

/// Bytes that an operator makes for itself: a convolution may copy each pixel once for each tap that reads it.
fn own(model: &TypedModel, node: &TypedNode) -> Option<usize> {
    let taps = |pool: &PoolSpec| pool.kernel_shape.iter().try_fold(1usize, |n, d| n.checked_mul(*d));
    let conv = node.op_as::<Conv>().map(|c| taps(&c.pool_spec));
    let Some(taps) = conv.or_else(|| node.op_as::<Deconv>().map(|d| taps(&d.pool_spec))) else {
        return Some(0);
    };
    let taps = taps?;
    let input = node.inputs.first().and_then(|i| model.outlet_fact(*i).ok()).map_or(Some(0), bytes)?;
    let output = node.outputs.first().map_or(Some(0), |o| bytes(&o.fact))?;
    if taps == 1 { Some(0) } else { taps.checked_mul(input.max(output)) }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_are_permuted_by_all_of_them_once() {
        assert!(is_permutation(&[]) && is_permutation(&[0, 3, 1, 2]));
        assert!(!is_permutation(&[0, 1, 1]) && !is_permutation(&[1, 2, 3]) && !is_permutation(&[-1, 0]));
    }
}
