//! What events cost.

use crate::engine;
use crate::film::{Actor, Film};
use crate::stances::{standing, walking};
use posed::events::{By, Line, Watch, Zone};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Prints the time of a frame with ten people, with everything on. To measure:
/// `cargo nextest run --release --run-ignored only --no-capture -E 'test(ten_people_cost)'`.
#[test]
#[ignore = "measures; asserts nothing"]
fn ten_people_cost() {
    let mut rng = fastrand::Rng::with_seed(1);
    let mut film = Film::of(Actor::new(0, 0.0, [5.0, 0.0], walking(90.0, 0.0)).hold(60.0), 2.4, 1);
    film.fps = 30.0;
    film.actors.extend((1..10u8).map(|id| {
        let place = [4.0 + f32::from(id) * 0.3, f32::from(id) * 0.4 - 2.0];
        Actor::new(id.into(), 0.0, place, standing(&mut rng, 90.0)).hold(60.0)
    }));
    let mut engine = engine(|options| {
        let square = vec![[0.2, 0.2], [0.8, 0.2], [0.8, 0.9], [0.2, 0.9]];
        options.zones = ["a", "b", "c", "d"].map(|name| Zone::new(name, square.clone())).to_vec();
        let line = |name: &str| Line { name: name.into(), from: [0.5, 1.0], to: [0.5, 0.0], by: By::Feet };
        options.lines = vec![line("door"), line("gate")];
        let watch = || Some(Watch::after_s(2));
        (options.hand_raised, options.help) = (watch(), watch());
        (options.no_movement, options.lying_long, options.posture) = (watch(), watch(), watch());
    });
    let mut times: Vec<Duration> = Vec::new();
    film.play(0.0, |moment, people| {
        let began = Instant::now();
        black_box(engine.update(moment, people));
        times.push(began.elapsed());
    });
    times.sort();
    let at = |share: usize| times[(times.len() - 1) * share / 100];
    println!(
        "{} frames of ten people: median {:?}, 99 % {:?}, most {:?}",
        times.len(),
        at(50),
        at(99),
        at(100)
    );
}
