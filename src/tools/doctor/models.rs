//! Whether the models are present and undamaged.

use super::diagnosis::{Diagnosis, Level};
use crate::config::Config;
use crate::infer::manifest::{INSTALLED, Manifest};
use std::path::{Path, PathBuf};

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
        let found = format!("none in {INSTALLED}");
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

fn installed() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(Path::new(INSTALLED)).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> =
        entries.map(|entry| entry.path()).filter(|path| path.join("model.toml").exists()).collect();
    folders.sort();
    folders
}
