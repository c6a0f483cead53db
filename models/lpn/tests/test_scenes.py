"""Scenes with known falls and postures, their clips, and the judge of what posed makes of them."""

import json
from shutil import which

import numpy as np
import pytest

from lpn.render import acts, body, film, judge, motion, stances, stills, truth
from lpn.render.dress import random_outfit
from lpn.render.ground import Figure, follow
from lpn.render.motion import STEP_S, Timeline

SMALL = film.Format(160, 90, 4, 30)
AT = {name: i for i, name in enumerate(body.KEYPOINTS)}


@pytest.fixture(scope="session")
def bank():
    try:
        return body.load_bank()
    except body.BodyError as error:
        pytest.skip(f"no bodies to draw: {error}")


def figure_of(hips, knees, ankles, shoulders):
    """Keypoints (17, 3) with both sides at one place."""
    points = np.zeros((17, 3))
    for joint, place in (("hip", hips), ("knee", knees), ("ankle", ankles), ("shoulder", shoulders)):
        for side in ("left", "right"):
            points[AT[f"{side}_{joint}"]] = place
    return points


@pytest.mark.parametrize(
    ("want", "surface", "places"),
    [
        ("standing", 0, [(0, 0, 0.9), (0, 0, 0.5), (0, 0, 0.08), (0, 0, 1.4)]),
        ("sitting", 0, [(0, 0, 0.5), (0, -0.4, 0.5), (0, -0.4, 0.08), (0, 0, 1.0)]),
        ("sitting", 0, [(0, 0, 0.1), (0, -0.42, 0.1), (0, -0.84, 0.08), (0, 0.1, 0.6)]),
        ("crouching", 0, [(0, 0, 0.3), (0, -0.38, 0.45), (0, -0.1, 0.08), (0, -0.3, 0.75)]),
        ("crouching", 0, [(0, 0, 0.46), (0, 0, 0.06), (0, 0.4, 0.06), (0, -0.5, 0.5)]),
        ("lying", 0, [(0, 0, 0.12), (0, 0.4, 0.1), (0, 0.8, 0.1), (0, -0.5, 0.15)]),
        ("lying", 0.5, [(0, 0, 0.62), (0, 0.4, 0.6), (0, 0.8, 0.6), (0, -0.5, 0.65)]),
        (None, 0, [(0, 0, 0.65), (0, -0.2, 0.4), (0, 0, 0.08), (0, -0.3, 1.0)]),
    ],
)
def test_a_posture_is_told_from_three_dimensions(want, surface, places):
    assert truth.posture(figure_of(*places), surface, 0.82) == want


def test_postures_near_a_change_are_left_open():
    names = ["standing"] * 4 + [None] + ["lying"] * 4
    assert truth.steady(names, 1) == ["standing"] * 3 + [None] * 3 + ["lying"] * 3


def test_rotations_survive_the_way_through_quaternions():
    turns = np.random.default_rng(1).uniform(-1.8, 1.8, (50, 3))
    assert motion.rotvecs(motion.quaternions(turns)) == pytest.approx(turns, abs=1e-9)
    half = motion.slerp(motion.quaternions(turns), motion.quaternions(0 * turns), 0.5)
    assert motion.rotvecs(half) == pytest.approx(turns / 2, abs=1e-9)


@pytest.mark.parametrize("name", acts.SCENES)
def test_bodies_rest_on_the_floor_and_falls_are_where_they_are_named(bank, name):
    drawn = film.Film(bank, name, 5, SMALL)
    for k in range(0, len(drawn.motion), 16):
        lowest = drawn.person(k * STEP_S).vertices[:, 2].min()
        assert lowest > -0.03, f"{k * STEP_S:.1f} s"
        assert lowest < 0.02 or name == "bed", f"{k * STEP_S:.1f} s"
    assert (drawn.act.fall is not None) == (name in acts.FALLS)
    end = drawn.person(1e6)
    posture = truth.posture(end.keypoints, drawn.motion.surface[-1], drawn.leg_m)
    upright = ("push-ups", "pick-up", "crouch", "walk", "leave")
    if name.startswith("f"):
        assert posture == "lying"
        _, start, stop = drawn.act.fall
        assert 0.5 < drawn.act.timeline.marks["down"] - start < 1.3 and stop + 8 < len(drawn.motion) * STEP_S
    elif name in upright:
        assert posture == "standing"


def test_all_that_matters_is_in_the_picture(bank):
    drawn = film.Film(bank, "fall-left", 6, SMALL)
    for k in range(0, len(drawn.motion), 20):
        at = drawn.camera.project(drawn.person(k * STEP_S).keypoints)
        assert (at[:, :2] > 0).all() and (at[:, :2] < [SMALL.width, SMALL.height]).all()
    assert 1.2 <= drawn.camera.position[2] <= 3.0


def test_who_stands_does_not_slide_and_who_walks_advances(bank):
    rng = np.random.default_rng(3)
    figure = Figure(bank.body(1), random_outfit(rng))
    ease = stances.at_ease(rng)
    walked = follow(figure, Timeline(ease).hold(1.0).walk(2.0).hold(1.0), rng)
    places = walked.places[:, :2]
    assert 1.2 < np.linalg.norm(places[-1] - places[0]) < 2.2
    for still in (places[:36], places[-30:]):
        assert np.ptp(still, axis=0).max() < 0.03
    # The foot that stands moves much slower than the body.
    feet = []
    for k in range(60, 100):
        points = figure.body.pose(walked.poses[k])[2][15:17] + walked.places[k]
        feet.append(points)
    feet = np.array(feet)
    low = feet[:-1, :, 2].argmin(1)
    step = np.linalg.norm(np.diff(feet[..., :2], axis=0), axis=2)[np.arange(len(low)), low]
    assert np.median(step) < 0.4 * np.median(np.linalg.norm(np.diff(places[60:100], axis=0), axis=1))


