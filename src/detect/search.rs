//! [`Search`]: when to run the person finder on a camera's frames, and which of its boxes count.

use super::due::{Due, Options, Situation};
use super::motion::Motion;
use super::{Detection, Finder};
use crate::frame::Frame;
use crate::geometry::{BBox, View};
use crate::infer::Error;

/// A box counts as part of another person if this share of it lies in a better box and its score is
/// below [`SURE_WITHIN`].
const WITHIN: f32 = 0.7;
/// Boxes within others count on their own from this score. On pictures of the training set this
/// drops a quarter of the finder's boxes at any score, and costs 1 % of the average precision.
const SURE_WITHIN: f32 = 0.5;
/// A box must score this many times the finder's threshold, which is set for single pictures. In a
/// stream, a missed person is found by the next search, but a false person stays.
const SURE: f32 = 1.3;
/// A box that overlaps every track by less than this IoU is a newcomer's.
const KNOWN_IOU: f32 = 0.3;

/// Searches one camera's frames. Allocates only while its buffers grow.
#[derive(Debug)]
pub struct Search {
    due: Due,
    motion: Motion,
    /// Detections of the last search that score enough.
    all: Vec<Detection>,
    /// Those with their centre in the region of interest.
    inside: Vec<Detection>,
}

impl Search {
    /// For a camera that was never searched.
    pub fn new(options: Options) -> Search {
        let (all, inside) = (Vec::new(), Vec::new());
        Search { due: Due::new(options), motion: Motion::default(), all, inside }
    }

    /// Runs `finder` on `frame` if a search is due. Returns the people in `region`, best first;
    /// `None` if no search was due.
    ///
    /// `known` are the boxes of tracked people. `lost`: one was lost in the last frame.
    /// All boxes are in px of the display frame that `view` describes.
    ///
    /// # Errors
    /// If the finder fails.
    pub fn run(
        &mut self,
        frame: &Frame,
        view: &View,
        finder: &mut Finder,
        region: &BBox,
        known: impl Iterator<Item = BBox> + Clone,
        lost: bool,
    ) -> Result<Option<&[Detection]>, Error> {
        let at = frame.stamp.mono;
        self.motion.update(frame);
        let motion = self.motion.outside(known.clone(), view);
        let situation = Situation { tracked: known.clone().next().is_some(), motion, lost };
        if self.due.reason(at, situation).is_none() {
            return Ok(None);
        }
        finder.find(frame, view, &mut self.all)?;
        let least = finder.score_threshold() * SURE;
        self.all.retain(|d| d.score >= least);
        self.inside.clear();
        self.inside.extend(self.all.iter().filter(|d| contains(region, d.bbox.centre())));
        let is_new = |d: &Detection| known.clone().all(|own| own.iou(&d.bbox) < KNOWN_IOU);
        self.due.searched(at, self.inside.iter().any(is_new));
        Ok(Some(&self.inside))
    }

    /// Whether `found`, from the last search, is probably part of a person with a better box.
    pub fn is_part(&self, found: &Detection) -> bool {
        is_part(found, &self.all)
    }
}

fn is_part(found: &Detection, all: &[Detection]) -> bool {
    let mut better = all.iter().filter(|other| other.score > found.score);
    found.score < SURE_WITHIN && better.any(|other| found.bbox.share_in(&other.bbox) >= WITHIN)
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
        let judged = |other: Detection| is_part(&other, &[adult, other]);
        assert!(judged(at(0.4, 448.0, 245.0, 81.0, 153.0)));
        assert!(!judged(at(0.52, 448.0, 245.0, 81.0, 153.0)), "the finder is sure");
        assert!(!judged(at(0.4, 500.0, 100.0, 100.0, 300.0)), "more beside than within");
        assert!(!is_part(&adult, &[adult]));
    }
}
