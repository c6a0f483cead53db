//! `posed bench`: times the network on this machine and shows how the engine runs it.

mod bench_network;
mod draw;
mod explain;
mod follow;
mod heatmaps;
mod network;
mod people;
mod profile;

use std::process::ExitCode;

/// Arguments of `posed bench`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  posed bench network
  posed bench network --model models/lpn50-128x96 --threads 2 --json
  posed bench people 2
  posed bench profile --plot profile.svg | head -n 5")]
pub struct BenchArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Time the network alone.
    Network(network::TimingArgs),
    /// Time crop, network and decoding for each person in a 1080p frame.
    People(people::PeopleArgs),
    /// Time each step of the network and print the slowest kinds first.
    Profile(profile::ProfileArgs),
    /// Show which operators run on posed's kernels and which are left to tract.
    Explain(explain::ExplainArgs),
    /// Time one inference for each line of standard input.
    Follow(follow::FollowArgs),
    /// Write the network's output for given crops to a file.
    Heatmaps(heatmaps::HeatmapsArgs),
}

/// Runs the chosen subcommand.
///
/// # Errors
/// If the model does not load or run, or a file cannot be read or written.
pub fn run(args: &BenchArgs) -> anyhow::Result<ExitCode> {
    match &args.command {
        Command::Network(args) => network::run(args)?,
        Command::People(args) => people::run(args)?,
        Command::Profile(args) => profile::run(args)?,
        Command::Explain(args) => explain::run(args)?,
        Command::Follow(args) => follow::run(args)?,
        Command::Heatmaps(args) => heatmaps::run(args)?,
    }
    Ok(ExitCode::SUCCESS)
}
