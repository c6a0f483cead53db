"""The demo camera: models/demo/walk.mp4, and the exact pose of everyone in every frame as
walk.json.

One of three people stands and gestures throughout; one walks through from the left, one comes from
the right, stops to wave and goes on. The last frame leads back to the first, so that the clip can
loop.
"""

import json
import subprocess
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np

from lpn.render.body import BONE, KEYPOINTS, load_bank
from lpn.render.poses import blend, look, ramp, set_arm, set_leg, stand, trunk, walk
from lpn.render.backdrop import Backdrop, texture
from lpn.render.dress import random_outfit
from lpn.render.raster import Camera
from lpn.render.scene import Crate, Person, draw

WIDTH, HEIGHT, FPS, SECONDS = 1280, 720, 25, 15
SUPERSAMPLE = 2
STRIDE_M = 1.38  # at 1.75 m of height and vigour 1


@dataclass(frozen=True)
class Variant:
    """What clips differ by. Places in m: x to the right, y away from the camera."""

    outfits: int = 11  # seed
    room: int = 30  # seed
    starts_s: tuple[float, float] = (0.4, 2.2)  # of the two who walk
    stops: tuple[tuple[float, float] | None, ...] = (None, (-1.05, 3.6))  # x in m, duration in s
    # y of two walkers and one standing person.
    depths: tuple[float, float, float] = (-0.55, 0.35, 1.25)
    stands_x: float = 1.55

    @staticmethod
    def drawn(seed: int) -> "Variant":
        """Other times, places and rooms, drawn by a seed, to check what the demo clip shows."""
        time, place = np.random.default_rng(100 + seed), np.random.default_rng(500 + seed)
        starts, stops = [], []
        for _ in range(2):
            starts.append(float(time.uniform(0.2, 3.5)))
            stopping = time.random() < 0.6
            stops.append((float(time.uniform(-2.2, 2.2)), float(time.uniform(0.8, 3))) if stopping else None)
        depths = tuple(float(place.uniform(*span)) for span in ((-1.2, 0.2), (-0.4, 1.0), (0.4, 1.6)))
        return Variant(11 + seed, 30 + 7 * seed, tuple(starts), tuple(stops), depths, float(place.uniform(-1.8, 2.0)))


def _path(frames: int, start_x: float, end_x: float, start_s: float, stop: tuple[float, float] | None):
    """Positions and speeds of a walk along x: constant pace, with a stop of `stop[1]` s at x =
    `stop[0]`.

    Returns x (frames,), speed share 0..1 (frames,); NaN before the start and after the end.
    """
    pace = 1.28 * np.sign(end_x - start_x)
    x, speed = np.full(frames, np.nan), np.zeros(frames)
    at, waited, share = start_x, 0.0, 1.0
    for f in range(round(start_s * FPS), frames):
        if (end_x - at) * pace <= 0:
            break
        want = 1.0
        if stop and waited < stop[1]:
            ahead = (stop[0] - at) * np.sign(pace)
            want = float(np.clip(ahead / 0.45, 0.0, 1.0))
            if want < 0.05:
                waited += 1 / FPS
        share += float(np.clip(want - share, -0.08, 0.08))
        x[f], speed[f] = at, share
        at += pace * share / FPS
    return x, speed


def _wave(pose, t, side="R"):
    swing = 18 * np.sin(2 * np.pi * 1.6 * t)
    set_arm(pose, side, flexion=20, abduction=95, twist=-85, elbow=75 + swing)


