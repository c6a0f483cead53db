//! Changes to a running daemon: a new configuration, commands by MQTT, a restart of Home Assistant.

use super::{Daemon, Error, Reloaded, STOP_WITHIN};
use crate::config::{self, Config};
use crate::publish::commands::{self, CameraCommand, Command};
use crate::publish::{Incoming, Publisher};
use std::sync::mpsc::Receiver;

/// Subscribes to commands and to Home Assistant's birth message; `None` if nothing is wanted.
pub(super) fn subscribe(config: &Config, publisher: &Publisher) -> Option<Receiver<Incoming>> {
    let mut filters = Vec::new();
    if config.mqtt.commands {
        filters.extend(commands::filters(&config.mqtt.prefix));
    }
    filters.extend(super::homeassistant::status_topic(config));
    (!filters.is_empty()).then(|| publisher.subscribe(&filters))
}

impl Daemon {
    /// Messages of others, to be handed to [`Daemon::receive`]. Can be taken once.
    pub fn incoming(&mut self) -> Option<Receiver<Incoming>> {
        self.incoming.take()
    }

    /// Obeys a message of [`Daemon::incoming`]. A bad command is answered on
    /// `<prefix>/<camera>/error`, and changes nothing.
    pub fn receive(&mut self, message: &Incoming) {
        if super::homeassistant::status_topic(&self.file).as_deref() == Some(message.topic.as_str()) {
            if message.payload == b"online" {
                self.home_is_online();
            }
            return;
        }
        let parsed = commands::parse(&self.file.mqtt.prefix, &message.topic, &message.payload);
        let Some(CameraCommand { camera, command }) = parsed else { return };
        // A retained command would undo at each connection what was set since.
        let retained = "a command must not be retained; publish it again without the retain flag";
        let result = match command {
            _ if message.retained && message.payload.is_empty() => return,
            _ if message.retained => Err(retained.to_owned()),
            Err(reason) => Err(reason),
            Ok(_) if !self.file.cameras.iter().any(|c| c.name == camera) => {
                Err(format!("there is no camera {camera:?}"))
            }
            Ok(command) => self.obey(&camera, command),
        };
        if let Err(reason) = result {
            tracing::warn!("{}: {reason}", message.topic);
            let answer = serde_json::json!({ "topic": message.topic, "error": reason });
            let topic = self.shared.publisher.options().topics.of_camera(&camera, "error");
            self.shared.publisher.send(&topic, answer.to_string().as_bytes(), false);
        }
    }

    fn obey(&mut self, camera: &str, command: Command) -> Result<(), String> {
        if !self.settings.apply(camera, command) {
            return Ok(());
        }
        tracing::info!("{camera}: {command}");
        if let Command::Events(enabled) = command {
            if let Some((camera, _)) = self.cameras.get(camera) {
                camera.happenings.enable(enabled);
            }
            self.announce(true);
            return Ok(());
        }
        self.change_to(self.file.clone()).map(drop).map_err(|e| format!("{:#}", anyhow::Error::from(e)))
    }

    /// Puts a new configuration in force. Cameras that did not change keep running.
    ///
    /// # Errors
    /// [`Error::NeedsRestart`] if more changed than cameras: then the old configuration stays in
    /// force. [`Error::Camera`] if a camera cannot be set up: then the others follow the new one.
    pub fn reload(&mut self, new: Config) -> Result<Reloaded, Error> {
        match self.config.fixed_section_changed(&new) {
            Some(section) => Err(Error::NeedsRestart(section)),
            None => self.change_to(new),
        }
    }

    /// Starts, stops and restarts cameras until `file`, with what commands have set, is in force.
    fn change_to(&mut self, file: Config) -> Result<Reloaded, Error> {
        let new = self.settings.in_force(&file);
        let changes = config::camera_changes(&self.config, &new);
        let going = [changes.removed.as_slice(), &changes.changed].concat();
        self.remove(&going, self.clock.now() + STOP_WITHIN);
        (self.file, self.config) = (file, new);
        let mut failed = None;
        for camera in self.config.cameras.clone() {
            // New, changed, or not set up before.
            if !self.cameras.contains_key(&camera.name) {
                failed = self.add(&camera).err().or(failed);
            }
        }
        self.announce(true);
        match failed {
            Some(e) => Err(e),
            None => Ok(Reloaded { added: changes.added, removed: changes.removed, changed: changes.changed }),
        }
    }
}
