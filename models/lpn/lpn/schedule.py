"""A training config: the network, the stages of its schedule, and what it learns from and is
measured on."""

import math
import os
import re
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path

from lpn import crop
from lpn.net import NetSpec


POSE = "heatmap-pose"


@dataclass(frozen=True)
class Stage:
    """One run of the schedule."""

    name: str
    height: int
    width: int
    samples: int
    batch: int = 32
    lr: float = 1.5e-3
    warmup: int = 2000  # samples
    final_lr: float = 0.02  # share of lr at the end of the cosine
    weight_decay: float = 1e-4
    sigma: float = 1.5  # heatmap px
    cross_entropy: float = 0.5
    ema: float = 0.999
    bf16: bool = False
    augment: float = 1.0
    cut: float = 0.0  # share of crops that a picture's border cuts
    # Samples that go through the network together, with batch statistics of their own; 0: the
    # batch.
    shard: int = 0

    def rate(self, seen: int) -> float:
        """Learning rate after `seen` samples: linear warm-up, then cosine."""
        if seen < self.warmup:
            return self.lr * (seen + self.batch) / (self.warmup + self.batch)
        t = (seen - self.warmup) / max(self.samples - self.warmup, 1)
        return self.lr * (self.final_lr + (1 - self.final_lr) * 0.5 * (1 + math.cos(math.pi * min(t, 1.0))))

    def augmentation(self, aspect: float = 0.0) -> crop.Augment:
        """The default augmentation, every strength times `augment`, plus cuts and a source's aspect
        jitter."""
        d, k = crop.Augment(), self.augment
        return replace(d, scale=d.scale * k, rotate_deg=d.rotate_deg * k, shift=d.shift * k, half_body=d.half_body * k,
                       occlude=d.occlude * k, colour=d.colour * k, cut=self.cut, aspect=aspect)  # fmt: skip

    def shards(self) -> int:
        """How many parts a batch has."""
        return self.batch // (self.shard or self.batch)


@dataclass(frozen=True)
class Config:
    """A training config file (TOML)."""

    net: NetSpec
    stages: tuple[Stage, ...]
    # Keys of a source: annotations, images, labels, only (see coco.load_people), repeat, aspect;
    # for finders also `unlabelled`, a file of `python -m lpn teach`.
    sources: tuple[dict, ...]
    holdout: dict | list | None  # one hold-out, or several; each as a source, with a name
    seed: int
    init: str | None
    kind: str = POSE  # or "center-person"
    bundle: tuple[str, ...] = ()  # folders of `pack`, which take the place of the sources

    @staticmethod
    def load(path: Path) -> "Config":
        """Reads a config; paths in it are relative to its own folder, `$NAME` is taken from the
        environment."""
        path = Path(path)
        d = tomllib.loads(path.read_text())

        bundle = d.get("bundle", [])
        if not d.get("source") and not bundle:
            raise ValueError(f"{path}: needs [[source]] tables, or bundle = a folder that `pack` wrote")
        if bundle and d.get("kind", POSE) != POSE:
            raise ValueError(f"{path}: bundle is for kind {POSE!r}; a person finder trains on [[source]] tables")

        def where(p):
            return str((path.parent / os.path.expandvars(p)).resolve())

        def located(s):
            return s | {key: where(s[key]) for key in ("annotations", "images", "unlabelled") if key in s}

        def several(h):
            return [located(one) for one in h] if isinstance(h, list) else h and located(h)

        return Config(
            net=NetSpec.from_dict(d.get("net", {})),
            stages=tuple(Stage(**s) for s in d["stage"]),
            sources=tuple(located(s) for s in d.get("source", ())),
            holdout=several(d.get("holdout")),
            seed=d.get("seed", 1),
            init=where(d["init"]) if "init" in d else None,
            kind=d.get("kind", POSE),
            bundle=tuple(where(b) for b in (bundle if isinstance(bundle, list) else [bundle])),
        )

    def refuse_unset_variables(self):
        """Raises ValueError where a path of what is learnt from has a `$NAME` that is not in the
        environment; a config whose [net] alone is wanted needs none."""
        paths = [value for source in self.sources for value in source.values() if isinstance(value, str)]
        for path in (*paths, *self.bundle, self.init or ""):
            if unset := re.search(r"\$\w+", path):
                raise ValueError(f"set {unset[0]}: the first lines of the config say what it holds")
