"""Training by the paper's iterative strategy: stages, each from the last one's weights, with the schedule run again.

A run is a function of its config and its seed: the sample at position p of a stage, and its augmentation, are drawn
from (seed, stage, p), so that a killed run continues as if it had not been killed.
"""

import json
import logging
import math
import os
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from . import coco, crop, holdout
from .net import LPN, NetSpec

log = logging.getLogger("lpn")


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

    def rate(self, seen: int) -> float:
        """Learning rate after `seen` samples: linear warm-up, then cosine."""
        if seen < self.warmup:
            return self.lr * (seen + self.batch) / (self.warmup + self.batch)
        t = (seen - self.warmup) / max(self.samples - self.warmup, 1)
        return self.lr * (self.final_lr + (1 - self.final_lr) * 0.5 * (1 + math.cos(math.pi * min(t, 1.0))))

    def augmentation(self) -> crop.Augment:
        """The default augmentation, every strength times `augment`."""
        d = crop.Augment()
        return crop.Augment(d.flip, *(v * self.augment for v in (d.scale, d.rotate_deg)), d.rotate_share,
                            *(v * self.augment for v in (d.shift, d.half_body, d.occlude, d.colour)))  # fmt: skip


@dataclass(frozen=True)
class Config:
    """A training config file (TOML)."""

    net: NetSpec
    stages: tuple[Stage, ...]
    sources: tuple[dict, ...]  # annotations, images, weight
    holdout: dict | None
    seed: int
    init: str | None
    kind: str = "heatmap-pose"  # or "center-person"

    @staticmethod
    def load(path: Path) -> "Config":
        """Reads a config; paths in it are relative to its own folder, `$NAME` is taken from the environment."""
        path = Path(path)
        d = tomllib.loads(path.read_text())

        def where(p):
            return str((path.parent / os.path.expandvars(p)).resolve())

        def located(s):
            return {**s, "annotations": where(s["annotations"]), "images": where(s["images"])}

        return Config(
            net=NetSpec.from_dict(d.get("net", {})),
            stages=tuple(Stage(**s) for s in d["stage"]),
            sources=tuple(located(s) for s in d["source"]),
            holdout=located(d["holdout"]) if "holdout" in d else None,
            seed=d.get("seed", 1),
            init=where(d["init"]) if "init" in d else None,
            kind=d.get("kind", "heatmap-pose"),
        )


def loss(heatmaps, targets, visible, cross_entropy: float):
    """MSE on labelled heatmaps (as the paper) plus cross-entropy on softmax(10 H), which is what
    beta-soft-argmax decodes. heatmaps, targets [N, K, h, w]; visible [N, K]."""
    v = visible.float()
    labelled = v.sum().clamp(min=1)
    # 500: brings the mean over a mostly empty map to the order of one.
    mse = (((heatmaps - targets) ** 2).mean((2, 3)) * v).sum() / labelled * 500
    if not cross_entropy:
        return mse
    logits = 10 * heatmaps.flatten(2)
    p = targets.flatten(2)
    p = p / p.sum(2, keepdim=True).clamp(min=1e-6)
    ce = -((p * F.log_softmax(logits, 2)).sum(2) * v).sum() / labelled
    return mse + cross_entropy * ce


class Samples:
    """The people of all sources, drawn in a new order each pass."""

    def __init__(self, config: Config, cache: Path | None):
        self.parts, owner = [], []
        for i, s in enumerate(config.sources):
            people = coco.load_people(s["annotations"], s["images"])
            pictures = coco.Pictures(people, cache / f"source{i}" if cache else None)
            part = [p for p in people.people if p.image not in pictures.broken]
            log.info("%s: %d people, faults %s", s["annotations"], len(part), people.faults or "none")
            self.parts.append((part, pictures))
            owner += [(i, j) for j in range(len(part))] * int(s.get("repeat", 1))
        self.owner = np.array(owner)
        self.seed = config.seed

    def batch(self, stage_index: int, stage: Stage, start: int):
        """Samples start .. start+batch of a stage -> f32 crops, points, visible."""
        aug = stage.augmentation()
        crops, points, visible = [], [], []
        for position in range(start, start + stage.batch):
            epoch, at = divmod(position, len(self.owner))
            order = self._order(stage_index, epoch)
            part, person = self.owner[order[at]]
            people, pictures = self.parts[part]
            rng = np.random.default_rng((self.seed, stage_index, position))
            p = people[person]
            c, k, v = crop.training_crop(pictures[p.image], p, stage.width, stage.height, aug, rng)
            crops.append(c), points.append(k), visible.append(v)
        points, visible = np.stack(points), np.stack(visible)
        targets = crop.heatmap_targets(points, visible, stage.width, stage.height, stage.sigma)
        return torch.from_numpy(crop.normalise(np.stack(crops))), torch.from_numpy(targets), torch.from_numpy(visible)

    def _order(self, stage_index, epoch):
        key = (stage_index, epoch)
        if getattr(self, "_order_key", None) != key:
            self._order_key = key
            self._order_now = np.random.default_rng((self.seed, *key, 77)).permutation(len(self.owner))
        return self._order_now


