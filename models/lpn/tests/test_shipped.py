"""The float network of a folder of the repository comes from its checkpoint."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from lpn import crop, shipped
from lpn.finder import codec
from lpn.pose import evaluate

MODELS = Path(__file__).resolve().parents[2]


def frame():
    """(the first frame of the demo clip with somebody in it, RGB; the box of a person)."""
    truth = json.loads((MODELS / "demo/walk.json").read_text())
    video = cv2.VideoCapture(str(MODELS / "demo" / truth["video"]))
    for expected in truth["frames"]:
        _, picture = video.read()
        if expected["people"]:
            return picture[:, :, ::-1], expected["people"][0]["box"]
    raise AssertionError("the clip has nobody in it")


@pytest.mark.parametrize("name", ["lpn50-256x192", "person-320x192"])
def test_the_checkpoint_is_the_shipped_networks(name, tmp_path):
    """int8 and the float network that is exported from the checkpoint see the same: nobody shipped
    one alone."""
    path = shipped.float_file(MODELS / name, tmp_path / "float.onnx")
    height, width = (int(v) for v in name.split("-")[1].split("x"))
    picture, box = frame()
    if name.startswith("person"):
        height, width = width, height
        cut = codec.letterbox(picture, width, height)[0]
    else:
        cut = crop.evaluation_crop(picture, box, width, height)[0]
    x = crop.normalise(cut[None])
    whole, small = (evaluate.onnx_runner(p, 1)(x) for p in (path, MODELS / name / "model.onnx"))
    assert np.corrcoef(whole.ravel(), small.ravel())[0, 1] > 0.98


def test_a_folder_without_a_checkpoint_is_refused_with_what_is_missing(tmp_path):
    folder = tmp_path / "models/own-64x48"
    folder.mkdir(parents=True)
    (folder / "model.toml").write_text("")
    with pytest.raises(shipped.NoCheckpoint, match="checkpoints/own-64x48.safetensors it cannot be made"):
        shipped.float_file(folder)


def test_a_float_file_in_the_folder_is_taken_as_it_is(tmp_path):
    (tmp_path / "float.onnx").write_bytes(b"graph")
    assert shipped.float_file(tmp_path) == tmp_path / "float.onnx"
