//! Files: configuration, manifest, recording, spool.

use posed::clock::Mono;
use posed::config::{self, Machine};
use posed::infer::manifest::Manifest;
use posed::publish::spool::{Limits, Spool};
use posed::tools::replay::{Comparison, Recording};
use posed::track::{Ids, Options, Tracker};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// The configuration file. Every fault has a reason and a remedy.
pub fn config(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    match config::parse(&text, Path::new("posed.toml"), &Machine::default()) {
        Ok(loaded) => {
            let _ = loaded.config.mqtt.publisher();
            loaded.config.cameras.iter().for_each(|camera| drop(camera.capture()));
        }
        Err(faults) => {
            assert!(!faults.to_string().is_empty());
            assert!(faults.0.iter().all(|fault| !fault.reason.is_empty() && !fault.remedy.is_empty()));
        }
    }
}

/// A model's manifest. What is taken describes an output that can be allocated.
pub fn manifest(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    match Manifest::parse(Path::new("models/x/model.toml"), &text) {
        Ok(manifest) => {
            let (maps, rows, columns) = manifest.output_shape();
            assert!(maps * rows * columns < 1 << 30);
            assert_eq!(manifest.onnx().parent(), Some(Path::new("models/x")), "a file outside of the folder");
            let _ = (manifest.pose(), manifest.person());
        }
        Err(e) => assert!(!e.to_string().is_empty()),
    }
}

/// A recording of MQTT payloads, tracked again. Published values are finite.
pub fn replay(data: &[u8]) {
    let mut recording = Recording::new(data);
    let mut tracker = Tracker::new(Options::default(), Ids::default());
    let mut comparison = Comparison::default();
    let mut last = Mono::default();
    // Reading goes on after a line that is no message; each call reads a line.
    for _ in 0..1000 {
        match recording.read() {
            Ok(None) => break,
            Ok(Some(step)) => {
                assert!(step.at >= last, "time goes back");
                last = step.at;
                let people = tracker.update(step.at, step.size, &step.observations);
                for person in people {
                    let b = person.bbox;
                    let numbers =
                        [b.x, b.y, b.w, b.h, person.score, person.velocity_px_s[0], person.velocity_px_s[1]];
                    assert!(numbers.iter().all(|n| n.is_finite()), "{person:?}");
                    let all = person.keypoints.iter().chain(&person.smoothed);
                    assert!(all.into_iter().all(|k| k.x_px.is_finite() && k.y_px.is_finite()), "{person:?}");
                }
                comparison.count(&step.recorded, people);
            }
            Err(e) => assert!(!e.to_string().is_empty()),
        }
    }
}

/// A spool's folder that others wrote into. The first byte chooses between raw bytes and records
/// with sound checksums. What is pushed then comes out last, and numbers grow.
pub fn spool(data: &[u8]) {
    let Some((mode, rest)) = data.split_first() else { return };
    let dir = scratch("spool");
    let done = rest.get(..24).unwrap_or(rest);
    let log = if mode % 2 == 0 { rest.to_vec() } else { records(rest) };
    std::fs::write(dir.join("00000000000000000000.log"), log).unwrap();
    if mode % 3 == 0 {
        std::fs::write(dir.join("acknowledged"), done).unwrap();
    }
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    let mut spool = Spool::open(Some(dir.clone()), Limits::default(), now);
    let first = spool.push("posed/a/events", b"new", mode % 5 == 0, now);
    let second = spool.push("posed/a/events", b"newer", false, now);
    assert!(second > first, "numbers do not grow");
    let mut last = Vec::new();
    let mut numbers = Vec::new();
    while let Some(record) = spool.next_to_send() {
        last.clone_from(&record.payload);
        numbers.push(record.seq);
    }
    assert_eq!(last, b"newer");
    numbers.iter().take(3).for_each(|seq| spool.acknowledge(*seq));
    let waiting = spool.stats().waiting;
    drop(spool);
    // posed writes records in order; a place in foreign ones says nothing about what is done.
    let again = Spool::open(Some(dir.clone()), Limits::default(), now);
    let stats = again.stats();
    let dropped = stats.dropped_age + stats.dropped_size;
    let kept = stats.waiting + dropped as usize >= waiting;
    assert!(kept || !numbers.is_sorted(), "a restart loses messages: {stats:?}");
    let _ = std::fs::remove_dir_all(dir);
}

/// Records with sound checksums; the bytes choose their numbers, times and lengths. The layout is
/// that of `publish/spool/record.rs`.
fn records(mut data: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    while let Some((head, rest)) = data.split_at_checked(18) {
        let (topic, payload) = (usize::from(head[16] % 16), usize::from(head[17]));
        let Some((body, rest)) = rest.split_at_checked(topic + payload) else { break };
        let begin = out.len();
        out.extend_from_slice(b"psd1\0\0\0\0");
        // Below 2^63: posed never counts that far, and nobody else can write the folder.
        out.extend_from_slice(&head[..7]);
        out.push(head[7] & 0x7f);
        out.extend_from_slice(&head[8..16]);
        out.extend_from_slice(&(topic as u16).to_le_bytes());
        out.extend_from_slice(&(payload as u32).to_le_bytes());
        out.extend_from_slice(body);
        let checksum = crc32fast::hash(&out[begin + 8..]);
        out[begin + 4..begin + 8].copy_from_slice(&checksum.to_le_bytes());
        data = rest;
    }
    out
}

/// An empty folder of this thread.
fn scratch(name: &str) -> PathBuf {
    let thread = format!("{:?}", std::thread::current().id());
    let id: String = thread.chars().filter(char::is_ascii_digit).collect();
    let dir = std::env::temp_dir().join(format!("posed-fuzz-{name}-{}-{id}", std::process::id()));
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).unwrap();
    dir
}
