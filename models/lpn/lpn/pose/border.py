"""What a keypoint's score is worth at the border of a picture, where it may be a guess at a joint
outside.

Pictures of training people are cut through the people. The worth of a keypoint near the border is
the height that its target has in training: the teacher's certainty, and 0 outside the picture.
"""

import numpy as np

from lpn import coco, crop
from lpn.manifest import Manifest
from lpn.schedule import Config

NEAR = 3.0  # heatmap px to the border
FEWEST = 1000  # keypoints to fit three numbers to
BATCH = 32


def observe(run, manifest: Manifest, config: Config, people: int, seed: int = 5) -> np.ndarray:
    """Keypoints near the border, f64 [N, 3]: score, distance to the border in heatmap px (negative
    outside), and target height. `people` are drawn from each source with a teacher's labels."""
    rng, seen = np.random.default_rng(seed), []
    for source in config.sources:
        if source.get("labels") != "teacher":
            continue
        loaded = coco.load_people(source["annotations"], source["images"], labels="teacher", only=source.get("only"))
        known = [p for p in loaded.people if p.certainty is not None]
        for at in range(0, people, BATCH):
            group = [known[rng.integers(len(known))] for _ in range(min(BATCH, people - at))]
            read = [(p, coco.read_picture(loaded.paths[p.image])) for p in group]
            cut = [(p, *crop.cut_off(picture, p.bbox, rng)) for p, picture in read if picture is not None]
            seen += _near(run, manifest, cut) if cut else []
    return np.array(seen, np.float64).reshape(-1, 3)


def _near(run, manifest: Manifest, cut: list) -> list[tuple]:
    """The rows of `observe` for (person, picture, its offset, box in the whole picture) each."""
    crops = [
        crop.evaluation_crop(picture, (box[0] - left, box[1] - top, *box[2:]), manifest.width, manifest.height)
        for _, picture, (left, top), box in cut
    ]
    found = manifest.decode(run(manifest.normalise(np.stack([c for c, _ in crops]))))
    rows = []
    for (person, picture, offset, _), (_, a), points, scores in zip(cut, crops, *found):
        size, unit = np.array(picture.shape[1::-1]), np.linalg.norm(a[:, 0]) * crop.STRIDE
        at = (points * crop.STRIDE) @ a[:, :2].T + a[:, 2]
        distance = np.minimum(at + 0.5, size - 0.5 - at).min(1) / unit
        truth = person.keypoints - offset
        inside = ((truth >= -0.5) & (truth < size - 0.5)).all(1)
        near = distance < NEAR
        rows += zip(scores[near].clip(0, 1), distance[near], (inside * crop.target_heights(person))[near])
    return rows


def fit(seen: np.ndarray) -> list[float]:
    """[constant, per_score, per_px], such that score * logistic(constant + per_score * score +
    per_px * distance) has the least squared error to the height. `seen` is what `observe` gave.
    per_score is at least 0, so that a surer keypoint never loses more.

    Raises ValueError where too little was seen, or where the distance says nothing.
    """
    if len(seen) < FEWEST:
        raise ValueError(f"{len(seen)} keypoints near the border are too few to fit")
    constant, per_score, per_px = _least_squares(seen, [0, 1, 2])
    if per_score < 0:
        constant, per_score, per_px = _least_squares(seen, [0, 2])
    if per_px < 0:
        raise ValueError(f"the distance to the border says nothing: {per_px:.2f} for each px")
    return [round(float(v), 2) for v in (constant, per_score, per_px)]


def _least_squares(seen: np.ndarray, free: list[int], steps: int = 200) -> np.ndarray:
    """`fit` by Levenberg and Marquardt's method, with the numbers that are not `free` at 0."""
    score, distance, height = seen.T
    x = np.c_[np.ones(len(seen)), score, distance]

    def share(w):
        return np.exp(-np.logaddexp(0, -(x @ w)))

    w, damping = np.array([0.0, 0.0, 1.0]), 1.0
    for _ in range(steps):
        kept = share(w)
        slope, left = x[:, free] * (score * kept * (1 - kept))[:, None], height - score * kept
        step = np.zeros(3)
        step[free] = np.linalg.solve(slope.T @ slope + damping * np.eye(len(free)), slope.T @ left)
        better = ((height - score * share(w + step)) ** 2).sum() < (left**2).sum()
        w, damping = (w + step, damping / 3) if better else (w, damping * 3)
    return w
