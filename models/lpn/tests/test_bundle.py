"""A bundle: what is packed is what is read, and a network trains from it as it does from
pictures."""

import json
import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from conftest import draw_people
from lpn import __main__ as cli
from lpn import coco, crop, train
from lpn.pose import augment, bundle
from lpn.pose.device import DeviceSamples
from lpn.schedule import Config

CONFIG = """
seed = 4
bundle = "bundle"
[net]
blocks = [1, 1, 1, 1]
width = 0.25
[[source]]
annotations = "people/people.json"
images = "people"
[[source]]
annotations = "people/people.json"
images = "people"
labels = "teacher"
aspect = 0.15
[[stage]]
name = "s"
height = 64
width = 48
samples = 48
batch = 8
warmup = 8
cut = 0.3
"""
SHAPE = bundle.Shape(64, 48, 1.25)
STILL = replace(crop.NONE, cut=0.0)


def teach(path, certainty=0.6):
    """Gives every annotation a teacher's points, where the labels are."""
    data = json.loads(path.read_text())
    for a in data["annotations"]:
        points = np.array(a["keypoints"]).reshape(17, 3)
        a["teacher"] = np.column_stack([points[:, :2], np.full(17, certainty)]).ravel().tolist()
    path.write_text(json.dumps(data))


@pytest.fixture
def config(tmp_path):
    teach(draw_people(tmp_path / "people", 6))
    (tmp_path / "c.toml").write_text(CONFIG)
    return Config.load(tmp_path / "c.toml")


@pytest.fixture
def packed(config):
    bundle.pack(config, Path(config.bundle[0]), SHAPE, 90, 15, 50)
    return config


def test_people_come_back_as_they_were_packed(packed):
    """Without augmentation a crop from a window is the crop that the daemon cuts, with its points
    at their places."""
    samples = DeviceSamples(packed, "cpu")
    # One window for the two labels of a person.
    assert len(samples.windows) == 6 and len(samples.window_of) == 12
    still = samples.people.of(torch.arange(12))
    still.aspect = torch.zeros(12)
    crops, points, heights = augment.training_crops(
        samples.windows[samples.window_of], still, 48, 64, STILL, augment.Dice(1, "cpu")
    )
    people = coco.load_people(packed.sources[0]["annotations"], packed.sources[0]["images"])
    wanted = []
    for p in people.people:
        cut, a = crop.evaluation_crop(coco.read_picture(people.paths[p.image]), p.bbox, 48, 64)
        wanted.append((cut, (p.keypoints - a[:, 2]) @ np.linalg.inv(a[:, :2]).T))
    for one, where in zip(crops.permute(0, 2, 3, 1).numpy(), points.numpy()):
        cut, at = min(wanted, key=lambda w: np.abs(w[1] - where).mean())
        assert np.abs(at - where).max() < 0.1
        # WebP does not keep the noise that the pictures are drawn on.
        assert np.abs(cv2.blur(one, (5, 5)) - cv2.blur(cut.astype(np.float32), (5, 5))).mean() < 3
    taught = samples.people.taught
    assert taught.sum() == 6
    np.testing.assert_allclose(heights[taught].numpy(), 0.8, atol=0.01)
    np.testing.assert_allclose(heights[~taught].numpy(), 1.0, atol=0.01)


def test_crop_and_keypoints_move_together_on_the_device():
    """A white patch at a keypoint is found where the keypoint of the augmented crop is."""
    n, j = 64, 9
    points = torch.tensor([(30.0 + 2 * i, 30.0 + 3 * i) for i in range(17)]).expand(n, 17, 2).clone()
    windows = torch.zeros(n, 120, 90, 3, dtype=torch.uint8)
    x, y = points[0, j].int().tolist()
    windows[:, y - 2 : y + 3, x - 2 : x + 3] = 255
    people = augment.Labels(
        points, torch.ones(n, 17), torch.zeros(n, dtype=torch.bool), torch.tensor([10.0, 15, 70, 90]).expand(n, 4),
        torch.tensor([0.0, 0, 90, 120]).expand(n, 4), torch.full((n,), 0.15),
    )  # fmt: skip
    aug = crop.Augment(colour=0, occlude=0, half_body=0)
    crops, moved, _ = augment.training_crops(windows, people, 96, 128, aug, augment.Dice(3, "cpu"))
    compared = 0
    for bright, at in zip(crops[:, 0].numpy(), moved.numpy()):
        gy, gx = np.indices(bright.shape)
        found = np.array([(gx * bright).sum(), (gy * bright).sum()]) / max(bright.sum(), 1)
        if np.all((found > 12) & (found < (84, 116))):  # the whole patch is in the crop
            # A mirrored crop has it under the other side's name.
            assert min(np.hypot(*(at[k] - found)) for k in (j, coco.FLIP_ORDER[j])) < 0.75
            compared += 1
    assert compared > n // 2


