//! Still pictures, files without timestamps, and pictures that lie on their side.

use crate::recorder::{Recorder, file, launch, run, start};
use posed::capture::{Event, Options};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const MS: Duration = Duration::from_millis(1);

/// A picture or a clip of 160x90 px.
fn make(dir: &Path, name: &str, count: usize, encode: &str) -> PathBuf {
    let path = dir.join(name);
    launch(&format!(
        "videotestsrc num-buffers={count} ! video/x-raw,format=I420,width=160,height=90,framerate=30/1 ! \
         {encode} ! filesink location={}",
        path.display()
    ));
    path
}

#[test]
fn a_looped_picture_is_a_frame_each_interval_of_one_stream() {
    let dir = tempfile::tempdir().unwrap();
    for (name, encode) in [("a.jpg", "jpegenc"), ("a.png", "videoconvert ! pngenc snapshot=false")] {
        let picture = make(dir.path(), name, 1, encode);
        for paced in [true, false] {
            let recorder = Recorder::keeps();
            let begun = Instant::now();
            let options = Options { picture_interval: 150 * MS, ..file(&picture, true, paced) };
            let capture = start(options, &recorder);
            drop(recorder.wait("pictures", |seen| seen.frame_count >= 5));
            capture.stop();
            assert!(begun.elapsed() >= 4 * 150 * MS, "faster than its interval");
            let seen = recorder.seen();
            assert!(seen.frames.iter().map(|f| f.seq).eq(0..seen.frames.len() as u64));
            let [Event::Connecting { attempt: 1 }, Event::Online { .. }, Event::Stopped] = &seen.events[..]
            else {
                panic!("{name}: {:?}", seen.events)
            };
        }
    }
}

#[test]
fn a_file_without_timestamps_is_played_at_its_rate() {
    let dir = tempfile::tempdir().unwrap();
    let joined = make(dir.path(), "joined.mjpeg", 8, "jpegenc");
    let raw = make(
        dir.path(),
        "raw.h264",
        8,
        "x264enc tune=zerolatency speed-preset=ultrafast ! h264parse ! video/x-h264,stream-format=byte-stream",
    );
    for path in [joined, raw] {
        let begun = Instant::now();
        let seen = run(Options { frame_rate: Some(10.0), ..file(&path, false, true) });
        let took = begun.elapsed();
        assert_eq!(seen.frames.len(), 8, "{}: {:?}", path.display(), seen.events);
        assert!(seen.frames.iter().is_sorted_by(|a, b| a.stamp.pts < b.stamp.pts), "{}", path.display());
        // The first frame comes at once; a raw stream may have a rate of its own.
        assert!(took >= 200 * MS, "{}: {took:?}", path.display());
    }
}

#[test]
fn a_looped_file_that_cannot_seek_is_not_rebuilt_without_end() {
    let dir = tempfile::tempdir().unwrap();
    let joined = make(dir.path(), "joined.mjpeg", 3, "jpegenc");
    let recorder = Recorder::counts();
    let begun = Instant::now();
    let capture = start(file(&joined, true, false), &recorder);
    drop(recorder.wait("four passes", |seen| seen.frame_count >= 12));
    capture.stop();
    println!("four passes of three frames took {:?}", begun.elapsed());
    assert_eq!(recorder.seen().events.len(), 3, "{:?}", recorder.seen().events);
}

/// The frame's size, and whether its top left quarter is brighter than its bottom right one.
fn look(path: &Path) -> ((u32, u32), f64) {
    let seen = run(file(path, false, false));
    let frame = seen.frames.first().unwrap_or_else(|| panic!("{}: {:?}", path.display(), seen.events));
    let (width, height) = (frame.info.width as usize, frame.info.height as usize);
    let rows: Vec<&[u8]> = frame.plane(0).chunks(frame.info.strides[0]).take(height).collect();
    let mean = |rows: &[&[u8]], from: usize| {
        let sum: u32 = rows.iter().flat_map(|row| &row[from..from + width / 2]).map(|&v| u32::from(v)).sum();
        f64::from(sum) / (rows.len() * (width / 2)) as f64
    };
    (
        (frame.info.width, frame.info.height),
        mean(&rows[..height / 2], 0) - mean(&rows[height / 2..], width / 2),
    )
}

