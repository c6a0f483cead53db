"""PyTorch -> ONNX (opset 17), one node an operation, batch normalisation folded into the
convolutions.

The graph is written node by node instead of traced. Every version of PyTorch then gives the same
nodes, names and constants, and the quantizer and the daemon's integer engine rely on them.
Input `input` f32 [N, 3, H, W], output (`heatmaps`) f32 [N, K, H/stride, W/stride], N free.
"""

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn
from torch.nn import functional as F

from lpn.lite import TAPS, Lite
from lpn.net import LPN, Bottleneck, GCBlock

OPSET = 17  # the first with LayerNormalization
GC_NODE = "/att/"  # in the names of a context block's nodes, except its two additions


def fold(weight: np.ndarray, bias: np.ndarray | None, bn: nn.BatchNorm2d, channel_axis: int):
    """A convolution without its batch normalisation: (weight, bias), computed in f64."""
    scale = (bn.weight.double() / (bn.running_var.double() + bn.eps).sqrt()).detach().numpy()
    shape = [1] * weight.ndim
    shape[channel_axis] = -1
    start = 0.0 if bias is None else bias.astype(np.float64)
    shift = bn.bias.detach().double().numpy() + (start - bn.running_mean.double().numpy()) * scale
    return (weight * scale.reshape(shape)).astype(np.float32), shift.astype(np.float32)


class _Graph:
    """Nodes and constants in the order in which they are added."""

    def __init__(self):
        self.nodes, self.constants = [], []

    def constant(self, name: str, value: np.ndarray) -> str:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def add(self, op: str, name: str, *inputs: str, output: str | None = None, **attributes) -> str:
        output = output or f"{name}_output"
        self.nodes.append(helper.make_node(op, list(inputs), [output], name=name, **attributes))
        return output

    def conv(self, name: str, x: str, conv: nn.Module, bn=None, relu=False, output: str | None = None,
             highest: float | None = None) -> str:  # fmt: skip
        """Conv2d or ConvTranspose2d, with the normalisation and the ReLU that follow it.

        The ReLU ends at `highest`, if that is given.
        """
        up = isinstance(conv, nn.ConvTranspose2d)
        w = conv.weight.detach().numpy()
        b = None if conv.bias is None else conv.bias.detach().numpy()
        if bn is not None:
            if up:
                w = _per_output_channel(w, conv.groups)
                w, b = fold(w, b, bn, 0)
                w = _per_input_channel(w, conv.groups)
            else:
                w, b = fold(w, b, bn, 0)
        tensors = [self.constant(f"{name}.weight", w)] + ([] if b is None else [self.constant(f"{name}.bias", b)])
        y = self.add(
            "ConvTranspose" if up else "Conv", f"/{name.replace('.', '/')}/Conv", x, *tensors,
            output=None if relu or highest is not None else output, group=conv.groups, kernel_shape=list(conv.kernel_size),
            strides=list(conv.stride), pads=list(conv.padding) * 2, dilations=[1, 1],
        )  # fmt: skip
        path = f"/{name.replace('.', '/')}"
        if highest is not None:
            ends = [self.constant(f"{name}.{end}", np.float32(v)) for end, v in (("lowest", 0), ("highest", highest))]
            return self.add("Clip", f"{path}/Clip", y, *ends, output=output)
        return self.add("Relu", f"{path}/Relu", y, output=output) if relu else y


