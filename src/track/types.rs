//! What goes into a tracker and what comes out.

use super::clothes::Clothes;
use super::one_euro::Smoothing;
use crate::geometry::BBox;
use crate::keypoint::{Keypoints, Pose};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Names a person for as long as they are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct TrackId(pub u64);

/// Hands out ids from 1 on, none of them twice; all cameras of a session share one.
#[derive(Clone, Debug, Default)]
pub struct Ids(Arc<AtomicU64>);

impl Ids {
    pub(super) fn fresh(&self) -> TrackId {
        TrackId(self.0.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

/// What a tracker believes, and for how long.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Poses that score less are not looked at.
    pub min_score: f32,
    /// Keypoints that score less are guesses: they neither match nor move anything.
    pub keypoint_score: f32,
    /// A pose with fewer keypoints of `keypoint_score` is nobody.
    pub min_keypoints: usize,
    /// A pose that scores as much is believed even where the finder sees nobody.
    pub sure_score: f32,
    /// Sightings before a person is published.
    pub birth_hits: u32,
    /// How long a person who is looked for in vain is still published: their box moves on as it did.
    pub hold: Duration,
    /// How long after that they may come back under the same id.
    pub keep_lost: Duration,
    /// Most tracks at a time; further people are not followed.
    pub max_tracks: usize,
    /// Of the keypoints.
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

/// Where a track should be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrackBox {
    /// Whose.
    pub id: TrackId,
    /// The box, moved on by the velocity and cut to the frame.
    pub bbox: BBox,
    /// Whether they are published, or only suspected.
    pub confirmed: bool,
}

/// A box to crop and estimate the pose in; px of the display frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Crop {
    /// Where.
    pub bbox: BBox,
    /// The track that asks; none: somebody new.
    pub track: Option<TrackId>,
    /// The turn in which whoever asks was last served.
    pub(super) served: u64,
}

/// A pose seen in a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Observation {
    /// What was seen.
    pub pose: Pose,
    /// The track whose crop it was seen in, if any: [`Crop::track`].
    pub track: Option<TrackId>,
    /// What the body wears, as far as that was looked at.
    pub clothes: Clothes,
    /// Where the finder is not sure of anybody: it may be somebody known, but nobody new.
    pub doubtful: bool,
}

impl Observation {
    /// A pose of whose clothes nothing is known.
    pub fn new(pose: Pose, track: Option<TrackId>) -> Observation {
        Observation { pose, track, clothes: Clothes::default(), doubtful: false }
    }
}

/// A person as published.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Person {
    /// Theirs alone.
    pub id: TrackId,
    /// Box about the keypoints, cut to the frame; where the pose is of an earlier frame, moved on as the body did.
    pub bbox: BBox,
    /// Of the pose, 0..=1.
    pub score: f32,
    /// As seen, `age` ago, and where.
    pub keypoints: Keypoints,
    /// The same, smoothed.
    pub smoothed: Keypoints,
    /// How long ago the pose was seen; zero if in this very frame.
    pub age: Duration,
    /// How long the person has been followed.
    pub track_age: Duration,
    /// How the body moves, [x, y].
    pub velocity_px_s: [f32; 2],
}

/// What a tracker has seen, counted from its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Poses that were not finite or not in the picture.
    pub rejected: u64,
    /// Poses of somebody who was seen twice in the same frame.
    pub duplicates: u64,
    /// People not followed because there were `max_tracks` already.
    pub crowded: u64,
    /// Turns that had to wait because of the budget.
    pub postponed: u64,
}
