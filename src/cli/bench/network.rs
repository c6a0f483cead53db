//! `posed bench network`: times one inference.

use super::bench_network::{BenchNetwork, NetworkArgs};
use crate::cli::output;
use std::path::PathBuf;

/// Arguments of `posed bench network`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  posed bench network --threads 2 --batch 2 --json")]
pub struct TimingArgs {
    #[command(flatten)]
    network: NetworkArgs,
    /// Crops to run, u8 [N, height, width, 3] in the model's channel order [default: noise].
    #[arg(long, value_name = "FILE")]
    crops: Option<PathBuf>,
    /// Inferences to time, after a tenth as many to warm up.
    #[arg(long, value_name = "N", default_value_t = 100)]
    runs: usize,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Times the inferences and prints median, minimum and 99th percentile.
pub fn run(args: &TimingArgs) -> anyhow::Result<()> {
    let mut loaded = BenchNetwork::with_crops(&args.network, args.crops.as_deref())?;
    for _ in 0..args.runs.div_ceil(10) {
        loaded.time_ms()?;
    }
    let mut times_ms =
        (0..args.runs.max(1)).map(|_| loaded.time_ms()).collect::<anyhow::Result<Vec<f64>>>()?;
    times_ms.sort_by(f64::total_cmp);
    let at = |q: f64| times_ms[((times_ms.len() - 1) as f64 * q).round() as usize];
    let (onnx, batch) = (loaded.onnx.display(), loaded.batch);
    let (kernels, threads) = (loaded.kernels(), loaded.network.threads());
    let (median, min, p99) = (at(0.5), at(0.0), at(0.99));
    let text = if args.json {
        let report = serde_json::json!({
            "model": onnx.to_string(), "kernels": kernels,
            "threads": threads, "batch": batch, "runs": times_ms.len(),
            "median_ms": median, "min_ms": min, "p99_ms": p99,
        });
        format!("{report}\n")
    } else {
        format!(
            "{onnx}: {kernels} kernels, {threads} thread(s), batch {batch}\n\
             median {median:.2} ms, minimum {min:.2} ms, 99 % within {p99:.2} ms\n"
        )
    };
    Ok(output::print(&text)?)
}
