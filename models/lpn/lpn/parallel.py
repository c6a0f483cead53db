"""Several processes train one network: each takes a part of every batch, and all sums are over all
of them (gloo)."""

import os
import tempfile
import threading
import time
from datetime import timedelta

import torch
from torch import distributed, multiprocessing


def rank() -> int:
    """This process's number; 0 is the first, or the only one."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def count() -> int:
    """How many processes there are."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def add_up(tensors: list) -> None:
    """Replaces each tensor by its sum over all processes, in one message to save latency."""
    if count() == 1:
        return
    flat = torch.cat([t.reshape(-1).float().cpu() for t in tensors])
    distributed.all_reduce(flat)
    at = 0
    for t in tensors:
        t.copy_(flat[at : at + t.numel()].view_as(t))
        at += t.numel()


def spawn(work, processes: int, *args) -> None:
    """Runs `work(*args)` in that many processes and waits. If one fails, all end with its error."""
    with tempfile.TemporaryDirectory() as folder:
        multiprocessing.spawn(_member, (processes, os.getpid(), os.path.join(folder, "meet"), work, args), processes)


def _end_with(parent: int) -> None:
    """Ends this process when its parent is gone, so that a killed run does not train on in the
    background."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def _member(number: int, processes: int, parent: int, meet: str, work, args) -> None:
    threading.Thread(target=_end_with, args=(parent,), name="parent", daemon=True).start()
    torch.set_num_threads(1)
    # The first process measures the hold-outs while the others wait for its next batch.
    wait = timedelta(hours=2)
    distributed.init_process_group("gloo", init_method=f"file://{meet}", rank=number, world_size=processes, timeout=wait)
    try:
        work(*args)
    finally:
        distributed.destroy_process_group()