def choreography(bank, variant: Variant = Variant()) -> list[list[Person | None]]:
    """Everyone in every frame: [frame][person], None where a person is away."""
    rng = np.random.default_rng(variant.outfits)
    frames = FPS * SECONDS
    adults = [i for i in range(len(bank)) if bank.phenotypes[i, bank.labels.index("age")] > 0.55]
    heights = {i: bank.body(i).height_m for i in adults}
    cast = sorted(adults, key=lambda i: abs(heights[i] - 1.75))[:3]
    outfits = [random_outfit(rng) for _ in cast]
    colours = [((60, 70, 200), (90, 62, 45)), ((190, 190, 195), (60, 55, 50)), ((110, 150, 70), (120, 130, 145))]
    for outfit, (shirt, trousers) in zip(outfits, colours):
        outfit.shirt, outfit.trousers = np.array(shirt, np.float32), np.array(trousers, np.float32)
        outfit.pattern, outfit.hem, outfit.waist, outfit.hairline = "plain", 1.9, -0.1, 0.045
    outfits[1].pattern, outfits[1].pattern_bgr = "stripes", np.array((120, 60, 40), np.float32)
    outfits[2].sleeve, outfits[0].sleeve = 0.6, 1.9
    ways = [(-4.6, 4.6), (4.9, -4.9)]
    walks = [_path(frames, *way, *rest) for way, *rest in zip(ways, variant.starts_s, variant.stops)]
    phases = [np.cumsum(np.abs(speed)) * 1.28 / FPS / STRIDE_M for _, speed in walks]
    bodies = [bank.body(i) for i in cast]
    cast_frames = []
    for f in range(frames):
        t, now = f / FPS, []
        for who, (x, speed) in enumerate(walks):
            if np.isnan(x[f]):
                now.append(None)
                continue
            pose = blend(_idle(t), walk(phases[who][f]), speed[f])
            heading = (np.pi / 2) * (1 if who == 0 else -1)
            if who == 1:
                halt = 1 - speed[f]
                heading *= 1 - 0.95 * halt
                arm = stand()
                _wave(arm, t)
                share = ramp(t, 7.3, 9.9)
                for bone in ("clavicle.R", "upperarm.R", "lowerarm.R", "hand.R"):
                    pose[BONE[bone]] = blend(pose[BONE[bone]], arm[BONE[bone]], share)
            elif ramp(t, 2.6, 4.6) > 0:
                set_arm_share(pose, "L", ramp(t, 2.6, 4.6), flexion=75, abduction=10, elbow=25)
            place = (float(x[f]), variant.depths[who])
            now.append(Person(bodies[who], outfits[who], pose, place, heading).settle())
        now.append(Person(bodies[2], outfits[2], _talker(t), (variant.stands_x, variant.depths[2]), -0.45).settle())
        cast_frames.append(now)
    return cast_frames


def set_arm_share(pose, side, share, **angles):
    """Move an arm `share` of the way to the given angles."""
    arm = stand()
    set_arm(arm, side, **angles)
    for bone in (f"clavicle.{side}", f"upperarm.{side}", f"lowerarm.{side}", f"hand.{side}"):
        pose[BONE[bone]] = blend(pose[BONE[bone]], arm[BONE[bone]], share)


def _idle(t: float) -> np.ndarray:
    """Standing at ease, breathing; periodic in SECONDS."""
    pose = stand()
    beat = np.sin(2 * np.pi * t * 4 / SECONDS)
    for side in "LR":
        set_leg(pose, side, 1, 2, 0, 3.5, 9)
        set_arm(pose, side, flexion=1 + beat, abduction=8 + beat, elbow=14 + beat)
    trunk(pose, 1 + 0.6 * beat)
    return pose


def _talker(t: float) -> np.ndarray:
    """Someone in conversation: hands open, an arm raised, a hand on the hip, a telephone."""
    pose = _idle(t)
    beat = np.sin(2 * np.pi * t * 14 / SECONDS)
    talk = ramp(t, 0.6, 5.2, 0.7)
    for side, sign in (("L", 1), ("R", -1)):
        set_arm_share(pose, side, talk, flexion=22 + 9 * sign * beat, abduction=16, twist=12, elbow=72 + 12 * beat)
    set_arm_share(pose, "R", ramp(t, 5.6, 8.4, 0.8), flexion=150, abduction=12, elbow=12)
    set_arm_share(pose, "L", ramp(t, 6.2, 14.2, 0.8), flexion=-12, abduction=42, twist=60, elbow=98)
    set_arm_share(pose, "R", ramp(t, 9.4, 14.4, 0.8), flexion=48, abduction=28, twist=8, elbow=132)
    look(pose, down=4 * beat * talk, left=18 * np.sin(2 * np.pi * t * 2 / SECONDS))
    return pose


