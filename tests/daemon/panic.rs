//! A stage that panics or returns ends the process, and systemd restarts it. A bad frame or
//! pipeline does not.

use crate::common::{Mosquitto, Posed, Subscriber, camera, config, posed};
use serde_json::Value;
use std::path::Path;

/// posed with one camera, "hall". A stage panics (`POSED_PANIC`) or returns (`POSED_RETURN`) once a
/// file of its name is in `faults`.
fn start(broker: &Mosquitto, fault: &str, faults: &Path) -> Posed {
    let mut command = posed(&["run"]);
    command.env(fault, faults);
    Posed::spawn(command, &config(broker, &camera("hall", "paced = true\nloop = true\n")))
}

fn ends_after_a_panic_of(stage: &str) {
    ends_after("POSED_PANIC", stage, "panicked");
}

/// Makes `stage` fail while poses flow. The process ends with 70 and a line that says why, and
/// subscribers learn that it is gone.
fn ends_after(fault: &str, stage: &str, word: &str) {
    let broker = Mosquitto::start();
    let subscriber = Subscriber::start(&broker);
    let faults = tempfile::tempdir().unwrap();
    let posed = start(&broker, fault, faults.path());
    subscriber.json("posed/hall/poses", |_| true);
    std::fs::write(faults.path().join(stage), "").unwrap();
    let (status, log) = posed.ended();
    assert_eq!(status.code(), Some(70), "{log}");
    assert!(log.contains(&format!("thread {stage} {word}")), "{log}");
    assert_eq!(log.matches("ends because").count(), 1, "{log}");
    subscriber.until("posed/availability", |payload| payload == "offline");
}

#[test]
fn a_panic_of_a_worker_ends_the_process() {
    ends_after_a_panic_of("infer-0");
}

#[test]
fn a_panic_of_the_publisher_ends_the_process() {
    ends_after_a_panic_of("mqtt");
}

#[test]
fn a_panic_of_the_state_thread_ends_the_process() {
    ends_after_a_panic_of("state");
}

#[test]
fn a_panic_of_a_supervisor_ends_the_process() {
    ends_after_a_panic_of("cap-hall");
}

#[test]
fn a_stage_that_returns_by_itself_ends_the_process() {
    for stage in ["infer-0", "mqtt", "state"] {
        ends_after("POSED_RETURN", stage, "has ended by itself");
    }
}

#[test]
fn a_panic_on_the_streaming_thread_costs_the_pipeline_and_it_is_rebuilt() {
    let broker = Mosquitto::start();
    let subscriber = Subscriber::start(&broker);
    let faults = tempfile::tempdir().unwrap();
    let posed = start(&broker, "POSED_PANIC", faults.path());
    subscriber.json("posed/hall/poses", |_| true);
    let fault = faults.path().join("frames-hall");
    std::fs::write(&fault, "").unwrap();
    let is = |status: &'static str| move |state: &Value| state["status"] == status;
    subscriber.json("posed/hall/state", is("failed"));
    std::fs::remove_file(&fault).unwrap();
    subscriber.json("posed/hall/state", is("online"));
    subscriber.json("posed/hall/poses", |_| true);
    let (status, log) = posed.stop();
    assert!(status.success(), "{log}");
}
