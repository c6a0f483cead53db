//! An event and its JSON.

use super::id::EventId;
use super::posture::Posture;
use super::types::{Direction, Kind, State};
use crate::geometry::BBox;
use crate::keypoint::{Keypoints, NAMES};
use serde::Serialize;
use serde::ser::{SerializeMap as _, Serializer};
use std::sync::Arc;
use std::time::SystemTime;

/// Version of the event message; raised when a consumer of the current one would break.
pub const SCHEMA: u32 = 1;

/// Something that happened, or its next state. All events of one thing carry one id.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Event {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Unique, also after a restart; sorts by the time at which the thing started.
    pub id: EventId,
    /// What it is about.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// How far it has come.
    pub state: State,
    /// Name of the camera.
    #[serde(serialize_with = "text")]
    pub camera: Arc<str>,
    /// The tracker's id of the person.
    pub person: Option<u64>,
    /// Name of the zone.
    #[serde(serialize_with = "maybe_text")]
    pub zone: Option<Arc<str>>,
    /// Name of the line.
    #[serde(serialize_with = "maybe_text")]
    pub line: Option<Arc<str>>,
    /// Which way the line was crossed.
    pub direction: Option<Direction>,
    /// Posture of the person at that moment.
    pub posture: Option<Posture>,
    /// When the thing started.
    #[serde(serialize_with = "date")]
    pub started_at: SystemTime,
    /// When this state began.
    #[serde(serialize_with = "date")]
    pub at: SystemTime,
    /// When the thing ended; null while it goes on.
    #[serde(serialize_with = "maybe_date")]
    pub ended_at: Option<SystemTime>,
    /// How sure the event is, 0..=1.
    #[serde(serialize_with = "thousandths")]
    pub certainty: f32,
    /// Box of the person at that moment: x, y, width, height in display px.
    #[serde(rename = "box", serialize_with = "bbox")]
    pub bbox: Option<BBox>,
    /// Keypoints of the person at that moment: x, y in display px, and score.
    #[serde(serialize_with = "by_name")]
    pub keypoints: Option<Keypoints>,
}

impl Event {
    /// The JSON of the message.
    pub fn to_json(&self) -> Vec<u8> {
        // Names are text and numbers finite, so this cannot fail.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

fn text<S: Serializer>(value: &Arc<str>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(value)
}

fn maybe_text<S: Serializer>(value: &Option<Arc<str>>, to: S) -> Result<S::Ok, S::Error> {
    value.as_deref().serialize(to)
}

/// RFC 3339 in UTC with milliseconds.
fn date<S: Serializer>(value: &SystemTime, to: S) -> Result<S::Ok, S::Error> {
    let wall = value.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    to.collect_str(&humantime::format_rfc3339_millis(SystemTime::UNIX_EPOCH + wall))
}

fn maybe_date<S: Serializer>(value: &Option<SystemTime>, to: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => date(value, to),
        None => to.serialize_none(),
    }
}

/// Rounds in f64, so that the JSON has no more digits; a value that is not finite becomes 0.
fn rounded(value: f32, scale: f64) -> f64 {
    let value = if value.is_finite() { f64::from(value) } else { 0.0 };
    (value * scale).round() / scale
}

fn thousandths<S: Serializer>(value: &f32, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(rounded(value.clamp(0.0, 1.0), 1e3))
}

fn bbox<S: Serializer>(value: &Option<BBox>, to: S) -> Result<S::Ok, S::Error> {
    value.map(|b| [b.x, b.y, b.w, b.h].map(|v| rounded(v, 10.0))).serialize(to)
}

fn by_name<S: Serializer>(value: &Option<Keypoints>, to: S) -> Result<S::Ok, S::Error> {
    let Some(keypoints) = value else { return to.serialize_none() };
    let mut map = to.serialize_map(Some(NAMES.len()))?;
    for (name, k) in NAMES.iter().zip(keypoints) {
        let score = rounded(k.score.clamp(0.0, 1.0), 1e3);
        map.serialize_entry(name, &[rounded(k.x_px, 10.0), rounded(k.y_px, 10.0), score])?;
    }
    map.end()
}
