"""The posture networks: what they look at, how they learn, and the table that they become."""

import json

import numpy as np
import pytest

from lpn.postures import bodies, clips, stances, stood, table
from lpn.postures.features import NAMES, features
from lpn.postures.net import Adam, Net


def drawn(n=60):
    rng = np.random.default_rng(1)
    every = [(bodies.joints(s, rng)[0], posture) for s, posture, _ in stances.draw(n, rng)]
    return [(bodies.Cameras(len(j), rng).see(j)[0], posture) for j, posture in every]


def test_a_mirror_image_looks_the_same():
    other = [0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15]
    for px, _ in drawn():
        seen = np.ones((len(px), 17), bool)
        a, _ = features(px, seen)
        b, _ = features((px * [-1, 1])[:, other], seen[:, other])
        np.testing.assert_allclose(a, b, atol=1e-9)


def test_people_without_hips_or_legs_are_not_told():
    px = np.array([[[100.0, 10 + 20 * i] for i in range(17)]] * 3)
    seen = np.ones((3, 17), bool)
    seen[1, 11:13] = False
    seen[2, 13:] = False
    x, told = features(px, seen)
    assert told.tolist() == [True, False, False]
    assert np.isfinite(x).all() and x.shape == (3, len(NAMES))


def test_people_who_stood_have_seven_numbers_more():
    x, posture, low, names = stood.drawn(400, np.random.default_rng(2))
    assert x.shape == (len(posture), len(NAMES) + len(stood.EXTRA))
    assert np.isfinite(x).all() and len(names) == len(low) == len(x)
    assert low[np.array([name == "floor" for name in names])].all() and not low[names == "chair"].any()


@pytest.mark.parametrize("outputs", [2, 4])
def test_a_table_says_what_the_network_says(outputs, tmp_path):
    rng = np.random.default_rng(3)
    x, y = rng.standard_normal((500, 6)), rng.integers(0, outputs, 500)
    x[np.arange(500), y] += 3
    net, target = Net(6, 8, outputs, rng), np.eye(outputs)[y]
    optimizer = Adam(net.weights)
    for _ in range(200):
        optimizer.step(net.weights, net.gradients(x, target, np.ones(500), 0.0), 0.02)
    assert (net.probabilities(x).argmax(1) == y).mean() > 0.9
    rounded = table.rounded(net)
    np.testing.assert_allclose(table.probabilities(rounded, x), net.probabilities(x), atol=0.02)
    if outputs == 2:
        table.write(rounded, rounded, rounded, tmp_path / "table.rs")
        assert "static FLOOR: [[f32; 8 + 1]; 1]" in (tmp_path / "table.rs").read_text()


def tracked(folder, scene, postures):
    """Rows of a clip of one person, who is seen whole in every frame."""
    person = drawn()[0][0][0]
    person = person - person.min(0) + 100
    box = [100, 100, *(person.max(0) - 100).tolist()]
    frames = [{"pts_ms": 100 * i, "people": [{"id": 1, "posture": posture, "box": box}]} for i, posture in enumerate(postures)]
    (folder / "clip.json").write_text(json.dumps({"scene": scene, "events": [], "frames": frames}))
    keypoints = {str(i): [x, y, 0.9] for i, (x, y) in enumerate(person.tolist())}
    people, frame = [{"box": box, "keypoints": keypoints}], {"width": 2000, "height": 2000}
    lines = [json.dumps({"captured_ns": 10**8 * i, "frame": frame, "people": people}) for i in range(len(postures))]
    (folder / "clip.jsonl").write_text("\n".join(lines))
    return clips.load(folder, folder)


@pytest.mark.parametrize("scene, low", [("sit", [0, 0, 1]), ("lie-down", [0, 1, 1]), ("bed", [0, 0, 0])])
def test_who_sits_is_on_the_floor_only_where_people_sit_down_on_it(scene, low, tmp_path):
    *_, postures, on_floor = tracked(tmp_path, scene, ["standing", "sitting", "lying"])
    assert [bodies.POSTURES[i] for i in postures] == ["standing", "sitting", "lying"]
    assert on_floor.tolist() == low


def test_keypoints_at_the_border_or_far_from_the_box_are_not_seen():
    points = np.array([[150.0, 150.0], [2.0, 150.0], [150.0, 357.5], [230.0, 150.0], [216.0, 150.0]])
    assert clips._inside(points, [100, 100, 100, 80], (640, 360)).tolist() == [True, False, False, False, False]
    assert clips._inside(points[4:], [100, 100, 110, 80], (640, 360)).tolist() == [True]
