//! `posed assets DIR`: man pages and shell completions for the package, generated from the command
//! line's definition.

use anyhow::Context as _;
use clap::{CommandFactory, ValueEnum as _};
use clap_complete::Shell;
use std::path::PathBuf;
use std::process::ExitCode;

/// Arguments of `posed assets`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  posed assets target/assets")]
pub struct AssetsArgs {
    /// Folder to write to.
    dir: PathBuf,
}

/// Writes the man pages and the completions of all shells that clap knows.
pub fn run<C: CommandFactory>(args: &AssetsArgs) -> anyhow::Result<ExitCode> {
    let dir = &args.dir;
    std::fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    let mut command = C::command();
    clap_mangen::generate_to(command.clone(), dir)
        .with_context(|| format!("cannot write man pages to {}", dir.display()))?;
    for shell in Shell::value_variants() {
        clap_complete::generate_to(*shell, &mut command, "posed", dir)
            .with_context(|| format!("cannot write {shell} completions to {}", dir.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}
