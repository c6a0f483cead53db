//! `posed bench explain`: shows which operators posed's kernels run, and which tract runs.

use super::bench_network::{BenchNetwork, NetworkArgs};
use crate::cli::output;

/// Arguments of `posed bench explain`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  posed bench explain --model models/lpn50-128x96")]
pub struct ExplainArgs {
    #[command(flatten)]
    network: NetworkArgs,
}

/// Prints how the engine runs the model.
pub fn run(args: &ExplainArgs) -> anyhow::Result<()> {
    Ok(output::print(&BenchNetwork::new(&args.network)?.network.explain().to_string())?)
}
