//! Random changes of a graph: its nodes, their inputs and attributes, and its constants.

use tract_onnx::pb::*;

/// Numbers at the limits of what a dimension, an axis or an attribute can hold.
const NUMBERS: [i64; 14] =
    [0, 1, -1, 2, 3, 7, 16, 17, 255, 4096, 1 << 20, i32::MAX as i64, i64::MAX, i64::MIN];

/// Operators that the family does not use, and one that does not exist.
const OPERATORS: [&str; 15] = [
    "Sigmoid",
    "Neg",
    "Mul",
    "Sub",
    "Div",
    "Relu",
    "Clip",
    "Concat",
    "GlobalAveragePool",
    "Loop",
    "Pad",
    "Expand",
    "Tile",
    "Resize",
    "Xyz",
];

/// Makes one change.
pub fn mutate(graph: &mut GraphProto, rng: &mut fastrand::Rng) {
    let (n, t) = (rng.usize(..graph.node.len()), rng.usize(..graph.initializer.len()));
    let number = NUMBERS[rng.usize(..NUMBERS.len())];
    match rng.u8(..12) {
        0 | 1 => change_tensor(&mut graph.initializer[t], number, rng),
        2 => replace_input(graph, n, rng),
        3 => drop(graph.node[n].input.pop()),
        4 => {
            let name = any_value(graph, rng);
            graph.node[n].input.push(name);
        }
        5 => {
            let other = rng.usize(..graph.node.len());
            graph.node[n].op_type = graph.node[other].op_type.clone();
        }
        6 => graph.node[n].op_type = OPERATORS[rng.usize(..OPERATORS.len())].into(),
        7 | 8 => change_attribute(&mut graph.node[n].attribute, number, rng),
        9 => drop(graph.node.remove(n)),
        10 => {
            let mut copy = graph.node[n].clone();
            if rng.bool() {
                copy.name.push('b');
            }
            graph.node.push(copy);
        }
        _ => {
            let other = rng.usize(..graph.initializer.len());
            let name = graph.initializer[other].name.clone();
            graph.initializer[other].name = std::mem::replace(&mut graph.initializer[t].name, name);
        }
    }
}

/// The name of some value of the graph, or a name that none has.
fn any_value(graph: &GraphProto, rng: &mut fastrand::Rng) -> String {
    match rng.u8(..8) {
        0 => "nothing".to_owned(),
        1..=3 => graph.initializer[rng.usize(..graph.initializer.len())].name.clone(),
        _ => graph.node[rng.usize(..graph.node.len())].output[0].clone(),
    }
}

fn replace_input(graph: &mut GraphProto, node: usize, rng: &mut fastrand::Rng) {
    let name = any_value(graph, rng);
    let inputs = &mut graph.node[node].input;
    let at = rng.usize(..inputs.len().max(1));
    if let Some(input) = inputs.get_mut(at) {
        *input = name;
    }
}

fn change_attribute(attributes: &mut Vec<AttributeProto>, number: i64, rng: &mut fastrand::Rng) {
    if attributes.is_empty() {
        return;
    }
    let a = rng.usize(..attributes.len());
    match (rng.u8(..4), attributes[a].ints.len()) {
        (0, _) => drop(attributes.swap_remove(a)),
        (1, _) => attributes[a].ints.push(number),
        (_, 0) => attributes[a].i = number,
        (_, len) => attributes[a].ints[rng.usize(..len)] = number,
    }
}

fn change_tensor(tensor: &mut TensorProto, number: i64, rng: &mut fastrand::Rng) {
    let floats = [f32::NAN, f32::INFINITY, 0.0, -1.0, 1e-38, 1e-45, 3e38, 1.0];
    match rng.u8(..6) {
        0 => match tensor.dims.len() {
            0 => tensor.dims.push(number),
            len => tensor.dims[rng.usize(..len)] = number,
        },
        1 => tensor.data_type = rng.i32(0..17),
        2 => tensor.raw_data.truncate(rng.usize(..=tensor.raw_data.len())),
        3 => tensor.dims.reverse(),
        4 if tensor.data_type == 1 && tensor.raw_data.len() >= 4 => {
            let at = rng.usize(..tensor.raw_data.len() / 4) * 4;
            tensor.raw_data[at..at + 4].copy_from_slice(&floats[rng.usize(..floats.len())].to_le_bytes());
        }
        _ => {
            for _ in 0..4 {
                let at = rng.usize(..tensor.raw_data.len().max(1));
                if let Some(byte) = tensor.raw_data.get_mut(at) {
                    *byte = rng.u8(..);
                }
            }
        }
    }
}
