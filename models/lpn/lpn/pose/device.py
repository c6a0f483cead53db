"""Samples from a bundle: decoded to the device once, augmented there."""

import logging
from pathlib import Path

import numpy as np
import torch

from lpn import crop
from lpn.pose import augment, bundle
from lpn.pose.order import Order
from lpn.schedule import Config, Stage

log = logging.getLogger("lpn")


class DeviceSamples:
    """The people of a bundle, drawn in a new order each pass.

    A batch depends only on the seed, the stage and the place of its first sample. A killed run
    therefore continues unchanged, and several processes draw the same shards as one does.
    """

    def __init__(self, config: Config, device: str):
        folders = [Path(folder) for folder in config.bundle]
        count, shape = bundle.contents(folders)
        self.seed, self.device = config.seed, device
        self.windows = torch.empty((count, *shape.window, 3), dtype=torch.uint8, device=device)
        columns = bundle.read(folders, self._keep)
        self.window_of = torch.from_numpy(columns["window"]).to(device)
        px = {k: torch.from_numpy(columns[k]).to(device).float() / bundle.STEPS for k in ("points", "boxes", "bounds")}
        self.people = augment.Labels(
            px["points"], torch.from_numpy(columns["heights"]).to(device).float() / 255,
            torch.from_numpy(columns["taught"]).to(device), px["boxes"], px["bounds"],
            torch.from_numpy(columns["aspect"]).to(device).float(),
        )  # fmt: skip
        mean, std = (torch.from_numpy(v).to(device)[:, None, None] for v in (crop.MEAN, crop.STD))
        self._mean, self._std = mean, std
        self.order = Order(config.seed, len(self.window_of))
        log.info("%s: %d people, %.1f GB of windows on %s", ", ".join(config.bundle), len(self.window_of),
                 self.windows.numel() / 1e9, device)  # fmt: skip

    def _keep(self, at: int, decoded: np.ndarray) -> None:
        self.windows[at : at + len(decoded)] = torch.from_numpy(decoded).to(self.device)

    def batch(self, stage_index: int, stage: Stage, start: int, count: int | None = None):
        """Samples start .. start + count of a stage, as `training.Samples.batch`, on the device."""
        at = self.order.at(stage_index, start, count or stage.batch)
        index = torch.from_numpy(at).to(self.device)
        people = self.people.of(index)
        seed = np.random.SeedSequence((self.seed, stage_index, start)).generate_state(1)[0]
        crops, points, heights = augment.training_crops(
            self.windows[self.window_of[index]], people, stage.width, stage.height, stage.augmentation(),
            augment.Dice(int(seed), self.device),
        )  # fmt: skip
        targets = augment.heatmap_targets(points, heights, stage.width, stage.height, stage.sigma)
        masks = torch.stack([people.taught[:, None] | (heights > 0), heights > crop.CLEAR], 1)
        return (crops - self._mean) / self._std, targets, masks
