//! What this machine has, what of it really works, and what to do about the rest: `posed doctor`.
//!
//! Each file of this room looks at one thing and adds [`Finding`]s. What is only written down
//! somewhere (a plugin's name, a device node) is not taken for working: decoders decode, cameras
//! give a frame, the broker accepts a connection. No check waits for ever.

mod board;
mod broker;
mod cameras;
mod decoders;
mod first_frame;
mod heat;
mod machine;
mod models;
mod permissions;
mod report;
mod subprocess;
mod system;

pub use decoders::PROOF_WITHIN;
pub use first_frame::first_frame;
pub use report::{Finding, Level, Report};

use crate::clock::SharedClock;
use crate::config::{Config, Faults, Loaded};
use machine::Machine;
use std::path::Path;

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
