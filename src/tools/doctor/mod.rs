//! `posed doctor`: what this machine has, what works, and how to fix the rest.
//!
//! Each file checks one thing and adds [`Finding`]s. A check tries the thing itself: decoders
//! decode, cameras give a frame, the broker accepts a connection. A plugin's name or a device node
//! proves nothing. Every check has a time limit.

mod board;
mod broker;
mod cameras;
mod decoders;
mod diagnosis;
mod first_frame;
mod heat;
mod machine;
mod models;
mod permissions;
mod subprocess;
mod system;

pub use decoders::PROOF_WITHIN;
pub use diagnosis::{Diagnosis, Finding, Level};
pub use first_frame::first_frame;

use crate::clock::SharedClock;
use crate::config::{Config, Faults, Loaded};
use machine::Machine;
use std::path::Path;

/// The configuration to check.
pub enum Configuration<'a> {
    /// No configuration: cameras and broker are not tried.
    None,
    /// The file has faults.
    Bad(&'a Path, &'a Faults),
    /// The file is valid.
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

/// Runs all checks. They take some seconds, as cameras and decoders are really tried.
pub fn examine(configuration: &Configuration<'_>, clock: &SharedClock) -> Diagnosis {
    let mut report = Diagnosis::default();
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

fn configured(configuration: &Configuration<'_>, report: &mut Diagnosis) {
    match configuration {
        Configuration::None => report.add(
            Level::Note,
            "config",
            "no configuration: cameras and broker are not tried",
            "pass one with --config FILE",
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
