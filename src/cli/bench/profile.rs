//! `posed bench profile`: how long each step of the network takes.

use super::bench_network::{BenchNetwork, NetworkArgs};
use super::draw;
use crate::cli::output;
use anyhow::Context as _;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

/// Kinds of steps that are drawn; the slowest come first.
const MOST_BARS: usize = 24;

/// Arguments of `posed bench profile`.
#[derive(Debug, clap::Args)]
#[command(after_help = "The steps run on one thread.\n\nExample:\n  posed bench profile | head -n 5")]
pub struct ProfileArgs {
    #[command(flatten)]
    network: NetworkArgs,
    /// Crops to run, u8 [N, height, width, 3] in the model's channel order [default: noise].
    #[arg(long, value_name = "FILE")]
    crops: Option<PathBuf>,
    /// Inferences to time.
    #[arg(long, value_name = "N", default_value_t = 100)]
    runs: usize,
    /// Also draw the kinds of steps as bars into this file (.svg, .png or .html).
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
}

/// Prints the median time of each step. Steps with the same label are added up.
pub fn run(args: &ProfileArgs) -> anyhow::Result<()> {
    draw::check(args.plot.as_deref())?;
    let mut loaded = BenchNetwork::with_crops(&args.network, args.crops.as_deref())?;
    let labels = loaded.network.labels();
    let labels = labels.context("tract runs this network, so it has no steps to time")?;
    let runs = args.runs.max(1);
    let times_us = step_times_us(&mut loaded, labels.len(), runs)?;
    let mut kinds: BTreeMap<String, (usize, f64)> = BTreeMap::new();
    for (label, mut times_us) in labels.into_iter().zip(times_us) {
        times_us.sort_by(f64::total_cmp);
        let (steps, sum_us) = kinds.entry(label).or_default();
        *steps += 1;
        *sum_us += times_us[times_us.len() / 2];
    }
    let all_us: f64 = kinds.values().map(|(_, us)| us).sum();
    let mut kinds: Vec<_> = kinds.into_iter().collect();
    kinds.sort_by(|(_, (_, a)), (_, (_, b))| b.total_cmp(a));
    let mut text = String::new();
    for (label, (n, us)) in &kinds {
        text += &format!("{us:9.1} us {:5.1} % {n:4} x {label}\n", us / all_us * 100.0);
    }
    text += &format!("{all_us:9.1} us in all, medians of {runs} runs\n");
    output::print(&text)?;
    let row = |(label, (n, us)): (String, (usize, f64))| {
        let words = format!("{us:.0} us, {:.1} %", us / all_us * 100.0);
        (format!("{n} x {label}"), us, words)
    };
    let rows: Vec<_> = kinds.into_iter().take(MOST_BARS).map(row).collect();
    let title = format!("Steps of one inference on {} kernels: {all_us:.0} us", loaded.kernels());
    draw::bars(args.plot.as_deref(), &title, &rows)
}

/// Times of each step in us: for each step a vector with one value for each run.
#[allow(clippy::disallowed_methods, reason = "measuring real time is this command's purpose")]
fn step_times_us(loaded: &mut BenchNetwork, steps: usize, runs: usize) -> anyhow::Result<Vec<Vec<f64>>> {
    let mut times_us = vec![vec![]; steps];
    for _ in 0..runs {
        let mut before = Instant::now();
        loaded.network.run_watched(&loaded.input, &mut |step| {
            let now = Instant::now();
            times_us[step].push(now.duration_since(before).as_secs_f64() * 1e6);
            before = now;
        })?;
    }
    Ok(times_us)
}
