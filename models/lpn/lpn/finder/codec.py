"""The person finder's coding: boxes to training targets, network outputs to boxes.

Output of the network, f32 [N, 5, H/stride, W/stride]: 0 the centre's logit; 1, 2 ln(box w, h /
stride); 3, 4 the centre's offset from the cell's centre, in cells. A cell's centre lies at stride *
cell + offset_px in input px, with offset_px = (stride - 1) / 2. The input is the whole frame by the
crop rule of `crop`, margin 1. Boxes here are x0, y0, x1, y1 in input px, f32 [P, 4].
"""

import cv2
import numpy as np

from lpn import crop

# Training adds a map for each pair of keypoints (left and right share one). The shipped network has
# none.
PARTS = ((0,), (1, 2), (3, 4), (5, 6), (7, 8), (9, 10), (11, 12), (13, 14), (15, 16))

SIZE = (320, 192)  # width, height
STRIDE = 8
MIDDLE = 2.0  # radius in which cells learn the size of a box, in radii of the peak
VOTE_CELLS, VOTE_IOU = 2, 0.4  # chosen on training scenes that were held back
MIN_HEIGHT_PX = 12  # of the input; smaller people count neither as hits nor as misses


def offset_px(stride: int = STRIDE) -> float:
    return (stride - 1) / 2


def letterbox(picture: np.ndarray, width: int = SIZE[0], height: int = SIZE[1]) -> tuple[np.ndarray, np.ndarray]:
    """The whole frame, centred, outside black: (u8 [height, width, 3], input -> frame map f64
    [2, 3])."""
    h, w = picture.shape[:2]
    cx, cy, scale = crop.widen((0, 0, w, h), width, height)
    a = crop.affine(cx, cy, scale, width, height)
    return crop.warp(picture, a, width, height), a


def move_boxes(boxes: np.ndarray, a: np.ndarray) -> np.ndarray:
    """Boxes through an axis-parallel map [2, 3], which may mirror."""
    out = np.empty_like(boxes)
    for axis in (0, 1):
        ends = boxes[:, [axis, axis + 2]] * a[axis, axis] + a[axis, 2]
        out[:, axis], out[:, axis + 2] = ends.min(1), ends.max(1)
    return out


