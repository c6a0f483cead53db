//! End, error, silence: every one leads to a rebuilt pipeline.

use crate::alone::{alone, held};
use crate::common::PATIENCE;
use crate::recorder::{Recorder, options, run, start};
use posed::backoff::Backoff;
use posed::capture::{Capture, Error, Event, FrameDrop, Options, Sink};
use posed::clock::SystemClock;
use posed::frame::Frame;
use posed::telemetry::progress::Progress;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

fn quick(source: &str) -> Options {
    Options { backoff: Backoff::new(MS, 2 * MS).unwrap(), ..options(source) }
}

#[test]
fn a_live_stream_that_ends_is_started_again_and_frames_count_on() {
    let recorder = Recorder::keeps();
    let capture = start(quick("pipeline:videotestsrc is-live=true num-buffers=3"), &recorder);
    drop(recorder.wait("third start", |seen| seen.online() >= 3));
    capture.stop();
    let seen = recorder.seen();
    assert!(seen.reasons().contains("the stream ended"), "{:?}", seen.events);
    assert!(seen.frames.iter().map(|f| f.seq).eq(0..seen.frames.len() as u64));
    assert_eq!(seen.events.last(), Some(&Event::Stopped));
}

/// Holds the supervisor in its first event until it is released.
struct Holds {
    entered: SyncSender<()>,
    release: Mutex<Receiver<()>>,
}

impl Sink for Holds {
    fn frame(&self, _: Frame) {}
    fn dropped(&self, _: FrameDrop) {}
    fn event(&self, _: Event) {
        let _ = self.entered.try_send(());
        let _ = self.release.lock().unwrap().recv();
    }
}

#[test]
fn captures_that_hang_are_left_behind_when_their_common_time_is_up() {
    let clock = SystemClock::shared();
    let hanging = || {
        let ((entered, is_in), (release, released)) = (sync_channel(1), sync_channel(0));
        let sink = Arc::new(Holds { entered, release: Mutex::new(released) });
        let options = quick("pipeline:videotestsrc is-live=true");
        let capture = Capture::start(options, clock.clone(), sink, &Progress::default()).unwrap();
        is_in.recv_timeout(PATIENCE).unwrap();
        (capture, release)
    };
    let (captures, releases): (Vec<_>, Vec<SyncSender<()>>) = (0..3).map(|_| hanging()).unzip();
    // A stop that waited for the end of one of them would wait for ever.
    let by = clock.now();
    captures.into_iter().for_each(|capture| capture.stop_by(by));
    drop(releases);
}

#[test]
fn every_attempt_is_announced() {
    // Two seconds of frames are a success: attempts count from one again.
    let recorder = Recorder::counts();
    let source = "pipeline:videotestsrc is-live=true num-buffers=26 ! video/x-raw,framerate=10/1";
    let capture = start(quick(source), &recorder);
    drop(recorder.wait("second start", |seen| seen.online() >= 2));
    capture.stop();
    let starts = recorder.seen().count(|e| *e == Event::Connecting { attempt: 1 });
    assert_eq!(starts, 2, "{:?}", recorder.seen().events);
}

#[test]
fn an_elements_error_names_it() {
    let recorder = Recorder::counts();
    let capture = start(quick("pipeline:videotestsrc is-live=true ! identity error-after=4"), &recorder);
    drop(recorder.wait("second start", |seen| seen.online() >= 2));
    capture.stop();
    assert!(
        recorder.seen().reasons().contains("identity: Failed after iterations"),
        "{:?}",
        recorder.seen().events
    );
}

#[test]
fn silence_after_frames_is_a_stall() {
    // A frame, then none for ten seconds, although the caps promise thirty a second.
    let source = "pipeline:videotestsrc is-live=true ! video/x-raw,framerate=1/10 ! capssetter caps=video/x-raw,framerate=30/1";
    let seen = run(Options { stall_timeout: 200 * MS, ..quick(source) });
    // What comes after them is the next attempt's.
    let [Event::Connecting { .. }, Event::Online { .. }, Event::Stalled { after, .. }, ..] = seen.events[..]
    else {
        panic!("{:?}", seen.events);
    };
    assert!(after >= 200 * MS, "{after:?}");
}

#[test]
fn the_caps_frame_rate_says_what_silence_is_normal() {
    let source = "pipeline:videotestsrc is-live=true ! video/x-raw,framerate=1/1";
    let recorder = Recorder::counts();
    let capture = start(Options { stall_timeout: 200 * MS, ..quick(source) }, &recorder);
    drop(recorder.wait("frames", |seen| seen.frame_count >= 4));
    capture.stop();
    assert_eq!(recorder.seen().online(), 1, "{:?}", recorder.seen().events);
}

