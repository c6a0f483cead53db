//! Reads messages from the broker. Anybody may publish there, so everything is checked and bounded
//! before it is kept, and no text reaches the terminal with a control character in it.

use super::wire::{EventMessage, PersonMessage, PosesMessage, StateMessage};
use crate::events::Posture;
use crate::geometry::BBox;
use crate::keypoint::{KEYPOINTS, Keypoint, Keypoints, NAMES};
use serde::Deserialize;
use std::time::SystemTime;

/// Most people of a frame that are kept; further ones are counted.
pub(super) const MOST_PEOPLE: usize = 64;
/// Most reasons for drops that are kept.
const MOST_REASONS: usize = 16;
/// Longest text that is kept, in characters.
const LONGEST_TEXT: usize = 120;
/// Longest name of a camera, a zone or a line.
const LONGEST_NAME: usize = 64;
/// Numbers farther from 0 are no coordinates.
const FARTHEST_PX: f32 = 1e5;
/// What a camera's status can be.
const STATUSES: [&str; 6] = ["online", "connecting", "stalled", "failed", "ended", "stopped"];

/// Why a message is not one of posed's.
#[derive(Debug, thiserror::Error)]
pub enum Wrong {
    /// It is not JSON of the expected form.
    #[error("not a message of posed: {0}")]
    Form(#[from] serde_json::Error),
    /// A number is out of range.
    #[error("a number is out of range")]
    Number,
    /// A word is not known.
    #[error("an unknown word")]
    Word,
}

/// The people of one frame.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SeenFrame {
    /// Width and height of the frame in px.
    pub size: (u32, u32),
    /// Time from capture to publishing.
    pub age_ms: f64,
    /// At most [`MOST_PEOPLE`].
    pub people: Vec<SeenPerson>,
    /// All people of the frame.
    pub count: usize,
}

/// One person of a frame.
#[derive(Clone, Debug, PartialEq)]
pub struct SeenPerson {
    /// The tracker's id.
    pub id: u64,
    /// Bounding box in px.
    pub bbox: BBox,
    /// Keypoints in px.
    pub keypoints: Keypoints,
    /// Posture, and how certain it is.
    pub posture: (Posture, f32),
}

/// What a camera says of itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CameraReport {
    /// One of the six words, such as `online`.
    pub status: &'static str,
    /// Why, if the status does not say it.
    pub reason: Option<String>,
    /// When the status began.
    pub since: Option<SystemTime>,
    /// GStreamer element that decodes the video.
    pub decoder: Option<String>,
    /// Decoded frames a second.
    pub fps_in: f64,
    /// Published messages a second.
    pub fps_out: f64,
    /// Number of people in the last frame.
    pub people: u64,
    /// Frames since the camera's start.
    pub decoded: u64,
    /// Frames since the camera's start whose poses were published.
    pub published: u64,
    /// Frames that were not published, by reason; reasons with none are left out.
    pub dropped: Vec<(String, u64)>,
    /// Median and 99th percentile of the time from capture to publishing.
    pub latency_ms: Option<(f64, f64)>,
}

impl CameraReport {
    /// All dropped frames.
    pub fn drops(&self) -> u64 {
        self.dropped.iter().fold(0, |sum, (_, n)| sum.saturating_add(*n))
    }
}

/// How many times a line was crossed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Crossed {
    /// In all.
    #[serde(rename = "in")]
    pub inward: u64,
    /// In all.
    #[serde(rename = "out")]
    pub outward: u64,
}

/// An event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happening {
    /// When it happened; `None` if the message does not say it.
    pub at: Option<SystemTime>,
    /// What happened, such as `fall confirmed: person 3 in bed`.
    pub text: String,
    /// Somebody may need help.
    pub alarm: bool,
}

/// Reads a message on `<prefix>/<camera>/poses`.
pub(super) fn poses(payload: &[u8]) -> Result<SeenFrame, Wrong> {
    let message: PosesMessage = serde_json::from_slice(payload)?;
    let size = (message.frame.width, message.frame.height);
    if !(1..=65535).contains(&size.0) || !(1..=65535).contains(&size.1) {
        return Err(Wrong::Number);
    }
    let count = message.people.len();
    let people: Result<_, Wrong> = message.people.into_iter().take(MOST_PEOPLE).map(figure).collect();
    Ok(SeenFrame { size, age_ms: number(message.age_ms), people: people?, count })
}

