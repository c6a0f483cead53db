//! From an ONNX file's bytes to an [`Engine`]: one plan of our kernels, or a graph that tract runs.

use super::error::Error;
use super::explain::Explain;
use super::f32_ops::F32Ops;
use super::input::InputSpec;
use super::options::TRACT;
use super::rewrite::{Partition, graph};
use super::{onnx_limits, quantize_ops};
use crate::crop::InputForm;
use crate::kernels::{Isa, Plan, Quant};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use tract_core::internal::*;
use tract_core::transform::ModelTransform;
use tract_onnx::prelude::{Framework, InferenceModelExt};

/// What runs a network.
pub(super) enum Engine {
    /// Our kernels run the whole network.
    Ours(Plan),
    /// tract runs the graph, with our operators where they apply.
    Tract(Arc<TypedRunnableModel>),
}

/// A network as it comes from its file, before the number of crops and threads is known.
pub(super) struct Loaded {
    pub engine: Engine,
    /// Scale and zero point of the input bytes, if our kernels run the whole network.
    quant: Option<Quant>,
    pub explain: Explain,
    /// Channels, height and width of the output.
    pub output: (usize, usize, usize),
}

impl Loaded {
    /// Reads an ONNX file's bytes and rewrites the graph for `isa`'s kernels; `None` leaves it to
    /// tract.
    pub fn from_bytes(bytes: &[u8], spec: &InputSpec, isa: Option<Isa>) -> Result<Loaded, Error> {
        let path = || "(memory)".into();
        let load = || -> TractResult<Result<Loaded, String>> {
            let model = typed(bytes, spec)?;
            match check(&model, spec) {
                Ok(output) => Ok(Ok(Loaded::new(model, output, isa)?)),
                Err(what) => Ok(Err(what)),
            }
        };
        // A damaged file can violate tract's assertions. That must be an error, not a panic.
        catch_unwind(AssertUnwindSafe(load))
            .unwrap_or_else(|_| Err(format_err!("the graph breaks a rule of one of its operators")))
            .map_err(|e| Error::Model { path: path(), reason: format!("{e:#}") })?
            .map_err(|what| Error::Mismatch { path: path(), what })
    }

    fn new(model: TypedModel, output: (usize, usize, usize), isa: Option<Isa>) -> TractResult<Loaded> {
        let Some(isa) = isa else {
            let refused = Some(format!("the {TRACT} kernels were requested"));
            return Loaded::tract(model, output, None, Explain { refused, ..Explain::default() });
        };
        let partition = match Partition::new(&model) {
            Ok(partition) => partition,
            Err(e) => {
                let explain = Explain { refused: Some(format!("{e:#}")), ..Explain::default() };
                return Loaded::tract(model, output, Some(isa), explain);
            }
        };
        let explain = partition.explain();
        if let Some((builder, quant)) = partition.whole() {
            let (engine, quant) = (Engine::Ours(builder.build(isa)?), Some(quant));
            return Ok(Loaded { engine, quant, explain: Explain { whole: true, ..explain }, output });
        }
        match graph(&partition, isa) {
            Ok(graph) => Loaded::tract(graph, output, Some(isa), explain),
            Err(e) => {
                let explain = Explain { refused: Some(format!("{e:#}")), ..explain };
                Loaded::tract(model, output, Some(isa), explain)
            }
        }
    }

    /// A graph that tract runs, with `isa`'s f32 operators where they apply.
    fn tract(
        model: TypedModel,
        output: (usize, usize, usize),
        isa: Option<Isa>,
        explain: Explain,
    ) -> TractResult<Loaded> {
        let mut model = model.into_decluttered()?;
        if let Some(isa) = isa {
            F32Ops { isa }.transform(&mut model)?;
        }
        let plan = TypedSimplePlan::new(model.into_optimized()?)?;
        Ok(Loaded { engine: Engine::Tract(plan), quant: None, explain, output })
    }

    /// The form of input that the engine reads.
    pub fn form(&self, spec: &InputSpec) -> InputForm {
        match self.quant {
            Some(q) => {
                let lut = |c| std::array::from_fn(|v| q.quantize(spec.normalised(c, v as u8)));
                InputForm::Quantized { lut: Box::new([lut(0), lut(1), lut(2)]) }
            }
            None => {
                let lut = |c| std::array::from_fn(|v| spec.normalised(c, v as u8));
                InputForm::Float { lut: Box::new([lut(0), lut(1), lut(2)]) }
            }
        }
    }
}

/// Parses `bytes`, and fixes the input to one crop of the manifest's size.
fn typed(bytes: &[u8], spec: &InputSpec) -> TractResult<TypedModel> {
    let mut onnx = tract_onnx::onnx();
    quantize_ops::register(&mut onnx);
    onnx_limits::register(&mut onnx);
    // Shapes in the file leave N open. Ours is 1, and the input alone determines every other shape.
    let onnx = onnx.with_ignore_value_info(true).with_ignore_output_shapes(true);
    let proto = onnx.proto_model_for_read(&mut &*bytes)?;
    onnx_limits::check_numbers(&proto)?;
    let model = onnx.model_for_proto_model(&proto)?;
    let inputs = model.input_outlets()?.len();
    ensure!(inputs == 1, "the network has {inputs} inputs; posed needs a network with one input");
    let model = model.with_input_fact(0, f32::fact([1, 3, spec.height, spec.width]).into())?.into_typed()?;
    onnx_limits::check_memory(&model)?;
    Ok(model)
}

/// Channels, height and width of the output; or what does not match the manifest.
fn check(model: &TypedModel, spec: &InputSpec) -> Result<(usize, usize, usize), String> {
    let outlets = |o: TractResult<&[OutletId]>| o.map(<[_]>::to_vec).unwrap_or_default();
    let (inputs, outputs) = (outlets(model.input_outlets()), outlets(model.output_outlets()));
    let [output] = outputs[..] else {
        return Err(format!("the network has {} outputs; posed needs one", outputs.len()));
    };
    let names: Vec<&str> = inputs.iter().map(|i| model.node(i.node).name.as_str()).collect();
    if names != [&*spec.name] {
        return Err(format!("the network's input is {names:?}, input.name is {:?}", spec.name));
    }
    let fact = model.outlet_fact(output).map_err(|e| e.to_string())?;
    match fact.shape.as_concrete() {
        Some(&[1, k, h, w]) if fact.datum_type == f32::datum_type() && k * h * w > 0 => Ok((k, h, w)),
        _ => Err(format!("the network's output is {fact:?}; posed needs f32 [N, K, h, w]")),
    }
}
