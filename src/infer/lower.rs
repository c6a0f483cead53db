//! Reads a typed graph for what it means: quantized maps, convolutions between them, attention pooling.
//!
//! One pass in evaluation order gives each outlet a meaning ([`Sym`]) where one is known, and appends the
//! kernels' steps that compute it. Nothing is matched by name or by neighbourhood: a convolution of a
//! dequantized map is remembered until something asks for its quantized result, an order-preserving
//! reshape is the same value, and so on. What has no meaning here is left to tract.

use super::consts::{self, Weights, volume};
use super::qdq::{Dequantize, Quantize};
use crate::kernels::{
    AddSpec, AttendSpec, ConvSpec, DeconvSpec, MapId, MaxPoolSpec, Operand, OutputPort, PlanBuilder, Quant,
    Step, Term, VecId, VecOp,
};
use std::collections::HashMap;
use tract_core::internal::*;
use tract_core::ops::cast::Cast;
use tract_core::ops::cnn::{Conv, Deconv, KernelFormat, MaxPool, PaddingSpec, PoolSpec};
use tract_core::ops::einsum::EinSum;
use tract_core::ops::nn::{DataFormat, Reduce, Reducer, Softmax, SoftmaxKind};

/// Height, width and channels.
pub type Size = (usize, usize, usize);

/// A quantized map and what it stands for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Map {
    pub id: MapId,
    pub quant: Quant,
    pub size: Size,
}

/// What an outlet means.
#[derive(Debug, Clone)]
enum Sym {
    /// The bytes of a map.
    Bytes(Map),
    /// The real numbers that a map stands for (in any shape that keeps their order).
    Real(Map),
    /// A convolution that nobody has asked a result of yet.
    Conv(Box<Pending>),
    /// A sum of maps, likewise.
    Sum(Map, Term<Map, VecId>, Clip),
    /// A 1x1 convolution to one channel: numbers that pixels are to be weighed by.
    Logits(Map, Vec<f32>),
    /// Softmax of logits over all pixels.
    Attention(Map, Vec<f32>),
    /// A vector (in any shape with one dimension that is not 1).
    Vector(VecId),
    /// The bytes of a vector that was rounded to them.
    VectorBytes(VecId, Quant),
}

/// Real bounds that an activation puts on a value.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Clip {
    low: Option<f32>,
    high: Option<f32>,
}

impl Clip {
    /// The bytes between which results lie.
    fn bytes(self, q: Quant) -> (u8, u8) {
        (self.low.map_or(0, |v| q.quantize(v)), self.high.map_or(255, |v| q.quantize(v)))
    }
}

/// A convolution of a map.
#[derive(Debug, Clone)]
struct Pending {
    from: Map,
    kind: Kind,
    kernel: [usize; 2],
    stride: [usize; 2],
    pad: [usize; 2],
    weights: Weights,
    /// Real bias, one an output channel.
    bias: Vec<f32>,
    size: Size,
    clip: Clip,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Dense,
    Depthwise,
    Transposed { groups: usize },
}

/// What the pass over a graph found.
#[derive(Default)]
pub struct Lowered {
    /// All steps, with the level of each.
    pub builder: PlanBuilder,
    /// How many of tract's operators lie before each step: steps of one level can be one plan.
    pub levels: Vec<usize>,
    /// Floats that enter: outlet, the map they are quantized to, and the level at which they are known.
    pub imports: Vec<(OutletId, Map, usize)>,
    sizes: HashMap<MapId, Size>,
    /// Outlets whose bytes a step computes.
    bytes: HashMap<OutletId, Map>,
    /// Outputs of the graph that a step computes.
    outputs: HashMap<OutletId, OutputPort>,
    syms: HashMap<OutletId, Sym>,
    /// Level of every outlet.
    known_at: HashMap<OutletId, usize>,
    map_level: HashMap<MapId, usize>,
}

/// Gives meaning to as much of `model` as is known.
pub fn lower(model: &TypedModel) -> TractResult<Lowered> {
    let mut it = Lowered::default();
    for id in model.eval_order()? {
        let node = model.node(id);
        let level = it.level_before(node);
        let sym = if node.outputs.len() == 1 { it.node(model, node, level)? } else { None };
        let outlet = OutletId::new(id, 0);
        match sym {
            Some(sym) => {
                if let Sym::Bytes(map) = sym {
                    it.bytes.insert(outlet, map);
                }
                it.syms.insert(outlet, sym);
                it.known_at.insert(outlet, level);
            }
            None => {
                // Constants and inputs are there from the start; other nodes run between two plans.
                let runs = !node.inputs.is_empty() && consts::value(model, outlet).is_none();
                for slot in 0..node.outputs.len() {
                    it.known_at.insert(OutletId::new(id, slot), level + usize::from(runs));
                }
            }
        }
    }
    for outlet in model.output_outlets()? {
        let level = it.known_at.get(outlet).copied().unwrap_or(0);
        if let Some(port) = it.output(*outlet, level) {
            it.outputs.insert(*outlet, port);
        }
    }
    Ok(it)
}

