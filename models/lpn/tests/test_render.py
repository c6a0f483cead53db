"""The renderer: geometry and visibility on simple shapes; whole bodies where the package `anny` is
at hand."""

import numpy as np
import pytest

from lpn.render import body, pictures, poses, raster, scene
from lpn.render.backdrop import Backdrop, Textures
from lpn.render.raster import Camera, Canvas

SQUARE = np.array([(0, 1, 2), (0, 2, 3)], np.int32)


def camera(width=64, height=48):
    return Camera((0.0, 0.0, 1.0), (0.0, 5.0, 1.0), 40.0, width, height)


def square(depth, half=1.0, x=0.0):
    """A square that faces the camera, counter-clockwise from its side."""
    return np.array([(x - half, depth, 1 - half), (x + half, depth, 1 - half), (x + half, depth, 1 + half),
                     (x - half, depth, 1 + half)])  # fmt: skip


@pytest.fixture(scope="session")
def bank():
    try:
        return body.load_bank()
    except body.BodyError as error:
        pytest.skip(f"no bodies to draw: {error}")


def test_a_world_point_lands_where_the_pinhole_says():
    cam = camera()
    x, y, depth = cam.project(np.array([[0.5, 4.0, 1.25]]))[0]
    assert (x, y, depth) == pytest.approx((31.5 + 0.5 / 4 * 40, 23.5 - 0.25 / 4 * 40, 4.0))
    ray = cam.rays()[20, 40]
    again = cam.project((cam.position + 3.0 * ray)[None])[0]
    assert again == pytest.approx((40, 20, 3.0))


def test_a_scaled_camera_sees_the_same_view():
    point = np.array([[0.3, 4.0, 0.6]])
    small, large = camera().project(point)[0], camera().scaled(2).project(point)[0]
    assert (large[:2] + 0.5) / 2 - 0.5 == pytest.approx(small[:2])


def test_the_nearer_square_hides_the_farther_in_any_order():
    for order in ((0, 1), (1, 0)):
        canvas = Canvas(48, 64)
        shapes = [square(4.0), square(2.0, 0.4)]
        for owner in order:
            canvas.draw(camera().project(shapes[owner]), SQUARE, owner)
        assert canvas.owner[24, 32] == 1 and canvas.depth[24, 32] == pytest.approx(2.0)
        assert canvas.owner[24, 24] == 1  # 0.4 m at 2 m: 8 px either side of 31.5
        assert canvas.owner[24, 23] == 0 and canvas.depth[24, 23] == pytest.approx(4.0)
        assert canvas.owner[2, 2] == -1


def test_coverage_has_no_cracks_and_counts_hidden_pixels():
    canvas = Canvas(48, 64)
    canvas.draw(camera().project(square(2.0, 0.4)), SQUARE, 1)
    covered = canvas.draw(camera().project(square(4.0)), SQUARE, 0)
    assert covered == 20 * 20
    assert (canvas.owner >= 0).sum() == 20 * 20


def test_faces_turned_away_are_left_out():
    canvas = Canvas(48, 64)
    assert canvas.draw(camera().project(square(4.0)), SQUARE[:, ::-1], 0) == 0


def test_attributes_follow_the_perspective_not_the_screen():
    """Across a floor that runs away from the camera, the middle of the screen is not the middle of
    the floor."""
    canvas = Canvas(48, 64)
    floor = np.array([(-1, 2.0, 0.5), (1, 2.0, 0.5), (1, 8.0, 0.5), (-1, 8.0, 0.5)])
    canvas.draw(camera().project(floor), SQUARE, 0)
    row = 28
    pixel = np.array([row * 64 + 32])
    y = canvas.interpolate(pixel, SQUARE, floor[:, 1:2])[0, 0]
    assert y == pytest.approx(0.5 * 40 / (row - 23.5), rel=1e-3)


def test_visibility_is_two_in_sight_one_behind_something_zero_outside():
    keypoints = np.zeros((17, 3))
    keypoints[:] = (0.0, 4.03, 1.0)  # just under the surface of the square at 4 m
    keypoints[5] = (0.5, 4.03, 1.0)
    keypoints[6] = (9.0, 4.03, 1.0)  # far outside the picture
    cam, canvas = camera(), Canvas(48, 64)
    full = canvas.draw(cam.project(square(4.0)), SQUARE, 0)
    assert (scene.label(canvas, cam, keypoints, 0, full).keypoints[[0, 5, 6], 2] == (2, 2, 0)).all()
    canvas.draw(cam.project(square(2.0, 0.12)), SQUARE, 1)
    truth = scene.label(canvas, cam, keypoints, 0, full)
    assert (truth.keypoints[[0, 5, 6], 2] == (1, 2, 0)).all()
    assert truth.area < full == truth.full_area
    assert truth.box == pytest.approx((21.5, 13.5, 20, 20))


