"""Training by the paper's iterative strategy: each stage starts from the last one's weights and
runs the schedule again.

A run depends only on its config and its seed. The sample at position p of a stage, and its
augmentation, are drawn from (seed, stage, p), so that a killed run continues unchanged.
"""

import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch

from lpn import parallel
from lpn.finder import training as finder_training
from lpn.pose import training as pose_training
from lpn.schedule import Config
from lpn.trainer import save_weights

SAVE_EVERY_S = 60


def run(config: Config, state_dir: Path, cache: Path | None, measure_every: int, max_samples: int | None = None,
        processes: int = 1, device: str | None = None):  # fmt: skip
    """Trains until the schedule ends, or until `max_samples` more were seen. Measures on the
    hold-out every `measure_every` samples.

    `processes` share the shards of each batch on the CPU; each keeps to one thread if there are
    several. `device` is torch's name of one; the default is a GPU where there is one.
    """
    config.refuse_unset_variables()
    if processes == 1:
        return _train(config, state_dir, cache, measure_every, max_samples, device)
    if device not in (None, "cpu"):
        raise ValueError(f"{processes} processes share a CPU; with device {device}, leave --processes out")
    for stage in config.stages:
        if stage.shards() % processes:
            raise ValueError(f"stage {stage.name}: {stage.shards()} shards cannot be shared by {processes} processes")
    if cache and not config.bundle:
        _kind(config).data(config, cache, "cpu")  # decodes the pictures once, for all processes
    parallel.spawn(_train, processes, config, state_dir, cache, measure_every, max_samples, "cpu")
    return _kind(config).trainer(config, state_dir, "cpu")


def _train(config, state_dir, cache, measure_every, max_samples, device):
    trainer = _kind(config).trainer(config, state_dir, device)
    samples, held = _kind(config).data(config, cache, trainer.device)
    first = parallel.rank() == 0
    journal = open(trainer.dir / "log.jsonl" if first else os.devnull, "a")
    began = trainer.total
    while trainer.stage < len(config.stages):
        stage = config.stages[trainer.stage]
        if trainer.seen == 0:
            trainer._new_optimizer()
        done = _run_stage(trainer, stage, samples, held if first else None, journal, measure_every,
                          None if max_samples is None else began + max_samples)  # fmt: skip
        trainer.save()
        if not done:
            break
        if first:
            save_weights(trainer.average, trainer.dir / f"{trainer.stage:02d}-{stage.name}.safetensors")
        # The iterative strategy: keep the averaged weights, restart the schedule.
        trainer.net.load_state_dict(trainer.average)
        trainer.stage, trainer.seen = trainer.stage + 1, 0
        trainer.save()
    journal.close()
    return trainer


def _kind(config):
    """Each kind of network has its own loss, samples and measure of the hold-out."""
    return finder_training if config.kind == "center-person" else pose_training


def _run_stage(trainer, stage, samples, held, journal, measure_every, stop_at) -> bool:
    started, saved, recent = time.monotonic(), time.monotonic(), []
    first, next_measure = trainer.seen, (trainer.seen // measure_every + 1) * measure_every
    size = stage.batch // stage.shards()
    mine = range(parallel.rank(), stage.shards(), parallel.count())

    def shards(start):
        return [samples.batch(trainer.stage, stage, start + i * size, size) for i in mine]

    with ThreadPoolExecutor(1, "samples") as ahead:
        pending = ahead.submit(shards, trainer.seen)
        while trainer.seen < stage.samples:
            if stop_at is not None and trainer.total >= stop_at:
                return False
            batch = pending.result()
            pending = ahead.submit(shards, trainer.seen + stage.batch)
            recent.append(trainer.step(stage, batch))
            now = time.monotonic()
            if now - saved > SAVE_EVERY_S:
                trainer.save()
                saved = now
            last = trainer.seen >= stage.samples
            if trainer.seen >= next_measure or last:
                next_measure += measure_every
                rate = (trainer.seen - first) / (now - started)
                entry = {"stage": trainer.stage, "name": stage.name, "seen": trainer.seen, "total": trainer.total,
                         "loss": round(_mean(recent), 4), "lr": stage.rate(trainer.seen),
                         "samples_per_s": round(rate, 1), "unix": int(time.time())}  # fmt: skip
                if held:
                    entry |= held.measure(trainer.averaged(), stage.width, stage.height, trainer.device)
                recent = []
                print(json.dumps(entry), file=journal, flush=True)
            if len(recent) % 20 == 1 and parallel.rank() == 0:
                _progress(trainer, stage, first, started, recent)
    return True


def _progress(trainer, stage, first, started, recent):
    rate = (trainer.seen - first) / max(time.monotonic() - started, 1e-6)
    left = (stage.samples - trainer.seen) / max(rate, 1e-6)
    filled = int(24 * trainer.seen / stage.samples)
    print(
        f"\r{stage.name} [{'#' * filled}{'.' * (24 - filled)}] {trainer.seen}/{stage.samples} "
        f"loss {_mean(recent[-20:]):.3f} {rate:.1f} samples/s, {left / 60:.0f} min left ",
        end="", flush=True,
    )  # fmt: skip


def _mean(losses: list) -> float:
    return float(torch.stack(losses).mean())
