//! Reads the configuration file: TOML text becomes a [`Config`], or a list of all its faults.
//!
//! `read` reads keys of tables, `load` and `camera` build the sections, `validate` checks single
//! values, `password` checks password files, `fault` reports what is wrong and where, `changes`
//! compares two configurations. `config/posed.toml` documents every key; a test compares the two.

mod camera;
mod changes;
mod fault;
mod load;
mod options;
mod password;
mod read;
mod types;
mod validate;

pub use changes::{Changes, camera_changes};
pub use fault::{Fault, Faults, Location, Severity};
pub use types::*;

use fault::Report;
use std::path::{Path, PathBuf};
use toml::de::DeTable;

/// Facts about the machine that defaults depend on. Tests use their own.
#[derive(Clone, Debug, Default)]
pub struct Machine {
    /// Host name, for the client id.
    pub hostname: String,
    /// `/etc/machine-id`, for the client id.
    pub id: String,
    /// `$CREDENTIALS_DIRECTORY`, the unit's credentials; `None` outside of a unit.
    pub credentials: Option<PathBuf>,
}

impl Machine {
    /// This machine.
    pub fn here() -> Machine {
        let line = |path: &str| std::fs::read_to_string(path).map(|s| s.trim().to_owned()).ok();
        // A hardened unit cannot read /proc/sys.
        let hostname = line("/proc/sys/kernel/hostname").or_else(|| line("/etc/hostname"));
        Machine {
            hostname: hostname.unwrap_or_default(),
            id: line("/etc/machine-id").unwrap_or_default(),
            credentials: std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from),
        }
    }
}

/// A configuration that can be used.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// Faults that should be corrected although it can be used.
    pub warnings: Vec<Fault>,
}

/// Reads and checks the file at `path`.
///
/// # Errors
/// All faults of the file.
pub fn load(path: &Path) -> Result<Loaded, Faults> {
    let name = path.display().to_string();
    let mut report = Report::new(&name, "");
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(e) => {
            report.whole(format!("cannot be read: {e}"), "name a file that exists and is readable");
            return Err(Faults(report.faults));
        }
    };
    match std::str::from_utf8(&bytes) {
        Ok(text) => parse(text, path, &Machine::here()),
        Err(e) => {
            let line = 1 + bytes.iter().take(e.valid_up_to()).filter(|b| **b == b'\n').count();
            report.whole(format!("line {line} is not UTF-8 text"), "save the file as UTF-8");
            Err(Faults(report.faults))
        }
    }
}

/// Checks `text`, the content of the file at `path`; relative paths in it start at its folder.
///
/// # Errors
/// All faults of the file.
pub fn parse(text: &str, path: &Path, machine: &Machine) -> Result<Loaded, Faults> {
    let name = path.display().to_string();
    let mut report = Report::new(&name, text);
    let (document, syntax) = DeTable::parse_recoverable(text);
    for error in &syntax {
        let span = error.span().unwrap_or(0..0);
        report.error(span, "", error.message(), "correct the TOML syntax of this line (https://toml.io)");
    }
    let config = if syntax.is_empty() {
        load::config(&document, path, machine, &mut report)
    } else {
        beside_syntax_errors(&document, path, machine, &mut report);
        None
    };
    report
        .faults
        .sort_by_key(|fault| fault.location.as_ref().map(|location| (location.line, location.column)));
    let has_errors = report.faults.iter().any(|fault| fault.severity == Severity::Error);
    match config {
        Some(config) if !has_errors => Ok(Loaded { config, warnings: report.faults }),
        _ => Err(Faults(report.faults)),
    }
}

/// Checks what the parser could still read. Leaves out faults that follow from the syntax errors:
/// those on the same lines, and keys that seem to be missing.
fn beside_syntax_errors(
    document: &toml::Spanned<DeTable<'_>>,
    path: &Path,
    machine: &Machine,
    report: &mut Report<'_>,
) {
    let syntax = std::mem::take(&mut report.faults);
    load::config(document, path, machine, report);
    let line = |fault: &Fault| fault.location.as_ref().map(|location| location.line);
    report.faults.retain(|fault| {
        fault.reason != "is missing" && line(fault).is_some() && syntax.iter().all(|s| line(s) != line(fault))
    });
    report.faults.extend(syntax);
}