def test_a_deep_keypoint_under_its_own_skin_is_hidden_by_its_own_body():
    cam, canvas = camera(), Canvas(48, 64)
    full = canvas.draw(cam.project(square(4.0)), SQUARE, 0)
    keypoints = np.tile([0.0, 4.5, 1.0], (17, 1))
    keypoints[[11, 12], 2] = 0.6
    assert (scene.label(canvas, cam, keypoints, 0, full).keypoints[:, 2] == 1).all()


def test_backdrops_of_every_kind_fill_the_picture():
    rng, cam, textures = np.random.default_rng(3), camera(160, 96), Textures()
    for kind in ("room", "street", "clutter"):
        backdrop = Backdrop(rng, cam, kind, textures)
        assert np.isfinite(backdrop.image).all() and backdrop.image.std() > 1, kind
        assert backdrop.floor.any() == (kind != "clutter"), kind


def test_limbs_turn_the_way_their_names_say(bank):
    one = bank.body(0)
    pose = poses.stand()
    _, _, straight = one.pose(pose)
    poses.set_arm(pose, "L", flexion=90)
    poses.set_leg(pose, "R", hip=90, knee=90)
    _, _, bent = one.pose(pose)
    name = {k: i for i, k in enumerate(body.KEYPOINTS)}
    up, left_of = straight[name["nose"], 2], straight[name["left_shoulder"], 0]
    assert left_of > straight[name["right_shoulder"], 0]
    assert up > straight[name["left_hip"], 2] > straight[name["left_knee"], 2] > straight[name["left_ankle"], 2]
    assert straight[name["left_wrist"], 2] < straight[name["left_elbow"], 2] < straight[name["left_shoulder"], 2]
    assert bent[name["left_wrist"], 1] < straight[name["left_wrist"], 1] - 0.3  # forward is -y
    assert abs(bent[name["left_wrist"], 2] - bent[name["left_shoulder"], 2]) < 0.2
    assert bent[name["right_knee"], 1] < bent[name["right_hip"], 1] - 0.25
    assert bent[name["right_ankle"], 2] < bent[name["right_knee"], 2] - 0.2


def test_posing_keeps_bones_as_long_as_they_were(bank):
    rng, one = np.random.default_rng(5), bank.body(2)
    _, _, straight = one.pose(poses.stand())
    for _ in range(20):
        pose, kind = poses.random_pose(rng)
        _, _, points = one.pose(pose)
        for a, b in ((7, 9), (8, 10), (13, 15), (14, 16)):
            length, was = (np.linalg.norm(p[a] - p[b]) for p in (points, straight))
            assert abs(length - was) < 0.25 * was, (kind, a, b)


def test_a_stride_repeats_and_legs_take_turns():
    assert poses.walk(0.25) == pytest.approx(poses.walk(1.25))
    left, right = (poses.walk(0.0)[body.BONE[f"thigh.{side}"], 0] for side in "LR")
    assert left < -0.2 < right  # forward is a turn about -x


def test_seen_keypoints_lie_in_the_box_and_the_picture_is_reproducible(bank):
    people = 0
    for seed in range(4):
        image, labels = pictures.picture(np.random.default_rng(seed), bank, Textures(), people=3)
        for truth in labels:
            if truth.area < pictures.MIN_AREA_PX:
                continue
            people += 1
            x, y, w, h = truth.box
            seen = truth.keypoints[truth.keypoints[:, 2] == 2]
            # A keypoint at the rim of a thin limb may be a pixel off the silhouette.
            assert (seen[:, 0] >= x - 1).all() and (seen[:, 0] <= x + w + 1).all()
            assert (seen[:, 1] >= y - 1).all() and (seen[:, 1] <= y + h + 1).all()
            inside = truth.keypoints[truth.keypoints[:, 2] > 0]
            assert (inside[:, :2] >= -0.5).all() and (inside[:, :2] <= np.array(image.shape[1::-1]) - 0.5).all()
    assert people >= 4
    again, _ = pictures.picture(np.random.default_rng(3), bank, Textures(), people=3)
    assert (again == image).all()


