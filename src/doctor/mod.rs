//! What this machine has, what of it really works, and what to do about the rest: `posed doctor`.
//!
//! Each file of this room looks at one thing and adds [`Finding`]s. What is only written down
//! somewhere (a plugin's name, a device node) is not taken for working: decoders decode, cameras
//! give a frame, the broker accepts a connection. No check waits for ever.

mod apart;
mod board;
mod broker;
mod cameras;
mod decoders;
mod heat;
mod models;
mod permissions;
mod system;

pub use cameras::first_frame;
pub use decoders::PROOF_WITHIN;

use crate::clock::SharedClock;
use crate::config::{Config, Faults, Loaded};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// As it should be.
    Ok,
    /// Not there, or not known, and perhaps not needed.
    Note,
    /// posed runs, but worse than it could, or not for long.
    Warning,
    /// posed, or one of its cameras, does not work.
    Fault,
}

impl Level {
    /// The word that is printed.
    pub fn name(self) -> &'static str {
        match self {
            Level::Ok => "ok",
            Level::Note => "note",
            Level::Warning => "warning",
            Level::Fault => "fault",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What kind of thing: `board`, `cpu`, `heat`, `decoder`, `device`, `camera`, `broker`...
    pub area: &'static str,
    /// How bad it is.
    pub level: Level,
    /// What was found.
    pub found: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// Everything that was found, in the order in which it was looked for.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// The findings.
    pub findings: Vec<Finding>,
}

impl Report {
    fn ok(&mut self, area: &'static str, found: impl Into<String>) {
        self.findings.push(Finding { area, level: Level::Ok, found: found.into(), remedy: None });
    }

    fn add(&mut self, level: Level, area: &'static str, found: impl Into<String>, remedy: impl Into<String>) {
        self.findings.push(Finding { area, level, found: found.into(), remedy: Some(remedy.into()) });
    }

    /// The worst of it.
    pub fn worst(&self) -> Level {
        self.findings.iter().map(|finding| finding.level).max().unwrap_or(Level::Ok)
    }

    /// How many findings are of `level`.
    pub fn count(&self, level: Level) -> usize {
        self.findings.iter().filter(|finding| finding.level == level).count()
    }
}

/// What the doctor was told to look at.
pub enum Configuration<'a> {
    /// There is none: cameras and broker are not tried.
    None,
    /// The file cannot be used.
    Bad(&'a Path, &'a Faults),
    /// It can.
    Good(&'a Path, &'a Loaded),
}

impl Configuration<'_> {
    fn config(&self) -> Option<&Config> {
        match self {
            Configuration::Good(_, loaded) => Some(&loaded.config),
            _ => None,
        }
    }
}

/// The machine's files. Tests show another machine's.
#[derive(Clone, Debug)]
pub(crate) struct Machine {
    root: PathBuf,
}

impl Machine {
    fn here() -> Machine {
        Machine { root: "/".into() }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// A file's text without the blanks, and the NULs of a device tree, around it.
    fn read(&self, path: &str) -> Option<String> {
        let text = std::fs::read(self.path(path)).ok()?;
        let text = String::from_utf8_lossy(&text);
        Some(text.trim_matches(|c: char| c.is_whitespace() || c == '\0').to_owned())
    }

    /// Names in a folder that begin with `prefix`, sorted.
    fn list(&self, folder: &str, prefix: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.path(folder)).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let mut names: Vec<String> = names.filter(|name| name.starts_with(prefix)).collect();
        names.sort();
        names
    }
}

/// Looks at everything. Takes some seconds; cameras and decoders are really tried.
pub fn examine(configuration: &Configuration<'_>, clock: &SharedClock) -> Report {
    let mut report = Report::default();
    let machine = Machine::here();
    let config = configuration.config();
    board::examine(&machine, config, &mut report);
    heat::examine(&machine, &mut report);
    system::examine(&machine, clock.wall(), &mut report);
    configured(configuration, &mut report);
    permissions::examine(&machine, config, &mut report);
    models::examine(config, &mut report);
    decoders::examine(&machine, &mut report);
    cameras::devices(&mut report);
    if let Configuration::Good(path, Loaded { config, .. }) = configuration {
        cameras::configured(path, config, &mut report);
        broker::examine(config, clock, &mut report);
    }
    report
}

fn configured(configuration: &Configuration<'_>, report: &mut Report) {
    match configuration {
        Configuration::None => report.add(
            Level::Note,
            "config",
            "no configuration: cameras and broker are not tried",
            "name one with --config FILE",
        ),
        Configuration::Bad(path, faults) => report.add(
            Level::Fault,
            "config",
            format!("{}: {} faults; cameras and broker are not tried", path.display(), faults.0.len()),
            format!("`posed check --config {}` shows each with its line and remedy", path.display()),
        ),
        Configuration::Good(path, loaded) => {
            let cameras = loaded.config.cameras.len();
            report.ok("config", format!("{}, {cameras} cameras", path.display()));
            for warning in &loaded.warnings {
                report.add(Level::Warning, "config", warning.reason.clone(), warning.remedy.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine of these files.
    pub(super) fn machine(files: &[(&str, &str)]) -> (tempfile::TempDir, Machine) {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let machine = Machine { root: dir.path().into() };
        (dir, machine)
    }

    #[test]
    fn the_worst_finding_is_what_counts() {
        let mut report = Report::default();
        assert_eq!(report.worst(), Level::Ok);
        report.ok("cpu", "fine");
        report.add(Level::Warning, "disk", "nearly full", "make room");
        assert_eq!((report.worst(), report.count(Level::Warning)), (Level::Warning, 1));
    }
}
