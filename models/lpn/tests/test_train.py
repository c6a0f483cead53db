"""The trainer learns, survives a kill without a trace, and names bad data."""

import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import TINY, draw_people
from lpn import coco, crop, train
from lpn.net import LPN
from lpn.pose import training
from lpn.schedule import Config, Stage
from lpn.trainer import load_weights

STAGES = """
seed = 4
[net]
blocks = [1, 1, 1, 1]
width = 0.25
[[source]]
annotations = "people/people.json"
images = "people"
[holdout]
annotations = "held/people.json"
images = "held"
[[stage]]
name = "small"
height = 32
width = 32
samples = 24
batch = 4
warmup = 8
[[stage]]
name = "larger"
height = 64
width = 48
samples = 16
batch = 4
warmup = 4
sigma = 2.0
"""


@pytest.fixture
def config(tmp_path):
    draw_people(tmp_path / "people", 6)
    draw_people(tmp_path / "held", 3, seed=9, source="held")
    (tmp_path / "a.toml").write_text(STAGES)
    return Config.load(tmp_path / "a.toml")


def test_steps_on_one_batch_lower_the_loss(config, tmp_path):
    trainer = training.PoseTrainer(config, tmp_path / "run", "cpu")
    samples = training.Samples(config, None)
    stage = config.stages[0]
    batch = samples.batch(0, stage, 0)
    losses = [trainer.step(stage, [batch]) for _ in range(8)]
    assert losses[-1] < 0.9 * losses[0]
    assert config.net == TINY


def test_a_killed_run_ends_as_one_that_was_not(config, tmp_path):
    whole = train.run(config, tmp_path / "whole", None, measure_every=100)
    for _ in range(12):  # stops after 4 samples each: within stages and at their ends
        parts = train.run(config, tmp_path / "parts", None, measure_every=100, max_samples=4)
    assert parts.stage == whole.stage == 2 and parts.total == whole.total == 40
    for k, v in whole.average.items():
        torch.testing.assert_close(parts.average[k], v, rtol=0, atol=0)


def test_stages_end_in_a_checkpoint_and_a_measurement(config, tmp_path):
    run = train.run(config, tmp_path / "run", None, measure_every=100)
    rows = [json.loads(r) for r in (tmp_path / "run/log.jsonl").read_text().splitlines()]
    assert [(r["name"], r["seen"], r["total"]) for r in rows] == [("small", 24, 24), ("larger", 16, 40)]
    assert rows[1]["held"]["people"] == 3
    net = LPN(config.net)
    load_weights(net, tmp_path / "run/01-larger.safetensors")
    for k, v in net.state_dict().items():
        torch.testing.assert_close(v.float(), run.average[k].float(), rtol=2e-3, atol=1e-4)


def test_each_stage_runs_the_schedule_anew(config):
    stage = Stage("s", 32, 32, samples=1000, batch=10, lr=1.0, warmup=100)
    rates = [stage.rate(n) for n in range(0, 1000, 10)]
    assert rates[0] < 0.11 and max(rates) == pytest.approx(1.0, abs=0.01)
    assert np.argmax(rates) == 10 and rates[-1] < 0.03
    assert all(a >= b for a, b in zip(rates[10:], rates[11:]))


def test_same_seed_same_samples_and_another_another(config):
    a, b = (training.Samples(config, None).batch(0, config.stages[0], 4) for _ in range(2))
    for x, y in zip(a, b):
        torch.testing.assert_close(x, y, rtol=0, atol=0)
    c = training.Samples(config, None).batch(1, config.stages[0], 4)
    assert not torch.equal(a[0], c[0])


def test_bad_data_is_named_skipped_and_counted(tmp_path, caplog):
    path = draw_people(tmp_path, 4)
    data = json.loads(path.read_text())
    (tmp_path / "0.png").unlink()
    (tmp_path / "1.png").write_bytes(b"not a picture")
    data["annotations"][2]["keypoints"][0:2] = [500.0, 20.0]
    data["annotations"][3]["keypoints"] = data["annotations"][3]["keypoints"][:9]
    path.write_text(json.dumps(data))
    people = coco.load_people(path, tmp_path)
    pictures = coco.Pictures(people, tmp_path / "cache")
    assert people.faults == {"missing image": 1, "keypoint outside": 1, "bad annotation": 1, "broken image": 1}
    assert [p.id for p in people.people] == [2, 3] and pictures.broken == {0}
    assert people.people[1].visible.sum() == 16
    for name in ("0.png", "1.png", "2.png"):
        assert name in caplog.text
    again = coco.Pictures(people, tmp_path / "cache")
    assert again.broken == {0}
    np.testing.assert_array_equal(again[1], pictures[1])


def test_unlabelled_keypoints_do_not_teach():
    h = torch.randn(2, 17, 8, 6, requires_grad=True)
    masks = torch.zeros(2, 2, 17, dtype=torch.bool)
    masks[:, :, :5] = True
    training.loss(h, torch.rand(2, 17, 8, 6), masks, 0.5).backward()
    assert not h.grad[:, 5:].any() and h.grad[:, :5].any()


