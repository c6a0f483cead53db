"""`python -m lpn render`: pictures of drawn people with exact keypoints and boxes, as COCO-format
data.

Pictures come in chunks of 50. A chunk depends only on the seed and its number, so the data set is
the same for any number of workers, and a stopped run continues.
"""

import json
import logging
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np

from lpn.render.body import KEYPOINTS, load_bank
from lpn.render.poses import random_pose
from lpn.render.backdrop import Backdrop, Textures
from lpn.render.dress import random_outfit
from lpn.render.raster import Camera
from lpn.render.scene import Crate, Label, Person, draw, photograph

log = logging.getLogger("lpn")

CHUNK = 50
SIZES = ((640, 360), (640, 360), (480, 360), (360, 480), (640, 480), (400, 300))
# How many people: none one picture in 16, mostly one to four.
COUNT_ODDS = np.array([1.0, 4.0, 3.5, 2.5, 2.0, 1.0, 0.8, 0.6, 0.6])
MIN_AREA_PX = 30
QUALITY = 88


def random_camera(rng: np.random.Generator) -> Camera:
    """From knee height to the ceiling, wide to tele, mostly level; looks along +y."""
    width, height = SIZES[int(rng.integers(len(SIZES)))]
    lens_z = float(np.clip(rng.normal(1.6, 0.6), 0.5, 3.4))
    target = (rng.normal(0, 0.3), 5.0, rng.normal(0.95, 0.25))
    roll = rng.normal(0, 0.03 if rng.random() < 0.8 else 0.15)
    return Camera((0.0, 0.0, lens_z), target, rng.uniform(0.65, 1.5) * max(width, height), width, height, roll)


def random_scene(rng: np.random.Generator, bank, camera: Camera, textures: Textures, people: int | None = None):
    """People and the furniture on and behind which they are: (list[Person], list[Crate])."""
    count = int(rng.choice(len(COUNT_ODDS), p=COUNT_ODDS / COUNT_ODDS.sum())) if people is None else people
    crowd, crates, spots = [], [], []
    nearest = rng.choice([1.4, 2.2, 3.5])
    for _ in range(count):
        for _attempt in range(8):
            depth = float(np.exp(rng.uniform(np.log(nearest), np.log(11.0))))
            half_view = camera.width / 2 / camera.focal_px * depth
            spot = np.array([rng.uniform(-1, 1) * half_view, depth])
            if all(np.hypot(*(spot - other)) > 0.6 for other in spots):
                break
        else:
            continue
        spots.append(spot)
        crowd.append(_random_person(rng, bank, spot, crates, textures))
    for spot in spots:
        if rng.random() < 0.3:
            crates.append(_obstacle(rng, spot, textures))
    for _ in range(int(rng.integers(0, 3))):  # furniture at random places
        crates.append(_obstacle(rng, np.array([rng.uniform(-4, 4), rng.uniform(5, 12)]), textures))
    if rng.random() < 0.6:  # upright and colourful, which a finder mistakes for people
        for _ in range(int(rng.integers(1, 4))):
            crates.append(_cabinet(rng, camera, textures))
    return crowd, crates


def _random_person(rng, bank, spot, crates, textures) -> Person:
    pose, kind = random_pose(rng)
    turn = rng.normal(0, 0.9) if rng.random() < 0.6 else rng.uniform(-np.pi, np.pi)
    body = bank.body(int(rng.integers(len(bank))))
    person = Person(body, random_outfit(rng), pose, tuple(spot), turn).settle()
    if kind == "sitting" and rng.random() < 0.85:
        hips = person.keypoints[11:13].mean(0)
        seat = max(0.1, (hips[2] - 0.12) / 2)
        half = (rng.uniform(0.2, 0.3), rng.uniform(0.2, 0.28), seat)
        back = np.array([-np.sin(turn), np.cos(turn)]) * 0.06
        crates.append(Crate((*(hips[:2] + back), seat), half, turn, textures.draw(rng), rng.uniform(0.6, 2)))
    return person


def _obstacle(rng, spot, textures) -> Crate:
    """A table, a post or a wall somewhere on the way to `spot`."""
    share = rng.uniform(0.55, 0.93)
    half = [(0.5, 0.3, 0.4), (0.12, 0.12, 1.3), (0.35, 0.25, 0.6), (0.8, 0.06, 0.55)][int(rng.integers(4))]
    half = np.array(half) * rng.uniform(0.7, 1.3, 3)
    place = spot * share + [rng.normal(0, 0.35), 0]
    return Crate((*place, half[2]), tuple(half), rng.uniform(0, np.pi), textures.draw(rng), rng.uniform(0.6, 2))


