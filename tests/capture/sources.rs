//! What a `source` may say, and that `posed check` finds every fault of it.

use posed::capture::{Capture, Source, describe};
use posed::capture::{Event, Options};
use posed::clock::SystemClock;
use posed::config::{self, Machine};
use posed::telemetry::progress::Progress;
use std::path::Path;

use crate::recorder::{Recorder, options};

/// What a configuration with this source gives: its faults or its warnings, as `posed check` prints
/// them.
fn check(source: &str, dir: &Path) -> Result<String, String> {
    let text = format!("[[camera]]\nname = \"a\"\nsource = {source:?}\n");
    let machine = Machine { hostname: "h".into(), id: "i".into(), ..Machine::default() };
    match config::parse(&text, &dir.join("posed.toml"), &machine) {
        Ok(loaded) => Ok(loaded.warnings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")),
        Err(faults) => Err(faults.to_string()),
    }
}

#[test]
fn faults_of_a_source_are_found_by_check_with_their_place() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("file"), "x").unwrap();
    let folder = format!("file://{}", dir.path().display());
    let no_device = format!("v4l2://{}/file", dir.path().display());
    for (source, want) in [
        ("rtsp://cam:99999/x", "from 1 to 65535"),
        ("http://cam:0/x", "from 1 to 65535"),
        ("rtsp://cam:/x", "is not a port"),
        ("rtsp://[::zz]/x", "IPv6"),
        ("pipeline:nosuchelement ! appsink", "nosuchelement"),
        ("pipeline:videotestsrc nosuch=1 ! appsink", "nosuch"),
        ("pipeline:videotestsrc ! appsink videotestsrc ! appsink", "appsinks"),
        ("test://nosuch", "no test pattern"),
        (" rtsp://cam/x", "blank before the scheme"),
        ("rtsp://fe80::1/x", "write [fe80::1]"),
        (folder.as_str(), "is a folder"),
        ("file://.", "is a folder"),
        ("file://~/clip.mp4", "whole path"),
        (no_device.as_str(), "is not a device"),
        ("rtsp://ad min:p@ss:w/o#1@host/v", "percent-encode"),
        ("rtsp://u:p@ss/w@10.0.0.7/v", "percent-encode"),
    ] {
        let faults = check(source, dir.path()).unwrap_err();
        assert!(faults.contains(want), "{source}: {faults}");
        assert!(faults.contains("posed.toml:3:10: error: camera.a.source: "), "{source}: {faults}");
        assert!(faults.contains("^^^"), "{source}: {faults}");
        assert_eq!(faults.matches("camera.a").count(), 1, "said twice: {faults}");
    }
}

#[test]
fn a_login_that_must_be_encoded_is_shown_encoded_but_not_told() {
    let dir = tempfile::tempdir().unwrap();
    let faults = check("rtsp://ad min:s3@cr:et/k#1@host/v", dir.path()).unwrap_err();
    assert!(faults.contains("rtsp://**%20***:**%40**%3A**%2F*%23*@host/v"), "{faults}");
    assert!(faults.contains("help: percent-encode it"), "{faults}");
    for secret in ["s3@", "cr:et", "et/k"] {
        assert!(!faults.contains(secret), "{secret}: {faults}");
    }
}

#[test]
fn common_addresses_are_taken_and_their_secrets_masked() {
    let dir = tempfile::tempdir().unwrap();
    for source in [
        "rtsp://10.0.0.9:554/user=admin&password=hunter2&channel=1&stream=0.sdp?",
        "rtsp://10.0.0.9:554/user=admin_password=hunter2_channel=1_stream=0.sdp?real_stream",
        "rtsp://cam.example/live?usr=admin&pwd=hunter2",
        "RTSP://admin:hunter2@cam/x",
        "rtspt://cam/x",
        "Http://admin:hunter2@cam/video.mjpg",
        "https://cam/live/index.m3u8?token=hunter2",
        "http://cam/snapshot.jpg",
    ] {
        let warnings = check(source, dir.path()).unwrap_or_else(|faults| panic!("{source}: {faults}"));
        assert_eq!(warnings, "", "{source}");
        let options = options(source);
        let shown = format!("{} {:?} {options:?}", describe(&options).unwrap(), options.source);
        assert!(!shown.contains("hunter2"), "{source}: {shown}");
    }
}

#[test]
fn what_is_only_odd_is_a_warning() {
    let dir = tempfile::tempdir().unwrap();
    let warnings = check("rtsp://cam/x#video=copy#audio=copy", dir.path()).unwrap();
    assert!(warnings.contains("go2rtc"), "{warnings}");
    let source: Source = "rtsp://cam/x#video=copy".parse().unwrap();
    assert!(matches!(source, Source::Rtsp { url, .. } if url == "rtsp://cam/x"));
    let warnings = check("file://not-yet.mp4", dir.path()).unwrap();
    assert!(warnings.contains("there is no such file"), "{warnings}");
}

#[test]
fn an_error_at_the_start_does_not_repeat_the_camera() {
    let sink = Recorder::counts();
    let bad = options("pipeline:nosuchelement ! identity");
    let error = Capture::start(bad, SystemClock::shared(), sink, &Progress::default()).map(drop).unwrap_err();
    assert!(!error.to_string().contains("camera"), "{error}");
}

/// A process with few files refuses cameras; it does not abort.
#[test]
fn cameras_beyond_the_limit_of_open_files_are_refused() {
    const MARK: &str = "POSED_TEST_FEW_FILES";
    if std::env::var_os(MARK).is_none() {
        let status = std::process::Command::new("sh")
            .args(["-c", "ulimit -n 64 && exec \"$0\" \"$@\""])
            .arg(std::env::current_exe().unwrap())
            .args(["sources::cameras_beyond_the_limit_of_open_files_are_refused", "--exact", "--nocapture"])
            .arg("--test-threads=1")
            .env(MARK, "1")
            .status()
            .unwrap();
        assert!(status.success(), "{status}");
        return;
    }
    let recorder = Recorder::counts();
    let start = |n: usize| {
        let options = Options { name: format!("c{n}"), ..options("test://?width=64&height=64") };
        Capture::start(options, SystemClock::shared(), recorder.clone(), &Progress::default())
    };
    let (started, refused): (Vec<_>, Vec<_>) = (0..8).map(start).partition(Result::is_ok);
    assert!(!started.is_empty() && !refused.is_empty(), "{} started", started.len());
    for error in refused.into_iter().filter_map(Result::err) {
        assert!(error.to_string().contains("LimitNOFILE"), "{error}");
    }
    let online = started.len();
    drop(recorder.wait("all", |seen| seen.count(|e| matches!(e, Event::Online { .. })) >= online));
    drop(started);
    // What a camera that went away held is free again.
    assert!(start(9).is_ok());
}
