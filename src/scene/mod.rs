//! What a worker does with one frame: look for people if it is time, estimate their poses, follow
//! them. One [`Scene`] a camera; the worker that holds the camera's lease has it to itself.

pub mod offline;
mod wardrobe;

use crate::clock::SharedClock;
use crate::detect::look::{self, Look};
use crate::detect::motion::Motion;
use crate::detect::{self, Detection, Finder};
use crate::frame::Frame;
use crate::geometry::{BBox, Rotate, View};
use crate::keypoint::Pose;
use crate::pose::{self, Estimator};
use crate::telemetry::stats::Skipped;
use crate::track::{self, Observation, Person, Tracker};
use std::time::Duration;
use wardrobe::Wardrobe;

/// Somebody new of whose box this share lies in a better one ...
const WITHIN: f32 = 0.7;
/// ... scores at least this. Below, it is a part of that person: on pictures of the training set this
/// takes a quarter of the finder's boxes of any score and one hundredth of the average precision.
const SURE_WITHIN: f32 = 0.5;
/// A box must score this many times the finder's threshold, which is that of a picture looked at once: in a stream, whom one
/// look misses the next one finds, and what is taken for a person stays.
const SURE: f32 = 1.3;
/// And this many where nobody is followed or was lost. Things that the finder takes for people seldom do.
const SURE_OF_NEW: f32 = 1.7;

/// How one camera's frames are worked on.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// To make the picture upright.
    pub rotate: Rotate,
    /// Part of the display frame that is looked at, [x, y, w, h] in 0..=1.
    pub roi: Option<[f32; 4]>,
    /// Whether the person finder looks for people; if not, the region of interest is the box.
    pub finder: bool,
    /// Most poses estimated in one frame.
    pub max_people: usize,
    /// When to look.
    pub look: look::Options,
    /// How to follow.
    pub track: track::Options,
}

/// What an inference thread owns and every camera borrows.
pub struct Nets {
    /// Poses in boxes.
    pub estimator: Estimator,
    /// Boxes in frames, if there is such a model.
    pub finder: Option<Finder>,
}

/// Why a frame gave no poses.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The pose network failed.
    #[error("pose network: {0}")]
    Pose(#[from] pose::Error),
    /// The person finder failed.
    #[error("person finder: {0}")]
    Find(#[from] detect::Error),
}

/// Where the time of one frame went; none where there was nothing to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timing {
    /// Looking for people.
    pub finder: Option<Duration>,
    /// Estimating their poses.
    pub pose: Option<Duration>,
}

/// One camera's people.
pub struct Scene {
    options: Options,
    clock: SharedClock,
    timing: Timing,
    tracker: Tracker,
    look: Look,
    motion: Motion,
    wardrobe: Wardrobe,
    // Kept from frame to frame, so that none of them allocates.
    found: Vec<Detection>,
    boxes: Vec<BBox>,
    crops: Vec<track::Crop>,
    poses: Vec<Pose>,
    observations: Vec<Observation>,
}

impl Scene {
    /// A scene that knows nobody.
    pub fn new(options: Options, ids: track::Ids, clock: SharedClock) -> Scene {
        Scene {
            tracker: Tracker::new(options.track.clone(), ids),
            look: Look::new(options.look.clone()),
            motion: Motion::default(),
            wardrobe: Wardrobe::default(),
            options,
            clock,
            timing: Timing::default(),
            found: Vec::new(),
            boxes: Vec::new(),
            crops: Vec::new(),
            poses: Vec::new(),
            observations: Vec::new(),
        }
    }

    /// How the published frame lies in a stored one.
    pub fn view(&self, frame: &Frame) -> View {
        frame.view(self.options.rotate)
    }

    /// Where the time of the last frame went.
    pub fn timing(&self) -> Timing {
        self.timing
    }

    /// Poses that were not estimated, since the start.
    pub fn skipped(&self) -> Skipped {
        let track::Stats { postponed, crowded, .. } = self.tracker.stats();
        Skipped { max_people: postponed, crowded }
    }

    /// The people of the last frame, in px of the display frame.
    pub fn people(&self) -> &[Person] {
        self.tracker.people()
    }

