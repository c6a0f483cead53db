//! `posed bench network`: times one inference.

use super::bench_network::{BenchNetwork, NetworkArgs};
use super::draw;
use crate::cli::output;
use crate::tools::charts::{Sample, Scale, quantile};
use std::path::PathBuf;

/// Arguments of `posed bench network`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  posed bench network --threads 2 --batch 2 --json
  posed bench network --beside avx2 --beside generic --plot times.svg")]
pub struct TimingArgs {
    #[command(flatten)]
    network: NetworkArgs,
    /// Crops to run, u8 [N, height, width, 3] in the model's channel order [default: noise].
    #[arg(long, value_name = "FILE")]
    crops: Option<PathBuf>,
    /// Inferences to time, after a tenth as many to warm up.
    #[arg(long, value_name = "N", default_value_t = 100)]
    runs: usize,
    /// Time these kernels too, in turns with the others; may be given several times.
    #[arg(long, value_name = "NAME")]
    beside: Vec<String>,
    /// Print JSON: one line for each of the kernels.
    #[arg(long)]
    json: bool,
    /// Also draw how the times are spread into this file (.svg, .png or .html).
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
}

/// A network and its times.
struct Timed {
    network: BenchNetwork,
    times_ms: Vec<f64>,
}

/// Times the inferences and prints median, minimum and 99th percentile.
pub fn run(args: &TimingArgs) -> anyhow::Result<()> {
    draw::check(args.plot.as_deref())?;
    let beside = args.beside.iter().map(|kernels| args.network.with_kernels(kernels));
    let load = |network: &NetworkArgs| BenchNetwork::with_crops(network, args.crops.as_deref());
    let mut all = vec![Timed { network: load(&args.network)?, times_ms: Vec::new() }];
    for network in beside {
        all.push(Timed { network: load(&network)?, times_ms: Vec::new() });
    }
    let warm_up = args.runs.div_ceil(10);
    for run in 0..warm_up + args.runs.max(1) {
        // In turns, so that a busy machine slows all of them.
        for timed in &mut all {
            let time_ms = timed.network.time_ms()?;
            timed.times_ms.extend((run >= warm_up).then_some(time_ms));
        }
    }
    let text: String = all.iter().map(|timed| timed.report(args.json)).collect();
    output::print(&text)?;
    let samples = all.into_iter().map(|timed| {
        let name =
            format!("{} kernels, {} thread(s)", timed.network.kernels(), timed.network.network.threads());
        Sample { name, values: timed.times_ms }
    });
    draw::spreads(args.plot.as_deref(), "One inference", &samples.collect::<Vec<_>>(), Scale::Shared)
}

impl Timed {
    fn report(&self, json: bool) -> String {
        let (onnx, batch) = (self.network.onnx.display(), self.network.batch);
        let (kernels, threads) = (self.network.kernels(), self.network.network.threads());
        let [median, min, p99] = [0.5, 0.0, 0.99].map(|q| quantile(&self.times_ms, q));
        if json {
            let report = serde_json::json!({
                "model": onnx.to_string(), "kernels": kernels,
                "threads": threads, "batch": batch, "runs": self.times_ms.len(),
                "median_ms": median, "min_ms": min, "p99_ms": p99,
            });
            return format!("{report}\n");
        }
        format!(
            "{onnx}: {kernels} kernels, {threads} thread(s), batch {batch}\n\
             median {median:.2} ms, minimum {min:.2} ms, 99 % within {p99:.2} ms\n"
        )
    }
}
