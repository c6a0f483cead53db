//! Zones, lines and presence.

use crate::figure::{Camera, boxed};
use crate::film::{Actor, Film, moment};
use crate::stances::standing;
use crate::{engine, states};
use posed::events::{
    By, Counts, Direction, Engine, Event, Kept, Kind, Line, Moment, Person, State, Zone, feet,
};
use posed::geometry::BBox;
use posed::keypoint::{KEYPOINTS, Keypoint};
use std::time::Duration;

/// Walks at 5 m from the left of the picture to its right and back.
fn walker() -> Actor {
    let upright = standing(&mut fastrand::Rng::with_seed(1), 90.0);
    Actor::new(1, 0.0, [5.0, 2.2], upright).walk([5.0, -2.2]).walk([5.0, 2.2])
}

fn right_half() -> Vec<[f32; 2]> {
    vec![[0.5, 0.0], [1.0, 0.0], [1.0, 1.0], [0.5, 1.0]]
}

#[test]
fn a_zone_is_entered_dwelt_in_and_left_under_one_id() {
    let film = Film::of(walker(), 2.2, 3);
    let mut engine = engine(|options| {
        options.zones =
            vec![Zone { dwell_after: Some(Duration::from_secs(2)), ..Zone::new("door", right_half()) }];
    });
    let mut most = (0, false);
    let mut events = Vec::new();
    film.play(4.0, |moment, people| {
        events.extend_from_slice(engine.update(moment, people));
        let zone = &engine.snapshot().zones[0];
        most = (most.0.max(zone.people), most.1 | zone.occupancy);
    });
    assert_eq!(states(&events, Kind::Zone), [State::Entered, State::Dwelling, State::Left]);
    assert_eq!(states(&events, Kind::Occupancy), [State::Started, State::Ended]);
    let visits: Vec<&Event> = events.iter().filter(|event| event.kind == Kind::Zone).collect();
    assert!(visits.iter().all(|event| event.id == visits[0].id && event.zone.as_deref() == Some("door")));
    assert_eq!(most, (1, true));
    assert_eq!((engine.snapshot().zones[0].people, engine.snapshot().zones[0].occupancy), (0, false));
}

#[test]
fn a_polygon_may_have_any_shape() {
    // An L: the upper right quarter is not in it.
    let corners = vec![[0.0, 0.0], [0.5, 0.0], [0.5, 0.5], [1.0, 0.5], [1.0, 1.0], [0.0, 1.0]];
    let zone = Zone::new("l", corners);
    assert!(zone.contains([0.25, 0.25]) && zone.contains([0.25, 0.75]) && zone.contains([0.75, 0.75]));
    assert!(!zone.contains([0.75, 0.25]) && !zone.contains([1.5, 0.75]) && !zone.contains([f32::NAN, 0.5]));
    assert!((zone.area() - 0.75).abs() < 1e-6);
    assert!(Zone::new("flat", vec![[0.1, 0.1], [0.9, 0.1], [0.5, 0.1]]).area() < 1e-6);
    assert!(!Zone::new("nothing", Vec::new()).contains([0.5, 0.5]));
}

#[test]
fn lines_count_both_directions_and_know_where_they_end() {
    let film = Film::of(walker(), 2.2, 3);
    let line = |name: &str, from: [f32; 2], to: [f32; 2]| Line { name: name.into(), from, to, by: By::Feet };
    let mut engine = engine(|options| {
        // The first goes up the picture: its right is the picture's right.
        options.lines = vec![line("door", [0.5, 1.0], [0.5, 0.3]), line("short", [0.5, 0.2], [0.5, 0.1])];
    });
    let events = film.events(&mut engine, 1.0);
    let crossed: Vec<_> = events.iter().map(|e| (e.line.as_deref().unwrap(), e.direction.unwrap())).collect();
    assert_eq!(crossed, [("door", Direction::In), ("door", Direction::Out)]);
    let counts = engine.snapshot().lines[0].counts;
    assert_eq!((counts.in_total, counts.out_total, counts.in_today, counts.out_today), (1, 1, 1, 1));
    assert_eq!(engine.snapshot().lines[1].counts.in_total, 0);
}

