"""What Python measures of a model is what the daemon does: `posed eval` against
`python -m lpn evaluate`."""

import json
import os
import subprocess
from pathlib import Path

import cv2
import pytest
from lpn import coco, shipped
from lpn.manifest import FLOAT, Manifest
from lpn.pose import evaluate

ROOT = Path(__file__).resolve().parents[3]
POSE = ROOT / "models/lpn50-256x192"
EVERY = 12  # frames of the clip


@pytest.fixture(scope="session")
def posed():
    """The daemon's binary: $POSED_BIN, or the one that cargo built here."""
    path = Path(os.environ.get("POSED_BIN", ROOT / "target/debug/posed"))
    if not path.is_file():
        pytest.skip(f"{path} is not there: run `cargo build`, or set POSED_BIN")
    return path


@pytest.fixture(scope="session")
def clip(tmp_path_factory):
    """(annotations, folder): pictures of the demo clip as PNG, its people as COCO has them."""
    folder = tmp_path_factory.mktemp("clip")
    truth = json.loads((ROOT / "models/demo/walk.json").read_text())
    video = cv2.VideoCapture(str(ROOT / "models/demo" / truth["video"]))
    images, rows = [], []
    for number, frame in enumerate(truth["frames"]):
        read, picture = video.read()
        assert read, f"the clip ends at frame {number}"
        if number % EVERY:
            continue
        height, width = picture.shape[:2]
        cv2.imwrite(str(folder / f"{number}.png"), picture)
        images.append({"id": number, "file_name": f"{number}.png", "width": width, "height": height})
        for person in frame["people"]:
            x, y, w, h = person["box"]
            rows.append({"id": len(rows) + 1, "image_id": number, "category_id": 1, "bbox": [x, y, w, h], "iscrowd": 0,
                         "area": 0.53 * w * h, "keypoints": person["keypoints"],
                         "num_keypoints": sum(v > 0 for v in person["keypoints"][2::3])})  # fmt: skip
    path = folder / "people.json"
    path.write_text(json.dumps({"images": images, "annotations": rows, "categories": [{"id": 1, "name": "person"}]}))
    return path, folder


def daemon_and_python(posed, clip, folder) -> tuple[dict, dict]:
    """The measures of both for the model in `folder`, with the annotated boxes."""
    annotations, images = clip
    command = [posed, "eval", "--model", folder, "--annotations", annotations, "--images", images, "--gt-boxes", "--json"]
    daemon = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    manifest = Manifest.load(folder)
    people = coco.load_people(annotations, images)
    run = evaluate.onnx_runner(folder / manifest.onnx, 1)
    rows = evaluate.evaluate(run, manifest, people, coco.Pictures(people, None), evaluate.labelled_boxes(people), (False,))
    python = next(r for r in rows if r["decoding"] == "manifest")
    assert daemon["poses"] == python["people"] > 40 and python["ap"] > 0.2
    return daemon, python


def test_posed_eval_equals_lpn_evaluate(posed, clip, tmp_path):
    manifest = Manifest.load(POSE)
    shipped.float_file(POSE, tmp_path / FLOAT)
    manifest.seal(tmp_path, FLOAT, "none")
    daemon, python = daemon_and_python(posed, clip, tmp_path)
    for theirs, ours in (("AP", "ap"), ("AP50", "ap50"), ("AP75", "ap75"), ("AR", "ar")):
        assert daemon[theirs] == pytest.approx(python[ours], abs=0.002), theirs


def test_int8_equals_too(posed, clip):
    daemon, python = daemon_and_python(posed, clip, POSE)
    for theirs, ours in (("AP", "ap"), ("AP50", "ap50"), ("AP75", "ap75"), ("AR", "ar")):
        assert daemon[theirs] == pytest.approx(python[ours], abs=0.002), theirs
