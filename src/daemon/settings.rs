//! What commands have set, remembered over restarts: a JSON file in the state directory.

use crate::config::{CameraConfig, Config};
use crate::publish::commands::Command;
use crate::state_file;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Settings of one camera; what no command has set is as configured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CameraSettings {
    /// The camera is in service.
    pub enabled: bool,
    /// Its events are published.
    pub events: bool,
    /// Highest frame rate; `None`: the one of the configuration.
    pub max_fps: Option<f64>,
}

impl Default for CameraSettings {
    fn default() -> Self {
        CameraSettings { enabled: true, events: true, max_fps: None }
    }
}

/// Settings of all cameras, with a copy on disk.
#[derive(Debug, Default)]
pub struct Settings {
    file: Option<PathBuf>,
    cameras: BTreeMap<String, CameraSettings>,
}

impl Settings {
    /// Reads `file`; `None` keeps settings until the end of the process only. Settings that cannot
    /// be read are reported and start anew.
    pub fn load(file: Option<PathBuf>) -> Settings {
        let cameras = match file.as_deref().map(state_file::read) {
            Some(Ok(cameras)) => cameras,
            Some(Err(e)) => {
                let path = file.as_deref().unwrap_or(Path::new("")).display();
                tracing::error!("{path}: what commands have set is lost: {e}");
                BTreeMap::new()
            }
            None => BTreeMap::new(),
        };
        Settings { file, cameras }
    }

    /// Settings of `camera`.
    pub fn of(&self, camera: &str) -> CameraSettings {
        self.cameras.get(camera).copied().unwrap_or_default()
    }

    /// Puts `command` in force and writes the file. Returns whether anything changed.
    pub fn apply(&mut self, camera: &str, command: Command) -> bool {
        let before = self.of(camera);
        let mut now = before;
        match command {
            Command::Enabled(enabled) => now.enabled = enabled,
            Command::Events(events) => now.events = events,
            Command::MaxFps(max_fps) => now.max_fps = max_fps,
        }
        if now == before {
            return false;
        }
        if now == CameraSettings::default() {
            self.cameras.remove(camera);
        } else {
            self.cameras.insert(camera.to_owned(), now);
        }
        if let Some(Err(e)) = self.file.as_deref().map(|file| state_file::write(file, &self.cameras)) {
            let path = self.file.as_deref().unwrap_or(Path::new("")).display();
            tracing::error!("{path}: a command is forgotten at the next restart: {e}");
        }
        true
    }

    /// `file` as the commands want it: without cameras that are out of service.
    pub fn in_force(&self, file: &Config) -> Config {
        let cameras = file.cameras.iter().filter_map(|camera| self.effective(camera)).collect();
        Config { cameras, ..file.clone() }
    }

    /// `camera` as the commands want it; `None` if it is out of service.
    fn effective(&self, camera: &CameraConfig) -> Option<CameraConfig> {
        let settings = self.of(&camera.name);
        let max_fps = settings.max_fps.or(camera.max_fps);
        settings.enabled.then(|| CameraConfig { max_fps, ..camera.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_remembered_over_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("commands.json");
        let mut settings = Settings::load(Some(file.clone()));
        assert!(settings.apply("hall", Command::Enabled(false)));
        assert!(settings.apply("door", Command::MaxFps(Some(5.0))));
        assert!(!settings.apply("door", Command::Events(true)), "nothing changes");
        let again = Settings::load(Some(file.clone()));
        assert!(!again.of("hall").enabled);
        assert_eq!(again.of("door").max_fps, Some(5.0));
        assert!(settings.apply("hall", Command::Enabled(true)));
        assert_eq!(Settings::load(Some(file)).of("hall"), CameraSettings::default());
    }

    #[test]
    fn a_damaged_file_or_a_missing_folder_costs_only_the_settings() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("commands.json");
        for damaged in ["", "{\"hall\": {\"enabled\"", "[1]", "{\"hall\": {\"colour\": 1}}"] {
            std::fs::write(&file, damaged).unwrap();
            let mut settings = Settings::load(Some(file.clone()));
            assert_eq!(settings.of("hall"), CameraSettings::default(), "{damaged}");
            assert!(settings.apply("hall", Command::Events(false)));
        }
        let mut lost = Settings::load(Some(dir.path().join("absent/commands.json")));
        assert!(lost.apply("hall", Command::Events(false)));
        assert!(!lost.of("hall").events, "it is in force until the end of the process");
    }
}
