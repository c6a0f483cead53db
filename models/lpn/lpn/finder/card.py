"""The person finder's model card: measured figures, and drawn scenes in which it fails."""

import json
import logging
from pathlib import Path

import cv2
import numpy as np

from lpn import crop
from lpn.finder import codec, judge
from lpn.render import body, pictures
from lpn.finder.training import FALSE_PER_IMAGE
from lpn.manifest import LICENCE, RESEARCH_DATA
from lpn.render.backdrop import Textures

log = logging.getLogger("lpn")


def failures(
    outputs_of, width: int, height: int, threshold: float, nms_iou: float, path: Path, seed: int = 999, keep: int = 6
) -> int:
    """Makes a contact sheet of new drawn scenes in which a person is missed or a box is false.

    The truth is green, what was found is red. Returns the number of scenes drawn, or 0 without a
    bank of bodies (see `body.load_bank`); then no picture is written.
    """
    try:
        bank = body.load_bank()
    except body.BodyError as error:
        log.warning("the card has no pictures of failures: %s", error)
        return 0
    textures, tiles, drawn = Textures(), [], 0
    while len(tiles) < keep and drawn < 200:
        picture, labels = pictures.picture(np.random.default_rng((seed, drawn)), bank, textures)
        drawn += 1
        small, a = codec.letterbox(picture, width, height)
        output = outputs_of(crop.normalise(np.ascontiguousarray(small[None, :, :, ::-1])))[0]
        boxes, scores = codec.decode(output, threshold, nms_iou)
        truth = np.array([label.box for label in labels], np.float32).reshape(-1, 4)
        truth[:, 2:] += truth[:, :2]
        found = judge.Found.of(codec.move_boxes(boxes, a), scores, truth)
        found.counts &= np.array([label.area > 0.4 * label.full_area for label in labels], bool)
        kinds = judge.match(found)
        if (kinds == 1).sum() == found.counts.sum() and (kinds != 0).all():
            continue
        for boxes_in, colour in ((truth[found.counts], (0, 200, 0)), (found.boxes, (0, 0, 255))):
            for x0, y0, x1, y1 in codec.move_boxes(boxes_in, cv2.invertAffineTransform(a)).round().astype(int):
                cv2.rectangle(small, (int(x0), int(y0)), (int(x1), int(y1)), colour, 1)
        tiles.append(small)
    tiles += [np.zeros((height, width, 3), np.uint8)] * (keep - len(tiles))
    sheet = np.vstack([np.hstack(tiles[i : i + 3]) for i in range(0, len(tiles), 3)])
    cv2.imwrite(str(path), sheet, [cv2.IMWRITE_JPEG_QUALITY, 80])
    return drawn


def card(name: str, version: str, results: dict, drawn: int, log: str) -> str:
    """The text of the model card."""

    def figures(m: dict) -> str:
        return f"{m['recall']:.3f} | {m['false_per_image']:.2f} | {m['ap50']:.3f}"

    rows = "".join(
        f"| {title}, {kind} | {figures(m)} | {m['people']} | {m['images']} |\n"
        for title, part in (("hold-out", "holdout"), ("demo clip", "demo"))
        for kind, m in results.get(part, {}).items()
    )
    bands = "".join(f"| {k} | {v['people']} | {v['recall']:.3f} |\n" for k, v in results["by_height"].items())
    entries = [json.loads(line) for line in log.splitlines()]
    curve = "".join(f"| {e['name']} | {e['total']} | {figures(e)} |\n" for e in entries)
    pictures = f"""
![scenes with a miss or a false box](failures.jpg)

Of {drawn} drawn scenes that the finder had never seen, these are the first with a missed person or a false box
(green: truth, red: found).
""" if drawn else ""
    best = results["holdout"]["int8"]
    met = best["recall"] >= 0.9 and best["false_per_image"] <= 0.3
    return f"""# {name}, version {version}

Finds people in a whole frame: LPN-50 half as wide, with one upsampling step (stride 8); centre heatmap, size and offset.
{results['parameters'] / 1e6:.2f} M parameters, {results['mmac']:.0f} MMAC. `model.onnx` ({results['int8_bytes'] / 1e6:.2f} MB) is int8: QDQ, s8 weights per channel,
u8 activations. `python -m lpn float` makes the same network in float32. Output and coordinates: `model.toml`.
Licence of the weights: {LICENCE}. {RESEARCH_DATA}

## Measured

Hold-out: the data pack's 350 held-out scenes (Stanford 40 Actions), never trained, calibrated or tuned on. People at
least 60 px tall; a box counts at IoU 0.5; every other box above the threshold is false, even on an unlabelled person. ONNX Runtime. The threshold, {results['threshold']}, is the one that gives {FALSE_PER_IMAGE} false boxes a picture on training
scenes, a quarter of them held back. Demo clip: every fifth frame of `models/demo/walk.mp4`, people with at least 40 % visible.

| on | recall | false boxes a picture | AP50 | people | pictures |
|---|---|---|---|---|---|
{rows}
The bar of the project, recall 0.90 at no more than 0.3 false boxes a picture, is {"met" if met else "**not met**"}.

Recall on the hold-out by how tall people are in the {name.rsplit("-", 1)[-1]} input (int8):

| height in the input | people | recall |
|---|---|---|
{bands}
While training (float32, averaged weights, each at its own threshold for {FALSE_PER_IMAGE} false boxes on training scenes held
back; stages of less than full size are measured at their own size; all up to version 2026.11.4 by a decoder that asks a peak's
cell alone):

| stage | samples seen | recall | false boxes a picture | AP50 |
|---|---|---|---|---|
{curve}
## Known failures
{pictures}
Trained mostly on pictures of one large person: crowds, people who hide each other, lying people and small people in
cluttered streets are found less often. Photographs in the training data leave people in the background unlabelled, so
far-away people get low scores.

## Trained on

Stanford 40 Actions (Yao et al., *Human Action Recognition by Learning Bases of Action Attributes and Parts*, ICCV 2011):
boxes of the acting people by humans, of others by MoveNet MultiPose. Leeds Sports Pose Extended (Johnson & Everingham,
*Learning Effective Human Pose Estimation from Inaccurate Annotation*, CVPR 2011): boxes around the keypoints. Scenes drawn
by `python -m lpn render` (MakeHuman bodies, CC0). Started from a pose network's weights (`python -m lpn narrow`). Recipes:
`models/lpn/configs/person-320x192.toml`; this folder is written by `python -m lpn person`.
"""
