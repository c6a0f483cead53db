"""Person crops: the affine map, the augmentation, the normalised input and the heatmap targets.

Coordinates are pixel indices: the centre of pixel (0, 0) is (0, 0), as in OpenCV and the published
code.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from lpn.coco import FLIP_ORDER, Person

MEAN = np.array([123.675, 116.28, 103.53], np.float32)  # R, G, B in 0..255
STD = np.array([58.395, 57.12, 57.375], np.float32)
STRIDE = 4
MARGIN = 1.25
# Lower targets only teach how unsure to be. The cross-entropy, which teaches places, skips them.
CLEAR = 0.4


@dataclass
class Augment:
    """How much training crops vary. With all at zero they are the evaluation crop."""

    flip: float = 0.5
    scale: float = 0.3  # zoom drawn from exp(N) within 1 +- scale
    rotate_deg: float = 40.0  # standard deviation, on `rotate_share` of the crops
    rotate_share: float = 0.6
    shift: float = 0.05  # of the box side
    half_body: float = 0.15
    occlude: float = 0.3
    colour: float = 0.8
    cut: float = 0.0  # share of the crops whose picture ends within the person
    aspect: float = 0.0  # standard deviation of ln(width / height), on half of the crops


NONE = Augment(flip=0, scale=0, rotate_share=0, shift=0, half_body=0, occlude=0, colour=0)


def widen(bbox, width: int, height: int) -> tuple[float, float, float]:
    """Box -> (centre x, centre y, scale): frame px for one crop px, before the margin."""
    x, y, w, h = bbox
    aspect = width / height
    return x + w / 2, y + h / 2, max(w, h * aspect) / width


def affine(cx, cy, scale, width, height, angle=0.0, mirror=False) -> np.ndarray:
    """Crop px -> frame px, f64 [2, 3]: the crop's centre (width/2, height/2) lies on (cx, cy)."""
    c, s = math.cos(angle) * scale, math.sin(angle) * scale
    linear = np.array([[c, -s], [s, c]])
    offset = np.array([cx, cy]) - linear @ (width / 2, height / 2)
    if mirror:
        # Pixel u of a mirrored crop is pixel width-1-u of the other one.
        offset += linear[:, 0] * (width - 1)
        linear[:, 0] *= -1
    return np.column_stack([linear, offset])


