//! The configuration file that a subcommand reads.

use super::{exit, output};
use crate::config::{self, Loaded};
use std::path::Path;
use std::process::ExitCode;

/// Where a package installs the configuration.
pub(super) const DEFAULT: &str = "/etc/posed/posed.toml";

/// Loads the configuration.
///
/// # Errors
/// If the configuration is invalid. Prints its faults on stderr, and returns the exit code.
pub(super) fn load(path: &Path) -> Result<Loaded, ExitCode> {
    config::load(path).map_err(|faults| {
        output::note(&faults);
        ExitCode::from(exit::CONFIG)
    })
}
