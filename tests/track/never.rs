//! Invariants that hold for any input.

use crate::scene::{SIZE, figure};
use posed::clock::Mono;
use posed::geometry::BBox;
use posed::keypoint::{Keypoint, Keypoints, Pose};
use posed::track::{Ids, Observation, Options, Person, Tracker};
use proptest::prelude::*;
use std::collections::HashSet;

/// Mostly sensible numbers, sometimes any other f32.
fn number(range: std::ops::Range<f32>) -> impl Strategy<Value = f32> {
    prop_oneof![
        40 => range,
        1 => prop_oneof![Just(f32::NAN), Just(f32::INFINITY), Just(f32::NEG_INFINITY), Just(f32::MAX), Just(-1e30)],
        1 => any::<u32>().prop_map(f32::from_bits),
    ]
}

/// A standing person; a few numbers of the pose are replaced by any f32.
fn pose() -> impl Strategy<Value = Pose> {
    let place = (0.0f32..1280.0, 200.0f32..720.0, 100.0f32..500.0);
    let wrong = prop::collection::vec((0usize..17, 0usize..3, number(-100.0..1400.0)), 0..3);
    (place, wrong, number(0.0..1.0), number(1.0..300.0)).prop_map(|((x, y, height), wrong, score, w)| {
        let mut keypoints: Keypoints = figure((x, y), height, 0.2);
        for (index, part, value) in wrong {
            let k: &mut Keypoint = &mut keypoints[index];
            *[&mut k.x_px, &mut k.y_px, &mut k.score][part] = value;
        }
        Pose { bbox: BBox { x, y: y - height, w, h: height }, score, keypoints }
    })
}

fn is_finite(person: &Person) -> bool {
    person.bbox.is_valid()
        && person.score.is_finite()
        && person.velocity_px_s.iter().all(|v| v.is_finite())
        && person.keypoints.iter().chain(&person.smoothed).all(Keypoint::is_finite)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn output_is_finite_and_ids_are_never_reused(
        frames in prop::collection::vec(
            (prop::collection::vec(pose(), 0..6), prop_oneof![9 => 0u64..100, 1 => 100u64..4000], 0usize..20),
            1..60,
        ),
    ) {
        let ids = Ids::default();
        let mut tracker = Tracker::new(Options { birth_hits: 1, ..Options::default() }, ids.clone());
        let (mut at, mut ever, mut before) = (0, HashSet::new(), HashSet::new());
        for (poses, dt_ms, what) in frames {
            at += dt_ms * 1_000_000;
            // Sometimes the frame size changes or the tracker is replaced.
            let size = if what == 0 { (640, 360) } else { SIZE };
            if what == 1 {
                tracker = Tracker::new(Options { birth_hits: 1, ..Options::default() }, ids.clone());
                before.clear();
            }
            let found: Vec<BBox> = poses.iter().map(|p| p.bbox).collect();
            let crops = tracker.plan(Mono(at), size, &found, 4).to_vec();
            prop_assert!(crops.len() <= 4 && crops.iter().all(|c| c.bbox.is_valid()));
            let seen: Vec<Observation> = poses
                .iter()
                .enumerate()
                .map(|(i, pose)| Observation::new(*pose, crops.get(i).and_then(|c| c.track)))
                .collect();
            let now: HashSet<u64> = {
                let people = tracker.update(Mono(at), size, &seen);
                prop_assert!(people.iter().all(is_finite), "{people:?}");
                people.iter().map(|p| p.id.0).collect()
            };
            // An id that pauses may return, except after a new tracker.
            for id in now.difference(&before) {
                prop_assert!(ever.insert(*id) || what != 1, "id {id} was used before");
            }
            before = now;
        }
    }
}

#[test]
fn an_id_is_never_used_again() {
    // Each frame has another size, so each starts a track. A new tracker starts now and then.
    let ids = Ids::default();
    let (mut at, mut ever) = (0, HashSet::new());
    for _ in 0..5 {
        let mut tracker = Tracker::new(Options { birth_hits: 1, ..Options::default() }, ids.clone());
        for frame in 0..50u64 {
            at += 3_000_000_000;
            let size = (SIZE.0 + frame as u32 % 2, SIZE.1);
            let keypoints = figure((100.0 + 20.0 * frame as f32, 600.0), 300.0, 0.0);
            let bbox = BBox { x: 20.0 * frame as f32, y: 300.0, w: 100.0, h: 300.0 };
            let pose = Pose { bbox, score: 0.9, keypoints };
            for person in tracker.update(Mono(at), size, &[Observation::new(pose, None)]) {
                assert!(ever.insert(person.id), "{:?} came twice", person.id);
            }
        }
    }
    assert_eq!(ever.len(), 250);
}

#[test]
fn time_that_runs_backwards_is_harmless() {
    let mut tracker = Tracker::new(Options::default(), Ids::default());
    let bbox = BBox { x: 550.0, y: 200.0, w: 150.0, h: 400.0 };
    let pose = Pose { bbox, score: 0.9, keypoints: figure((640.0, 600.0), 400.0, 0.0) };
    for ms in [100, 200, 300, 50, 50, 400, 0] {
        let people = tracker.update(Mono(ms * 1_000_000), SIZE, &[Observation::new(pose, None)]);
        assert!(people.iter().all(is_finite));
        assert!(people.len() <= 1);
    }
    assert_eq!(tracker.update(Mono(500_000_000), SIZE, &[]).len(), 1);
}
