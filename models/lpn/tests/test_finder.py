"""The person finder: targets and decoding, measuring, its loss, and starting from a pose
network."""

import json
import sys
import types
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from lpn.finder import codec, dataset, judge, training
from lpn.net import LPN, NetSpec

TINY = NetSpec(blocks=(1, 1, 1, 1), width=0.25, outputs=5, upsampling=1)
BOXES = np.array([(20.0, 30.0, 75.0, 180.0), (150.5, 60.0, 190.0, 140.0), (250.0, 100.0, 262.0, 131.0)], np.float32)
NONE = np.zeros((0, 4), np.float32)


def perfect_output(target):
    logit = np.where(target[0] > 0.999, 6.0, -6.0)
    return np.concatenate([logit[None], target[1:5]]).astype(np.float32)


def test_targets_decode_to_the_same_boxes():
    target, weight = codec.targets(BOXES, NONE, 320, 192)
    assert target.shape == (6, 24, 40) and weight.min() == 1
    assert (target[0] == 1).sum() == 3
    boxes, scores = codec.decode(perfect_output(target), 0.5)
    assert len(boxes) == 3 and (scores > 0.9).all()
    order = np.argsort(boxes[:, 0])
    assert boxes[order] == pytest.approx(BOXES, abs=1e-3)


def test_every_cell_that_learns_a_box_would_decode_to_it():
    target, _ = codec.targets(BOXES[:1], NONE, 320, 192)
    near = np.argwhere(target[5] > 0)
    assert len(near) > 3
    for y, x in near:
        one = np.full((5, 24, 40), -30.0, np.float32)
        one[0, y, x], one[1:, y, x] = 5.0, target[1:5, y, x]
        assert codec.decode(one, 0.5)[0] == pytest.approx(BOXES[:1], abs=1e-3)


def test_ignored_boxes_take_part_in_nothing_but_leave_people_alone():
    _, weight = codec.targets(BOXES[:1], np.array([(0, 0, 320, 192)], np.float32), 320, 192)
    assert weight[0, 13, 6] == 1 and weight[0, 3, 30] == 0


def test_of_two_boxes_on_one_person_the_better_stays():
    output = np.full((5, 24, 40), -30.0, np.float32)
    for y, x, logit in ((10, 10, 3.0), (12, 10, 2.0), (10, 30, 1.0)):
        output[:, y, x] = (logit, np.log(8), np.log(16), 0, 0)
    boxes, scores = codec.decode(output, 0.5, nms_iou=0.6)
    assert len(boxes) == 2 and scores[1] == pytest.approx(1 / (1 + np.exp(-1.0)))


def test_a_peaks_neighbours_have_a_say_in_its_box_unless_they_mean_somebody_else():
    output = np.full((5, 24, 40), -30.0, np.float32)
    output[:, 10, 10] = (0, np.log(8), np.log(16), 0, 0)
    assert codec.decode(output, 0.4)[0][0] == pytest.approx([51.5, 19.5, 115.5, 147.5])
    # Half the peak's score, 1.5 cells to the right.
    output[:, 10, 12] = (-np.log(3), np.log(8), np.log(16), -0.5, 0)
    voted, scores = codec.decode(output, 0.4)
    assert voted[0] == pytest.approx([55.5, 19.5, 119.5, 147.5], abs=1e-3)
    overlap = 52 / 76
    assert scores == pytest.approx([0.5 * (0.5 + 0.25 * overlap) / 0.75], abs=1e-4), "doubted"
    output[:, 12, 10] = (-3, np.log(2), np.log(2), 0, 0)
    assert codec.decode(output, 0.3)[0][0] == pytest.approx(voted[0])


