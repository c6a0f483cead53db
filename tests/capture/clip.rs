//! A clip of a camera holds the camera's frames.

use crate::recorder::{Recorder, file, launch, options, run, start};
use posed::capture::{Clip, Options};
use posed::frame::Frame;
use std::path::Path;

/// A second of bars at 30 frames, with sound beside it.
fn bars(path: &Path) {
    launch(&format!(
        "videotestsrc num-buffers=30 ! video/x-raw,format=I420,width=160,height=90,framerate=30/1 ! \
         x264enc tune=zerolatency key-int-max=10 ! h264parse ! mux. \
         audiotestsrc num-buffers=43 ! audio/x-raw,rate=44100,channels=1 ! mux. \
         matroskamux name=mux ! filesink location={}",
        path.display()
    ));
}

fn pictures(options: Options) -> Vec<Vec<u8>> {
    let seen = run(options);
    let luma = |frame: &Frame| {
        let rows = frame.plane(0).chunks(frame.info.strides[0]);
        rows.flat_map(|row| &row[..frame.info.width as usize]).copied().collect()
    };
    seen.frames.iter().map(luma).collect()
}

#[test]
fn a_clip_of_a_file_is_the_same_video() {
    let dir = tempfile::tempdir().unwrap();
    let (original, copy) = (dir.path().join("bars.mkv"), dir.path().join("a \"copy\".mkv"));
    bars(&original);
    let clip = Clip::start(&file(&original, false, true), &copy).unwrap();
    // As long as the clip is, and begun after it.
    run(file(&original, false, true));
    clip.finish().unwrap();
    let copied = pictures(file(&copy, false, false));
    assert!(copied.len() > 15, "{}", copied.len());
    assert!(pictures(file(&original, false, false)).starts_with(&copied));
}

#[test]
fn raw_video_becomes_pictures() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ball.mkv");
    let clip = Clip::start(&options("test://ball?width=160&height=90&fps=30"), &path).unwrap();
    let recorder = Recorder::counts();
    let capture = start(options("test://ball?fps=30"), &recorder);
    drop(recorder.wait("half a second", |seen| seen.frame_count > 15));
    capture.stop();
    clip.finish().unwrap();
    assert!(run(file(&path, false, false)).frames.len() > 3);
}

#[test]
fn what_cannot_be_kept_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let refusal = |source: &str, path: &Path| match Clip::start(&options(source), path) {
        Ok(_) => panic!("{source}"),
        Err(e) => e.to_string(),
    };
    let own = refusal("pipeline:videotestsrc ! appsink", &dir.path().join("a.mkv"));
    assert!(own.contains("its own appsink"), "{own}");
    let nowhere = refusal("test://ball", &dir.path().join("no/such/folder/a.mkv"));
    assert!(nowhere.contains("no/such/folder"), "{nowhere}");
}