def test_a_cut_picture_is_black_and_teaches_nothing_beyond_its_end():
    n = 64
    windows = torch.full((n, 120, 90, 3), 200, dtype=torch.uint8)
    points = torch.tensor([(30.0 + 2 * i, 20.0 + 5 * i) for i in range(17)]).expand(n, 17, 2)
    people = augment.Labels(
        points, torch.ones(n, 17), torch.ones(n, dtype=torch.bool), torch.tensor([20.0, 10, 50, 100]).expand(n, 4),
        torch.tensor([0.0, 0, 90, 120]).expand(n, 4), torch.zeros(n),
    )  # fmt: skip
    crops, moved, heights = augment.training_crops(windows, people, 96, 128, replace(crop.NONE, cut=1.0),
                                                   augment.Dice(5, "cpu"))  # fmt: skip
    for picture, at, height in zip(crops, moved.round().long(), heights):
        for (x, y), high in zip(at.tolist(), height.tolist()):
            if high and 2 <= x < 94 and 2 <= y < 126:
                assert picture[:, y - 2 : y + 3, x - 2 : x + 3].amax() > 0
    hidden = (heights == 0).sum(1)
    assert (hidden > 0).float().mean() > 0.9 and hidden.max() < 16


def test_colour_and_obstacles_change_the_picture_and_stay_in_range(packed):
    samples = DeviceSamples(packed, "cpu")
    windows, people = samples.windows[samples.window_of], samples.people
    plain, _, _ = augment.training_crops(windows, people, 48, 64, STILL, augment.Dice(1, "cpu"))
    for changed in ({"colour": 1.0}, {"occlude": 1.0}, {"half_body": 1.0}):
        crops, _, _ = augment.training_crops(windows, people, 48, 64, replace(STILL, **changed), augment.Dice(1, "cpu"))
        assert (crops - plain).abs().flatten(1).mean(1).min() > 0.1, changed
        assert crops.min() >= 0 and crops.max() < 255.01


def test_device_targets_are_those_of_the_cpu():
    points = np.random.default_rng(1).uniform(0, 48, (2, 17, 2)).astype(np.float32)
    heights = np.random.default_rng(2).uniform(0, 1, (2, 17)).astype(np.float32)
    ours = augment.heatmap_targets(torch.from_numpy(points), torch.from_numpy(heights), 48, 64, 2.0)
    np.testing.assert_allclose(ours.numpy(), crop.heatmap_targets(points, heights, 48, 64, 2.0), atol=1e-5)


def test_a_killed_run_from_a_bundle_ends_as_one_that_was_not(packed, tmp_path):
    whole = train.run(packed, tmp_path / "whole", None, 100, device="cpu")
    for _ in range(7):
        parts = train.run(packed, tmp_path / "parts", None, 100, max_samples=8, device="cpu")
    assert parts.stage == whole.stage == 1 and parts.total == whole.total == 48
    for k, v in whole.average.items():
        torch.testing.assert_close(parts.average[k], v, rtol=0, atol=0)
    assert (tmp_path / "whole/00-s.safetensors").is_file()


def test_a_network_learns_from_a_bundle(packed, tmp_path):
    stage = replace(packed.stages[0], samples=320, lr=3e-3, augment=0.2, cut=0.0)
    train.run(replace(packed, stages=(stage,)), tmp_path / "run", None, 80, device="cpu")
    losses = [json.loads(r)["loss"] for r in (tmp_path / "run/log.jsonl").read_text().splitlines()]
    assert losses[-1] < 0.9 * losses[0]


