//! `posed report`: a day of each camera at a glance.

use super::{config_file, exit, output};
use crate::clock::SystemClock;
use crate::config;
use crate::history::{Archive, Date, parse_date};
use crate::tools::plot::Format;
use crate::tools::report;
use anyhow::Context as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Where the packaged service keeps its state.
const SERVICE_STATE: &str = "/var/lib/posed";

/// Draws who was there, how they moved, their postures, events, and where they stood.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sudo posed report --out today.html
  sudo posed report --day 2026-11-28 --camera door --out door.png
  posed report --state-dir ~/.local/state/posed/posed-kitchen --out today.html")]
pub struct ReportArgs {
    /// Day, such as 2026-11-28 [default: today].
    #[arg(long, value_name = "DATE", value_parser = date)]
    day: Option<Date>,
    /// Camera [default: all that have this day].
    #[arg(long, value_name = "NAME")]
    camera: Option<String>,
    /// File to write. Its end chooses the format: .html or .svg (sharp in print), or .png.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Configuration file of the daemon, which says where its state is.
    #[arg(long, value_name = "FILE", default_value = config_file::DEFAULT, conflicts_with = "state_dir")]
    config: PathBuf,
    /// State folder of the daemon [default: that of --config if it holds a history, else
    /// /var/lib/posed].
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
}

fn date(text: &str) -> Result<Date, String> {
    parse_date(text).ok_or_else(|| "write year-month-day, such as 2026-11-28".to_owned())
}

/// Writes the report.
pub fn run(args: &ReportArgs) -> anyhow::Result<ExitCode> {
    let format = Format::of(&args.out)?;
    let state_dir = match &args.state_dir {
        Some(dir) => dir.clone(),
        None => match find_state(&args.config) {
            Ok(dir) => dir,
            Err(code) => return Ok(code),
        },
    };
    let archive = Archive::of(&state_dir, SystemClock::shared());
    let sheets = report::sheets(&archive, args.camera.as_deref(), args.day)?;
    let drawn = report::draw(&sheets, format)?;
    std::fs::write(&args.out, drawn).with_context(|| format!("cannot write {}", args.out.display()))?;
    let cameras: Vec<&str> = sheets.iter().map(|sheet| sheet.camera.as_str()).collect();
    let date = sheets.first().map_or(String::new(), |sheet| sheet.day.date.to_string());
    output::print(&format!("{}: {} on {date}\n", args.out.display(), cameras.join(", ")))?;
    Ok(ExitCode::SUCCESS)
}

/// The state folder of the daemon with the configuration at `path`, or that of the service.
fn find_state(path: &Path) -> Result<PathBuf, ExitCode> {
    let service = PathBuf::from(SERVICE_STATE);
    if !path.exists() && path == Path::new(config_file::DEFAULT) {
        return Ok(service);
    }
    let own = match config::load(path) {
        Ok(loaded) => loaded.config.state_dir,
        Err(faults) => {
            output::note(&faults);
            return Err(ExitCode::from(exit::CONFIG));
        }
    };
    let has_history = |dir: &PathBuf| Archive::of(dir, SystemClock::shared()).dir().exists();
    Ok(own.filter(has_history).unwrap_or(service))
}
