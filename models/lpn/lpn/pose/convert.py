"""Converts a checkpoint of the published LPN code, so that the paper's weights run in the daemon.

Those networks take B, G, R with the mean and standard deviation of R, G, B. Their published
accuracy includes a quarter-pixel step and a soft-argmax over the whole map. The manifest says so.
"""

import pickle
from pathlib import Path

import torch

from lpn.manifest import Manifest
from lpn.net import BLOCKS, LPN, NetSpec

WRAPPERS = ("best_state_dict", "state_dict")  # of the published trainer's checkpoint.pth
PARALLEL = "module."  # what DataParallel puts before every name


class NotLPN(ValueError):
    """The file is not a checkpoint of an LPN; the message says why."""


def load(path: Path) -> LPN:
    """Reads the checkpoint without running code from it; finds the depth from its blocks, checks
    every shape."""
    path = Path(path)
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, TypeError, KeyError, AttributeError) as e:
        why = str(e).strip().splitlines()
        raise NotLPN(f"{path}: not a PyTorch file of plain tensors: {why[0] if why else type(e).__name__}") from e
    for key in WRAPPERS:
        if isinstance(state, dict) and isinstance(state.get(key), dict):
            state = state[key]
            break
    if not isinstance(state, dict) or not all(isinstance(v, torch.Tensor) for v in state.values()):
        raise NotLPN(f"{path}: holds no state dict (a dict of tensors, bare or under {' or '.join(WRAPPERS)})")
    state = {str(k).removeprefix(PARALLEL): v for k, v in state.items()}
    return _fill(path, state)


def _fill(path: Path, state: dict) -> LPN:
    blocks = tuple(len({k.split(".")[1] for k in state if k.startswith(f"layer{i}.")}) for i in range(1, 5))
    depth = {v: k for k, v in BLOCKS.items()}.get(blocks)
    if depth is None:
        known = ", ".join(f"{b} (LPN-{d})" for d, b in BLOCKS.items())
        raise NotLPN(f"{path}: blocks of layer1..4 are {blocks}; an LPN has {known}")
    if state.get("final_layer.weight") is not None and state["final_layer.weight"].shape[0] != 17:
        raise NotLPN(f"{path}: {state['final_layer.weight'].shape[0]} heatmaps; only COCO's 17 keypoints are supported")
    net = LPN(NetSpec(blocks))
    want = {k: tuple(v.shape) for k, v in net.state_dict().items()}
    # Absent in checkpoints of PyTorch before 0.4.1, and without a use in evaluation.
    counters = {k: torch.zeros((), dtype=torch.long) for k in want if k.endswith("num_batches_tracked")}
    state = {**counters, **state}
    faults = [f"{k} is missing" for k in want if k not in state]
    faults += [f"{k} is unknown" for k in state if k not in want]
    faults += [
        f"{k} is {tuple(state[k].shape)}, not {want[k]}" for k in want if k in state and tuple(state[k].shape) != want[k]
    ]
    if faults:
        more = f" and {len(faults) - 5} more" if len(faults) > 5 else ""
        raise NotLPN(f"{path}: looks like LPN-{depth}, but {'; '.join(faults[:5])}{more}")
    net.load_state_dict(state)
    return net.eval()


def manifest(name: str, version: str, net: LPN, height: int, width: int) -> Manifest:
    """The published pre-processing and decoding."""
    depth = {v: k for k, v in BLOCKS.items()}[net.spec.blocks]
    return Manifest(
        name, version, "MIT (published by the authors of arXiv 1911.10346)", ["COCO 2017 train"], f"LPN-{depth}",
        height, width, channels="bgr", window_px=0, quarter_shift=True,
    )  # fmt: skip
