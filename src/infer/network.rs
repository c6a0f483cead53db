//! [`Network`]: a loaded model, ready to run over batches of crops.

use super::load::{Engine, Loaded, kernels};
use super::{Error, Explain, InputBuffer, InputForm, InputSpec, NetworkOptions};
use crate::kernels::{Input, Output, Plan, Workers, Workspace};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use tract_core::internal::*;

/// A pose network; one per inference thread (clones share the weights).
pub struct Network {
    shared: Arc<Shared>,
    runner: Runner,
    output: Vec<f32>,
}

/// What every clone of a network reads.
struct Shared {
    engine: Engine,
    form: InputForm,
    explain: Explain,
    size: [usize; 2],
    output: (usize, usize, usize),
    max_batch: usize,
    threads: usize,
}

/// An instance's own memory.
enum Runner {
    Ours {
        workers: Workers,
        /// One a thread; locked by that thread alone.
        workspaces: Vec<Mutex<Workspace>>,
    },
    Tract(Box<TypedSimpleState>),
}

impl Network {
    /// Loads an ONNX file whose bytes were verified against the manifest's checksum.
    ///
    /// # Errors
    /// When the file cannot be read, is not a network that maps f32 `[N, 3, H, W]` of the manifest's
    /// size to f32 `[N, K, h, w]`, or the options ask for what this machine does not have.
    pub fn load(onnx: &Path, spec: &InputSpec, opts: &NetworkOptions) -> Result<Network, Error> {
        let bytes = std::fs::read(onnx).map_err(|source| Error::Read { path: onnx.into(), source })?;
        Network::from_bytes(&bytes, spec, opts).map_err(|e| match e {
            Error::Model { reason, .. } => Error::Model { path: onnx.into(), reason },
            Error::Mismatch { what, .. } => Error::Mismatch { path: onnx.into(), what },
            e => e,
        })
    }

    /// Loads an ONNX file's bytes.
    ///
    /// # Errors
    /// As [`Network::load`].
    pub fn from_bytes(bytes: &[u8], spec: &InputSpec, opts: &NetworkOptions) -> Result<Network, Error> {
        let loaded = Loaded::from_bytes(bytes, spec, kernels(opts)?)?;
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

    /// Another worker's instance of the same network; the weights are shared.
    ///
    /// # Errors
    /// When the system gives no thread, or tract cannot set up its run state.
    pub fn try_clone(&self) -> Result<Network, Error> {
        Network::instance(self.shared.clone())
    }

    fn instance(shared: Arc<Shared>) -> Result<Network, Error> {
        let runner = match &shared.engine {
            Engine::Ours(plan) => Runner::Ours {
                workers: Workers::new(shared.threads).map_err(Error::Threads)?,
                workspaces: (0..shared.threads).map(|_| Mutex::new(plan.workspace())).collect(),
            },
            Engine::Tract(plan) => {
                Runner::Tract(Box::new(plan.spawn().map_err(|e| Error::Run(format!("{e:#}")))?))
            }
        };
        let (k, h, w) = shared.output;
        Ok(Network { output: vec![0.0; shared.max_batch * k * h * w], runner, shared })
    }

    /// What [`Network::run`] wants to read.
    pub fn input_form(&self) -> &InputForm {
        &self.shared.form
    }

    /// A zeroed input, sized for the largest batch.
    pub fn new_input(&self) -> InputBuffer {
        let len = self.shared.max_batch * self.shared.crop_len();
        match self.shared.form {
            InputForm::Quantized { .. } => InputBuffer::Quantized(vec![0; len]),
            InputForm::Float { .. } => InputBuffer::Float(vec![0.0; len]),
        }
    }

    /// Channels, height and width of one crop's output.
    pub fn output_shape(&self) -> (usize, usize, usize) {
        self.shared.output
    }

    /// What the rewriter took over, and what it left to tract.
    pub fn explain(&self) -> &Explain {
        &self.shared.explain
    }

    /// Name of the kernels in use; `None` where tract runs all of the network.
    pub fn kernels(&self) -> Option<&'static str> {
        match &self.shared.engine {
            Engine::Ours(plan) => Some(plan.isa().name()),
            Engine::Tract(_) => None,
        }
    }

    /// Threads that share one run.
    pub fn threads(&self) -> usize {
        match &self.runner {
            Runner::Ours { workers, .. } => workers.count(),
            Runner::Tract(_) => 1,
        }
    }

    /// What [`Network::run_watched`] goes through; `None` where tract runs the network.
    pub fn labels(&self) -> Option<Vec<String>> {
        match &self.shared.engine {
            Engine::Ours(plan) => Some(plan.labels()),
            Engine::Tract(_) => None,
        }
    }

