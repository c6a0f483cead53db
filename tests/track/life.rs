//! Whole scenes through search, plan and tracker, scored by CLEAR MOT.

use crate::mot::Score;
use crate::scene::{self, Body, FAIR, Path, Quality, SIZE, walk};
use posed::clock::Mono;
use posed::detect::due::{self, Due, Situation};
use posed::track::{Ids, Observation, Options, Person, Tracker};
use std::collections::HashSet;

/// The true people at a time in s.
pub type World<'a> = &'a dyn Fn(f32) -> Vec<Body>;

pub struct Run<'a> {
    pub world: World<'a>,
    pub seconds: f32,
    pub fps: f32,
    pub quality: Quality,
    pub budget: usize,
    pub seed: u64,
}

impl Default for Run<'_> {
    fn default() -> Self {
        Run { world: &|_| Vec::new(), seconds: 10.0, fps: 15.0, quality: FAIR, budget: 16, seed: 1 }
    }
}

#[derive(Debug, Default)]
pub struct Outcome {
    score: Score,
    /// Ids in the order they were first published.
    ids: Vec<u64>,
    searches: usize,
    crops: usize,
    oldest_ms: u128,
}

fn play(run: &Run) -> Outcome {
    play_and(run, |_, _| ())
}

/// Runs a scene as the daemon does: predict, search if due, plan, estimate, update. Calls `tell`
/// with what would be published.
pub fn play_and(run: &Run, mut tell: impl FnMut(Mono, &[Person])) -> Outcome {
    let mut rng = fastrand::Rng::with_seed(run.seed);
    let mut tracker = Tracker::new(Options::default(), Ids::default());
    let mut due = Due::new(due::Options::default());
    let (mut out, mut known) = (Outcome::default(), HashSet::new());
    for frame in 0..(run.seconds * run.fps) as u64 {
        let t = frame as f32 / run.fps;
        let at = Mono((f64::from(t) * 1e9) as u64);
        let bodies = (run.world)(t);
        let boxes: Vec<_> = tracker.predict(at, SIZE).iter().map(|b| b.bbox).collect();
        let unknown = |b: &Body| b.visible() > 3 && boxes.iter().all(|t| t.iou(&b.bbox) < 0.2);
        let situation = Situation {
            tracked: !boxes.is_empty(),
            lost: tracker.lost_person(),
            motion: bodies.iter().any(unknown),
        };
        let searched = due.reason(at, situation).is_some();
        let found = if searched { scene::find(&bodies, &run.quality, &mut rng) } else { Vec::new() };
        if searched {
            tracker.searched(at, &found);
        }
        let crops = tracker.plan(at, SIZE, &found, run.budget);
        assert!(crops.len() <= run.budget);
        if searched {
            due.searched(at, crops.iter().any(|crop| crop.track.is_none()));
            out.searches += 1;
        }
        out.crops += crops.len();
        let seen: Vec<Observation> = crops
            .iter()
            .map(|crop| {
                let pose = scene::estimate(&bodies, crop.bbox, &run.quality, &mut rng);
                Observation::new(pose, crop.track)
            })
            .collect();
        let people = tracker.update(at, SIZE, &seen);
        tell(at, people);
        let reported: Vec<_> = people.iter().map(|p| (p.id.0, p.bbox)).collect();
        out.oldest_ms = out.oldest_ms.max(people.iter().map(|p| p.age.as_millis()).max().unwrap_or(0));
        out.ids.extend(reported.iter().map(|r| r.0).filter(|id| known.insert(*id)));
        let truth: Vec<_> = bodies.iter().map(scene::truth).collect();
        out.score.frame(&truth, &reported);
    }
    out
}

/// Runs with several seeds and frame rates. MOTA is taken over all runs at one rate together, as a
/// benchmark takes it over all its sequences. No run may have more id switches than `switches`.
/// `POSED_SEEDS` sets the number of runs for longer trials.
fn judge(what: &str, world: World, seconds: f32, switches: usize) {
    let seeds = std::env::var("POSED_SEEDS").map_or(8, |n| n.parse().expect("POSED_SEEDS is a number"));
    for fps in [10.0, 15.0, 25.0] {
        let (mut people, mut wrong, mut switched, mut over) = (0, 0, 0, Vec::new());
        for seed in 1..=seeds {
            let Outcome { score, .. } = play(&Run { world, seconds, fps, seed, ..Run::default() });
            people += score.people;
            wrong += score.misses + score.false_positives + score.switches;
            switched += score.switches;
            if score.switches > switches {
                over.push((seed, score));
            }
        }
        let mota = 1.0 - wrong as f64 / people as f64;
        println!("{what}, {fps} fps: MOTA {mota:.3}, {switched} id switches in {seeds} runs");
        assert!(over.is_empty(), "{what}, {fps} fps: more than {switches} switches: {over:?}");
        assert!(mota >= 0.85, "{what}, {fps} fps: MOTA {mota:.3}");
    }
}

