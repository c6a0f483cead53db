"""The person finder's model card: measured figures, and drawn scenes in which it fails."""

import json
import logging
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from lpn import crop
from lpn.finder import codec, judge
from lpn.render import body, pictures
from lpn.finder.training import FALSE_PER_IMAGE
from lpn.manifest import RESEARCH_DATA
from lpn.render.backdrop import Textures

log = logging.getLogger("lpn")


@dataclass(frozen=True)
class Made:
    """How a finder came about."""

    data: list[str]  # the data sets
    architecture: str
    config: str  # the config's file name
    licence: str  # of the weights


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
        found = judge.Found.of(codec.move_boxes(boxes, a), scores, truth, a[0, 0])
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


def card(name: str, version: str, results: dict, drawn: int, log: str, made: Made) -> str:
    """The text of the model card; `log` has the lines of the training's log.jsonl."""

    def figures(m: dict) -> str:
        return f"{m['recall']:.3f} | {m['false_per_image']:.2f} | {m['ap50']:.3f}"

    rows = "".join(
        f"| {part}, {kind} | {m['recall_at_half']:.3f} | {figures(m)} | {m['people']} | {m['images']} |\n"
        for kind, parts in results["holdout"].items()
        for part, m in parts.items()
    )
    rows += "".join(
        f"| demo clip, {kind} | | {figures(m)} | {m['people']} | {m['images']} |\n" for kind, m in results.get("demo", {}).items()
    )
    bands = "".join(
        f"| {part}, {k} | {v['people']} | {v['recall']:.3f} |\n"
        for part, heights in results["by_height"].items()
        for k, v in heights.items()
    )
    curve = _curve([json.loads(line) for line in log.splitlines()])
    pictures = f"""
![scenes with a miss or a false box](failures.jpg)

Of {drawn} drawn scenes that the finder had never seen, these are the first with a missed person or a false box
(green: truth, red: found).
""" if drawn else ""
    return f"""# {name}, version {version}

Finds people in a whole frame: {made.architecture}; centre heatmap, size and offset.
{results['parameters'] / 1e6:.2f} M parameters, {results['mmac']:.0f} MMAC. `model.onnx` ({results['int8_bytes'] / 1e6:.2f} MB) is int8: QDQ, s8 weights per channel,
u8 activations. `python -m lpn float` makes the same network in float32. Output and coordinates: `model.toml`.
Licence of the weights: {made.licence}. {RESEARCH_DATA}

## Measured

Hold-outs: pictures that were never trained, calibrated or tuned on. People at least {judge.MIN_PERSON_PX:.0f} px tall in the network's
input; a box counts at IoU 0.5; every other box above the threshold is false, even on an unlabelled person. ONNX Runtime.
The threshold, {results['threshold']}, is the one that gives {FALSE_PER_IMAGE} false boxes a picture on training scenes of Stanford 40, a quarter
of them held back. "At half": the recall where the threshold lets through half a false box a picture. Demo clip: every fifth
frame of `models/demo/walk.mp4`, people with at least 40 % visible.

| on | recall at half | recall | false boxes a picture | AP50 | people | pictures |
|---|---|---|---|---|---|---|
{rows}
Recall by how tall people are in the input (int8, at the threshold):

| hold-out, height | people | recall |
|---|---|---|
{bands}{curve}
## Known failures
{pictures}
Crowds, people who hide each other and small people in cluttered streets are found least often. Photographs in the
training data leave people in the background unlabelled, so far-away people get low scores. Things on the floor, such as
the foot of a table, can score well above the threshold: ask more of a new person, and a pose.

## Trained on

{"".join(f"- {part}" + chr(10) for part in made.data)}
Recipe: `models/lpn/configs/{made.config}`; this folder is written by `python -m lpn person`.
"""


def _curve(entries: list[dict]) -> str:
    """The table of the training's log; nothing without one."""
    if not entries:
        return ""
    parts = [k for k, v in entries[0].items() if isinstance(v, dict)]
    rows = "".join(
        f"| {e['name']} | {e['total']} | " + " | ".join(f"{e[p]['recall_at_half']:.3f}, {e[p]['ap50']:.3f}" for p in parts) + " |\n"
        for e in entries
    )
    return f"""
While training (float32, averaged weights): recall at half, AP50.

| stage | samples seen | {" | ".join(parts)} |
|---|---|{"---|" * len(parts)}
{rows}"""
