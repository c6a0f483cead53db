"""Another network to find people with: EfficientNet-Lite0 (Tan and Le, arXiv 1905.11946, without squeeze and
excitation, with ReLU6) as backbone, and a pyramid (arXiv 1612.03144) that brings its stride from 32
back to 8.

Input f32 [N, 3, H, W] (H and W multiples of 32), output f32 [N, outputs, H/8, W/8].
"""

import torch
from torch import nn
from torch.nn import functional as F

from lpn.net import NetSpec, in_f32

# Expansion, channels, blocks, stride of the first block, kernel side.
STAGES = ((1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 40, 2, 2, 5), (6, 80, 3, 2, 3), (6, 112, 3, 1, 5),
          (6, 192, 4, 2, 5), (6, 320, 1, 1, 3))  # fmt: skip
STEM = 32
TAPS = (2, 4, 6)  # stages whose results the pyramid reads: strides 8, 16 and 32
PYRAMID = 96
KEPT = 2  # stages that keep their published weights
EPS = 1e-3  # of batch norm, as the published weights were trained


class Conv(nn.Module):
    """Convolution and batch norm, then ReLU6 or ReLU where `act` names one.

    `fixed` uses the running statistics in training too, folded into the weights. They were measured
    on ImageNet, a batch on a CPU is too small to do better, and no pass over the map is needed.
    """

    def __init__(self, inp: int, out: int, kernel: int = 1, stride: int = 1, groups: int = 1, act=None, fixed=False):
        super().__init__()
        self.conv = nn.Conv2d(inp, out, kernel, stride, kernel // 2, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(out, eps=EPS)
        self.act, self.fixed = act, fixed

    def forward(self, x):
        if self.fixed:
            scale = self.bn.weight * (self.bn.running_var + self.bn.eps).rsqrt()
            bias = self.bn.bias - self.bn.running_mean * scale
            c = self.conv
            x = F.conv2d(x, c.weight * scale[:, None, None, None], bias, c.stride, c.padding, 1, c.groups)
        else:
            x = self.bn(self.conv(x))
        return x if self.act is None else self.act(x, inplace=True)


class InvertedResidual(nn.Module):
    """1x1 expansion -> depthwise -> 1x1, plus the input where the shapes agree."""

    def __init__(self, inp: int, out: int, expansion: int, stride: int, kernel: int):
        super().__init__()
        wide = inp * expansion
        self.expand = Conv(inp, wide, act=F.relu6, fixed=True) if expansion > 1 else None
        self.depthwise = Conv(wide, wide, kernel, stride, wide, F.relu6, fixed=True)
        self.project = Conv(wide, out, fixed=True)
        self.residual = stride == 1 and inp == out

    def forward(self, x):
        y = x if self.expand is None else self.expand(x)
        y = self.project(self.depthwise(y))
        return x + y if self.residual else y


class Lite(nn.Module):
    """Backbone, pyramid, and two separable convolutions before the last layer."""

    def __init__(self, spec: NetSpec):
        super().__init__()
        self.spec = spec
        self.stem = Conv(3, STEM, 3, 2, act=F.relu6, fixed=True)
        self.stages, width = nn.ModuleList(), STEM
        for expansion, out, blocks, stride, kernel in STAGES:
            stage = []
            for j in range(blocks):
                stage.append(InvertedResidual(width, out, expansion, stride if j == 0 else 1, kernel))
                width = out
            self.stages.append(nn.Sequential(*stage))
        self.lateral = nn.ModuleList(Conv(STAGES[tap][1], PYRAMID) for tap in TAPS)
        # A separable convolution after each sum, and one more at the end.
        self.smooth = nn.ModuleList(
            nn.Sequential(Conv(PYRAMID, PYRAMID, 3, groups=PYRAMID), Conv(PYRAMID, PYRAMID, act=F.relu)) for _ in range(4)
        )
        self.upsample = nn.ModuleList(
            nn.ConvTranspose2d(PYRAMID, PYRAMID, 4, 2, 1, groups=PYRAMID, bias=False) for _ in range(2)
        )
        self.final_layer = nn.Conv2d(PYRAMID, spec.outputs, 1)
        self._initialise()
        # The first stages find edges and colours, and need no training.
        for part in (self.stem, *self.stages[:KEPT]):
            part.requires_grad_(False)

    def _initialise(self):
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode="fan_out" if m.groups == 1 else "fan_in", nonlinearity="relu")
        ramp = torch.tensor([0.25, 0.75, 0.75, 0.25])
        for m in self.upsample:
            m.weight.data[:] = ramp[:, None] * ramp  # bilinear
        nn.init.normal_(self.final_layer.weight, std=0.001)
        nn.init.zeros_(self.final_layer.bias)
        self.final_layer.bias.data[0] = -3.5  # a centre's score near 3 %

    def forward(self, x):
        x, taps = self.stem(x), []
        for i, stage in enumerate(self.stages):
            x = stage(x)
            if i in TAPS:
                taps.append(x)
        fine, middle, coarse = (lateral(tap) for lateral, tap in zip(self.lateral, taps))
        x = self.smooth[0](coarse)
        x = self.smooth[1](middle + in_f32(self.upsample[0], x))
        x = self.smooth[2](fine + in_f32(self.upsample[1], x))
        return self.final_layer(self.smooth[3](x))


def pretrained(published: dict, net: Lite, mean, std) -> dict:
    """Start values of `net` from the published ImageNet weights of EfficientNet-Lite0.

    The published network takes (rgb - 127) / 128, ours (rgb - mean) / std; the stem absorbs the
    difference. Raises ValueError where the tensors do not fit.
    """
    theirs = [v.float() for k, v in published.items() if not k.endswith("num_batches_tracked")]
    out = net.state_dict()
    mine = [k for k in out if k.startswith(("stem", "stages")) and not k.endswith("num_batches_tracked")]
    for name, value in zip(mine, theirs):
        if out[name].shape != value.shape:
            raise ValueError(f"{name}: {tuple(value.shape)} instead of {tuple(out[name].shape)}; not EfficientNet-Lite0")
        out[name] = value
    mean, std = (torch.as_tensor(v, dtype=torch.float32).reshape(1, 3, 1, 1) for v in (mean, std))
    stem = out["stem.conv.weight"]
    out["stem.bn.running_mean"] = out["stem.bn.running_mean"] - (stem * (mean - 127) / 128).sum((1, 2, 3))
    out["stem.conv.weight"] = stem * std / 128
    return out
