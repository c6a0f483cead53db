//! `posed bench explain`: which part of the engine runs each operator.

use super::bench_network::{BenchNetwork, NetworkArgs};
use crate::cli::output;

/// Arguments of `posed bench explain`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  posed bench explain --model models/lpn50-128x96")]
pub struct Args {
    #[command(flatten)]
    network: NetworkArgs,
}

/// Prints how the engine runs the model.
pub fn run(args: &Args) -> anyhow::Result<()> {
    Ok(output::print(&BenchNetwork::new(&args.network)?.network.explain().to_string())?)
}