impl Lowered {
    fn new_map(&mut self, size: Size, quant: Quant, level: usize) -> Map {
        let id = self.builder.map(size, quant.zero_point);
        self.sizes.insert(id, size);
        self.map_level.insert(id, level);
        Map { id, quant, size }
    }

    fn step(&mut self, step: Step, level: usize) {
        self.builder.step(step);
        self.levels.push(level);
    }

    fn vector(&mut self, op: VecOp, from: VecId, len: usize, level: usize) -> Sym {
        let to = self.builder.vector(len);
        self.step(Step::Vector { op, from, to }, level);
        Sym::Vector(to)
    }

    fn node(&mut self, model: &TypedModel, node: &TypedNode, level: usize) -> TractResult<Option<Sym>> {
        let Some(&input) = node.inputs.first() else { return Ok(None) };
        let fact = &node.outputs[0].fact;
        let Some(shape) = fact.shape.as_concrete() else { return Ok(None) };
        let sym = self.syms.get(&input).cloned();
        if let Some(op) = node.op_as::<Quantize>() {
            return Ok(self.quantize(op, sym, input, shape, level));
        }
        if let Some(op) = node.op_as::<TypedBinaryOp>() {
            return Ok(self.binary(model, op, node, shape, level));
        }
        if let Some(op) = node.op_as::<EinSum>() {
            return Ok(self.einsum(model, op, node, level));
        }
        let Some(sym) = sym else { return Ok(None) };
        if let Some(op) = node.op_as::<Dequantize>() {
            let q = op.0.single().and_then(|(scale, zero)| Some((scale, u8::try_from(zero).ok()?)));
            return Ok(match (sym, q) {
                (Sym::Bytes(map), Some((scale, zero_point))) if op.0.dt == u8::datum_type() => {
                    Some(Sym::Real(Map { quant: Quant { scale, zero_point }, ..map }))
                        .filter(|_| zero_point == map.quant.zero_point)
                }
                (Sym::VectorBytes(v, quant), Some((scale, zero_point))) => {
                    (quant == Quant { scale, zero_point }).then_some(Sym::Vector(v))
                }
                _ => None,
            });
        }
        if let Some(op) = node.op_as::<Conv>() {
            return Ok(self.conv(model, op, node, sym, shape, level));
        }
        if let Some(op) = node.op_as::<Deconv>() {
            return Ok(self.deconv(model, op, node, sym, shape));
        }
        if let Some(op) = node.op_as::<MaxPool>() {
            return Ok(self.max_pool(op, model, node, sym, shape, level));
        }
        if let Some(op) = node.op_as::<AxisOp>() {
            return Ok(keeps_order(op, model.outlet_fact(input)?).then_some(sym).and_then(as_flat));
        }
        if let Some(op) = node.op_as::<Softmax>() {
            let over = |axes: &[usize]| (0..shape.len()).all(|i| shape[i] == 1 || axes.contains(&i));
            let plain = op.kind == SoftmaxKind::Softmax && op.quant_output_dt.is_none() && over(&op.axes);
            return Ok(match as_logits(sym) {
                Some((map, weights)) if plain => Some(Sym::Attention(map, weights)),
                _ => None,
            });
        }
        if node.op_is::<Cast>() {
            let float = fact.datum_type == f32::datum_type();
            return Ok(Some(sym).filter(|s| float && !matches!(s, Sym::Bytes(_) | Sym::VectorBytes(..))));
        }
        let Sym::Vector(from) = sym else { return Ok(None) };
        let len = self.builder.vector_len(from);
        if let Some(op) = node.op_as::<Reduce>() {
            let all = volume(shape) == 1 && op.reducer == Reducer::Sum;
            return Ok(all.then(|| self.vector(VecOp::Sum, from, 1, level)));
        }
        let op = match &*node.op.name() {
            "Square" => VecOp::Square,
            "Rsqrt" => VecOp::Rsqrt,
            "Sqrt" => VecOp::Sqrt,
            "Recip" => VecOp::Recip,
            _ => return Ok(None),
        };
        Ok(Some(self.vector(op, from, len, level)))
    }

