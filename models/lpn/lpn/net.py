"""The network, as in section 3 of the paper, layer names as in its published implementation.

Input f32 [N, 3, H, W] (H and W multiples of 32 and 16), output f32 [N, outputs, H/stride, W/stride]
(stride 4 for poses): heatmaps without activation, about 1.0 at a keypoint that is seen clearly.
"""

import math
from dataclasses import dataclass

import torch
from torch import nn

BLOCKS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
STAGE_WIDTHS = (64, 128, 256, 512)
STAGE_STRIDES = (1, 2, 2, 1)


@dataclass(frozen=True)
class NetSpec:
    """A network of the family. `width` scales all channels, rounded to multiples of 16.

    `upsampling` is the number of doublings from stride 16; the paper has 2, which gives stride 4.
    The family `lite` (see `lite`) has a stride of 8, and takes only `outputs` from here.
    """

    blocks: tuple[int, int, int, int] = BLOCKS[50]
    width: float = 1.0
    outputs: int = 17
    upsampling: int = 2
    family: str = "lpn"

    @staticmethod
    def from_dict(d: dict) -> "NetSpec":
        d = dict(d)
        if "depth" in d:
            d["blocks"] = BLOCKS[d.pop("depth")]
        d["blocks"] = tuple(d.get("blocks", BLOCKS[50]))
        if d.get("family") == "lite":
            d["upsampling"] = 1
        return NetSpec(**d)

    @property
    def stride(self) -> int:
        """Input px for one output px."""
        return 16 >> self.upsampling

    def channels(self, paper: int) -> int:
        return max(16, round(paper * self.width / 16) * 16)


class GCBlock(nn.Module):
    """Global context: softmax attention over positions -> one vector -> bottleneck -> added
    everywhere."""

    def __init__(self, c: int):
        super().__init__()
        hidden = max(c // 16, 16)
        self.conv_mask = nn.Conv2d(c, 1, 1)
        self.channel_add_conv = nn.Sequential(
            nn.Conv2d(c, hidden, 1), nn.LayerNorm([hidden, 1, 1]), nn.ReLU(inplace=True), nn.Conv2d(hidden, c, 1)
        )

    def forward(self, x):
        c = x.shape[1]
        # flatten(2) keeps the batch dimension symbolic in the exported graph.
        mask = self.conv_mask(x).flatten(2).softmax(2)
        context = torch.matmul(x.flatten(2), mask.transpose(1, 2)).reshape(-1, c, 1, 1)
        return x + self.channel_add_conv(context)


class Bottleneck(nn.Module):
    """1x1 -> depthwise 3x3 (takes the stride) -> 1x1 -> GC, plus the residual."""

    def __init__(self, inp: int, out: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(inp, out, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(out)
        self.conv2 = nn.Conv2d(out, out, 3, stride, 1, groups=out, bias=False)
        self.bn2 = nn.BatchNorm2d(out)
        self.conv3 = nn.Conv2d(out, out, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out)
        self.att = GCBlock(out)
        self.downsample = None
        if stride != 1 or inp != out:
            self.downsample = nn.Sequential(nn.Conv2d(inp, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x):
        residual = x if self.downsample is None else self.downsample(x)
        x = torch.relu(self.bn1(self.conv1(x)))
        x = torch.relu(self.bn2(self.conv2(x)))
        return torch.relu(self.att(self.bn3(self.conv3(x))) + residual)


class LPN(nn.Module):
    """Stem, four stages of bottlenecks, two upsampling steps, one 1x1 convolution to heatmaps."""

    def __init__(self, spec: NetSpec = NetSpec()):
        super().__init__()
        self.spec = spec
        width = spec.channels(64)
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        for i, (paper, blocks, stride) in enumerate(zip(STAGE_WIDTHS, spec.blocks, STAGE_STRIDES), 1):
            out = spec.channels(paper)
            stage = [Bottleneck(width if j == 0 else out, out, stride if j == 0 else 1) for j in range(blocks)]
            setattr(self, f"layer{i}", nn.Sequential(*stage))
            width = out
        head, up = [], spec.channels(256)
        for _ in range(spec.upsampling):
            head += [
                nn.ConvTranspose2d(width, up, 4, 2, 1, groups=math.gcd(width, up), bias=False),
                nn.BatchNorm2d(up),
                nn.ReLU(inplace=True),
                nn.Conv2d(up, up, 1, bias=False),
                nn.BatchNorm2d(up),
                nn.ReLU(inplace=True),
            ]
            width = up
        self.deconv_layers = nn.Sequential(*head)
        self.final_layer = nn.Conv2d(up, spec.outputs, 1)
        self._initialise()

    def _initialise(self):
        for name, m in self.named_modules():
            if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d)):
                nn.init.kaiming_normal_(m.weight, mode="fan_out" if m.groups == 1 else "fan_in", nonlinearity="relu")
                if m.bias is not None:
                    nn.init.zeros_(m.bias)
            if name.endswith("channel_add_conv.3"):
                # The block starts as the identity.
                nn.init.zeros_(m.weight)
        nn.init.normal_(self.final_layer.weight, std=0.001)

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        for layer in self.deconv_layers:
            x = in_f32(layer, x) if isinstance(layer, nn.ConvTranspose2d) else layer(x)
        return self.final_layer(x)


def in_f32(layer: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """`layer` outside autocast on the CPU, where a grouped transposed convolution in bf16 takes
    eight times as long."""
    if x.device.type != "cpu":
        return layer(x)
    with torch.autocast(x.device.type, enabled=False):
        return layer(x.float()).to(x.dtype)


def parameter_count(net: nn.Module) -> int:
    """Trainable parameters."""
    return sum(p.numel() for p in net.parameters())