#[test]
fn silence_from_the_start_is_a_failure() {
    let source = "pipeline:appsrc is-live=true ! video/x-raw,format=I420,width=64,height=64,framerate=30/1";
    let seen = run(Options { connect_timeout: 200 * MS, ..quick(source) });
    assert!(seen.reasons().contains("no frame within 200ms"), "{:?}", seen.events);
    assert_eq!(seen.frame_count, 0);
}

#[test]
fn attempts_count_up_and_pauses_grow() {
    let recorder = Recorder::counts();
    let slow = Backoff::new(8 * MS, 64 * MS).unwrap();
    let capture = start(Options { backoff: slow, ..options("file:///nowhere/x.mp4") }, &recorder);
    drop(recorder.wait("failures", |seen| seen.count(|e| matches!(e, Event::Failed { .. })) >= 6));
    capture.stop();
    let seen = recorder.seen();
    let attempts = |e: &Event| if let Event::Connecting { attempt } = e { Some(*attempt) } else { None };
    assert!(seen.events.iter().filter_map(attempts).take(6).eq(1..=6), "{:?}", seen.events);
    let pauses = |e: &Event| if let Event::Failed { retry_in, .. } = e { Some(*retry_in) } else { None };
    let pauses: Vec<_> = seen.events.iter().filter_map(pauses).collect();
    assert!(pauses[0] <= 8 * MS && pauses[5] >= 32 * MS && pauses[5] <= 64 * MS, "{pauses:?}");
}

#[test]
fn what_no_retry_mends_is_an_error_at_the_start() {
    let fail = |source: &str| {
        let sink = Recorder::counts();
        Capture::start(options(source), SystemClock::shared(), sink, &Progress::default())
            .map(drop)
            .unwrap_err()
            .to_string()
    };
    assert!(fail("pipeline:nosuchelement ! identity").contains("nosuchelement"));
    assert!(fail("pipeline:videotestsrc ! appsink  videotestsrc ! appsink").contains("appsinks"));
    let error = fail("pipeline:rtspsrc location=rtsp://u:hunter2@cam nosuch=1 ! identity");
    assert!(!error.contains("hunter2"), "{error}");
    let bad = Options { max_fps: Some(-1.0), ..options("test://") };
    let error = Capture::start(bad, SystemClock::shared(), Recorder::counts(), &Progress::default())
        .map(drop)
        .unwrap_err();
    assert!(matches!(error, Error::Option { key: "max_fps", .. }), "{error}");
}

#[test]
fn a_stop_wakes_whatever_it_is_waiting_for() {
    for source in [
        "test://",
        "pipeline:appsrc is-live=true ! video/x-raw,format=I420,width=64,height=64,framerate=30/1",
        "file:///nowhere/x.mp4",
        // Nobody answers there: the connection hangs.
        "rtsp://192.0.2.1/x",
    ] {
        let hour = Backoff::new(Duration::from_secs(3600), Duration::from_secs(3600)).unwrap();
        let recorder = Recorder::counts();
        let capture = start(Options { backoff: hour, ..options(source) }, &recorder);
        drop(recorder.wait("start", |seen| !seen.events.is_empty()));
        // One that hangs is left behind without its last event.
        capture.stop();
        assert_eq!(recorder.seen().events.last(), Some(&Event::Stopped), "{source}");
    }
}

#[test]
fn a_camera_that_stays_away_costs_nothing() {
    if !alone("recovery::a_camera_that_stays_away_costs_nothing") {
        return;
    }
    // A port that was free a moment ago: connections are refused at once.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let recorder = Recorder::counts();
    let capture = start(quick(&format!("rtsp://127.0.0.1:{port}/x")), &recorder);
    let failed = |n: usize| {
        drop(recorder.wait("failures", move |seen| seen.count(|e| matches!(e, Event::Failed { .. })) >= n));
        held()
    };
    let before = failed(50);
    let after = failed(250);
    capture.stop();
    println!("before {before:?}, after 200 more attempts {after:?}");
    let reasons = recorder.seen().reasons();
    assert!(reasons.lines().all(|r| r.starts_with("cannot connect to the camera")), "{reasons}");
    assert!(reasons.lines().is_sorted_by(|a, b| a == b), "the reason changes: {reasons}");
    // GLib's idle worker threads come and go: two of them are no leak, one an attempt would be.
    assert!(after.threads <= before.threads + 2);
    assert!(after.descriptors <= before.descriptors + 2);
    assert!(after.resident_kb <= before.resident_kb + 2048, "memory grows with the attempts");
}
