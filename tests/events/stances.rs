//! Stances that people take, with everyday variation.

use crate::figure::{Arm, Leg, Stance};

fn around(rng: &mut fastrand::Rng, middle: f32, spread: f32) -> f32 {
    middle + spread * (2.0 * rng.f32() - 1.0)
}

fn hanging(rng: &mut fastrand::Rng) -> [Arm; 2] {
    [(); 2].map(|()| Arm {
        flex: around(rng, 15.0, 25.0),
        out: around(rng, 12.0, 10.0),
        elbow: around(rng, 40.0, 40.0),
    })
}

fn legs(rng: &mut fastrand::Rng, hip: (f32, f32), knee: (f32, f32), out: (f32, f32)) -> [Leg; 2] {
    [(); 2].map(|()| Leg {
        hip: around(rng, hip.0, hip.1),
        knee: around(rng, knee.0, knee.1),
        out: around(rng, out.0, out.1),
    })
}

/// Upright on both feet; facing `yaw`.
pub fn standing(rng: &mut fastrand::Rng, yaw: f32) -> Stance {
    let legs = legs(rng, (4.0, 6.0), (8.0, 8.0), (5.0, 5.0));
    Stance { yaw, bend: around(rng, 4.0, 6.0), legs, arms: hanging(rng), ..Stance::default() }
}

/// One moment of a stride; phase 0..1.
pub fn walking(yaw: f32, phase: f32) -> Stance {
    let swing = (std::f32::consts::TAU * phase).sin();
    let leg = |s: f32| Leg { hip: 8.0 + 24.0 * s, knee: 12.0 + 22.0 * (1.0 - s), out: 2.0 };
    let arm = |s: f32| Arm { flex: 22.0 * s, out: 6.0, elbow: 20.0 };
    Stance {
        yaw,
        bend: 3.0,
        legs: [leg(swing), leg(-swing)],
        arms: [arm(-swing), arm(swing)],
        ..Stance::default()
    }
}

/// On a chair.
pub fn sitting(rng: &mut fastrand::Rng, yaw: f32) -> Stance {
    let legs = legs(rng, (85.0, 10.0), (85.0, 15.0), (10.0, 10.0));
    let (pitch, bend) = (around(rng, -6.0, 8.0), around(rng, 10.0, 15.0));
    Stance { yaw, pitch, bend, legs, arms: hanging(rng), seat: around(rng, 0.44, 0.06), ..Stance::default() }
}

/// On the floor, legs stretched or drawn up.
pub fn floor_sitting(rng: &mut fastrand::Rng, yaw: f32) -> Stance {
    let drawn = rng.f32();
    let legs = legs(rng, (85.0 + 30.0 * drawn, 6.0), (10.0 + 90.0 * drawn, 8.0), (8.0, 8.0));
    Stance { yaw, pitch: -8.0, bend: around(rng, 15.0, 12.0), legs, arms: hanging(rng), ..Stance::default() }
}

/// Deep on both feet.
pub fn crouching(rng: &mut fastrand::Rng, yaw: f32) -> Stance {
    let legs = legs(rng, (112.0, 10.0), (135.0, 10.0), (12.0, 10.0));
    let (pitch, bend) = (around(rng, 18.0, 8.0), around(rng, 20.0, 15.0));
    Stance { yaw, pitch, bend, legs, arms: hanging(rng), ..Stance::default() }
}

/// On the floor: `pitch` -90 on the back, 90 on the face; `roll` 90 on the side. No limb may reach
/// below the body, or the body would rest on it.
pub fn lying(rng: &mut fastrand::Rng, yaw: f32, pitch: f32, roll: f32) -> Stance {
    let (bend, out) = if pitch < 0.0 { (12.0, 8.0) } else { (0.0, if roll == 0.0 { 8.0 } else { 0.0 }) };
    let curled = if roll == 0.0 { bend } else { around(rng, 30.0, 25.0) };
    let legs = legs(rng, (curled, 4.0), (curled * 1.2, 6.0), (out, 2.0));
    let overhead = rng.u8(0..3) == 0;
    let flex = if overhead { around(rng, 172.0, 6.0) } else { curled * 0.6 };
    let arms = [(); 2].map(|()| Arm { flex, out: out * rng.f32(), elbow: 3.0 });
    Stance { yaw, pitch, roll, bend: around(rng, 0.0, 4.0), legs, arms, ..Stance::default() }
}

/// On the feet, the trunk forward, as to pick something up.
pub fn bending(rng: &mut fastrand::Rng, yaw: f32) -> Stance {
    let bend = around(rng, 70.0, 25.0);
    let legs = legs(rng, (8.0 + bend * 0.3, 4.0), (12.0, 10.0), (5.0, 4.0));
    let pitch = bend * 0.3;
    let arms = [Arm { flex: 70.0, out: 8.0, elbow: 10.0 }; 2];
    Stance { yaw, pitch, bend: bend * 0.7, legs, arms, ..Stance::default() }
}

/// On hands and knees.
pub fn crawling(yaw: f32, phase: f32) -> Stance {
    let swing = 15.0 * (std::f32::consts::TAU * phase).sin();
    let leg = |s: f32| Leg { hip: 85.0 + s, knee: 95.0, out: 4.0 };
    let arm = |s: f32| Arm { flex: 85.0 + s, out: 4.0, elbow: 5.0 };
    Stance {
        yaw,
        pitch: 80.0,
        legs: [leg(swing), leg(-swing)],
        arms: [arm(-swing), arm(swing)],
        ..Stance::default()
    }
}

/// On hands and toes; `down` 0..1.
pub fn push_up(yaw: f32, down: f32) -> Stance {
    let leg = Leg { hip: 0.0, knee: 0.0, out: 3.0 };
    let arm = Arm { flex: 70.0 - 70.0 * down, out: 20.0, elbow: 10.0 + 90.0 * down };
    Stance { yaw, pitch: 70.0 + 14.0 * down, legs: [leg; 2], arms: [arm; 2], ..Stance::default() }
}
