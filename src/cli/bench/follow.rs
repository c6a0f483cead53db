//! `posed bench follow`: one inference for each line of input.

use super::bench_network::{BenchNetwork, NetworkArgs};
use crate::cli::output;
use std::io::{BufRead as _, Write as _};
use std::path::PathBuf;

/// Arguments of `posed bench follow`.
#[derive(Debug, clap::Args)]
#[command(after_help = "A script can alternate between this and other engines.\n\n\
    Example:\n  yes '' | head -n 10 | posed bench follow --kernels avx2")]
pub struct FollowArgs {
    #[command(flatten)]
    network: NetworkArgs,
    /// Crops to run, u8 [N, height, width, 3] in the model's channel order [default: noise].
    #[arg(long, value_name = "FILE")]
    crops: Option<PathBuf>,
}

/// Answers each line with the milliseconds that an inference took.
pub fn run(args: &FollowArgs) -> anyhow::Result<()> {
    let mut loaded = BenchNetwork::with_crops(&args.network, args.crops.as_deref())?;
    let mut out = output::stdout();
    for line in std::io::stdin().lock().lines() {
        line?;
        writeln!(out, "{:.4}", loaded.time_ms()?)?;
    }
    Ok(())
}
