"""Reads COCO keypoint annotations. Bad entries are named in the log, skipped and counted."""

import json
import logging
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

log = logging.getLogger("lpn")

KEYPOINTS = [
    "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow",
    "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle",
    "right_ankle",
]  # fmt: skip
FLIP_PAIRS = [(1, 2), (3, 4), (5, 6), (7, 8), (9, 10), (11, 12), (13, 14), (15, 16)]
FLIP_ORDER = [0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15]
# COCO's per-keypoint standard deviations (cocodataset.org, keypoint evaluation).
SIGMAS = np.array(
    [0.26, 0.25, 0.25, 0.35, 0.35, 0.79, 0.79, 0.72, 0.72, 0.62, 0.62, 1.07, 1.07, 0.87, 0.87, 0.89, 0.89]
) / 10.0


@dataclass
class Person:
    """One annotated person; coordinates in px of the picture."""

    id: int
    image: int  # index into People.paths
    bbox: tuple[float, float, float, float]  # x, y, w, h
    keypoints: np.ndarray  # f32 [17, 2]
    visible: np.ndarray  # bool [17]
    area: float
    weight: float = 1.0
    source: str = ""
    certainty: np.ndarray | None = None  # f32 [17], 0..1: how sure the teacher is of each keypoint


@dataclass
class People:
    """A data set: pictures, the people in them, and what was wrong with it."""

    paths: list[Path] = field(default_factory=list)
    people: list[Person] = field(default_factory=list)
    image_ids: list[int] = field(default_factory=list)
    faults: dict[str, int] = field(default_factory=dict)

    def fault(self, kind: str, what: str) -> None:
        if self.faults.get(kind, 0) < 5:
            log.warning("%s: %s", kind, what)
        self.faults[kind] = self.faults.get(kind, 0) + 1


# Below this certainty, a teacher's keypoint does not count as labelled.
SURE = 0.3


def load_people(annotations: Path, images: Path, min_keypoints: int = 1, labels: str = "keypoints",
                only: str | None = None) -> People:  # fmt: skip
    """Reads a COCO keypoint file. Drops keypoints outside their picture, and people without any.

    `labels` names the key of an annotation to read: "keypoints", or "teacher", which holds 17 times
    (x, y, certainty). `only` keeps the pictures of one `source`.
    """
    data = json.loads(Path(annotations).read_text())
    out = People()
    index = {}
    for im in data["images"]:
        if only is not None and im.get("source") != only:
            continue
        path = Path(images) / im["file_name"]
        if not path.is_file():
            out.fault("missing image", str(path))
            continue
        index[im["id"]] = (len(out.paths), im)
        out.paths.append(path)
        out.image_ids.append(im["id"])
    for a in data["annotations"]:
        if a["image_id"] not in index or a.get("iscrowd") or not a.get(labels):
            continue
        at, im = index[a["image_id"]]
        k = np.asarray(a[labels], np.float32).reshape(-1, 3)
        if k.shape[0] != 17 or a["bbox"][2] <= 1 or a["bbox"][3] <= 1:
            out.fault("bad annotation", f"id {a['id']}: {k.shape[0]} keypoints, box {a['bbox']}")
            continue
        taught = labels == "teacher"
        labelled = k[:, 2] > (SURE if taught else 0)
        inside = (k[:, 0] >= -1) & (k[:, 1] >= -1) & (k[:, 0] <= im["width"]) & (k[:, 1] <= im["height"])
        for j in np.flatnonzero(labelled & ~inside & ~taught):
            out.fault("keypoint outside", f"annotation {a['id']} {KEYPOINTS[j]} {k[j, :2]} of {im['file_name']}")
        visible = labelled & inside & np.isfinite(k[:, :2]).all(1)
        if visible.sum() < min_keypoints:
            continue
        out.people.append(
            Person(a["id"], at, tuple(a["bbox"]), k[:, :2].copy(), visible, float(a["area"]),
                   source=im.get("source", ""), certainty=np.where(inside, k[:, 2], 0) if taught else None)  # fmt: skip
        )
    return out


def read_picture(path: Path) -> np.ndarray | None:
    """u8 [h, w, 3], RGB; None where the file is not a picture that can be decoded."""
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    return None if picture is None else np.ascontiguousarray(picture[:, :, ::-1])


class Pictures:
    """All pictures of a data set decoded once, RGB, in one file that later runs map into memory."""

    def __init__(self, people: People, cache: Path | None):
        self.people = people
        self.broken: set[int] = set()
        paths = people.paths
        store = None if cache is None else Path(cache)
        if store is not None and (store / "index.npy").is_file():
            index = np.load(store / "index.npy")
            if len(index) == len(paths):
                self._index, self._data = index, np.memmap(store / "pixels.u8", np.uint8, "r")
                self.broken = set(np.flatnonzero(index[:, 1] == 0).tolist())
                return
        index, chunks, at = np.zeros((len(paths), 3), np.int64), [], 0
        out = None
        if store is not None:
            store.mkdir(parents=True, exist_ok=True)
            out = open(store / "pixels.part", "wb")
        for i, path in enumerate(paths):
            picture = read_picture(path)
            if picture is None:
                people.fault("broken image", str(path))
                self.broken.add(i)
                continue
            index[i] = at, picture.shape[0], picture.shape[1]
            at += picture.size
            out.write(picture.tobytes()) if out else chunks.append(picture.ravel())
        if out:
            out.close()
            (store / "pixels.part").rename(store / "pixels.u8")
            np.save(store / "index.npy", index)
            self._data = np.memmap(store / "pixels.u8", np.uint8, "r")
        else:
            self._data = np.concatenate(chunks) if chunks else np.zeros(0, np.uint8)
        self._index = index

    def __getitem__(self, i: int) -> np.ndarray:
        """Picture `i`, u8 [h, w, 3], RGB."""
        at, h, w = self._index[i]
        return self._data[at : at + h * w * 3].reshape(h, w, 3)
