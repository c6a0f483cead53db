"""Scenes with boxes: read, cut, put side by side, mirrored and coloured for the finder's
training."""

import json
import logging
from pathlib import Path

import cv2
import numpy as np
import torch

from lpn import coco, crop
from lpn.finder import codec

log = logging.getLogger("lpn")

HELD_BACK = 40  # of so many training scenes, one is not trained on
# Of so many scenes, one helps to choose the score threshold. Three in four of these are trained on,
# which is sound as long as the network scores no better on them. The mean of 0.2 false boxes has a
# standard error of 0.015 on 920 scenes and 0.03 on 230 (Poisson).
TUNING = 10
SURE, UNSURE = 0.45, 0.3  # the teacher's scores from which a box is a person, and perhaps one


class Scenes:
    """Pictures of whole scenes (`scene: true`) and the boxes in them, f32 [P, 4] x0, y0, x1, y1;
    with `crops` in `where` the other pictures of the file instead, each cut around one person.

    `unlabelled` in `where` names a teacher's boxes (`python -m lpn teach`). Training takes those
    that no label covers; measures do not.
    """

    def __init__(self, where: dict, cache: Path | None):
        data = json.loads(Path(where["annotations"]).read_text())
        people = coco.People()
        of_image, crops = {}, bool(where.get("crops"))
        for im in data["images"]:
            path = Path(where["images"]) / im["file_name"]
            if not path.is_file():
                people.fault("missing image", str(path))
                continue
            if bool(im.get("scene")) != crops:
                of_image[im["id"]] = len(people.paths)
            people.paths.append(path)
        # The pose training shares this cache, so it holds every picture of the file.
        self.pictures = coco.Pictures(people, cache)
        self.boxes: dict[int, np.ndarray] = {at: np.zeros((0, 4), np.float32) for at in of_image.values()}
        self.ignore = dict(self.boxes)
        # x, y and visible of 17 keypoints for each of `boxes`, f32 [P, 17, 3]
        self.keypoints = {at: np.zeros((0, 17, 3), np.float32) for at in self.boxes}
        for a in data["annotations"]:
            if a["image_id"] not in of_image:
                continue
            at = of_image[a["image_id"]]
            x, y, w, h = a["bbox"]
            if w <= 1 or h <= 1:
                people.fault("bad box", f"annotation {a['id']}: {a['bbox']}")
                continue
            kind = self.ignore if a.get("iscrowd") or a.get("seen", 1.0) < 0.2 else self.boxes
            kind[at] = np.vstack([kind[at], np.array([[x, y, x + w, y + h]], np.float32)])
            if kind is self.boxes:
                points = np.array(a.get("keypoints") or [0] * 51, np.float32).reshape(1, 17, 3)
                self.keypoints[at] = np.concatenate([self.keypoints[at], points])
        # What a teacher found beside the labels: people f32 [P, 4], and where it was not sure.
        self.taught: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        if "unlabelled" in where:
            found = json.loads(Path(where["unlabelled"]).read_text())
            for im in data["images"]:
                if im["id"] in of_image and found.get(im["file_name"]):
                    at = of_image[im["id"]]
                    labelled = np.vstack([self.boxes[at], self.ignore[at]])
                    self.taught[at] = _unlabelled(np.array(found[im["file_name"]], np.float32), labelled)
        self.synthetic = bool(where.get("synthetic"))
        self.aspect = float(where.get("aspect", 0))
        self.lying = float(where.get("lying", 0))
        usable = [at for at in of_image.values() if at not in self.pictures.broken]
        self.held_back = [] if self.synthetic or crops else usable[::HELD_BACK]
        self.tuning = [] if self.synthetic or crops else usable[::TUNING]
        back = set(self.held_back)
        self.all = usable
        self.train = [at for at in usable if at not in back]
        log.info("%s: %d scenes, faults %s", where["annotations"], len(usable), people.faults or "none")


    def people(self, at: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What training is told of a scene: the boxes, the boxes to ignore, and keypoints of the
        boxes [P, 17, 3]."""
        if at not in self.taught:
            return self.boxes[at], self.ignore[at], self.keypoints[at]
        sure, unsure = self.taught[at]
        points = np.concatenate([self.keypoints[at], np.zeros((len(sure), 17, 3), np.float32)])
        return np.vstack([self.boxes[at], sure]), np.vstack([self.ignore[at], unsure]), points


def _unlabelled(found: np.ndarray, labelled: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The teacher's boxes f32 [P, 5] of nobody labelled: (those it is sure of, those it is not),
    f32 [P, 4] each.

    A box that overlaps a label too little to be the same person and too much to be another one is
    not sure, whatever its score.
    """
    boxes, scores = np.split(found[found[:, 4] >= UNSURE], [4], axis=1)
    scores = scores[:, 0]
    if not len(labelled):
        return boxes[scores >= SURE], boxes[scores < SURE]
    low = np.maximum(boxes[:, None, :2], labelled[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], labelled[None, :, 2:])
    shared = np.prod(np.maximum(high - low, 0), 2)
    covered = (shared / np.prod(boxes[:, 2:] - boxes[:, :2], 1)[:, None]).max(1)
    covers = (shared / np.prod(labelled[:, 2:] - labelled[:, :2], 1)).max(1)
    overlap = codec.iou(boxes, labelled).max(1)
    sure = (scores >= SURE) & (covered < 0.6) & (covers < 0.6) & (overlap < 0.35)
    unsure = ~sure & (overlap < 0.5) & (covered < 0.85)
    return boxes[sure], boxes[unsure]


class Samples:
    """Training inputs: one scene, or several side by side, so that people come in all sizes and
    numbers."""

    def __init__(self, config, cache: Path | None):
        self.sources = [
            Scenes(s, cache / s["cache"] if cache and "cache" in s else None) for s in config.sources
        ]
        self.shares = np.array([float(s.get("share", 1.0)) for s in config.sources])
        self.shares /= self.shares.sum()
        self.seed = config.seed
        self.stride = config.net.stride
        self.parts = config.net.outputs > 5

    def batch(self, stage_index: int, stage, start: int, count: int | None = None):
        """Samples start .. start + count (the batch) -> x f32 [N, 3, H, W], targets and masks as
        `draw`."""
        drawn = [self.draw(np.random.default_rng((self.seed, stage_index, i)), stage.width, stage.height)
                 for i in range(start, start + (count or stage.batch))]  # fmt: skip
        x = crop.normalise(np.stack([d[0] for d in drawn]))
        return torch.from_numpy(x), torch.from_numpy(np.stack([d[1] for d in drawn])), torch.from_numpy(
            np.stack([d[2] for d in drawn])
        )

    def draw(self, rng, width: int, height: int):
        """-> (u8 [height, width, 3], targets f32 [6, h, w], masks f32 [2, h, w]: weight and
        `partial`).

        Where the network has outputs for body parts, 9 of `finder.part_targets` follow on each of
        the two.
        """
        source = self.sources[int(rng.choice(len(self.sources), p=self.shares))]
        canvas = np.zeros((height, width, 3), np.uint8)
        if rng.random() < 0.3:
            canvas[:] = rng.integers(0, 256, 3)
        placed = []
        for tile in _tiles(rng, width, height, 0.85 if source.synthetic else 0.45):
            at = source.train[int(rng.integers(len(source.train)))]
            placed.append(_place(rng, source, at, canvas, tile))
        boxes, ignore, points = (np.concatenate(column) for column in zip(*placed))
        if rng.random() < 0.8:
            canvas = crop.jitter_colour(canvas, rng)
        target, weight = codec.targets(boxes, ignore, width, height, self.stride)
        partial = np.full_like(weight, float(not source.synthetic and not source.taught))
        if self.parts:
            parts, known = codec.part_targets(
                boxes, points[..., :2], points[..., 2] > 0, source.synthetic, width, height, self.stride
            )
            target, partial = np.vstack([target, parts]), np.vstack([partial, known * weight])
        return canvas, target, np.vstack([weight, partial])


def _tiles(rng, width: int, height: int, whole: float):
    """Where scenes go, x, y, w, h: mostly one over everything, else two beside each other, or
    four."""
    kind = rng.random()
    if kind < whole:
        return [(0, 0, width, height)]
    x = int(width * rng.uniform(0.35, 0.65))
    if kind < whole + (1 - whole) * 0.65:
        return [(0, 0, x, height), (x, 0, width - x, height)]
    y = int(height * rng.uniform(0.4, 0.6))
    return [(0, 0, x, y), (x, 0, width - x, y), (0, y, x, height - y), (x, y, width - x, height - y)]


def _place(rng, source: Scenes, at: int, canvas: np.ndarray, tile) -> tuple[np.ndarray, ...]:
    """Warps a scene into a tile of the canvas, zoomed, shifted and perhaps mirrored.

    Returns the boxes, the boxes to ignore, and the keypoints of the boxes, [P, 17, 3]. A mirrored
    scene keeps the names of left and right, which share a map.
    """
    tx, ty, tw, th = tile
    picture, (boxes, ignored, points) = source.pictures[at], source.people(at)
    if source.lying and rng.random() < source.lying:
        picture, boxes, ignored, points = _on_its_side(picture, boxes, ignored, points, int(rng.choice([1, 3])))
    h, w = picture.shape[:2]
    contain, cover = max(w / tw, h / th), min(w / tw, h / th)
    scale = contain if rng.random() < 0.65 else contain + (cover - contain) * rng.random()
    scale *= float(np.exp(rng.normal(0, 0.18)))
    slack = np.abs(np.array([w, h]) - scale * np.array([tw, th])) / 2
    center = np.array([w, h]) / 2 + rng.uniform(-1, 1, 2) * slack
    a = crop.affine(*center, scale, tw, th, 0.0, bool(rng.random() < 0.5))
    if source.aspect:
        a = _stretched(a, float(np.exp(rng.normal(0, source.aspect) / 2)), tw, th)
    canvas[ty : ty + th, tx : tx + tw] = cv2.warpAffine(
        picture, a, (tw, th), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_CONSTANT,
        borderValue=tuple(int(v) for v in canvas[ty, tx]),
    )  # fmt: skip
    inverse = cv2.invertAffineTransform(a)
    kept, dropped = [], [codec.move_boxes(ignored, inverse)]
    moved = codec.move_boxes(boxes, inverse)
    inside = np.concatenate([np.clip(moved[:, :2], 0, [tw, th]), np.clip(moved[:, 2:], 0, [tw, th])], 1)
    share = np.prod(inside[:, 2:] - inside[:, :2], 1) / np.maximum(np.prod(moved[:, 2:] - moved[:, :2], 1), 1e-6)
    good = (share >= 0.3) & (inside[:, 3] - inside[:, 1] >= codec.MIN_HEIGHT_PX)
    kept.append(inside[good]), dropped.append(inside[~good & (share > 0)])
    points = points[good]
    points[..., :2] = points[..., :2] @ inverse[:, :2].T + inverse[:, 2]
    points[..., 2] *= ((points[..., :2] >= 0) & (points[..., :2] < [tw, th])).all(-1)
    points[..., :2] += [tx, ty]
    shift = np.array([tx, ty, tx, ty], np.float32)
    return (np.vstack(kept) + shift).astype(np.float32), (np.vstack(dropped) + shift).astype(np.float32), points


def _on_its_side(picture, boxes, ignored, points, quarters: int):
    """A scene turned by quarter turns to the left (1 or 3), so that people who stand lie in it."""
    h, w = picture.shape[:2]
    # Input px -> px of the turned picture.
    a = np.array([[0, 1, 0], [-1, 0, w - 1]] if quarters == 1 else [[0, -1, h - 1], [1, 0, 0]], np.float32)

    def moved(corners):
        ends = corners.reshape(-1, 2, 2) @ a[:, :2].T + a[:, 2]
        return np.concatenate([ends.min(1), ends.max(1)], 1)

    points = points.copy()
    points[..., :2] = points[..., :2] @ a[:, :2].T + a[:, 2]
    return np.ascontiguousarray(np.rot90(picture, quarters)), moved(boxes), moved(ignored), points


def _stretched(a: np.ndarray, by: float, width: int, height: int) -> np.ndarray:
    """The map [2, 3] of a tile into a picture, with the picture `by` narrower and as much taller
    about the tile's middle."""
    about = np.array([[by, 0, (1 - by) * width / 2], [0, 1 / by, (1 - 1 / by) * height / 2], [0, 0, 1]])
    return a @ about
