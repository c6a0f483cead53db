//! ONNX attributes and values.

use tract_onnx::pb::*;

/// A f32 input or output of the graph.
pub fn value(name: &str, dims: [i64; 4]) -> ValueInfoProto {
    use tensor_shape_proto::{Dimension, dimension};
    let dim = |d: i64| Dimension { value: Some(dimension::Value::DimValue(d)), ..Dimension::default() };
    let shape = TensorShapeProto { dim: dims.into_iter().map(dim).collect() };
    let tensor = type_proto::Tensor { elem_type: 1, shape: Some(shape) };
    let kind = TypeProto { value: Some(type_proto::Value::TensorType(tensor)), ..TypeProto::default() };
    ValueInfoProto { name: name.into(), r#type: Some(kind), ..ValueInfoProto::default() }
}

pub fn int(name: &str, i: i64) -> AttributeProto {
    AttributeProto { name: name.into(), r#type: 2, i, ..AttributeProto::default() }
}

pub fn ints(name: &str, ints: &[i64]) -> AttributeProto {
    AttributeProto { name: name.into(), r#type: 7, ints: ints.to_vec(), ..AttributeProto::default() }
}

pub fn strides(s: i64) -> AttributeProto {
    ints("strides", &[s, s])
}

pub fn pads(p: i64) -> AttributeProto {
    ints("pads", &[p, p, p, p])
}
