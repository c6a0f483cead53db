//! Finds what a typed graph means: quantized maps, convolutions between them, attention pooling.
//!
//! One pass in evaluation order gives each outlet a meaning ([`value::Value`]) where it can, and
//! appends the kernel steps that compute it. It does not match names or neighbouring operators. For
//! example, a convolution of a dequantized map has no step until a later operator asks for bytes or
//! floats, and a reshape that keeps the order of the numbers is the same value. tract runs whatever
//! has no meaning here.

mod arithmetic;
mod attention;
mod lowered;
mod map;
mod pending;
mod quantization;
mod shapes;
mod value;
mod vectors;
mod windows;

pub use lowered::Lowered;

use super::consts;
use lowered::NodeView;
use tract_core::internal::*;
use value::Value;

/// Gives a node's output its meaning and adds its steps; `None` if the operator belongs to another
/// family, or has no meaning here.
type Handler = fn(&mut Lowered, &NodeView) -> Option<Value>;

/// The families of operators. No operator belongs to two of them.
const FAMILIES: [Handler; 6] =
    [quantization::lower, windows::lower, arithmetic::lower, attention::lower, shapes::lower, vectors::lower];

/// Gives meaning to as much of `model` as possible.
///
/// # Errors
/// If the graph is inconsistent.
pub fn lower(model: &TypedModel) -> TractResult<Lowered> {
    let mut lowered = Lowered::default();
    for id in model.eval_order()? {
        let node = model.node(id);
        let level = lowered.level_before(node);
        let value = NodeView::new(model, node, level)
            .and_then(|view| FAMILIES.iter().find_map(|handle| handle(&mut lowered, &view)));
        let outlet = OutletId::new(id, 0);
        if let Some(value) = value {
            lowered.set_value(outlet, value, level);
            continue;
        }
        // Constants and inputs are known from the start; other nodes run between two plans.
        let runs = !node.inputs.is_empty() && consts::value(model, outlet).is_none();
        for slot in 0..node.outputs.len() {
            lowered.set_level(OutletId::new(id, slot), level + usize::from(runs));
        }
    }
    for outlet in model.output_outlets()? {
        lowered.lower_output(*outlet);
    }
    Ok(lowered)
}