    /// Takes in `frame`.
    ///
    /// # Errors
    /// If a network fails; the tracks then wait for the next frame.
    pub fn update(&mut self, frame: &Frame, nets: &mut Nets) -> Result<(), Error> {
        let view = self.view(frame);
        let size = (view.width, view.height);
        let at = frame.stamp.mono;
        self.timing = Timing::default();

        self.boxes.clear();
        match nets.finder.as_mut().filter(|_| self.options.finder) {
            Some(finder) => self.find(frame, &view, finder)?,
            // Once somebody is followed their own box is the better crop.
            None if self.tracker.predict(at, size).is_empty() => self.boxes.push(self.region(&view)),
            None => {}
        }
        self.crops.clear();
        self.crops.extend_from_slice(self.tracker.plan(at, size, &self.boxes, self.options.max_people));
        let found = if self.timing.finder.is_some() { &self.found[..] } else { &[] };
        self.crops.retain(|crop| crop.track.is_some() || !is_part(&crop.bbox, found));

        self.boxes.clear();
        self.boxes.extend(self.crops.iter().map(|crop| crop.bbox));
        let began = self.clock.now();
        nets.estimator.estimate(frame, &view, &self.boxes, &mut self.poses)?;
        self.timing.pose = (!self.boxes.is_empty()).then(|| self.clock.now().since(began));

        self.observations.clear();
        let seen = self.poses.iter().zip(&self.crops);
        let min_score = self.options.track.keypoint_score;
        let sure = nets.finder.as_ref().map_or(0.0, |f| f.score_threshold()) * SURE_OF_NEW;
        self.observations.extend(seen.map(|(&pose, crop)| Observation {
            clothes: self.wardrobe.read(frame, &view, &pose.keypoints, min_score),
            doubtful: found.iter().any(|d| d.bbox == crop.bbox && d.score < sure),
            ..Observation::new(pose, crop.track)
        }));
        self.tracker.update(at, size, &self.observations);
        Ok(())
    }

    /// Looks for people if it is time, into `self.boxes`.
    fn find(&mut self, frame: &Frame, view: &View, finder: &mut Finder) -> Result<(), Error> {
        let at = frame.stamp.mono;
        self.motion.update(frame);
        let known = self.tracker.predict(at, (view.width, view.height));
        let scene = look::Scene {
            tracked: !known.is_empty(),
            motion: self.motion.outside(known.iter().map(|track| track.bbox), view),
            lost: self.tracker.lost_person(),
        };
        if self.look.due(at, scene).is_none() {
            return Ok(());
        }
        let began = self.clock.now();
        finder.find(frame, view, &mut self.found)?;
        let least = finder.score_threshold() * SURE;
        self.found.retain(|d| d.score >= least);
        self.timing.finder = Some(self.clock.now().since(began));
        let region = self.region(view);
        let inside = self.found.iter().map(|d| d.bbox).filter(|b| contains(&region, b.centre()));
        self.boxes.extend(inside);
        let known = self.tracker.predict(at, (view.width, view.height));
        let newcomers = self.boxes.iter().any(|b| known.iter().all(|track| track.bbox.iou(b) < 0.3));
        self.look.done(at, newcomers);
        self.tracker.searched(at, &self.boxes);
        Ok(())
    }

    /// The region of interest in display px.
    fn region(&self, view: &View) -> BBox {
        let [x, y, w, h] = self.options.roi.unwrap_or([0.0, 0.0, 1.0, 1.0]);
        let (width, height) = (view.width as f32, view.height as f32);
        BBox { x: x * width, y: y * height, w: w * width, h: h * height }
    }
}

/// Whether `bbox`, which is one of `found`, is likely no person but a part of one with a better box.
fn is_part(bbox: &BBox, found: &[Detection]) -> bool {
    let Some(own) = found.iter().find(|d| d.bbox == *bbox) else { return false };
    let mut others = found.iter().filter(|d| d.score > own.score);
    own.score < SURE_WITHIN && others.any(|other| bbox.share_in(&other.bbox) >= WITHIN)
}

fn contains(region: &BBox, (x, y): (f32, f32)) -> bool {
    x >= region.x && y >= region.y && x <= region.x + region.w && y <= region.y + region.h
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn legs_are_a_part_and_a_child_or_a_neighbour_is_not() {
        let at = |score, x, y, w, h| Detection { bbox: BBox { x, y, w, h }, score };
        let adult = at(0.55, 350.0, 0.0, 190.0, 384.0);
        let judged = |other: Detection| is_part(&other.bbox, &[adult, other]);
        assert!(judged(at(0.4, 448.0, 245.0, 81.0, 153.0)));
        assert!(!judged(at(0.52, 448.0, 245.0, 81.0, 153.0)), "the finder is sure");
        assert!(!judged(at(0.4, 500.0, 100.0, 100.0, 300.0)), "more beside than within");
        assert!(!is_part(&adult.bbox, &[adult]));
    }
}
