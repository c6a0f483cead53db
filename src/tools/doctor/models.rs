//! Whether the models are present and undamaged.

use super::diagnosis::{Diagnosis, Level};
use crate::config::Config;
use crate::infer::manifest::{self, INSTALLED, Manifest};
use std::path::PathBuf;

pub(super) fn examine(config: Option<&Config>, report: &mut Diagnosis) {
    let folders: Vec<PathBuf> = match config {
        Some(config) => {
            let finder = config.cameras.iter().any(|camera| camera.finder);
            let finder = finder.then(|| config.model.finder.clone());
            std::iter::once(config.model.pose.clone()).chain(finder).collect()
        }
        None => installed(),
    };
    if folders.is_empty() {
        let found = format!("none in {INSTALLED}, and none beside the executable");
        report.add(Level::Note, "model", found, "install the package, or set the folders in [model]");
    }
    for folder in folders {
        match Manifest::load(&folder) {
            Ok(m) => report.ok(
                "model",
                format!(
                    "{} {}, {}x{} px, checksum verified",
                    m.name, m.version, m.input.width, m.input.height
                ),
            ),
            Err(e) => report.add(
                Level::Fault,
                "model",
                e.to_string(),
                "reinstall the package (`apt-get install --reinstall posed`), or correct [model]",
            ),
        }
    }
}

/// Every model that is installed, each once.
fn installed() -> Vec<PathBuf> {
    let roots = manifest::roots();
    let entries = roots.iter().filter_map(|root| std::fs::read_dir(root).ok()).flatten().flatten();
    let mut folders: Vec<PathBuf> =
        entries.map(|entry| entry.path()).filter(|path| path.join("model.toml").exists()).collect();
    folders.sort();
    folders.dedup();
    folders
}
