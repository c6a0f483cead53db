//! Configurations good and bad.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod check;
#[path = "../common/mod.rs"]
mod common;
mod faults;
mod keys;
mod machine;
mod secrets;
mod shipped;

use posed::config::{self, Config, Faults, Loaded, Machine};
use std::path::Path;

const MINIMAL: &str = "[[camera]]\nname = \"door\"\nsource = \"test://\"\n";

fn machine() -> Machine {
    let machine = Machine { hostname: "kitchen".into(), id: "0123".into(), ..Machine::default() };
    machine
        .with_variable("POSED_MQTT_PASSWORD", "hunter2")
        .with_variable("CAMERA1_PASSWORD", "secret")
        .with_variable("CAM_PW", "hunter2/1")
}

fn parse(text: &str) -> Result<Loaded, Faults> {
    config::parse(text, Path::new("posed.toml"), &machine())
}

fn good(text: &str) -> Config {
    match parse(text) {
        Ok(loaded) => loaded.config,
        Err(faults) => panic!("{faults}\nin:\n{text}"),
    }
}
