"""`crop.training_crop` for a whole batch, in torch, on the device where the pictures are.

The distributions are the same as there; the random numbers are not. A window is a person's part of
the picture with room around the crop. Coordinates are pixel indices of the window, as everywhere.
"""

import math
from dataclasses import dataclass

import torch
from torch.nn import functional as F

from lpn import crop
from lpn.coco import FLIP_ORDER, SURE

# A target of this height belongs to a keypoint that counts as labelled (see `crop.target_heights`).
VISIBLE = SURE / 0.75
UPPER = 11  # keypoints 0..10 are the head and the arms


@dataclass
class Labels:
    """What is known of N people, in px of their windows."""

    points: torch.Tensor  # f32 [N, 17, 2]
    heights: torch.Tensor  # f32 [N, 17], of the targets
    taught: torch.Tensor  # bool [N]: the heights are a teacher's certainties
    boxes: torch.Tensor  # f32 [N, 4]: x, y, w, h
    bounds: torch.Tensor  # f32 [N, 4]: left, top, right, bottom of the picture
    aspect: torch.Tensor  # f32 [N]: aspect jitter of the source

    def of(self, index: torch.Tensor) -> "Labels":
        """The people at `index`."""
        return Labels(*(getattr(self, name)[index] for name in self.__dataclass_fields__))


class Dice:
    """Random numbers on a device that depend on the seed alone."""

    def __init__(self, seed: int, device):
        self.generator = torch.Generator(device).manual_seed(seed)
        self.device = device

    def uniform(self, *shape, low: float = 0.0, high: float = 1.0) -> torch.Tensor:
        return torch.rand(shape, generator=self.generator, device=self.device) * (high - low) + low

    def normal(self, *shape) -> torch.Tensor:
        return torch.randn(shape, generator=self.generator, device=self.device)

    def chance(self, n: int, p: float) -> torch.Tensor:
        """bool [n], true with probability `p`."""
        return self.uniform(n) < p


def training_crops(windows: torch.Tensor, people: Labels, width: int, height: int, aug: crop.Augment, dice: Dice):
    """u8 [N, h, w, 3] and their labels -> (f32 [N, 3, height, width] in 0..255, points, heights) of
    the crops."""
    cut = dice.chance(len(windows), aug.cut)
    bounds, boxes = _cut(people.bounds, people.boxes, cut, dice)
    half, part = _half_body(people, aug.half_body, dice)
    # Half of somebody who is cut may lie outside the picture.
    boxes = torch.where((half & ~cut)[:, None], part, boxes)
    maps, mirror = _maps(boxes, people.aspect, width, height, aug, dice)
    crops = _sample(windows, maps, bounds if aug.cut else None, width, height)
    points, heights = _move(people, bounds, maps, mirror, width, height)
    crops = _jitter_colour(crops, aug.colour, dice)
    return _occlude(crops, aug.occlude, dice), points, heights


