//! Metrics and health, and the dashboard and alerts that use them.

use crate::Served;
use crate::common::root;
use posed::telemetry::stats::{DropCounts, FrameTimes};
use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

fn scraped() -> String {
    let served = Served::open();
    let time = Some(Duration::from_millis(30));
    served.hub.poses("hall", b"{}", 2, &FrameTimes { age: time, finder: time, pose: time });
    let answer = served.client.get("/metrics");
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    answer.body
}

#[test]
fn metrics_say_what_the_daemon_counts() {
    let text = scraped();
    for line in [
        "posed_frames_decoded_total{camera=\"hall\"} 1000",
        "posed_frames_dropped_total{camera=\"hall\",reason=\"overwritten\"} 10",
        "posed_poses_total{camera=\"hall\"} 2",
        "posed_people{camera=\"hall\"} 2.0",
        "posed_messages_unsent_total{camera=\"door\",reason=\"offline\"} 3",
        "posed_camera_status{camera=\"door\",status=\"failed\"} 1.0",
        "posed_camera_status{camera=\"door\",status=\"online\"} 0.0",
        "posed_frame_age_seconds_bucket{camera=\"hall\",le=\"0.02\"} 0",
        "posed_frame_age_seconds_bucket{camera=\"hall\",le=\"0.05\"} 1",
        "posed_frame_age_seconds_sum{camera=\"hall\"} 0.03",
        "posed_mqtt_connected 1.0",
        "posed_spool_messages 1.0",
        "posed_history_rows_total 7",
        "posed_history_rows_lost_total{reason=\"overflow\"} 1",
        "posed_history_on_disk 1.0",
    ] {
        assert!(text.lines().any(|other| other == line), "{line} is not in\n{text}");
    }
}

#[test]
fn every_dropped_frame_has_its_reason_in_the_metrics() {
    let text = scraped();
    for (reason, _) in DropCounts::default().by_reason() {
        let series = format!("posed_frames_dropped_total{{camera=\"hall\",reason=\"{reason}\"}} ");
        assert!(text.lines().any(|line| line.starts_with(&series)), "{series} is not in\n{text}");
    }
}

/// Runs promtool with `input`. If it is absent, says on stderr that the test is skipped.
fn promtool(args: &[&str], input: &str) -> Option<(bool, String)> {
    let child = Command::new("promtool")
        .args(args)
        .current_dir(root())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        eprintln!("skipped: promtool is absent (Debian's package prometheus)");
        return None;
    };
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    Some((output.status.success(), String::from_utf8(said).unwrap()))
}

#[test]
fn promtool_finds_no_fault_in_the_metrics() {
    let Some((fine, said)) = promtool(&["check", "metrics"], &scraped()) else { return };
    assert!(fine, "{said}");
}

#[test]
fn promtool_finds_no_fault_in_the_alerts_and_they_fire_when_they_should() {
    let Some((fine, said)) = promtool(&["check", "rules", "config/prometheus/alerts.yml"], "") else {
        return;
    };
    assert!(fine, "{said}");
    let (fine, said) = promtool(&["test", "rules", "tests/http/alerts.test.yml"], "").unwrap();
    assert!(fine, "{said}");
}

/// Names of metrics in `text`: words that begin as ours do.
fn names(text: &str) -> BTreeSet<String> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| word.starts_with("posed_") || word.starts_with("process_"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_dashboard_and_the_alerts_use_only_metrics_that_exist() {
    let exist: BTreeSet<String> = scraped()
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split(['{', ' ']).next().map(str::to_owned))
        .collect();
    let dashboard = std::fs::read_to_string(root().join("config/grafana/posed.json")).unwrap();
    let dashboard: serde_json::Value = serde_json::from_str(&dashboard).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let queries = panels.iter().flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
    let queries: Vec<&str> = queries.map(|query| query["expr"].as_str().unwrap()).collect();
    let alerts = std::fs::read_to_string(root().join("config/prometheus/alerts.yml")).unwrap();
    assert!(queries.len() > 10 && names(&alerts).len() > 4, "queries are not found any more");
    for query in queries.into_iter().chain([alerts.as_str()]) {
        for name in names(query) {
            // The board of the test may have no sensor.
            assert!(exist.contains(&name) || name == "posed_temperature_celsius", "{name}, in {query}");
        }
    }
}

#[test]
fn readiness_names_what_is_missing() {
    let served = Served::open();
    let answer = served.client.get("/readyz");
    assert_eq!(answer.status, 503);
    let want = "broker: connected\ncamera door: failed: connection \"refused\"\ncamera hall: online\n";
    assert_eq!(answer.body, want);
    let health = served.client.get("/healthz");
    assert_eq!((health.status, health.body.as_str()), (200, "ok\n"));
}
