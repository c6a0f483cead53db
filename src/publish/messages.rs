//! The people of a frame, as `schema.json` describes them. They are formatted by hand into a reused
//! buffer, so a frame costs no allocation.

use crate::frame::{ClockLabel, Stamp};
use crate::geometry::BBox;
use crate::keypoint::{Keypoints, NAMES};
use std::io::Write as _;
use std::time::{Duration, SystemTime};

/// Version of the messages; raised when a consumer of the current one would break.
pub(super) const SCHEMA: u32 = 1;

/// The people of one frame of one camera.
#[derive(Clone, Copy, Debug)]
pub struct Poses<'a> {
    /// Random identifier of this start of the daemon.
    pub session: &'a str,
    /// Number of the decoded frame; a gap means frames that were not published.
    pub seq: u64,
    /// Name of the camera.
    pub camera: &'a str,
    /// When the frame was captured.
    pub stamp: Stamp,
    /// Time from capture to now.
    pub age: Duration,
    /// Size of the display frame, (width, height) in px.
    pub size: (u32, u32),
}

/// One person; coordinates are px of the display frame.
#[derive(Clone, Copy, Debug)]
pub struct PersonMessage<'a> {
    /// Unique within the session.
    pub id: u64,
    /// Bounding box.
    pub bbox: BBox,
    /// Score of the pose, 0..=1.
    pub score: f32,
    /// Keypoints in COCO order.
    pub keypoints: &'a Keypoints,
    /// Keypoints before smoothing, if both are published.
    pub raw_keypoints: Option<&'a Keypoints>,
    /// Time from the frame of the pose to this frame.
    pub age: Duration,
    /// How long the person has been tracked.
    pub track_age: Duration,
    /// Velocity, [x, y] in px/s.
    pub velocity_px_s: [f32; 2],
    /// Name of the posture, and how certain it is, 0..=1.
    pub posture: (&'a str, f32),
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
    /// Appends the message with `people` to `out`. Coordinates have one decimal, scores three.
    /// Scores are clamped to 0..=1, because a heatmap's peak may lie slightly above 1. A person
    /// with a number that is not finite, which JSON cannot hold, is left out. Returns the number of
    /// people written.
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
             \"track_age_s\":{:.1},\"velocity\":[{vx:.1},{vy:.1}],\"posture\":\"{}\",\
             \"posture_certainty\":{:.3},\"keypoints\":",
            person.id,
            person.score.clamp(0.0, 1.0),
            person.age.as_secs_f64() * 1e3,
            person.track_age.as_secs_f64(),
            person.posture.0,
            person.posture.1.clamp(0.0, 1.0),
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
    // Writing to a vector fails only if a Display does, and those of numbers and dates do not.
    let _ = out.write_fmt(what);
}

/// Appends a JSON string.
fn text(out: &mut Vec<u8>, text: &str) {
    // See `put`.
    let _ = serde_json::to_writer(out, text);
}
