"""Stances that people take, by posture, with everyday variation."""

import numpy as np

from lpn.postures.bodies import POSTURES, Stances


def arms(s: Stances, rng) -> None:
    """Hanging, folded, holding something, reaching or raised."""
    n = len(s.pitch)
    s.arm[:] = rng.normal(20, 28, (n, 2))
    s.arm_out[:] = np.abs(rng.normal(10, 12, (n, 2)))
    s.elbow[:] = np.abs(rng.normal(45, 40, (n, 2)))
    raised = rng.random((n, 2)) < 0.2
    s.arm[:] = np.where(raised, rng.uniform(60, 180, (n, 2)), s.arm)
    s.nod[:] = rng.normal(8, 18, n)


def _legs(s: Stances, rng, hip, knee, out) -> None:
    n = len(s.pitch)
    for to, (middle, spread) in ((s.hip, hip), (s.knee, knee), (s.out, out)):
        to[:] = rng.normal(middle, spread, (n, 2))
    s.knee[:] = np.abs(s.knee)


def stand(s, rng):
    _legs(s, rng, (4, 6), (7, 6), (6, 5))
    s.bend[:] = rng.normal(4, 7, len(s.pitch))


def stride(s, rng):
    """A walk at any phase, a run, a step up."""
    n = len(s.pitch)
    vigour = rng.uniform(0.6, 2.2, n)
    swing = np.sin(rng.uniform(0, 2 * np.pi, n))[:, None] * np.array([1, -1])
    s.hip[:] = (8 + 24 * swing) * vigour[:, None]
    s.knee[:] = np.abs((12 + 22 * (1 - swing)) * vigour[:, None] ** 0.8 + rng.normal(0, 8, (n, 2)))
    s.out[:] = rng.normal(3, 4, (n, 2))
    s.bend[:] = rng.normal(5 * vigour, 6)


def one_leg(s, rng):
    """On one leg, the other one lifted, kicking or on a step."""
    n = len(s.pitch)
    stand(s, rng)
    s.hip[:, 0] = rng.uniform(-45, 95, n)
    s.knee[:, 0] = rng.uniform(0, 110, n)
    s.out[:, 0] = np.abs(rng.normal(0, 20, n))
    s.bend[:] = rng.normal(8, 14, n)


def wide(s, rng):
    """Legs apart, knees a little bent: sport, lunges, work."""
    n = len(s.pitch)
    _legs(s, rng, (22, 14), (32, 16), (16, 10))
    s.hip[:, 0] += rng.uniform(0, 45, n)
    s.hip[:, 1] -= rng.uniform(0, 35, n)
    s.bend[:] = rng.uniform(0, 55, n)


def bend_over(s, rng):
    """On the feet, the trunk forward, as to pick something up."""
    n = len(s.pitch)
    bend = rng.uniform(35, 135, n)
    _legs(s, rng, (0, 5), (10, 9), (6, 5))
    s.hip[:] += (bend * 0.22)[:, None]
    s.pitch[:], s.bend[:] = bend * 0.2, bend * 0.8
    s.arm[:] = rng.normal(70, 25, (n, 2))
    s.elbow[:] = np.abs(rng.normal(20, 20, (n, 2)))


def jump(s, rng):
    _legs(s, rng, (25, 25), (35, 30), (12, 12))
    s.bend[:] = rng.normal(8, 14, len(s.pitch))
    s.seat[:] = 1.0


def chair(s, rng):
    n = len(s.pitch)
    _legs(s, rng, (84, 9), (80, 20), (10, 10))
    s.pitch[:] = rng.normal(-6, 8, n)
    s.bend[:] = rng.normal(8, 16, n)
    s.hip[:] += s.pitch[:, None]
    crossed = rng.random(n) < 0.25
    s.hip[crossed, 0] += 18
    s.knee[crossed, 0] = rng.normal(85, 20, crossed.sum())
    s.out[crossed, 0] = rng.normal(-12, 6, crossed.sum())
    s.seat[:] = rng.uniform(0.3, 0.6, n)