def test_parts_are_asked_for_where_they_are_known():
    points = np.zeros((1, 17, 2), np.float32)
    points[0, 9], points[0, 10], points[0, 0] = (43.5, 83.5), (67.5, 83.5), (43.5, 35.5)
    visible = np.zeros((1, 17), bool)
    visible[0, [9, 10, 0]] = True
    parts, weight = codec.part_targets(BOXES[:1], points, visible, False, 320, 192)
    assert parts.shape == weight.shape == (9, 24, 40)
    # Both wrists share a map, whose cells have their centres at 8 * cell + 3.5.
    assert parts[5, 10, 5] == parts[5, 10, 8] == 1 and parts[0, 4, 5] == 1 and parts[1].max() == 0
    assert weight[5].min() == 1 and weight[7, 10, 5] == 0 and weight[7, 10, 30] == 1
    visible[0, 10] = False
    _, weight = codec.part_targets(BOXES[:1], points, visible, False, 320, 192)
    assert weight[5, 10, 5] == 1 and weight[5, 20, 5] == 0, "the other wrist may be anywhere in the box"
    assert codec.part_targets(BOXES[:1], points, visible, True, 320, 192)[1].min() == 1


def test_outputs_for_parts_are_learnt_and_not_shipped():
    net = LPN(replace(TINY, outputs=14))
    x = torch.randn(2, 3, 64, 96)
    with torch.no_grad():
        wide, narrow = net.eval()(x), training.shipped(net)(x)
    assert narrow.shape[1] == 5
    torch.testing.assert_close(narrow, wide[:, :5])
    targets = torch.rand(2, 9, 8, 12)
    assert training.parts_loss(targets.clone(), targets, torch.ones(2, 9, 8, 12)) == 0
    assert training.parts_loss(wide[:, 5:], targets, torch.zeros(2, 9, 8, 12)) == 0
    none = torch.zeros(2, 0, 8, 12)
    assert training.parts_loss(none, none, none) == 0


def test_the_letterbox_keeps_the_aspect_and_maps_back():
    picture = np.zeros((400, 400, 3), np.uint8)
    picture[100:300, 150:250] = 255
    small, a = codec.letterbox(picture)
    assert small.shape == (192, 320, 3) and small[:, :60].max() == 0
    ys, xs = np.nonzero(small[:, :, 0] > 127)
    box = np.array([[xs.min(), ys.min(), xs.max(), ys.max()]], np.float32)
    assert codec.move_boxes(box, a)[0] == pytest.approx((150, 100, 249, 299), abs=2.5)
    mirrored = codec.move_boxes(box, np.array([[-1.0, 0, 319], [0, 1, 0]]))
    assert mirrored[0, 0] == 319 - box[0, 2] and mirrored[0, 2] == 319 - box[0, 0]


def found(boxes, scores, people):
    return judge.Found.of(np.array(boxes, np.float32).reshape(-1, 4), np.array(scores, np.float32), people)


def test_measuring_hand_made_boxes():
    person, other, small = (0, 0, 50, 100), (100, 0, 150, 100), (200, 0, 210, 20)
    pictures = [
        # A hit, a second box on the same person, a box on nobody, and one on somebody too small to
        # count.
        found([person, (2, 0, 52, 100), (60, 0, 90, 80), small], [0.9, 0.8, 0.7, 0.6], [person, other, small]),
        found([(100, 10, 150, 100)], [0.5], [other]),
    ]
    assert judge.match(pictures[0]).tolist() == [1, 0, 0, -1]
    result = judge.measure(pictures, 0.5)
    assert result["people"] == 3 and result["images"] == 2
    assert result["recall"] == pytest.approx(2 / 3, abs=1e-4) and result["false_per_image"] == 1.0
    # Precision 1 at recall 1/3, then 2/4 at recall 2/3.
    assert result["ap50"] == pytest.approx(1 / 3 + 0.5 / 3, abs=1e-4)
    assert judge.measure(pictures, 0.85)["false_per_image"] == 0
    assert judge.threshold_for(pictures, 0.5) == pytest.approx(0.7)
    assert judge.measure(pictures, judge.threshold_for(pictures, 0.5))["false_per_image"] == 0.5


def test_a_picture_without_people_or_without_boxes():
    assert judge.measure([found([], [], []), found([], [], [(0, 0, 50, 100)])], 0.3)["recall"] == 0