    fn quantize(
        &mut self,
        op: &Quantize,
        sym: Option<Sym>,
        input: OutletId,
        shape: &[usize],
        level: usize,
    ) -> Option<Sym> {
        let (scale, zero) = op.0.single().filter(|_| op.0.dt == u8::datum_type())?;
        let quant = Quant { scale, zero_point: u8::try_from(zero).ok()? };
        let is_map = shape.len() == 4 && shape[0] == 1;
        match sym {
            Some(Sym::Real(map)) => (map.quant == quant).then_some(Sym::Bytes(map)),
            Some(Sym::Conv(c)) => {
                let to = self.new_map(c.size, quant, level);
                let step = c.step(Some(quant), to.id)?;
                self.step(step, level);
                Some(Sym::Bytes(to))
            }
            Some(Sym::Sum(from, term, clip)) => {
                let to = self.new_map(from.size, quant, level);
                let spec = AddSpec { input: from.quant, output: quant, clamp: clip.bytes(quant) };
                let term = match term {
                    Term::Map(m, _) => Term::Map(m.id, m.quant),
                    Term::Vector(v) => Term::Vector(v),
                };
                self.step(Step::Add { spec, from: from.id, term, to: to.id }, level);
                Some(Sym::Bytes(to))
            }
            Some(Sym::Vector(v)) => {
                let len = self.builder.vector_len(v);
                let Sym::Vector(v) = self.vector(VecOp::Requantize(quant), v, len, level) else {
                    return None;
                };
                Some(Sym::VectorBytes(v, quant))
            }
            None if is_map => {
                let to = self.new_map((shape[2], shape[3], shape[1]), quant, level);
                self.imports.push((input, to, level));
                Some(Sym::Bytes(to))
            }
            _ => None,
        }
    }

    fn conv(
        &mut self,
        model: &TypedModel,
        op: &Conv,
        node: &TypedNode,
        sym: Sym,
        shape: &[usize],
        level: usize,
    ) -> Option<Sym> {
        let window = window(&op.pool_spec)?;
        if op.q_params.is_some() || op.kernel_fmt != KernelFormat::OIHW || shape.len() != 4 {
            return None;
        }
        let (co, pointwise) = (op.pool_spec.output_channels, window.kernel == [1, 1] && op.group == 1);
        let bias = consts::channels(model, *node.inputs.get(2)?, co)?;
        let from = match sym {
            Sym::Vector(v)
                if pointwise
                    && volume(shape) == co
                    && op.pool_spec.input_channels == self.builder.vector_len(v) =>
            {
                let weights = consts::floats(model, node.inputs[1])?;
                return Some(self.vector(VecOp::MatVec { weights, bias }, v, co, level));
            }
            Sym::Real(map) => map,
            _ => return None,
        };
        let size = map_size(model, node.inputs[0])?;
        if size != from.size {
            return None;
        }
        let Some(weights) = consts::weights(model, node.inputs[1]) else {
            // Weights that are no bytes: only attention logits are computed with such.
            let weights = consts::floats(model, node.inputs[1])?;
            let logits = pointwise && co == 1 && window.stride == [1, 1] && window.pad == [0, 0];
            return (logits && weights.len() == size.2).then_some(Sym::Logits(from, weights));
        };
        let kind = if op.group == 1 {
            Kind::Dense
        } else if op.group == size.2 && co == size.2 {
            Kind::Depthwise
        } else {
            return None;
        };
        Some(Sym::Conv(Box::new(window.of(from, kind, weights, bias, (shape[2], shape[3], co)))))
    }

    fn deconv(
        &mut self,
        model: &TypedModel,
        op: &Deconv,
        node: &TypedNode,
        sym: Sym,
        shape: &[usize],
    ) -> Option<Sym> {
        let window = window(&op.pool_spec)?;
        let Sym::Real(from) = sym else { return None };
        if op.kernel_format != KernelFormat::OIHW || map_size(model, node.inputs[0])? != from.size {
            return None;
        }
        let co = op.pool_spec.output_channels;
        let bias = consts::channels(model, *node.inputs.get(2)?, co)?;
        let weights = consts::weights(model, node.inputs[1])?;
        let kind = Kind::Transposed { groups: op.group };
        let size = (*shape.get(2)?, *shape.get(3)?, co);
        Some(Sym::Conv(Box::new(window.of(from, kind, weights, bias, size))))
    }

