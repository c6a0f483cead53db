//! The messages, as `schema.json` describes them. Poses are written by hand into a buffer that is
//! kept, so that a frame costs no allocation; states are rare and go through serde.

use crate::frame::{ClockLabel, Stamp};
use crate::geometry::BBox;
use crate::keypoint::{Keypoints, NAMES};
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::{Duration, SystemTime};

/// Version of the messages: raised when a consumer of the former one would stumble.
const SCHEMA: u32 = 1;

/// The people of one frame of one camera.
#[derive(Clone, Copy, Debug)]
pub struct Poses<'a> {
    /// Differs from one start of the daemon to the next.
    pub session: &'a str,
    /// Counts the decoded frames of the camera: a gap is a frame that was not published.
    pub seq: u64,
    /// Camera's name.
    pub camera: &'a str,
    /// When the frame was captured.
    pub stamp: Stamp,
    /// From capture to now.
    pub age: Duration,
    /// Display frame, (width, height) in px.
    pub size: (u32, u32),
}

/// One person, in px of the display frame.
#[derive(Clone, Copy, Debug)]
pub struct PersonMessage<'a> {
    /// Theirs alone within the session.
    pub id: u64,
    /// Box about them.
    pub bbox: BBox,
    /// Of the pose, 0..=1.
    pub score: f32,
    /// In COCO's order.
    pub keypoints: &'a Keypoints,
    /// As seen, where those are smoothed and both are wanted.
    pub raw_keypoints: Option<&'a Keypoints>,
    /// How long before this frame the pose was seen.
    pub age: Duration,
    /// How long they have been followed.
    pub track_age: Duration,
    /// How they move, [x, y].
    pub velocity_px_s: [f32; 2],
}

impl PersonMessage<'_> {
    fn is_finite(&self) -> bool {
        self.bbox.is_valid()
            && self.score.is_finite()
            && self.velocity_px_s.iter().all(|v| v.is_finite())
            && self.keypoints.iter().chain(self.raw_keypoints.into_iter().flatten()).all(|k| k.is_finite())
    }
}

impl Poses<'_> {
    /// Appends the message with `people` to `out`; coordinates have one decimal, scores three. A
    /// heatmap's peak may lie a little above 1: scores are cut to 0..=1, as the schema promises.
    /// Somebody with a number that is not finite (JSON has none such) is left out. Returns how many
    /// were written.
    pub fn write<'p>(&self, people: impl IntoIterator<Item = PersonMessage<'p>>, out: &mut Vec<u8>) -> usize {
        self.write_head(out);
        let mut written = 0;
        for person in people {
            if !person.is_finite() {
                continue;
            }
            if written > 0 {
                out.push(b',');
            }
            write_person(&person, out);
            written += 1;
        }
        out.extend_from_slice(b"]}");
        written
    }

    fn write_head(&self, out: &mut Vec<u8>) {
        let wall = self.stamp.wall.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let clock = match self.stamp.clock {
            ClockLabel::Rtcp => "rtcp",
            ClockLabel::V4l2 => "v4l2",
            ClockLabel::Receive => "receive",
        };
        put(out, format_args!("{{\"schema\":{SCHEMA},\"session\":"));
        text(out, self.session);
        put(out, format_args!(",\"seq\":{},\"camera\":", self.seq));
        text(out, self.camera);
        put(
            out,
            format_args!(
                ",\"captured_at\":\"{}\",\"captured_ns\":{},\"clock\":\"{clock}\",\"age_ms\":{:.1},\
                 \"frame\":{{\"width\":{},\"height\":{}}},\"people\":[",
                humantime::format_rfc3339_nanos(SystemTime::UNIX_EPOCH + wall),
                wall.as_nanos(),
                self.age.as_secs_f64() * 1e3,
                self.size.0,
                self.size.1
            ),
        );
    }
}

