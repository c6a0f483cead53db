//! The tracker's rules one by one: who is published, and who is still the same.

use crate::scene::{self, SIZE};
use posed::clock::Mono;
use posed::geometry::BBox;
use posed::keypoint::{Keypoint, Pose};
use posed::track::{Clothes, Ids, Observation, Options, Tracker};
use std::collections::HashSet;

/// For how many frames of ten seconds somebody is published whom the pose network sees in every
/// frame with `score`, and the finder in the looks (two a second) for which `finds` says so.
fn published(score: f32, finds: impl Fn(u64) -> bool) -> usize {
    let mut keypoints = scene::figure((640.0, 600.0), 300.0, 0.0);
    keypoints.iter_mut().for_each(|k| k.score = score);
    let bbox = BBox { x: 590.0, y: 300.0, w: 100.0, h: 300.0 };
    let pose = Pose { bbox, score, keypoints };
    let mut tracker = Tracker::new(Options::default(), Ids::default());
    let mut count = 0;
    for frame in 0..100 {
        let at = Mono(frame * 100_000_000);
        let found: &[BBox] = if frame % 5 == 0 && finds(frame / 5) { &[bbox] } else { &[] };
        if frame % 5 == 0 {
            tracker.searched(at, found);
        }
        let crops = tracker.plan(at, SIZE, found, 8).to_vec();
        let seen: Vec<_> = crops.iter().map(|c| Observation::new(pose, c.track)).collect();
        count += tracker.update(at, SIZE, &seen).len();
    }
    count
}

#[test]
fn a_coat_on_a_hook_is_not_followed_for_long_and_a_person_is() {
    // Three frames to be born, then two looks in vain.
    assert_eq!(published(0.35, |look| look == 0), 8);
    // Overlooked now and then, or by the finder alone.
    assert_eq!(published(0.35, |look| look == 1 || look % 3 == 0), 98);
    assert_eq!(published(0.6, |look| look == 0), 98);
}

/// For how many frames of ten seconds a small person is published who is all within a large one's box,
/// the finder seeing the large one in every look (two a second) and the small one when `finds` says so.
fn published_within(finds: impl Fn(u64) -> bool) -> usize {
    let (large, small) = (whole((640.0, 700.0), 600.0), whole((650.0, 690.0), 200.0));
    let mut tracker = Tracker::new(Options::default(), Ids::default());
    let mut count = 0;
    for frame in 0..100 {
        let at = Mono(frame * 100_000_000);
        let look = frame % 5 == 0;
        let all = [large.bbox, small.bbox];
        // The large one is known before.
        let with_small = frame >= 20 && finds(frame / 5);
        let found: &[BBox] = if !look { &[] } else { &all[..if with_small { 2 } else { 1 }] };
        if look {
            tracker.searched(at, found);
        }
        let crops = tracker.plan(at, SIZE, found, 8).to_vec();
        let nearest = |bbox: &BBox| if bbox.iou(&large.bbox) > bbox.iou(&small.bbox) { large } else { small };
        let seen: Vec<_> = crops.iter().map(|c| Observation::new(nearest(&c.bbox), c.track)).collect();
        count += tracker.update(at, SIZE, &seen).len().saturating_sub(1);
    }
    count
}

#[test]
fn somebodys_legs_are_not_a_second_person_and_a_child_before_somebody_is() {
    assert_eq!(published_within(|_| false), 0);
    // The pose network sees them in every crop, and the finder in one look, or in every third.
    assert_eq!(published_within(|look| look == 4), 0);
    assert_eq!(published_within(|look| look % 3 == 0), 0);
    // Seen by two looks on end: from the second one on, which is half a second after the first.
    assert_eq!(published_within(|_| true), 100 - 25);
}

/// A whole person of `height` px, and their box.
fn whole(feet: (f32, f32), height: f32) -> Pose {
    let mut keypoints = scene::figure(feet, height, 0.0);
    keypoints.iter_mut().for_each(|k| k.score = 0.45);
    let bbox = BBox { x: feet.0 - 0.17 * height, y: feet.1 - height, w: 0.34 * height, h: height };
    Pose { bbox, score: 0.45, keypoints }
}

