//! What a reload has to do.

use super::{CameraConfig, Config};

/// Cameras by name, each in one list, in the order of their file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// In the new file only.
    pub added: Vec<String>,
    /// In the old file only.
    pub removed: Vec<String>,
    /// In both, with another value.
    pub changed: Vec<String>,
    /// In both, the same.
    pub unchanged: Vec<String>,
}

/// Compares the cameras of two configurations by name and value; their order does not count.
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
    /// The first section besides the cameras that `new` has otherwise: those need a restart.
    pub fn fixed_section_changed(&self, new: &Config) -> Option<&'static str> {
        [
            ("mqtt", self.mqtt != new.mqtt),
            ("model", self.model != new.model),
            ("inference", self.inference != new.inference),
            ("pose", self.pose != new.pose),
            ("log", self.log != new.log),
        ]
        .into_iter()
        .find_map(|(name, changed)| changed.then_some(name))
    }
}
