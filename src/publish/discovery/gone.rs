//! Components that went while Home Assistant may have been away. It keeps what it once knew, so
//! they are removed again when it says that it is online.

use super::{Devices, Retained, origin};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// More devices are forgotten: without a Home Assistant the list would grow forever.
const MOST_DEVICES: usize = 64;

/// Components that are gone, by the topic of their device, each with its platform.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Gone(BTreeMap<String, BTreeMap<String, String>>);

impl Gone {
    /// Notes what was announced `before` and is not announced `now`, and forgets what is back.
    pub fn note(&mut self, before: &Devices, now: &Devices) {
        for (topic, components) in &before.0 {
            self.0.entry(topic.clone()).or_default().extend(components.clone());
        }
        for (topic, components) in &now.0 {
            if let Some(gone) = self.0.get_mut(topic) {
                gone.retain(|key, _| !components.contains_key(key));
            }
        }
        self.0.retain(|_, components| !components.is_empty());
        while self.0.len() > MOST_DEVICES {
            self.0.pop_first();
        }
    }

    /// Whether nothing is gone.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Messages that remove all of it, in this order and **not** retained.
    ///
    /// A Home Assistant that lost only its connection still knows the components, and the first
    /// message of a device removes them. One that has restarted knows their entities from its disk
    /// alone. It removes an entity only if it was announced since, so each is announced and removed,
    /// on a topic of its own: of a device's message that comes while a component is still being
    /// set up, Home Assistant 2025.4 ignores all components after that one.
    pub fn removal(&self) -> Vec<Retained> {
        let mut messages = Vec::new();
        for (topic, components) in &self.0 {
            let Some((prefix, id)) = parts(topic) else { continue };
            let platforms = components.iter().map(|(key, platform)| (key.clone(), json!({ "p": platform })));
            let platforms: serde_json::Map<String, Value> = platforms.collect();
            let payload = json!({ "dev": device(id), "o": origin(), "cmps": platforms });
            messages.push(Retained { topic: topic.clone(), payload: payload.to_string().into_bytes() });
            for (key, platform) in components {
                let topic = format!("{prefix}/{platform}/{id}/{key}/config");
                let payload = minimal(id, key).to_string().into_bytes();
                messages.push(Retained { topic: topic.clone(), payload });
                messages.push(Retained { topic, payload: Vec::new() });
            }
        }
        messages
    }
}

/// Discovery prefix and device id of `<prefix>/device/<id>/config`.
fn parts(topic: &str) -> Option<(&str, &str)> {
    topic.strip_suffix("/config")?.rsplit_once("/device/")
}

fn device(id: &str) -> Value {
    json!({ "ids": [id], "name": id })
}

/// The keys that the platforms require. Each ignores those of the others.
fn minimal(id: &str, key: &str) -> Value {
    let nowhere = format!("{id}/{key}/gone");
    json!({
        "uniq_id": format!("{id}_{key}"), "dev": device(id), "o": origin(),
        "stat_t": nowhere, "cmd_t": nowhere, "evt_typ": ["gone"],
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{discovery, hall};
    use super::super::{Devices, Things};
    use super::*;

    fn announced(cameras: &[Things]) -> Devices {
        discovery().plan(&Devices::default(), cameras).1
    }

    #[test]
    fn what_went_is_removed_until_it_is_back() {
        let with_zone = announced(&[hall()]);
        let without_zone = announced(&[Things { zones: Vec::new(), ..hall() }]);
        let mut gone = Gone::default();
        gone.note(&with_zone, &without_zone);
        gone.note(&without_zone, &without_zone);
        let messages = gone.removal();
        let topics: Vec<&str> = messages.iter().map(|message| message.topic.as_str()).collect();
        let occupancy = "homeassistant/binary_sensor/posed_hall/zone_bed_occupancy/config";
        let people = "homeassistant/sensor/posed_hall/zone_bed_people/config";
        let device = "homeassistant/device/posed_hall/config";
        assert_eq!(topics, [device, occupancy, occupancy, people, people]);
        let all: Value = serde_json::from_slice(&messages[0].payload).unwrap();
        assert_eq!(all["cmps"]["zone_bed_occupancy"], json!({ "p": "binary_sensor" }));
        let one: Value = serde_json::from_slice(&messages[1].payload).unwrap();
        assert_eq!(one["uniq_id"], "posed_hall_zone_bed_occupancy");
        assert!(messages[2].payload.is_empty());
        gone.note(&without_zone, &with_zone);
        assert!(gone.is_empty() && gone.removal().is_empty());
    }

    #[test]
    fn the_list_is_bounded() {
        let mut gone = Gone::default();
        for n in 0..2 * MOST_DEVICES {
            let camera = Things { camera: format!("c{n}"), ..hall() };
            gone.note(&announced(&[camera]), &Devices::default());
        }
        assert_eq!(gone.0.len(), MOST_DEVICES);
    }
}