def stool(s, rng):
    n = len(s.pitch)
    _legs(s, rng, (62, 12), (60, 22), (10, 8))
    s.bend[:] = rng.normal(12, 14, n)
    s.seat[:] = rng.uniform(0.55, 0.85, n)


def recline(s, rng):
    """Deep in a sofa or a deck chair."""
    n = len(s.pitch)
    s.pitch[:] = rng.uniform(-42, -15, n)
    _legs(s, rng, (80, 14), (60, 28), (10, 10))
    s.hip[:] += s.pitch[:, None] * 0.5
    s.bend[:] = rng.normal(10, 10, n)
    s.seat[:] = rng.uniform(0.15, 0.5, n)


def floor(s, rng):
    """On the floor: legs stretched, drawn up or crossed."""
    n = len(s.pitch)
    drawn = rng.random(n)
    _legs(s, rng, (0, 6), (0, 8), (10, 8))
    s.hip[:] += (82 + 40 * drawn)[:, None]
    s.knee[:] = np.abs((10 + 100 * drawn)[:, None] + rng.normal(0, 10, (n, 2)))
    crossed = rng.random(n) < 0.3
    s.hip[crossed] = rng.normal(80, 8, (crossed.sum(), 2))
    s.out[crossed] = rng.normal(52, 9, (crossed.sum(), 2))
    s.knee[crossed] = rng.normal(125, 10, (crossed.sum(), 2))
    one = rng.random(n) < 0.25
    s.hip[one, 0], s.knee[one, 0] = rng.normal(80, 8, one.sum()), rng.normal(15, 12, one.sum())
    s.pitch[:] = rng.normal(-8, 10, n)
    s.bend[:] = rng.normal(15, 15, n)


def cycle(s, rng):
    """On a bicycle, a horse or a motorcycle."""
    n = len(s.pitch)
    turn = np.sin(rng.uniform(0, 2 * np.pi, n))[:, None] * np.array([1, -1])
    s.hip[:] = 52 + 24 * turn + rng.normal(0, 6, (n, 2))
    s.knee[:] = 72 + 34 * turn + rng.normal(0, 8, (n, 2))
    ride = rng.random(n) < 0.35
    s.hip[ride], s.knee[ride] = rng.normal(58, 10, (ride.sum(), 2)), rng.normal(72, 14, (ride.sum(), 2))
    s.out[:] = np.where(ride[:, None], rng.normal(26, 8, (n, 2)), rng.normal(5, 4, (n, 2)))
    s.bend[:] = rng.uniform(0, 62, n)
    s.hip[:] += 0.0
    s.arm[:] = rng.normal(70, 14, (n, 2))
    s.elbow[:] = np.abs(rng.normal(20, 16, (n, 2)))
    s.seat[:] = rng.uniform(0.85, 1.2, n)


def squat(s, rng):
    n = len(s.pitch)
    _legs(s, rng, (108, 13), (128, 13), (14, 11))
    s.pitch[:] = rng.normal(16, 8, n)
    s.bend[:] = rng.normal(18, 16, n)
    s.hip[:] += 0.0
    s.arm[:] = rng.normal(50, 25, (n, 2))


def half_kneel(s, rng):
    """One foot and one knee on the floor."""
    n = len(s.pitch)
    low = rng.random(n)
    s.hip[:, 0], s.knee[:, 0] = 88 + 22 * low + rng.normal(0, 8, n), 92 + 30 * low + rng.normal(0, 10, n)
    s.hip[:, 1], s.knee[:, 1] = 5 + 40 * low + rng.normal(0, 8, n), 95 + 35 * low + rng.normal(0, 10, n)
    s.out[:] = rng.normal(8, 8, (n, 2))
    s.bend[:] = rng.normal(15, 18, n)


