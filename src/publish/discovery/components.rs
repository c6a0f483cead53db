//! The entities of a camera, as components of Home Assistant's discovery message.
//!
//! Keys are Home Assistant's abbreviations: `p` platform, `uniq_id` unique id, `stat_t` state
//! topic, `val_tpl` value template, `dev_cla` device class, `ent_cat` entity category, `cmd_t`
//! command topic.

use super::{Things, slug};
use crate::publish::topics::Topics;
use serde_json::{Map, Value, json};

/// Whether the box is connected to the broker: shown also while it is not.
pub(super) fn box_connection(id: &str, availability: &str) -> Value {
    json!({
        "p": "binary_sensor", "uniq_id": format!("{id}_connection"), "name": "Connection",
        "dev_cla": "connectivity", "ent_cat": "diagnostic",
        "stat_t": availability, "pl_on": "online", "pl_off": "offline",
    })
}

/// All components of the camera with device id `id`.
pub(super) fn of_camera(id: &str, topics: &Topics, things: &Things) -> Map<String, Value> {
    let mut list = List { id, topics, camera: &things.camera, map: Map::new() };
    presence(&mut list, things);
    postures(&mut list);
    things.zones.iter().for_each(|zone| of_zone(&mut list, zone));
    things.lines.iter().for_each(|line| of_line(&mut list, line));
    diagnostics(&mut list);
    if things.commands {
        commands(&mut list);
    }
    if !things.event_types.is_empty() {
        let template = "{{ dict(value_json, event_type=value_json.type ~ '_' ~ value_json.state) | tojson }}";
        let entity = json!({
            "p": "event", "name": "Event", "evt_typ": things.event_types,
            "stat_t": topics.events(&things.camera), "val_tpl": template, "ic": "mdi:human-greeting-variant",
        });
        list.add("event", entity);
    }
    list.map
}

/// Components by their keys. The key and the device make the unique id.
struct List<'a> {
    id: &'a str,
    topics: &'a Topics,
    camera: &'a str,
    map: Map<String, Value>,
}

impl List<'_> {
    /// Topic of a state of the camera.
    fn state(&self, leaf: &str) -> String {
        self.topics.of_camera(self.camera, leaf)
    }

    /// That the box is there, whatever the camera does.
    fn always(&self) -> Value {
        json!([{ "t": self.topics.availability() }])
    }

    fn add(&mut self, key: &str, mut entity: Value) {
        let unique_id = format!("{}_{key}", self.id);
        // Chooses the entity id: `obj_id` before Home Assistant 2025.10, `def_ent_id` since.
        let platform = entity["p"].as_str().unwrap_or_default();
        entity["def_ent_id"] = format!("{platform}.{unique_id}").to_lowercase().replace('-', "_").into();
        entity["obj_id"] = unique_id.clone().into();
        entity["uniq_id"] = unique_id.into();
        self.map.insert(key.into(), entity);
    }
}

fn presence(list: &mut List<'_>, things: &Things) {
    let occupancy = json!({
        "p": "binary_sensor", "name": "Occupancy", "dev_cla": "occupancy",
        "stat_t": list.state("occupancy"),
    });
    list.add("occupancy", occupancy);
    let people = json!({
        "p": "sensor", "name": "People", "stat_cla": "measurement", "unit_of_meas": "people",
        "ic": "mdi:account-multiple", "stat_t": list.state("people"),
    });
    list.add("people", people);
    let alarms = [("fall", "Fall", things.falls), ("help", "Help", things.help)];
    for (key, name, _) in alarms.into_iter().filter(|(_, _, wanted)| *wanted) {
        let alarm = json!({
            "p": "binary_sensor", "name": name, "dev_cla": "safety", "stat_t": list.state(key),
        });
        list.add(key, alarm);
    }
}

/// How many people stand, sit, lie and crouch.
fn postures(list: &mut List<'_>) {
    let postures =
        [("standing", "Standing"), ("sitting", "Sitting"), ("lying", "Lying"), ("crouching", "Crouching")];
    for (key, name) in postures {
        let entity = json!({
            "p": "sensor", "name": name, "stat_cla": "measurement", "unit_of_meas": "people",
            "stat_t": list.state("postures"), "val_tpl": format!("{{{{ value_json.{key} }}}}"),
        });
        list.add(key, entity);
    }
}

fn of_zone(list: &mut List<'_>, zone: &str) {
    let key = format!("zone_{}", slug(zone));
    let occupancy = json!({
        "p": "binary_sensor", "name": format!("{zone} occupancy"), "dev_cla": "occupancy",
        "stat_t": list.topics.of_part(list.camera, zone, "occupancy"),
    });
    list.add(&format!("{key}_occupancy"), occupancy);
    let people = json!({
        "p": "sensor", "name": format!("{zone} people"), "stat_cla": "measurement",
        "unit_of_meas": "people", "stat_t": list.topics.of_part(list.camera, zone, "people"),
    });
    list.add(&format!("{key}_people"), people);
}

fn of_line(list: &mut List<'_>, line: &str) {
    for (key, name) in [("in_today", "in today"), ("out_today", "out today"), ("in", "in"), ("out", "out")] {
        let entity = json!({
            "p": "sensor", "name": format!("{line} {name}"), "stat_cla": "total_increasing",
            "unit_of_meas": "people", "stat_t": list.topics.counts(list.camera, line),
            "val_tpl": format!("{{{{ value_json.{key} }}}}"),
        });
        list.add(&format!("line_{}_{key}", slug(line)), entity);
    }
}

/// How the camera works. They are available while the camera is not.
fn diagnostics(list: &mut List<'_>) {
    let always = list.always();
    let connection = json!({
        "p": "binary_sensor", "name": "Connection", "dev_cla": "connectivity", "ent_cat": "diagnostic",
        "stat_t": list.state("state"), "avty": always,
        "val_tpl": "{{ 'ON' if value_json.status == 'online' else 'OFF' }}",
    });
    list.add("connection", connection);
    let rate = json!({
        "p": "sensor", "name": "Frame rate", "ent_cat": "diagnostic", "stat_cla": "measurement",
        "unit_of_meas": "fps", "stat_t": list.state("state"), "avty": always,
        "val_tpl": "{{ value_json.fps_out }}",
    });
    list.add("frame_rate", rate);
    let age = json!({
        "p": "sensor", "name": "Age", "ent_cat": "diagnostic", "dev_cla": "duration",
        "unit_of_meas": "ms", "stat_cla": "measurement", "stat_t": list.state("state"),
        "val_tpl": "{{ value_json.latency.p50_ms if value_json.latency else none }}",
    });
    list.add("age", age);
}

/// What can be switched. They are available while the camera is not: it may be switched off.
fn commands(list: &mut List<'_>) {
    let always = list.always();
    for (key, name) in [("enabled", "Enabled"), ("events", "Events")] {
        let switch = json!({
            "p": "switch", "name": name, "ent_cat": "config", "avty": always,
            "stat_t": list.topics.setting(list.camera, key), "cmd_t": list.topics.command(list.camera, key),
        });
        list.add(&format!("{key}_switch"), switch);
    }
    let rate = json!({
        "p": "number", "name": "Highest frame rate", "ent_cat": "config", "avty": always,
        "min": 0, "max": 60, "step": 0.5, "mode": "box", "unit_of_meas": "fps",
        "stat_t": list.topics.setting(list.camera, "max_fps"),
        "cmd_t": list.topics.command(list.camera, "max_fps"),
    });
    list.add("max_fps", rate);
}
