//! The network that a benchmark runs, with its input buffer.

use crate::cli::models;
use crate::infer::manifest::Manifest;
use crate::infer::{InputBuffer, InputForm, Network, NetworkOptions};
use anyhow::{Context as _, ensure};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Which model to run, and how.
#[derive(Clone, Debug, clap::Args)]
pub struct EngineArgs {
    /// Folder of the model [default: lpn50-256x192 in $POSED_MODELS, ./models or
    /// /usr/share/posed/models].
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
    /// Kernels: generic, sse41, avx2, avxvnni, avx512vnni, neon or dotprod; or tract, without
    /// posed's kernels [default: the best on this processor].
    #[arg(long, value_name = "NAME")]
    kernels: Option<String>,
    /// Threads that share one inference.
    #[arg(long, value_name = "N", default_value_t = 1)]
    threads: usize,
    /// Crops in one inference.
    #[arg(long, value_name = "N", default_value_t = 1)]
    batch: usize,
}

impl EngineArgs {
    /// The model's folder.
    pub fn model(&self) -> anyhow::Result<PathBuf> {
        models::pose_dir(self.model.as_ref())
    }

    /// The engine's options.
    pub fn options(&self) -> NetworkOptions {
        NetworkOptions { kernels: self.kernels.clone(), threads: self.threads, max_batch: self.batch.max(1) }
    }
}

/// Which ONNX file to run, and how.
#[derive(Clone, Debug, clap::Args)]
pub struct NetworkArgs {
    #[command(flatten)]
    engine: EngineArgs,
    /// Another ONNX file with the model's input and output, such as its float version.
    #[arg(long, value_name = "FILE")]
    onnx: Option<PathBuf>,
}

impl NetworkArgs {
    /// The same with other kernels.
    pub fn with_kernels(&self, kernels: &str) -> NetworkArgs {
        let engine = EngineArgs { kernels: Some(kernels.to_owned()), ..self.engine.clone() };
        NetworkArgs { engine, ..self.clone() }
    }
}

/// A loaded network and a batch of crops for it.
pub struct BenchNetwork {
    /// The network.
    pub network: Network,
    /// Its input: a whole batch.
    pub input: InputBuffer,
    /// Crops in the batch.
    pub batch: usize,
    /// The ONNX file.
    pub onnx: PathBuf,
    /// Bytes of one crop, u8 `[height, width, 3]`.
    pub crop_len: usize,
    form: InputForm,
}

impl BenchNetwork {
    /// Loads the network with an empty input.
    pub fn new(args: &NetworkArgs) -> anyhow::Result<BenchNetwork> {
        let manifest = Manifest::load(&args.engine.model()?)?;
        let spec = manifest.input.clone();
        let options = args.engine.options();
        let onnx = args.onnx.clone().unwrap_or_else(|| manifest.onnx());
        let network = Network::load(&onnx, &spec, &options)?;
        Ok(BenchNetwork {
            input: network.new_input(),
            form: network.input_form().clone(),
            batch: options.max_batch,
            crop_len: 3 * spec.height * spec.width,
            network,
            onnx,
        })
    }

    /// Loads the network and fills its input with the first crops of `file`, or with noise.
    pub fn with_crops(args: &NetworkArgs, file: Option<&Path>) -> anyhow::Result<BenchNetwork> {
        let mut loaded = BenchNetwork::new(args)?;
        let crops = match file {
            Some(file) => loaded.read_crops(file)?,
            None => noise(loaded.crop_len * loaded.batch),
        };
        let crops: Vec<&[u8]> = crops.chunks_exact(loaded.crop_len).collect();
        for i in 0..loaded.batch {
            loaded.put(i, crops[i % crops.len()]);
        }
        Ok(loaded)
    }

    /// Reads crops: u8 `[N, height, width, 3]`, `N` at least one, channels in the model's order.
    pub fn read_crops(&self, file: &Path) -> anyhow::Result<Vec<u8>> {
        let crops = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        let (have, need) = (crops.len(), self.crop_len);
        ensure!(have >= need, "{} has {have} bytes, a crop needs {need}", file.display());
        Ok(crops)
    }

    /// Puts a crop, u8 `[height, width, 3]`, at place `i` of the batch.
    pub fn put(&mut self, i: usize, crop: &[u8]) {
        let plane = self.crop_len / 3;
        let place = i * self.crop_len..(i + 1) * self.crop_len;
        match (&mut self.input, &self.form) {
            (InputBuffer::Quantized(input), InputForm::Quantized { lut }) => {
                for (j, (to, v)) in input[place].iter_mut().zip(crop).enumerate() {
                    *to = lut[j % 3][usize::from(*v)];
                }
            }
            (InputBuffer::Float(input), InputForm::Float { lut }) => {
                let to = &mut input[place];
                for (j, v) in crop.iter().enumerate() {
                    to[j % 3 * plane + j / 3] = lut[j % 3][usize::from(*v)];
                }
            }
            // Unreachable: the network makes the buffer in its own form.
            _ => {}
        }
    }

    /// Runs the batch once. Returns the time in milliseconds.
    #[allow(clippy::disallowed_methods, reason = "measuring real time is this command's purpose")]
    pub fn time_ms(&mut self) -> anyhow::Result<f64> {
        let start = Instant::now();
        self.network.run(&self.input, self.batch)?;
        Ok(start.elapsed().as_secs_f64() * 1e3)
    }

    /// Name of the kernels in use.
    pub fn kernels(&self) -> &'static str {
        self.network.kernels().unwrap_or("tract")
    }
}

/// Pseudo-random bytes, the same in every run.
fn noise(len: usize) -> Vec<u8> {
    let mut rng = fastrand::Rng::with_seed(7);
    (0..len).map(|_| rng.u8(..)).collect()
}