def heatmap_targets(points, heights, width: int, height: int, sigma: float) -> torch.Tensor:
    """`crop.heatmap_targets` on the device: f32 [N, K, height/4, width/4]."""
    gx = torch.arange(width // crop.STRIDE, device=points.device)
    gy = torch.arange(height // crop.STRIDE, device=points.device)
    p = points / crop.STRIDE
    ex = torch.exp(-((gx - p[..., :1]) ** 2) / (2 * sigma * sigma))
    ey = torch.exp(-((gy - p[..., 1:]) ** 2) / (2 * sigma * sigma))
    return ey[..., :, None] * ex[..., None, :] * heights[..., None, None]


def _widen(boxes, width: int, height: int):
    """Boxes [N, 4] -> (centres [N, 2], scales [N]) as `crop.widen`."""
    size = torch.maximum(boxes[:, 2], boxes[:, 3] * (width / height))
    return boxes[:, :2] + boxes[:, 2:] / 2, size / width


def _cut(bounds, boxes, cut, dice: Dice):
    """Cuts the pictures where `cut` [N] off within the box: (bounds, what is left of the boxes)."""
    n = len(boxes)
    # 0 left, 1 right, 2 top, 3 bottom.
    side = torch.bucketize(dice.uniform(n), boxes.new_tensor([0.2, 0.4, 0.55]))
    part = dice.uniform(n, low=0.15, high=0.6)
    bounds = bounds.clone()
    for s, (edge, axis) in enumerate(((0, 0), (2, 0), (1, 1), (3, 1))):
        at = boxes[:, axis] + (part if edge < 2 else 1 - part) * boxes[:, 2 + axis]
        nearer = torch.maximum if edge < 2 else torch.minimum
        bounds[:, edge] = torch.where(cut & (side == s), nearer(at, bounds[:, edge]), bounds[:, edge])
    low = torch.maximum(boxes[:, :2], bounds[:, :2])
    high = torch.minimum(boxes[:, :2] + boxes[:, 2:], bounds[:, 2:])
    left = torch.cat([low, (high - low).clamp(min=2)], 1)
    return bounds, torch.where(cut[:, None], left, boxes)


def _half_body(people: Labels, share: float, dice: Dice):
    """(which people are shown from their head or their legs on, the boxes of those parts)."""
    n = len(people.heights)
    seen = people.heights >= VISIBLE
    upper = torch.arange(17, device=seen.device) < UPPER
    part = seen & torch.where(dice.chance(n, 0.6)[:, None], upper, ~upper)
    low = torch.where(part[..., None], people.points, math.inf).amin(1)
    size = torch.where(part[..., None], people.points, -math.inf).amax(1) - low
    pad = 0.25 * size.amax(1, keepdim=True)
    chosen = dice.chance(n, share) & (seen.sum(1) >= 8) & (part.sum(1) >= 3)
    return chosen, torch.cat([low - pad, size + 2 * pad], 1)


def _maps(boxes, aspect, width: int, height: int, aug: crop.Augment, dice: Dice):
    """(crop px -> window px, f32 [N, 2, 3]; which crops are mirrored)."""
    n = len(boxes)
    centre, scale = _widen(boxes, width, height)
    centre = centre + dice.normal(n, 2) * aug.shift * (scale * width)[:, None]
    zoom = torch.exp(dice.normal(n) * aug.scale / 1.5).clamp(1 - aug.scale, 1 / (1 - aug.scale + 1e-9))
    turn = dice.normal(n).clamp(-2, 2) * math.radians(aug.rotate_deg)
    angle = torch.where(dice.chance(n, aug.rotate_share), turn, torch.zeros_like(turn))
    mirror = dice.chance(n, aug.flip)
    scale = scale * crop.MARGIN * zoom
    c, s = torch.cos(angle) * scale, torch.sin(angle) * scale
    linear = torch.stack([torch.stack([c, -s], 1), torch.stack([s, c], 1)], 1)
    offset = centre - linear @ centre.new_tensor([width / 2, height / 2])
    # Pixel u of a mirrored crop is pixel width-1-u of the other one.
    offset = torch.where(mirror[:, None], offset + linear[:, :, 0] * (width - 1), offset)
    sign = torch.where(mirror, -1.0, 1.0)
    linear = torch.stack([linear[:, :, 0] * sign[:, None], linear[:, :, 1]], 2)
    maps = torch.cat([linear, offset[..., None]], 2)
    # Narrower or wider about the crop's centre: the person gets another aspect.
    stretch = torch.exp(dice.normal(n) * aspect)
    stretch = torch.where(dice.chance(n, 0.5), stretch, torch.ones_like(stretch))
    across = maps[:, 0] * stretch[:, None]
    across[:, 2] += (1 - stretch) * centre[:, 0]
    return torch.stack([across, maps[:, 1]], 1), mirror


def _sample(windows, maps, bounds, width: int, height: int) -> torch.Tensor:
    """Bilinear, black outside the window and the bounds: f32 [N, 3, height, width]."""
    gx = torch.arange(width, device=maps.device, dtype=torch.float32)
    gy = torch.arange(height, device=maps.device, dtype=torch.float32)
    along = [maps[:, i, 0, None, None] * gx + maps[:, i, 1, None, None] * gy[:, None] + maps[:, i, 2, None, None]
             for i in (0, 1)]  # fmt: skip
    h, w = windows.shape[1:3]
    grid = torch.stack([along[0] * (2 / (w - 1)) - 1, along[1] * (2 / (h - 1)) - 1], 3)
    x = windows.permute(0, 3, 1, 2).float()
    crops = F.grid_sample(x, grid, mode="bilinear", padding_mode="zeros", align_corners=True)
    if bounds is None:
        return crops
    left, top, right, bottom = (bounds[:, i, None, None] for i in range(4))
    inside = (along[0] >= left) & (along[0] <= right - 1) & (along[1] >= top) & (along[1] <= bottom - 1)
    return crops * inside[:, None]


def _move(people: Labels, bounds, maps, mirror, width: int, height: int):
    """Points in crop px, and the heights of their targets: 0 outside the crop and the picture."""
    # Without the check that `inv` makes, which would wait for the device.
    inverse = torch.linalg.inv_ex(maps[:, :, :2])[0]
    points = (people.points - maps[:, None, :, 2]) @ inverse.transpose(1, 2)
    inside = ((people.points >= bounds[:, None, :2] - 1) & (people.points <= bounds[:, None, 2:])).all(2)
    heights = people.heights * inside
    swapped = torch.tensor(FLIP_ORDER, device=points.device)
    points = torch.where(mirror[:, None, None], points[:, swapped], points)
    heights = torch.where(mirror[:, None], heights[:, swapped], heights)
    limit = points.new_tensor([width, height])
    return points, heights * ((points >= 0) & (points < limit)).all(2)


def _jitter_colour(crops, share: float, dice: Dice) -> torch.Tensor:
    """Brightness, tint, and now and then grey, blur or noise, on `share` of the crops."""
    n = len(crops)
    gain = dice.uniform(n, 1, low=0.7, high=1.3) * dice.uniform(n, 3, low=0.9, high=1.1)
    bias = dice.uniform(n, 1, low=-25, high=25)
    chosen, kind = dice.chance(n, share), dice.uniform(n)
    out = (crops * gain[..., None, None] + bias[..., None, None]).clamp(0, 255)
    grey = (out * out.new_tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1, keepdim=True)
    side = torch.exp(-0.5 / dice.uniform(n, low=0.5, high=1.5) ** 2)[:, None, None, None]
    noise = dice.uniform(*crops.shape, low=-12, high=12)
    for k, changed in enumerate((lambda: grey.expand_as(out), lambda: _blur(out, side), lambda: (out + noise).clamp(0, 255))):
        of_kind = ((kind >= 0.1 * k) & (kind < 0.1 * (k + 1)))[:, None, None, None]
        out = torch.where(of_kind, changed(), out)
    return torch.where(chosen[:, None, None, None], out, crops)


def _blur(x, side) -> torch.Tensor:
    """A 3x3 Gaussian whose neighbours weigh `side` [N, 1, 1, 1] to the centre's 1."""
    x = F.pad(x, (1, 1, 1, 1), mode="replicate")
    x = (x[..., 1:-1] + side * (x[..., :-2] + x[..., 2:])) / (1 + 2 * side)
    return (x[..., 1:-1, :] + side * (x[..., :-2, :] + x[..., 2:, :])) / (1 + 2 * side)


def _occlude(crops, share: float, dice: Dice) -> torch.Tensor:
    """One or two rectangles of one colour, or of another part of the crop, which looks like a real
    obstacle."""
    n, _, height, width = crops.shape
    chosen = dice.chance(n, share)
    twice = dice.chance(n, 0.5)
    for which in (chosen, chosen & twice):
        size = torch.stack([dice.uniform(n, low=0.1, high=0.35) * width, dice.uniform(n, low=0.1, high=0.3) * height], 1)
        room = crops.new_tensor([width, height]) - size
        at, source = (torch.floor(dice.uniform(n, 2) * room) for _ in range(2))
        plain, colour = dice.chance(n, 0.5), dice.uniform(n, 3, high=255)
        covered = (_span(at[:, 1], size[:, 1], height)[:, :, None] & _span(at[:, 0], size[:, 0], width)[:, None, :])
        covered &= which[:, None, None]
        shift = (source - at).long()
        rows = (torch.arange(height, device=crops.device) + shift[:, 1:]).clamp(0, height - 1)
        columns = (torch.arange(width, device=crops.device) + shift[:, :1]).clamp(0, width - 1)
        flat = (rows[:, :, None] * width + columns[:, None, :]).reshape(n, 1, -1).expand(-1, 3, -1)
        patch = crops.flatten(2).gather(2, flat).view_as(crops)
        fill = torch.where(plain[:, None, None, None], colour[..., None, None].expand_as(crops), patch)
        crops = torch.where(covered[:, None], fill, crops)
    return crops


def _span(start, length, count: int) -> torch.Tensor:
    """bool [N, count]: the whole numbers from `start` [N] on, `length` [N] of them."""
    at = torch.arange(count, device=start.device)
    return (at >= start[:, None]) & (at < (start + length)[:, None])
