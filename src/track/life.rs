//! The life of one track: tentative, confirmed after enough sightings, lost when missed, dead.

use super::body;
use super::figure::Figure;
use super::observations::Seen;
use super::types::{Options, Person, TrackId};
use crate::clock::Mono;
use crate::geometry::BBox;
use crate::keypoint::bounding_box;

/// A pose with less likeness than this belongs to another person.
pub(super) const MIN_LIKENESS: f32 = 0.4;
/// Searches in which the finder must see a person who appears within another person's box. New
/// people come from an edge or from behind something. In the middle of a person, the box of a
/// single search, with the pose that the network imagines in it, is just as often that person's
/// legs.
const SEARCHES_WITHIN: u8 = 2;
/// Searches without a detection that a new track survives, and that a well established one does. A
/// track that is missed before it is confirmed stays unconfirmed until the finder detects it.
const FIRST_TRUST: u8 = 2;
const MAX_TRUST: u8 = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Seen, but too few times to publish.
    Tentative,
    /// Published; its crop is estimated in turn.
    Confirmed,
    /// Neither published nor estimated; revived when a person appears there.
    Lost,
}

#[derive(Clone, Debug)]
pub(super) struct Track {
    pub(super) id: TrackId,
    pub(super) stage: Stage,
    pub(super) figure: Figure,
    born_at: Mono,
    /// Turn in which its crop was last estimated.
    pub(super) served: u64,
    /// Whether the coming update decides if it is still there.
    pub(super) checked: bool,
    /// First frame in a row in which it was checked and not seen.
    missed_since: Option<Mono>,
    /// Born within another person's box.
    within: bool,
    /// Searches in which the finder saw it, including the one it was born from.
    found: u8,
    /// Another box, seen by the last search, that may be this body.
    pub(super) alternative: Option<BBox>,
    /// Searches without a detection that it still survives.
    trust: u8,
    score: f32,
    pub(super) usual_score: f32,
    /// Lost by walking out of the frame.
    pub(super) left: bool,
}

impl Track {
    /// A track born from what was `seen` at `at`, `within` another person's box or not.
    pub(super) fn new(
        id: TrackId,
        turn: u64,
        at: Mono,
        seen: &Seen,
        within: bool,
        options: &Options,
    ) -> Track {
        let mut track = Track {
            id,
            stage: Stage::Tentative,
            figure: Figure::new(at, &seen.pose, options),
            born_at: at,
            served: turn,
            checked: false,
            missed_since: None,
            within,
            found: 1,
            alternative: None,
            trust: FIRST_TRUST,
            score: seen.pose.score,
            usual_score: seen.pose.score,
            left: false,
        };
        track.see(at, seen, options);
        track
    }

    /// Takes what was `seen` at `at` as this person.
    pub(super) fn see(&mut self, at: Mono, seen: &Seen, options: &Options) {
        let pose = &seen.pose;
        let now = bounding_box(&pose.keypoints, options.keypoint_score).unwrap_or(pose.bbox);
        let astray = self.alternative.take().is_some() && self.figure.box_at(at).iou(&now) < MIN_LIKENESS;
        self.figure.follow(at, seen, astray, options);
        self.score = pose.score;
        self.usual_score += 0.1 * (pose.score - self.usual_score);
        self.missed_since = None;
        self.checked = false;
        let found = self.trust >= FIRST_TRUST && (!self.within || self.found >= SEARCHES_WITHIN);
        let established = self.figure.hits >= options.birth_hits && found;
        if self.stage == Stage::Lost || established {
            self.stage = Stage::Confirmed;
        }
    }

    /// Records that it was checked at `at` and not seen in a frame of `size` (width, height) px.
    /// Returns whether that is the first miss in a row, or the one that loses it.
    pub(super) fn miss(&mut self, at: Mono, size: (u32, u32), options: &Options) -> bool {
        self.alternative = None;
        let first = self.missed_since.is_none();
        let since = *self.missed_since.get_or_insert(at);
        if self.stage != Stage::Confirmed {
            return false;
        }
        // A person who was walking out and is missed has left, rather than being hidden.
        let left = body::is_leaving(&self.figure.box_at(at), self.figure.velocity_px_s, size);
        let lost = left || at.since(since) >= options.hold;
        if lost {
            self.left = left;
            self.stage = Stage::Lost;
        }
        first || lost
    }

    /// Records whether a search detected (`seen`) this person, expected at the edge of the frame or
    /// not. A track with a low score that searches keep missing is imagined: the pose network finds
    /// a body in any crop.
    pub(super) fn searched(&mut self, seen: bool, at_edge: bool, options: &Options) {
        if seen {
            self.found = self.found.saturating_add(1);
            self.trust = (self.trust + 2).min(MAX_TRUST);
        } else if self.within && self.stage == Stage::Tentative {
            self.trust = 0;
        } else if self.score < options.sure_score && self.stage != Stage::Lost {
            // At the edge, the person has more likely walked out than been overlooked by the
            // finder.
            self.trust = self.trust.saturating_sub(if at_edge { 2 } else { 1 });
        }
    }

    /// Publishes even a new person seen at `at`, unless they may be a part of another person.
    pub(super) fn confirm(&mut self, at: Mono) {
        if self.stage == Stage::Tentative && self.figure.seen_at == at && !self.within {
            self.stage = Stage::Confirmed;
        }
    }

    /// Whether it cannot be revived: imagined, missed while tentative, or lost for too long.
    pub(super) fn is_dead(&self, at: Mono, options: &Options) -> bool {
        if self.trust == 0 {
            return true;
        }
        match (self.stage, self.missed_since) {
            (_, None) | (Stage::Confirmed, _) => false,
            (Stage::Tentative, Some(_)) => true,
            (Stage::Lost, Some(since)) => at.since(since) > options.keep_lost,
        }
    }

    /// The person as published at `at` in a frame of `size` (width, height) px.
    pub(super) fn person(&self, at: Mono, size: (u32, u32)) -> Person {
        let figure = &self.figure;
        Person {
            id: self.id,
            bbox: body::clamped(&figure.box_at(at), size).unwrap_or(figure.bbox),
            score: self.score,
            keypoints: figure.keypoints,
            smoothed: figure.smoothed,
            age: at.since(figure.seen_at),
            track_age: at.since(self.born_at),
            velocity_px_s: figure.velocity_px_s,
        }
    }
}
