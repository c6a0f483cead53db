//! Files: paced or not, once or for ever.

use crate::alone::{alone, held};
use crate::common::{root, shared};
use crate::recorder::{Recorder, file, launch, options, run, start};
use posed::capture::{Event, FrameDrop, Options};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A second of bars at 30 frames, with sound beside it.
fn clip(dir: &Path) -> PathBuf {
    let path = dir.join("a \"clip\" with \\ and spaces.mkv");
    let plain = dir.join("clip.mkv");
    launch(&format!(
        "videotestsrc num-buffers=30 ! video/x-raw,format=I420,width=160,height=90,framerate=30/1 ! \
         x264enc tune=zerolatency speed-preset=ultrafast key-int-max=10 ! h264parse ! mux. \
         audiotestsrc num-buffers=43 ! audio/x-raw,rate=44100,channels=1 ! mux. \
         matroskamux name=mux ! filesink location={}",
        plain.display()
    ));
    std::fs::rename(plain, &path).unwrap();
    path
}

#[test]
fn every_frame_of_a_file_comes_once_then_it_ends() {
    let dir = tempfile::tempdir().unwrap();
    let path = clip(dir.path());
    for paced in [false, true] {
        let begun = Instant::now();
        let seen = run(file(&path, false, paced));
        assert_eq!(seen.frames.len(), 30, "{:?}", seen.events);
        assert!(seen.frames.iter().map(|f| f.seq).eq(0..30));
        assert!(seen.frames.is_sorted_by_key(|f| f.stamp.pts.unwrap()));
        assert!(seen.frames.is_sorted_by_key(|f| f.stamp.mono));
        // A paced clip cannot be quicker than its own second.
        assert!(!paced || begun.elapsed() > Duration::from_millis(950));
        let [Event::Connecting { attempt: 1 }, Event::Online { decoder, .. }, Event::Ended, Event::Stopped] =
            &seen.events[..]
        else {
            panic!("{:?}", seen.events)
        };
        assert!(decoder.contains("264"), "{decoder}");
    }
}

#[test]
fn frames_above_the_rate_are_counted_not_mapped() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { max_fps: Some(10.0), ..file(&clip(dir.path()), false, false) };
    let seen = run(options);
    assert_eq!((seen.frames.len(), seen.dropped.len()), (10, 20), "{:?}", seen.events);
    assert!(seen.dropped.iter().all(|d| *d == FrameDrop::Rate));
    assert!(seen.frames.iter().map(|f| f.seq).eq((0..30).step_by(3)));
}

#[test]
fn a_looped_file_goes_on_without_a_gap_or_an_event() {
    let dir = tempfile::tempdir().unwrap();
    let path = clip(dir.path());
    for paced in [false, true] {
        let recorder = Recorder::keeps();
        let capture = start(file(&path, true, paced), &recorder);
        drop(recorder.wait("three loops", |seen| seen.frame_count >= 90));
        capture.stop();
        let seen = recorder.seen();
        assert!(seen.frames.iter().map(|f| f.seq).eq(0..seen.frames.len() as u64));
        let pts: Vec<_> = seen.frames.iter().map(|f| f.stamp.pts.unwrap()).collect();
        let step = Duration::from_millis(33);
        for (n, pair) in pts.windows(2).enumerate() {
            let gap = pair[1].saturating_sub(pair[0]);
            assert!(gap >= step && gap <= 2 * step, "between frames {n} and {}: {gap:?}", n + 1);
        }
        let names: Vec<_> = seen.events.iter().map(|e| format!("{e:?}")).collect();
        assert_eq!(names.len(), 3, "connecting, online, stopped: {names:?}");
    }
}

#[test]
fn loops_hold_no_more_memory_threads_or_descriptors() {
    if !alone("files::loops_hold_no_more_memory_threads_or_descriptors") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let recorder = Recorder::counts();
    let capture = start(file(&clip(dir.path()), true, false), &recorder);
    drop(recorder.wait("20 loops", |seen| seen.frame_count >= 600));
    let before = held();
    drop(recorder.wait("220 loops", |seen| seen.frame_count >= 6600));
    let after = held();
    capture.stop();
    println!("before {before:?}, after 200 more loops {after:?}");
    assert!(after.threads <= before.threads && after.descriptors <= before.descriptors);
    assert!(after.resident_kb < before.resident_kb + 1024, "memory grows with the loops");
}

#[test]
fn what_cannot_be_played_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let missing = run(file(&dir.path().join("none.mp4"), true, true));
    assert!(missing.reasons().contains("none.mp4"), "{:?}", missing.events);
    let garbage = dir.path().join("garbage.mp4");
    std::fs::write(&garbage, [7; 5000]).unwrap();
    assert!(!run(file(&garbage, true, true)).reasons().is_empty());
    let sound = dir.path().join("sound.mkv");
    launch(&format!("audiotestsrc num-buffers=9 ! matroskamux ! filesink location={}", sound.display()));
    let seen = run(file(&sound, true, true));
    assert!(seen.reasons().contains("no video in the stream"), "{:?}", seen.events);
}

#[test]
fn the_test_picture_is_live_and_stamped() {
    let recorder = Recorder::keeps();
    let capture = start(options("test://ball?width=160&height=120&fps=50"), &recorder);
    drop(recorder.wait("frames", |seen| seen.frame_count >= 10));
    capture.stop();
    let seen = recorder.seen();
    assert!(matches!(&seen.events[1], Event::Online { decoder, .. } if decoder == "raw"));
    assert!(seen.frames.is_sorted_by_key(|f| f.stamp.mono));
}

/// People, as a camera sees them: every frame of the shared clip's first seconds, in its own size.
#[test]
fn the_shared_clip_plays() {
    for path in [shared("data/video/one-by-one-person.mp4"), Some(root().join("models/demo/walk.mp4"))]
        .into_iter()
        .flatten()
    {
        let recorder = Recorder::keeps();
        let capture = start(file(&path, true, false), &recorder);
        drop(recorder.wait("frames", |seen| seen.frame_count >= 40));
        capture.stop();
        let seen = recorder.seen();
        assert!(seen.frames.iter().map(|f| f.seq).eq(0..seen.frames.len() as u64));
        let luma = |frame: &posed::frame::Frame| {
            let row = frame.plane(0).get(..frame.info.width as usize).unwrap();
            row.iter().map(|&v| u64::from(v)).sum::<u64>()
        };
        assert!(seen.frames.iter().any(|f| luma(f) > 0), "{}: black", path.display());
    }
}