def test_loss_is_least_for_the_truth_and_a_step_lowers_it():
    torch.manual_seed(0)
    target, weight = codec.targets(BOXES, NONE, 320, 192)
    targets = torch.from_numpy(target)[None]
    masks = torch.from_numpy(np.vstack([weight, np.zeros_like(weight)]))[None]
    truth = torch.from_numpy(perfect_output(target))[None]
    best = training.loss(truth, targets, masks).item()
    for worse in (truth * torch.tensor([1, 1.3, 1, 1, 1]).view(1, 5, 1, 1), truth.roll(2, 3), truth * 0):
        assert training.loss(worse, targets, masks).item() > best + 0.05
    net, x = LPN(TINY), torch.randn(1, 3, 192, 320)
    optimizer = torch.optim.Adam(net.parameters(), 1e-3)
    losses = []
    for _ in range(4):
        value = training.loss(net(x), targets, masks)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        losses.append(value.item())
    assert net(x).shape == (1, 5, 24, 40)
    assert losses[-1] < losses[0]


def test_ignored_cells_have_no_gradient():
    target, weight = codec.targets(NONE, np.array([(0, 0, 320, 192)], np.float32), 320, 192)
    output = torch.randn(1, 5, 24, 40, requires_grad=True)
    masks = torch.from_numpy(np.vstack([weight, weight]))[None]
    training.loss(output, torch.from_numpy(target)[None], masks).backward()
    assert output.grad.abs().max() == 0


def test_a_scene_on_its_side_keeps_its_boxes_and_keypoints():
    picture = np.zeros((120, 200, 3), np.uint8)
    picture[30:61, 50:71] = 255
    points = np.zeros((1, 17, 3), np.float32)
    points[0, 0] = 50, 30, 2  # the upper left corner of the bright box
    for quarters in (1, 3):
        turned, boxes, ignored, moved = dataset._on_its_side(
            picture, np.array([(50, 30, 70, 60)], np.float32), NONE, points, quarters
        )
        assert turned.shape == (200, 120, 3) and ignored.shape == (0, 4)
        rows, columns = np.nonzero(turned[..., 0])
        assert boxes[0] == pytest.approx((columns.min(), rows.min(), columns.max(), rows.max()))
        corner = (columns.min(), rows.max()) if quarters == 1 else (columns.max(), rows.min())
        assert moved[0, 0] == pytest.approx((*corner, 2))
    assert points[0, 0, 0] == 50  # the scene's own labels stay


def test_narrowing_keeps_the_strongest_channels_of_a_pose_network():
    wide = LPN(NetSpec(blocks=(1, 2, 1, 1), width=0.5))
    with torch.no_grad():
        for name, value in wide.named_parameters():
            if value.ndim == 1:
                value.uniform_(-1, 1)
    spec = NetSpec(blocks=(1, 2, 1, 1), width=0.25, outputs=5, upsampling=1)
    state = training.narrow(wide.state_dict(), spec)
    net = LPN(spec)
    net.load_state_dict(state)
    gains = wide.bn1.weight.abs()
    assert net.bn1.weight.abs().min() >= gains.sort().values[-len(net.bn1.weight)]
    kept = gains.topk(len(net.bn1.weight)).indices.sort().values
    assert torch.equal(net.conv1.weight, wide.conv1.weight[kept])
    assert net.final_layer.bias[0] == -3.5
    assert torch.isfinite(net.eval()(torch.randn(2, 3, 96, 160))).all()


