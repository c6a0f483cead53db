//! Reads recorded messages.

use crate::clock::Mono;
use crate::geometry::BBox;
use crate::keypoint::{KEYPOINTS, Keypoint, NAMES, Pose};
use crate::track::{Observation, TrackId};
use serde::Deserialize;
use std::collections::HashMap;
use std::io::BufRead;
use std::time::{Duration, SystemTime};

/// The message schema this module reads.
pub const SCHEMA: u32 = 1;
/// Longer lines are rejected: a message with 64 people takes about 90 KB.
const MAX_LINE: u64 = 1 << 20;

/// Why a recording cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("line {line}: cannot be read")]
    Read {
        /// Counted from 1.
        line: usize,
        /// The system's error.
        #[source]
        source: std::io::Error,
    },
    /// The line is longer than `MAX_LINE`.
    #[error("line {line}: not a message: longer than {MAX_LINE} bytes")]
    Long {
        /// Counted from 1.
        line: usize,
    },
    /// The line is not a pose message.
    #[error("line {line}: not a pose message (record with `posed record`, or `mosquitto_sub` without -v)")]
    Parse {
        /// Counted from 1.
        line: usize,
        /// The reason and the column.
        #[source]
        source: serde_json::Error,
    },
    /// The message is of another schema.
    #[error("line {line}: schema {got}, but this program reads schema {SCHEMA}")]
    Schema {
        /// Counted from 1.
        line: usize,
        /// The message's schema.
        got: u32,
    },
    /// The message lacks the time its frame was captured.
    #[error("line {line}: no capture time: neither `captured_ns` nor an RFC 3339 `captured_at`")]
    Time {
        /// Counted from 1.
        line: usize,
    },
}

/// One recorded message.
#[derive(Debug)]
pub struct ReplayStep {
    /// Capture time since the first message; never decreases.
    pub at: Mono,
    /// Width and height of the frame in px.
    pub size: (u32, u32),
    /// The poses seen in the frame.
    pub observations: Vec<Observation>,
    /// Id and box of each person seen in the frame.
    pub recorded: Vec<(TrackId, BBox)>,
    /// The message as recorded.
    pub line: String,
}

/// Reads a recording message by message.
#[derive(Debug)]
pub struct Recording<R> {
    input: R,
    line: usize,
    start: Option<Duration>,
    last: Mono,
}

#[derive(Deserialize)]
struct Message {
    schema: u32,
    captured_ns: Option<u64>,
    captured_at: Option<String>,
    frame: Frame,
    people: Vec<RecordedPerson>,
}

#[derive(Deserialize)]
struct Frame {
    width: u32,
    height: u32,
}

#[derive(Deserialize)]
struct RecordedPerson {
    id: TrackId,
    #[serde(rename = "box")]
    bbox: [f32; 4],
    score: f32,
    keypoints: HashMap<String, [f32; 3]>,
    /// Keypoints as seen; then `keypoints` are smoothed.
    raw_keypoints: Option<HashMap<String, [f32; 3]>>,
    #[serde(default)]
    age_ms: f64,
}

impl<R: BufRead> Recording<R> {
    /// Reads `input` from its current position.
    pub fn new(input: R) -> Recording<R> {
        Recording { input, line: 0, start: None, last: Mono::default() }
    }

    /// The next message; `None` at the end. Empty lines are skipped.
    ///
    /// # Errors
    /// If a line cannot be read or is not a pose message of [`SCHEMA`]. Reading can continue after
    /// it.
    pub fn read(&mut self) -> Result<Option<ReplayStep>, Error> {
        loop {
            self.line += 1;
            let line = self.line;
            let mut text = String::new();
            let read = std::io::Read::take(&mut self.input, MAX_LINE).read_line(&mut text);
            match read.map_err(|source| Error::Read { line, source })? {
                0 => return Ok(None),
                n if n as u64 == MAX_LINE => return Err(Error::Long { line }),
                _ if text.trim().is_empty() => {}
                _ => return self.step(text).map(Some),
            }
        }
    }

    fn step(&mut self, text: String) -> Result<ReplayStep, Error> {
        let line = self.line;
        let message: Message = serde_json::from_str(&text).map_err(|source| Error::Parse { line, source })?;
        if message.schema != SCHEMA {
            return Err(Error::Schema { line, got: message.schema });
        }
        let captured = captured(&message).ok_or(Error::Time { line })?;
        let start = *self.start.get_or_insert(captured);
        // The recording daemon's wall clock may have been set back.
        self.last = self.last.max(Mono::default() + captured.saturating_sub(start));
        let seen = || message.people.iter().filter(|p| p.age_ms <= 0.0);
        Ok(ReplayStep {
            at: self.last,
            size: (message.frame.width, message.frame.height),
            observations: seen().map(observation).collect(),
            recorded: seen().map(|p| (p.id, bbox(p.bbox))).collect(),
            line: text.trim_end().to_owned(),
        })
    }
}