#[test]
fn who_went_astray_on_a_few_keypoints_is_the_same_when_the_finder_sees_all_of_them() {
    let mut tracker = Tracker::new(Options::default(), Ids::default());
    let mut ids = HashSet::new();
    for frame in 0..40u64 {
        let at = Mono(frame * 100_000_000);
        // For two seconds the pose network has little more than a head, and that half out of the body.
        let astray = whole((660.0, 370.0), 190.0);
        let pose = if frame < 20 { astray } else { whole((640.0, 620.0), 370.0) };
        let found: &[BBox] = if frame % 5 == 0 { &[pose.bbox] } else { &[] };
        if frame % 5 == 0 {
            tracker.searched(at, found);
        }
        let crops = tracker.plan(at, SIZE, found, 8).to_vec();
        let seen: Vec<_> = crops.iter().map(|c| Observation::new(pose, c.track)).collect();
        ids.extend(tracker.update(at, SIZE, &seen).iter().map(|p| p.id.0));
    }
    assert_eq!(ids.len(), 1, "{ids:?}");
}

/// Ids published when somebody stands for two seconds, is lost for half a second in the midst of the picture and then
/// seen lying there, with or without a bystander.
fn ids_after_a_fall(bystander: bool) -> usize {
    let standing = whole((600.0, 650.0), 400.0);
    // Head to the right, where the feet were.
    let lying = Pose {
        bbox: BBox { x: 560.0, y: 520.0, w: 400.0, h: 136.0 },
        keypoints: standing.keypoints.map(|k| Keypoint {
            x_px: 560.0 + 650.0 - k.y_px,
            y_px: k.x_px - 12.0,
            ..k
        }),
        ..standing
    };
    let mut tracker = Tracker::new(Options::default(), Ids::default());
    let mut ids = HashSet::new();
    for frame in 0..50u64 {
        let at = Mono(frame * 100_000_000);
        let mut there = Vec::new();
        match frame {
            0..20 => there.push(standing),
            20..25 => {}
            _ => there.push(lying),
        }
        if bystander {
            there.push(whole((1100.0, 650.0), 400.0));
        }
        let boxes: Vec<BBox> = there.iter().map(|p| p.bbox).collect();
        let found: &[BBox] = if frame % 5 == 0 { &boxes } else { &[] };
        if frame % 5 == 0 {
            tracker.searched(at, found);
        }
        let crops = tracker.plan(at, SIZE, found, 8).to_vec();
        let shown = |bbox: &BBox| there.iter().copied().find(|p| p.bbox.iou(bbox) > 0.3);
        let seen: Vec<_> =
            crops.iter().filter_map(|c| Some(Observation::new(shown(&c.bbox)?, c.track))).collect();
        ids.extend(tracker.update(at, SIZE, &seen).iter().map(|p| p.id.0));
    }
    ids.len()
}

#[test]
fn who_turns_up_beside_where_the_only_one_was_lost_is_the_same() {
    assert_eq!(ids_after_a_fall(false), 1);
    // Where others are it takes a pose that is alike.
    assert_eq!(ids_after_a_fall(true), 3);
}

/// How many are published in each frame of somebody who stands there, the frames at these times in ms; and their ids.
fn published_at(times: &[u64]) -> (Vec<usize>, HashSet<u64>) {
    let pose = whole((640.0, 650.0), 400.0);
    let mut tracker = Tracker::new(Options::default(), Ids::default());
    let mut ids = HashSet::new();
    let each = times.iter().map(|ms| {
        let at = Mono(ms * 1_000_000);
        tracker.searched(at, &[pose.bbox]);
        let crops = tracker.plan(at, SIZE, &[pose.bbox], 8).to_vec();
        let seen: Vec<_> = crops.iter().map(|c| Observation::new(pose, c.track)).collect();
        let people = tracker.update(at, SIZE, &seen);
        ids.extend(people.iter().map(|p| p.id.0));
        people.len()
    });
    (each.collect(), ids)
}