    /// Runs the first crop of `input` on this thread alone; `after` hears the number of each of
    /// [`Network::labels`] when it is done.
    ///
    /// # Errors
    /// As [`Network::run`]; and when tract runs the network.
    pub fn run_watched(&mut self, input: &InputBuffer, after: &mut dyn FnMut(usize)) -> Result<(), Error> {
        let (Engine::Ours(plan), Runner::Ours { workspaces, .. }, InputBuffer::Quantized(crops)) =
            (&self.shared.engine, &mut self.runner, input)
        else {
            return Err(Error::Input("only a network that runs whole in our kernels can be watched".into()));
        };
        let (k, h, w) = self.shared.output;
        let crop = crops.get(..self.shared.crop_len()).ok_or_else(|| Error::Input("no whole crop".into()))?;
        let workspace = workspaces[0].get_mut().unwrap_or_else(PoisonError::into_inner);
        let mut output = [Output::Floats(&mut self.output[..k * h * w])];
        plan.run_watched(workspace, &[Input::Bytes(crop)], &mut output, after).map_err(run_error)
    }

    /// Runs the first `batch` crops of `input`.
    ///
    /// Returns f32 `[batch, K, h, w]`, contiguous: one plane a keypoint. With several threads, each takes
    /// whole crops as long as there are enough, and all share the work of those that remain.
    ///
    /// # Errors
    /// When `input` is of another form or too short, `batch` is larger than it was sized for, or an
    /// operator fails.
    pub fn run(&mut self, input: &InputBuffer, batch: usize) -> Result<&[f32], Error> {
        let (k, h, w) = self.shared.output;
        let len = self.shared.crop_len();
        if batch > self.shared.max_batch {
            return Err(Error::Input(format!(
                "{batch} crops asked for, sized for {}",
                self.shared.max_batch
            )));
        }
        let output = &mut self.output[..batch * k * h * w];
        let short =
            |have: usize| (have < batch * len).then(|| Error::Input(format!("{batch} crops, {have} values")));
        match (&self.shared.engine, &mut self.runner, input) {
            (Engine::Ours(plan), Runner::Ours { workers, workspaces }, InputBuffer::Quantized(crops)) => {
                if let Some(e) = short(crops.len()) {
                    return Err(e);
                }
                run_ours(plan, workers, workspaces, &crops[..batch * len], len, output, k * h * w)?;
            }
            (Engine::Tract(_), Runner::Tract(state), InputBuffer::Float(crops)) => {
                if let Some(e) = short(crops.len()) {
                    return Err(e);
                }
                let [height, width] = self.shared.size;
                for (crop, out) in crops.chunks_exact(len).zip(output.chunks_exact_mut(k * h * w)) {
                    let run = || -> TractResult<()> {
                        let x = Tensor::from_shape(&[1, 3, height, width], crop)?;
                        let y = state.run(tvec!(x.into()))?;
                        let y = y.first().context("no output")?.try_as_plain_ram()?;
                        let y = y.as_slice::<f32>()?;
                        ensure!(y.len() == out.len(), "{} values", y.len());
                        out.copy_from_slice(y);
                        Ok(())
                    };
                    // What tract asserts, a file can break: it must cost one run.
                    let ran = catch_unwind(AssertUnwindSafe(run));
                    let ran = ran.unwrap_or_else(|_| Err(format_err!("an operator panicked")));
                    ran.map_err(|e| Error::Run(format!("{e:#}")))?;
                }
            }
            _ => return Err(Error::Input("the buffer is not in the form that this network reads".into())),
        }
        Ok(output)
    }
}

impl Shared {
    fn crop_len(&self) -> usize {
        3 * self.size[0] * self.size[1]
    }
}

/// Crops to threads while there is one for each, then the threads to the crops that remain.
fn run_ours(
    plan: &Plan,
    workers: &mut Workers,
    workspaces: &mut [Mutex<Workspace>],
    crops: &[u8],
    len: usize,
    output: &mut [f32],
    out_len: usize,
) -> Result<(), Error> {
    let threads = workers.count();
    let each = crops.len() / len / threads * threads;
    let (whole, rest) = if threads > 1 { crops.split_at(each * len) } else { (&[][..], crops) };
    let (whole_out, rest_out) = output.split_at_mut(whole.len() / len * out_len);
    if !whole.is_empty() {
        let work = Mutex::new(whole.chunks_exact(len).zip(whole_out.chunks_exact_mut(out_len)));
        let outcome = Mutex::new(Ok(()));
        workers.run(&|i| {
            let mut workspace = workspaces[i].lock().unwrap_or_else(PoisonError::into_inner);
            loop {
                let next = work.lock().unwrap_or_else(PoisonError::into_inner).next();
                let Some((crop, out)) = next else { break };
                let (input, mut output) = ([Input::Bytes(crop)], [Output::Floats(out)]);
                if let Err(e) = plan.run(&mut workspace, None, &input, &mut output) {
                    *outcome.lock().unwrap_or_else(PoisonError::into_inner) = Err(e);
                }
            }
        });
        outcome.into_inner().unwrap_or_else(PoisonError::into_inner).map_err(run_error)?;
    }
    let workspace = workspaces[0].get_mut().unwrap_or_else(PoisonError::into_inner);
    for (crop, out) in rest.chunks_exact(len).zip(rest_out.chunks_exact_mut(out_len)) {
        let team = if threads > 1 { Some(&mut *workers) } else { None };
        let (input, mut output) = ([Input::Bytes(crop)], [Output::Floats(out)]);
        plan.run(workspace, team, &input, &mut output).map_err(run_error)?;
    }
    Ok(())
}

fn run_error(e: crate::kernels::Error) -> Error {
    Error::Run(e.to_string())
}
