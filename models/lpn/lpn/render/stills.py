"""`python -m lpn render FOLDER --scene NAME --stills N`: pictures out of scenes, as COCO-format data.

A clip's pictures resemble each other, so a few of many scenes teach more than all of a few.
"""

import json
from pathlib import Path

import cv2
import numpy as np

from lpn.render.body import KEYPOINTS
from lpn.render.pictures import MIN_AREA_PX, QUALITY, coco_annotation
from lpn.render.shot import Set
from lpn.render.staging import Film, Format


def moments(rng, film: Film, count: int) -> np.ndarray:
    """Seconds of a scene: half of them anywhere, half after its middle, where people lie or sit."""
    end = film.frames / film.form.fps
    late = np.arange(count) % 2
    return np.sort(rng.uniform(late * end / 2, end, count))


def render(folder: Path, clips: list[tuple[str, int]], each: int, bank, form: Format = Format()) -> dict:
    """Writes `each` pictures of every scene and seed of `clips` under `folder`/images, and
    `folder`/annotations.json; returns the figures. A run that was stopped goes on."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    (folder / "parts").mkdir(exist_ok=True)
    images, annotations = [], []
    for number, (name, seed) in enumerate(clips):
        part = folder / "parts" / f"{name}-{seed}.json"
        if not part.exists():
            data = json.dumps(_scene(folder / "images", bank, name, seed, each, form))
            scratch = part.with_suffix(".tmp")
            scratch.write_text(data)
            scratch.replace(part)
        for image, people in json.loads(part.read_text()):
            image["id"] = len(images) + 1
            images.append(image)
            annotations += [p | {"id": len(annotations) + 1 + i, "image_id": image["id"]} for i, p in enumerate(people)]
        print(f"\r{number + 1}/{len(clips)} scenes ", end="", flush=True)
    print()
    category = {"id": 1, "name": "person", "keypoints": list(KEYPOINTS)}
    data = {"images": images, "annotations": annotations, "categories": [category]}
    (folder / "annotations.json").write_text(json.dumps(data))
    return {"images": len(images), "people": len(annotations)}


def _scene(folder: Path, bank, name: str, seed: int, each: int, form: Format) -> list:
    """Pairs of a COCO image and the annotations of its people."""
    film = Film(bank, name, seed, form)
    stage, out = Set(film), []
    for k, seconds in enumerate(moments(film.rng, film, each)):
        picture, seen, _ = stage.frame(film.person(seconds), k)
        file = f"{name}-{seed}-{k}.jpg"
        cv2.imwrite(str(folder / file), picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        image = {"file_name": file, "width": form.width, "height": form.height, "source": "synthetic", "scene": True}
        out.append((image, [coco_annotation(seen, 0, 0)] if seen.area >= MIN_AREA_PX else []))
    return out
