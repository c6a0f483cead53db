"""Measures a model on a hold-out: PCK@0.2 by torso, mean OKS and COCO's AP and AR.

Crops, normalisation and decoding follow the manifest, as in the daemon.
"""

import contextlib
import io
import json
import time
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lpn import coco, crop, metrics
from lpn.manifest import Manifest

# Keypoints above this heatmap value count in a person's score (COCO evaluation of the paper).
SCORED = 0.2
NMS_OKS = 0.9


@dataclass
class Box:
    """Where to look for a person: a labelled one's box (`person` set, score 1), or a detector's."""

    image: int  # index into People.paths
    bbox: tuple[float, float, float, float]
    score: float = 1.0
    person: coco.Person | None = None


@dataclass
class Found:
    """One person as the model sees it; keypoints f32 [17, 2] in px of the picture, scores f32
    [17]."""

    box: Box
    keypoints: np.ndarray
    scores: np.ndarray

    @property
    def score(self) -> float:
        """Box score times the mean of the keypoint scores that count."""
        counted = self.scores[self.scores > SCORED]
        return self.box.score * float(counted.mean()) if len(counted) else 0.0


def labelled_boxes(people: coco.People) -> list[Box]:
    """The annotators' boxes."""
    return [Box(p.image, p.bbox, 1.0, p) for p in people.people]


def given_boxes(people: coco.People, path: Path) -> list[Box]:
    """A COCO detection file: boxes of category 1 in pictures of `people`."""
    index = {image_id: i for i, image_id in enumerate(people.image_ids)}
    rows = [r for r in json.loads(Path(path).read_text()) if r.get("category_id", 1) == 1]
    boxes = [Box(index[r["image_id"]], tuple(r["bbox"]), float(r["score"])) for r in rows if r["image_id"] in index]
    if not boxes:
        raise ValueError(f"{path}: none of its {len(rows)} boxes lies in a picture of the annotations")
    return boxes


def decodings(manifest: Manifest) -> dict:
    """Ways to get keypoints from heatmaps, by name: the manifest's, and those of the paper."""
    return {
        "manifest": manifest.decode,
        "soft-argmax": replace(manifest, quarter_shift=False).decode,
        "argmax": metrics.argmax,
        "argmax+quarter": lambda h: (metrics.quarter_shift(h, metrics.argmax(h)[0]), metrics.argmax(h)[1]),
    }


def predict(run, manifest: Manifest, boxes: list[Box], pictures, decoders: dict, flip: bool, batch: int = 16):
    """{decoding: [Found]} of all boxes. `run` maps f32 [N, 3, H, W] to f32 [N, K, H/4, W/4]."""
    out = defaultdict(list)
    for at in range(0, len(boxes), batch):
        group = [b for b in boxes[at : at + batch] if b.image not in pictures.broken]
        if not group:
            continue
        cut = [crop.evaluation_crop(pictures[b.image], b.bbox, manifest.width, manifest.height) for b in group]
        x = manifest.normalise(np.stack([c for c, _ in cut]))
        heatmaps = run(x)
        if flip:
            heatmaps = (heatmaps + metrics.flip_back(run(np.ascontiguousarray(x[..., ::-1])))) / 2
        for name, decode in decoders.items():
            for box, (_, a), points, scores in zip(group, cut, *decode(heatmaps)):
                points = (points * crop.STRIDE) @ a[:, :2].T + a[:, 2]
                height, width = pictures[box.image].shape[:2]
                scores = metrics.doubt(points, scores, (width, height), crop.STRIDE * a[0, 0])
                out[name].append(Found(box, points, scores))
    return dict(out)


def suppress(found: list[Found]) -> list[Found]:
    """OKS non-maximum suppression within each picture; the best score first."""
    kept = defaultdict(list)
    for f in sorted(found, key=lambda f: -f.score):
        area = f.box.bbox[2] * f.box.bbox[3]
        everywhere = np.ones(len(f.keypoints), bool)
        others = kept[f.box.image]
        if all(metrics.oks(f.keypoints, o.keypoints, everywhere, area) <= NMS_OKS for o in others):
            others.append(f)
    return [f for group in kept.values() for f in group]