    fn max_pool(
        &mut self,
        op: &MaxPool,
        model: &TypedModel,
        node: &TypedNode,
        sym: Sym,
        shape: &[usize],
        level: usize,
    ) -> Option<Sym> {
        let Window { kernel, stride, pad } = window(&op.pool_spec)?;
        let Sym::Real(from) = sym else { return None };
        if op.with_index_outputs.is_some() || map_size(model, node.inputs[0])? != from.size {
            return None;
        }
        let to = self.new_map((*shape.get(2)?, *shape.get(3)?, from.size.2), from.quant, level);
        let spec = MaxPoolSpec { kernel, stride, pad };
        self.step(Step::MaxPool { spec, from: from.id, to: to.id }, level);
        Some(Sym::Real(to))
    }

    fn binary(
        &mut self,
        model: &TypedModel,
        op: &TypedBinaryOp,
        node: &TypedNode,
        shape: &[usize],
        level: usize,
    ) -> Option<Sym> {
        let name = op.0.name();
        let [a, b] = node.inputs[..] else { return None };
        let (sa, sb) = (self.syms.get(&a).cloned(), self.syms.get(&b).cloned());
        match (sa, sb) {
            (Some(Sym::Real(a_map)), Some(Sym::Real(b_map))) if name == "Add" => {
                let sizes = [map_size(model, a)?, map_size(model, b)?];
                let same = sizes == [a_map.size; 2] && b_map.size == a_map.size;
                same.then(|| Sym::Sum(a_map, Term::Map(b_map, b_map.quant), Clip::default()))
            }
            (Some(Sym::Real(map)), Some(Sym::Vector(v))) | (Some(Sym::Vector(v)), Some(Sym::Real(map)))
                if name == "Add" =>
            {
                let c = map.size.2;
                let spread = [a, b].iter().all(|o| {
                    let s = model.outlet_fact(*o).ok().and_then(|f| f.shape.as_concrete());
                    s == Some(&[1, c, 1, 1][..]) || s == Some(&[1, c, map.size.0, map.size.1][..])
                });
                (spread && self.builder.vector_len(v) == c)
                    .then(|| Sym::Sum(map, Term::Vector(v), Clip::default()))
            }
            (Some(Sym::Vector(v)), Some(Sym::Vector(w))) => {
                let (n, m) = (self.builder.vector_len(v), self.builder.vector_len(w));
                let (v, w) = if n >= m { (v, w) } else { (w, v) };
                let turned = n < m && matches!(name, "Sub" | "Div");
                let op = vec_op(name, Operand::Vector(w)).filter(|_| !turned && volume(shape) == n.max(m))?;
                Some(self.vector(op, v, n.max(m), level))
            }
            (Some(Sym::Vector(v)), None) => {
                let n = self.builder.vector_len(v);
                let numbers = consts::floats(model, b)?;
                let lines_up = volume(shape) == n && (numbers.len() == 1 || numbers.len() == n);
                if name == "Pow" {
                    return (numbers == [2.0]).then(|| self.vector(VecOp::Square, v, n, level));
                }
                let op = vec_op(name, Operand::Constant(numbers)).filter(|_| lines_up)?;
                Some(self.vector(op, v, n, level))
            }
            (None, Some(Sym::Vector(v))) if matches!(name, "Add" | "Mul" | "Max") => {
                let n = self.builder.vector_len(v);
                let numbers = consts::floats(model, a)?;
                let lines_up = volume(shape) == n && (numbers.len() == 1 || numbers.len() == n);
                let op = vec_op(name, Operand::Constant(numbers)).filter(|_| lines_up)?;
                Some(self.vector(op, v, n, level))
            }
            (Some(sym), None) => clipped(sym, name, &consts::floats(model, b)?),
            (None, Some(sym)) => clipped(sym, name, &consts::floats(model, a)?),
            _ => None,
        }
    }

