//! How much people move: their keypoints against those of a moment ago. Both are forgotten; only
//! the sum reaches a row.

use crate::clock::Mono;
use crate::geometry::BBox;
use crate::keypoint::Keypoints;
use std::time::Duration;

/// Poses are compared over this time: a shorter one measures how keypoints tremble.
const OVER: Duration = Duration::from_millis(250);
/// An older pose says nothing about now.
const OLD: Duration = Duration::from_secs(2);
/// Keypoints that score less are guesses.
const SEEN: f32 = 0.25;
/// Noise in the speed of a person who sits still, in body lengths a second.
const STILL: f32 = 0.06;
/// People who are followed. More are rare, and add nothing to a day.
const MOST: usize = 64;

/// Follows the people of one camera.
#[derive(Debug)]
pub struct Motion {
    people: Vec<Known>,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    id: u64,
    keypoints: Keypoints,
    /// Time of the keypoints.
    at: Mono,
    /// Time of the last frame with this person.
    met: Mono,
    speed: f32,
}

impl Default for Motion {
    fn default() -> Motion {
        Motion { people: Vec::with_capacity(MOST) }
    }
}

impl Motion {
    /// Takes the people of a frame: ids, boxes and keypoints. Returns how fast they move, all
    /// together, in body lengths a second.
    pub fn frame<'p>(&mut self, at: Mono, people: impl Iterator<Item = (u64, BBox, &'p Keypoints)>) -> f32 {
        let mut sum = 0.0;
        for (id, bbox, keypoints) in people {
            let known = self.people.iter_mut().find(|known| known.id == id);
            match known.filter(|known| at.since(known.at) < OLD) {
                Some(known) => {
                    known.follow(at, bbox, keypoints);
                    sum += known.speed;
                }
                None => self.meet(Known { id, keypoints: *keypoints, at, met: at, speed: 0.0 }),
            }
        }
        self.people.retain(|known| at.since(known.met) < OLD);
        sum
    }

    fn meet(&mut self, new: Known) {
        self.people.retain(|known| known.id != new.id);
        if self.people.len() < MOST {
            self.people.push(new);
        }
    }
}

impl Known {
    fn follow(&mut self, at: Mono, bbox: BBox, keypoints: &Keypoints) {
        self.met = at;
        let time = at.since(self.at);
        if time < OVER {
            return;
        }
        let pairs = self.keypoints.iter().zip(keypoints).filter(|(a, b)| a.score.min(b.score) >= SEEN);
        let moved = pairs.map(|(a, b)| (b.x_px - a.x_px).hypot(b.y_px - a.y_px));
        let (sum, seen) = moved.fold((0.0, 0.0), |(sum, seen), px| (sum + px, seen + 1.0));
        let body_px = bbox.w.max(bbox.h).max(1.0);
        if seen > 0.0 {
            let speed = sum / seen / body_px / time.as_secs_f32();
            self.speed = (speed - STILL).max(0.0);
        }
        (self.keypoints, self.at) = (*keypoints, at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keypoint::{KEYPOINTS, Keypoint};

    const BODY: BBox = BBox { x: 0.0, y: 0.0, w: 40.0, h: 100.0 };

    fn pose(x_px: f32) -> Keypoints {
        [Keypoint { x_px, y_px: 50.0, score: 0.9 }; KEYPOINTS]
    }

    fn at(ms: u64) -> Mono {
        Mono::default() + Duration::from_millis(ms)
    }

    /// Activity after two seconds at 25 frames a second, of people who move this many px a second.
    fn activity(speeds: &[f32]) -> f32 {
        let mut motion = Motion::default();
        let mut last = 0.0;
        for frame in 0..50_u64 {
            let poses: Vec<Keypoints> = speeds.iter().map(|px| pose(px * frame as f32 / 25.0)).collect();
            let people = (1..).zip(&poses).map(|(id, pose)| (id, BODY, pose));
            last = motion.frame(at(frame * 40), people);
        }
        last
    }

    #[test]
    fn activity_counts_body_lengths_of_all_people_and_no_tremble() {
        assert_eq!(activity(&[]), 0.0);
        assert_eq!(activity(&[5.0]), 0.0, "a tremble");
        let walk = activity(&[100.0]);
        assert!((walk - 0.94).abs() < 0.02, "{walk}");
        assert!((activity(&[100.0, 100.0]) - 2.0 * walk).abs() < 0.01);
    }

    #[test]
    fn who_comes_back_after_a_while_has_not_jumped_and_a_crowd_takes_no_memory() {
        let mut motion = Motion::default();
        let (here, there) = (pose(0.0), pose(500.0));
        motion.frame(at(0), [(1, BODY, &here)].into_iter());
        assert_eq!(motion.frame(at(60_000), [(1, BODY, &there)].into_iter()), 0.0);
        motion.frame(at(60_100), (0..1000).map(|id| (id, BODY, &here)));
        assert_eq!((motion.people.len(), motion.people.capacity()), (MOST, MOST));
    }
}