def targets(boxes: np.ndarray, ignore: np.ndarray, width: int, height: int, stride: int = STRIDE):
    """-> (targets f32 [6, h, w], weight f32 [1, h, w]).

    Targets: 0 the centre heatmap (elliptic Gaussians, exactly 1 at each person's cell); 1..4 as the
    network's outputs 1..4, given at every cell of a box's middle, since `decode` asks several; 5
    how much those count there. Weight is 0 over `ignore` boxes.
    """
    w, h = width // stride, height // stride
    out, weight = np.zeros((6, h, w), np.float32), np.ones((1, h, w), np.float32)
    gx, gy = np.arange(w, dtype=np.float32), np.arange(h, dtype=np.float32)
    for x0, y0, x1, y1 in (ignore - offset_px(stride)) / stride:
        weight[0, max(0, int(np.ceil(y0))) : int(y1) + 1, max(0, int(np.ceil(x0))) : int(x1) + 1] = 0
    # Larger people first: a smaller one in front or behind keeps its cells.
    for box in sorted(boxes.tolist(), key=lambda b: (b[0] - b[2]) * (b[3] - b[1])):
        x0, y0, x1, y1 = ((v - offset_px(stride)) / stride for v in box)
        cx, cy, bw, bh = (x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0
        ix, iy = min(max(round(cx), 0), w - 1), min(max(round(cy), 0), h - 1)
        sx, sy = (min(max(0.1 * side, 0.55), 2.2) for side in (bw, bh))
        away = ((gy[:, None] - iy) / sy) ** 2 + ((gx - ix) / sx) ** 2
        bump, middle = np.exp(-away / 2), np.exp(-away / (2 * MIDDLE**2))
        mine = (middle > 0.4) & (bump >= out[0] * 0.999)
        out[0] = np.maximum(out[0], bump)
        out[1][mine], out[2][mine] = np.log(max(bw, 0.25)), np.log(max(bh, 0.25))
        out[3][mine] = (cx - np.broadcast_to(gx, (h, w)))[mine]
        out[4][mine] = (cy - np.broadcast_to(gy[:, None], (h, w)))[mine]
        out[5][mine] = middle[mine]
        near = bump > 0.4
        weight[0][near] = 1
    return out, weight


def part_targets(boxes, keypoints, visible, complete: bool, width: int, height: int, stride: int = STRIDE):
    """Where the parts of people are: (heatmaps f32 [9, h, w], weight f32 [9, h, w]).

    Takes boxes f32 [P, 4] and keypoints f32 [P, 17, 2] in input px, and visible bool [P, 17].
    Labels that are not `complete` may lack one side of a pair. The weight of such a part is then 0
    inside the person's box, except around the labelled side.
    """
    w, h = width // stride, height // stride
    out, weight = np.zeros((len(PARTS), h, w), np.float32), np.ones((len(PARTS), h, w), np.float32)
    gx, gy = np.arange(w, dtype=np.float32), np.arange(h, dtype=np.float32)
    cells = (boxes - offset_px(stride)) / stride
    at = (keypoints - offset_px(stride)) / stride
    for part, members in enumerate(PARTS):
        for (x0, y0, x1, y1), seen in zip(cells, visible):
            if not complete and not seen[list(members)].all():
                weight[part, max(0, int(y0)) : max(0, int(y1) + 2), max(0, int(x0)) : max(0, int(x1) + 2)] = 0
        for x, y in at[:, members][visible[:, members]]:
            bump = np.exp(-((gy[:, None] - y) ** 2) / 2) * np.exp(-((gx - x) ** 2) / 2)
            out[part] = np.maximum(out[part], bump)
    weight[out > 0.1] = 1
    return out, weight


def decode(output: np.ndarray, threshold: float, nms_iou: float = 0.6, stride: int = STRIDE, most: int = 32):
    """One output f32 [5, h, w] -> (boxes f32 [P, 4] in input px, scores f32 [P]), best first.

    A peak is a cell that is no lower than its eight neighbours. One cell's box is noisy, so the box
    of a peak is a mean, weighted by score: over the boxes of cells up to VOTE_CELLS away that
    overlap its own by more than VOTE_IOU. Its score is the centre's times their mean IoU with its
    own box, because a box is likely wrong where they disagree. Greedy IoU suppression follows.
    """
    logit = output[0]
    peak = cv2.dilate(logit, np.ones((3, 3), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=-1e9)
    score = 1 / (1 + np.exp(-logit))
    rows, columns = np.indices(logit.shape)
    centre = np.stack([columns + output[3], rows + output[4]]) * stride + offset_px(stride)
    half = np.exp(np.clip(output[1:3], -8.0, 8.0)) * stride / 2
    every = np.concatenate([centre - half, centre + half]).transpose(1, 2, 0).astype(np.float32)
    found = [_voted(every, score, y, x) for y, x in np.argwhere((logit >= peak) & (score >= threshold))]
    found = np.array(found, np.float32).reshape(-1, 5)
    found = found[np.argsort(-found[:, 4], kind="stable")]
    boxes, scores = found[found[:, 4] >= threshold, :4], found[found[:, 4] >= threshold, 4]
    keep: list[int] = []
    for i in range(len(boxes)):
        if len(keep) < most and (not keep or iou(boxes[i : i + 1], boxes[keep]).max() <= nms_iou):
            keep.append(i)
    return boxes[keep], scores[keep]


def _voted(boxes: np.ndarray, score: np.ndarray, y: int, x: int) -> np.ndarray:
    """The box of the peak at (y, x) and its score, f32 [5]; boxes f32 [h, w, 4], score f32
    [h, w]."""
    around = tuple(slice(max(0, at - VOTE_CELLS), at + VOTE_CELLS + 1) for at in (y, x))
    others, weight = boxes[around].reshape(-1, 4), score[around].reshape(-1, 1)
    overlap = iou(boxes[None, y, x], others).T
    same = weight * (overlap > VOTE_IOU)
    return np.append((others * same).sum(0) / same.sum(), score[y, x] * (overlap * weight).sum() / weight.sum())


def iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over union of boxes [A, 4] and [B, 4]: [A, B]."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    both = np.prod(np.maximum(high - low, 0), 2)
    area_a, area_b = (np.prod(v[:, 2:] - v[:, :2], 1) for v in (a, b))
    return both / np.maximum(area_a[:, None] + area_b[None] - both, 1e-9)
