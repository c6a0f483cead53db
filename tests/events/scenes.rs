//! Scenes whose truth is known: falls, and what must not be taken for one.

use crate::figure::Stance;
use crate::film::{Actor, Film, Pace, Screen};
use crate::stances::{bending, crawling, crouching, floor_sitting, lying, push_up, sitting, standing};

/// Scenes with exactly one fall.
pub const FALLS: [&str; 8] =
    ["forward", "backward", "left", "right", "faint", "slump", "from the chair", "while walking"];
/// Scenes without a fall.
pub const OTHERS: [&str; 11] = [
    "walk",
    "sit down",
    "sit down fast",
    "lie down slowly",
    "to bed",
    "pick up",
    "crouch",
    "push-ups",
    "crawling child",
    "leave",
    "bend behind the sofa",
];

fn between(rng: &mut fastrand::Rng, low: f32, high: f32) -> f32 {
    low + (high - low) * rng.f32()
}

/// A shift of `length_m` in the direction `turn` degrees left of `yaw`.
fn step(yaw: f32, turn: f32, length_m: f32) -> [f32; 2] {
    let (s, c) = (yaw + turn).to_radians().sin_cos();
    [length_m * c, length_m * s]
}

/// The clip of a scene: one of [`FALLS`] or [`OTHERS`].
pub fn film(scene: &str, seed: u64) -> Film {
    let mut rng = fastrand::Rng::with_seed(seed);
    let rng = &mut rng;
    let yaw = between(rng, 0.0, 360.0);
    let place = [between(rng, 3.2, 6.0), between(rng, -1.2, 1.2)];
    let camera_m = between(rng, 1.2, 3.0);
    let upright = standing(rng, yaw);
    let mut actor = Actor::new(1, 0.2, place, upright).hold(between(rng, 2.0, 4.0));
    actor.height_m = between(rng, 1.55, 1.9);
    if scene == "crawling child" {
        actor.height_m = between(rng, 0.75, 1.1);
    }
    let actor = play(scene, actor, yaw, rng);
    let mut film = Film::of(actor, camera_m, seed);
    film.fps = [6.0, 10.0, 15.0, 25.0][rng.usize(0..4)];
    if scene == "bend behind the sofa" {
        film.screen = Some(Screen { distance_m: place[0] - 0.7, height_m: 0.8 });
    }
    film
}

fn play(scene: &str, actor: Actor, yaw: f32, rng: &mut fastrand::Rng) -> Actor {
    let quick = between(rng, 0.6, 1.1);
    let fall = |actor: Actor, to: Stance, turn: f32| {
        actor.take(to, quick, step(yaw, turn, 0.75), Pace::Falling).hold(30.0)
    };
    match scene {
        "forward" => fall(actor, lying(rng, yaw, 88.0, 0.0), 0.0),
        "backward" => fall(actor, lying(rng, yaw, -88.0, 0.0), 180.0),
        "left" => fall(actor, lying(rng, yaw, 0.0, -88.0), 90.0),
        "right" => fall(actor, lying(rng, yaw, 0.0, 88.0), -90.0),
        "while walking" => {
            let actor = actor.walk([5.0, between(rng, -1.5, 1.5)]);
            let yaw = actor.yaw();
            let to = lying(rng, yaw, 88.0, 0.0);
            actor.take(to, quick, step(yaw, 0.0, 0.9), Pace::Falling).hold(30.0)
        }
        "faint" => {
            let knees = crouching(rng, yaw);
            let pitch = if rng.bool() { 88.0 } else { -88.0 };
            let to = lying(rng, yaw, pitch, 0.0);
            let actor = actor.take(knees, 0.5, [0.0, 0.0], Pace::Falling);
            actor.take(to, 0.7, step(yaw, 0.0, 0.3), Pace::Gentle).hold(30.0)
        }
        "slump" => {
            let to = Stance { bend: 25.0, ..floor_sitting(rng, yaw) };
            actor.take(to, 1.0, step(yaw, 180.0, 0.2), Pace::Falling).hold(30.0)
        }
        "from the chair" => {
            let chair = sitting(rng, yaw);
            let to = Stance { bend: 20.0, ..floor_sitting(rng, yaw) };
            let actor = actor.take(chair, 1.3, step(yaw, 180.0, 0.35), Pace::Gentle).hold(4.0);
            actor.take(to, 0.8, step(yaw, 0.0, 0.35), Pace::Falling).hold(30.0)
        }
        "walk" => actor.walk([4.0, -1.0]).walk([6.0, 1.5]).walk([3.5, 1.0]).hold(5.0),
        "sit down" => actor.take(sitting(rng, yaw), 1.6, step(yaw, 180.0, 0.4), Pace::Gentle).hold(30.0),
        "sit down fast" => {
            actor.take(sitting(rng, yaw), 0.6, step(yaw, 180.0, 0.4), Pace::Falling).hold(30.0)
        }
        "lie down slowly" => {
            let actor = actor.gently(crouching(rng, yaw), 1.4);
            let actor = actor.take(floor_sitting(rng, yaw), 1.4, step(yaw, 180.0, 0.2), Pace::Gentle);
            actor.hold(0.8).gently(lying(rng, yaw, -88.0, 0.0), 1.8).hold(30.0)
        }
        "to bed" => {
            let bed = Stance { seat: 0.5, ..sitting(rng, yaw) };
            let flat = Stance { seat: 0.5, ..lying(rng, yaw, -88.0, 0.0) };
            actor.take(bed, 1.2, step(yaw, 180.0, 0.4), Pace::Gentle).hold(1.0).gently(flat, 1.2).hold(30.0)
        }
        "pick up" => {
            let upright = standing(rng, yaw);
            actor.gently(bending(rng, yaw), 0.9).hold(1.0).gently(upright, 0.9).hold(5.0)
        }
        "crouch" | "bend behind the sofa" => {
            let upright = standing(rng, yaw);
            let stay = between(rng, 2.0, 8.0);
            actor.gently(crouching(rng, yaw), 0.8).hold(stay).gently(upright, 0.9).hold(5.0)
        }
        "push-ups" => {
            let mut actor = actor.gently(crouching(rng, yaw), 1.2).hold(0.4);
            actor = actor.take(push_up(yaw, 0.0), 1.0, step(yaw, 0.0, -0.2), Pace::Gentle);
            for _ in 0..10 {
                actor = actor.gently(push_up(yaw, 1.0), 0.8).gently(push_up(yaw, 0.0), 0.8);
            }
            actor.gently(crouching(rng, yaw), 1.0).gently(standing(rng, yaw), 1.2).hold(5.0)
        }
        "crawling child" => {
            let mut actor = actor.gently(crouching(rng, yaw), 0.8).gently(crawling(yaw, 0.0), 0.8);
            for i in 0..12 {
                actor = actor.take(crawling(yaw, i as f32 * 0.25), 0.5, step(yaw, 0.0, 0.08), Pace::Gentle);
            }
            actor.hold(2.0)
        }
        "leave" => actor.walk([4.0, 7.0]),
        other => panic!("no scene {other}"),
    }
}