fn captured(message: &Message) -> Option<Duration> {
    if let Some(ns) = message.captured_ns {
        return Some(Duration::from_nanos(ns));
    }
    let wall = humantime::parse_rfc3339(message.captured_at.as_deref()?).ok()?;
    wall.duration_since(SystemTime::UNIX_EPOCH).ok()
}

fn bbox([x, y, w, h]: [f32; 4]) -> BBox {
    BBox { x, y, w, h }
}

fn observation(person: &RecordedPerson) -> Observation {
    let seen = person.raw_keypoints.as_ref().unwrap_or(&person.keypoints);
    let mut keypoints = [Keypoint::default(); KEYPOINTS];
    for (keypoint, name) in keypoints.iter_mut().zip(NAMES) {
        if let Some(&[x_px, y_px, score]) = seen.get(name) {
            *keypoint = Keypoint { x_px, y_px, score };
        }
    }
    Observation::new(Pose { bbox: bbox(person.bbox), score: person.score, keypoints }, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(captured: &str, people: &str) -> String {
        format!(
            r#"{{"schema":1,"session":"x","seq":4,"camera":"door",{captured}"clock":"receive","age_ms":21.4,"frame":{{"width":1280,"height":720}},"people":[{people}]}}"#
        )
    }

    const PERSON: &str = r#"{"id":7,"box":[811.0,190.2,120.4,300.9],"score":0.81,"keypoints":{"nose":[880.6,226.3,0.93],"left_eye":[886.4,220.9,0.9]}}"#;

    fn read(text: &str) -> Result<Vec<ReplayStep>, Error> {
        let mut recording = Recording::new(text.as_bytes());
        std::iter::from_fn(|| recording.read().transpose()).collect()
    }

    #[test]
    fn a_message_becomes_observations() {
        let aged = PERSON.replace("\"id\":7", "\"id\":8,\"age_ms\":66.7");
        let text = [
            message(r#""captured_ns":1790000000000000000,"#, &format!("{PERSON},{aged}")),
            String::new(),
            message(r#""captured_at":"2026-09-21T13:46:40.100Z","#, ""),
        ];
        let steps = read(&text.join("\n")).unwrap();
        assert_eq!(steps.len(), 2);
        assert_eq!(steps[0].recorded.iter().map(|r| r.0.0).collect::<Vec<_>>(), [7]);
        let [Observation { pose, track: None, .. }] = steps[0].observations[..] else { panic!("{steps:?}") };
        assert_eq!(pose.bbox, BBox { x: 811.0, y: 190.2, w: 120.4, h: 300.9 });
        assert_eq!(pose.keypoints[1], Keypoint { x_px: 886.4, y_px: 220.9, score: 0.9 });
        assert_eq!(pose.keypoints[16].score, 0.0);
        assert_eq!((steps[0].at, steps[0].size), (Mono(0), (1280, 720)));
    }

    #[test]
    fn raw_keypoints_are_replayed_if_recorded() {
        let both = PERSON.replace(r#"}}"#, r#"},"raw_keypoints":{"nose":[1.0,2.0,0.5]}}"#);
        let steps = read(&message(r#""captured_ns":1,"#, &both)).unwrap();
        let nose = steps[0].observations[0].pose.keypoints[0];
        assert_eq!(nose, Keypoint { x_px: 1.0, y_px: 2.0, score: 0.5 });
    }

    #[test]
    fn both_time_formats_agree_and_time_never_decreases() {
        let ns = |ns: u64| message(&format!("\"captured_ns\":{ns},"), "");
        let at = |at: &str| message(&format!("\"captured_at\":\"{at}\","), "");
        let text =
            [ns(1_767_225_600_000_000_000), at("2026-01-01T00:00:00.250Z"), ns(1_767_225_600_100_000_000)];
        let times: Vec<_> = read(&text.join("\n")).unwrap().iter().map(|s| s.at.0 / 1_000_000).collect();
        assert_eq!(times, [0, 250, 250]);
    }

    #[test]
    fn an_error_names_the_line() {
        let good = message(r#""captured_ns":5,"#, "");
        let fault = |bad: &str| read(&format!("{good}\n{bad}\n")).unwrap_err().to_string();
        assert!(fault("posed/door/poses {}").starts_with("line 2: not a pose message"));
        assert!(fault(&good.replace("\"schema\":1", "\"schema\":2")).starts_with("line 2: schema 2"));
        assert!(fault(&message("", "")).starts_with("line 2: no capture time"));
        assert!(fault(&" ".repeat(MAX_LINE as usize)).contains("line 2: not a message: longer"));
    }
}
