//! Builds the graph: quantized layers with random weights, and the blocks of LPN made of them.

use super::proto::{int, ints, pads, strides};
use tract_onnx::pb::*;

/// A dequantized map: its name, scale and zero point.
pub struct Real(pub String, pub f32, pub u8);

/// A graph that grows node by node.
pub struct Graph {
    pub graph: GraphProto,
    rng: fastrand::Rng,
    /// Names given so far.
    n: usize,
    /// Factor of the weights' scales.
    gain: f32,
}

impl Graph {
    /// An empty graph; `seed` determines its weights.
    pub fn new(seed: u64) -> Graph {
        Graph { graph: GraphProto::default(), rng: fastrand::Rng::with_seed(seed), n: 0, gain: 1.0 }
    }

    fn name(&mut self, what: &str) -> String {
        self.n += 1;
        format!("{what}{}", self.n)
    }

    /// Adds a node; returns the name of its output.
    pub fn node(&mut self, op: &str, inputs: &[&str], attribute: Vec<AttributeProto>) -> String {
        let name = self.name(op);
        self.graph.node.push(NodeProto {
            op_type: op.into(),
            name: name.clone(),
            input: inputs.iter().map(|s| (*s).to_owned()).collect(),
            output: vec![name.clone()],
            attribute,
            ..NodeProto::default()
        });
        name
    }

    fn tensor(&mut self, data_type: i32, dims: &[i64], raw_data: Vec<u8>) -> String {
        let name = self.name("const");
        let tensor = TensorProto {
            name: name.clone(),
            data_type,
            dims: dims.to_vec(),
            raw_data,
            ..TensorProto::default()
        };
        self.graph.initializer.push(tensor);
        name
    }

    fn floats(&mut self, dims: &[i64], values: impl IntoIterator<Item = f32>) -> String {
        self.tensor(1, dims, values.into_iter().flat_map(f32::to_le_bytes).collect())
    }

    fn noise(&mut self, dims: &[i64], size: f32) -> String {
        let n = dims.iter().product::<i64>();
        let values: Vec<f32> = (0..n).map(|_| (self.rng.f32() - 0.5) * size).collect();
        self.floats(dims, values)
    }

    /// Adds QuantizeLinear and DequantizeLinear.
    pub fn rounded(&mut self, x: String, scale: f32, zero_point: u8) -> Real {
        let (s, z) = (self.floats(&[], [scale]), self.tensor(2, &[], vec![zero_point]));
        let bytes = self.node("QuantizeLinear", &[&x, &s, &z], vec![]);
        Real(self.node("DequantizeLinear", &[&bytes, &s, &z], vec![]), scale, zero_point)
    }

    /// Adds dequantized s8 weights, and a scale for each index of `axis`; returns both.
    fn weights(&mut self, dims: &[i64], axis: usize, fan_in: usize) -> (String, Vec<f32>) {
        let n = dims[axis] as usize;
        let scale = self.gain * 1.7 / (fan_in as f32).sqrt() / 64.0;
        let scales: Vec<f32> = (0..n).map(|_| scale * (0.7 + 0.6 * self.rng.f32())).collect();
        let bytes = (0..dims.iter().product::<i64>()).map(|_| self.rng.i8(-127..=127) as u8).collect();
        let w = self.tensor(3, dims, bytes);
        let (s, z) = (self.floats(&[n as i64], scales.clone()), self.tensor(3, &[n as i64], vec![0; n]));
        (self.node("DequantizeLinear", &[&w, &s, &z], vec![int("axis", axis as i64)]), scales)
    }

    /// Adds a convolution with weights `[out, in / group, rows, columns]` and a bias, and quantizes
    /// its result. A ReLU folded into it gives the zero point `relu`.
    pub fn conv(&mut self, x: &Real, dims: [usize; 4], group: usize, stride: i64, relu: Option<u8>) -> Real {
        let shape = dims.map(|d| d as i64);
        let (w, scales) = self.weights(&shape, 0, dims[1] * dims[2] * dims[3]);
        let b = self.bias(&scales, x.1);
        let kernel = ints("kernel_shape", &shape[2..]);
        let attributes = vec![kernel, strides(stride), pads(shape[2] / 2), int("group", group as i64)];
        let y = self.node("Conv", &[&x.0, &w, &b], attributes);
        let (scale, zero) = (0.02 + 0.01 * self.rng.f32(), relu.unwrap_or(120));
        self.rounded(y, scale, zero)
    }

