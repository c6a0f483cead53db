//! The tracker's rules one by one: who is published, and who keeps an id.

use crate::scene::{self, SIZE};
use posed::clock::Mono;
use posed::geometry::BBox;
use posed::keypoint::{Keypoint, Pose};
use posed::track::{Clothes, Crop, Ids, Observation, Options, Tracker};
use std::collections::HashSet;

/// Counts the frames, of 100 in ten seconds, in which a person is published. The pose network sees
/// the person in every frame with `score`; the finder, in the searches (two a second) that `finds`
/// picks.
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
fn a_coat_on_a_hook_is_dropped_and_a_person_is_not() {
    // Published from the third frame on, until the second search without a detection.
    assert_eq!(published(0.35, |search| search == 0), 8);
    // The finder misses some, or all after the first at a high score.
    assert_eq!(published(0.35, |search| search == 1 || search % 3 == 0), 98);
    assert_eq!(published(0.6, |search| search == 0), 98);
}

/// Counts the frames, of 100 in ten seconds, in which a small person inside a large person's box is
/// published. The finder sees the large one in every search (two a second), the small one in those
/// that `finds` picks.
fn published_within(finds: impl Fn(u64) -> bool) -> usize {
    let (large, small) = (whole((640.0, 700.0), 600.0), whole((650.0, 690.0), 200.0));
    let mut tracker = Tracker::new(Options::default(), Ids::default());
    let mut count = 0;
    for frame in 0..100 {
        let at = Mono(frame * 100_000_000);
        let search = frame % 5 == 0;
        let all = [large.bbox, small.bbox];
        // The large person is tracked first.
        let with_small = frame >= 20 && finds(frame / 5);
        let found: &[BBox] = if !search { &[] } else { &all[..if with_small { 2 } else { 1 }] };
        if search {
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
fn legs_are_not_a_second_person_but_a_child_in_front_is() {
    assert_eq!(published_within(|_| false), 0);
    // The pose network sees the small one in every crop; the finder in one search, or every third.
    assert_eq!(published_within(|search| search == 4), 0);
    assert_eq!(published_within(|search| search % 3 == 0), 0);
    // Seen in two searches in a row: published from the second on, half a second after the first.
    assert_eq!(published_within(|_| true), 100 - 25);
}

/// A person of `height` px with all keypoints visible.
fn whole(feet: (f32, f32), height: f32) -> Pose {
    let mut keypoints = scene::figure(feet, height, 0.0);
    keypoints.iter_mut().for_each(|k| k.score = 0.45);
    let bbox = BBox { x: feet.0 - 0.17 * height, y: feet.1 - height, w: 0.34 * height, h: height };
    Pose { bbox, score: 0.45, keypoints }
}

#[test]
fn a_track_astray_keeps_its_id_when_the_finder_sees_the_whole_body() {
    let mut tracker = Tracker::new(Options::default(), Ids::default());
    let mut ids = HashSet::new();
    for frame in 0..40u64 {
        let at = Mono(frame * 100_000_000);
        // For two seconds the pose is little more than a head, half outside the body.
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

/// What else the frame shows.
#[derive(Clone, Copy, PartialEq)]
enum Beside {
    Nobody,
    /// Something that the finder doubts is a person.
    Thing,
    Bystander,
}

/// Counts the ids published when a person stands for two seconds in the middle of the frame, is not
/// seen for half a second and then lies there.
fn ids_after_a_fall(beside: Beside) -> usize {
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
        let other = whole((1100.0, 650.0), 400.0);
        if beside != Beside::Nobody {
            there.push(other);
        }
        let boxes: Vec<BBox> = there.iter().map(|p| p.bbox).collect();
        let found: &[BBox] = if frame % 5 == 0 { &boxes } else { &[] };
        if frame % 5 == 0 {
            tracker.searched(at, found);
        }
        let crops = tracker.plan(at, SIZE, found, 8).to_vec();
        let shown = |bbox: &BBox| there.iter().copied().find(|p| p.bbox.iou(bbox) > 0.3);
        let observed = |crop: &Crop| {
            let pose = shown(&crop.bbox)?;
            let doubtful = beside == Beside::Thing && pose.bbox == other.bbox;
            Some(Observation { doubtful, ..Observation::new(pose, crop.track) })
        };
        let seen: Vec<_> = crops.iter().filter_map(observed).collect();
        ids.extend(tracker.update(at, SIZE, &seen).iter().map(|p| p.id.0));
    }
    ids.len()
}

#[test]
fn the_only_person_keeps_the_id_after_a_fall() {
    assert_eq!(ids_after_a_fall(Beside::Nobody), 1);
    assert_eq!(ids_after_a_fall(Beside::Thing), 1);
    // With other people near, it takes a similar pose.
    assert_eq!(ids_after_a_fall(Beside::Bystander), 3);
}

/// The number of people published in each frame, and their ids, for a person who stands still;
/// frames at these times in ms.
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
fn a_slow_camera_shows_people_and_a_returning_one_starts_anew() {
    let (each, ids) = published_at(&[0, 2500, 5000, 7500, 10_000]);
    assert_eq!((each, ids.len()), (vec![0, 0, 1, 1, 1], 1));
    let (each, ids) = published_at(&[0, 100, 200, 5000, 5100, 5200]);
    assert_eq!((each, ids.len()), (vec![0, 0, 1, 0, 0, 1], 2));
}

#[test]
fn in_a_crossing_clothes_decide_whose_pose_it_is() {
    let [red, blue] =
        [[200.0, 30.0, 40.0], [20.0, 40.0, 160.0]].map(|c| Clothes { trunk: Some(c), legs: Some(c) });
    let (behind, before) = (whole((600.0, 600.0), 300.0), whole((660.0, 600.0), 300.0));
    // When they meet only one pose is seen, nearer to where the person behind was.
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
    assert_eq!(whose(Clothes::default()), (2, vec![1]), "by position alone");
    assert_eq!(whose(red), (2, vec![1]));
    assert_eq!(whose(blue), (2, vec![2]));
}

#[test]
fn a_person_who_stands_gains_no_velocity_from_one_who_walks_by() {
    let mut tracker = Tracker::new(Options::default(), Ids::default());
    for frame in 0..24u64 {
        let at = Mono(frame * 100_000_000);
        let walks = whole((800.0 - 10.0 * frame as f32, 600.0), 300.0);
        // Once they overlap, the pose of the person at 500 is drawn towards the one who comes.
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
fn a_doubtful_pose_starts_no_track_but_can_belong_to_one() {
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