def warp(picture: np.ndarray, crop_to_frame: np.ndarray, width: int, height: int) -> np.ndarray:
    """Bilinear, outside black: u8 [height, width, 3]."""
    return cv2.warpAffine(
        picture, crop_to_frame, (width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
    )  # fmt: skip


def normalise(crops: np.ndarray) -> np.ndarray:
    """u8 [N, H, W, 3] RGB -> f32 [N, 3, H, W]."""
    return np.ascontiguousarray(((crops.astype(np.float32) - MEAN) / STD).transpose(0, 3, 1, 2))


def evaluation_crop(picture, bbox, width, height) -> tuple[np.ndarray, np.ndarray]:
    """The crop that the daemon cuts too, and its crop -> frame map."""
    cx, cy, scale = widen(bbox, width, height)
    a = affine(cx, cy, scale * MARGIN, width, height)
    return warp(picture, a, width, height), a


def training_crop(picture, person: Person, width, height, aug: Augment, rng) -> tuple:
    """Cuts an augmented crop of a person.

    Returns the crop, u8 [height, width, 3], its keypoints in crop px, f32 [17, 2], and the heights
    of their targets, f32 [17]. A height is 0 where the keypoint lies outside the crop or the
    picture, or has no label.
    """
    offset, bbox = np.zeros(2), person.bbox
    cut = aug.cut and rng.random() < aug.cut
    if cut:
        picture, offset, bbox = cut_off(picture, bbox, rng)
    cx, cy, scale = widen(bbox, width, height)
    # Half of somebody who is cut may lie outside the picture.
    if rng.random() < aug.half_body and person.visible.sum() >= 8 and not cut:
        cx, cy, scale = _half_body(person, rng, width, height) or (cx, cy, scale)
    side = scale * width
    cx += rng.normal() * aug.shift * side
    cy += rng.normal() * aug.shift * side
    zoom = float(np.clip(math.exp(rng.normal() * aug.scale / 1.5), 1 - aug.scale, 1 / (1 - aug.scale + 1e-9)))
    angle = 0.0
    if rng.random() < aug.rotate_share:
        angle = math.radians(float(np.clip(rng.normal(), -2, 2)) * aug.rotate_deg)
    mirror = rng.random() < aug.flip
    a = affine(cx - offset[0], cy - offset[1], scale * MARGIN * zoom, width, height, angle, mirror)
    if aug.aspect and rng.random() < 0.5:
        # Stretch the crop's x axis about its centre, so that the person gets another aspect.
        stretch = math.exp(rng.normal() * aug.aspect)
        a[0] *= stretch
        a[0, 2] += (1 - stretch) * (cx - offset[0])
    crop = warp(picture, a, width, height)
    inverse = cv2.invertAffineTransform(a)
    within = person.keypoints - offset.astype(np.float32)
    points = within @ inverse[:, :2].T.astype(np.float32) + inverse[:, 2].astype(np.float32)
    # What lies outside the picture cannot be seen, wherever the crop ends.
    heights = target_heights(person) * ((within >= -1) & (within <= (picture.shape[1], picture.shape[0]))).all(1)
    if mirror:
        points, heights = points[FLIP_ORDER], heights[FLIP_ORDER]
    heights = heights * ((points >= 0) & (points < (width, height))).all(1)
    if rng.random() < aug.colour:
        crop = jitter_colour(crop, rng)
    if rng.random() < aug.occlude:
        crop = _occlude(crop, rng)
    return crop, points.astype(np.float32), heights.astype(np.float32)


def target_heights(person: Person) -> np.ndarray:
    """The height of each keypoint's target, f32 [17].

    A human label gives 1 or 0. A teacher gives its certainty, scaled: its peaks are at least 0.75
    where it is sure, and up to 0.15 where there is nothing.
    """
    if person.certainty is None:
        return person.visible.astype(np.float32)
    return np.where(person.certainty < 0.15, 0, np.minimum(person.certainty / 0.75, 1)).astype(np.float32)


def cut_off(picture, bbox, rng):
    """Cuts the picture off within the box, as a camera's border does.

    Returns the picture, its offset, and what is left of the box.
    """
    x, y, w, h = bbox
    share = rng.uniform(0.15, 0.6)
    low, high = np.array([0, 0]), np.array([picture.shape[1], picture.shape[0]])
    # Left, right, top, bottom: legs are cut off most.
    side = rng.choice(4, p=(0.2, 0.2, 0.15, 0.45))
    axis, size = (0, w) if side < 2 else (1, h)
    start = (x, y)[axis]
    if side in (0, 2):
        low[axis] = np.clip(round(start + share * size), 0, high[axis] - 2)
    else:
        high[axis] = np.clip(round(start + (1 - share) * size), 2, high[axis])
    left, top = np.maximum((x, y), low)
    right, bottom = np.minimum((x + w, y + h), high)
    box = (float(left), float(top), max(float(right - left), 2.0), max(float(bottom - top), 2.0))
    return np.ascontiguousarray(picture[low[1] : high[1], low[0] : high[0]]), low.astype(np.float64), box


def _half_body(person, rng, width, height):
    upper = np.arange(17) < 11
    part = person.visible & (upper if rng.random() < 0.6 else ~upper)
    if part.sum() < 3:
        return None
    p = person.keypoints[part]
    low, size = p.min(0), np.ptp(p, 0)
    pad = 0.25 * size.max()
    return widen((*(low - pad), *(size + 2 * pad)), width, height)


def jitter_colour(crop, rng):
    """Brightness, tint, and now and then grey, blur or noise: u8 [h, w, 3] -> the same."""
    gain = rng.uniform(0.7, 1.3) * rng.uniform(0.9, 1.1, 3)
    bias = rng.uniform(-25, 25)
    lut = np.clip(np.arange(256)[:, None] * gain + bias, 0, 255).astype(np.uint8)
    crop = np.stack([cv2.LUT(np.ascontiguousarray(crop[:, :, c]), lut[:, c]) for c in range(3)], 2)
    kind = rng.random()
    if kind < 0.1:
        grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
        crop = np.repeat(grey[:, :, None], 3, 2)
    elif kind < 0.2:
        crop = cv2.GaussianBlur(crop, (3, 3), rng.uniform(0.5, 1.5))
    elif kind < 0.3:
        noise = rng.integers(-12, 13, crop.shape, dtype=np.int16)
        crop = np.clip(crop + noise, 0, 255).astype(np.uint8)
    return crop


def _occlude(crop, rng):
    height, width = crop.shape[:2]
    crop = crop.copy()
    for _ in range(rng.integers(1, 3)):
        w, h = int(width * rng.uniform(0.1, 0.35)), int(height * rng.uniform(0.1, 0.3))
        x, y = rng.integers(0, width - w), rng.integers(0, height - h)
        if rng.random() < 0.5:
            crop[y : y + h, x : x + w] = rng.integers(0, 256, 3)
        else:  # another patch of the same picture looks like a real obstacle
            sx, sy = rng.integers(0, width - w), rng.integers(0, height - h)
            crop[y : y + h, x : x + w] = crop[sy : sy + h, sx : sx + w].copy()
    return crop


def heatmap_targets(points: np.ndarray, heights: np.ndarray, width: int, height: int, sigma: float):
    """Gaussians of the given heights [N, K] around points / STRIDE, which is not rounded.

    Returns f32 [N, K, height/4, width/4].
    """
    gx = np.arange(width // STRIDE, dtype=np.float32)
    gy = np.arange(height // STRIDE, dtype=np.float32)
    p = points / STRIDE
    ex = np.exp(-((gx - p[..., :1]) ** 2) / (2 * sigma * sigma))
    ey = np.exp(-((gy - p[..., 1:]) ** 2) / (2 * sigma * sigma))
    return (ey[..., :, None] * ex[..., None, :] * heights[..., None, None]).astype(np.float32)
