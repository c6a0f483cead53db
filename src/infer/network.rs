//! [`Network`]: a loaded model, ready to run over batches of crops.

use super::{Error, InputBuffer, InputForm, InputSpec, NetworkOptions};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use tract_core::internal::*;
use tract_onnx::prelude::{Framework, InferenceModelExt};

/// A pose network; one per inference thread (clones share the weights).
pub struct Network {
    shared: Arc<Shared>,
    state: TypedSimpleState,
    output: Vec<f32>,
}

/// What every clone of a network reads.
struct Shared {
    plan: Arc<TypedRunnableModel>,
    form: InputForm,
    spec: InputSpec,
    output: (usize, usize, usize),
    max_batch: usize,
}

impl Network {
    /// Loads an ONNX file whose bytes were verified against the manifest's checksum.
    ///
    /// # Errors
    /// When the file cannot be read, is not a network that maps f32 `[N, 3, H, W]` of the manifest's
    /// size to f32 `[N, K, h, w]`, or the options ask for what this machine does not have.
    pub fn load(onnx: &Path, spec: &InputSpec, opts: &NetworkOptions) -> Result<Network, Error> {
        let bytes = std::fs::read(onnx).map_err(|source| Error::Read { path: onnx.into(), source })?;
        let bad = |reason| Error::Model { path: onnx.into(), reason };
        // tract asserts in places what a damaged file can break; the daemon must live on to say so.
        let model = catch_unwind(AssertUnwindSafe(|| typed(&bytes, spec)))
            .unwrap_or_else(|_| Err(format_err!("the graph breaks a rule of its operators")))
            .map_err(|e| bad(format!("{e:#}")))?;
        let output = output_shape(&model).map_err(|e| bad(format!("{e:#}")))?;
        let plan =
            model.into_optimized().and_then(TypedSimplePlan::new).map_err(|e| bad(format!("{e:#}")))?;
        let lut = |c| std::array::from_fn(|v| spec.normalised(c, v as u8));
        let shared = Shared {
            plan,
            form: InputForm::Float { lut: Box::new([lut(0), lut(1), lut(2)]) },
            spec: spec.clone(),
            output,
            max_batch: opts.max_batch.max(1),
        };
        Network::instance(Arc::new(shared)).map_err(|e| bad(e.to_string()))
    }

    /// Another worker's instance of the same network; the weights are shared.
    ///
    /// # Errors
    /// When tract cannot set up its run state.
    pub fn try_clone(&self) -> Result<Network, Error> {
        Network::instance(self.shared.clone())
    }

    fn instance(shared: Arc<Shared>) -> Result<Network, Error> {
        let state = shared.plan.spawn().map_err(|e| Error::Run(format!("{e:#}")))?;
        let (k, h, w) = shared.output;
        Ok(Network { output: vec![0.0; shared.max_batch * k * h * w], state, shared })
    }

    /// What [`Network::run`] wants to read.
    pub fn input_form(&self) -> &InputForm {
        &self.shared.form
    }

    /// A zeroed input, sized for the largest batch.
    pub fn new_input(&self) -> InputBuffer {
        let len = self.shared.max_batch * 3 * self.shared.spec.height * self.shared.spec.width;
        match self.shared.form {
            InputForm::Quantized { .. } => InputBuffer::Quantized(vec![0; len]),
            InputForm::Float { .. } => InputBuffer::Float(vec![0.0; len]),
        }
    }

    /// Channels, height and width of one crop's output.
    pub fn output_shape(&self) -> (usize, usize, usize) {
        self.shared.output
    }

    /// Runs the first `batch` crops of `input`.
    ///
    /// Returns f32 `[batch, K, h, w]`, contiguous: one plane a keypoint.
    ///
    /// # Errors
    /// When `input` is of another form or too short, `batch` is larger than it was sized for, or an
    /// operator fails.
    pub fn run(&mut self, input: &InputBuffer, batch: usize) -> Result<&[f32], Error> {
        let spec = &self.shared.spec;
        let len = 3 * spec.height * spec.width;
        let (k, h, w) = self.shared.output;
        let InputBuffer::Float(crops) = input else {
            return Err(Error::Input("the network reads floats, the buffer holds bytes".into()));
        };
        if batch > self.shared.max_batch || crops.len() < batch * len {
            return Err(Error::Input(format!(
                "{batch} crops asked for, sized for {}",
                self.shared.max_batch
            )));
        }
        for (crop, out) in crops.chunks_exact(len).zip(self.output.chunks_exact_mut(k * h * w)).take(batch) {
            let mut run = || -> TractResult<()> {
                let x = Tensor::from_shape(&[1, 3, spec.height, spec.width], crop)?;
                let y = self.state.run(tvec!(x.into()))?;
                out.copy_from_slice(y[0].try_as_plain_ram()?.as_slice::<f32>()?);
                Ok(())
            };
            run().map_err(|e| Error::Run(format!("{e:#}")))?;
        }
        Ok(&self.output[..batch * k * h * w])
    }
}

/// Parses `bytes` and fixes the input to one crop of the manifest's size.
fn typed(bytes: &[u8], spec: &InputSpec) -> TractResult<TypedModel> {
    let fact = f32::fact([1, 3, spec.height, spec.width]);
    tract_onnx::onnx()
        // Shapes noted in the file keep N open; ours is one crop, and follows from the input alone.
        .with_ignore_value_info(true)
        .with_ignore_output_shapes(true)
        .model_for_read(&mut &bytes[..])?
        .with_input_fact(0, fact.into())?
        .into_typed()?
        .into_decluttered()
}

fn output_shape(model: &TypedModel) -> TractResult<(usize, usize, usize)> {
    let outlets = model.output_outlets()?;
    ensure!(outlets.len() == 1, "the network has {} outputs, not one", outlets.len());
    let fact = model.outlet_fact(outlets[0])?;
    let shape = fact.shape.as_concrete().context("the output's shape is not fixed")?;
    ensure!(
        fact.datum_type == f32::datum_type() && shape.len() == 4 && shape[0] == 1,
        "the output is {:?}, not one f32 [1, K, H, W]",
        fact
    );
    Ok((shape[1], shape[2], shape[3]))
}
