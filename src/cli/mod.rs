//! The command line: one file a subcommand.

#![deny(clippy::print_stderr, reason = "panics if stderr cannot be written: use `output::note`")]

mod assets;
mod bench;
mod check;
mod config_file;
mod demo;
mod doctor;
mod eval;
pub mod exit;
mod image;
mod models;
mod output;
mod provision;
mod record;
mod replay;
mod report;
mod run;
mod still;
mod try_hardware;
mod watch;

use clap::{Parser, Subcommand};
use std::io::ErrorKind;
use std::process::ExitCode;

/// Camera streams in, human poses out over MQTT.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the daemon.
    Run(run::RunArgs),
    /// Show what the daemon would do with a configuration, or list its faults.
    Check(check::CheckArgs),
    /// Check this machine, and give a remedy for each fault.
    Doctor(doctor::DoctorArgs),
    /// Try one decoder or camera, in a process that may crash (for the doctor).
    #[command(hide = true, subcommand)]
    TryHardware(try_hardware::Trial),
    /// Watch poses from a camera or the demo clip, through a private broker.
    Demo(demo::DemoArgs),
    /// Estimate poses in pictures.
    Image(image::ImageArgs),
    /// Measure the accuracy of a model on COCO keypoint data.
    Eval(eval::EvalArgs),
    /// Watch the cameras live in this terminal, also from another machine.
    Watch(watch::WatchArgs),
    /// Record the messages of a camera.
    Record(record::RecordArgs),
    /// Track the people of a recording or a clip again.
    Replay(replay::ReplayArgs),
    /// Draw a day of each camera: people, movement, postures, events.
    Report(report::ReportArgs),
    /// Write what one box of a fleet needs: configuration, access list, certificate request.
    Provision(provision::ProvisionArgs),
    /// Time the network on this machine.
    Bench(bench::BenchArgs),
    /// Write the man pages and shell completions (for packaging).
    #[command(hide = true)]
    Assets(assets::AssetsArgs),
}

/// Parses the arguments of the process and runs the subcommand.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(e) => return print_help_or_usage(&e),
    };
    match run(cli.command) {
        Ok(code) => code,
        Err(e) if output::is_closed(&e) => ExitCode::SUCCESS,
        Err(e) => {
            // `#` prints the whole chain of causes on one line.
            if tracing::dispatcher::has_been_set() {
                tracing::error!("{e:#}");
            } else {
                output::note(format!("posed: {e:#}"));
            }
            ExitCode::FAILURE
        }
    }
}

/// clap returns `--help` and `--version` as errors too; only faults of usage go to stderr.
fn print_help_or_usage(e: &clap::Error) -> ExitCode {
    match e.print() {
        _ if e.use_stderr() => ExitCode::from(exit::USAGE),
        Err(e) if e.kind() != ErrorKind::BrokenPipe => {
            output::note(format!("posed: cannot write to standard output: {e}"));
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Run(args) => run::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::TryHardware(args) => Ok(try_hardware::run(&args)),
        Command::Demo(args) => demo::run(&args),
        Command::Image(args) => image::run(&args),
        Command::Eval(args) => eval::run(&args),
        Command::Watch(args) => watch::run(&args),
        Command::Record(args) => record::run(&args),
        Command::Replay(args) => replay::run(&args),
        Command::Report(args) => report::run(&args),
        Command::Provision(args) => provision::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Assets(args) => assets::run::<Cli>(&args),
    }
}
