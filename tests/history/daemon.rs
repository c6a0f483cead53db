//! The real binary keeps a day, reports it and serves it.

use crate::client::Client;
use crate::common::{Mosquitto, Posed, camera, config, free_port, posed, wait_for};
use std::path::{Path, PathBuf};

/// `posed run` with its state in `state`.
fn start(broker: &Mosquitto, state: &Path, more: &str) -> Posed {
    let mut command = posed(&["run"]);
    command.env("STATE_DIRECTORY", state).env("TZ", "UTC");
    Posed::spawn(command, &config(broker, more))
}

/// The files of camera "hall".
fn files(state: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(state.join("history/hall")).into_iter().flatten();
    entries.map(|entry| entry.unwrap().path()).collect()
}

fn threads(posed: &Posed) -> Vec<String> {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", posed.pid())).unwrap();
    tasks
        .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok())
        .map(|name| name.trim().to_owned())
        .collect()
}

#[test]
fn the_demo_clip_leaves_a_day_that_is_drawn_and_served() {
    let (broker, state) = (Mosquitto::start(), tempfile::tempdir().unwrap());
    let port = free_port();
    let http =
        format!("[http]\nlisten = \"127.0.0.1:{port}\"\ntoken_file = \"{}/token\"\n", state.path().display());
    std::fs::write(state.path().join("token"), "0123456789abcdef").unwrap();
    let running =
        start(&broker, state.path(), &format!("{http}{}", camera("hall", "loop = true\npaced = true\n")));
    let client = Client(([127, 0, 0, 1], port).into());
    wait_for("three seconds", || {
        let file = files(state.path()).pop()?;
        let rows = std::fs::read(file).ok()?;
        let kept = rows.get(32..)?.chunks(11).filter(|row| row.len() == 11 && row[3] > 0x80).count();
        (kept >= 3).then_some(())
    });
    assert!(threads(&running).iter().any(|name| name == "history"));

    let day = files(state.path())[0].file_stem().unwrap().to_str().unwrap().to_owned();
    let address = format!("/day?camera=hall&day={day}");
    let token = "Authorization: Bearer 0123456789abcdef\r\n";
    assert_eq!(client.get(&address).status, 401);
    let page = client.get_with(&address, token);
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(page.body.contains("<svg") && page.body.contains("href=\"day.css\""), "{}", page.body);
    assert!(!page.body.contains("<script") && !page.body.contains("<style"), "the policy forbids it");
    let css = client.get_with("/day.css", token);
    assert!(css.status == 200 && css.body.contains("@page"));
    for (path, status, says) in [
        ("/day?camera=cellar", 404, "there is of hall"),
        ("/day?camera=hall&day=2001-01-01", 404, "there is of 20"),
        ("/day?camera=hall&day=tomorrow", 400, "day=2026-11-28"),
        ("/day?camera=../hall", 404, "there is of hall"),
    ] {
        let answer = client.get_with(path, token);
        assert!(answer.status == status && answer.body.contains(says), "{path}: {answer:?}");
    }
    let metrics = client.get_with("/metrics", token).body;
    let rows = metrics.lines().find_map(|line| line.strip_prefix("posed_history_rows_total "));
    assert!(rows.unwrap().parse::<u64>().unwrap() >= 3, "{metrics}");
    let (status, log) = running.stop();
    assert!(status.success() && !log.contains("has gaps"), "{log}");

    let out = state.path().join("day.svg");
    let output = posed(&["report", "--state-dir"])
        .arg(state.path())
        .args(["--camera", "hall", "--out"])
        .arg(&out)
        .args(["--day", &day])
        .env("TZ", "UTC")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let svg = std::fs::read_to_string(out).unwrap();
    assert!(svg.contains("Somebody was in view for"), "{svg}");
}

#[test]
fn no_day_is_kept_if_the_configuration_says_so() {
    let (broker, state) = (Mosquitto::start(), tempfile::tempdir().unwrap());
    let port = free_port();
    let sections = format!("[history]\ndays = 0\n[http]\nlisten = \"127.0.0.1:{port}\"\n");
    let running = start(&broker, state.path(), &format!("{sections}{}", camera("hall", "loop = true\n")));
    let client = Client(([127, 0, 0, 1], port).into());
    wait_for("the port", || std::net::TcpStream::connect(client.0).ok());
    wait_for("readiness", || (client.get("/readyz").status == 200).then_some(()));
    let names = threads(&running);
    assert!(
        names.iter().any(|name| name == "mqtt") && !names.iter().any(|name| name == "history"),
        "{names:?}"
    );
    let answer = client.get("/day?camera=hall");
    assert_eq!((answer.status, answer.body.as_str()), (404, "no history is kept: [history] days is 0\n"));
    assert!(!client.get("/metrics").body.contains("posed_history"));
    assert!(running.stop().0.success());
    assert!(!state.path().join("history").exists());
}