def test_a_seed_is_a_clip(bank):
    pictures = []
    for seed in (7, 7, 8):
        drawn = film.Film(bank, "faint", seed, SMALL)
        pictures.append(film.Set(drawn).frame(drawn.person(3.0), 12)[0])
    assert (pictures[0] == pictures[1]).all() and (pictures[0] != pictures[2]).any()


def test_a_clip_and_its_truth_agree(bank, tmp_path):
    if not (which("ffmpeg") or which("gst-launch-1.0")):
        pytest.skip("no ffmpeg and no gst-launch-1.0 to encode with")
    import cv2

    story = json.loads(film.shoot(bank, "fall-backward", 9, tmp_path, SMALL).read_text())
    video = cv2.VideoCapture(str(tmp_path / story["video"]))
    assert int(video.get(cv2.CAP_PROP_FRAME_COUNT)) == len(story["frames"])
    assert (video.get(cv2.CAP_PROP_FRAME_WIDTH), video.get(cv2.CAP_PROP_FRAME_HEIGHT)) == (160, 90)
    (event,) = story["events"]
    assert event["from_ms"] < event["down_ms"] < event["to_ms"] < story["frames"][-1]["pts_ms"]
    for index, frame in enumerate(story["frames"]):
        assert frame["pts_ms"] == index * 250
        for person in frame["people"]:
            assert len(person["keypoints"]) == 51 and len(person["box"]) == 4
            assert person["posture"] in (*judge.POSTURES, None) and isinstance(person["legs"], bool)
    assert story["frames"][4]["people"][0]["posture"] == "standing"
    assert story["frames"][-1]["people"][0]["posture"] == "lying"


def test_the_test_clips_are_two_hundred():
    clips = acts.test_clips()
    assert len(clips) == len(set(clips)) == 200 and min(seed for _, seed in clips) >= acts.TEST_SEED
    assert sum(name in acts.FALLS for name, _ in clips) == 108


def told(seconds, state, fall_id="a", started=None):
    at = f"1970-01-01T00:00:{seconds:06.3f}Z"
    return {"type": "fall", "state": state, "id": fall_id, "at": at, "started_at": at if started is None else started}


def message(index, posture):
    people = [{"box": [10, 10, 20, 60], "posture": posture}]
    return {"captured_at": f"1970-01-01T00:00:{index / 4:012.9f}Z", "people": people}


def story_of(fall):
    person = {"box": [10, 10, 20, 60], "posture": "lying", "legs": True}
    frames = [{"pts_ms": k * 250, "people": [person]} for k in range(20)]
    events = [{"type": "fall", "from_ms": 1000, "down_ms": 2000, "to_ms": 2400}] if fall else []
    return {"video": "x-1.mp4", "scene": "x", "fps": 4, "events": events, "frames": frames}


def judged(fall, *messages):
    return judge.judge(story_of(fall), "\n".join(json.dumps(m) for m in messages))


def test_the_judge_counts_falls_alarms_and_delays():
    start = "1970-01-01T00:00:01.500Z"
    right = judged(True, told(2.4, "suspected", started=start), told(10.5, "confirmed", started=start))
    assert (right.suspected, right.confirmed, right.false_alarms, right.delay_s) == (True, True, 0, 8.5)
    early = judged(True, told(0.5, "suspected"), told(9.0, "confirmed", started="1970-01-01T00:00:00.500Z"))
    assert (early.confirmed, early.false_alarms) == (False, 1)
    alarm = judged(False, told(2.4, "suspected"), told(10.4, "confirmed"))
    assert (alarm.confirmed, alarm.false_alarms, alarm.delay_s) == (True, 1, None)
    figures = judge.summary([right, early, alarm], 8)
    assert (figures["falls"]["recall"], figures["falls"]["precision"]) == (0.5, 0.3333)
    assert figures["others"]["alarms"] == 1 and figures["falls"]["late"] == 0
    assert "recall 0.5 of 2 clips" in judge.table(figures)


def test_the_judge_compares_postures_where_they_have_held():
    verdict = judged(False, *(message(k, "lying" if k < 10 else "unknown") for k in range(18)))
    row = verdict.postures[judge.POSTURES.index("lying")]
    answers = dict(zip(judge.ANSWERS, row.tolist()))
    # The first two frames have no half second before them; the last two have no message.
    assert answers == {"standing": 0, "sitting": 0, "lying": 8, "crouching": 0, "unknown": 8, "missed": 2}


def test_stills_of_scenes_are_coco_data_and_a_stopped_run_goes_on(bank, tmp_path):
    clips = [("fall-left", 3), ("leave", 3)]
    assert stills.render(tmp_path, clips[:1], 4, bank, SMALL)["images"] == 4
    first = tmp_path / "images/fall-left-3-0.jpg"
    before = first.stat().st_mtime_ns
    assert stills.render(tmp_path, clips, 4, bank, SMALL)["images"] == 8
    assert first.stat().st_mtime_ns == before
    data = json.loads((tmp_path / "annotations.json").read_text())
    people, pictures = data["annotations"], {image["id"]: image for image in data["images"]}
    assert len({p["id"] for p in people}) == len(people) and {p["image_id"] for p in people} <= set(pictures)
    assert all((tmp_path / "images" / image["file_name"]).is_file() and image["scene"] for image in pictures.values())
    # Standing before, lying after: wider than tall at last.
    boxes = [p["bbox"] for p in people if pictures[p["image_id"]]["file_name"].startswith("fall")]
    assert boxes[0][3] > boxes[0][2] and boxes[-1][2] > boxes[-1][3]
