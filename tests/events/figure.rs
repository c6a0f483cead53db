//! A stick figure in three dimensions, and a pinhole camera that looks at it: keypoints whose truth
//! is known. Lengths are metres, angles degrees; x points away from the camera, y left, z up.

use posed::geometry::BBox;
use posed::keypoint::{Keypoint, Keypoints, bounding_box};

type V = [f32; 3];

const THIGH: f32 = 0.42;
const SHIN: f32 = 0.42;
const TRUNK: f32 = 0.52;
/// How far each keypoint is above the floor when the body rests on it there: flesh and shoes.
const RADII: [f32; 17] =
    [0.12, 0.12, 0.12, 0.08, 0.08, 0.08, 0.08, 0.04, 0.04, 0.04, 0.04, 0.10, 0.10, 0.06, 0.06, 0.08, 0.08];

/// A leg: flexion forward, bend of the knee, spread outward.
#[derive(Clone, Copy, Debug, Default)]
pub struct Leg {
    pub hip: f32,
    pub knee: f32,
    pub out: f32,
}

/// An arm: flexion forward, spread outward, bend of the elbow.
#[derive(Clone, Copy, Debug, Default)]
pub struct Arm {
    pub flex: f32,
    pub out: f32,
    pub elbow: f32,
}

/// How a body is held. The default stands straight and faces away from the camera.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stance {
    /// Turn about the vertical; 0 faces away from the camera, 180 towards it.
    pub yaw: f32,
    /// Of the whole body about the hips, forward.
    pub pitch: f32,
    /// Of the whole body about the hips, to its right.
    pub roll: f32,
    /// Of the trunk over the hips, forward.
    pub bend: f32,
    /// Left and right.
    pub legs: [Leg; 2],
    pub arms: [Arm; 2],
    /// Height of what the body rests on: 0 for the floor.
    pub seat: f32,
}

fn mix(a: f32, b: f32, share: f32) -> f32 {
    a + (b - a) * share
}

impl Stance {
    /// The stance between `self` and `to`.
    pub fn towards(&self, to: &Stance, share: f32) -> Stance {
        let m = |a: f32, b: f32| mix(a, b, share);
        let leg = |i: usize| {
            let (a, b) = (self.legs[i], to.legs[i]);
            Leg { hip: m(a.hip, b.hip), knee: m(a.knee, b.knee), out: m(a.out, b.out) }
        };
        let arm = |i: usize| {
            let (a, b) = (self.arms[i], to.arms[i]);
            Arm { flex: m(a.flex, b.flex), out: m(a.out, b.out), elbow: m(a.elbow, b.elbow) }
        };
        Stance {
            yaw: m(self.yaw, to.yaw),
            pitch: m(self.pitch, to.pitch),
            roll: m(self.roll, to.roll),
            bend: m(self.bend, to.bend),
            legs: [leg(0), leg(1)],
            arms: [arm(0), arm(1)],
            seat: m(self.seat, to.seat),
        }
    }
}

fn pitched([x, y, z]: V, deg: f32) -> V {
    let (s, c) = deg.to_radians().sin_cos();
    [c * x + s * z, y, c * z - s * x]
}

fn rolled([x, y, z]: V, deg: f32) -> V {
    let (s, c) = deg.to_radians().sin_cos();
    [x, c * y - s * z, c * z + s * y]
}

fn turned([x, y, z]: V, deg: f32) -> V {
    let (s, c) = deg.to_radians().sin_cos();
    [c * x - s * y, s * x + c * y, z]
}