def test_shards_and_bundle_keep_to_their_sizes(config, tmp_path):
    index = bundle.pack(config, tmp_path / "b", SHAPE, 90, shard_mb=0.025, bundle_mb=0.03)
    sizes = [(tmp_path / "b" / name).stat().st_size for name in index["shards"]]
    assert max(sizes) <= 25_000 and sum(f.stat().st_size for f in (tmp_path / "b").iterdir()) <= 30_000
    assert 0 < index["next"] == index["windows"] < 6


def test_a_full_bundle_is_continued_in_another(config, tmp_path):
    first = bundle.pack(config, tmp_path / "a", SHAPE, 90, 15, bundle_mb=0.03)
    second = bundle.pack(config, tmp_path / "b", SHAPE, 90, 15, 50, skip=first["next"])
    assert first["windows"] + second["windows"] == 6 and second["next"] == 0
    samples = DeviceSamples(replace(config, bundle=(str(tmp_path / "a"), str(tmp_path / "b"))), "cpu")
    assert len(samples.windows) == 6 and samples.window_of.unique().tolist() == list(range(6))
    bundle.pack(config, tmp_path / "c", replace(SHAPE, room=1.5), 90, 15, 50)
    with pytest.raises(bundle.BundleError, match="differ in size or room"):
        DeviceSamples(replace(config, bundle=(str(tmp_path / "a"), str(tmp_path / "c"))), "cpu")


def test_a_damaged_bundle_is_named_with_its_remedy(packed, tmp_path):
    folder = tmp_path / "bundle"
    with pytest.raises(bundle.BundleError, match="is not empty"):
        bundle.pack(packed, folder, SHAPE, 90, 15, 50)
    (folder / "000.npz").rename(tmp_path / "away.npz")
    with pytest.raises(bundle.BundleError, match="000.npz of the bundle is missing: copy it again"):
        DeviceSamples(packed, "cpu")
    (folder / "bundle.json").unlink()
    with pytest.raises(bundle.BundleError, match="the bundle is not complete"):
        DeviceSamples(packed, "cpu")


def test_the_commands_pack_and_train(config, tmp_path, monkeypatch, capsys):
    def lpn(*args):
        monkeypatch.setattr(sys, "argv", ["lpn", *map(str, args)])
        return cli.main()

    where = ("--config", tmp_path / "c.toml")
    assert lpn("pack", tmp_path / "bundle", *where, "--size", "64x48") == 0
    assert "12 people in 1 shards" in capsys.readouterr().out
    shutil.rmtree(tmp_path / "people")  # the machine that trains has the bundle alone
    assert lpn("train", *where, "--state", tmp_path / "run", "--device", "cpu") == 0
    assert (tmp_path / "run/00-s.safetensors").is_file()

    (tmp_path / "c.toml").write_text(CONFIG.replace('"bundle"', '"nowhere"'))
    assert lpn("train", *where, "--state", tmp_path / "other", "--device", "cpu") == 1
    assert "nowhere/bundle.json: is missing" in capsys.readouterr().err


@pytest.mark.parametrize("text, wanted", [
    (CONFIG[: CONFIG.index("[[source]]")].replace('bundle = "bundle"', ""), "needs [[source]] tables, or bundle ="),
    (CONFIG.replace("seed = 4", 'kind = "center-person"'), "bundle is for kind 'heatmap-pose'"),
])  # fmt: skip
def test_a_config_that_cannot_train_is_refused(tmp_path, text, wanted):
    (tmp_path / "c.toml").write_text(text)
    with pytest.raises(ValueError, match=re.escape(wanted)):
        Config.load(tmp_path / "c.toml")


def test_a_variable_that_is_not_set_is_named_before_training(tmp_path, monkeypatch, capsys):
    (tmp_path / "c.toml").write_text(CONFIG.replace('bundle = "bundle"', 'bundle = "$LPN_NOWHERE/a"'))
    assert Config.load(tmp_path / "c.toml").seed == 4, "who wants the network alone needs no data"
    monkeypatch.setattr(sys, "argv", ["lpn", "train", "--config", str(tmp_path / "c.toml"), "--state", str(tmp_path / "run")])
    assert cli.main() == 1
    assert "set $LPN_NOWHERE" in capsys.readouterr().err
