"""Equalizes the ranges of the channels between two convolutions, so that one scale fits all of
them.

A channel between two convolutions can be multiplied by a positive number in the first and divided
by it in the second without changing the result (Nagel et al., arXiv 1906.04721, section 4.1). The
ReLU between them does not matter. The quantized transposed convolution gains most, because ONNX
gives it one weight scale for all its groups.
"""

from collections import Counter

import numpy as np
import onnx
from onnx import numpy_helper

from lpn import export

MOST = 64.0  # no channel is scaled by more than this, or less than its inverse


def pairs(model: onnx.ModelProto) -> list[tuple[onnx.NodeProto, str, onnx.NodeProto]]:
    """(convolution, its ReLU's output, the one convolution that reads it), outside the global
    context blocks."""
    uses = Counter(name for node in model.graph.node for name in node.input)
    reader = {name: node for node in model.graph.node for name in node.input}
    out = []
    for node in model.graph.node:
        relu = reader.get(node.output[0])
        if node.op_type not in ("Conv", "ConvTranspose") or export.GC_NODE in node.name or relu is None:
            continue
        between = relu.output[0]
        following = reader.get(between)
        if relu.op_type == "Relu" and uses[node.output[0]] == uses[between] == 1 and following is not None:
            if following.op_type in ("Conv", "ConvTranspose"):
                out.append((node, between, following))
    return out


def session(model: onnx.ModelProto, tensors: list[str]):
    """`model` as a function f32 [N, 3, H, W] -> {tensor: value}, run by ONNX Runtime on one
    thread."""
    import onnxruntime

    probe = onnx.ModelProto()
    probe.CopyFrom(model)
    have = {o.name for o in probe.graph.output}
    probe.graph.output.extend(onnx.helper.make_empty_tensor_value_info(t) for t in tensors if t not in have)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    opened = onnxruntime.InferenceSession(probe.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return lambda x: dict(zip(tensors, opened.run(tensors, {model.graph.input[0].name: x})))


def highest(model: onnx.ModelProto, crops: np.ndarray, tensors: list[str]) -> dict[str, np.ndarray]:
    """The largest value of each channel of `tensors` over `crops`, f64 [C] for each tensor."""
    run, found = session(model, tensors), {}
    for crop in crops:
        for name, value in run(crop[None]).items():
            top = value.max((0, 2, 3)).astype(np.float64)
            found[name] = np.maximum(found.get(name, top), top)
    return found


def equalize(model: onnx.ModelProto, tops: dict[str, np.ndarray]) -> onnx.ModelProto:
    """Returns a network that computes the same, with channels of about equal ranges.

    `tops` holds the largest value of each channel of the tensors in `pairs`, from `highest`.
    """
    out = onnx.ModelProto()
    out.CopyFrom(model)
    constants = {c.name: c for c in out.graph.initializer}

    def value(name):
        return numpy_helper.to_array(constants[name])

    def put(name, array):
        constants[name].CopyFrom(numpy_helper.from_array(np.ascontiguousarray(array, np.float32), name))

    for first, between, second in pairs(out):
        w, v = value(first.input[1]), value(second.input[1])
        came = _floor(tops[between])
        if first.op_type == "ConvTranspose":
            # Its weights share one scale: equalize them as well as its output.
            came = np.sqrt(came * _floor(np.abs(w).reshape(len(came), -1).max(1)))
        own = _depthwise(second)
        # A depthwise convolution has a scale for each channel, so dividing loses nothing.
        goes = 1.0 if own else _floor(np.abs(v).max((0, 2, 3) if second.op_type == "Conv" else (1, 2, 3)))
        scale = goes / came if own else np.sqrt(goes / came)
        scale = np.clip(scale / np.exp(np.log(scale).mean()), 1 / MOST, MOST)
        up = first.op_type == "ConvTranspose"
        put(first.input[1], w * _along(np.repeat(scale, len(w) // len(scale)) if up else scale, 0))
        put(first.input[2], value(first.input[2]) * scale)
        put(second.input[1], v / _along(scale, 0 if own or second.op_type == "ConvTranspose" else 1))
    return out


def _depthwise(node: onnx.NodeProto) -> bool:
    return node.op_type == "Conv" and next((a.i for a in node.attribute if a.name == "group"), 1) > 1


def _floor(ranges: np.ndarray) -> np.ndarray:
    """Replaces the zero of a dead channel by a small value."""
    return np.maximum(ranges, 1e-3 * ranges.max() + 1e-9)


def _along(scale: np.ndarray, axis: int) -> np.ndarray:
    shape = [1] * 4
    shape[axis] = -1
    return scale.reshape(shape)
