//! Hands, stillness, and lying for long.

use crate::figure::{Arm, Stance};
use crate::film::{Actor, Film};
use crate::stances::{lying, standing, walking};
use crate::{engine, states};
use posed::events::{Kind, Options, State, Watch};

fn all(options: &mut Options) {
    options.hand_raised = Some(Watch::after_s(2));
    options.help = Some(Watch::after_s(2));
    options.no_movement = Some(Watch::after_s(10));
    options.lying_long = Some(Watch::after_s(15));
}

const UP: Arm = Arm { flex: 172.0, out: 6.0, elbow: 0.0 };

fn with_arms(arms: [Arm; 2]) -> Stance {
    Stance { arms, ..standing(&mut fastrand::Rng::with_seed(1), 170.0) }
}

#[test]
fn one_hand_is_a_sign_and_two_ask_for_help() {
    let down = Arm::default();
    for (arms, kind, other) in
        [([UP, down], Kind::HandRaised, Kind::Help), ([UP, UP], Kind::Help, Kind::HandRaised)]
    {
        let rest = with_arms([down; 2]);
        let actor = Actor::new(1, 0.0, [4.0, 0.0], rest).hold(2.0).gently(with_arms(arms), 0.4).hold(4.0);
        let film = Film::of(actor.gently(rest, 0.4).hold(3.0), 1.8, 4);
        let events = film.events(&mut engine(all), 0.0);
        assert_eq!(states(&events, kind), [State::Started, State::Ended], "{kind:?}");
        assert_eq!(events[0].id, events[1].id);
        assert_eq!(states(&events, other), [], "{kind:?}");
    }
}

#[test]
fn a_short_wave_and_a_hand_at_the_ear_are_no_signs() {
    let rest = with_arms([Arm::default(); 2]);
    let phone = with_arms([Arm { flex: 50.0, out: 20.0, elbow: 130.0 }, Arm::default()]);
    let wave = with_arms([UP, Arm::default()]);
    let actor = Actor::new(1, 0.0, [4.0, 0.0], rest).hold(1.0).gently(phone, 0.5).hold(6.0);
    let actor = actor.gently(rest, 0.5).gently(wave, 0.4).hold(1.0).gently(rest, 0.4).hold(3.0);
    let events = Film::of(actor, 1.8, 4).events(&mut engine(all), 0.0);
    assert_eq!(states(&events, Kind::HandRaised), []);
}

#[test]
fn a_raised_hand_ends_when_its_person_leaves() {
    let actor = Actor::new(1, 0.0, [4.0, 0.0], with_arms([UP, UP])).hold(5.0);
    let mut engine = engine(all);
    let film = Film::of(actor, 1.8, 4);
    let mut helped = false;
    let mut events = Vec::new();
    film.play(5.0, |moment, people| {
        events.extend_from_slice(engine.update(moment, people));
        helped |= engine.snapshot().help;
    });
    assert!(helped && !engine.snapshot().help);
    assert_eq!(states(&events, Kind::Help), [State::Started, State::Ended]);
}

#[test]
fn lying_and_not_moving_for_long_are_told() {
    let mut rng = fastrand::Rng::with_seed(8);
    let down = lying(&mut rng, 90.0, -88.0, 0.0);
    let actor = Actor::new(1, 0.0, [4.5, 0.0], down).hold(25.0);
    let events = Film::of(actor, 2.4, 4).events(&mut engine(all), 70.0);
    assert_eq!(states(&events, Kind::LyingLong), [State::Started, State::Ended]);
    assert_eq!(states(&events, Kind::NoMovement), [State::Started, State::Ended]);
}

#[test]
fn somebody_who_moves_is_not_still() {
    let mut actor = Actor::new(1, 0.0, [4.5, 0.0], walking(90.0, 0.0));
    for step in 0..40 {
        actor = actor.gently(walking(90.0, step as f32 * 0.25), 0.5);
    }
    let events = Film::of(actor, 2.4, 4).events(&mut engine(all), 0.0);
    assert_eq!(states(&events, Kind::NoMovement), []);
}

#[test]
fn lying_for_long_survives_gaps_and_new_ids() {
    let mut rng = fastrand::Rng::with_seed(8);
    let down = lying(&mut rng, 90.0, -88.0, 0.0);
    let film = Film::of(Actor::new(1, 0.0, [4.5, 0.0], down).hold(25.0), 2.4, 4);
    let mut engine = engine(all);
    let mut events = Vec::new();
    film.play(0.0, |moment, people| {
        // Not seen from 5 s to 6 s, and somebody else to the tracker after that.
        match moment.at.0 {
            6_000_000_000..7_000_000_000 => people.clear(),
            7_000_000_000.. => people.iter_mut().for_each(|person| person.id = 2),
            _ => {}
        }
        events.extend_from_slice(engine.update(moment, people));
    });
    assert_eq!(states(&events, Kind::LyingLong), [State::Started]);
    let started = events.iter().find(|event| event.kind == Kind::LyingLong).unwrap();
    assert!(crate::at_s(started) < 17.0 && started.person == Some(2), "{}", crate::at_s(started));
}