def _per_output_channel(w: np.ndarray, groups: int) -> np.ndarray:
    """Transposed convolution [in, out/groups, kh, kw] -> [out, in/groups, kh, kw]."""
    i, o = w.shape[:2]
    return w.reshape(groups, i // groups, o, *w.shape[2:]).swapaxes(1, 2).reshape(groups * o, i // groups, *w.shape[2:])


def _per_input_channel(w: np.ndarray, groups: int) -> np.ndarray:
    """The inverse of `_per_output_channel`."""
    o, i = w.shape[:2]
    return w.reshape(groups, o // groups, i, *w.shape[2:]).swapaxes(1, 2).reshape(groups * i, o // groups, *w.shape[2:])


def _context(g: _Graph, name: str, x: str, block: GCBlock) -> str:
    """The global context block: x + bottleneck(sum over positions of softmax(mask) * x)."""
    c = block.conv_mask.in_channels
    path = f"/{name.replace('.', '/')}"
    mask = g.conv(f"{name}.conv_mask", x, block.conv_mask)
    # 0 in a Reshape keeps a dimension as it is: here the batch.
    flat = g.add("Reshape", f"{path}/Reshape", x, g.constant(f"{name}.flat", np.array([0, c, -1])))
    row = g.add("Reshape", f"{path}/Reshape_1", mask, g.constant(f"{name}.row", np.array([0, 1, -1])))
    share = g.add("Softmax", f"{path}/Softmax", row, axis=2)
    column = g.add("Transpose", f"{path}/Transpose", share, perm=[0, 2, 1])
    sums = g.add("MatMul", f"{path}/MatMul", flat, column)
    y = g.add("Reshape", f"{path}/Reshape_2", sums, g.constant(f"{name}.point", np.array([0, c, 1, 1])))
    squeeze, norm, _, widen = block.channel_add_conv
    y = g.conv(f"{name}.channel_add_conv.0", y, squeeze)
    tensors = [
        g.constant(f"{name}.channel_add_conv.1.{k}", getattr(norm, k).detach().numpy()) for k in ("weight", "bias")
    ]
    y = g.add("LayerNormalization", f"{path}/LayerNormalization", y, *tensors, axis=-3, epsilon=norm.eps)
    y = g.add("Relu", f"{path}/Relu", y)
    y = g.conv(f"{name}.channel_add_conv.3", y, widen)
    return g.add("Add", f"{path[:-len('/att')]}/AddContext", x, y)


def _bottleneck(g: _Graph, name: str, x: str, block: Bottleneck) -> str:
    y = g.conv(f"{name}.conv1", x, block.conv1, block.bn1, relu=True)
    y = g.conv(f"{name}.conv2", y, block.conv2, block.bn2, relu=True)
    y = g.conv(f"{name}.conv3", y, block.conv3, block.bn3)
    y = _context(g, f"{name}.att", y, block.att)
    if block.downsample is not None:
        x = g.conv(f"{name}.downsample", x, *block.downsample)
    path = f"/{name.replace('.', '/')}"
    y = g.add("Add", f"{path}/AddResidual", y, x)
    return g.add("Relu", f"{path}/Relu", y)


def _lpn(g: _Graph, net: LPN, output: str) -> None:
    x = g.conv("conv1", "input", net.conv1, net.bn1, relu=True)
    x = g.add("MaxPool", "/maxpool/MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    for i in range(1, 5):
        for j, block in enumerate(getattr(net, f"layer{i}")):
            x = _bottleneck(g, f"layer{i}.{j}", x, block)
    head = net.deconv_layers
    for i in range(0, len(head), 3):
        x = g.conv(f"deconv_layers.{i}", x, head[i], head[i + 1], relu=True)
    g.conv("final_layer", x, net.final_layer, output=output)


def _lite(g: _Graph, net: Lite, output: str) -> None:
    def conv(name: str, x: str, part) -> str:
        return g.conv(name, x, part.conv, part.bn, relu=part.act is F.relu, highest=6 if part.act is F.relu6 else None)

    def block(name: str, x: str, part) -> str:
        y = x if part.expand is None else conv(f"{name}.expand", x, part.expand)
        y = conv(f"{name}.project", conv(f"{name}.depthwise", y, part.depthwise), part.project)
        return g.add("Add", f"/{name.replace('.', '/')}/AddResidual", x, y) if part.residual else y

    def smooth(i: int, x: str) -> str:
        return conv(f"smooth.{i}.1", conv(f"smooth.{i}.0", x, net.smooth[i][0]), net.smooth[i][1])

    x, taps = conv("stem", "input", net.stem), {}
    for i, stage in enumerate(net.stages):
        for j, part in enumerate(stage):
            x = block(f"stages.{i}.{j}", x, part)
        taps[i] = x
    sides = [conv(f"lateral.{i}", taps[tap], net.lateral[i]) for i, tap in enumerate(TAPS)]
    x = smooth(0, sides[2])
    for i, side in ((0, sides[1]), (1, sides[0])):
        up = g.conv(f"upsample.{i}", x, net.upsample[i])
        x = smooth(i + 1, g.add("Add", f"/upsample/{i}/Add", side, up))
    g.conv("final_layer", smooth(3, x), net.final_layer, output=output)


def build(net: nn.Module, height: int, width: int, output: str = "heatmaps") -> onnx.ModelProto:
    """The network (in evaluation mode, on the CPU) as a checked ONNX model for crops of height x
    width px."""
    graph_of, multiple = (_lite, 32) if isinstance(net, Lite) else (_lpn, 16)
    if height % multiple or width % multiple:
        raise ValueError(f"input of {height}x{width} px: both must be multiples of {multiple}, which the network divides by")
    net = net.cpu().float().eval()
    g = _Graph()
    with torch.no_grad():
        graph_of(g, net, output)
    k = net.final_layer.out_channels
    graph = helper.make_graph(
        g.nodes, "lpn",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["n", 3, height, width])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["n", k, height // net.spec.stride, width // net.spec.stride])],
        g.constants,
    )  # fmt: skip
    model = helper.make_model(graph, producer_name="lpn", opset_imports=[helper.make_opsetid("", OPSET)])
    model.ir_version = 8  # what opset 17 came with; readers refuse newer ones than they know
    model = onnx.shape_inference.infer_shapes(model, strict_mode=True)
    onnx.checker.check_model(model)
    return model


def save(model: onnx.ModelProto, path: Path) -> None:
    """Writes the model. Others see the old file or the new one, never a part."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    onnx.save(model, str(part))
    part.replace(path)
