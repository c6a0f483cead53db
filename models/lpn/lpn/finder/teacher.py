"""Boxes of people whom nobody labelled, found by a teacher: PicoDet-S pedestrian (PaddleDetection,
Apache-2.0) as OpenVINO IR."""

import json
import logging
from pathlib import Path

import cv2
import numpy as np
import openvino

from lpn import coco
from lpn.finder import codec

log = logging.getLogger("lpn")

SIDE = 320  # px of the teacher's input, to which a picture is squeezed
MEAN = np.array([123.675, 116.28, 103.53], np.float32)
STD = np.array([58.395, 57.12, 57.375], np.float32)
SAME_IOU = 0.5  # boxes that overlap more are one person
LOWEST = 0.2  # boxes that score less are left out


class Teacher:
    """Reads `model.xml` in a folder; runs on one core."""

    def __init__(self, folder: Path):
        core = openvino.Core()
        model = core.read_model(folder / "model.xml")
        # Pinned, two processes would share the first core.
        self.net = core.compile_model(model, "CPU", {"INFERENCE_NUM_THREADS": 1, "ENABLE_CPU_PINNING": False})

    def find(self, rgb: np.ndarray) -> np.ndarray:
        """People in a picture u8 [h, w, 3]: f32 [P, 5], x0, y0, x1, y1 in its px and a score.

        The score is the mean over the picture and its mirror image; a person found in one of them
        only gets half of it.
        """
        width = rgb.shape[1]
        plain, mirrored = self._look(rgb), self._look(rgb[:, ::-1])
        mirrored[:, [0, 2]] = width - mirrored[:, [2, 0]]
        overlap = codec.iou(plain[:, :4], mirrored[:, :4])
        both, taken = [], set()
        for at, box in enumerate(plain):
            other = int(overlap[at].argmax()) if len(mirrored) else -1
            if other >= 0 and overlap[at, other] >= SAME_IOU and other not in taken:
                taken.add(other)
                both.append((box + mirrored[other]) / 2)
            else:
                both.append(box * [1, 1, 1, 1, 0.5])
        both += [box * [1, 1, 1, 1, 0.5] for at, box in enumerate(mirrored) if at not in taken]
        found = np.array(both, np.float32).reshape(-1, 5)
        return found[found[:, 4] >= LOWEST]

    def _look(self, rgb: np.ndarray) -> np.ndarray:
        h, w = rgb.shape[:2]
        x = (cv2.resize(rgb, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC) - MEAN) / STD
        boxes, scores = self.net([np.ascontiguousarray(x.astype(np.float32).transpose(2, 0, 1)[None])]).values()
        boxes, scores = boxes[0] * [w / SIDE, h / SIDE, w / SIDE, h / SIDE], scores[0, 0]
        corner_and_size = np.column_stack([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]])
        keep = np.array(cv2.dnn.NMSBoxes(corner_and_size.tolist(), scores.tolist(), LOWEST, SAME_IOU), int).ravel()
        return np.column_stack([boxes[keep], scores[keep]])


def write(teacher: Teacher, annotations: Path, images: Path, out: Path):
    """A file with the teacher's boxes for every scene of a COCO file: picture's name -> list of
    x0, y0, x1, y1 in picture px and score."""
    found = {}
    pictures = [im for im in json.loads(annotations.read_text())["images"] if im.get("scene")]
    for at, im in enumerate(pictures):
        rgb = coco.read_picture(images / im["file_name"])
        if rgb is None:
            log.warning("cannot read %s", images / im["file_name"])
            continue
        found[im["file_name"]] = [[round(float(v), 2) for v in box] for box in teacher.find(rgb)]
        if at % 1000 == 0:
            log.info("%d of %d scenes", at, len(pictures))
    out.write_text(json.dumps(found))
    log.info("%s: %d boxes in %d scenes", out, sum(map(len, found.values())), len(found))