def test_a_data_set_is_coco_and_goes_on_where_it_stopped(bank, tmp_path, monkeypatch):
    import json

    monkeypatch.setattr(pictures, "CHUNK", 2)
    for folder, counts in (("a", (2, 4)), ("b", (4,))):
        for count in counts:
            pictures.render(tmp_path / folder, count, seed=9, workers=1)
    a, b = (json.loads((tmp_path / f / "annotations.json").read_text()) for f in "ab")
    assert a == b and len(a["images"]) == 4
    assert all((tmp_path / "a/images" / im["file_name"]).is_file() for im in a["images"])
    for annotation in a["annotations"]:
        assert len(annotation["keypoints"]) == 51 and annotation["area"] >= pictures.MIN_AREA_PX


def test_without_anny_the_error_says_what_to_install(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "anny", None)
    with pytest.raises(body.BodyError, match=r"\[render\]"):
        body.load_bank(tmp_path / "none.npz")


def test_nothing_is_drawn_nearer_than_the_near_plane():
    canvas = Canvas(48, 64)
    assert canvas.draw(camera().project(square(raster.NEAR_M / 2)), SQUARE, 0) == 0


def test_the_demo_clip_and_its_truth_agree():
    """What the daemon's tests rely on: one truth a frame, people inside the frame, seen keypoints
    in their boxes."""
    import json
    from pathlib import Path

    import cv2

    folder = Path(__file__).parents[2] / "demo"
    truth = json.loads((folder / "walk.json").read_text())
    video = cv2.VideoCapture(str(folder / truth["video"]))
    assert (video.get(cv2.CAP_PROP_FRAME_WIDTH), video.get(cv2.CAP_PROP_FRAME_HEIGHT)) == (1280, 720)
    assert int(video.get(cv2.CAP_PROP_FRAME_COUNT)) == len(truth["frames"]) == 375
    assert (folder / truth["video"]).stat().st_size <= 1_500_000
    seen_ids = set()
    for index, frame in enumerate(truth["frames"]):
        assert frame["pts_ms"] == index * 40
        for person in frame["people"]:
            seen_ids.add(person["id"])
            x, y, w, h = person["box"]
            assert -0.5 <= x and x + w <= 1279.5 and -0.5 <= y and y + h <= 719.5
            points = np.array(person["keypoints"]).reshape(17, 3)
            seen = points[points[:, 2] == 2]
            assert (seen[:, :2] >= (x - 1.5, y - 1.5)).all() and (seen[:, :2] <= (x + w + 1.5, y + h + 1.5)).all()
    assert seen_ids == {1, 2, 3}
    first, last = (truth["frames"][i]["people"] for i in (0, -1))
    assert [p["id"] for p in first] == [p["id"] for p in last] == [3]
    # The clip loops without a jump.
    assert np.abs(np.array(first[0]["keypoints"]) - last[0]["keypoints"]).max() < 6


def test_other_clips_are_drawn_by_a_seed_and_have_both_walkers_in_them():
    from lpn.render import demo

    variants = [demo.Variant.drawn(seed) for seed in range(1, 7)]
    assert len({demo.Variant(), *variants}) == 7 and variants[2] == demo.Variant.drawn(3)
    for v in variants:
        for way, start, stop in zip(((-4.6, 4.6), (4.9, -4.9)), v.starts_s, v.stops):
            x, _ = demo._path(demo.FPS * demo.SECONDS, *way, start, stop)
            # In sight for more than two seconds.
            assert np.isnan(x[0]) and (np.abs(x) < 2).sum() > 2 * demo.FPS


def test_a_face_is_seen_from_the_front_and_hidden_from_behind(bank):
    from lpn.render.dress import random_outfit

    cam = Camera((0.0, -4.0, 1.2), (0.0, 0.0, 0.95), 500, 480, 480)
    for turn, seen in ((0.0, 2), (np.pi, 1)):
        rng = np.random.default_rng(4)
        person = scene.Person(bank.body(1), random_outfit(rng), poses.stand(), turn_rad=turn).settle()
        canvas = Canvas(480, 480)
        full = canvas.draw(cam.project(person.vertices), bank.faces, 0)
        keypoints = scene.label(canvas, cam, person.keypoints, 0, full).keypoints
        assert (keypoints[:3, 2] == seen).all()  # nose and eyes
        assert (keypoints[[5, 6, 11, 12], 2] == 2).all()  # shoulders and hips, either way
