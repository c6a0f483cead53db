//! Postures of drawn people from many sides, in stills and over time.

use crate::engine;
use crate::figure::{Camera, Stance, body, boxed, jitter};
use crate::film::{Actor, Film};
use crate::stances::{bending, crouching, lying, sitting, standing, walking};
use posed::events::posture::of_still;
use posed::events::{Kind, Posture, Watch};
use posed::geometry::BBox;
use posed::keypoint::{Keypoint, Keypoints};

const PICTURE: (u32, u32) = (1280, 720);

/// The share of drawn stills of one stance that are judged `want`, and that are judged unknown.
fn share(want: Posture, stance: impl Fn(&mut fastrand::Rng, f32) -> Stance) -> (f32, f32) {
    let mut rng = fastrand::Rng::with_seed(5);
    let (mut right, mut unknown, mut all) = (0.0, 0.0, 0.0);
    for _ in 0..400 {
        let yaw = 360.0 * rng.f32();
        let camera = Camera::at(1.2 + 1.3 * rng.f32());
        let place = [3.5 + 3.0 * rng.f32(), 2.0 * rng.f32() - 1.0];
        let mut keypoints = camera.keypoints(&body(&stance(&mut rng, yaw), place, 1.7));
        jitter(&mut keypoints, 0.01, &mut rng);
        let Some(bbox) = boxed(&keypoints, PICTURE) else { continue };
        let (got, certainty) = of_still(&keypoints, &bbox, Some(PICTURE));
        assert!((0.0..=1.0).contains(&certainty));
        all += 1.0;
        right += f32::from(u8::from(got == want));
        unknown += f32::from(u8::from(got == Posture::Unknown));
    }
    (right / all, unknown / all)
}

#[test]
fn stills_from_all_sides_are_told() {
    let any_way = |rng: &mut fastrand::Rng, yaw: f32| {
        let [pitch, roll] = [[-88.0, 0.0], [88.0, 0.0], [0.0, 88.0], [0.0, -88.0]][rng.usize(0..4)];
        lying(rng, yaw, pitch, roll)
    };
    let upright = share(Posture::Standing, standing).0;
    let walks = share(Posture::Standing, |rng, yaw| walking(yaw, rng.f32())).0;
    let bends = share(Posture::Standing, bending).0;
    let sits = share(Posture::Sitting, sitting).0;
    let lies = share(Posture::Lying, any_way).0;
    let crouches = share(Posture::Crouching, crouching).0;
    println!(
        "standing {upright} walking {walks} bending {bends} sitting {sits} lying {lies} crouching {crouches}"
    );
    assert!(upright > 0.97 && walks > 0.97 && bends > 0.95, "{upright} {walks} {bends}");
    assert!(lies > 0.9, "{lies}");
    assert!(sits > 0.75, "{sits}");
    assert!(crouches > 0.5, "{crouches}");
}

fn still(change: impl FnOnce(&mut Keypoints)) -> (Posture, f32) {
    let mut rng = fastrand::Rng::with_seed(1);
    let camera = Camera::at(1.6);
    let mut keypoints = camera.keypoints(&body(&standing(&mut rng, 160.0), [4.0, 0.0], 1.7));
    change(&mut keypoints);
    of_still(&keypoints, &boxed(&keypoints, PICTURE).unwrap(), Some(PICTURE))
}

#[test]
fn without_hips_or_legs_it_is_unknown() {
    assert_eq!(still(|_| {}).0, Posture::Standing);
    assert_eq!(still(|k| k[11..13].iter_mut().for_each(|k| k.score = 0.1)), (Posture::Unknown, 0.0));
    assert_eq!(still(|k| k[13..17].iter_mut().for_each(|k| k.score = 0.1)), (Posture::Unknown, 0.0));
}

/// `python -m lpn.postures` wrote the people and what its network says of them.
#[test]
fn postures_are_those_of_the_training() {
    let text = include_str!("postures/golden.jsonl");
    let mut people = 0;
    for line in text.lines() {
        let (points, odds): (Vec<[f32; 3]>, Option<[f32; 4]>) = serde_json::from_str(line).unwrap();
        let mut keypoints = Keypoints::default();
        for (to, &[x_px, y_px, score]) in keypoints.iter_mut().zip(&points) {
            *to = Keypoint { x_px, y_px, score };
        }
        let all = BBox { x: 0.0, y: 0.0, w: 1e4, h: 1e4 };
        let (posture, certainty) = of_still(&keypoints, &all, None);
        let most = odds.map_or(0.0, |odds| odds.into_iter().fold(0.0, f32::max));
        assert!((certainty - most).abs() < 2e-3, "{posture:?} {certainty}, not {most}: {line}");
        let index = Posture::KNOWN.iter().position(|&known| known == posture);
        assert!(index.is_none_or(|i| odds.is_some_and(|odds| odds[i] == most)), "{line}");
        people += 1;
    }
    assert!(people >= 17);
}

#[test]
fn numbers_that_are_not_finite_do_no_harm() {
    let (posture, certainty) = still(|k| k[13].x_px = f32::NAN);
    assert!(certainty.is_finite() && posture != Posture::Lying);
    let nowhere = still(|k| k[5..].iter_mut().for_each(|k| k.y_px = f32::NAN));
    assert!(nowhere.1.is_finite());
}

#[test]
fn a_posture_that_holds_is_told_once() {
    let mut rng = fastrand::Rng::with_seed(2);
    let (up, seat) = (standing(&mut rng, 120.0), sitting(&mut rng, 120.0));
    let actor =
        Actor::new(1, 0.0, [4.0, 0.0], up).hold(5.0).gently(seat, 1.2).hold(6.0).gently(up, 1.2).hold(5.0);
    let mut engine = engine(|options| options.posture = Some(Watch::after_s(2)));
    let events = Film::of(actor, 2.0, 1).events(&mut engine, 0.0);
    let told: Vec<_> =
        events.iter().filter(|e| e.kind == Kind::Posture).map(|e| e.posture.unwrap()).collect();
    assert_eq!(told, [Posture::Sitting, Posture::Standing]);
    assert_eq!(engine.posture(1).0, Posture::Standing);
    assert_eq!(engine.posture(2), (Posture::Unknown, 0.0));
    assert_eq!(engine.snapshot().postures.standing, 1);
}