/// Writes the turn into the header of an MP4, as telephones do: the matrix of its track.
fn turn_mp4(path: &Path, degrees: &str) {
    let mut bytes = std::fs::read(path).unwrap();
    let at = bytes.windows(4).position(|four| four == b"tkhd").unwrap() + 4 + 40;
    let [a, b, c, d] = match degrees {
        "90" => [0, 1, -1, 0],
        "180" => [-1, 0, 0, -1],
        _ => [0, -1, 1, 0],
    };
    for (index, value) in [(0, a), (1, b), (3, c), (4, d)] {
        let fixed: i32 = value << 16;
        bytes[at + 4 * index..at + 4 * index + 4].copy_from_slice(&fixed.to_be_bytes());
    }
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn the_orientation_tag_turns_the_picture_upright() {
    let dir = tempfile::tempdir().unwrap();
    let h264 = "x264enc tune=zerolatency speed-preset=ultrafast ! h264parse ! mp4mux";
    for (name, encode) in [("a.mp4", h264), ("a.jpg", "jpegenc ! jifmux")] {
        let plain = look(&make(dir.path(), name, 1, encode));
        assert_eq!(plain.0, (160, 90));
        for (turn, size) in [("90", (90, 160)), ("180", (160, 90)), ("270", (90, 160))] {
            let tag = format!("taginject tags=\"image-orientation=rotate-{turn}\" ! {encode}");
            let path = make(dir.path(), name, 1, &tag);
            if name == "a.mp4" {
                turn_mp4(&path, turn);
            }
            let turned = look(&path);
            assert_eq!(turned.0, size, "{name}, {turn}");
            if turn == "180" {
                assert!((turned.1 + plain.1).abs() < 3.0, "{name}: {} becomes {}", plain.1, turned.1);
            }
        }
    }
}

/// The mean brightness of the four quarters: top left, top right, bottom left, bottom right.
fn quarters(path: &Path) -> ((u32, u32), [f64; 4]) {
    let seen = run(file(path, false, false));
    let frame = seen.frames.first().unwrap_or_else(|| panic!("{}: {:?}", path.display(), seen.events));
    let (width, height) = (frame.info.width as usize, frame.info.height as usize);
    let rows: Vec<&[u8]> = frame.plane(0).chunks(frame.info.strides[0]).take(height).collect();
    let mean = |top: usize, left: usize| {
        let rows = &rows[top..top + height / 2];
        let values = rows.iter().flat_map(|row| &row[left..left + width / 2]);
        values.map(|&v| f64::from(v)).sum::<f64>() / (rows.len() * (width / 2)) as f64
    };
    let (down, right) = (height - height / 2, width - width / 2);
    ((frame.info.width, frame.info.height), [mean(0, 0), mean(0, right), mean(down, 0), mean(down, right)])
}

#[test]
fn mirrored_pictures_are_mirrored_back_and_a_wrong_ending_does_not_matter() {
    let dir = tempfile::tempdir().unwrap();
    let plain = make(dir.path(), "plain.jpg", 1, "jpegenc ! jifmux");
    let (size, [tl, tr, bl, br]) = quarters(&plain);
    assert_eq!(size, (160, 90));
    for (tag, turned, want) in [
        ("flip-rotate-0", false, [tr, tl, br, bl]),
        ("rotate-180", false, [br, bl, tr, tl]),
        ("flip-rotate-180", false, [bl, br, tl, tr]),
        // EXIF's 5: the rows are the columns.
        ("flip-rotate-270", true, [tl, bl, tr, br]),
        ("rotate-90", true, [bl, tl, br, tr]),
        ("flip-rotate-90", true, [br, tr, bl, tl]),
        ("rotate-270", true, [tr, br, tl, bl]),
    ] {
        let encode = format!("taginject tags=\"image-orientation={tag}\" ! jpegenc ! jifmux");
        let path = make(dir.path(), "tagged.jpg", 1, &encode);
        let wrong = dir.path().join("tagged.png");
        std::fs::copy(&path, &wrong).unwrap();
        for path in [path, wrong] {
            let (size, got) = quarters(&path);
            assert_eq!(size, if turned { (90, 160) } else { (160, 90) }, "{tag}");
            let off = got.iter().zip(want).map(|(got, want)| (got - want).abs()).fold(0.0, f64::max);
            assert!(off < 4.0, "{tag} in {}: {got:?}, not {want:?}", path.display());
        }
    }
    let png = make(dir.path(), "a.png", 1, "videoconvert ! pngenc snapshot=false");
    let wrong = dir.path().join("png.jpg");
    std::fs::copy(png, &wrong).unwrap();
    assert_eq!(quarters(&wrong).0, (160, 90));
}

#[test]
fn jpegs_of_odd_sizes_and_grey_ones_are_read() {
    let dir = tempfile::tempdir().unwrap();
    for (width, height, format) in [(321, 241, "I420"), (15, 9, "Y42B"), (17, 33, "Y444"), (161, 91, "GRAY8")]
    {
        let path = dir.path().join("odd.jpg");
        launch(&format!(
            "videotestsrc num-buffers=1 ! video/x-raw,width={width},height={height},framerate=1/1 ! videoconvert ! \
             video/x-raw,format={format} ! jpegenc ! filesink location={}",
            path.display()
        ));
        assert_eq!(quarters(&path).0, (width, height), "{format}");
    }
}
