//! Reads the configuration file: TOML text becomes a [`Config`], or a list of all its faults.
//!
//! `from_file` reads files, `read` keys of tables, `load`, `mqtt` and `camera` build the sections,
//! `validate` checks single values, `password` checks password files, `fault` reports what is
//! wrong and where, `changes` compares two configurations, `http` and `history` read the sections
//! of these names, `edit` changes zones in the file.
//! `config/posed.toml` documents every key; a test compares the two.

mod camera;
mod changes;
mod conf_d;
pub mod edit;
mod events;
mod fault;
mod from_file;
mod history;
mod http;
mod load;
mod machine;
mod masked;
mod mqtt;
mod options;
mod password;
mod read;
mod source;
mod types;
mod validate;
mod variables;
mod wrong;

pub use changes::{Changes, camera_changes};
pub use fault::{Fault, Faults, Location, Severity};
pub use history::History;
pub use http::Http;
pub use machine::Machine;
pub use types::*;
pub use variables::Variables;

use fault::Report;
use std::path::{Path, PathBuf};
use toml::de::DeTable;

/// A configuration that can be used.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// Faults that should be corrected although it can be used.
    pub warnings: Vec<Fault>,
}

/// Reads and checks the file at `path`, and those in the folder `conf.d` beside it.
///
/// # Errors
/// All faults of the file.
pub fn load(path: &Path) -> Result<Loaded, Faults> {
    check_texts(&texts(path)?, path, &Machine::here())
}

/// The files of the configuration at `path` with their texts, in the order in which they count.
fn texts(path: &Path) -> Result<Vec<(PathBuf, String)>, Faults> {
    let more = conf_d::files(path).map_err(|e| unreadable(&path.with_file_name("conf.d"), &e.to_string()))?;
    let mut texts = Vec::new();
    for file in std::iter::once(path.to_owned()).chain(more) {
        let bytes = from_file::bytes(&file).map_err(|e| unreadable(&file, &e.to_string()))?;
        match String::from_utf8(bytes) {
            Ok(text) => texts.push((file, text)),
            Err(e) => {
                let before = e.as_bytes().iter().take(e.utf8_error().valid_up_to());
                let line = 1 + before.filter(|b| **b == b'\n').count();
                let name = file.display().to_string();
                let mut report = Report::new(&name, "");
                report.whole(format!("line {line} is not UTF-8 text"), "save the file as UTF-8");
                return Err(Faults(report.faults));
            }
        }
    }
    Ok(texts)
}

/// Checks the files of the configuration at `path`.
fn check_texts(files: &[(PathBuf, String)], path: &Path, machine: &Machine) -> Result<Loaded, Faults> {
    let mut joined = conf_d::Joined::default();
    files.iter().for_each(|(file, text)| joined.push(file.display().to_string(), text));
    check(&joined, path, machine)
}

fn unreadable(path: &Path, why: &str) -> Faults {
    let name = path.display().to_string();
    let mut report = Report::new(&name, "");
    report.whole(format!("cannot be read: {why}"), "name a file that exists and is readable");
    Faults(report.faults)
}

/// Checks `text`, the content of the file at `path`; relative paths in it start at its folder.
///
/// # Errors
/// All faults of the file.
pub fn parse(text: &str, path: &Path, machine: &Machine) -> Result<Loaded, Faults> {
    let mut joined = conf_d::Joined::default();
    joined.push(path.display().to_string(), text);
    check(&joined, path, machine)
}

fn check(joined: &conf_d::Joined, path: &Path, machine: &Machine) -> Result<Loaded, Faults> {
    let name = path.display().to_string();
    let mut report = Report::of(&name, &joined.text, &joined.files, machine.variables.clone());
    let (document, syntax) = joined.parse();
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
    report.sort();
    let has_errors = report.faults.iter().any(|fault| fault.severity == Severity::Error);
    match config {
        Some(config) if !has_errors => Ok(Loaded { config, warnings: report.faults }),
        _ => Err(Faults(report.faults)),
    }
}

/// Checks what the parser could still read. Leaves out faults that follow from the syntax errors:
/// those on the same lines, and keys that seem to be missing.
fn beside_syntax_errors(document: &DeTable<'_>, path: &Path, machine: &Machine, report: &mut Report<'_>) {
    let syntax = std::mem::take(&mut report.faults);
    load::config(document, path, machine, report);
    let line = |fault: &Fault| fault.location.as_ref().map(|location| (fault.file.clone(), location.line));
    report.faults.retain(|fault| {
        fault.reason != "is missing" && line(fault).is_some() && syntax.iter().all(|s| line(s) != line(fault))
    });
    report.faults.extend(syntax);
}
