//! From a file's bytes to something that runs: all of it in our kernels, or a graph of tract's.

use super::float::FloatOps;
use super::rewrite::{Rewrite, Rewritten};
use super::{Error, Explain, InputForm, InputSpec, NetworkOptions, qdq, vet};
use crate::kernels::{Isa, Plan, PlanBuilder, Quant};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use tract_core::internal::*;
use tract_core::transform::ModelTransform;
use tract_onnx::prelude::{Framework, InferenceModelExt};

/// What runs a network.
pub(super) enum Engine {
    /// The whole network in our kernels.
    Ours(Plan),
    /// A graph that tract runs, with our operators where they apply.
    Tract(Arc<TypedRunnableModel>),
}

/// A network before it is told how it will be used.
pub(super) struct Loaded {
    pub engine: Engine,
    quant: Option<Quant>,
    pub explain: Explain,
    /// Channels, height and width of the output.
    pub output: (usize, usize, usize),
}

impl Loaded {
    /// Reads an ONNX file's bytes and rewrites what `isa`'s kernels take; `None`: none of ours at all.
    pub fn from_bytes(bytes: &[u8], spec: &InputSpec, isa: Option<Isa>) -> Result<Loaded, Error> {
        let path = || "(memory)".into();
        let bad = |e: TractError| Error::Model { path: path(), reason: format!("{e:#}") };
        // tract asserts in places what a damaged file can break; the daemon must live on to say so.
        let load = || -> TractResult<Result<Loaded, String>> {
            let model = typed(bytes, spec)?;
            match check(&model, spec) {
                Ok(output) => Ok(Ok(Loaded::new(model, output, isa)?)),
                Err(what) => Ok(Err(what)),
            }
        };
        catch_unwind(AssertUnwindSafe(load))
            .unwrap_or_else(|_| Err(format_err!("the graph breaks a rule of its operators")))
            .map_err(bad)?
            .map_err(|what| Error::Mismatch { path: path(), what })
    }

    fn new(model: TypedModel, output: (usize, usize, usize), isa: Option<Isa>) -> TractResult<Loaded> {
        let tract = |model: TypedModel, explain| -> TractResult<Loaded> {
            let mut model = model.into_decluttered()?;
            isa.map_or(Ok(()), |isa| FloatOps { isa }.transform(&mut model))?;
            let plan = TypedSimplePlan::new(model.into_optimized()?)?;
            Ok(Loaded { engine: Engine::Tract(plan), quant: None, explain, output })
        };
        let Some(isa) = isa else {
            let refused = Some(format!("{TRACT} was asked for"));
            return tract(model, Explain { refused, ..Explain::default() });
        };
        let rewritten = match Rewritten::new(&model) {
            Ok(rewritten) => rewritten,
            Err(e) => {
                let explain = Explain { refused: Some(format!("{e:#}")), ..Explain::default() };
                return tract(model, explain);
            }
        };
        let mut explain = rewritten.explain();
        let whole: Option<(PlanBuilder, Quant)> = rewritten.whole();
        if let Some((builder, quant)) = whole {
            explain.whole = true;
            let engine = Engine::Ours(builder.build(isa)?);
            return Ok(Loaded { engine, quant: Some(quant), explain, output });
        }
        let mut graph = model.clone();
        match (Rewrite { isa }).transform(&mut graph) {
            Ok(()) => tract(graph, explain),
            Err(e) => tract(model, Explain { refused: Some(format!("{e:#}")), ..explain }),
        }
    }

    /// What the crop has to write for it.
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

/// The name that leaves a network to tract: what our operators are compared with.
const TRACT: &str = "tract";

/// The kernels asked for, or the best here; `None` where tract is to run everything.
pub(super) fn kernels(opts: &NetworkOptions) -> Result<Option<Isa>, Error> {
    let asked =
        opts.kernels.clone().or_else(|| std::env::var("POSED_KERNELS").ok().filter(|s| !s.is_empty()));
    let Some(asked) = asked else { return Ok(Some(Isa::best())) };
    if asked == TRACT {
        return Ok(None);
    }
    Isa::named(&asked).map(Some).ok_or_else(|| {
        let have: Vec<&str> = Isa::available().into_iter().map(Isa::name).chain([TRACT]).collect();
        Error::Kernels { asked, have: have.join(", ") }
    })
}

/// Parses `bytes` and fixes the input to one crop of the manifest's size.
fn typed(bytes: &[u8], spec: &InputSpec) -> TractResult<TypedModel> {
    let mut onnx = tract_onnx::onnx();
    qdq::register(&mut onnx);
    vet::register(&mut onnx);
    // Shapes noted in the file keep N open; ours is one crop, and follows from the input alone.
    let onnx = onnx.with_ignore_value_info(true).with_ignore_output_shapes(true);
    let proto = onnx.proto_model_for_read(&mut &*bytes)?;
    vet::file(&proto)?;
    let model = onnx.model_for_proto_model(&proto)?;
    ensure!(
        model.input_outlets()?.len() == 1,
        "the network has {} inputs, not one",
        model.input_outlets()?.len()
    );
    let model = model.with_input_fact(0, f32::fact([1, 3, spec.height, spec.width]).into())?.into_typed()?;
    vet::memory(&model)?;
    Ok(model)
}

/// Channels, height and width of the output; or what does not fit the manifest.
fn check(model: &TypedModel, spec: &InputSpec) -> Result<(usize, usize, usize), String> {
    let outlets = |o: TractResult<&[OutletId]>| o.map(<[_]>::to_vec).unwrap_or_default();
    let (inputs, outputs) = (outlets(model.input_outlets()), outlets(model.output_outlets()));
    let [output] = outputs[..] else { return Err(format!("{} outputs, not one", outputs.len())) };
    let names: Vec<&str> = inputs.iter().map(|i| model.node(i.node).name.as_str()).collect();
    if names != [&*spec.name] {
        return Err(format!("the input is called {names:?}, the manifest says {:?}", spec.name));
    }
    let fact = model.outlet_fact(output).map_err(|e| e.to_string())?;
    match fact.shape.as_concrete() {
        Some(&[1, k, h, w]) if fact.datum_type == f32::datum_type() && k * h * w > 0 => Ok((k, h, w)),
        _ => Err(format!("the output is {fact:?}, not f32 [N, K, h, w]")),
    }
}
