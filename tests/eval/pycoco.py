"""Evaluates keypoint estimates with pycocotools: pycoco.py annotations.json estimates.json -> JSON."""

import contextlib
import json
import sys

from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

NAMES = ["AP", "AP50", "AP75", "AP_medium", "AP_large", "AR", "AR50", "AR75", "AR_medium", "AR_large"]


def main(annotations: str, estimates: str) -> dict:
    with contextlib.redirect_stdout(sys.stderr):
        data = COCO(annotations)
        run = COCOeval(data, data.loadRes(estimates), "keypoints")
        run.evaluate()
        run.accumulate()
        run.summarize()
    return {name: None if value < 0 else float(value) for name, value in zip(NAMES, run.stats)}


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:3]), indent=1))
