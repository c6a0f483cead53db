"""Heatmaps -> keypoints, and how good keypoints are: PCK by torso and mean OKS."""

import numpy as np

from lpn.coco import FLIP_ORDER, SIGMAS

BETA = 160.0
WINDOW = 5


def argmax(heatmaps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """f32 [N, K, h, w] -> whole-pixel peaks f32 [N, K, 2] in heatmap px, scores f32 [N, K]."""
    n, k, h, w = heatmaps.shape
    at = heatmaps.reshape(n, k, -1).argmax(2)
    points = np.stack([at % w, at // w], 2).astype(np.float32)
    return points, np.take_along_axis(heatmaps.reshape(n, k, -1), at[..., None], 2)[..., 0]


def doubt(points: np.ndarray, scores: np.ndarray, size: tuple[int, int], unit: float) -> np.ndarray:
    """`scores` times the chance that the keypoint is inside a picture of `size` (width, height)
    px, if it is near the border: as `src/pose/border.rs`, which says where the numbers come from.
    `points` are in px of the picture, `unit` is the size of a heatmap px in px of the picture."""
    distance = np.minimum(points + 0.5, np.array(size) - 0.5 - points).min(axis=-1) / unit
    inside = 1 / (1 + np.exp(-(-4.4 + 7.6 * scores + 0.7 * distance)))
    return (scores * np.maximum(np.clip(distance - 3, 0, 1), inside)).astype(np.float32)


def soft_argmax(heatmaps, beta: float = BETA, window: int = WINDOW) -> tuple[np.ndarray, np.ndarray]:
    """Beta-soft-argmax (paper, section 3.4) over `window` px either side of the peak (0: the whole
    map).

    Score: the raw heatmap at the rounded position.
    """
    n, k, h, w = heatmaps.shape
    peak, top = argmax(heatmaps)
    weights = np.exp(beta * (heatmaps - top[..., None, None]))
    gx, gy = np.arange(w, dtype=np.float32), np.arange(h, dtype=np.float32)
    if window:
        near_x = np.abs(gx - peak[..., :1]) <= window
        near_y = np.abs(gy - peak[..., 1:]) <= window
        weights = weights * (near_y[..., :, None] & near_x[..., None, :])
    total = weights.sum((2, 3))
    points = np.stack([(weights.sum(2) @ gx) / total, (weights.sum(3) @ gy) / total], 2)
    x, y = (np.rint(points).astype(int)[..., i] for i in (0, 1))
    i, j = np.indices((n, k))
    return points.astype(np.float32), heatmaps[i, j, y.clip(0, h - 1), x.clip(0, w - 1)]


def quarter_shift(heatmaps: np.ndarray, points: np.ndarray) -> np.ndarray:
    """The published evaluation's last step: a quarter px towards the higher neighbour, away from
    the border.

    heatmaps f32 [N, K, h, w], points f32 [N, K, 2] in heatmap px -> f32 [N, K, 2].
    """
    n, k, h, w = heatmaps.shape
    px, py = (np.floor(points[..., i] + 0.5).astype(int) for i in (0, 1))
    inside = (px > 1) & (px < w - 1) & (py > 1) & (py < h - 1)
    x, y = np.where(inside, px, 1), np.where(inside, py, 1)
    i, j = np.indices((n, k))
    dx = heatmaps[i, j, y, x + 1] - heatmaps[i, j, y, x - 1]
    dy = heatmaps[i, j, y + 1, x] - heatmaps[i, j, y - 1, x]
    step = 0.25 * np.sign(np.stack([dx, dy], 2)) * inside[..., None]
    return (points + step).astype(np.float32)


def flip_back(heatmaps: np.ndarray) -> np.ndarray:
    """Heatmaps of the mirrored crop -> those of the crop: mirrored, left and right swapped, shifted
    by 1 px."""
    out = heatmaps[:, FLIP_ORDER, :, ::-1].copy()
    out[..., 1:] = out[..., :-1].copy()
    return out


def torso_px(keypoints: np.ndarray, visible: np.ndarray) -> float | None:
    """The longer labelled diagonal shoulder - opposite hip, in px; None where neither is
    labelled."""
    diagonals = [
        float(np.hypot(*(keypoints[a] - keypoints[b])))
        for a, b in ((5, 12), (6, 11))
        if visible[a] and visible[b]
    ]
    return max(diagonals, default=None)


def oks(pred: np.ndarray, keypoints: np.ndarray, visible: np.ndarray, area: float) -> float:
    """Object keypoint similarity (COCO) over the labelled keypoints, 0..1."""
    d2 = ((pred - keypoints) ** 2).sum(1)
    e = d2 / (2 * (2 * SIGMAS) ** 2 * (area + np.spacing(1)))
    return float(np.exp(-e)[visible].mean())


class Score:
    """Accumulates PCK@0.2 by torso (people with a labelled torso) and mean OKS (everybody)."""

    def __init__(self):
        self.hits, self.labelled, self.similarities = np.zeros(17), np.zeros(17), []

    def add(self, pred: np.ndarray, keypoints: np.ndarray, visible: np.ndarray, area: float) -> None:
        self.similarities.append(oks(pred, keypoints, visible, area))
        torso = torso_px(keypoints, visible)
        if torso:
            near = np.hypot(*(pred - keypoints).T) <= 0.2 * torso
            self.hits += near & visible
            self.labelled += visible

    @property
    def pck(self) -> float:
        return float(self.hits.sum() / max(self.labelled.sum(), 1))

    @property
    def pck_per_keypoint(self) -> list[float | None]:
        return [float(h / n) if n else None for h, n in zip(self.hits, self.labelled)]

    @property
    def mean_oks(self) -> float:
        return float(np.mean(self.similarities)) if self.similarities else 0.0