def stage(seed: int = Variant.room) -> tuple[Camera, Backdrop, list[Crate]]:
    """The room: camera, backdrop, furniture, at the supersampled size."""
    rng = np.random.default_rng(seed)
    camera = Camera((0.0, -5.6, 1.62), (0.0, 0.0, 0.92), 1080, WIDTH, HEIGHT).scaled(SUPERSAMPLE)
    backdrop = Backdrop(rng, camera, "room")
    backdrop.light = np.array([-0.45, -0.6, 0.75]) / np.linalg.norm([-0.45, -0.6, 0.75])
    crates = [
        Crate((-2.0, 2.2, 0.42), (0.75, 0.35, 0.42), 0.05, texture(rng, "planks"), 1.6),
        Crate((3.0, 1.9, 0.95), (0.45, 0.3, 0.95), -0.1, texture(rng, "shelves"), 2.2),
        Crate((0.55, -1.35, 0.21), (0.42, 0.24, 0.21), 0.2, texture(rng, "planks"), 1.2),
    ]
    return camera, backdrop, crates


def _halve(points: np.ndarray) -> np.ndarray:
    """Pixel index coordinates of the supersampled picture -> of the frame."""
    return (points + 0.5) / SUPERSAMPLE - 0.5


_WORK: dict = {}


def _frame(variant: Variant, index: int) -> tuple[bytes, list[dict]]:
    if not _WORK:
        _WORK["cast"], _WORK["stage"] = choreography(load_bank(), variant), stage(variant.room)
    camera, backdrop, crates = _WORK["stage"]
    present = [(who, p) for who, p in enumerate(_WORK["cast"][index]) if p is not None]
    image, labels = draw(camera, backdrop, [p for _, p in present], crates)
    small = cv2.resize(image, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    people = []
    for (who, _), truth in zip(present, labels):
        if truth.area < 24 * SUPERSAMPLE**2:
            continue
        corner = _halve(truth.box[:2])
        points = truth.keypoints.copy()
        points[:, :2] = np.where(points[:, 2:] > 0, _halve(points[:, :2]), 0.0)
        people.append(
            {
                "id": who + 1,
                "box": [round(float(v), 1) for v in (*corner, *(truth.box[2:] / SUPERSAMPLE))],
                "seen": round(truth.area / max(truth.full_area, 1), 2),
                "keypoints": [v for x, y, s in points for v in (round(float(x), 1), round(float(y), 1), int(s))],
            }
        )
    return np.clip(small, 0, 255).astype(np.uint8).tobytes(), people


def make(folder: Path, workers: int = 2, crf: int = 27, variant: Variant = Variant()) -> None:
    """Write walk.mp4 and walk.json into `folder`. Needs ffmpeg with libx264."""
    folder.mkdir(parents=True, exist_ok=True)
    encode = (
        f"ffmpeg -y -loglevel error -f rawvideo -pix_fmt bgr24 -s {WIDTH}x{HEIGHT} -r {FPS} -i - "
        # Like a camera: no B frames, and only two reference frames for a decoder to keep.
        f"-c:v libx264 -preset veryslow -refs 2 -crf {crf} -bf 0 -g {FPS * 2} -keyint_min {FPS * 2} -sc_threshold 0 "
        "-pix_fmt yuv420p -movflags +faststart -map_metadata -1 -fflags +bitexact"
    ).split()
    frames = []
    with subprocess.Popen([*encode, str(folder / "walk.mp4")], stdin=subprocess.PIPE) as ffmpeg:
        with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
            for index, (pixels, people) in enumerate(pool.map(partial(_frame, variant), range(FPS * SECONDS), chunksize=5)):
                ffmpeg.stdin.write(pixels)
                frames.append({"pts_ms": index * 1000 // FPS, "people": people})
        ffmpeg.stdin.close()
        if ffmpeg.wait() != 0:
            raise RuntimeError("ffmpeg failed: see its message above")
    head = {"video": "walk.mp4", "width": WIDTH, "height": HEIGHT, "fps": FPS, "keypoints": list(KEYPOINTS)}
    lines = ",\n".join(json.dumps(frame, separators=(",", ":")) for frame in frames)
    text = json.dumps(head, separators=(",", ":"))[:-1] + ',"frames":[\n' + lines + "\n]}\n"
    (folder / "walk.json").write_text(text)