def kneel(s, rng):
    """Upright on both knees, or back on the heels."""
    n = len(s.pitch)
    low = rng.random(n)
    _legs(s, rng, (0, 6), (0, 8), (8, 6))
    s.hip[:] += (8 + 62 * low)[:, None]
    s.knee[:] = np.abs((92 + 50 * low)[:, None] + rng.normal(0, 8, (n, 2)))
    s.bend[:] = rng.normal(12, 18, n) + 40 * low * (rng.random(n) < 0.5)


def fours(s, rng):
    """On hands and knees."""
    n = len(s.pitch)
    s.pitch[:] = rng.normal(74, 12, n)
    _legs(s, rng, (78, 16), (88, 14), (5, 5))
    s.arm[:] = rng.normal(80, 14, (n, 2))
    s.elbow[:] = np.abs(rng.normal(12, 14, (n, 2)))
    s.nod[:] = rng.normal(-15, 22, n)


def lie(s, rng):
    """On the back, the face or a side; straight, knees drawn up or curled."""
    n = len(s.pitch)
    side = rng.choice(4, n)
    tilt = 90 + rng.normal(0, 6, n)
    s.pitch[:] = np.select([side == 0, side == 1], [-tilt, tilt], rng.normal(0, 6, n))
    s.roll[:] = np.select([side == 2, side == 3], [-tilt, tilt], rng.normal(0, 12, n))
    drawn = rng.random(n) * (rng.random(n) < 0.5)
    face = side == 1
    _legs(s, rng, (0, 7), (0, 8), (6, 8))
    s.hip[:] += np.where(face, 0, 75 * drawn)[:, None]
    s.knee[:] = np.abs(np.where(face, rng.uniform(0, 30, n), 110 * drawn)[:, None] + s.knee)
    one = (rng.random(n) < 0.2) & ~face
    s.hip[one, 0], s.knee[one, 0] = rng.normal(50, 14, one.sum()), rng.normal(90, 20, one.sum())
    s.arm_out[:] = np.abs(rng.normal(20, 30, (n, 2)))
    s.arm[:] = np.where(rng.random((n, 2)) < 0.3, rng.uniform(90, 180, (n, 2)), s.arm)
    s.bend[:] = np.where(face, 0, rng.normal(6, 9, n))
    s.seat[:] = np.where(rng.random(n) < 0.3, rng.uniform(0.3, 0.6, n), 0)


def prop(s, rng):
    """Half raised on an elbow or against cushions."""
    n = len(s.pitch)
    lie(s, rng)
    back = rng.random(n) < 0.5
    s.pitch[:] = np.where(back, -rng.uniform(56, 75, n), rng.normal(0, 8, n))
    s.roll[:] = np.where(back, 0, rng.choice([-1, 1], n) * rng.uniform(58, 75, n))
    s.hip[:] = np.where(back[:, None], np.abs(s.hip) * 0.5 + 22, s.hip)


STANCES = {
    "standing": ((stand, 3), (stride, 3), (one_leg, 1.3), (wide, 1.5), (bend_over, 2), (jump, 0.5)),
    "sitting": ((chair, 4), (stool, 1), (recline, 1), (floor, 2.5), (cycle, 2)),
    "lying": ((lie, 6), (prop, 1)),
    "crouching": ((squat, 3), (half_kneel, 2), (kneel, 1.5), (fours, 2)),
}


def draw(n: int, rng: np.random.Generator):
    """About n stances in equal numbers of each posture: list of (Stances, posture's index, name)."""
    out = []
    for index, posture in enumerate(POSTURES):
        total = sum(weight for _, weight in STANCES[posture])
        for stance, weight in STANCES[posture]:
            s = Stances(max(1, round(n / len(POSTURES) * weight / total)))
            arms(s, rng)
            stance(s, rng)
            out.append((s, index, stance.__name__))
    return out
