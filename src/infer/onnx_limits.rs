//! Limits of an ONNX file, checked before tract reads it.
//!
//! tract trusts attributes and dimensions: it counts up to an axis of 2^63, and allocates whatever
//! a shape requests. A damaged file must neither hang the daemon nor exhaust its memory, so files
//! with numbers that no real network has are refused here.

use std::collections::HashMap;
use tract_core::internal::*;
use tract_core::ops::cnn::{Conv, Deconv, PoolSpec};
use tract_core::ops::konst::Const;
use tract_onnx::pb::{GraphProto, ModelProto, NodeProto, TensorProto};
use tract_onnx::tract_hir::internal::*;

/// Largest absolute value of an attribute.
const LARGEST: i64 = 1 << 16;
/// Most dimensions of a constant.
const DIMENSIONS: usize = 8;
/// Largest kernel, stride, dilation or padding, as in our own plans. A few bytes of padding can
/// request any amount of memory, for constants even before shapes are known.
const WINDOW: i64 = 256;
/// Most bytes in use at one time, as in our own plans.
const BYTES: usize = 1 << 30;

/// Refuses attributes and constants with numbers that no real network has.
///
/// # Errors
/// If there is one. The error names the node and attribute, or the constant.
pub fn check_numbers(model: &ModelProto) -> TractResult<()> {
    graph(model.graph.as_ref().context("the file holds no graph")?)
}

fn graph(graph: &GraphProto) -> TractResult<()> {
    graph.initializer.iter().try_for_each(constant)?;
    graph.node.iter().try_for_each(node)
}

fn node(node: &NodeProto) -> TractResult<()> {
    for a in &node.attribute {
        ensure!(
            a.g.is_none() && a.graphs.is_empty(),
            "{} contains a graph, which is not supported",
            node.name
        );
        // Slices may end at the largest integer, which means the last element.
        let open = node.op_type == "Slice";
        let window = ["kernel_shape", "strides", "dilations", "pads", "output_padding"];
        let largest = if window.contains(&&*a.name) { WINDOW } else { LARGEST };
        let large = |i: &&i64| !(-largest..=largest).contains(*i);
        if let Some(i) = std::iter::once(&a.i).chain(&a.ints).find(large).filter(|_| !open) {
            bail!("{} {:?} has {} = {i}; at most {largest} is supported", node.op_type, node.name, a.name);
        }
        if node.op_type == "Transpose" && a.name == "perm" {
            ensure!(
                is_permutation(&a.ints),
                "{} has perm = {:?}, which is not a permutation",
                node.name,
                a.ints
            );
        }
        a.t.iter().chain(&a.tensors).try_for_each(constant)?;
    }
    Ok(())
}

/// tract swaps axes until they are in order; with an axis named twice it would never end.
fn is_permutation(axes: &[i64]) -> bool {
    let mut sorted = axes.to_vec();
    sorted.sort_unstable();
    sorted.into_iter().eq(0..axes.len() as i64)
}

fn constant(tensor: &TensorProto) -> TractResult<()> {
    let volume = tensor.dims.iter().try_fold(1usize, |n, d| n.checked_mul(usize::try_from(*d).ok()?));
    let fits = tensor.dims.len() <= DIMENSIONS && volume.is_some_and(|n| n <= BYTES / 4);
    ensure!(fits, "constant {:?} is too large: its shape is {:?}", tensor.name, tensor.dims);
    Ok(())
}

/// Refuses a graph that needs too much memory. At each node this counts the constants, the tensors
/// that are still to be read, and the operator's own buffers: many small tensors add up.
///
/// # Errors
/// If there is too much. The error names the node.
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
        let needed = made.and_then(|n| alive.checked_add(n)?.checked_add(own_bytes(model, node)?));
        ensure!(needed.is_some_and(|n| n <= BYTES), "{} needs more than {BYTES} bytes", node.name);
        alive += made.unwrap_or(0);
        if !node.op_is::<Const>() {
            *ends.entry(last_read.get(id).copied().unwrap_or(i)).or_default() += made.unwrap_or(0);
        }
        alive -= ends.remove(&i).unwrap_or(0);
    }
    Ok(())
}

/// Bytes of a tensor; `None` if the count overflows.
fn bytes(fact: &TypedFact) -> Option<usize> {
    let shape = fact.shape.as_concrete().unwrap_or(&[]);
    shape.iter().try_fold(fact.datum_type.size_of(), |n, d| n.checked_mul(*d))
}

/// Bytes of an operator's own buffers: a convolution may copy each pixel for every tap that reads
/// it.
fn own_bytes(model: &TypedModel, node: &TypedNode) -> Option<usize> {
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

/// Guards tract's LayerNormalization, which never ends if its axis is outside the input's rank.
pub fn register(onnx: &mut tract_onnx::Onnx) {
    onnx.op_register.insert("LayerNormalization", |context, node| {
        let axis = node.get_attr_opt("axis")?.unwrap_or(-1);
        let tracts = tract_onnx::onnx().op_register.0.get("LayerNormalization").copied();
        let (op, outputs) = tracts.context("tract has no LayerNormalization")?(context, node)?;
        match op.into_any().downcast::<Box<dyn Expansion>>() {
            Ok(inner) => Ok((expand(Ranked { axis, inner: *inner }), outputs)),
            Err(_) => bail!("tract's LayerNormalization has an unexpected type"),
        }
    });
}

/// Checks an operator's axis against the rank of its input before anything else.
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
            ensure!(
                (-rank..rank).contains(&self.axis),
                "axis {} is not one of a tensor of rank {rank}",
                self.axis
            );
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
    fn a_permutation_names_every_axis_once() {
        assert!(is_permutation(&[]) && is_permutation(&[0, 3, 1, 2]));
        assert!(!is_permutation(&[0, 1, 1]) && !is_permutation(&[1, 2, 3]) && !is_permutation(&[-1, 0]));
    }
}
