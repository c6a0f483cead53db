"""A bundle: the people of a training config as small pictures, in a folder that is copied to
another machine.

`bundle.json` names the shards; each is a .npz of encoded windows and of the people in them. A
window holds a person's crop and room around it for augmentation. One window may serve several
sources, with other labels in each.
"""

import json
import logging
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from lpn import coco, crop
from lpn.schedule import Config

log = logging.getLogger("lpn")

FORMAT = 1
STEPS = 16  # points and boxes are kept in sixteenths of a px
MB = 1_000_000


class BundleError(ValueError):
    """A bundle cannot be written or read; the message names the file and the remedy."""


@dataclass(frozen=True)
class Shape:
    """Size of the crops that a bundle is for, and how much larger its windows are."""

    height: int
    width: int
    room: float

    @property
    def window(self) -> tuple[int, int]:
        """Height and width of a window in px."""
        return round(self.height * self.room), round(self.width * self.room)


def window(picture: np.ndarray, person: coco.Person, shape: Shape):
    """(u8 RGB [h, w, 3], at most the window's size; window px -> picture px, f64 [2, 3]).

    Small people are not enlarged here but by the reader, which keeps the file small.
    """
    height, width = shape.window
    cx, cy, scale = crop.widen(person.bbox, shape.width, shape.height)
    a = crop.affine(cx, cy, scale * crop.MARGIN, width, height)
    shrink = min(1.0, scale * crop.MARGIN)
    small = max(2, round(height * shrink)), max(2, round(width * shrink))
    # Resizing maps borders to borders, which moves the centres of the first and last pixels.
    fy, fx = height / small[0], width / small[1]
    to_window = np.array([[fx, 0, fx / 2 - 0.5], [0, fy, fy / 2 - 0.5], [0, 0, 1]])
    return crop.warp(picture, a @ to_window, small[1], small[0]), a


def row(person: coco.Person, a: np.ndarray, picture_size: tuple[int, int], aspect: float) -> dict:
    """What is known of a person, in window px."""
    scale, offset = a[0, 0], a[:, 2]
    x, y, w, h = person.bbox
    height, width = picture_size
    corners = (np.array([[x, y], [x + w, y + h], [0, 0], [width, height]]) - offset) / scale
    box = (*corners[0], *(corners[1] - corners[0]))
    points = (person.keypoints - offset) / scale
    limit = np.iinfo(np.int16).max
    return {
        "points": np.clip(np.rint(np.nan_to_num(points) * STEPS), -limit, limit).astype(np.int16),
        "heights": np.rint(crop.target_heights(person) * 255).astype(np.uint8),
        "taught": person.certainty is not None,
        "boxes": np.clip(np.rint(np.array(box) * STEPS), -limit, limit).astype(np.int16),
        "bounds": np.clip(np.rint(corners[2:].ravel() * STEPS), -limit, limit).astype(np.int16),
        "aspect": np.float32(aspect),
    }


@dataclass
class Shard:
    """Windows and people that are written together."""

    pictures: list[bytes] = field(default_factory=list)
    rows: list[dict] = field(default_factory=list)
    size: int = 0

    def add(self, encoded: bytes, rows: list[dict]) -> None:
        self.rows += [{**r, "window": len(self.pictures)} for r in rows]
        self.pictures.append(encoded)
        self.size += cost(encoded, rows)

    def write(self, path: Path) -> int:
        """Writes the shard; returns its size in bytes."""
        columns = {k: np.array([r[k] for r in self.rows]) for k in self.rows[0]}
        blob = np.frombuffer(b"".join(self.pictures), np.uint8)
        ends = np.cumsum([len(p) for p in self.pictures])
        np.savez(path, blob=blob, ends=ends, **columns)
        return path.stat().st_size


def cost(encoded: bytes, rows: list[dict]) -> int:
    """Bytes that a window and its people take in a shard."""
    return len(encoded) + 8 + sum(8 + sum(np.asarray(v).nbytes for v in r.values()) for r in rows)


