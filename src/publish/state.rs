//! The state of a camera, as `schema.json` describes it.

use super::messages::SCHEMA;
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;
use std::time::SystemTime;

/// What a camera is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CameraStatus {
    /// Frames arrive.
    Online,
    /// The camera is being connected.
    Connecting,
    /// Frames stopped arriving; the camera is being reconnected.
    Stalled,
    /// The connection failed; there will be another attempt.
    Failed,
    /// A file without `loop` has ended.
    Ended,
    /// The camera was removed, or the daemon has stopped.
    Stopped,
}

/// State of a camera; published on change and every few seconds, retained.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct State<'a> {
    /// What the camera is doing.
    pub status: CameraStatus,
    /// Why, if the status does not say it.
    pub reason: Option<&'a str>,
    /// When the status began.
    #[serde(serialize_with = "date")]
    pub since: SystemTime,
    /// Decoder element, once it has given a frame.
    pub decoder: Option<&'a str>,
    /// Caps of the frames.
    pub caps: Option<&'a str>,
    /// Number of times that the pipeline was built since the camera's start.
    pub attempts: u64,
    /// Decoded frames per second.
    #[serde(serialize_with = "tenths")]
    pub fps_in: f64,
    /// Published messages per second.
    #[serde(serialize_with = "tenths")]
    pub fps_out: f64,
    /// Number of people in the last frame.
    pub people: usize,
    /// Decoded frames since the camera's start. Equals published plus dropped frames, plus at most
    /// the one in progress.
    pub decoded: u64,
    /// Frames since the camera's start whose poses were handed to the connection.
    pub published: u64,
    /// Frames since the camera's start that were not published, by reason.
    pub dropped: BTreeMap<&'static str, u64>,
    /// Poses that were not estimated although their frame was published, by reason.
    pub skipped: BTreeMap<&'static str, u64>,
    /// Messages that did not reach the broker, by reason.
    pub unsent: BTreeMap<&'static str, u64>,
    /// Time from capture to publishing.
    pub latency: Option<Latency>,
    /// Time in the finder, over the frames that it searched.
    pub finder: Option<Latency>,
    /// Time from boxes to poses, over the frames with people.
    pub pose: Option<Latency>,
}

/// Percentiles over the last seconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Latency {
    /// Median.
    #[serde(serialize_with = "tenths")]
    pub p50_ms: f64,
    /// 99th percentile.
    #[serde(serialize_with = "tenths")]
    pub p99_ms: f64,
}

impl State<'_> {
    /// The JSON payload. `session` is that of the publisher.
    pub fn to_json(&self, session: &str) -> Vec<u8> {
        #[derive(Serialize)]
        struct Versioned<'a> {
            schema: u32,
            session: &'a str,
            #[serde(flatten)]
            state: &'a State<'a>,
        }
        // Maps with text keys and finite numbers always serialize.
        serde_json::to_vec(&Versioned { schema: SCHEMA, session, state: self }).unwrap_or_default()
    }
}

fn tenths<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    let value = if value.is_finite() { *value } else { 0.0 };
    serializer.serialize_f64((value * 10.0).round() / 10.0)
}

fn date<S: Serializer>(value: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    let wall = value.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    serializer.collect_str(&humantime::format_rfc3339_millis(SystemTime::UNIX_EPOCH + wall))
}