fn add(a: V, b: V) -> V {
    [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
}

/// A limb's direction: `flex` forward from hanging, `out` to the side.
fn limb(length: f32, flex: f32, out: f32, side: f32) -> V {
    let (fs, fc) = flex.to_radians().sin_cos();
    let (os, oc) = out.to_radians().sin_cos();
    [length * fs * oc, length * os * side, -length * fc * oc]
}

/// The 17 keypoints of a person `height_m` tall whose hips are over (x, y).
pub fn body(stance: &Stance, [x, y]: [f32; 2], height_m: f32) -> [V; 17] {
    let mut points = [[0.0; 3]; 17];
    let place = |p: V| turned(rolled(pitched(p, stance.pitch), stance.roll), stance.yaw);
    let trunk = |p: V| place(pitched(p, stance.bend));
    let head =
        [[0.10, 0.0, 0.70], [0.08, 0.03, 0.73], [0.08, -0.03, 0.73], [0.0, 0.07, 0.72], [0.0, -0.07, 0.72]];
    for (to, p) in points.iter_mut().zip(head) {
        *to = trunk(p);
    }
    for (i, side) in [(0, 1.0), (1, -1.0)] {
        let Arm { flex, out, elbow } = stance.arms[i];
        let shoulder = [0.0, 0.18 * side, TRUNK];
        let at_elbow = add(shoulder, limb(0.29, flex, out, side));
        let wrist = add(at_elbow, limb(0.26, flex + elbow, out, side));
        (points[5 + i], points[7 + i], points[9 + i]) = (trunk(shoulder), trunk(at_elbow), trunk(wrist));
        let Leg { hip, knee, out } = stance.legs[i];
        let socket = [0.0, 0.09 * side, 0.0];
        let at_knee = add(socket, limb(THIGH, hip, out, side));
        let ankle = add(at_knee, limb(SHIN, hip - knee, out * 0.3, side));
        (points[11 + i], points[13 + i], points[15 + i]) = (place(socket), place(at_knee), place(ankle));
    }
    let size = height_m / 1.75;
    points.iter_mut().flatten().for_each(|v| *v *= size);
    // A seat bears the hips, the floor whatever is lowest.
    let sunk = points.iter().zip(RADII).map(|(p, r)| p[2] - r * size).fold(f32::MAX, f32::min);
    let rise = (-sunk).max(if stance.seat > 0.0 { stance.seat + 0.1 * size } else { f32::MIN });
    points.map(|p| add(p, [x, y, rise]))
}

/// A camera that looks along x.
#[derive(Clone, Copy, Debug)]
pub struct Camera {
    pub height_m: f32,
    /// Downward.
    pub pitch: f32,
    /// Focal length in px.
    pub focal_px: f32,
    pub size: (u32, u32),
}

impl Camera {
    /// A camera at `height_m` that sees the floor from about 2 m on.
    pub fn at(height_m: f32) -> Camera {
        Camera { height_m, pitch: 8.0 * height_m, focal_px: 760.0, size: (1280, 720) }
    }

    /// Where a point is in the picture, in px, and how far away.
    pub fn project(&self, [x, y, z]: V) -> ([f32; 2], f32) {
        let (s, c) = self.pitch.to_radians().sin_cos();
        let down = self.height_m - z;
        let depth = (c * x + s * down).max(0.05);
        let v = (c * down - s * x) / depth;
        let (w, h) = (self.size.0 as f32, self.size.1 as f32);
        ([w / 2.0 - self.focal_px * y / depth, h / 2.0 + self.focal_px * v], depth)
    }

    /// The keypoints of a body; those outside the picture have score 0.
    pub fn keypoints(&self, body: &[V; 17]) -> Keypoints {
        let (w, h) = (self.size.0 as f32, self.size.1 as f32);
        body.map(|point| {
            let ([x_px, y_px], _) = self.project(point);
            let inside = (0.0..w).contains(&x_px) && (0.0..h).contains(&y_px);
            let score = if inside { 0.9 } else { 0.0 };
            Keypoint { x_px: x_px.clamp(0.0, w - 1.0), y_px: y_px.clamp(0.0, h - 1.0), score }
        })
    }
}

/// The tracker's box around keypoints, clamped to the picture; `None` if too few are in it.
pub fn boxed(keypoints: &Keypoints, size: (u32, u32)) -> Option<BBox> {
    let b = bounding_box(keypoints, 0.2)?;
    let (x, y) = (b.x.max(0.0), b.y.max(0.0));
    let (right, bottom) = ((b.x + b.w).min(size.0 as f32 - 1.0), (b.y + b.h).min(size.1 as f32 - 1.0));
    Some(BBox { x, y, w: right - x, h: bottom - y }).filter(BBox::is_valid)
}

/// Jitter of a network: each point moves by a normal error of `share` of the box's longer side.
pub fn jitter(keypoints: &mut Keypoints, share: f32, rng: &mut fastrand::Rng) {
    let reach = bounding_box(keypoints, 0.2).map_or(0.0, |b| b.w.max(b.h));
    for k in keypoints {
        let normal = |rng: &mut fastrand::Rng| (0..6).map(|_| rng.f32() - 0.5).sum::<f32>() * 1.41;
        k.x_px += share * reach * normal(rng);
        k.y_px += share * reach * normal(rng);
    }
}
