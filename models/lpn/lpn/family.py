"""The families of networks: `lpn` for poses and, half as wide, for finding people; `lite` for finding
people."""

from torch import nn

from lpn.lite import Lite
from lpn.net import LPN, NetSpec


def build(spec: NetSpec) -> nn.Module:
    """The network of a spec, with start values."""
    return {"lpn": LPN, "lite": Lite}[spec.family](spec)
