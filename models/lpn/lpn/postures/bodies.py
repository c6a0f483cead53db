"""Bodies held in known postures before random cameras: what the posture network learns from.

A stick figure whose joints bend as people's do. Angles are degrees, lengths metres; x points away
from the camera, y left, z up. All functions work on N figures at once.
"""

import numpy as np

POSTURES = ("standing", "sitting", "lying", "crouching")
THIGH, SHIN, TRUNK = 0.42, 0.42, 0.52
# How far each keypoint is above the floor when the body rests on it there.
RADII = np.array([0.12, 0.12, 0.12, 0.08, 0.08, 0.08, 0.08, 0.04, 0.04, 0.04, 0.04, 0.1, 0.1, 0.06, 0.06, 0.08, 0.08])
HEAD = np.array([[0.10, 0, 0.70], [0.08, 0.03, 0.73], [0.08, -0.03, 0.73], [0, 0.07, 0.72], [0, -0.07, 0.72]])


class Stances:
    """N stances: turns of the body, bends of the trunk, legs and arms; left and right in columns."""

    def __init__(self, n: int):
        self.pitch, self.roll, self.bend, self.lean, self.seat, self.nod = (np.zeros(n) for _ in range(6))
        self.hip, self.knee, self.out = np.zeros((n, 2)), np.zeros((n, 2)), np.zeros((n, 2))
        self.arm, self.arm_out, self.elbow = np.zeros((n, 2)), np.zeros((n, 2)), np.zeros((n, 2))


def turn(v, deg, axes):
    a, b = axes
    s, c = np.sin(np.radians(deg)), np.cos(np.radians(deg))
    out = v.copy()
    out[..., a] = c * v[..., a] - s * v[..., b]
    out[..., b] = s * v[..., a] + c * v[..., b]
    return out


def _limb(length, flex, out, side):
    f, o = np.radians(flex), np.radians(out)
    return np.stack([np.sin(f) * np.cos(o), np.sin(o) * side, -np.cos(f) * np.cos(o)], -1) * length[:, None]


def joints(s: Stances, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(N, 17, 3) keypoints over the origin, resting on the floor or the seat, and (N,) lengths of
    the torso; proportions vary."""
    n = len(s.pitch)
    vary = lambda m, share: m * (1 + share * rng.standard_normal(n)).clip(0.75, 1.25)  # noqa: E731
    trunk, thigh, shin = vary(TRUNK, 0.06), vary(THIGH, 0.05), vary(SHIN, 0.05)
    broad, pelvis = vary(0.18, 0.08), vary(0.10, 0.12)
    p = np.zeros((n, 17, 3))
    head = HEAD[None] * np.ones((n, 1, 1))
    head[..., 2] += (trunk - TRUNK)[:, None]
    neck = np.zeros((n, 1, 3))
    neck[..., 2] = trunk[:, None]
    p[:, :5] = turn(head - neck, -s.nod[:, None], (0, 2)) + neck
    for i, side in ((0, 1.0), (1, -1.0)):
        shoulder = np.stack([np.zeros(n), broad * side, trunk], 1)
        elbow = shoulder + _limb(vary(0.29, 0.05), s.arm[:, i], s.arm_out[:, i], side)
        wrist = elbow + _limb(vary(0.26, 0.05), s.arm[:, i] + s.elbow[:, i], s.arm_out[:, i], side)
        p[:, 5 + i], p[:, 7 + i], p[:, 9 + i] = shoulder, elbow, wrist
    # The trunk bends over the hips, as _turn about y with the sign that leans forward.
    p[:, :11] = turn(turn(p[:, :11], -s.bend[:, None], (0, 2)), s.lean[:, None], (1, 2))
    for i, side in ((0, 1.0), (1, -1.0)):
        socket = np.stack([np.zeros(n), pelvis * side, np.zeros(n)], 1)
        knee = socket + _limb(thigh, s.hip[:, i], s.out[:, i], side)
        ankle = knee + _limb(shin, s.hip[:, i] - s.knee[:, i], s.out[:, i] * 0.3, side)
        p[:, 11 + i], p[:, 13 + i], p[:, 15 + i] = socket, knee, ankle
    p = turn(turn(p, -s.pitch[:, None], (0, 2)), s.roll[:, None], (1, 2))
    p = turn(p, rng.uniform(0, 360, (n, 1)), (0, 1))
    sunk = (p[..., 2] - RADII).min(1)
    rise = np.where(s.seat > 0, np.maximum(-sunk, s.seat + 0.1), -sunk)
    p[..., 2] += rise[:, None]
    size = rng.uniform(0.55, 1.15, n)
    return p * size[:, None, None], trunk * size


class Cameras:
    """N cameras that look at the origin's surroundings."""

    def __init__(self, n: int, rng: np.random.Generator):
        self.height = rng.uniform(0.6, 3.2, n)
        self.distance = rng.uniform(1.8, 8.0, n)
        # The person is anywhere in the picture: above, below or beside its middle.
        middle = np.degrees(np.arctan2(self.height - 0.7, self.distance))
        self.pitch = middle + rng.uniform(-18, 18, n)
        self.aside = rng.uniform(-28, 28, n)
        self.roll = rng.standard_normal(n) * 2.5
        self.focal = rng.uniform(350, 1100, n)

    def see(self, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(N, 17, 2) px from the middle of the picture, and (N,) px a metre at the hips."""
        p = p.copy()
        p[..., 0] += self.distance[:, None]
        p = turn(p, self.aside[:, None], (0, 1))
        s, c = np.sin(np.radians(self.pitch))[:, None], np.cos(np.radians(self.pitch))[:, None]
        down = self.height[:, None] - p[..., 2]
        depth = np.maximum(c * p[..., 0] + s * down, 0.25)
        v = (c * down - s * p[..., 0]) / depth
        px = np.stack([-p[..., 1] / depth, v], -1) * self.focal[:, None, None]
        return turn(px, self.roll[:, None], (0, 1)), self.focal / depth[:, 11:13].mean(1)


def spoil(px: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Keypoints as a network finds them: moved, sometimes far; some missing."""
    n = len(px)
    size = np.maximum(np.ptp(px[..., 0], axis=1), np.ptp(px[..., 1], axis=1))[:, None]
    sigma = rng.choice([0.004, 0.012, 0.025, 0.04], (n, 1)) * size
    far = rng.random((n, 17)) < rng.choice([0.0, 0.02, 0.05], (n, 1))
    sigma = np.where(far, 0.15 * size, sigma)
    px = px + rng.standard_normal(px.shape) * sigma[..., None]
    lost = rng.random((n, 17)) < rng.choice([0.0, 0.03, 0.12], (n, 1))
    face = rng.random((n, 1)) < 0.3
    lost[:, :5] |= face & (rng.random((n, 5)) < 0.8)
    lost[:, 15:] |= rng.random((n, 1)) < 0.12  # cut off below the knees
    lost[:, 13:] |= rng.random((n, 1)) < 0.04
    leg = rng.random(n)
    lost[:, [13, 15]] |= (leg < 0.04)[:, None]
    lost[:, [14, 16]] |= (leg > 0.96)[:, None]
    return px, ~lost