def average_precision(people: list[coco.Person], found: list[Found]) -> dict:
    """COCO's keypoint AP, AP50, AP75 and AR over the pictures of `people`, by pycocotools."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    images = sorted({p.image for p in people})
    rows = [
        {"id": i, "image_id": p.image, "category_id": 1, "bbox": list(map(float, p.bbox)), "area": float(p.area),
         "iscrowd": 0, "num_keypoints": int(p.visible.sum()), "keypoints": _triples(p.keypoints, 2 * p.visible)}
        for i, p in enumerate(people, 1)
    ]  # fmt: skip
    results = [
        {"image_id": f.box.image, "category_id": 1, "score": f.score, "keypoints": _triples(f.keypoints, f.scores)}
        for f in found
        if f.box.image in set(images)
    ]
    if not results:
        return {"ap": 0.0, "ap50": 0.0, "ap75": 0.0, "ar": 0.0}
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints on stdout
        truth = COCO()
        truth.dataset = {"images": [{"id": i} for i in images], "annotations": rows,
                         "categories": [{"id": 1, "name": "person", "keypoints": coco.KEYPOINTS}]}  # fmt: skip
        truth.createIndex()
        judge = COCOeval(truth, truth.loadRes(results), "keypoints")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    return {k: round(max(float(judge.stats[i]), 0.0), 4) for k, i in (("ap", 0), ("ap50", 1), ("ap75", 2), ("ar", 5))}


def _triples(keypoints, third) -> list[float]:
    return np.column_stack([keypoints, third]).astype(float).ravel().tolist()


def summarise(people: list[coco.Person], found: list[Found]) -> dict:
    """AP/AR; and, where the boxes are the annotators', PCK, mean OKS and PCK by keypoint."""
    out = {"people": len(people), **average_precision(people, found)}
    if all(f.box.person is not None for f in found):
        score = metrics.Score()
        for f in found:
            p = f.box.person
            score.add(f.keypoints, p.keypoints, p.visible, p.area)
        by_keypoint = dict(zip(coco.KEYPOINTS, score.pck_per_keypoint))
        out |= {"pck": round(score.pck, 4), "oks": round(score.mean_oks, 4)}
        out["pck_by_keypoint"] = {k: None if v is None else round(v, 4) for k, v in by_keypoint.items()}
    return out


def evaluate(run, manifest: Manifest, people: coco.People, pictures, boxes: list[Box], flips=(False, True)) -> list:
    """One row for each flip test, decoding and source of the hold-out."""
    rows = []
    sources = sorted({p.source or "all" for p in people.people})
    for flip in flips:
        started = time.monotonic()
        by_decoding = predict(run, manifest, boxes, pictures, decodings(manifest), flip)
        seconds = time.monotonic() - started
        for decoding, found in by_decoding.items():
            if any(f.box.person is None for f in found):
                found = suppress(found)
            for source in sources:
                part = [p for p in people.people if (p.source or "all") == source and p.image not in pictures.broken]
                images = {p.image for p in part}
                row = summarise(part, [f for f in found if f.box.image in images])
                rows.append({"flip": flip, "decoding": decoding, "source": source, "s": round(seconds, 1), **row})
    return rows


def onnx_runner(path: Path, threads: int = 0):
    """ONNX Runtime on the CPU as a function f32 [N, 3, H, W] -> f32 [N, K, h, w].

    int8 is summed in 32 bits, as the daemon does, so that a card's figures hold on every machine: by
    itself, ONNX Runtime adds two products in 16 bits on processors without VNNI, which saturates.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.x64quantprecision", "1")
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda x: session.run(None, {name: x})[0]


def torch_runner(net):
    """The same by PyTorch; `net` in evaluation mode."""
    import torch

    def run(x):
        with torch.no_grad():
            return net(torch.from_numpy(x)).float().numpy()

    return run
