"""What the posture network looks at: proportions of a body, the same numbers as `src/events/look.rs`.

Lengths are in units of the least length that the torso can have in truth. A body and its mirror
image give the same numbers: x counts towards the side of the knees, and the legs and the arms are
told apart by height only.
"""

import numpy as np

NAMES = (
    "spine_x", "spine_y", "head_x", "head_y", "head_seen",
    "knee_a_x", "knee_a_y", "knee_a_seen", "ankle_a_x", "ankle_a_y", "ankle_a_seen",
    "knee_b_x", "knee_b_y", "knee_b_seen", "ankle_b_x", "ankle_b_y", "ankle_b_seen",
    "wrist_a_x", "wrist_a_y", "wrist_a_seen", "wrist_b_x", "wrist_b_y", "wrist_b_seen",
    "torso", "upright", "leaning", "shoulders", "hips",
    "thigh_a", "shin_a", "thigh_b", "shin_b", "straight_a", "straight_b",
    "width", "height", "aspect", "lowest", "known", "share",
)  # fmt: skip
# Length of the torso in widths of the shoulders, in lengths of a thigh and of a shin.
PER_SHOULDERS, PER_LIMB = 1.25, 1.1
SEEN = 0.25
LIMIT = 3.0
# A trunk further from upright than 60 degrees.
FLAT = 1.732


def features(points: np.ndarray, seen: np.ndarray, torso_px=None) -> tuple[np.ndarray, np.ndarray]:
    """(N, 17, 2) px and (N, 17) bool -> (N, len(NAMES)), and whether a posture can be told at all.

    `torso_px`: (N,) lengths of the torso while the person stood; 0 where it is not known.
    """
    points = points.astype(np.float64)
    head, has_head = _middle(points, seen, range(5))
    shoulders, has_shoulders = _middle(points, seen, (5, 6))
    hips, has_hips = _middle(points, seen, (11, 12))
    shoulders = np.where(has_shoulders[:, None], shoulders, head)
    body = points - hips[:, None]
    spine = hips - shoulders
    # Without legs only a flat trunk says something.
    flat = np.abs(spine[:, 0]) > FLAT * np.abs(spine[:, 1])
    told = has_hips & (has_shoulders | has_head) & (seen[:, 13:].any(1) | flat)

    legs = [(body[:, 13 + s], seen[:, 13 + s], body[:, 15 + s], seen[:, 15 + s]) for s in (0, 1)]
    thighs = [_length(k) * ks for k, ks, _, _ in legs]
    shins = [_length(a - k) * (ks & as_) for k, ks, a, as_ in legs]
    torso = _length(spine)
    across = _length(points[:, 5] - points[:, 6]) * seen[:, 5] * seen[:, 6]
    pelvis = _length(points[:, 11] - points[:, 12]) * seen[:, 11] * seen[:, 12]
    unit = np.maximum.reduce([torso, across * PER_SHOULDERS, *(PER_LIMB * v for v in thighs + shins)])
    least = np.maximum(unit, 1.0)
    known = np.zeros(len(points)) if torso_px is None else torso_px
    unit = np.maximum(least, known)

    # Towards the side of the knees, or of the ankles if no knee is seen.
    knees, has_knees = _middle(body, seen, (13, 14))
    ankles, _ = _middle(body, seen, (15, 16))
    side = np.where(has_knees, knees[:, 0], ankles[:, 0])
    flip = np.where(side < 0, -1.0, 1.0)
    to_unit = np.stack([flip / unit, 1.0 / unit], 1)

    out = np.zeros((len(points), len(NAMES)))
    at = {name: i for i, name in enumerate(NAMES)}

    def put(name, xy, have):
        xy = xy * to_unit * have[:, None]
        out[:, at[name + "_x"]], out[:, at[name + "_y"]] = xy[:, 0], xy[:, 1]
        if name + "_seen" in at:
            out[:, at[name + "_seen"]] = have

    every = np.ones(len(points), bool)
    put("spine", spine, every)
    put("head", head - shoulders, has_head)
    # Leg a is the one whose knee (or else ankle) is higher in the picture.
    rank = [np.where(ks, k[:, 1], np.where(as_, a[:, 1], 1e9)) for k, ks, a, as_ in legs]
    swap = rank[1] < rank[0]
    for name, first in (("a", swap), ("b", ~swap)):
        pick = lambda i: np.where(first if legs[0][i].ndim == 1 else first[:, None], legs[1][i], legs[0][i])  # noqa: E731
        put(f"knee_{name}", pick(0), pick(1))
        put(f"ankle_{name}", pick(2), pick(3))
        thigh, shin = (np.where(first, v[1], v[0]) for v in (thighs, shins))
        out[:, at[f"thigh_{name}"]], out[:, at[f"shin_{name}"]] = thigh / unit, shin / unit
        whole = thigh + shin
        line = _length(pick(2)) / np.maximum(whole, 1e-6)
        out[:, at[f"straight_{name}"]] = np.where((thigh > 0) & (shin > 0), line, 0.0)
    wrists = [(body[:, 9 + s], seen[:, 9 + s]) for s in (0, 1)]
    rank = [np.where(ws, w[:, 1], 1e9) for w, ws in wrists]
    swap = rank[1] < rank[0]
    for name, first in (("a", swap), ("b", ~swap)):
        put(f"wrist_{name}", np.where(first[:, None], wrists[1][0], wrists[0][0]),
            np.where(first, wrists[1][1], wrists[0][1]))  # fmt: skip
    length = np.maximum(torso, 1e-6)
    out[:, at["torso"]] = torso / unit
    out[:, at["upright"]], out[:, at["leaning"]] = spine[:, 1] / length, np.abs(spine[:, 0]) / length
    out[:, at["shoulders"]], out[:, at["hips"]] = across / unit, pelvis / unit
    width, height, foot = _extent(points, seen, shoulders, hips, head, has_head)
    out[:, at["width"]], out[:, at["height"]] = width / unit, height / unit
    out[:, at["aspect"]] = np.log(np.maximum(width / np.maximum(height, 1.0), 0.01))
    out[:, at["lowest"]] = (foot - hips[:, 1]) / unit
    out[:, at["known"]], out[:, at["share"]] = known > 0, least / unit
    return np.clip(np.nan_to_num(out), -LIMIT, LIMIT), told


def _length(v):
    return np.hypot(v[..., 0], v[..., 1])


def _middle(points, seen, which):
    which = list(which)
    have = seen[:, which]
    count = have.sum(1)
    total = (points[:, which] * have[..., None]).sum(1)
    return total / np.maximum(count, 1)[:, None], count > 0


def _extent(points, seen, shoulders, hips, head, has_head):
    """Width and height of head, shoulders, hips, knees and ankles, and the lowest knee or ankle."""
    middles = np.stack([shoulders, hips, np.where(has_head[:, None], head, hips)], 1)
    limbs = np.where(seen[:, 13:, None], points[:, 13:], hips[:, None])
    every = np.concatenate([middles, limbs], 1)
    size = every.max(1) - every.min(1)
    lowest = np.where(seen[:, 13:], points[:, 13:, 1], -1e9).max(1)
    return size[:, 0], size[:, 1], np.where(seen[:, 13:].any(1), lowest, hips[:, 1])