class Trainer:
    """Owns the weights, their average, the optimiser and the position in the schedule."""

    def __init__(self, config: Config, state_dir: Path, device: str | None = None):
        self.config, self.dir = config, Path(state_dir)
        self.dir.mkdir(parents=True, exist_ok=True)
        self.device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        torch.manual_seed(config.seed)
        self.net = LPN(config.net).to(self.device, memory_format=torch.channels_last)
        if config.init:
            self.start_from(Path(config.init))
        self.average = {k: v.clone() for k, v in self.net.state_dict().items()}
        self.stage, self.seen, self.total = 0, 0, 0
        self._new_optimizer()
        if (self.dir / "state.pt").is_file():
            self._restore()

    def start_from(self, path: Path):
        """The start values that the config names."""
        load_weights(self.net, path)

    def _new_optimizer(self):
        s = self.config.stages[min(self.stage, len(self.config.stages) - 1)]
        decay = [p for p in self.net.parameters() if p.ndim > 1]
        plain = [p for p in self.net.parameters() if p.ndim <= 1]
        self.optimizer = torch.optim.AdamW(
            [{"params": decay, "weight_decay": s.weight_decay}, {"params": plain, "weight_decay": 0.0}], lr=s.lr
        )

    def save(self):
        """Everything that the run depends on, replaced as a whole."""
        part = self.dir / "state.part"
        torch.save(
            {"net": self.net.state_dict(), "average": self.average, "optimizer": self.optimizer.state_dict()["state"],
             "stage": self.stage, "seen": self.seen, "total": self.total, "rng": torch.get_rng_state()},
            part,
        )  # fmt: skip
        part.rename(self.dir / "state.pt")

    def _restore(self):
        s = torch.load(self.dir / "state.pt", map_location=self.device, weights_only=True)
        self.net.load_state_dict(s["net"])
        self.average, self.stage, self.seen, self.total = s["average"], s["stage"], s["seen"], s["total"]
        self._new_optimizer()
        # Only the moments: rates and the like follow from the config. Some runs' files hold them beside each other.
        moments = s["optimizer"].get("state", s["optimizer"])
        self.optimizer.load_state_dict({"state": moments, "param_groups": self.optimizer.state_dict()["param_groups"]})
        torch.set_rng_state(s["rng"].cpu())
        log.info("continuing stage %d at sample %d (%d in all)", self.stage, self.seen, self.total)

    def step(self, stage: Stage, batch) -> float:
        """One update; returns the loss."""
        x, targets, visible = (t.to(self.device) for t in batch)
        for group in self.optimizer.param_groups:
            group["lr"] = stage.rate(self.seen)
        self.net.train()
        with torch.autocast(self.device, torch.bfloat16, enabled=stage.bf16):
            heatmaps = self.net(x.contiguous(memory_format=torch.channels_last))
        value = self.objective(heatmaps.float(), targets, visible, stage)
        self.optimizer.zero_grad(set_to_none=True)
        value.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 5.0)
        self.optimizer.step()
        self.seen += stage.batch
        self.total += stage.batch
        keep = min(stage.ema, (1 + self.seen / stage.batch) / (10 + self.seen / stage.batch))
        with torch.no_grad():
            for k, v in self.net.state_dict().items():
                mean = self.average[k]
                mean.lerp_(v, 1 - keep) if v.is_floating_point() else mean.copy_(v)
        return float(value.detach())

    def objective(self, outputs, targets, visible, stage: Stage):
        """The loss; other kinds of networks have their own."""
        return loss(outputs, targets, visible, stage.cross_entropy)

    def averaged(self) -> LPN:
        """The network with the averaged weights, ready to measure."""
        net = LPN(self.config.net).to(self.device, memory_format=torch.channels_last)
        net.load_state_dict(self.average)
        return net.eval()