    /// The sum of a map's pixels weighed by its own attention.
    fn einsum(&mut self, model: &TypedModel, op: &EinSum, node: &TypedNode, level: usize) -> Option<Sym> {
        let [a, b] = node.inputs[..] else { return None };
        let (map, weights, slot) = match (self.syms.get(&a)?, self.syms.get(&b)?) {
            (Sym::Real(m), Sym::Attention(from, w)) if m == from => (*m, w.clone(), 0),
            (Sym::Attention(from, w), Sym::Real(m)) if m == from => (*m, w.clone(), 1),
            _ => return None,
        };
        let (h, w, c) = map.size;
        let shape = model.outlet_fact(node.inputs[slot]).ok()?.shape.as_concrete()?;
        let flat = shape.len() >= 2 && shape.ends_with(&[c, h * w]) && volume(shape) == c * h * w;
        let pixels = shape.len() - 1;
        let other = model.outlet_fact(node.inputs[1 - slot]).ok()?.shape.as_concrete()?;
        let summed = op.axes.iter_all_axes().any(|axis| {
            axis.outputs.iter().all(|o| o.is_empty())
                && axis.inputs[slot][..] == [pixels]
                && axis.inputs[1 - slot].len() == 1
                && other[axis.inputs[1 - slot][0]] == h * w
        });
        let out = volume(node.outputs[0].fact.shape.as_concrete()?) == c;
        if !(flat && summed && out && volume(other) == h * w && op.q_params.is_none()) {
            return None;
        }
        let to = self.builder.vector(c);
        let spec = AttendSpec { weights, input: map.quant };
        self.step(Step::Attend { spec, from: map.id, to }, level);
        Some(Sym::Vector(to))
    }

    /// A graph output that a step computes as floats.
    fn output(&mut self, outlet: OutletId, level: usize) -> Option<OutputPort> {
        match self.syms.get(&outlet).cloned()? {
            Sym::Real(map) => Some(OutputPort::RealsChw(map.id, map.quant)),
            Sym::Conv(c) => {
                let to = self.builder.float_map(c.size);
                self.sizes.insert(to, c.size);
                self.map_level.insert(to, level);
                let step = c.step(None, to)?;
                self.step(step, level);
                Some(OutputPort::FloatsChw(to))
            }
            _ => None,
        }
    }

    /// The level whose plan writes a map.
    pub fn level_of(&self, map: MapId) -> usize {
        self.map_level.get(&map).copied().unwrap_or(0)
    }

    /// What our kernels can give for an outlet.
    pub fn port(&self, outlet: OutletId) -> Option<OutputPort> {
        let bytes = || self.bytes.get(&outlet).map(|m| OutputPort::BytesChw(m.id));
        self.outputs.get(&outlet).copied().or_else(bytes)
    }

    /// The level at which a node's inputs are all known.
    pub fn level_before(&self, node: &TypedNode) -> usize {
        node.inputs.iter().filter_map(|i| self.known_at.get(i)).max().copied().unwrap_or(0)
    }

    /// The size of a map.
    pub fn size(&self, map: MapId) -> Size {
        self.sizes.get(&map).copied().unwrap_or_default()
    }
}

type TypedBinaryOp = tract_core::ops::binary::TypedBinOp;

fn vec_op(name: &str, operand: Operand) -> Option<VecOp> {
    Some(match name {
        "Add" => VecOp::Add(operand),
        "Sub" => VecOp::Sub(operand),
        "Mul" => VecOp::Mul(operand),
        "Div" => VecOp::Div(operand),
        "Max" => VecOp::Max(operand),
        _ => return None,
    })
}

/// `max(x, low)` or `min(x, high)` of a value that is still pending.
fn clipped(sym: Sym, name: &str, bound: &[f32]) -> Option<Sym> {
    let [bound] = bound[..] else { return None };
    let apply = |clip: Clip| match name {
        "Max" if clip == Clip::default() => Some(Clip { low: Some(bound), ..clip }),
        "Min" if clip.high.is_none() && clip.low.is_none_or(|l| l <= bound) => {
            Some(Clip { high: Some(bound), ..clip })
        }
        _ => None,
    };
    match sym {
        Sym::Conv(mut c) => {
            c.clip = apply(c.clip)?;
            Some(Sym::Conv(c))
        }
        Sym::Sum(a, b, clip) => Some(Sym::Sum(a, b, apply(clip)?)),
        _ => None,
    }
}

/// A value seen through a reshape: a convolution to one channel is from now on a list of logits.
fn as_flat(sym: Sym) -> Option<Sym> {
    match sym {
        Sym::Conv(_) => as_logits(sym).map(|(map, w)| Sym::Logits(map, w)),
        Sym::Bytes(_) | Sym::Sum(..) => None,
        sym => Some(sym),
    }
}