def test_crop_and_keypoints_move_together(drawn):
    """Targets of an augmented crop lie where the augmented picture has what they mark."""
    picture = np.zeros((160, 120, 3), np.uint8)
    keypoints = np.array([(30 + 4 * i, 30 + 6 * i) for i in range(17)], np.float32)
    person = coco.Person(1, 0, (20, 20, 90, 120), keypoints, np.ones(17, bool), 1000.0)
    aug = crop.Augment(flip=0.5, colour=0, occlude=0, half_body=0)
    compared = 0
    for seed in range(24):
        rng = np.random.default_rng(seed)
        j = seed % 17
        picture[:] = 0
        x, y = keypoints[j].astype(int)
        picture[y - 2 : y + 3, x - 2 : x + 3] = 255
        cut, points, _ = crop.training_crop(picture, person, 96, 128, aug, rng)
        bright = cut[..., 0].astype(float)
        if bright.sum() == 0:
            continue
        gy, gx = np.indices(bright.shape)
        at = np.array([(gx * bright).sum(), (gy * bright).sum()]) / bright.sum()
        if np.all((at > 8) & (at < (88, 120))):  # the whole patch is in the crop
            # A mirrored crop has it under the other side's name.
            assert min(np.hypot(*(points[k] - at)) for k in (j, coco.FLIP_ORDER[j])) < 0.75
            compared += 1
    assert compared > 12


def test_processes_share_a_batch_and_change_nothing_but_rounding(config, tmp_path):
    stages = tuple(replace(s, shard=2) for s in config.stages)
    config = replace(config, stages=stages)
    alone = train.run(config, tmp_path / "alone", None, measure_every=100)
    shared = train.run(config, tmp_path / "shared", None, measure_every=100, processes=2)
    assert shared.total == alone.total == 40
    for k, v in alone.average.items():
        torch.testing.assert_close(shared.average[k], v, rtol=1e-3, atol=1e-4)
    rows = (tmp_path / "shared/log.jsonl").read_text().splitlines()
    assert len(rows) == 2 and json.loads(rows[1])["held"]["people"] == 3


def test_shards_that_cannot_be_shared_are_refused(config, tmp_path):
    with pytest.raises(ValueError, match="1 shards cannot be shared by 2 processes"):
        train.run(config, tmp_path / "run", None, measure_every=100, processes=2)


def taught(certainty):
    """A person of 80x120 px whose teacher is as sure as `certainty` says, keypoints 6 px apart from
    the top down."""
    points = np.array([(60 + 2 * i, 30 + 6 * i) for i in range(17)], np.float32)
    return coco.Person(1, 0, (20, 20, 80, 120), points, certainty > coco.SURE, 1000.0, certainty=certainty)


def test_targets_are_as_high_as_the_teacher_is_sure():
    certainty = np.full(17, 0.9, np.float32)
    certainty[:4] = 0.1, 0.3, 0.6, 0.74
    _, _, heights = crop.training_crop(np.zeros((160, 120, 3), np.uint8), taught(certainty), 96, 128, crop.NONE,
                                       np.random.default_rng(1))  # fmt: skip
    assert heights[:4] == pytest.approx([0, 0.4, 0.8, 0.74 / 0.75]) and (heights[4:] == 1).all()


def test_a_cut_person_has_no_target_where_the_picture_ends():
    picture = np.full((160, 120, 3), 200, np.uint8)
    person = taught(np.full(17, 0.9, np.float32))
    aug = replace(crop.NONE, cut=1.0)
    hidden = 0
    for seed in range(24):
        cut, points, heights = crop.training_crop(picture, person, 96, 128, aug, np.random.default_rng(seed))
        for (x, y), height in zip(points, heights):
            inside = 1 <= x < 95 and 1 <= y < 127
            if inside and height:
                assert cut[int(y), int(x)].any()  # picture, not the black beyond it
            hidden += height == 0
    assert 24 < hidden < 24 * 14


def test_a_teachers_labels_and_one_source_can_be_asked_for(tmp_path):
    path = draw_people(tmp_path, 2)
    data = json.loads(path.read_text())
    data["images"][1]["source"] = "other"
    for a in data["annotations"]:
        a["teacher"] = [v for i in range(17) for v in (a["keypoints"][3 * i], a["keypoints"][3 * i + 1], 0.2 + 0.04 * i)]
    path.write_text(json.dumps(data))
    people = coco.load_people(path, tmp_path, labels="teacher", only="other")
    assert [p.id for p in people.people] == [data["annotations"][1]["id"]]
    assert people.people[0].certainty[5] == pytest.approx(0.4) and people.people[0].visible.tolist() == [False] * 3 + [True] * 14


def test_processes_end_with_the_run_that_started_them(tmp_path):
    """A killed run must not go on training, and writing its state, beside the run that continues
    it."""
    script = tmp_path / "parent.py"
    script.write_text(
        f"import sys; sys.path.insert(0, {str(Path(__file__).resolve().parents[1])!r})\n"
        "import os, time\nfrom lpn import parallel\n"
        "def work(folder):\n    open(f'{folder}/{os.getpid()}.pid', 'w').close(); time.sleep(600)\n"
        f"if __name__ == '__main__':\n    parallel.spawn(work, 2, {str(tmp_path)!r})\n"
    )
    parent = subprocess.Popen([sys.executable, str(script)])
    wait_for(lambda: len(list(tmp_path.glob("*.pid"))) == 2)
    parent.kill()
    parent.wait()
    members = [int(p.stem) for p in tmp_path.glob("*.pid")]
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in members))


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)
