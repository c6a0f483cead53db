//! `posed bench`: how long one inference takes here, and what the engine made of the model.

mod people;

use crate::infer::manifest::{self, Manifest};
use crate::infer::{InputBuffer, InputForm, Network, NetworkOptions};
use anyhow::{Context as _, ensure};
use std::collections::BTreeMap;
use std::io::BufRead as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

/// Arguments of `posed bench`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder of the model [default: lpn50-256x192 where models are installed].
    #[arg(long)]
    model: Option<PathBuf>,
    /// Another ONNX file of the same input and output (the float version of the model, say).
    #[arg(long)]
    onnx: Option<PathBuf>,
    /// Kernels to use: generic, sse41, avx2, avxvnni, avx512vnni, neon or dotprod; tract: none of ours, for comparison
    /// [default: the best here].
    #[arg(long)]
    kernels: Option<String>,
    /// Threads that share the work.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Crops of one inference.
    #[arg(long, default_value_t = 1)]
    batch: usize,
    /// Inferences to time, after a tenth as many to warm up.
    #[arg(long, default_value_t = 100)]
    runs: usize,
    /// Crops to run, u8 [N, height, width, 3] in the model's channel order [default: noise].
    #[arg(long)]
    crops: Option<PathBuf>,
    /// Write the output for all of --crops here, f32 [N, K, h, w].
    #[arg(long, requires = "crops")]
    heatmaps: Option<PathBuf>,
    /// Run once for each line on standard input and answer with the milliseconds: so that a script can
    /// alternate between this and other engines.
    #[arg(long)]
    follow: bool,
    /// Say what the engine took over and what it left to tract, and stop.
    #[arg(long)]
    explain: bool,
    /// Time each step of the network, on one thread, and print them, the slowest kinds first.
    #[arg(long, conflicts_with_all = ["follow", "heatmaps"])]
    profile: bool,
    /// Estimate this many poses in a 1080p frame, and say what crop, network and decoding cost for one.
    #[arg(long, conflicts_with_all = ["follow", "heatmaps", "profile", "onnx", "crops"], value_parser = clap::value_parser!(u8).range(1..))]
    people: Option<u8>,
    /// Print JSON.
    #[arg(long, conflicts_with_all = ["people", "profile"])]
    json: bool,
}

