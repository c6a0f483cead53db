"""How fast training is here, and where its time goes."""

import time
from collections import defaultdict

import torch

from lpn import parallel
from lpn.net import NetSpec
from lpn.pose.training import PoseTrainer
from lpn.schedule import Config, Stage

# Part of an operator's name -> what the table calls it; the first that fits.
KINDS = (("convolution", "convolutions"), ("batch_norm", "batch norm"), ("threshold", "ReLU"), ("relu", "ReLU"),
         ("clamp", "ReLU"), ("add", "additions"), ("copy", "copies"), ("to_copy", "copies"))  # fmt: skip


def bench(height: int, width: int, processes: int, steps: int, folder, bf16: bool = True) -> None:
    """Prints samples/s of `processes`, and the first process's time by kind of operator."""
    parallel.spawn(_member, processes, height, width, steps, folder, bf16)


def _member(height, width, steps, folder, bf16):
    stage = Stage("bench", height, width, samples=10**6, batch=16 * parallel.count(), shard=16, bf16=bf16)
    trainer = PoseTrainer(Config(NetSpec(), (stage,), (), None, 1, None), folder / str(parallel.rank()), "cpu")
    shard = (torch.randn(16, 3, height, width), torch.rand(16, 17, height // 4, width // 4),
             torch.ones(16, 2, 17, dtype=torch.bool))  # fmt: skip
    trainer.step(stage, [shard])
    started = time.monotonic()
    for _ in range(steps):
        trainer.step(stage, [shard])
    seconds = time.monotonic() - started
    if parallel.rank() == 0:
        print(f"{steps * stage.batch / seconds:.1f} samples/s, {parallel.count()} processes, {height}x{width}, {'bf16' if bf16 else 'f32'}", flush=True)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profiler:
        trainer.step(stage, [shard])
    if parallel.rank() == 0:
        for kind, share in shares(profiler.key_averages()).items():
            print(f"{share:6.1%}  {kind}")


def shares(events) -> dict:
    """{kind of operator: share of the time}, the largest first."""
    spent = defaultdict(float)
    for e in events:
        kind = next((label for part, label in KINDS if part in e.key), "other")
        spent[kind] += e.self_cpu_time_total
    total = sum(spent.values()) or 1.0
    return {k: v / total for k, v in sorted(spent.items(), key=lambda kv: -kv[1])}
