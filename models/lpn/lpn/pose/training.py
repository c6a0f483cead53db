"""What is particular to training a pose network: its loss, and its augmented samples."""

import logging
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from lpn import coco, crop
from lpn.pose import holdout
from lpn.pose.device import DeviceSamples
from lpn.pose.order import Order
from lpn.schedule import Config, Stage
from lpn.trainer import Trainer

log = logging.getLogger("lpn")


def trainer(config: Config, state_dir: Path, device: str | None = None) -> "PoseTrainer":
    """What `train.run` trains with."""
    return PoseTrainer(config, state_dir, device)


def data(config: Config, cache: Path | None, device: str):
    """(samples, hold-outs) for `train.run`."""
    samples = DeviceSamples(config, device) if config.bundle else Samples(config, cache)
    return samples, holdout.HoldOuts.load(config.holdout, cache)


class PoseTrainer(Trainer):
    """A trainer with the loss on heatmaps."""

    def objective(self, outputs, targets, masks, stage):
        return loss(outputs, targets, masks, stage.cross_entropy)


def loss(heatmaps, targets, masks, cross_entropy: float):
    """MSE on labelled heatmaps (as the paper) plus cross-entropy on softmax(10 H), which is what
    beta-soft-argmax decodes. heatmaps, targets [N, K, h, w]; masks bool [N, 2, K]: labelled, and
    clear enough to have a place."""
    v, clear = masks[:, 0].float(), masks[:, 1].float()
    labelled = v.sum().clamp(min=1)
    # 500: brings the mean over a mostly empty map to the order of one.
    mse = (((heatmaps - targets) ** 2).mean((2, 3)) * v).sum() / labelled * 500
    if not cross_entropy:
        return mse
    logits = 10 * heatmaps.flatten(2)
    p = targets.flatten(2)
    p = p / p.sum(2, keepdim=True).clamp(min=1e-6)
    ce = -((p * F.log_softmax(logits, 2)).sum(2) * clear).sum() / clear.sum().clamp(min=1)
    return mse + cross_entropy * ce


class Samples:
    """The people of all sources, drawn in a new order each pass."""

    def __init__(self, config: Config, cache: Path | None):
        self.parts, owner = [], []
        for i, s in enumerate(config.sources):
            people = coco.load_people(s["annotations"], s["images"], labels=s.get("labels", "keypoints"), only=s.get("only"))
            pictures = coco.Pictures(people, cache / s.get("cache", f"source{i}") if cache else None)
            part = [p for p in people.people if p.image not in pictures.broken]
            log.info("%s: %d people, faults %s", s["annotations"], len(part), people.faults or "none")
            self.parts.append((part, pictures, float(s.get("aspect", 0))))
            owner += [(i, j) for j in range(len(part))] * int(s.get("repeat", 1))
        self.owner = np.array(owner)
        self.seed = config.seed
        self.order = Order(config.seed, len(owner))

    def batch(self, stage_index: int, stage: Stage, start: int, count: int | None = None):
        """Samples start .. start+count of a stage -> f32 crops, targets, masks bool [N, 2, 17] as
        `loss` takes them."""
        crops, points, heights, labelled = [], [], [], []
        count = count or stage.batch
        for position, at in zip(range(start, start + count), self.order.at(stage_index, start, count)):
            part, person = self.owner[at]
            people, pictures, aspect = self.parts[part]
            rng = np.random.default_rng((self.seed, stage_index, position))
            p = people[person]
            c, k, h = crop.training_crop(
                pictures[p.image], p, stage.width, stage.height, stage.augmentation(aspect), rng
            )
            crops.append(c), points.append(k), heights.append(h), labelled.append(np.full(17, p.certainty is not None))
        points, heights = np.stack(points), np.stack(heights)
        targets = crop.heatmap_targets(points, heights, stage.width, stage.height, stage.sigma)
        masks = np.stack([np.stack(labelled) | (heights > 0), heights > crop.CLEAR], 1)
        return torch.from_numpy(crop.normalise(np.stack(crops))), torch.from_numpy(targets), torch.from_numpy(masks)