/// Loads the model, times it and prints what was asked for.
///
/// # Errors
/// When the model does not load or run, or a file cannot be read or written.
#[allow(clippy::disallowed_methods, reason = "measuring real time is this command's purpose")]
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let dir = args.model.clone().map_or_else(|| manifest::find("lpn50-256x192"), Ok)?;
    let manifest = Manifest::load(&dir)?;
    let spec = manifest.input_spec();
    let opts =
        NetworkOptions { kernels: args.kernels.clone(), threads: args.threads, max_batch: args.batch.max(1) };
    if let Some(people) = args.people {
        return people::run(&dir, opts, people.into(), args.runs.max(1));
    }
    let onnx = args.onnx.clone().unwrap_or_else(|| manifest.onnx());
    let mut network = Network::load(&onnx, &spec, &opts)?;
    if args.explain {
        print!("{}", network.explain());
        return Ok(ExitCode::SUCCESS);
    }
    let len = 3 * spec.height * spec.width;
    let crops = match &args.crops {
        Some(path) => std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?,
        None => noise(len * opts.max_batch),
    };
    ensure!(crops.len() >= len, "--crops holds {} bytes, less than one crop's {len}", crops.len());
    let mut bench = Bench { input: network.new_input(), lut: network.input_form().clone(), len };
    if let Some(path) = &args.heatmaps {
        return bench.write_heatmaps(&mut network, &crops, path, opts.max_batch);
    }
    for i in 0..opts.max_batch {
        bench.put(i, &crops[i % (crops.len() / len) * len..][..len]);
    }
    if args.profile {
        return profile(&mut network, &bench.input, args.runs.max(1));
    }
    let mut once = || -> anyhow::Result<f64> {
        let start = Instant::now();
        network.run(&bench.input, opts.max_batch)?;
        Ok(start.elapsed().as_secs_f64() * 1e3)
    };
    if args.follow {
        for line in std::io::stdin().lock().lines() {
            line?;
            println!("{:.4}", once()?);
        }
        return Ok(ExitCode::SUCCESS);
    }
    for _ in 0..args.runs.div_ceil(10) {
        once()?;
    }
    let mut times_ms = (0..args.runs.max(1)).map(|_| once()).collect::<anyhow::Result<Vec<f64>>>()?;
    times_ms.sort_by(f64::total_cmp);
    let at = |q: f64| times_ms[((times_ms.len() - 1) as f64 * q).round() as usize];
    let report = serde_json::json!({
        "model": onnx.display().to_string(), "kernels": network.kernels().unwrap_or("tract"),
        "threads": network.threads(), "batch": opts.max_batch, "runs": times_ms.len(),
        "median_ms": at(0.5), "min_ms": at(0.0), "p99_ms": at(0.99),
    });
    if args.json {
        println!("{report}");
    } else {
        let (kernels, threads) = (network.kernels().unwrap_or("tract"), network.threads());
        println!("{} with {kernels} kernels, {threads} thread(s), batch {}", onnx.display(), opts.max_batch);
        println!("median {:.2} ms, least {:.2} ms, 99 % within {:.2} ms", at(0.5), at(0.0), at(0.99));
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints the median time of each step, steps with the same label summed.
#[allow(clippy::disallowed_methods, reason = "measuring real time is this command's purpose")]
fn profile(network: &mut Network, input: &InputBuffer, runs: usize) -> anyhow::Result<ExitCode> {
    let labels = network.labels().context("tract runs this network: it has no steps of ours to time")?;
    let mut times_us = vec![vec![]; labels.len()];
    for _ in 0..runs {
        let mut before = Instant::now();
        network.run_watched(input, &mut |step| {
            let now = Instant::now();
            times_us[step].push(now.duration_since(before).as_secs_f64() * 1e6);
            before = now;
        })?;
    }
    let mut kinds: BTreeMap<String, (usize, f64)> = BTreeMap::new();
    for (label, mut times_us) in labels.into_iter().zip(times_us) {
        times_us.sort_by(f64::total_cmp);
        let kind = kinds.entry(label).or_default();
        *kind = (kind.0 + 1, kind.1 + times_us[times_us.len() / 2]);
    }
    let all: f64 = kinds.values().map(|(_, us)| us).sum();
    let mut kinds: Vec<_> = kinds.into_iter().collect();
    kinds.sort_by(|a, b| b.1.1.total_cmp(&a.1.1));
    for (label, (n, us)) in kinds {
        println!("{us:9.1} us {:5.1} % {n:4} x {label}", us / all * 100.0);
    }
    println!("{all:9.1} us in all, medians of {runs} runs");
    Ok(ExitCode::SUCCESS)
}

/// Crops on their way into a network.
struct Bench {
    input: InputBuffer,
    lut: InputForm,
    len: usize,
}

impl Bench {
    /// Puts a crop, u8 `[H, W, 3]`, where the network reads its `i`th.
    fn put(&mut self, i: usize, crop: &[u8]) {
        let plane = self.len / 3;
        match (&mut self.input, &self.lut) {
            (InputBuffer::Quantized(to), InputForm::Quantized { lut }) => {
                let to = &mut to[i * self.len..][..self.len];
                to.iter_mut()
                    .zip(crop)
                    .enumerate()
                    .for_each(|(j, (to, v))| *to = lut[j % 3][usize::from(*v)]);
            }
            (InputBuffer::Float(to), InputForm::Float { lut }) => {
                let to = &mut to[i * self.len..][..self.len];
                for (j, v) in crop.iter().enumerate() {
                    to[j % 3 * plane + j / 3] = lut[j % 3][usize::from(*v)];
                }
            }
            _ => {}
        }
    }

    fn write_heatmaps(
        &mut self,
        network: &mut Network,
        crops: &[u8],
        path: &Path,
        batch: usize,
    ) -> anyhow::Result<ExitCode> {
        let mut out = vec![];
        for crops in crops.chunks(batch * self.len) {
            let n = crops.len() / self.len;
            for (i, crop) in crops.chunks_exact(self.len).enumerate() {
                self.put(i, crop);
            }
            network.run(&self.input, n)?.iter().for_each(|v| out.extend_from_slice(&v.to_le_bytes()));
        }
        std::fs::write(path, out).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Bytes that look like nothing in particular, always the same.
fn noise(len: usize) -> Vec<u8> {
    let mut rng = fastrand::Rng::with_seed(7);
    (0..len).map(|_| rng.u8(..)).collect()
}
