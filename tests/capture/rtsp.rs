//! Cameras over RTSP: transports, logins, certificates, and everything that makes them come back.

use crate::alone::{Held, alone, held};
use crate::camera::Camera;
use crate::common::PATIENCE;
use crate::recorder::{Recorder, options, start};
use gstreamer_rtsp_server::{self as server, gst, prelude::*};
use posed::backoff::Backoff;
use posed::capture::{Event, Options, Transport};
use posed::frame::ClockLabel;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Waits for ten frames.
fn watch(camera: &Camera, transport: Transport) -> std::sync::Arc<Recorder> {
    let _camera = camera.run();
    let recorder = Recorder::counts();
    let capture = start(Options { transport, ..options(&camera.url()) }, &recorder);
    drop(recorder.wait("frames", |seen| seen.frame_count >= 10));
    capture.stop();
    recorder
}

/// Ten frames of one connection.
fn frames_from(camera: &Camera, transport: Transport) {
    let recorder = watch(camera, transport);
    let seen = recorder.seen();
    assert_eq!(seen.online(), 1, "{:?}", seen.events);
    assert_eq!(seen.reasons(), "");
}

#[test]
fn tcp_and_udp_give_frames() {
    frames_from(&Camera { protocols: "tcp", ..Camera::h264(160, 120) }, Transport::Tcp);
    frames_from(&Camera { protocols: "udp", ..Camera::h264(160, 120) }, Transport::Udp);
    // A camera that has no UDP: auto ends with TCP.
    frames_from(&Camera { protocols: "tcp", ..Camera::h264(160, 120) }, Transport::Auto);
}

#[test]
fn parameter_sets_in_the_sdp_alone_are_enough() {
    // `avc` keeps SPS and PPS out of the stream; config-interval=0 does not put them back.
    let camera = Camera::h264(160, 120);
    let launch = camera
        .launch
        .replace("! rtph264pay", "! video/x-h264,stream-format=avc ! rtph264pay")
        .replace("config-interval=-1", "config-interval=0");
    assert_ne!(launch, camera.launch);
    frames_from(&Camera { launch, ..camera }, Transport::Tcp);
}

#[test]
fn sound_beside_the_picture_is_left_out() {
    let camera = Camera::h264(160, 120);
    let sound = " audiotestsrc is-live=true ! audioconvert ! alawenc ! rtppcmapay name=pay1 pt=8 )";
    let launch = camera.launch.replace(" )", sound);
    // Seldom, and for a reason not found yet, this server stops after its first frames; then it is
    // connected anew.
    drop(watch(&Camera { launch, ..camera }, Transport::Tcp));
}

#[test]
fn a_wrong_password_is_said_and_the_right_one_works() {
    let camera = Camera { credentials: "admin:p@ss/word", ..Camera::h264(160, 120) };
    let _camera = camera.run();
    let with = |user: &str| options(&camera.url().replace("://", &format!("://{user}@")));
    for (user, secret) in [("admin:hunter2%21", "hunter2"), ("nobody:hunter2", "hunter2")] {
        let recorder = Recorder::counts();
        let capture = start(with(user), &recorder);
        drop(recorder.wait("refusal", |seen| !seen.reasons().is_empty()));
        capture.stop();
        let seen = recorder.seen();
        let Some(Event::Failed { reason, retry_in }) = seen.events.get(1) else {
            panic!("{:?}", seen.events)
        };
        assert!(reason.contains("refuses the login"), "{reason}");
        assert!(!reason.contains(secret), "{reason}");
        // Asking again at once would lock the account of many a camera.
        assert!(*retry_in >= Duration::from_secs(10), "{retry_in:?}");
    }
    let recorder = Recorder::counts();
    let capture = start(with("admin:p%40ss%2Fword"), &recorder);
    drop(recorder.wait("frames", |seen| seen.frame_count >= 3));
    capture.stop();
}

