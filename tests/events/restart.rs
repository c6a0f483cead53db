//! Falls that are open when posed or its camera stops.

use crate::figure::Stance;
use crate::film::{Actor, Film, Pace};
use crate::stances::lying;
use crate::{engine, states};
use posed::events::{Engine, Event, Kept, Kind, State};

/// An actor who falls and stays down, and the engine once the fall is confirmed.
fn confirmed_fall() -> (Film, f32, Engine) {
    let up = Stance { yaw: 60.0, ..Stance::default() };
    let mut rng = fastrand::Rng::with_seed(3);
    let flat = lying(&mut rng, 60.0, 88.0, 0.0);
    let actor =
        Actor::new(1, 0.0, [4.0, 0.0], up).hold(3.0).take(flat, 0.8, [0.5, 0.3], Pace::Falling).hold(26.0);
    let film = Film::of(actor, 2.0, 1);
    let mut engine = engine(|_| {});
    let events = film.events(&mut engine, 0.0);
    assert_eq!(states(&events, Kind::Fall), [State::Suspected, State::Confirmed]);
    (film, 29.8, engine)
}

#[test]
fn a_fall_goes_on_after_a_restart_under_the_same_id() {
    let (film, end_s, first) = confirmed_fall();
    let text = serde_json::to_string(&first.kept()).unwrap();
    let kept: Kept = serde_json::from_str(&text).unwrap();
    assert_eq!(kept.falls.len(), 1);
    let mut second = engine(|_| {});
    second.restore(&kept);
    assert!(second.snapshot().fall, "the state is on before the first frame");
    // The same person lies there under another id, then gets up.
    let stance = Stance { yaw: 60.0, ..Stance::default() };
    let flat = lying(&mut fastrand::Rng::with_seed(3), 60.0, 88.0, 0.0);
    let actor = Actor::new(7, end_s + 5.0, [4.5, 0.3], flat).hold(10.0).gently(stance, 2.0).hold(5.0);
    let again = Film { actors: vec![actor], ..film };
    let events = again.events(&mut second, 0.0);
    let falls: Vec<_> = events.iter().filter(|event| event.kind == Kind::Fall).collect();
    assert_eq!(falls.iter().map(|e| e.state).collect::<Vec<_>>(), [State::Cleared]);
    assert_eq!((falls[0].id, falls[0].person), (kept.falls[0].id, Some(7)));
    assert!(!second.snapshot().fall && second.kept().falls.is_empty());
}

#[test]
fn after_a_restart_a_fall_ends_if_its_person_is_gone() {
    let (film, end_s, first) = confirmed_fall();
    let mut second = engine(|_| {});
    second.restore(&first.kept());
    let size = film.camera.size;
    let mut events = Vec::new();
    for s in 0..70 {
        let now = crate::film::moment(end_s + s as f32, size);
        events.extend_from_slice(second.update(&now, &[]));
    }
    assert_eq!(states(&events, Kind::Fall), [State::Ended]);
}

#[test]
fn a_fall_does_not_end_while_the_camera_gives_no_frames() {
    let (film, end_s, mut engine) = confirmed_fall();
    let at = |s: f32| crate::film::moment(end_s + s, film.camera.size);
    let mut idle: Vec<Event> = (0..300).flat_map(|s| engine.idle(&at(s as f32)).to_vec()).collect();
    idle.retain(|event| event.kind == Kind::Fall);
    assert!(idle.is_empty() && engine.snapshot().fall);
    // The camera is back, and nobody is there.
    let events: Vec<Event> = (300..370).flat_map(|s| engine.update(&at(s as f32), &[]).to_vec()).collect();
    assert_eq!(states(&events, Kind::Fall), [State::Ended]);
}
