"""How well people are found: recall, false boxes a picture, AP50."""

from dataclasses import dataclass

import numpy as np

from lpn.finder.codec import iou

MIN_PERSON_PX = 24.0  # height at the network's input
MATCH_IOU = 0.5


@dataclass
class Found:
    """One picture: boxes found f32 [P, 4] (frame px) with scores f32 [P], people f32 [T, 4], which
    of them count."""

    boxes: np.ndarray
    scores: np.ndarray
    people: np.ndarray
    counts: np.ndarray

    @staticmethod
    def of(boxes, scores, people, scale: float = 1.0) -> "Found":
        """`scale`: frame px for one px of the input, at which people must be MIN_PERSON_PX tall to count."""
        people = np.asarray(people, np.float32).reshape(-1, 4)
        return Found(boxes, scores, people, people[:, 3] - people[:, 1] >= MIN_PERSON_PX * scale)


def match(found: Found) -> np.ndarray:
    """What each box is, best score first: 1 a person, 0 false, -1 a person too small to count
    (i8 [P]).

    Each person takes one box; a second one on the same person is false.
    """
    kind = np.zeros(len(found.boxes), np.int8)
    free = np.ones(len(found.people), bool)
    overlap = iou(found.boxes, found.people) if len(found.people) else np.zeros((len(found.boxes), 0))
    for i in np.argsort(-found.scores, kind="stable"):
        # People who count are matched first, so that a small one never takes their box.
        for counted, result in ((True, 1), (False, -1)):
            able = np.flatnonzero(free & (found.counts == counted) & (overlap[i] >= MATCH_IOU))
            if len(able):
                free[able[overlap[i, able].argmax()]] = False
                kind[i] = result
                break
    return kind


def measure(pictures: list[Found], threshold: float) -> dict:
    """At `threshold`: recall, false boxes a picture; AP50 over all scores (all-point
    interpolation)."""
    kinds = np.concatenate([match(p) for p in pictures] or [np.zeros(0, np.int8)])
    scores = np.concatenate([p.scores for p in pictures] or [np.zeros(0)])
    people = int(sum(p.counts.sum() for p in pictures))
    above = scores >= threshold
    return {
        "recall": round(float((above & (kinds == 1)).sum() / max(people, 1)), 4),
        "false_per_image": round(float((above & (kinds == 0)).sum() / max(len(pictures), 1)), 4),
        "ap50": round(average_precision(kinds, scores, people), 4),
        "people": people,
        "images": len(pictures),
        "threshold": threshold,
    }


def average_precision(kinds: np.ndarray, scores: np.ndarray, people: int) -> float:
    """Area under the precision-recall curve, precision made monotone; boxes of kind -1 do not
    count."""
    order = np.argsort(-scores, kind="stable")
    kinds = kinds[order][kinds[order] >= 0]
    if not people or not len(kinds):
        return 0.0
    true = np.cumsum(kinds == 1)
    precision = np.maximum.accumulate((true / np.arange(1, len(kinds) + 1))[::-1])[::-1]
    return float((precision * (kinds == 1)).sum() / people)


def threshold_for(pictures: list[Found], false_per_image: float) -> float:
    """The lowest threshold that lets through at most so many false boxes a picture."""
    kinds = np.concatenate([match(p) for p in pictures])
    scores = np.concatenate([p.scores for p in pictures])
    false = np.sort(scores[kinds == 0])[::-1]
    allowed = int(false_per_image * len(pictures))
    if len(false) <= allowed:
        return float(scores.min(initial=1.0))
    return float(np.nextafter(np.float32(false[allowed]), np.float32(1)))
