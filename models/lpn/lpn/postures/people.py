"""Real people with posture labels: COCO annotations and a JSON file that maps their ids to postures."""

import json
from pathlib import Path

import numpy as np

from lpn.postures.bodies import POSTURES, spoil, turn
from lpn.postures.features import features

# Teacher keypoints that are less certain are not seen.
CERTAIN = 0.3


class People:
    """`points` (N, 17, 2) px, `seen` (N, 17) bool, `posture` (N,) index into POSTURES."""

    def __init__(self, points, seen, posture):
        self.points, self.seen, self.posture = np.asarray(points, float), np.asarray(seen, bool), np.asarray(posture)

    def features(self):
        return features(self.points, self.seen)


def load(annotations: Path, labels: Path) -> People:
    """The annotated keypoints of labelled people, and a teacher's where there are any. People whose
    posture is `unknown` are left out."""
    wanted = {int(i): POSTURES.index(p) for i, p in json.loads(labels.read_text()).items() if p in POSTURES}
    points, seen, posture = [], [], []
    for a in json.loads(annotations.read_text())["annotations"]:
        if a["id"] not in wanted:
            continue
        for name, least in (("keypoints", 0), ("teacher", CERTAIN)):
            if not a.get(name):
                continue
            k = np.reshape(a[name], (17, 3))
            points.append(k[:, :2])
            seen.append(k[:, 2] > least)
            posture.append(wanted[a["id"]])
    return People(points, seen, posture)


def varied(people: People, copies: int, rng: np.random.Generator) -> People:
    """Turned and squeezed a little, with keypoints moved and lost."""
    px, seen = np.repeat(people.points, copies, 0), np.repeat(people.seen, copies, 0)
    n = len(px)
    px = turn(px - px.mean(1, keepdims=True), rng.standard_normal((n, 1)) * 5, (0, 1))
    px[..., 0] *= np.exp(rng.normal(0, 0.06, (n, 1)))
    px, kept = spoil(px, rng)
    return People(px, seen & kept, np.repeat(people.posture, copies))
