"""The mean of two networks of one family: often better than either, at no cost when it runs.

The two must descend from the same weights, or their channels do not correspond. Batch norm is then
measured again, because the statistics of a mean are not the mean of the statistics ("Model soups",
arXiv 2203.05482; "Averaging weights leads to wider optima", arXiv 1803.05407).
"""

from pathlib import Path

import torch

from lpn.net import LPN
from lpn.pose.training import Samples
from lpn.schedule import Config
from lpn.trainer import read_weights

BATCH = 32


class NotAlike(ValueError):
    """The two checkpoints are not of one network."""


def mix(old: Path, new: Path, share: float, config: Config, crops: int) -> dict:
    """The state dict of `(1 - share) old + share new`, its batch norm measured on `crops` training
    crops of the config's last stage.

    Raises NotAlike where names or shapes of the tensors differ.
    """
    a, b = read_weights(old), read_weights(new)
    differing = [k for k in a.keys() | b.keys() if k not in a or k not in b or a[k].shape != b[k].shape]
    if differing:
        raise NotAlike(f"{old} and {new} are not of one network: {len(differing)} tensors differ, such as {min(differing)}")
    net = LPN(config.net)
    net.load_state_dict({k: torch.lerp(v, b[k], share) if v.is_floating_point() else v for k, v in a.items()})
    measure(net, config, crops)
    return net.state_dict()


def measure(net: LPN, config: Config, crops: int) -> None:
    """Sets the statistics of batch norm to the means over training crops."""
    for m in net.modules():
        if isinstance(m, torch.nn.BatchNorm2d):
            m.reset_running_stats()
            m.momentum = None  # the mean over all batches
    samples, last = Samples(config, None), len(config.stages) - 1
    net.train()
    with torch.no_grad():
        for start in range(0, crops, BATCH):
            net(samples.batch(last, config.stages[last], start, min(BATCH, crops - start))[0])
    net.eval()