#[test]
fn people_apart_keep_their_ids() {
    for count in [1usize, 2, 4, 6, 8, 12] {
        let paths: Vec<Path> = (0..count)
            .map(|i| {
                let x = 1280.0 * (i as f32 + 0.5) / count as f32;
                let dx = 200.0 / count as f32;
                let height = (900.0 / count as f32).clamp(150.0, 400.0);
                walk((x - dx, 600.0), (x + dx, 640.0), height, 1.0, 9.0)
            })
            .collect();
        judge(&format!("{count} people"), &|t| scene::bodies(&paths, t), 10.0, 0);
    }
}

#[test]
fn people_who_cross_keep_their_ids() {
    let crossing = [
        walk((100.0, 600.0), (1180.0, 600.0), 380.0, 0.5, 8.0),
        walk((1180.0, 660.0), (100.0, 660.0), 420.0, 0.5, 8.0),
    ];
    judge("crossing", &|t| scene::bodies(&crossing, t), 9.0, 1);
    // One stands in the middle, one passes behind, one in front, and the two who pass cross as
    // well.
    let three = [
        walk((640.0, 640.0), (640.0, 640.0), 390.0, 0.0, 1.0),
        walk((100.0, 590.0), (1180.0, 590.0), 340.0, 0.5, 7.0),
        walk((1180.0, 690.0), (100.0, 690.0), 440.0, 1.5, 8.0),
    ];
    judge("three crossing", &|t| scene::bodies(&three, t), 9.0, 1);
}

#[test]
fn a_second_behind_another_person_changes_no_id() {
    // The person who stands hides the one who walks by for about a second.
    let hidden = [
        walk((300.0, 600.0), (1000.0, 600.0), 300.0, 1.0, 5.0),
        walk((640.0, 700.0), (640.0, 700.0), 520.0, 0.0, 1.0),
    ];
    judge("occlusion", &|t| scene::bodies(&hidden, t), 7.0, 1);
}

#[test]
fn people_come_and_go_at_every_border() {
    let borders: [(&str, (f32, f32), f32); 4] = [
        ("left", (-150.0, 650.0), 400.0),
        ("right", (1430.0, 650.0), 400.0),
        ("top", (640.0, -20.0), 300.0),
        ("bottom", (640.0, 1050.0), 300.0),
    ];
    for (border, outside, height) in borders {
        let paths = [scene::call(outside, (640.0, 600.0), height)];
        judge(border, &|t| scene::bodies(&paths, t), 10.0, 0);
    }
}

#[test]
fn the_people_of_the_demo_clip_keep_their_ids() {
    let frames = scene::recorded(include_str!("../../models/demo/walk.json"));
    // 25 frames/s; two of the three people cross.
    let world = |t: f32| frames((t * 25.0).round() as usize);
    judge("demo clip", &world, 14.9, 1);
}

#[test]
fn a_return_within_two_seconds_keeps_the_id_and_a_later_one_does_not() {
    let away = |gap: f32| {
        let path: Path = Box::new(move |t| (!(4.0..4.0 + gap).contains(&t)).then_some((640.0, 600.0, 350.0)));
        move |t| scene::bodies(std::slice::from_ref(&path), t)
    };
    for seed in 1..=8 {
        let back = play(&Run { world: &away(1.3), seed, ..Run::default() });
        assert_eq!(back.ids.len(), 1, "seed {seed}: {back:?}");
        let later = play(&Run { world: &away(3.5), seed, ..Run::default() });
        assert_eq!(later.ids.len(), 2, "seed {seed}: {later:?}");
    }
}

#[test]
fn all_people_are_tracked_within_a_small_budget() {
    let paths: Vec<Path> = (0..12)
        .map(|i| walk((60.0 + 105.0 * i as f32, 600.0), (70.0 + 105.0 * i as f32, 600.0), 200.0, 0.0, 20.0))
        .collect();
    for seed in 1..=4 {
        let out = play(&Run {
            world: &|t| scene::bodies(&paths, t),
            seconds: 20.0,
            budget: 4,
            seed,
            ..Run::default()
        });
        println!("{:.3} {:?}", out.score.mota(), out);
        assert_eq!(out.score.switches, 0, "{out:?}");
        assert!(out.score.mota() >= 0.85, "{:.3} {out:?}", out.score.mota());
        // A round of 12 crops takes three frames; misses and new people add some.
        assert!(out.oldest_ms < 1000, "{out:?}");
    }
}

#[test]
fn an_empty_scene_has_no_people_and_few_searches() {
    for seed in 1..=8 {
        let out = play(&Run { seconds: 60.0, seed, ..Run::default() });
        assert!(out.ids.is_empty(), "{out:?}");
        assert!(out.searches <= 15, "searches of an empty still scene: {}", out.searches);
    }
}