fn write_person(person: &PersonMessage<'_>, out: &mut Vec<u8>) {
    let BBox { x, y, w, h } = person.bbox;
    let [vx, vy] = person.velocity_px_s;
    put(
        out,
        format_args!(
            "{{\"id\":{},\"box\":[{x:.1},{y:.1},{w:.1},{h:.1}],\"score\":{:.3},\"age_ms\":{:.1},\
             \"track_age_s\":{:.1},\"velocity\":[{vx:.1},{vy:.1}],\"keypoints\":",
            person.id,
            person.score.clamp(0.0, 1.0),
            person.age.as_secs_f64() * 1e3,
            person.track_age.as_secs_f64(),
        ),
    );
    write_keypoints(person.keypoints, out);
    if let Some(raw) = person.raw_keypoints {
        out.extend_from_slice(b",\"raw_keypoints\":");
        write_keypoints(raw, out);
    }
    out.push(b'}');
}

fn write_keypoints(keypoints: &Keypoints, out: &mut Vec<u8>) {
    out.push(b'{');
    for (index, (name, k)) in NAMES.iter().zip(keypoints).enumerate() {
        let comma = if index > 0 { "," } else { "" };
        put(
            out,
            format_args!("{comma}\"{name}\":[{:.1},{:.1},{:.3}]", k.x_px, k.y_px, k.score.clamp(0.0, 1.0)),
        );
    }
    out.push(b'}');
}

fn put(out: &mut Vec<u8>, what: std::fmt::Arguments<'_>) {
    // Writing to a vector fails only if a Display does; ours are of numbers and of a date after 1970.
    let _ = out.write_fmt(what);
}

/// A JSON string.
fn text(out: &mut Vec<u8>, text: &str) {
    // See `put`.
    let _ = serde_json::to_writer(out, text);
}

/// What a camera is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CameraStatus {
    /// Frames come.
    Online,
    /// A connection is being made.
    Connecting,
    /// Frames stopped coming; the connection is made anew.
    Stalled,
    /// It failed; tried again.
    Failed,
    /// A file that does not loop is over.
    Ended,
    /// Out of service.
    Stopped,
}

/// A camera's state, published on change and every few seconds, retained.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct State<'a> {
    /// What it is doing.
    pub status: CameraStatus,
    /// Why, where that is not plain.
    pub reason: Option<&'a str>,
    /// Since when.
    #[serde(serialize_with = "date")]
    pub since: SystemTime,
    /// Decoder element, once a frame came out of it.
    pub decoder: Option<&'a str>,
    /// Caps of the frames.
    pub caps: Option<&'a str>,
    /// How often its pipeline was built since the camera's start.
    pub attempts: u64,
    /// Frames a second out of the decoder.
    #[serde(serialize_with = "tenths")]
    pub fps_in: f64,
    /// Messages a second.
    #[serde(serialize_with = "tenths")]
    pub fps_out: f64,
    /// People in the last frame.
    pub people: usize,
    /// Frames out of the decoder since the camera's start: as many as were published or dropped,
    /// give or take the one that is being worked on.
    pub decoded: u64,
    /// Frames whose poses were handed to the connection since the camera's start.
    pub published: u64,
    /// Frames that were not published since the camera's start, by reason.
    pub dropped: BTreeMap<&'static str, u64>,
    /// Poses that were not estimated though their frame was published, by reason.
    pub skipped: BTreeMap<&'static str, u64>,
    /// Messages that did not reach the broker, by reason.
    pub unsent: BTreeMap<&'static str, u64>,
    /// From capture to publishing.
    pub latency: Option<Latency>,
    /// In the person finder, of the frames in which it looked.
    pub finder: Option<Latency>,
    /// From boxes to poses, of the frames with people.
    pub pose: Option<Latency>,
}

/// Times over the last seconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Latency {
    /// Half were shorter.
    #[serde(serialize_with = "tenths")]
    pub p50_ms: f64,
    /// 99 of 100 were shorter.
    #[serde(serialize_with = "tenths")]
    pub p99_ms: f64,
}

impl State<'_> {
    /// As published.
    pub fn to_json(&self) -> Vec<u8> {
        #[derive(Serialize)]
        struct Versioned<'a> {
            schema: u32,
            #[serde(flatten)]
            state: &'a State<'a>,
        }
        // Maps with text keys and finite numbers: there is nothing that could not be written.
        serde_json::to_vec(&Versioned { schema: SCHEMA, state: self }).unwrap_or_default()
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