def _cabinet(rng, camera, textures) -> Crate:
    """A bookcase, a cupboard, a door or a fridge, mostly behind where people stand."""
    depth = rng.uniform(3.5, 10.0)
    across = rng.uniform(-0.5, 0.5) * camera.width / camera.focal_px * depth
    half = (rng.uniform(0.2, 0.8), rng.uniform(0.12, 0.3), rng.uniform(0.5, 1.15))
    texture = textures.draw(rng, ("shelves", "shelves", "shelves", "planks", "stripes", "blobs", "plain", "tiles"))
    turn = rng.normal(0, 0.25) + (np.pi if rng.random() < 0.5 else 0.0)
    return Crate((across, depth, half[2]), half, turn, texture, rng.uniform(0.8, 3.0))


def picture(rng: np.random.Generator, bank, textures: Textures, people: int | None = None):
    """One picture: (image (H, W, 3) u8 BGR, labels of the people in it)."""
    camera = random_camera(rng)
    crowd, crates = random_scene(rng, bank, camera, textures, people)
    backdrop = Backdrop(rng, camera, textures=textures)
    image, labels = draw(camera, backdrop, crowd, crates)
    return photograph(rng, image), labels


def coco_annotation(label: Label, annotation_id: int, image_id: int) -> dict:
    """COCO's form, with `seen`: the share of the person's pixels in the picture that nothing
    hides."""
    keypoints = label.keypoints.copy()
    keypoints[keypoints[:, 2] == 0] = 0
    return {
        "id": annotation_id,
        "image_id": image_id,
        "category_id": 1,
        "iscrowd": 0,
        # COCO's boxes count from the corner of pixel (0, 0), ours from its centre.
        "bbox": [round(float(v), 1) for v in (label.box[0] + 0.5, label.box[1] + 0.5, *label.box[2:])],
        "area": label.area,
        "num_keypoints": int((keypoints[:, 2] > 0).sum()),
        "keypoints": [v for x, y, s in keypoints for v in (round(float(x), 1), round(float(y), 1), int(s))],
        "seen": round(label.area / max(label.full_area, 1), 3),
    }


def render_chunk(folder: Path, chunk: int, count: int, seed: int) -> dict:
    """Pictures chunk * CHUNK ... of the data set; {images, annotations}, also kept as a part
    file."""
    part = folder / "parts" / f"{chunk:05d}.json"
    if part.exists():
        return json.loads(part.read_text())
    cv2.setNumThreads(1)
    rng = np.random.default_rng((seed, chunk))
    bank, textures = load_bank(), Textures()
    images, annotations = [], []
    for k in range(count):
        image, labels = picture(rng, bank, textures)
        image_id = chunk * CHUNK + k + 1
        name = f"{image_id:06d}.jpg"
        cv2.imwrite(str(folder / "images" / name), image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        h, w = image.shape[:2]
        images.append(
            {"id": image_id, "file_name": name, "width": w, "height": h, "source": "synthetic", "scene": True}
        )
        annotations += [
            coco_annotation(label, image_id * 16 + i, image_id)
            for i, label in enumerate(labels)
            if label.area >= MIN_AREA_PX
        ]
    data = {"images": images, "annotations": annotations}
    scratch = part.with_suffix(".tmp")
    scratch.write_text(json.dumps(data))
    scratch.replace(part)
    return data


def render(folder: Path, count: int, seed: int = 1, workers: int = 2) -> dict:
    """Write `count` pictures under `folder`/images and `folder`/annotations.json; returns the
    figures."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    (folder / "parts").mkdir(exist_ok=True)
    load_bank()  # made once, before the workers race for it
    chunks = [(c, min(CHUNK, count - c * CHUNK)) for c in range((count + CHUNK - 1) // CHUNK)]
    images, annotations, begun = [], [], time.monotonic()
    # Spawn, not fork: a forked copy can deadlock on locks of OpenCV's or torch's threads.
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        if workers > 1:
            results = (j.result() for j in [pool.submit(render_chunk, folder, *c, seed) for c in chunks])
        else:
            results = (render_chunk(folder, *c, seed) for c in chunks)
        for data in results:
            images += data["images"]
            annotations += data["annotations"]
            rate = len(images) / (time.monotonic() - begun)
            print(f"\r{len(images)}/{count} pictures, {rate:.1f} a second ", end="", flush=True)
    print()
    category = {"id": 1, "name": "person", "keypoints": list(KEYPOINTS)}
    data = {"images": images, "annotations": annotations, "categories": [category]}
    (folder / "annotations.json").write_text(json.dumps(data))
    return {"images": len(images), "people": len(annotations), "images_per_s": len(images) / (time.monotonic() - begun)}
