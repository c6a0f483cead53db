//! A day that was drawn by lot, not filmed: four people in a living room, from a seed.

use crate::{NEW_YEAR, entry};
use fastrand::Rng;
use posed::history::{Entry, Mark, Row};

/// The camera's name says that nobody was filmed.
pub const CAMERA: &str = "drawn-example";

/// Standing, sitting, lying, crouching.
const STAND: usize = 0;
const SIT: usize = 1;
const LIE: usize = 2;
const CROUCH: usize = 3;

/// A place in the view and what people do there.
type Spot = ([f32; 2], usize);
const SOFA: Spot = ([0.24, 0.80], SIT);
const SOFA_END: Spot = ([0.35, 0.83], SIT);
const NAP: Spot = ([0.30, 0.78], LIE);
const TABLE: Spot = ([0.60, 0.68], SIT);
const TABLE_END: Spot = ([0.69, 0.71], SIT);
const KITCHEN: Spot = ([0.47, 0.52], STAND);
const WINDOW: Spot = ([0.14, 0.62], STAND);
const DOOR: Spot = ([0.91, 0.66], STAND);
const CARPET: Spot = ([0.48, 0.90], CROUCH);
const FLOOR: Spot = ([0.56, 0.86], LIE);

/// From and to a minute of the day, one of the people is about these places.
const DAY: &[(f32, f32, &[Spot])] = &[
    (132.0, 136.5, &[DOOR, KITCHEN]),
    (402.0, 436.0, &[KITCHEN, TABLE, KITCHEN]),
    (418.0, 471.0, &[TABLE_END, KITCHEN, WINDOW]),
    (420.0, 478.0, &[TABLE, DOOR]),
    (512.0, 540.0, &[KITCHEN, WINDOW, CARPET]),
    (566.0, 571.0, &[DOOR]),
    (655.0, 668.0, &[SOFA, WINDOW]),
    (712.0, 790.0, &[KITCHEN, TABLE, KITCHEN]),
    (735.0, 782.0, &[TABLE_END]),
    (738.0, 780.0, &[TABLE]),
    (795.0, 852.0, &[NAP]),
    (930.0, 1005.0, &[CARPET, SOFA, CARPET, KITCHEN]),
    (948.0, 1012.0, &[CARPET, SOFA_END, WINDOW]),
    (1063.0, 1066.2, &[DOOR, CARPET]),
    (1066.2, 1071.0, &[FLOOR]),
    (1069.0, 1110.0, &[CARPET, SOFA_END]),
    (1071.0, 1110.0, &[SOFA]),
    (1118.0, 1180.0, &[KITCHEN, TABLE]),
    (1125.0, 1182.0, &[TABLE_END, KITCHEN]),
    (1130.0, 1168.0, &[TABLE]),
    (1190.0, 1362.0, &[SOFA, SOFA, KITCHEN]),
    (1204.0, 1350.0, &[SOFA_END]),
    (1228.0, 1264.0, &[CARPET, TABLE]),
];
/// Minutes without a record: the camera had no power.
const OUTAGE: std::ops::Range<f32> = 604.0..641.0;
const EVENTS: &[(f32, Mark)] =
    &[(1066.3, Mark::Fall), (1066.8, Mark::FallConfirmed), (1068.4, Mark::Help), (830.0, Mark::LyingLong)];

/// Where one person is.
struct Walker {
    at: [f32; 2],
    spot: Spot,
    /// Second at which they go elsewhere.
    until: u32,
}

/// Rows of the day that begins at `starts`.
pub fn day(starts: i64, seed: u64) -> Vec<Entry> {
    let mut random = Rng::with_seed(seed);
    let mut walkers: Vec<Option<Walker>> = DAY.iter().map(|_| None).collect();
    let mut rows = Vec::new();
    let mut were_people = 0;
    for second in 0..86_400_u32 {
        let minute = second as f32 / 60.0;
        let mut row = Row::default();
        let (mut feet, mut activity) = (Vec::new(), 0.0);
        for ((from, to, spots), walker) in DAY.iter().zip(&mut walkers) {
            if !(*from..*to).contains(&minute) {
                continue;
            }
            let new = || Walker { at: DOOR.0, spot: spots[0], until: 0 };
            let walker = walker.get_or_insert_with(new);
            if walker.until <= second {
                walker.spot = spots[random.usize(..spots.len())];
                walker.until = second + random.u32(90..600);
            }
            let speed = walker.step();
            let posture = if speed > 0.0 { STAND } else { walker.spot.1 };
            row.people += 1;
            row.postures[posture] += 1;
            let quiet = [0.18, 0.05, 0.01, 0.3][posture];
            activity += if speed > 0.0 { 0.9 } else { quiet * random.f32() * 2.0 };
            let near = |v: f32, random: &mut Rng| v + (random.f32() + random.f32() - 1.0) * 0.02;
            feet.push([near(walker.at[0], &mut random), near(walker.at[1], &mut random)]);
            if second.is_multiple_of(60) && random.u8(..12) == 0 {
                row.marks.add(Mark::Posture);
            }
        }
        if OUTAGE.contains(&minute) {
            continue;
        }
        row.activity = Row::activity_of(activity);
        row.feet = feet.get(second as usize % feet.len().max(1)).map(|feet| Row::feet_of(*feet));
        let happens = |(at, _): &&(f32, Mark)| (at * 60.0).round() as u32 == second;
        EVENTS.iter().filter(happens).for_each(|(_, mark)| row.marks.add(*mark));
        if row.people > 0 && were_people == 0 {
            row.marks.add(Mark::Presence);
        }
        if row.people != were_people {
            row.marks.add(Mark::Line);
        }
        were_people = row.people;
        rows.push(entry(CAMERA, starts + i64::from(second), row));
    }
    rows
}

impl Walker {
    /// Goes on for a second. Returns how fast, as a fraction of the view.
    fn step(&mut self) -> f32 {
        let to = self.spot.0;
        let (dx, dy) = (to[0] - self.at[0], to[1] - self.at[1]);
        let far = dx.hypot(dy);
        if far < 0.015 {
            return 0.0;
        }
        let step = far.min(0.05);
        self.at = [self.at[0] + dx / far * step, self.at[1] + dy / far * step];
        step
    }
}

#[test]
fn the_same_seed_draws_the_same_day() {
    let (a, b) = (day(NEW_YEAR, 1), day(NEW_YEAR, 2));
    assert!(a == day(NEW_YEAR, 1) && a != b);
    assert!(a.iter().all(|entry| (0..86_400).contains(&(entry.second - NEW_YEAR))));
}
