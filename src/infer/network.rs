//! [`Network`]: a loaded model, ready to run over batches of crops.

use super::error::Error;
use super::explain::Explain;
use super::input::InputSpec;
use super::load::{Engine, Loaded};
use super::options::NetworkOptions;
use super::runner::{Runner, run_tract};
use crate::crop::{InputBuffer, InputForm};
use std::path::Path;
use std::sync::Arc;

/// A network with the memory to run it. Each inference thread has one; clones share the weights.
pub struct Network {
    shared: Arc<Shared>,
    runner: Runner,
    /// f32 `[max_batch, K, h, w]`.
    output: Vec<f32>,
}

/// What the clones of a network share.
struct Shared {
    engine: Engine,
    form: InputForm,
    explain: Explain,
    /// Rows and columns of a crop.
    size: [usize; 2],
    /// Channels, height and width of one crop's output.
    output: (usize, usize, usize),
    max_batch: usize,
    threads: usize,
}

impl Network {
    /// Loads an ONNX file that was already compared with the manifest's checksum.
    ///
    /// # Errors
    /// If the file cannot be read; if its network does not map f32 `[N, 3, H, W]` of the manifest's
    /// size to f32 `[N, K, h, w]`; or if this machine cannot do what `opts` requests.
    pub fn load(onnx: &Path, spec: &InputSpec, opts: &NetworkOptions) -> Result<Network, Error> {
        let bytes = std::fs::read(onnx).map_err(|source| Error::Read { path: onnx.into(), source })?;
        Network::from_bytes(&bytes, spec, opts).map_err(|e| match e {
            Error::Model { reason, .. } => Error::Model { path: onnx.into(), reason },
            Error::Mismatch { what, .. } => Error::Mismatch { path: onnx.into(), what },
            e => e,
        })
    }

    /// Loads the bytes of an ONNX file.
    ///
    /// # Errors
    /// As [`Network::load`].
    pub fn from_bytes(bytes: &[u8], spec: &InputSpec, opts: &NetworkOptions) -> Result<Network, Error> {
        let loaded = Loaded::from_bytes(bytes, spec, opts.isa()?)?;
        let form = loaded.form(spec);
        let shared = Shared {
            engine: loaded.engine,
            form,
            explain: loaded.explain,
            size: [spec.height, spec.width],
            output: loaded.output,
            max_batch: opts.max_batch.max(1),
            threads: opts.threads.max(1),
        };
        Network::instance(Arc::new(shared))
    }

    /// Another instance of the same network, for another thread. The weights are shared.
    ///
    /// # Errors
    /// If the system refuses a thread, or tract cannot set up its state.
    pub fn try_clone(&self) -> Result<Network, Error> {
        Network::instance(self.shared.clone())
    }

    fn instance(shared: Arc<Shared>) -> Result<Network, Error> {
        let runner = Runner::new(&shared.engine, shared.threads)?;
        Ok(Network { output: vec![0.0; shared.max_batch * shared.output_len()], runner, shared })
    }

    /// The form of input that [`Network::run`] reads.
    pub fn input_form(&self) -> &InputForm {
        &self.shared.form
    }

    /// A zeroed input for the largest batch.
    pub fn new_input(&self) -> InputBuffer {
        let len = self.shared.max_batch * self.shared.crop_len();
        match self.shared.form {
            InputForm::Quantized { .. } => InputBuffer::Quantized(vec![0; len]),
            InputForm::Float { .. } => InputBuffer::Float(vec![0.0; len]),
        }
    }

    /// Largest number of crops in one [`Network::run`].
    pub fn max_batch(&self) -> usize {
        self.shared.max_batch
    }

    /// Channels, height and width of one crop's output.
    pub fn output_shape(&self) -> (usize, usize, usize) {
        self.shared.output
    }

    /// What the rewriter took over, and what it left to tract.
    pub fn explain(&self) -> &Explain {
        &self.shared.explain
    }

    /// Name of the kernels that run the whole network; `None` if tract runs it.
    pub fn kernels(&self) -> Option<&'static str> {
        match &self.shared.engine {
            Engine::Ours(plan) => Some(plan.isa().name()),
            Engine::Tract(_) => None,
        }
    }

    /// Threads that share one run.
    pub fn threads(&self) -> usize {
        self.runner.threads()
    }

    /// The steps of [`Network::run_watched`]; `None` if tract runs the network.
    pub fn labels(&self) -> Option<Vec<String>> {
        match &self.shared.engine {
            Engine::Ours(plan) => Some(plan.labels()),
            Engine::Tract(_) => None,
        }
    }

    /// Runs the first crop of `input` on the calling thread alone. After each step, `after` gets
    /// the step's index in [`Network::labels`].
    ///
    /// # Errors
    /// As [`Network::run`]; and if tract runs the network.
    pub fn run_watched(&mut self, input: &InputBuffer, after: &mut dyn FnMut(usize)) -> Result<(), Error> {
        let shared = &*self.shared;
        match (&shared.engine, &mut self.runner, input) {
            (Engine::Ours(plan), Runner::Ours(team), InputBuffer::Quantized(crops)) => {
                let crop = first_crops(crops, 1, shared.crop_len())?;
                team.run_watched(plan, crop, &mut self.output[..shared.output_len()], after)
            }
            _ => Err(Error::Input("only a network that our kernels run whole has steps to watch".into())),
        }
    }

    /// Runs the first `batch` crops of `input`.
    ///
    /// Returns f32 `[batch, K, h, w]`, contiguous. With several threads, each takes whole crops as
    /// long as there are enough; then all share the work of each crop that remains.
    ///
    /// # Errors
    /// If `input` has another form or is too short, `batch` exceeds the network's `max_batch`, or
    /// an operator fails.
    pub fn run(&mut self, input: &InputBuffer, batch: usize) -> Result<&[f32], Error> {
        let shared = &*self.shared;
        if batch > shared.max_batch {
            let what = format!("a batch of {batch} crops exceeds max_batch, which is {}", shared.max_batch);
            return Err(Error::Input(what));
        }
        let (len, out_len) = (shared.crop_len(), shared.output_len());
        let output = &mut self.output[..batch * out_len];
        match (&shared.engine, &mut self.runner, input) {
            (Engine::Ours(plan), Runner::Ours(team), InputBuffer::Quantized(crops)) => {
                team.run(plan, first_crops(crops, batch, len)?, len, output, out_len)?;
            }
            (Engine::Tract(_), Runner::Tract(state), InputBuffer::Float(crops)) => {
                let crops = first_crops(crops, batch, len)?.chunks_exact(len);
                for (crop, out) in crops.zip(output.chunks_exact_mut(out_len)) {
                    run_tract(state, crop, shared.size, out)?;
                }
            }
            _ => {
                return Err(Error::Input("the buffer does not have the form that this network reads".into()));
            }
        }
        Ok(output)
    }
}

impl Shared {
    /// Values of one crop.
    fn crop_len(&self) -> usize {
        3 * self.size[0] * self.size[1]
    }

    /// Values of one crop's output.
    fn output_len(&self) -> usize {
        let (k, h, w) = self.output;
        k * h * w
    }
}

/// The first `batch` crops, of `len` values each.
fn first_crops<T>(values: &[T], batch: usize, len: usize) -> Result<&[T], Error> {
    values.get(..batch * len).ok_or_else(|| {
        Error::Input(format!("{batch} crops need {} values, the buffer has {}", batch * len, values.len()))
    })
}
