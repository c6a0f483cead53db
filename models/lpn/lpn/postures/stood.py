"""People who stood before: their size, the row of their feet and their box say more than a still.

Drawn people stand, then take another stance nearby; or they come from the tracks of rendered clips.
"""

import numpy as np

from lpn.postures import bodies, stances
from lpn.postures.bodies import POSTURES, SHIN, THIGH, TRUNK, Stances
from lpn.postures.features import LIMIT, features

# Beside the features, all in standing hip heights: the hips, the top and the foot of the box above the
# feet that stood; the box's width and height; the torso; and whether keypoints say anything.
EXTRA = ("above", "top", "foot", "wide", "tall", "torso", "told")
# Stance, weight, how far the hips have moved in metres.
PLAN = (
    (stances.chair, 3, (0.1, 0.6)), (stances.stool, 1, (0.1, 0.5)), (stances.recline, 1, (0.2, 0.6)),
    (stances.floor, 4, (0.0, 0.6)), (stances.lie, 5, (0.0, 1.1)), (stances.prop, 1, (0.0, 0.9)),
    (stances.squat, 2, (0.0, 0.3)), (stances.half_kneel, 1, (0.0, 0.4)), (stances.kneel, 1, (0.0, 0.4)),
    (stances.fours, 1.5, (0.0, 0.7)), (stances.bend_over, 1.5, (0.0, 0.4)), (stances.stand, 1.5, (0.0, 0.8)),
    (stances.wide, 1, (0.0, 0.4)), (stances.stride, 2, (0.0, 0.8)), (stances.one_leg, 0.5, (0.0, 0.4)),
)  # fmt: skip
FLOOR = ("floor", "lie", "prop")


def inputs(points, seen, box, stood) -> np.ndarray:
    """Numbers of people: `box` (N, 4) px, `stood` (N, 3): the torso and the height of the hips in px
    while they stood, and the row of their feet."""
    torso, legs, row = stood.T
    x, told = features(points, seen, torso)
    have = seen[:, 11:13]
    hips = (points[:, 11:13, 1] * have).sum(1) / np.maximum(have.sum(1), 1)
    told_or_0 = told.astype(float)
    extra = [
        (row - hips) / legs * told_or_0, (row - box[:, 1]) / legs, (row - box[:, 1] - box[:, 3]) / legs,
        box[:, 2] / legs, box[:, 3] / legs, torso / legs, told_or_0,
    ]  # fmt: skip
    return np.column_stack([x * told_or_0[:, None], np.clip(np.column_stack(extra), -LIMIT, LIMIT)])


def drawn(n: int, rng: np.random.Generator):
    """Numbers, postures, 1 for on the floor, and names of the stances, of about n drawn people."""
    total = sum(weight for _, weight, _ in PLAN)
    posture_of = {stance: i for i, p in enumerate(POSTURES) for stance, _ in stances.STANCES[p]}
    x, postures, floors, names = [], [], [], []
    for stance, weight, moved in PLAN:
        m = int(n * weight / total)
        s = Stances(m)
        stances.arms(s, rng)
        stance(s, rng)
        low = stance.__name__ in FLOOR
        x.append(_seen(s, moved, rng))
        postures.append(np.full(m, posture_of[stance]))
        floors.append(np.full(m, int(low)) * (s.seat == 0))
        names += [f"{stance.__name__} on a bed" if low and on_bed else stance.__name__ for on_bed in s.seat > 0]
    return np.concatenate(x), np.concatenate(postures), np.concatenate(floors), np.array(names)


def _seen(s: Stances, moved, rng):
    joints, torso = bodies.joints(s, rng)
    n, size, camera = len(joints), torso / TRUNK, bodies.Cameras(len(joints), rng)
    way, far = rng.uniform(0, 2 * np.pi, n), rng.uniform(*moved, n) * size
    joints[..., 0] += (far * np.cos(way))[:, None]
    joints[..., 1] += (far * np.sin(way))[:, None]
    px, metre = camera.see(joints)
    # Hips and ankles while they stood.
    stood = np.zeros((n, 17, 3))
    stood[:, 0, 2], stood[:, 1, 2] = ((THIGH + SHIN) * rng.normal(1, 0.04, n) + 0.08) * size, 0.08 * size
    rows = camera.see(stood)[0][..., 1]
    legs = np.maximum(rows[:, 1] - rows[:, 0], 4) * np.exp(rng.normal(0, 0.05, n))
    known = torso * metre * np.exp(rng.normal(0, 0.1, n))
    row = rows[:, 1] + legs * rng.normal(0, 0.05, n)
    low, high = px.min(1), px.max(1)
    side = (high - low).max(1, keepdims=True)
    pad = side * rng.uniform(0.03, 0.12, (n, 2))
    low, high = low - pad + side * rng.normal(0, 0.03, (n, 2)), high + pad + side * rng.normal(0, 0.03, (n, 2))
    px, seen = bodies.spoil(px, rng)
    # A network that does not know such a view guesses.
    lost = rng.random(n) < 0.15
    guess = low[:, None] + rng.random(px.shape) * (high - low)[:, None]
    px = np.where(lost[:, None, None], px + (guess - px) * rng.uniform(0.2, 0.8, (n, 1, 1)), px)
    seen &= ~(lost[:, None] & (rng.random((n, 17)) < 0.4))
    # Furniture hides the lower part.
    edge = low[:, 1] + (high - low)[:, 1] * rng.uniform(0.35, 0.95, n)
    hidden = rng.random(n) < 0.12
    seen &= ~(hidden[:, None] & (px[..., 1] > edge[:, None]))
    high[:, 1] = np.where(hidden, edge, high[:, 1])
    box = np.column_stack([low, high - low])
    return inputs(px, seen, box, np.column_stack([known, legs, row]))