/// A PEM file of a certificate that signs itself, for `address`, and its key.
fn self_signed(address: &str, dir: &Path) -> PathBuf {
    let (key, cert) = (dir.join("key.pem"), dir.join(format!("{address}.pem")));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=camera"])
        .args(["-addext", &format!("subjectAltName=IP:{address}"), "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&cert)
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(made.success());
    let both = std::fs::read_to_string(&cert).unwrap() + &std::fs::read_to_string(&key).unwrap();
    std::fs::write(&cert, both).unwrap();
    cert
}

/// Neither a wrong certificate nor plain text is good enough to send a password over.
#[test]
fn a_certificate_is_taken_from_whom_the_operator_trusts_and_nobody_else() {
    if !server::gio::TlsBackend::default().supports_tls() {
        println!("skipped: glib-networking is not installed");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (own, other) = (self_signed("127.0.0.1", dir.path()), self_signed("127.0.0.2", dir.path()));
    for (shown, trusted, good) in [
        (&own, None, false),
        (&own, Some(&other), false),
        (&other, Some(&other), false),
        (&own, Some(&own), true),
    ] {
        let camera = Camera { pem: shown.display().to_string(), ..Camera::h264(160, 120) };
        let _camera = camera.run();
        let recorder = Recorder::counts();
        let url = camera.url().replace("rtsp://", "rtsps://admin:hunter2@");
        let capture = start(Options { tls_ca: trusted.cloned(), ..options(&url) }, &recorder);
        if good {
            drop(recorder.wait("frames", |seen| seen.frame_count >= 3));
            capture.stop();
            continue;
        }
        drop(recorder.wait("refusals", |seen| seen.count(|e| matches!(e, Event::Failed { .. })) >= 2));
        capture.stop();
        let seen = recorder.seen();
        assert!(seen.frame_count == 0 && seen.reasons().contains("certificate"), "{:?}", seen.events);
        assert!(!seen.reasons().contains("hunter2"));
    }
}

/// Its kernel still accepts connections; nothing in it answers.
#[test]
fn a_camera_that_freezes_stalls_and_is_found_again_when_it_thaws() {
    let camera = Camera::h264(160, 120);
    let running = camera.run();
    let signal = |signal: &str| {
        let id = running.child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    };
    let recorder = Recorder::counts();
    let timeouts = Options {
        // A busy machine may take this long for a first frame, too; then it is only tried again.
        connect_timeout: Duration::from_secs(2),
        stall_timeout: Duration::from_millis(700),
        ..options(&camera.url())
    };
    let capture = start(timeouts, &recorder);
    drop(recorder.wait("frames", |seen| seen.online() > 0));
    signal("-STOP");
    drop(recorder.wait("stall", |seen| seen.count(|e| matches!(e, Event::Stalled { .. })) > 0));
    drop(recorder.wait("time-out", |seen| seen.reasons().contains("no frame within 2s")));
    let before = recorder.seen().online();
    signal("-CONT");
    drop(recorder.wait("return", |seen| seen.online() > before));
    capture.stop();
    assert_eq!(recorder.seen().events.last(), Some(&Event::Stopped));
}

#[test]
fn a_camera_that_returns_with_another_size_is_read_anew() {
    let camera = Camera::h264(320, 240);
    let first = camera.run();
    let recorder = Recorder::keeps();
    let capture = start(options(&camera.url()), &recorder);
    drop(recorder.wait("frames", |seen| seen.frame_count >= 3));
    drop(first);
    drop(recorder.wait("loss", |seen| !seen.reasons().is_empty()));
    let _second = Camera { port: camera.port, ..Camera::h264(176, 144) }.run();
    drop(recorder.wait("frames of the new size", |seen| {
        seen.frames.iter().filter(|f| (f.info.width, f.info.height) == (176, 144)).count() >= 3
    }));
    capture.stop();
    let seen = recorder.seen();
    let caps = |e: &Event| matches!(e, Event::Online { caps, .. } if caps.contains("width=(int)176"));
    assert_eq!(seen.count(caps), 1, "{:?}", seen.events);
    assert!(seen.frames.iter().map(|f| f.seq).eq(0..seen.frames.len() as u64));
}

#[test]
fn the_senders_clock_is_used_once_it_reports() {
    let camera = Camera::h264(160, 120);
    let _camera = camera.run();
    let recorder = Recorder::keeps();
    let begun = std::time::SystemTime::now();
    let capture = start(options(&camera.url()), &recorder);
    let has =
        gst::ElementFactory::make("rtspsrc").build().unwrap().has_property("add-reference-timestamp-meta");
    drop(recorder.wait("a frame by RTCP's clock", |seen| {
        seen.frames.iter().any(|f| f.stamp.clock == ClockLabel::Rtcp) || (!has && seen.frame_count > 10)
    }));
    capture.stop();
    let seen = recorder.seen();
    let now = std::time::SystemTime::now();
    // Camera and test have one clock: no frame is of before the start or of after now.
    assert!(seen.frames.iter().all(|f| f.stamp.wall >= begun && f.stamp.wall <= now));
}

#[test]
fn twenty_kills_leave_no_thread_and_no_descriptor() {
    if !alone("rtsp::twenty_kills_leave_no_thread_and_no_descriptor") {
        return;
    }
    let camera = Camera::h264(160, 120);
    let recorder = Recorder::counts();
    let mut running = camera.run();
    let backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1)).unwrap();
    let capture = start(Options { backoff, ..options(&camera.url()) }, &recorder);
    drop(recorder.wait("frames", |seen| seen.online() == 1));
    let mut counts: Vec<Held> = vec![held()];
    let mut slowest = Duration::ZERO;
    for kill in 1..=20 {
        drop(running);
        drop(recorder.wait("loss", |seen| {
            seen.count(|e| matches!(e, Event::Failed { .. } | Event::Stalled { .. })) >= kill
        }));
        running = camera.run();
        let returned = Instant::now();
        drop(recorder.wait("return", |seen| seen.online() == kill + 1));
        slowest = slowest.max(returned.elapsed());
        counts.push(held());
    }
    // What ends with a pipeline may take a moment to be gone.
    let first = counts[0];
    let end = Instant::now() + PATIENCE;
    let mut last = held();
    while (last.threads > first.threads || last.descriptors > first.descriptors) && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(100));
        last = held();
    }
    capture.stop();
    println!("slowest return {slowest:?}; held at first {first:?}, at last {last:?}");
    assert!(last.threads <= first.threads, "{counts:#?}");
    assert!(last.descriptors <= first.descriptors, "{counts:#?}");
    // Caches fill in the first few; a pipeline that is not freed would show in every one.
    assert!(last.resident_kb <= counts[5].resident_kb + 4096, "memory grows: {counts:#?}");
}
