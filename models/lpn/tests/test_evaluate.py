"""Metrics against figures worked out by hand, and the whole evaluation against a network that knows
the answer."""

import json

import numpy as np
import pytest
from conftest import STANDING, draw_people
from lpn import coco, crop, metrics
from lpn.pose import evaluate
from lpn.manifest import Manifest

ALL = np.ones(17, bool)


def person(i, image=0, source=""):
    points = (STANDING * (100, 200) + (50 + 200 * i, 40)).astype(np.float32)
    return coco.Person(i, image, (50 + 200 * i, 40, 100, 200), points, ALL.copy(), 10000.0, source=source)


def found(p, keypoints, score=0.9, box_score=1.0):
    return evaluate.Found(evaluate.Box(p.image, p.bbox, box_score, p), keypoints, np.full(17, score, np.float32))


def test_perfect_predictions_have_ap_one():
    people = [person(0), person(1), person(0, 1)]
    got = evaluate.average_precision(people, [found(p, p.keypoints) for p in people])
    assert got == {"ap": 1.0, "ap50": 1.0, "ap75": 1.0, "ar": 1.0}


def test_ap_of_a_known_oks():
    """Every keypoint off by d with exp(-d^2 / (2 s^2 k^2)) = 0.72: found at thresholds 0.50 ..
    0.70, five of ten."""
    p = person(0)
    off = np.sqrt(-2 * np.log(0.72) * p.area) * 2 * coco.SIGMAS
    keypoints = p.keypoints + np.column_stack([off, np.zeros(17)]).astype(np.float32)
    assert metrics.oks(keypoints, p.keypoints, ALL, p.area) == pytest.approx(0.72, abs=1e-4)
    got = evaluate.average_precision([p], [found(p, keypoints)])
    assert got == {"ap": 0.5, "ap50": 1.0, "ap75": 0.0, "ar": 0.5}


def test_ap_with_one_of_two_people_found_and_a_better_scored_miss():
    """Precision 1/2 at recall 1/2: 51 of COCO's 101 recall points hold 0.5."""
    a, b = person(0), person(1)
    got = evaluate.average_precision([a, b], [found(a, a.keypoints, 0.5), found(b, b.keypoints + 500, 0.9)])
    assert got["ap"] == pytest.approx(0.5 * 51 / 101, abs=1e-4) and got["ar"] == 0.5


def test_pck_counts_within_a_fifth_of_the_torso():
    p = person(0)
    torso = metrics.torso_px(p.keypoints, ALL)
    assert torso == pytest.approx(max(np.hypot(26, 64), np.hypot(26, 64)), abs=1e-3)
    keypoints = p.keypoints.copy()
    keypoints[:5, 0] += 0.19 * torso
    keypoints[5:8, 0] += 0.21 * torso
    got = evaluate.summarise([p], [found(p, keypoints)])
    assert got["pck"] == round(14 / 17, 4)
    assert got["pck_by_keypoint"]["nose"] == 1.0 and got["pck_by_keypoint"]["left_shoulder"] == 0.0


def test_score_is_the_boxs_times_the_mean_of_what_is_seen():
    f = found(person(0), person(0).keypoints, box_score=0.5)
    f.scores[:] = 0.1
    assert f.score == 0.0
    f.scores[:2] = 0.6, 0.8
    assert f.score == pytest.approx(0.35)


def test_the_same_person_twice_is_suppressed():
    a, b = person(0), person(1)
    kept = evaluate.suppress([found(a, a.keypoints + 1, 0.5), found(b, b.keypoints, 0.4), found(a, a.keypoints, 0.9)])
    assert sorted(f.score for f in kept) == pytest.approx([0.4, 0.9])


def heatmaps_of(points, height, width):
    """Gaussians at crop px `points` [N, 17, 2]."""
    return crop.heatmap_targets(points.astype(np.float32), np.ones(points.shape[:2], bool), width, height, 2.0)


def test_soft_argmax_finds_what_lies_between_pixels():
    points = np.random.default_rng(3).uniform(16, 76, (2, 17, 2))
    h = heatmaps_of(points, 96, 96)
    soft, hard = metrics.soft_argmax(h, beta=10)[0] * 4, metrics.argmax(h)[0] * 4
    quarter = metrics.quarter_shift(h, metrics.argmax(h)[0]) * 4
    error = [np.abs(p - points).mean() for p in (soft, quarter, hard)]
    assert error[0] < 0.35 < error[1] < error[2] < 1.2


def test_window_keeps_a_second_peak_out():
    h = np.zeros((1, 1, 32, 24), np.float32)
    h[0, 0, 5, 5], h[0, 0, 28, 20] = 1.0, 0.999
    assert np.abs(metrics.soft_argmax(h, 160, 5)[0] - 5).max() < 0.01
    assert np.abs(metrics.soft_argmax(h, 160, 0)[0] - 5).max() > 3


def test_quarter_shift_stays_off_the_border():
    h = np.zeros((1, 2, 8, 8), np.float32)
    h[0, 0, 4, 5], h[0, 0, 3, 4] = 0.5, 0.2
    h[0, 1, 1, 2] = 1.0
    points = np.array([[[4, 4], [1, 1]]], np.float32)
    np.testing.assert_allclose(metrics.quarter_shift(h, points), [[[4.25, 3.75], [1, 1]]])


def test_flip_back_mirrors_swaps_and_shifts():
    h = np.zeros((1, 17, 4, 6), np.float32)
    h[0, 5, 2, 1] = 1.0  # left shoulder of the mirrored crop
    back = metrics.flip_back(h)
    assert back[0, 6, 2, 5] == 1.0 and back.sum() == 1.0


@pytest.mark.parametrize("boxes", ["labelled", "given"])
def test_an_oracle_reaches_ap_one_through_the_whole_evaluation(tmp_path, boxes):
    """A 'network' that reads its crop's number from the order of calls and answers with the
    labelled heatmaps."""
    path = draw_people(tmp_path, 5)
    people = coco.load_people(path, tmp_path)
    pictures = coco.Pictures(people, None)
    manifest = Manifest("m", "1", "", [], "", 256, 192, beta=10.0)
    queue = list(people.people)

    def oracle(x):
        group = [queue.pop(0) for _ in range(len(x))]
        points = []
        for p in group:
            _, a = crop.evaluation_crop(pictures[p.image], p.bbox, 192, 256)
            points.append((p.keypoints - a[:, 2]) @ np.linalg.inv(a[:, :2]).T)
        return heatmaps_of(np.array(points), 256, 192)

    where = evaluate.labelled_boxes(people)
    if boxes == "given":
        rows = [
            {"image_id": people.image_ids[p.image], "category_id": 1, "bbox": list(p.bbox), "score": 0.8}
            for p in people.people
        ]
        (tmp_path / "boxes.json").write_text(json.dumps(rows + [{"image_id": 99, "bbox": [0, 0, 1, 1], "score": 1}]))
        where = evaluate.given_boxes(people, tmp_path / "boxes.json")
    rows = {r["decoding"]: r for r in evaluate.evaluate(oracle, manifest, people, pictures, where, (False,))}
    assert rows["soft-argmax"]["ap"] == 1.0 and rows["soft-argmax"]["ar"] == 1.0
    if boxes == "labelled":
        assert rows["soft-argmax"]["pck"] == 1.0 and rows["soft-argmax"]["oks"] > 0.97
        assert rows["soft-argmax"]["oks"] > rows["argmax+quarter"]["oks"] > rows["argmax"]["oks"]
