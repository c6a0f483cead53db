"""Tracks of rendered clips (`posed replay --clip NAME.mp4 > NAME.jsonl`) beside their truth
(`NAME.json`): the errors that the pose network and the tracker really make."""

import json
from pathlib import Path

import numpy as np

from lpn.postures.bodies import POSTURES
from lpn.postures.features import PER_LIMB, PER_SHOULDERS, SEEN
from lpn.postures.stood import inputs

# A tracked person with this overlap is the one of the truth.
SAME_IOU = 0.3
# Keypoints this close to the picture's border, or this far outside the box (shares of their sides),
# are guesses; as in `src/events/shape.rs`.
BORDER, OUTSIDE = 0.008, 0.15
# Keypoints that make a size, and how fast the size of who stands is followed, frame by frame.
LIMBS, FOLLOWS = [5, 6, 11, 12, 13, 14, 15, 16], 0.15
# Scenes in which people lie on a bed, and in which they sit down on the floor.
BEDS, FLOORS = ("bed",), ("lie-down",)


def load(truths: Path, tracks: Path):
    """Keypoints, whether they are seen, boxes, `stood` (see `inputs`), postures, and 1 for on the floor,
    of every person and frame that is tracked."""
    rows = [row for path in sorted(tracks.glob("*.jsonl")) for row in _clip(truths / f"{path.stem}.json", path)]
    return tuple(np.array(part) for part in zip(*rows, strict=True))


def varied(tracked, copies: int, rng: np.random.Generator):
    """Numbers, postures and 1 for on the floor, of copies whose keypoints, boxes and sizes are moved."""
    points, seen, box, stood, posture, low = (np.repeat(part, copies, 0) for part in tracked)
    n, side = len(points), box[:, 2:].max(1)
    points = points + rng.standard_normal(points.shape) * 0.012 * side[:, None, None]
    box = box + rng.standard_normal(box.shape) * 0.025 * side[:, None]
    torso, legs, row = stood.T
    row = row + legs * rng.normal(0, 0.06, n)
    torso, legs = torso * np.exp(rng.normal(0, 0.06, n)), legs * np.exp(rng.normal(0, 0.06, n))
    return inputs(points, seen, box, np.column_stack([torso, legs, row])), posture, low


def _clip(truth: Path, track: Path):
    scene = json.loads(truth.read_text())
    falls = [event["down_ms"] for event in scene["events"] if event["type"] == "fall"]
    on_bed = any(name in scene["scene"] for name in BEDS)
    low = ("lying", "sitting") if scene["scene"] in FLOORS else ("lying",)
    found = {}
    for line in track.read_text().splitlines():
        message = json.loads(line)
        size = message["frame"]["width"], message["frame"]["height"]
        found[round(message["captured_ns"] / 1e6)] = message["people"]
    stood = {}
    for frame in scene["frames"]:
        nearest = min(found, key=lambda t: abs(t - frame["pts_ms"]), default=None)
        for person in frame["people"]:
            if person["posture"] not in POSTURES:
                continue
            same = _same(person["box"], found.get(nearest, []))
            if same is None:
                continue
            k = np.array(list(same["keypoints"].values()))
            seen = (k[:, 2] >= SEEN) & _inside(k[:, :2], same["box"], size)
            if person["posture"] == "standing" and seen[LIMBS].all():
                now = np.array(_size(k))
                before = stood.get(person["id"], now)
                stood[person["id"]] = before + FOLLOWS * (now - before)
            if person["id"] not in stood:
                continue
            down = person["posture"] in low or any(frame["pts_ms"] >= ms for ms in falls)
            yield (k[:, :2], seen, np.array(same["box"]), stood[person["id"]],
                   POSTURES.index(person["posture"]), int(down and not on_bed))  # fmt: skip


def _inside(points, box, size):
    """Whether keypoints are in the picture and near the box."""
    size, low, sides = np.array(size), np.array(box[:2]), np.array(box[2:])
    reach = OUTSIDE * sides.max()
    in_picture = (points > BORDER * size) & (points < (1 - BORDER) * size)
    return (in_picture & (points > low - reach) & (points < low + sides + reach)).all(1)


def _size(points):
    """Torso, height of the hips, and row of the feet, in px."""
    p = points[:, :2]
    gap = lambda a, b: float(np.hypot(*(p[a] - p[b])))  # noqa: E731
    hips, shoulders = p[11:13].mean(0), p[5:7].mean(0)
    limbs = max(gap(11, 13), gap(13, 15), gap(12, 14), gap(14, 16)) * PER_LIMB
    torso = max(float(np.hypot(*(hips - shoulders))), gap(5, 6) * PER_SHOULDERS, limbs)
    foot = float(p[15:17, 1].max())
    return torso, max(foot - float(hips[1]), 1.0), foot


def _same(box, people):
    best = max(people, key=lambda person: _iou(box, person["box"]), default=None)
    return best if best is not None and _iou(box, best["box"]) > SAME_IOU else None


def _iou(a, b):
    w = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    h = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    both = max(w, 0) * max(h, 0)
    return both / (a[2] * a[3] + b[2] * b[3] - both)
