//! Actors who follow a script before a camera: what a tracker would publish of them.

use crate::figure::{Camera, Stance, body, boxed, jitter};
use crate::stances;
use posed::clock::Mono;
use posed::events::{Engine, Event, Moment, Person};
use std::time::{Duration, SystemTime};

/// How a movement's speed changes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// Starts and stops gently, as people do.
    Gentle,
    /// Accelerates until it hits something, as bodies do.
    Falling,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Walk { from: [f32; 2], to: [f32; 2], yaw: f32 },
    Move { from: Stance, to: Stance, place: [f32; 2], shift: [f32; 2], pace: Pace },
}

/// A person with a script.
#[derive(Clone, Debug)]
pub struct Actor {
    pub id: u64,
    pub height_m: f32,
    start_s: f32,
    stance: Stance,
    place: [f32; 2],
    steps: Vec<(f32, Step)>,
}

impl Actor {
    /// Appears at `start_s` at `place`, in `stance`.
    pub fn new(id: u64, start_s: f32, place: [f32; 2], stance: Stance) -> Actor {
        Actor { id, height_m: 1.7, start_s, stance, place, steps: Vec::new() }
    }

    /// Walks there at 1.2 m/s.
    pub fn walk(mut self, to: [f32; 2]) -> Actor {
        let (dx, dy) = (to[0] - self.place[0], to[1] - self.place[1]);
        let yaw = dy.atan2(dx).to_degrees();
        self.steps.push((dx.hypot(dy) / 1.2, Step::Walk { from: self.place, to, yaw }));
        (self.place, self.stance) = (to, Stance { yaw, ..stances::walking(yaw, 0.0) });
        self
    }

    /// Takes `stance` within `seconds`; the hips move by `shift` metres on the floor.
    pub fn take(mut self, stance: Stance, seconds: f32, shift: [f32; 2], pace: Pace) -> Actor {
        let step = Step::Move { from: self.stance, to: stance, place: self.place, shift, pace };
        self.steps.push((seconds, step));
        self.stance = stance;
        self.place = [self.place[0] + shift[0], self.place[1] + shift[1]];
        self
    }

    /// Takes `stance` gently where they are.
    pub fn gently(self, stance: Stance, seconds: f32) -> Actor {
        self.take(stance, seconds, [0.0, 0.0], Pace::Gentle)
    }

    /// Stays as they are.
    pub fn hold(self, seconds: f32) -> Actor {
        let stance = self.stance;
        self.gently(stance, seconds)
    }

    /// Which way they face, in degrees.
    pub fn yaw(&self) -> f32 {
        self.stance.yaw
    }

    /// When the script ends.
    pub fn end_s(&self) -> f32 {
        self.start_s + self.steps.iter().map(|(seconds, _)| seconds).sum::<f32>()
    }

    /// Stance and place at `t`; `None` before the script begins and after it ends.
    fn at(&self, t: f32) -> Option<(Stance, [f32; 2])> {
        let mut left = t - self.start_s;
        if left < 0.0 {
            return None;
        }
        for &(seconds, step) in &self.steps {
            if left > seconds {
                left -= seconds;
                continue;
            }
            let share = left / seconds.max(1e-3);
            return Some(match step {
                Step::Walk { from, to, yaw } => {
                    let at = [0, 1].map(|i| from[i] + (to[i] - from[i]) * share);
                    (stances::walking(yaw, left * 0.9), at)
                }
                Step::Move { from, to, place, shift, pace } => {
                    let share = match pace {
                        Pace::Gentle => share * share * (3.0 - 2.0 * share),
                        Pace::Falling => share * share,
                    };
                    (from.towards(&to, share), [0, 1].map(|i| place[i] + shift[i] * share))
                }
            });
        }
        None
    }
}

/// Furniture: hides what is below its upper edge, for people behind it.
#[derive(Clone, Copy, Debug)]
pub struct Screen {
    pub distance_m: f32,
    pub height_m: f32,
}

/// A clip.
#[derive(Clone, Debug)]
pub struct Film {
    pub camera: Camera,
    pub fps: f32,
    /// Jitter of the keypoints, as a share of the person's size.
    pub noise: f32,
    pub actors: Vec<Actor>,
    pub screen: Option<Screen>,
    pub seed: u64,
}

impl Film {
    /// One actor before a camera at `height_m`.
    pub fn of(actor: Actor, height_m: f32, seed: u64) -> Film {
        let camera = Camera::at(height_m);
        Film { camera, fps: 12.0, noise: 0.008, actors: vec![actor], screen: None, seed }
    }

    /// The person that a tracker would publish of `actor` at `t`.
    fn person(&self, actor: &Actor, t: f32, rng: &mut fastrand::Rng) -> Option<Person> {
        let (stance, place) = actor.at(t)?;
        let points = body(&stance, place, actor.height_m);
        let mut keypoints = self.camera.keypoints(&points);
        if let Some(screen) = self.screen {
            let ([_, edge], _) = self.camera.project([screen.distance_m, 0.0, screen.height_m]);
            let hidden = |x: f32, y: f32| x > screen.distance_m && y > edge;
            let hide = keypoints.iter_mut().zip(&points).filter(|(k, p)| hidden(p[0], k.y_px));
            hide.for_each(|(k, _)| k.score = 0.05);
        }
        jitter(&mut keypoints, self.noise, rng);
        let bbox = boxed(&keypoints, self.camera.size)?;
        let seen = keypoints.iter().filter(|k| k.score > 0.2).count();
        (seen >= 5).then_some(Person { id: actor.id, bbox, keypoints, age: Duration::ZERO })
    }

    /// Calls `each` with the people of every frame, until `seconds` after the last script.
    pub fn play(&self, seconds: f32, mut each: impl FnMut(&Moment, &mut Vec<Person>)) {
        let mut rng = fastrand::Rng::with_seed(self.seed);
        let end = self.actors.iter().map(Actor::end_s).fold(0.0, f32::max) + seconds;
        let mut people = Vec::new();
        for frame in 0..(end * self.fps) as u32 {
            let t = frame as f32 / self.fps;
            people.clear();
            people.extend(self.actors.iter().filter_map(|actor| self.person(actor, t, &mut rng)));
            each(&moment(t, self.camera.size), &mut people);
        }
    }

    /// All events that `engine` finds.
    pub fn events(&self, engine: &mut Engine, seconds: f32) -> Vec<Event> {
        let mut events = Vec::new();
        self.play(seconds, |moment, people| events.extend_from_slice(engine.update(moment, people)));
        events
    }
}

/// A moment `t` seconds after the start of a clip, on 2026-01-01 in UTC.
pub fn moment(t: f32, size: (u32, u32)) -> Moment {
    let since = Duration::from_secs_f64(f64::from(t));
    Moment {
        at: Mono(1_000_000_000) + since,
        wall: SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600) + since,
        utc_offset_s: 0,
        size,
    }
}
