//! What goes into a tracker and what comes out of it.

use super::clothes::Clothes;
use super::one_euro::Smoothing;
use crate::geometry::BBox;
use crate::keypoint::{Keypoints, Pose};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Identifies a person for as long as they are tracked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct TrackId(pub u64);

/// Source of ids: 1, 2, 3..., each once. All cameras of a session share one.
#[derive(Clone, Debug, Default)]
pub struct Ids(Arc<AtomicU64>);

impl Ids {
    pub(super) fn fresh(&self) -> TrackId {
        TrackId(self.0.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

/// What a tracker accepts as a person, and for how long.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Poses that score less are ignored.
    pub min_score: f32,
    /// Keypoints that score less are guesses: they take no part in matching or motion.
    pub keypoint_score: f32,
    /// Poses with fewer confident keypoints than this are dropped.
    pub min_keypoints: usize,
    /// A track that scores this much survives even if the finder does not see it.
    pub sure_score: f32,
    /// Sightings before a person is published.
    pub birth_hits: u32,
    /// How long a missed person stays published; their box keeps its velocity.
    pub hold: Duration,
    /// How long after that they may return under the same id.
    pub keep_lost: Duration,
    /// Most tracks at a time; further people are not tracked.
    pub max_tracks: usize,
    /// How to smooth the keypoints.
    pub smoothing: Smoothing,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            min_score: 0.1,
            keypoint_score: 0.2,
            min_keypoints: 5,
            sure_score: 0.5,
            birth_hits: 3,
            hold: Duration::from_millis(250),
            keep_lost: Duration::from_secs(2),
            max_tracks: 64,
            smoothing: Smoothing::default(),
        }
    }
}

/// Where a track is expected.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrackBox {
    /// The track.
    pub id: TrackId,
    /// Its box, moved by its velocity, clamped to the frame. Display px.
    pub bbox: BBox,
    /// Whether it is published.
    pub confirmed: bool,
}

/// A box to crop and estimate a pose in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Crop {
    /// The box in display px.
    pub bbox: BBox,
    /// The track it belongs to; `None`: a person not tracked yet.
    pub track: Option<TrackId>,
    /// Turn in which this track, or any new person, last got a crop.
    pub(super) served: u64,
    /// Index of the found box that this crop took, if it took one.
    pub found: Option<usize>,
}

/// A pose seen in a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Observation {
    /// The pose in display px.
    pub pose: Pose,
    /// The track of the crop it was seen in ([`Crop::track`]), if any.
    pub track: Option<TrackId>,
    /// Colours of the clothes; empty if they were not read.
    pub clothes: Clothes,
    /// Whether the finder was unsure. The pose may belong to a track, but starts none.
    pub doubtful: bool,
}

impl Observation {
    /// A pose with unknown clothes.
    pub fn new(pose: Pose, track: Option<TrackId>) -> Observation {
        Observation { pose, track, clothes: Clothes::default(), doubtful: false }
    }
}

/// A person as published.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Person {
    /// Never given to another person.
    pub id: TrackId,
    /// Box around the keypoints, clamped to the frame. If the pose is older than the frame, the box
    /// is moved by the velocity.
    pub bbox: BBox,
    /// Score of the pose, 0..=1.
    pub score: f32,
    /// As seen `age` ago, in display px.
    pub keypoints: Keypoints,
    /// The same keypoints, smoothed.
    pub smoothed: Keypoints,
    /// Time since the pose was seen; zero: in this frame.
    pub age: Duration,
    /// Time since the person was first seen.
    pub track_age: Duration,
    /// Velocity of the body, [x, y].
    pub velocity_px_s: [f32; 2],
}

/// Counts since the tracker started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Poses rejected as not finite or far outside the frame.
    pub rejected: u64,
    /// Poses dropped because the same person was seen twice in a frame.
    pub duplicates: u64,
    /// New people not tracked because there were `max_tracks` already.
    pub crowded: u64,
    /// Crops postponed because they exceeded the budget.
    pub postponed: u64,
}
