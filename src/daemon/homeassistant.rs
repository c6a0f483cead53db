//! Announces what the configuration holds: states of the commands, Home Assistant's devices, and
//! the removal of what is gone.

use super::Daemon;
use crate::config::{CameraConfig, Config};
use crate::publish::discovery::{Devices, Discovery, Gone, Retained, Things};
use crate::state_file;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// File in the state directory with the devices that were announced.
const DEVICES_FILE: &str = "homeassistant.json";
/// File in the state directory with what went since Home Assistant was last known to listen.
const GONE_FILE: &str = "homeassistant-gone.json";

/// Where Home Assistant says that it has started; `None` if it is not wanted.
pub(super) fn status_topic(config: &Config) -> Option<String> {
    discovery(config).map(|discovery| discovery.status_topic())
}

fn discovery(config: &Config) -> Option<Discovery> {
    let homeassistant = config.homeassistant.as_ref()?;
    Some(Discovery {
        discovery_prefix: homeassistant.prefix.clone(),
        topic_prefix: config.mqtt.prefix.clone(),
    })
}

impl Daemon {
    /// Publishes the state of each command and Home Assistant's devices, and clears what is gone.
    /// `keep_last`: the last state of a camera that was just removed stays until the next start.
    pub(super) fn announce(&self, keep_last: bool) {
        let publisher = &self.shared.publisher;
        publisher.clear_gone(|camera, rest| {
            let camera = self.file.cameras.iter().find(|c| c.name == camera);
            let part = rest.split_once('/').map(|(part, _)| part);
            let is_kept = |camera| part.is_none_or(|part| has_part(camera, part));
            keep_last && rest == "state" || camera.is_some_and(is_kept)
        });
        if self.file.mqtt.commands {
            self.file.cameras.iter().for_each(|camera| self.announce_settings(camera));
        }
        self.announce_devices();
    }

    fn announce_settings(&self, camera: &CameraConfig) {
        let (publisher, settings) = (&self.shared.publisher, self.settings.of(&camera.name));
        let on_off = |on| if on { "ON" } else { "OFF" };
        let max_fps = settings.max_fps.or(camera.max_fps).unwrap_or(0.0);
        for (leaf, value) in [
            ("enabled", on_off(settings.enabled).to_owned()),
            ("events_enabled", on_off(settings.events).to_owned()),
            ("max_fps", max_fps.to_string()),
        ] {
            publisher.retain(&publisher.options().topics.of_camera(&camera.name, leaf), value.as_bytes());
        }
    }

    /// Without `[homeassistant]`, devices that an earlier run announced are removed.
    fn announce_devices(&self) {
        let before: Devices = self.stored(DEVICES_FILE);
        let (messages, now) = match discovery(&self.file) {
            Some(discovery) => {
                let things: Vec<Things> = self.file.cameras.iter().map(|c| self.things(c)).collect();
                discovery.plan(&before, &things)
            }
            None => before.removal(),
        };
        for Retained { topic, payload } in messages {
            self.shared.publisher.retain(&topic, &payload);
        }
        if now != before {
            let mut gone: Gone = self.stored(GONE_FILE);
            gone.note(&before, &now);
            self.store(GONE_FILE, &gone);
            self.store(DEVICES_FILE, &now);
        }
    }

    /// Home Assistant has started or connected again: it gets all retained values, and what went
    /// in the meantime is removed there too.
    pub(super) fn home_is_online(&self) {
        self.shared.publisher.republish();
        let gone: Gone = self.stored(GONE_FILE);
        if gone.is_empty() {
            return;
        }
        for Retained { topic, payload } in gone.removal() {
            self.shared.publisher.send(&topic, &payload, false);
        }
        self.store(GONE_FILE, &Gone::default());
    }

    fn stored<T: DeserializeOwned + Default>(&self, name: &str) -> T {
        let file = self.config.state_dir.as_ref().map(|dir| dir.join(name));
        file.as_deref().map_or(Ok(T::default()), state_file::read).unwrap_or_else(|e| {
            tracing::warn!("{name}: {e}; devices of removed cameras may stay in Home Assistant");
            T::default()
        })
    }

    fn store(&self, name: &str, value: &impl Serialize) {
        let Some(dir) = self.config.state_dir.as_ref() else { return };
        let written = std::fs::create_dir_all(dir).and_then(|()| state_file::write(&dir.join(name), value));
        if let Err(e) = written {
            let file = dir.join(name);
            tracing::warn!("{}: {e}; devices of removed cameras may stay in Home Assistant", file.display());
        }
    }

    fn things(&self, camera: &CameraConfig) -> Things {
        let events = &camera.events;
        Things {
            camera: camera.name.clone(),
            zones: events.zones.iter().map(|zone| zone.name.to_string()).collect(),
            lines: events.lines.iter().map(|line| line.name.to_string()).collect(),
            event_types: events.event_types(),
            falls: events.fall.is_some(),
            help: events.help.is_some(),
            commands: self.file.mqtt.commands,
        }
    }
}

fn has_part(camera: &CameraConfig, part: &str) -> bool {
    let events = &camera.events;
    events.zones.iter().any(|zone| &*zone.name == part) || events.lines.iter().any(|line| &*line.name == part)
}
