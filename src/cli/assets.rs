//! `posed assets DIR`: what a package ships besides the binary, made from the command line's own
//! definition so that it never drifts from it.

use anyhow::Context as _;
use clap::{CommandFactory, ValueEnum as _};
use clap_complete::Shell;
use std::path::PathBuf;
use std::process::ExitCode;

/// Arguments of `posed assets`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder to write to.
    dir: PathBuf,
}

/// Writes `posed.1` and the completions of the common shells.
pub fn run<C: CommandFactory>(args: &Args) -> anyhow::Result<ExitCode> {
    let dir = &args.dir;
    std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let mut command = C::command();
    clap_mangen::generate_to(command.clone(), dir)
        .with_context(|| format!("cannot write man pages to {}", dir.display()))?;
    for shell in Shell::value_variants() {
        clap_complete::generate_to(*shell, &mut command, "posed", dir)
            .with_context(|| format!("cannot write {shell} completions to {}", dir.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}