def pack(config: Config, folder: Path, shape: Shape, quality: int, shard_mb: float, bundle_mb: float,
         skip: int = 0) -> dict:  # fmt: skip
    """Writes the sources of `config` as a bundle, and returns its index.

    People come in an order that the seed draws, from the `skip`th on, until the bundle is full.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise BundleError(f"{folder}: is not empty; name a new folder, or remove what is in it")
    everybody = _everybody(config)
    order = np.random.default_rng(config.seed).permutation(len(everybody))[skip:]
    index = {"format": FORMAT, "height": shape.height, "width": shape.width, "room": shape.room, "shards": [],
             "windows": 0, "people": 0, "next": 0}  # fmt: skip
    shard, left, broken = Shard(), bundle_mb * MB - 20_000, 0
    for done, at in enumerate(order):
        encoded, rows = _encode(*everybody[at], shape, quality)
        if encoded is None:
            broken += 1
            continue
        needed = cost(encoded, rows)
        if needed > left:
            index["next"] = skip + done  # where the next bundle starts
            break
        if shard.rows and shard.size + needed > shard_mb * MB - 20_000:
            _close(shard, folder, index)
            shard = Shard()
        shard.add(encoded, rows)
        left -= needed
    if shard.rows:
        _close(shard, folder, index)
    if not index["people"]:
        raise BundleError(f"{folder}: nobody was packed: no people are left, or --bundle-mb is too small")
    (folder / "bundle.json").write_text(json.dumps(index, indent=1) + "\n")
    log.info("%d broken pictures", broken)
    return index


def _everybody(config: Config) -> list:
    """All people: [(path of the picture, [(person, aspect jitter)])].

    A person in several sources is one entry with several labels.
    """
    found = {}
    for source in config.sources:
        people = coco.load_people(source["annotations"], source["images"], labels=source.get("labels", "keypoints"),
                                  only=source.get("only"))  # fmt: skip
        for person in people.people:
            entry = found.setdefault((people.paths[person.image], person.bbox), [])
            entry += [(person, float(source.get("aspect", 0)))] * int(source.get("repeat", 1))
    return [(path, people) for (path, _), people in found.items()]


def _encode(path: Path, people: list, shape: Shape, quality: int):
    picture = coco.read_picture(path)
    if picture is None:
        return None, []
    small, a = window(picture, people[0][0], shape)
    ok, encoded = cv2.imencode(".webp", small[:, :, ::-1], [cv2.IMWRITE_WEBP_QUALITY, quality])
    if not ok:
        raise BundleError(f"{path}: this OpenCV cannot write WebP; install the wheel opencv-python-headless")
    return encoded.tobytes(), [row(person, a, picture.shape[:2], aspect) for person, aspect in people]


def _close(shard: Shard, folder: Path, index: dict) -> None:
    name = f"{len(index['shards']):03d}.npz"
    shard.write(folder / name)
    index["shards"].append(name)
    index["windows"] += len(shard.pictures)
    index["people"] += len(shard.rows)


def contents(folders: list[Path]) -> tuple[int, Shape]:
    """How many windows the bundles hold, and their shape, which must be the same in all."""
    indices = [_index(folder) for folder in folders]
    shapes = {Shape(i["height"], i["width"], i["room"]) for i in indices}
    if len(shapes) != 1:
        raise BundleError(f"{', '.join(map(str, folders))}: differ in size or room: pack them alike")
    return sum(i["windows"] for i in indices), shapes.pop()


def read(folders: list[Path], keep) -> dict:
    """The columns of all people of the bundles. `keep` gets the place and the pixels, u8
    [n, h, w, 3] RGB, of some windows at a time."""
    (_, shape), columns, before = contents(folders), [], 0
    with ThreadPoolExecutor(os.cpu_count() or 1, "decode") as pool:
        for path in (folder / name for folder in folders for name in _index(folder)["shards"]):
            with np.load(path) as shard:
                blob, ends = shard["blob"], shard["ends"]
                rows = {k: shard[k] for k in shard.files if k not in ("blob", "ends")}
            parts = np.split(blob, ends[:-1])
            for at in range(0, len(parts), 256):
                decoded = pool.map(partial(_decode, shape, path), parts[at : at + 256])
                keep(before + at, np.stack(list(decoded)))
            rows["window"] = rows["window"].astype(np.int64) + before
            before += len(parts)
            columns.append(rows)
    return {k: np.concatenate([c[k] for c in columns]) for k in columns[0]}


def _index(folder: Path) -> dict:
    path = Path(folder) / "bundle.json"
    if not path.is_file():
        raise BundleError(f"{path}: is missing; `python -m lpn pack` writes it last, so the bundle is not complete")
    index = json.loads(path.read_text())
    if index.get("format") != FORMAT:
        raise BundleError(f"{path}: format {index.get('format')}, want {FORMAT}: pack it again")
    missing = [name for name in index["shards"] if not (Path(folder) / name).is_file()]
    if missing:
        raise BundleError(f"{folder}: {', '.join(missing)} of the bundle is missing: copy it again")
    return index


def _decode(shape: Shape, where: Path, encoded: np.ndarray) -> np.ndarray:
    picture = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
    if picture is None:
        raise BundleError(f"{where}: a window cannot be decoded: copy the bundle again")
    height, width = shape.window
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_LINEAR)[:, :, ::-1]