#[test]
fn a_camera_of_few_frames_shows_people_too_and_one_that_comes_back_none_at_once() {
    let (each, ids) = published_at(&[0, 2500, 5000, 7500, 10_000]);
    assert_eq!((each, ids.len()), (vec![0, 0, 1, 1, 1], 1));
    let (each, ids) = published_at(&[0, 100, 200, 5000, 5100, 5200]);
    assert_eq!((each, ids.len()), (vec![0, 0, 1, 0, 0, 1], 2));
}

#[test]
fn in_a_crossing_a_pose_is_theirs_who_wears_its_clothes() {
    let [red, blue] =
        [[200.0, 30.0, 40.0], [20.0, 40.0, 160.0]].map(|c| Clothes { trunk: Some(c), legs: Some(c) });
    let (behind, before) = (whole((600.0, 600.0), 300.0), whole((660.0, 600.0), 300.0));
    // Of both one pose is seen when they meet, nearer to where the one behind was.
    let met = whole((620.0, 600.0), 300.0);
    let whose = |clothes: Clothes| {
        let mut tracker = Tracker::new(Options::default(), Ids::default());
        for frame in 0..10 {
            let seen = [(behind, red), (before, blue)];
            let seen = seen.map(|(pose, clothes)| Observation { clothes, ..Observation::new(pose, None) });
            tracker.update(Mono(frame * 100_000_000), SIZE, &seen);
        }
        let crops = tracker.plan(Mono(1_000_000_000), SIZE, &[], 8).to_vec();
        let seen = crops.iter().map(|c| Observation { clothes, ..Observation::new(met, c.track) });
        let seen: Vec<_> = seen.collect();
        let people = tracker.update(Mono(1_000_000_000), SIZE, &seen);
        let there: Vec<_> = people.iter().filter(|p| p.age.is_zero()).map(|p| p.id.0).collect();
        (people.len(), there)
    };
    assert_eq!(whose(Clothes::default()), (2, vec![1]), "by the place alone");
    assert_eq!(whose(red), (2, vec![1]));
    assert_eq!(whose(blue), (2, vec![2]));
}

#[test]
fn who_stands_where_somebody_walks_by_is_not_thought_to_walk() {
    let mut tracker = Tracker::new(Options::default(), Ids::default());
    for frame in 0..24u64 {
        let at = Mono(frame * 100_000_000);
        let walks = whole((800.0 - 10.0 * frame as f32, 600.0), 300.0);
        // Once they overlap, the pose of who stands at 500 is drawn to the one who comes.
        let drawn_px = if frame > 20 { 15.0 } else { 0.0 };
        let stands = whole((500.0 + drawn_px, 600.0), 300.0);
        let of = |bbox: &BBox| if bbox.iou(&stands.bbox) > bbox.iou(&walks.bbox) { stands } else { walks };
        let crops = tracker.plan(at, SIZE, &[stands.bbox, walks.bbox], 8).to_vec();
        let seen: Vec<_> = crops.iter().map(|c| Observation::new(of(&c.bbox), c.track)).collect();
        tracker.update(at, SIZE, &seen);
    }
    let velocities: Vec<f32> = tracker.people().iter().map(|person| person.velocity_px_s[0]).collect();
    let [stands, walks] = velocities[..] else { panic!("{velocities:?}") };
    assert!(stands.abs() < 1.0 && (-110.0..-80.0).contains(&walks), "{velocities:?}");
}

#[test]
fn what_the_finder_doubts_is_nobody_new_and_may_be_somebody_known() {
    let pose = whole((640.0, 600.0), 300.0);
    let doubtful = Observation { doubtful: true, ..Observation::new(pose, None) };
    let mut tracker = Tracker::new(Options::default(), Ids::default());
    let at = |frame: u64| Mono(frame * 100_000_000);
    for frame in 0..10 {
        assert!(tracker.update(at(frame), SIZE, &[doubtful]).is_empty());
    }
    for frame in 10..20 {
        tracker.update(at(frame), SIZE, &[Observation::new(pose, None)]);
    }
    for frame in 20..30 {
        tracker.update(at(frame), SIZE, &[]);
    }
    assert!(tracker.people().is_empty(), "lost");
    assert_eq!(tracker.update(at(30), SIZE, &[doubtful])[0].id.0, 1);
}
