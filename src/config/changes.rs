//! Compares two configurations, for a reload.

use super::{CameraConfig, Config};

/// Names of cameras, each in one list, in the order of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// In the new file only.
    pub added: Vec<String>,
    /// In the old file only.
    pub removed: Vec<String>,
    /// In both files, with different settings.
    pub changed: Vec<String>,
    /// The same in both files.
    pub unchanged: Vec<String>,
}

/// Compares the cameras of two configurations by name and settings; order does not matter.
pub fn camera_changes(old: &Config, new: &Config) -> Changes {
    let find = |config: &Config, name: &str| -> Option<CameraConfig> {
        config.cameras.iter().find(|camera| camera.name == name).cloned()
    };
    let mut changes = Changes::default();
    for camera in &new.cameras {
        let list = match find(old, &camera.name) {
            None => &mut changes.added,
            Some(before) if before == *camera => &mut changes.unchanged,
            Some(_) => &mut changes.changed,
        };
        list.push(camera.name.clone());
    }
    let gone = old.cameras.iter().filter(|camera| find(new, &camera.name).is_none());
    changes.removed = gone.map(|camera| camera.name.clone()).collect();
    changes
}

impl Config {
    /// The first section other than cameras that differs in `new`. Those need a restart.
    pub fn fixed_section_changed(&self, new: &Config) -> Option<&'static str> {
        [
            ("mqtt", self.mqtt != new.mqtt),
            ("model", self.model != new.model),
            ("inference", self.inference != new.inference),
            ("pose", self.pose != new.pose),
            ("log", self.log != new.log),
            ("homeassistant", self.homeassistant != new.homeassistant),
            ("http", self.http != new.http),
            ("history", self.history != new.history),
        ]
        .into_iter()
        .find_map(|(name, changed)| changed.then_some(name))
    }
}
