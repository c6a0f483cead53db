//! `posed doctor`: reports what this machine has, what does not work, and how to fix it.

use super::{config_file, exit, output};
use crate::clock::SystemClock;
use crate::config;
use crate::tools::doctor::{self, Configuration, Diagnosis, Level};
use anyhow::Context as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Arguments of `posed doctor`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  sudo posed doctor\n  posed doctor --config posed.toml --json | jq '.findings[] | \
    select(.level == \"fault\")'\n\n\
    The doctor takes one frame from each configured camera: stop the service first if it uses them.\n\
    Exit code 0: no fault. 1: a fault. 78: a fault in the configuration."
)]
pub struct DoctorArgs {
    /// Configuration file [default: /etc/posed/posed.toml, if it exists].
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Prints all findings.
pub fn run(args: &DoctorArgs) -> anyhow::Result<ExitCode> {
    let default = Path::new(config_file::DEFAULT);
    let path = args.config.as_deref().or_else(|| default.exists().then_some(default));
    let loaded = path.map(|path| (path, config::load(path)));
    let configuration = match &loaded {
        None => Configuration::None,
        Some((path, Ok(loaded))) => Configuration::Good(path, loaded),
        Some((path, Err(faults))) => Configuration::Bad(path, faults),
    };
    let report = doctor::examine(&configuration, &SystemClock::shared());
    let text = if args.json { json(&report)? } else { text(&report) };
    output::print(&text)?;
    Ok(match report.worst() {
        Level::Fault if matches!(configuration, Configuration::Bad(..)) => ExitCode::from(exit::CONFIG),
        Level::Fault => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    })
}

fn json(report: &Diagnosis) -> anyhow::Result<String> {
    let value = serde_json::json!({
        "posed": env!("CARGO_PKG_VERSION"),
        "worst": report.worst(),
        "findings": report.findings,
    });
    Ok(serde_json::to_string_pretty(&value).context("cannot write the report as JSON")? + "\n")
}

fn text(report: &Diagnosis) -> String {
    let mut out = String::new();
    for finding in &report.findings {
        out += &format!("{:<12} {:<8} {}\n", finding.area, finding.level.name(), finding.found);
        if let Some(remedy) = &finding.remedy {
            out += &format!("{:21} remedy: {remedy}\n", "");
        }
    }
    let (faults, warnings) = (report.count(Level::Fault), report.count(Level::Warning));
    out + &format!("\n{faults} faults, {warnings} warnings\n")
}
