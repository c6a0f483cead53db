//! `posed doctor` on the machine that runs the tests.

use crate::common::{Mosquitto, camera, config, posed};
use serde_json::Value;
use std::path::Path;
use std::process::Output;

fn doctor(args: &[&str]) -> Output {
    posed(&["doctor"]).args(args).output().unwrap()
}

/// Exit code and report for this configuration.
fn with(config: &str) -> (Option<i32>, Value) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("posed.toml");
    std::fs::write(&path, config).unwrap();
    let out = doctor(&["--json", "--config", path.to_str().unwrap()]);
    let report = serde_json::from_slice(&out.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&out.stderr)));
    (out.status.code(), report)
}

/// The findings of `area`.
fn of<'a>(report: &'a Value, area: &str) -> Vec<&'a Value> {
    report["findings"].as_array().unwrap().iter().filter(|finding| finding["area"] == area).collect()
}

#[test]
fn tries_cameras_decoders_and_broker() {
    let broker = Mosquitto::start();
    let absent = "[[camera]]\nname = \"absent\"\nsource = \"rtsp://127.0.0.1:9/none\"\nconnect_timeout_ms = 3000\n\
                  finder = \"none\"\n";
    let (code, report) = with(&config(&broker, &format!("{}{absent}", camera("hall", ""))));
    let cameras = of(&report, "camera");
    assert_eq!(cameras.len(), 2, "{report}");
    let found = cameras[0]["found"].as_str().unwrap();
    assert!(found.starts_with("hall: first frame after ") && found.contains("width=(int)1280"), "{found}");
    assert_eq!((&cameras[0]["level"], &cameras[1]["level"]), (&Value::from("ok"), &Value::from("fault")));
    assert!(cameras[1]["remedy"].as_str().is_some_and(|remedy| remedy.contains("RTSP")), "{report}");
    let broker = of(&report, "broker");
    assert_eq!(broker[0]["level"], "ok", "{report}");
    let decoders: Vec<_> = of(&report, "decoder").iter().map(|d| d["found"].as_str().unwrap()).collect();
    for codec in ["H.264", "H.265", "MJPEG"] {
        assert!(decoders.iter().any(|d| d.starts_with(codec) && d.contains("give")), "{codec}: {decoders:?}");
    }
    let cpu = of(&report, "cpu")[0]["found"].as_str().unwrap();
    assert!(cpu.contains("kernels: ") && cpu.contains("generic"), "{cpu}");
    for area in ["board", "memory", "disk", "clock", "heat", "permissions", "model", "device"] {
        assert!(!of(&report, area).is_empty(), "nothing on {area}: {report}");
    }
    for finding in report["findings"].as_array().unwrap() {
        assert_eq!(finding["level"] == "ok", finding.get("remedy").is_none(), "{finding}");
    }
    // The fault is the absent camera.
    assert_eq!((code, &report["worst"]), (Some(1), &Value::from("fault")));
}

#[test]
fn an_absent_or_refusing_broker_is_a_fault_with_a_remedy() {
    let mut broker = Mosquitto::start();
    let config = config(&broker, &camera("hall", ""));
    broker.down();
    let (code, report) = with(&config);
    assert_eq!(code, Some(1), "{report}");
    let finding = of(&report, "broker")[0];
    assert!(finding["remedy"].as_str().unwrap().contains("mosquitto"), "{finding}");
    // The broker speaks plain TCP where the configuration wants TLS.
    broker.up();
    let tls = config.replace("mqtt://", "mqtts://").replace("127.0.0.1", "localhost");
    let (code, report) = with(&tls);
    let found = of(&report, "broker")[0]["found"].as_str().unwrap();
    assert!(code == Some(1) && found.contains("TLS"), "{found}");
}

#[test]
fn checks_the_machine_without_a_configuration() {
    if Path::new("/etc/posed/posed.toml").exists() {
        eprintln!("skipped: posed is installed here");
        return;
    }
    let out = doctor(&[]);
    let said = String::from_utf8_lossy(&out.stdout);
    assert!(out.status.success(), "{said}");
    assert!(
        said.contains("no configuration") && said.contains("remedy: ") && said.contains("decoder"),
        "{said}"
    );
}

#[test]
fn reports_a_bad_configuration_and_the_rest() {
    let (code, report) = with("[[camera]]\nname = 7\n");
    assert_eq!(code, Some(78));
    assert_eq!(of(&report, "config")[0]["level"], "fault");
    assert!(!of(&report, "board").is_empty());
    let out = doctor(&["--json", "--config", "/nonexistent"]);
    assert_eq!(out.status.code(), Some(78));
}