def load_weights(net: LPN, path: Path) -> None:
    """Loads a safetensors checkpoint, or the averaged weights of a run's state.pt; every tensor must be there."""
    net.load_state_dict(read_weights(path))


def read_weights(path: Path) -> dict:
    """The tensors of a safetensors checkpoint, or the averaged ones of a run's state.pt, f32."""
    if path.suffix == ".pt":
        state = torch.load(path, map_location="cpu", weights_only=True)["average"]
    else:
        from safetensors.torch import load_file

        state = load_file(path)
    return {k: v.float() if v.is_floating_point() else v for k, v in state.items()}


def save_weights(state: dict, path: Path) -> None:
    """Writes averaged weights as half-precision safetensors."""
    from safetensors.torch import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    half = {k: (v.half() if v.is_floating_point() else v).contiguous().cpu() for k, v in state.items()}
    save_file(half, path)


def run(config: Config, state_dir: Path, cache: Path | None, measure_every: int, max_samples: int | None = None):
    """Trains until the schedule ends (or `max_samples` more were seen). Measures on the hold-out as it goes."""
    trainer, samples, held = _parts(config, state_dir, cache)
    journal = open(trainer.dir / "log.jsonl", "a")
    began = trainer.total
    while trainer.stage < len(config.stages):
        stage = config.stages[trainer.stage]
        if trainer.seen == 0:
            trainer._new_optimizer()
        done = _run_stage(trainer, stage, samples, held, journal, measure_every,
                          None if max_samples is None else began + max_samples)  # fmt: skip
        trainer.save()
        if not done:
            break
        save_weights(trainer.average, trainer.dir / f"{trainer.stage:02d}-{stage.name}.safetensors")
        # The iterative strategy: weights go on (the averaged ones, which are the better), the schedule restarts.
        trainer.net.load_state_dict(trainer.average)
        trainer.stage, trainer.seen = trainer.stage + 1, 0
        trainer.save()
    journal.close()
    return trainer


def _parts(config, state_dir, cache):
    """What differs between kinds: the trainer's loss, its samples, and the hold-out's measure."""
    if config.kind == "center-person":
        from . import finder_train

        return finder_train.parts(config, state_dir, cache)
    held = holdout.HoldOut.load(config.holdout, cache) if config.holdout else None
    return Trainer(config, state_dir), Samples(config, cache), held


def _run_stage(trainer, stage, samples, held, journal, measure_every, stop_at) -> bool:
    started, saved, recent = time.monotonic(), time.monotonic(), []
    first, next_measure = trainer.seen, (trainer.seen // measure_every + 1) * measure_every
    with ThreadPoolExecutor(1, "samples") as ahead:
        pending = ahead.submit(samples.batch, trainer.stage, stage, trainer.seen)
        while trainer.seen < stage.samples:
            if stop_at is not None and trainer.total >= stop_at:
                return False
            batch = pending.result()
            pending = ahead.submit(samples.batch, trainer.stage, stage, trainer.seen + stage.batch)
            recent.append(trainer.step(stage, batch))
            now = time.monotonic()
            if now - saved > 120:
                trainer.save()
                saved = now
            last = trainer.seen >= stage.samples
            if trainer.seen >= next_measure or last:
                next_measure += measure_every
                rate = (trainer.seen - first) / (now - started)
                entry = {"stage": trainer.stage, "name": stage.name, "seen": trainer.seen, "total": trainer.total,
                         "loss": round(float(np.mean(recent)), 4), "lr": stage.rate(trainer.seen),
                         "samples_per_s": round(rate, 1), "unix": int(time.time())}  # fmt: skip
                if held:
                    entry |= held.measure(trainer.averaged(), stage.width, stage.height, trainer.device)
                recent = []
                print(json.dumps(entry), file=journal, flush=True)
            if len(recent) % 20 == 1:
                _progress(trainer, stage, first, started, recent)
    return True


def _progress(trainer, stage, first, started, recent):
    rate = (trainer.seen - first) / max(time.monotonic() - started, 1e-6)
    left = (stage.samples - trainer.seen) / max(rate, 1e-6)
    filled = int(24 * trainer.seen / stage.samples)
    print(
        f"\r{stage.name} [{'#' * filled}{'.' * (24 - filled)}] {trainer.seen}/{stage.samples} "
        f"loss {np.mean(recent[-20:]):.3f} {rate:.1f} samples/s, {left / 60:.0f} min left ",
        end="", flush=True,
    )  # fmt: skip