def test_scenes_become_samples_with_their_boxes(tmp_path):
    """Bright people on a dark ground: whatever the sample did to the scene, its boxes enclose the
    bright pixels."""
    images, annotations = [], []
    for i in range(3):
        picture = np.full((180, 240, 3), 12, np.uint8)
        cv2.rectangle(picture, (80, 40), (129, 159), (255, 255, 255), -1)
        cv2.imwrite(str(tmp_path / f"{i}.png"), picture)
        images.append({"id": i, "file_name": f"{i}.png", "width": 240, "height": 180, "scene": True})
        annotations.append({"id": i, "image_id": i, "bbox": [80, 40, 50, 120]})
    images[2]["scene"] = False
    images.append({"id": 9, "file_name": "missing.png", "width": 10, "height": 10, "scene": True})
    (tmp_path / "a.json").write_text(json.dumps({"images": images, "annotations": annotations}))
    # Half of the samples become clearly narrower or wider.
    where = {"annotations": str(tmp_path / "a.json"), "images": str(tmp_path), "synthetic": True, "aspect": 0.5}

    class Config:
        sources, seed, net = (where, {**where, "crops": True}), 1, TINY

    samples = dataset.Samples(Config, None)
    scenes, crops = samples.sources
    assert len(scenes.all) == 2 and [len(crops.boxes[at]) for at in crops.all] == [1]
    assert not dataset.Scenes({**where, "crops": True, "synthetic": False}, None).held_back
    checked, aspects = 0, []
    for i in range(20):
        # A colour jitter could darken everything alike, so brightness is taken from the picture's
        # own range.
        picture, target, masks = samples.draw(np.random.default_rng(i), 320, 192)
        boxes, _ = codec.decode(perfect_output(target), 0.5)
        if masks[0].min() < 1 or not len(boxes):
            continue
        for x0, y0, x1, y1 in boxes.round().astype(int):
            inside = picture[max(y0, 0) : y1, max(x0, 0) : x1].astype(float)
            assert inside[2:-2, 2:-2].mean() > picture[picture.sum(2) < 150].mean() + 20
            checked += 1
            aspects.append((x1 - x0) / (y1 - y0))
    assert checked >= 10 and max(aspects) > 1.5 * min(aspects)
    batch = samples.batch(0, type("S", (), {"batch": 2, "width": 320, "height": 192}), 0)
    assert [tuple(t.shape) for t in batch] == [(2, 3, 192, 320), (2, 6, 24, 40), (2, 2, 24, 40)]


def test_a_trained_finder_becomes_a_model_folder(tmp_path, monkeypatch):
    """The way from weights to the shipped folder, on a tiny network and three drawn scenes."""
    import hashlib
    import tomllib
    from argparse import Namespace

    from lpn.finder import ship
    from lpn.pose import evaluate
    from lpn.trainer import load_weights, save_weights

    monkeypatch.setattr(dataset, "HELD_BACK", 2)
    monkeypatch.setenv("POSED_CACHE", str(tmp_path / "no-bodies"))
    monkeypatch.setitem(sys.modules, "anny", None)  # no bodies: the card then goes without pictures
    images = [{"id": i, "file_name": f"{i}.png", "width": 160, "height": 96, "scene": True} for i in range(4)]
    for i in range(4):
        picture = np.random.default_rng(i).integers(0, 255, (96, 160, 3), np.uint8)
        cv2.imwrite(str(tmp_path / f"{i}.png"), picture)
    annotations = [{"id": i, "image_id": i, "bbox": [40, 10, 30, 80]} for i in range(4)]
    (tmp_path / "a.json").write_text(json.dumps({"images": images, "annotations": annotations}))
    data = f'annotations = "{tmp_path}/a.json"\nimages = "{tmp_path}"\n'
    (tmp_path / "c.toml").write_text(
        'kind = "center-person"\n[net]\nblocks = [1, 1, 1, 1]\nwidth = 0.25\noutputs = 5\nupsampling = 1\n'
        f'[[source]]\n{data}[holdout]\n{data}[[stage]]\nname = "s"\nheight = 96\nwidth = 160\nsamples = 4\nbatch = 2\n'
    )
    torch.manual_seed(1)
    save_weights(LPN(TINY).state_dict(), tmp_path / "w.safetensors")
    entry = {"name": "s", "total": 4, "loss": 1.5, "holdout": {"recall_at_half": 0.25, "ap50": 0.5}}
    (tmp_path / "log.jsonl").write_text(json.dumps(entry) + "\n")
    folder = tmp_path / "person-160x96"
    args = Namespace(weights=tmp_path / "w.safetensors", folder=folder, config=tmp_path / "c.toml", cache=None,
                     size="96x160", version="1", scenes=4, demo=None, log=tmp_path / "log.jsonl")  # fmt: skip
    assert ship.run(args) == 0
    manifest = tomllib.loads((folder / "model.toml").read_text())
    assert manifest["kind"] == "center-person" and manifest["output"]["stride"] == 8
    assert manifest["file"]["sha256"] == hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest()
    x = np.random.default_rng(5).normal(0, 1, (2, 3, 96, 160)).astype(np.float32)
    whole, small = (evaluate.onnx_runner(folder / f, 1)(x) for f in ("float.onnx", "model.onnx"))
    net = LPN(TINY).eval()
    load_weights(net, tmp_path / "w.safetensors")
    with torch.no_grad():
        assert whole == pytest.approx(net(torch.from_numpy(x)).numpy(), abs=1e-3)
    assert np.abs(small - whole).mean() < 0.15 * np.abs(whole).mean() + 0.02
    text = (folder / "README.md").read_text()
    assert "failures.jpg" not in text and "| holdout, int8 |" in text and "| s | 4 | 0.250, 0.500 |" in text
    assert json.loads((folder / "results.json").read_text())["mmac"] > 1


