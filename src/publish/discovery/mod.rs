//! Home Assistant's device discovery: one retained message for this box and one for each camera.
//!
//! Home Assistant makes a device with its entities from each message. An empty message removes the
//! device. A component that holds only its platform removes that entity. So the list of what was
//! announced is kept on disk: cameras and zones that are gone are removed after a restart too.
//!
//! Source: Home Assistant, "MQTT Discovery", device discovery (2024.11 and later).

mod components;
mod gone;
#[cfg(test)]
mod tests;

pub use gone::Gone;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What one camera has that Home Assistant can show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Things {
    /// Name of the camera.
    pub camera: String,
    /// Names of its zones.
    pub zones: Vec<String>,
    /// Names of its lines.
    pub lines: Vec<String>,
    /// Types of its events with their states, as `fall_confirmed`.
    pub event_types: Vec<String>,
    /// Falls are reported.
    pub falls: bool,
    /// Raised hands are reported as a call for help.
    pub help: bool,
    /// Commands are obeyed, so switches are shown.
    pub commands: bool,
}

/// Where and under which names to announce.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discovery {
    /// Home Assistant's discovery prefix, usually `homeassistant`.
    pub discovery_prefix: String,
    /// First levels of posed's own topics. It names the box: no two boxes at one broker share it.
    pub topic_prefix: String,
}

/// Devices that were announced, by topic, each with its components and their platforms.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Devices(BTreeMap<String, BTreeMap<String, String>>);

/// A retained message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retained {
    /// Its topic.
    pub topic: String,
    /// Its payload; empty: the topic is deleted.
    pub payload: Vec<u8>,
}

impl Devices {
    /// Messages that remove all devices, and the empty list.
    pub fn removal(&self) -> (Vec<Retained>, Devices) {
        let removed = |topic: &String| Retained { topic: topic.clone(), payload: Vec::new() };
        (self.0.keys().map(removed).collect(), Devices::default())
    }
}

impl Discovery {
    /// Messages that announce `cameras` and remove what was announced `before` and is gone. Returns
    /// what is announced now too.
    pub fn plan(&self, before: &Devices, cameras: &[Things]) -> (Vec<Retained>, Devices) {
        let mut devices = vec![(self.topic(&self.box_id()), self.box_device())];
        devices
            .extend(cameras.iter().map(|things| (self.topic(&self.id(&things.camera)), self.device(things))));
        let mut announced = Devices::default();
        let mut messages = Vec::new();
        for (topic, (mut message, components)) in devices {
            let old = before.0.get(&topic).into_iter().flatten();
            let gone = old.filter(|(key, _)| components.get(*key).is_none());
            let mut all = components.clone();
            all.extend(gone.map(|(key, platform)| (key.clone(), json!({ "p": platform }))));
            message["cmps"] = Value::Object(all);
            let platform = |component: &Value| component["p"].as_str().unwrap_or_default().to_owned();
            let kept = components.iter().map(|(key, component)| (key.clone(), platform(component)));
            announced.0.insert(topic.clone(), kept.collect());
            messages.push(Retained { topic, payload: message.to_string().into_bytes() });
        }
        let gone = before.0.keys().filter(|topic| !announced.0.contains_key(*topic));
        messages.extend(gone.map(|topic| Retained { topic: topic.clone(), payload: Vec::new() }));
        (messages, announced)
    }

    /// Where Home Assistant says that it has started.
    pub fn status_topic(&self) -> String {
        format!("{}/status", self.discovery_prefix)
    }

    fn topic(&self, id: &str) -> String {
        format!("{}/device/{id}/config", self.discovery_prefix)
    }

    /// Id of the box's device.
    fn box_id(&self) -> String {
        slug(&self.topic_prefix)
    }

    /// Id of a camera's device.
    fn id(&self, camera: &str) -> String {
        format!("{}_{}", self.box_id(), slug(camera))
    }

    /// The box itself: its device, and its components.
    fn box_device(&self) -> (Value, serde_json::Map<String, Value>) {
        let id = self.box_id();
        let message = json!({
            "dev": { "ids": [id], "name": self.topic_prefix, "mf": "posed", "mdl": "posed", "sw": VERSION },
            "o": origin(),
        });
        let mut components = serde_json::Map::new();
        components
            .insert("connection".into(), components::box_connection(&id, &self.topics().availability()));
        (message, components)
    }

    /// A camera: its device, and its components.
    fn device(&self, things: &Things) -> (Value, serde_json::Map<String, Value>) {
        let id = self.id(&things.camera);
        let message = json!({
            "dev": {
                "ids": [id], "name": things.camera, "mf": "posed", "mdl": "Camera", "sw": VERSION,
                "via_device": self.box_id(),
            },
            "o": origin(),
            "avty": [{ "t": self.topics().availability() }, self.camera_availability(&things.camera)],
            "avty_mode": "all",
            "qos": 1,
        });
        let components = components::of_camera(&id, &self.topics(), things);
        (message, components)
    }

    fn topics(&self) -> super::Topics {
        super::Topics::new(self.topic_prefix.clone())
    }

    /// A camera is available while its frames arrive.
    fn camera_availability(&self, camera: &str) -> Value {
        json!({
            "t": self.topics().state(camera),
            "val_tpl": "{{ 'online' if value_json.status == 'online' else 'offline' }}",
        })
    }
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

fn origin() -> Value {
    json!({ "name": "posed", "sw": VERSION })
}

/// `name` with the characters that an id may hold: letters, digits, `_` and `-`. If others had to
/// be replaced, a checksum keeps two names apart.
fn slug(name: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let replaced: String = name.chars().map(|c| if fits(c) { c } else { '_' }).collect();
    if replaced == name { replaced } else { format!("{replaced}_{:08x}", crc32fast::hash(name.as_bytes())) }
}
