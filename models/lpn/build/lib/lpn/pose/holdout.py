"""Quick measurement on a hold-out while training: PCK@0.2 and mean OKS, a source at a time."""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from lpn import coco, crop, metrics


@dataclass
class HoldOut:
    """People never trained on."""

    people: coco.People
    pictures: coco.Pictures
    name: str = ""  # in what is measured; empty: each picture's source

    @staticmethod
    def load(where: dict, cache: Path | None) -> "HoldOut":
        labels, only = where.get("labels", "keypoints"), where.get("only")
        people = coco.load_people(where["annotations"], where["images"], labels=labels, only=only)
        kept = cache / ("holdout" + where.get("name", "")) if cache else None
        return HoldOut(people, coco.Pictures(people, kept), where.get("name", ""))

    def named(self) -> coco.People:
        """Its people, whose source is the hold-out's name."""
        for p in self.people.people:
            p.source = self.name or p.source
        return self.people

    def predict(self, heatmaps_of, width: int, height: int, batch: int = 32, flip: bool = False, decode=None):
        """Yields (person, keypoints f32 [17, 2] in picture px, scores f32 [17]).

        `heatmaps_of` maps f32 [N, 3, H, W] to f32 [N, 17, H/4, W/4].
        """
        decode = decode or metrics.soft_argmax
        todo = [p for p in self.people.people if p.image not in self.pictures.broken]
        for at in range(0, len(todo), batch):
            group = todo[at : at + batch]
            cut = [crop.evaluation_crop(self.pictures[p.image], p.bbox, width, height) for p in group]
            x = crop.normalise(np.stack([c for c, _ in cut]))
            h = heatmaps_of(x)
            if flip:
                h = (h + metrics.flip_back(heatmaps_of(np.ascontiguousarray(x[..., ::-1])))) / 2
            points, scores = decode(h)
            for p, (_, a), k, s in zip(group, cut, points, scores):
                yield p, (k * crop.STRIDE) @ a[:, :2].T + a[:, 2], s

    def measure(self, net, width: int, height: int, device: str = "cpu") -> dict:
        """{source: {"pck": .., "oks": .., "people": ..}} for a PyTorch network."""

        def heatmaps_of(x):
            with torch.inference_mode():
                t = torch.from_numpy(x).to(device, memory_format=torch.channels_last)
                return net(t).float().cpu().numpy()

        scores = defaultdict(metrics.Score)
        for person, points, _ in self.predict(heatmaps_of, width, height):
            scores[self.name or person.source or "all"].add(points, person.keypoints, person.visible, person.area)
        return {
            source: {"pck": round(s.pck, 4), "oks": round(s.mean_oks, 4), "people": len(s.similarities)}
            for source, s in scores.items()
        }


@dataclass
class HoldOuts:
    """Several hold-outs, measured one after the other."""

    parts: list[HoldOut]

    @staticmethod
    def load(where: dict | list | None, cache: Path | None) -> "HoldOuts | None":
        listed = where if isinstance(where, list) else [where] if where else []
        return HoldOuts([HoldOut.load(one, cache) for one in listed]) if listed else None

    def measure(self, net, width: int, height: int, device: str = "cpu") -> dict:
        """The figures of all, by name or source."""
        out = {}
        for part in self.parts:
            out |= part.measure(net, width, height, device)
        return out