def test_the_trainer_takes_a_finder_and_goes_on_after_a_stop(tmp_path):
    from lpn import train
    from lpn.schedule import Config, Stage

    picture = np.full((96, 160, 3), 60, np.uint8)
    cv2.imwrite(str(tmp_path / "0.png"), picture)
    image = {"id": 0, "file_name": "0.png", "width": 160, "height": 96, "scene": True}
    data = {"images": [image, image | {"id": 1}], "annotations": [{"id": 0, "image_id": 0, "bbox": [40, 10, 30, 80]}]}
    (tmp_path / "a.json").write_text(json.dumps(data))
    where = {"annotations": str(tmp_path / "a.json"), "images": str(tmp_path), "synthetic": True}
    stage = Stage("s", 96, 160, samples=8, batch=2, warmup=2)
    config = Config(TINY, (stage,), (where,), None, 1, None, "center-person")
    whole = train.run(config, tmp_path / "whole", None, 100)
    train.run(config, tmp_path / "cut", None, 100, max_samples=4)
    again = train.run(config, tmp_path / "cut", None, 100)
    for name, value in whole.average.items():
        assert torch.equal(value, again.average[name]), name


def test_a_teachers_boxes_are_trained_on_where_no_label_covers_them(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((200, 300, 3), np.uint8))
    image = {"id": 1, "file_name": "a.png", "width": 300, "height": 200, "scene": True}
    labelled = {"id": 1, "image_id": 1, "bbox": [10, 10, 60, 180], "keypoints": [20, 20, 2] * 17}
    (tmp_path / "a.json").write_text(json.dumps({"images": [image], "annotations": [labelled]}))
    taught = {
        "the labelled person": [12, 8, 70, 188, 0.9],
        "her head": [25, 10, 50, 60, 0.8],
        "she and somebody beside her": [10, 10, 140, 190, 0.7],
        "nearly the whole picture": [0, 0, 290, 200, 0.6],
        "somebody else": [200, 40, 240, 160, 0.7],
        "perhaps somebody": [260, 40, 290, 160, 0.3],
    }
    (tmp_path / "t.json").write_text(json.dumps({"a.png": list(taught.values())}))
    where = {"annotations": str(tmp_path / "a.json"), "images": str(tmp_path)}
    scenes = dataset.Scenes({**where, "unlabelled": str(tmp_path / "t.json")}, None)
    boxes, ignored, points = scenes.people(0)
    assert boxes.tolist() == [[10, 10, 70, 190], taught["somebody else"][:4]]
    unsure = ("she and somebody beside her", "nearly the whole picture", "perhaps somebody")
    assert ignored.tolist() == [taught[name][:4] for name in unsure]
    assert points[:, :, 2].any(1).tolist() == [True, False]
    assert scenes.boxes[0].tolist() == [[10, 10, 70, 190]], "measures know the labels only"
    assert len(dataset.Scenes(where, None).people(0)[0]) == 1


def test_the_teacher_looks_at_a_picture_and_its_mirror_image(monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", types.ModuleType("openvino"))
    from lpn.finder import teacher

    class Eyes(teacher.Teacher):
        """Finds one person at the left of what it is shown, and one at the right of the first picture only."""

        def __init__(self):
            self.looks = [[[10, 20, 50, 120, 0.9], [200, 20, 240, 120, 0.6], [90, 20, 99, 50, 0.3]], [[252, 20, 288, 120, 0.7]]]

        def _look(self, rgb):
            return np.array(self.looks.pop(0), float)

    found = Eyes().find(np.zeros((200, 300, 3), np.uint8))
    assert found == pytest.approx(np.array([[11, 20, 49, 120, 0.8], [200, 20, 240, 120, 0.3]]), abs=1e-4)
