use super::*;

pub(super) fn discovery() -> Discovery {
    Discovery { discovery_prefix: "homeassistant".into(), topic_prefix: "posed".into() }
}

pub(super) fn hall() -> Things {
    Things {
        camera: "hall".into(),
        zones: vec!["bed".into()],
        lines: vec!["door".into()],
        event_types: vec!["fall_confirmed".into()],
        falls: true,
        help: false,
        commands: true,
    }
}

fn json(messages: &[Retained], topic: &str) -> Value {
    let message = messages.iter().find(|message| message.topic == topic).expect(topic);
    serde_json::from_slice(&message.payload).expect("JSON")
}

#[test]
fn a_camera_is_a_device_behind_its_box() {
    let (messages, announced) = discovery().plan(&Devices::default(), &[hall()]);
    assert_eq!(messages.len(), 2);
    let camera = json(&messages, "homeassistant/device/posed_hall/config");
    assert_eq!(camera["dev"]["via_device"], "posed");
    assert_eq!(camera["cmps"]["fall"]["dev_cla"], "safety");
    assert_eq!(camera["cmps"]["zone_bed_occupancy"]["stat_t"], "posed/hall/bed/occupancy");
    assert_eq!(camera["cmps"]["line_door_in_today"]["stat_t"], "posed/hall/door/counts");
    assert_eq!(camera["cmps"]["help"], Value::Null);
    let ids: Vec<&str> =
        camera["cmps"].as_object().unwrap().values().map(|c| c["uniq_id"].as_str().unwrap()).collect();
    let mut unique = ids.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(ids.len(), unique.len());
    assert_eq!(announced.0["homeassistant/device/posed/config"]["connection"], "binary_sensor");
}

#[test]
fn what_is_gone_is_removed() {
    let (_, before) = discovery().plan(&Devices::default(), &[hall(), Things::default()]);
    let without_zone = [Things { zones: Vec::new(), ..hall() }];
    let (messages, now) = discovery().plan(&before, &without_zone);
    let camera = json(&messages, "homeassistant/device/posed_hall/config");
    assert_eq!(camera["cmps"]["zone_bed_occupancy"], json!({ "p": "binary_sensor" }));
    let gone = messages.iter().find(|m| m.topic == "homeassistant/device/posed_/config").unwrap();
    assert!(gone.payload.is_empty(), "a removed camera's device is deleted");
    // It is removed once: the next plan knows nothing of it.
    let (messages, _) = discovery().plan(&now, &without_zone);
    let camera = json(&messages, "homeassistant/device/posed_hall/config");
    assert_eq!(camera["cmps"]["zone_bed_occupancy"], Value::Null);
    assert_eq!(messages.len(), 2);
}

#[test]
fn the_list_comes_back_from_disk() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("homeassistant.json");
    let (_, announced) = discovery().plan(&Devices::default(), &[hall()]);
    crate::state_file::write(&file, &announced).unwrap();
    assert_eq!(crate::state_file::read::<Devices>(&file).unwrap(), announced);
}

#[test]
fn ids_hold_only_what_home_assistant_takes_and_stay_apart() {
    let names = ["a.b", "a_b", "home/posed", "a-b"];
    let ids: std::collections::BTreeSet<_> = names.map(slug).into();
    assert_eq!(ids.len(), names.len());
    let fits = |id: &String| id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    assert!(ids.iter().all(fits));
    assert_eq!(slug("hall"), "hall");
}