#[test]
fn counts_are_kept_over_restarts_and_days() {
    let film = Film::of(walker(), 2.2, 3);
    let line = Line { name: "door".into(), from: [0.5, 1.0], to: [0.5, 0.3], by: By::Feet };
    let new = || engine(|options| options.lines = vec![line.clone()]);
    let mut first = new();
    film.events(&mut first, 1.0);
    let text = serde_json::to_string(&first.kept()).unwrap();
    assert!(text.contains(r#""in":1"#) && text.contains(r#""out_today":1"#), "{text}");
    let mut second = new();
    second.restore(&serde_json::from_str::<Kept>(&text).unwrap());
    film.events(&mut second, 1.0);
    assert_eq!(counts(&second), (2, 2, 2, 2));
    // 2026-01-01 00:00:40 UTC: a minute before midnight an hour further east it is the next day.
    let mut later = Moment { utc_offset_s: 0, ..moment(23.0 * 3600.0 + 50.0 * 60.0, (1280, 720)) };
    second.update(&later, &[]);
    assert_eq!(counts(&second), (2, 2, 2, 2));
    later.utc_offset_s = 3600;
    second.update(&later, &[]);
    assert_eq!(counts(&second), (2, 2, 0, 0));
}

fn counts(engine: &Engine) -> (u64, u64, u64, u64) {
    let Counts { in_total, out_total, in_today, out_today, .. } = engine.snapshot().lines[0].counts;
    (in_total, out_total, in_today, out_today)
}

#[test]
fn somebody_who_stands_on_a_line_does_not_cross_it() {
    let upright = standing(&mut fastrand::Rng::with_seed(1), 90.0);
    let mut film = Film::of(Actor::new(1, 0.0, [5.0, 0.0], upright).hold(30.0), 2.2, 3);
    film.noise = 0.02;
    let line = Line { name: "door".into(), from: [0.5, 1.0], to: [0.5, 0.3], by: By::Feet };
    let events = film.events(&mut engine(|options| options.lines = vec![line]), 0.0);
    assert!(states(&events, Kind::Line).len() <= 1, "{events:?}");
}

#[test]
fn feet_are_ankles_else_the_boxs_foot_unless_the_border_hides_it() {
    let upright = standing(&mut fastrand::Rng::with_seed(1), 90.0);
    let keypoints = Camera::at(2.0).keypoints(&crate::figure::body(&upright, [5.0, 0.0], 1.7));
    let bbox = boxed(&keypoints, (1280, 720)).unwrap();
    let mut person = Person { id: 1, bbox, keypoints, age: Duration::ZERO };
    let ankles = [15, 16].map(|i| keypoints[i]);
    let middle = [(ankles[0].x_px + ankles[1].x_px) / 2.0, (ankles[0].y_px + ankles[1].y_px) / 2.0];
    assert_eq!(feet(&person, (1280, 720)), Some(middle));
    person.keypoints[15..].iter_mut().for_each(|k| k.score = 0.1);
    let foot = [bbox.x + bbox.w / 2.0, bbox.y + bbox.h];
    assert_eq!(feet(&person, (1280, 720)), Some(foot));
    assert_eq!(feet(&person, (1280, foot[1] as u32 + 3)), None);
}

/// Somebody whose lower half is below the picture.
fn half() -> Person {
    let mut keypoints = [Keypoint { x_px: 900.0, y_px: 600.0, score: 0.9 }; KEYPOINTS];
    keypoints[11..].iter_mut().for_each(|k| k.score = 0.0);
    let bbox = BBox { x: 820.0, y: 420.0, w: 160.0, h: 299.0 };
    Person { id: 1, bbox, keypoints, age: Duration::ZERO }
}

#[test]
fn somebody_cut_off_by_the_border_is_only_in_zones_of_bodies() {
    let zone = |name: &str, by: By| Zone { by, ..Zone::new(name, right_half()) };
    let mut engine =
        engine(|options| options.zones = vec![zone("floor", By::Feet), zone("window", By::Body)]);
    for i in 0..10 {
        engine.update(&moment(i as f32 * 0.2, (1280, 720)), &[half()]);
    }
    assert_eq!(engine.snapshot().zones.iter().map(|zone| zone.people).collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn presence_does_not_flap() {
    let mut engine = engine(|options| options.presence_events = true);
    let mut events = Vec::new();
    for i in 0..200 {
        let t = i as f32 * 0.1;
        // There from 2 s to 10 s, and missed for a second in the middle.
        let there = (2.0..10.0).contains(&t) && !(5.0..6.0).contains(&t);
        let people = if there { vec![half()] } else { Vec::new() };
        events.extend_from_slice(engine.update(&moment(t, (1280, 720)), &people));
        assert_eq!(engine.snapshot().people, people.len());
    }
    assert_eq!(states(&events, Kind::Presence), [State::Started, State::Ended]);
    assert!((crate::at_s(&events[0]) - 2.5).abs() < 0.15 && (crate::at_s(&events[1]) - 15.0).abs() < 0.15);
    assert!(!engine.snapshot().occupancy);
}
