//! What streams of real cameras do: wrong clocks, long groups of pictures, no video, few frames.

use crate::camera::Camera;
use crate::recorder::{Recorder, options, start};
use crate::skew::skewed;
use posed::backoff::Backoff;
use posed::capture::{Event, FrameDrop, Options};
use posed::frame::ClockLabel;
use std::time::Duration;

/// GStreamer 1.22 loses the sender's time on key frames of a stream with its parameter sets in
/// band.
#[test]
fn a_connection_has_one_clock_and_time_never_goes_back() {
    let camera = Camera::h264(160, 120);
    let _camera = camera.run();
    for (off_s, clock) in [(0, ClockLabel::Rtcp), (-5, ClockLabel::Receive), (3600, ClockLabel::Receive)] {
        let port = skewed(camera.port, off_s);
        let recorder = Recorder::keeps();
        let capture = start(options(&format!("rtsp://127.0.0.1:{port}/live")), &recorder);
        // Long enough for a sender report and several key frames after it.
        drop(recorder.wait("frames", |seen| seen.frame_count >= 240));
        capture.stop();
        let seen = recorder.seen();
        let stamps: Vec<_> = seen.frames.iter().map(|f| f.stamp).collect();
        let changes = stamps.windows(2).filter(|pair| pair[0].clock != pair[1].clock).count();
        assert!(changes <= 1, "{off_s}: the clock changes {changes} times");
        assert_eq!(stamps.last().unwrap().clock, clock, "{off_s}");
        assert!(stamps.is_sorted_by_key(|stamp| stamp.wall), "{off_s}: captured_at goes back");
        assert!(stamps.is_sorted_by_key(|stamp| stamp.mono), "{off_s}: ages jump");
    }
}

#[test]
fn a_stream_joined_between_key_frames_waits_for_one() {
    // A key frame in eight seconds: longer than the time-outs below.
    let camera = Camera::h264(160, 120);
    let launch = camera.launch.replace("key-int-max=15", "key-int-max=240");
    let camera = Camera { launch, ..camera };
    let _camera = camera.run();
    let first = Recorder::counts();
    let keeps_it_running = start(options(&camera.url()), &first);
    drop(first.wait("frames", |seen| seen.frame_count >= 20));
    let second = Recorder::counts();
    let timeouts = Options {
        connect_timeout: Duration::from_secs(3),
        stall_timeout: Duration::from_secs(3),
        ..options(&camera.url())
    };
    let capture = start(timeouts, &second);
    drop(second.wait("frames", |seen| seen.frame_count >= 20));
    capture.stop();
    keeps_it_running.stop();
    let seen = second.seen();
    assert!(seen.dropped.iter().all(|reason| *reason == FrameDrop::NoKeyFrame), "{:?}", seen.dropped);
    // In band, parameter sets come with key frames, and before them a parser gives nothing to
    // decode; in the SDP, they let frames through, which are dropped.
    let names: Vec<_> = seen.events.iter().take(3).collect();
    let [Event::Connecting { .. }, Event::AwaitingKeyFrame, Event::Online { .. }] = names[..] else {
        panic!("{:?}, {} dropped", seen.events, seen.dropped.len());
    };
}

#[test]
fn a_camera_without_video_gives_the_same_reason_each_time() {
    let launch = "( audiotestsrc is-live=true ! audioconvert ! alawenc ! rtppcmapay name=pay0 pt=8 )".into();
    let camera = Camera { launch, ..Camera::h264(160, 120) };
    let _camera = camera.run();
    let recorder = Recorder::counts();
    let backoff = Backoff::new(Duration::from_millis(10), Duration::from_millis(20)).unwrap();
    let capture = start(Options { backoff, ..options(&camera.url()) }, &recorder);
    drop(recorder.wait("refusals", |seen| seen.count(|e| matches!(e, Event::Failed { .. })) >= 4));
    capture.stop();
    let reasons = recorder.seen().reasons();
    assert!(reasons.lines().all(|reason| reason == "there is no video in the stream"), "{reasons}");
}

/// Reasons of other failures are the same each time, too, and hold no names that GStreamer counts
/// up.
#[test]
fn a_stream_that_is_absent_gives_the_same_reason_each_time() {
    let camera = Camera::h264(160, 120);
    let _camera = camera.run();
    let recorder = Recorder::counts();
    let backoff = Backoff::new(Duration::from_millis(10), Duration::from_millis(20)).unwrap();
    let nowhere = camera.url().replace("/live", "/nowhere");
    let capture = start(Options { backoff, ..options(&nowhere) }, &recorder);
    drop(recorder.wait("refusals", |seen| seen.count(|e| matches!(e, Event::Failed { .. })) >= 4));
    capture.stop();
    let reasons = recorder.seen().reasons();
    assert!(reasons.lines().all(|reason| reason == "the camera has no stream at this path"), "{reasons}");
}

#[test]
fn a_slow_camera_is_not_a_stalled_one() {
    let camera = Camera::h264(160, 120);
    let launch =
        camera.launch.replace("framerate=30/1", "framerate=1/2").replace("key-int-max=15", "key-int-max=1");
    let camera = Camera { launch, ..camera };
    let _camera = camera.run();
    let recorder = Recorder::counts();
    let capture =
        start(Options { stall_timeout: Duration::from_secs(1), ..options(&camera.url()) }, &recorder);
    drop(recorder.wait("frames", |seen| seen.frame_count >= 4));
    capture.stop();
    let seen = recorder.seen();
    assert_eq!(
        (seen.online(), seen.count(|e| matches!(e, Event::Stalled { .. }))),
        (1, 0),
        "{:?}",
        seen.events
    );
}