    fn bias(&mut self, scales: &[f32], input: f32) -> String {
        let n = scales.len() as i64;
        let bytes = scales.iter().flat_map(|_| self.rng.i32(-2000..2000).to_le_bytes()).collect();
        let (b, s) = (self.tensor(6, &[n], bytes), self.floats(&[n], scales.iter().map(|s| s * input)));
        let z = self.tensor(6, &[n], vec![0; 4 * n as usize]);
        self.node("DequantizeLinear", &[&b, &s, &z], vec![int("axis", 0)])
    }

    /// Adds one block of LPN: bottleneck, global context and shortcut.
    pub fn bottleneck(&mut self, x: &Real, inputs: usize, width: usize, stride: i64, branch: f32) -> Real {
        let residual =
            (stride != 1 || inputs != width).then(|| self.conv(x, [width, inputs, 1, 1], 1, stride, None));
        let y = self.conv(x, [width, inputs, 1, 1], 1, 1, Some(0));
        let y = self.conv(&y, [width, 1, 3, 3], width, stride, Some(0));
        self.gain = branch;
        let y = self.conv(&y, [width, width, 1, 1], 1, 1, None);
        self.gain = 1.0;
        let context = self.context(&y, width);
        let sum = self.node("Add", &[&y.0, &context.0], vec![]);
        let sum = self.rounded(sum, 0.03, 110);
        let residual = residual.as_ref().map_or(&x.0, |r| &r.0).clone();
        let sum = self.node("Add", &[&sum.0, &residual], vec![]);
        self.rounded(sum, 0.025, 0)
    }

    /// Adds the global context of a map: attention pooling and two small layers, in f32.
    fn context(&mut self, y: &Real, c: usize) -> Real {
        let (width, middle) = (c as i64, (c as i64 / 16).max(16));
        let shape = |g: &mut Graph, dims: &[i64]| {
            g.tensor(7, &[dims.len() as i64], dims.iter().flat_map(|d| d.to_le_bytes()).collect())
        };
        let (flat, row, point) =
            (shape(self, &[0, 0, -1]), shape(self, &[0, 0, -1]), shape(self, &[0, 0, 1, 1]));
        let values = self.node("Reshape", &[&y.0, &flat], vec![]);
        let (mask, mask_bias) = (self.noise(&[1, width, 1, 1], 0.5), self.noise(&[1], 1.0));
        let logits = self.node("Conv", &[&y.0, &mask, &mask_bias], vec![ints("kernel_shape", &[1, 1])]);
        let logits = self.node("Reshape", &[&logits, &row], vec![]);
        let weights = self.node("Softmax", &[&logits], vec![int("axis", 2)]);
        let weights = self.node("Transpose", &[&weights], vec![ints("perm", &[0, 2, 1])]);
        let context = self.node("MatMul", &[&values, &weights], vec![]);
        let context = self.node("Reshape", &[&context, &point], vec![]);
        let (w, b) = (self.noise(&[middle, width, 1, 1], 0.5), self.noise(&[middle], 0.1));
        let x = self.node("Conv", &[&context, &w, &b], vec![ints("kernel_shape", &[1, 1])]);
        let (scale, shift) = (self.noise(&[middle, 1, 1], 2.0), self.noise(&[middle, 1, 1], 0.5));
        let x = self.node("LayerNormalization", &[&x, &scale, &shift], vec![int("axis", -3)]);
        let x = self.node("Relu", &[&x], vec![]);
        let (w, b) = (self.noise(&[width, middle, 1, 1], 0.5), self.noise(&[width], 0.1));
        let x = self.node("Conv", &[&x, &w, &b], vec![ints("kernel_shape", &[1, 1])]);
        self.rounded(x, 0.01, 128)
    }

    /// Adds the transposed convolution that doubles a map's height and width.
    pub fn double(&mut self, x: &Real, inputs: usize, outputs: usize) -> Real {
        let (i, o) = (inputs as i64, outputs as i64);
        let n = i * 16;
        let bytes = (0..n).map(|_| self.rng.i8(-127..=127) as u8).collect();
        let (w, s) = (self.tensor(3, &[i, 1, 4, 4], bytes), self.floats(&[], [0.008]));
        let z = self.tensor(3, &[], vec![0]);
        let w = self.node("DequantizeLinear", &[&w, &s, &z], vec![]);
        let b = self.bias(&vec![0.008; outputs], x.1);
        let attributes = vec![ints("kernel_shape", &[4, 4]), strides(2), pads(1), int("group", o)];
        let y = self.node("ConvTranspose", &[&x.0, &w, &b], attributes);
        self.rounded(y, 0.02, 0)
    }
}
