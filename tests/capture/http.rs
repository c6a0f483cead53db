//! Cameras over HTTP: MJPEG, single pictures, HLS.

use crate::recorder::{Recorder, launch, options, start};
use crate::web::{self, Server};
use posed::capture::{Event, Options};
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

fn jpeg(dir: &Path) -> Vec<u8> {
    let path = dir.join("a.jpg");
    launch(&format!(
        "videotestsrc num-buffers=1 ! video/x-raw,width=160,height=90 ! jpegenc ! filesink location={}",
        path.display()
    ));
    std::fs::read(path).unwrap()
}

#[test]
fn mjpeg_is_live_and_a_login_is_sent() {
    let dir = tempfile::tempdir().unwrap();
    let picture = jpeg(dir.path());
    let server = Server::start(move |request, stream| {
        if web::header(request, "authorization").is_none() {
            return stream.write_all(
                b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"cam\"\r\nContent-Length: 0\r\n\r\n",
            );
        }
        stream.write_all(
            b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n",
        )?;
        loop {
            let head =
                format!("--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n", picture.len());
            stream.write_all(head.as_bytes())?;
            stream.write_all(&picture)?;
            stream.write_all(b"\r\n")?;
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    let recorder = Recorder::keeps();
    let capture =
        start(options(&format!("http://admin:hunter2@127.0.0.1:{}/video.mjpg", server.port)), &recorder);
    drop(recorder.wait("frames", |seen| seen.frame_count >= 10));
    capture.stop();
    let seen = recorder.seen();
    assert_eq!((seen.online(), seen.reasons().as_str()), (1, ""), "{:?}", seen.events);
    assert!(seen.frames.iter().is_sorted_by_key(|f| f.stamp.mono));
    assert_eq!(server.logins(), 1);
}

#[test]
fn a_wrong_login_is_sent_once() {
    let server = Server::start(|_, stream| {
        stream.write_all(
            b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"cam\"\r\nContent-Length: 0\r\n\r\n",
        )
    });
    let recorder = Recorder::counts();
    let capture =
        start(options(&format!("http://admin:hunter2@127.0.0.1:{}/a.mjpg", server.port)), &recorder);
    drop(recorder.wait("refusal", |seen| !seen.reasons().is_empty()));
    capture.stop();
    assert!(recorder.seen().reasons().contains("username and password_file"), "{:?}", recorder.seen().events);
    assert_eq!(server.logins(), 1, "{:#?}", server.requests());
}

#[test]
fn an_address_of_one_picture_is_read_again_and_again() {
    let dir = tempfile::tempdir().unwrap();
    let picture = jpeg(dir.path());
    let server = web::files(move |path| (path == "/snapshot.jpg").then(|| picture.clone()));
    let recorder = Recorder::counts();
    let options = options(&format!("http://127.0.0.1:{}/snapshot.jpg", server.port));
    let capture = start(Options { picture_interval: Duration::from_millis(100), ..options }, &recorder);
    drop(recorder.wait("pictures", |seen| seen.frame_count >= 4));
    capture.stop();
    let seen = recorder.seen();
    assert!(
        matches!(seen.events[..], [Event::Connecting { .. }, Event::Online { .. }, Event::Stopped]),
        "{:?}",
        seen.events
    );
}

#[test]
fn hls_is_played() {
    let dir = tempfile::tempdir().unwrap();
    let segment = dir.path().join("0.ts");
    launch(&format!(
        "videotestsrc num-buffers=60 ! video/x-raw,format=I420,width=160,height=90,framerate=30/1 ! \
         x264enc tune=zerolatency speed-preset=ultrafast key-int-max=15 ! h264parse ! mpegtsmux ! \
         filesink location={}",
        segment.display()
    ));
    let segment = std::fs::read(segment).unwrap();
    let list = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:0\n\
                #EXTINF:2.0,\n0.ts\n#EXT-X-ENDLIST\n";
    let server = web::files(move |path| match path {
        "/live/index.m3u8" => Some(list.into()),
        "/live/0.ts" => Some(segment.clone()),
        _ => None,
    });
    let recorder = Recorder::counts();
    let capture = start(options(&format!("http://127.0.0.1:{}/live/index.m3u8", server.port)), &recorder);
    drop(recorder.wait("frames", |seen| seen.frame_count >= 20));
    capture.stop();
    assert_eq!(recorder.seen().online(), 1, "{:?}", recorder.seen().events);
}

#[test]
fn what_is_not_there_is_said() {
    let server = web::files(|_| None);
    let recorder = Recorder::counts();
    let capture = start(options(&format!("http://127.0.0.1:{}/none.mjpg", server.port)), &recorder);
    drop(recorder.wait("failure", |seen| !seen.reasons().is_empty()));
    capture.stop();
    assert!(recorder.seen().reasons().contains("no stream at this path"), "{:?}", recorder.seen().events);
}
