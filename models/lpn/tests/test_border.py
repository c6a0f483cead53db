"""What scores are worth at the border of a picture."""

import json

import numpy as np
import pytest
from conftest import draw_people
from lpn.manifest import Manifest
from lpn.pose import border
from lpn.schedule import Config


def seen(worth, n=40000):
    """Keypoints whose heights are `worth(score, distance)` in the mean."""
    rng = np.random.default_rng(1)
    score, distance = rng.uniform(0, 1, n), rng.uniform(-2, border.NEAR, n)
    return np.c_[score, distance, worth(score, distance) + rng.normal(0, 0.1, n)]


def test_the_fit_finds_the_numbers_that_made_the_data():
    fitted = border.fit(seen(lambda s, d: s / (1 + np.exp(-(-1.0 + 2.0 * s + 1.5 * d)))))
    assert np.allclose(fitted, [-1.0, 2.0, 1.5], atol=0.15), fitted


def test_a_surer_keypoint_does_not_lose_more():
    constant, per_score, per_px = border.fit(seen(lambda s, d: s / (1 + np.exp(-(1.0 - 2.0 * s + 1.5 * d)))))
    assert per_score == 0 and per_px > 0.5


def test_what_says_nothing_is_not_fitted():
    with pytest.raises(ValueError, match="too few"):
        border.fit(np.zeros((10, 3)))
    with pytest.raises(ValueError, match="the distance to the border says nothing"):
        border.fit(seen(lambda s, d: s / (1 + np.exp(1.5 * d))))


def test_keypoints_near_the_cut_have_their_height_or_none(tmp_path):
    path = draw_people(tmp_path, 4)
    data = json.loads(path.read_text())
    for a in data["annotations"]:
        k = np.array(a["keypoints"], float).reshape(17, 3)
        a["teacher"] = np.c_[k[:, :2], np.ones(17)].ravel().tolist()
    path.write_text(json.dumps(data))
    source = {"annotations": str(path), "images": str(tmp_path), "labels": "teacher"}
    config = Config(None, (), (source, source | {"labels": "keypoints"}), None, 1, None)
    manifest = Manifest("tiny", "1", "CC0", [], "", 64, 48)
    rng = np.random.default_rng(2)
    rows = border.observe(lambda x: rng.random((len(x), 17, 16, 12), np.float32), manifest, config, people=40)
    assert len(rows) and (rows[:, 1] < border.NEAR).all()
    assert set(rows[:, 2]) == {0.0, 1.0}