fn figure(person: PersonMessage) -> Result<SeenPerson, Wrong> {
    let [x, y, w, h] = person.bbox;
    let mut keypoints = [Keypoint::default(); KEYPOINTS];
    for (keypoint, name) in keypoints.iter_mut().zip(NAMES) {
        if let Some(&[x_px, y_px, score]) = person.keypoints.get(name) {
            *keypoint = Keypoint { x_px, y_px, score };
        }
    }
    let coordinates = keypoints.iter().flat_map(|k| [k.x_px, k.y_px, k.score]);
    let is_near = |v: f32| v.is_finite() && v.abs() <= FARTHEST_PX;
    if ![x, y, w, h].into_iter().chain(coordinates).all(is_near) {
        return Err(Wrong::Number);
    }
    let certainty = person.posture_certainty.clamp(0.0, 1.0);
    let posture = (person.posture, certainty);
    Ok(SeenPerson { id: person.id, bbox: BBox { x, y, w, h }, keypoints, posture })
}

/// Reads a message on `<prefix>/<camera>/state`.
pub(super) fn report(payload: &[u8]) -> Result<CameraReport, Wrong> {
    let m: StateMessage = serde_json::from_slice(payload)?;
    let dropped = m.dropped.into_iter().filter(|(_, n)| *n > 0).take(MOST_REASONS);
    Ok(CameraReport {
        status: STATUSES.into_iter().find(|status| *status == m.status).ok_or(Wrong::Word)?,
        reason: m.reason.map(|text| clean(&text)),
        since: m.since.and_then(|text| time(&text)),
        decoder: m.decoder.map(|text| clean(&text)),
        fps_in: number(m.fps_in),
        fps_out: number(m.fps_out),
        people: m.people,
        decoded: m.decoded,
        published: m.published,
        dropped: dropped.map(|(reason, n)| (clean(&reason), n)).collect(),
        latency_ms: m.latency.map(|l| (number(l.p50_ms), number(l.p99_ms))),
    })
}

/// Reads a message on `<prefix>/<camera>/events`.
pub(super) fn happening(payload: &[u8]) -> Result<Happening, Wrong> {
    let m: EventMessage = serde_json::from_slice(payload)?;
    let word = |text: &str| clean(text).replace('_', " ");
    let mut text = format!("{} {}", word(&m.kind), word(&m.state));
    if let Some(direction) = &m.direction {
        text += &format!(" {}", word(direction));
    }
    if let Some(posture) = m.posture.as_ref().filter(|_| m.kind == "posture") {
        text += &format!(" to {}", word(posture));
    }
    let person = m.person.map(|id| format!("person {id}"));
    let place = m.zone.or(m.line).map(|place| clean(&place));
    match (person, place) {
        (Some(person), Some(place)) => text += &format!(": {person} at {place}"),
        (Some(one), None) | (None, Some(one)) => text += &format!(": {one}"),
        (None, None) => {}
    }
    let alarm = matches!(m.kind.as_str(), "fall" | "help" | "lying_long" | "no_movement")
        && !matches!(m.state.as_str(), "cleared" | "ended");
    Ok(Happening { at: m.at.and_then(|at| time(&at)), text: clean(&text), alarm })
}

/// Reads a count of people.
pub(super) fn people(payload: &[u8]) -> Result<u64, Wrong> {
    Ok(serde_json::from_slice(payload)?)
}

/// Reads the counts of a line.
pub(super) fn crossed(payload: &[u8]) -> Result<Crossed, Wrong> {
    Ok(serde_json::from_slice(payload)?)
}

/// Reads `ON` or `OFF`.
pub(super) fn switch(payload: &[u8]) -> Result<bool, Wrong> {
    match payload {
        b"ON" => Ok(true),
        b"OFF" => Ok(false),
        _ => Err(Wrong::Word),
    }
}

/// Whether posed would use `name` for a camera, a zone or a line.
pub fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    (1..=LONGEST_NAME).contains(&name.len()) && name.chars().all(fits)
}

/// `text` without characters that control a terminal or change the direction of writing, and cut.
pub fn clean(text: &str) -> String {
    let is_control = |c: char| {
        let is_invisible = matches!(c, '\u{ad}' | '\u{61c}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}');
        let is_layout =
            matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}');
        c.is_control() || is_invisible || is_layout
    };
    let mut clean: String =
        text.chars().take(LONGEST_TEXT).map(|c| if is_control(c) { '?' } else { c }).collect();
    if text.chars().nth(LONGEST_TEXT).is_some() {
        clean.push_str("...");
    }
    clean
}

fn time(text: &str) -> Option<SystemTime> {
    humantime::parse_rfc3339(text).ok()
}

/// A number that can be shown: finite, and neither negative nor huge.
fn number(value: f64) -> f64 {
    if value.is_finite() { value.clamp(0.0, 1e9) } else { 0.0 }
}