fn as_logits(sym: Sym) -> Option<(Map, Vec<f32>)> {
    match sym {
        Sym::Logits(map, weights) => Some((map, weights)),
        Sym::Conv(c) => {
            let pointwise = c.kernel == [1, 1] && c.stride == [1, 1] && c.pad == [0, 0];
            let plain = c.kind == Kind::Dense && c.clip == Clip::default() && pointwise && c.size.2 == 1;
            plain.then(|| (c.from, c.weights.reals()))
        }
        _ => None,
    }
}

/// Whether an axis operator leaves all values in their order.
fn keeps_order(op: &AxisOp, fact: &TypedFact) -> bool {
    match op {
        AxisOp::Move(from, to) => {
            let Some(shape) = fact.shape.as_concrete() else { return false };
            let mut axes: Vec<usize> = (0..shape.len()).collect();
            let axis = axes.remove(*from);
            axes.insert(*to, axis);
            axes.retain(|a| shape[*a] != 1);
            axes.is_sorted()
        }
        _ => true,
    }
}

/// The size of an outlet that is a map: `[1, C, H, W]`.
fn map_size(model: &TypedModel, outlet: OutletId) -> Option<Size> {
    match *model.outlet_fact(outlet).ok()?.shape.as_concrete()? {
        [1, c, h, w] => Some((h, w, c)),
        _ => None,
    }
}

struct Window {
    kernel: [usize; 2],
    stride: [usize; 2],
    pad: [usize; 2],
}

/// A two-dimensional window without dilation, its padding said outright.
fn window(spec: &PoolSpec) -> Option<Window> {
    let pair = |v: &[usize]| <[usize; 2]>::try_from(v).ok();
    let pad = match &spec.padding {
        PaddingSpec::Explicit(before, _) | PaddingSpec::ExplicitOnnxPool(before, ..) => pair(before)?,
        PaddingSpec::Valid => [0, 0],
        PaddingSpec::SameUpper | PaddingSpec::SameLower => return None,
    };
    let dense = spec.dilations.as_ref().is_none_or(|d| d.iter().all(|d| *d == 1));
    let stride = spec.strides.as_ref().map_or(Some([1, 1]), |s| pair(s))?;
    let nchw = spec.data_format == DataFormat::NCHW;
    (dense && nchw).then_some(Window { kernel: pair(&spec.kernel_shape)?, stride, pad })
}

impl Window {
    fn of(self, from: Map, kind: Kind, weights: Weights, bias: Vec<f32>, size: Size) -> Pending {
        let Window { kernel, stride, pad } = self;
        Pending { from, kind, kernel, stride, pad, weights, bias, size, clip: Clip::default() }
    }
}

impl Pending {
    /// The step that computes this to `to`: bytes of `output`, or floats.
    fn step(&self, output: Option<Quant>, to: MapId) -> Option<Step> {
        let co = self.size.2;
        let scales = self.weights.channel_scales(co)?;
        let input = self.from.quant;
        // As ONNX Runtime: one f32 factor a channel, (input * weight) / output.
        let per_output = |s: &f32| input.scale * s / output.map_or(1.0, |q| q.scale);
        let mult = scales.iter().map(per_output).collect();
        let bias = self.bias.iter().zip(&scales);
        let bias = bias.map(|(b, s)| int(f64::from(*b) / (f64::from(input.scale) * f64::from(*s))));
        let bias: Vec<i32> = bias.collect::<Option<_>>()?;
        let clamp = match output {
            Some(q) => self.clip.bytes(q),
            None if self.clip == Clip::default() => (0, 255),
            None => return None,
        };
        let (kernel, stride, pad) = (self.kernel, self.stride, self.pad);
        let (weights, from) = (self.weights.bytes.clone(), self.from.id);
        let zero_point = output.map(|q| q.zero_point);
        if let Kind::Transposed { groups } = self.kind {
            let output_zero_point = zero_point?;
            let spec = DeconvSpec {
                groups,
                kernel,
                stride,
                pad,
                weights,
                bias,
                mult,
                input,
                output_zero_point,
                clamp,
            };
            return Some(Step::Deconv { spec, from, to });
        }
        let spec = ConvSpec {
            kernel,
            stride,
            pad,
            weights,
            bias,
            mult,
            input,
            output_zero_point: zero_point,
            clamp,
        };
        match self.kind {
            Kind::Depthwise if zero_point.is_none() => None,
            Kind::Depthwise => Some(Step::Depthwise { spec, from, to }),
            _ => Some(Step::Conv { spec, from, to }),
        }
    }
}

/// The nearest integer, if i32 has it.
fn int(x: f64) -> Option<i32> {
    (x.abs() < f64::from(i32::MAX)).then(|| x.round_ties_even() as i32)
}
