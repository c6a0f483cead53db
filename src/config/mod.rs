//! The configuration file: TOML text -> [`Config`], or every fault in it at once.
//!
//! `read` asks tables for keys, `load` builds the sections, `validate` holds the rules of single
//! values, `fault` says what is wrong and where, `changes` compares two configurations.
//! `config/posed.toml` documents every key; a test holds it to this code.

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

/// What defaults are made of, besides the file. Tests give their own.
#[derive(Clone, Debug, Default)]
pub struct Machine {
    /// Host name, for the client id.
    pub hostname: String,
    /// `/etc/machine-id`, for the client id.
    pub id: String,
    /// `$CREDENTIALS_DIRECTORY`: where systemd puts credentials; `None` outside of a unit.
    pub credentials: Option<PathBuf>,
}

impl Machine {
    /// This machine.
    pub fn here() -> Machine {
        let line = |path: &str| std::fs::read_to_string(path).map(|s| s.trim().to_owned()).ok();
        // A hardened unit does not see /proc/sys.
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
    /// What should be mended all the same.
    pub warnings: Vec<Fault>,
}

/// Reads and checks the file at `path`.
///
/// # Errors
/// Everything that is wrong with it.
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
/// Everything that is wrong with it.
pub fn parse(text: &str, path: &Path, machine: &Machine) -> Result<Loaded, Faults> {
    let name = path.display().to_string();
    let mut report = Report::new(&name, text);
    let (document, syntax) = DeTable::parse_recoverable(text);
    for error in &syntax {
        let span = error.span().unwrap_or(0..0);
        report.error(span, "", error.message(), "mend the TOML syntax of this line (https://toml.io)");
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

/// Checks what a parser that lost its way still read; faults that follow from the syntax errors
/// (on their lines, or of keys that then seem to be missing) are left out.
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
