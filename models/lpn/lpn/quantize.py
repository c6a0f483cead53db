"""Float ONNX -> static QDQ int8: s8 weights per channel, u8 activations with a zero point.

The inside of the global context blocks stays in float: softmax, normalisation, and the convolutions
on a single position. Their inputs and results are quantized. A ReLU needs no operator, as the range
of its output starts at zero. Channels are equalized first (see `equalize`).
"""

import logging
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from lpn import coco, crop, equalize, export

log = logging.getLogger("lpn")

# Crops. Fewer than for the ranges, as only the largest value of each channel is needed.
EQUALIZE_WITH = 96
# Heatmaps are clipped below this. No peak lies there, and the remaining steps are finer.
LOWEST_HEAT = -0.1
# A channel whose bias is more than this times its largest weight is constant: its bias in int8 steps
# would not fit in 32 bits.
CONSTANT = 1e5
# ONNX Runtime's calibration methods, by our names.
METHODS = {"minmax": "MinMax", "percentile": "Percentile", "entropy": "Entropy"}


def calibration_crops(annotations: Path, images: Path, width: int, height: int, count: int, seed: int = 7):
    """Evaluation crops of `count` people of a training set, drawn at random: u8
    [count, height, width, 3], RGB."""
    people = coco.load_people(annotations, images)
    rng = np.random.default_rng(seed)
    cut = []
    for i in rng.permutation(len(people.people)):
        person = people.people[i]
        picture = coco.read_picture(people.paths[person.image])
        if picture is None:
            people.fault("broken image", str(people.paths[person.image]))
            continue
        cut.append(crop.evaluation_crop(picture, person.bbox, width, height)[0])
        if len(cut) == count:
            break
    if not cut:
        raise ValueError(f"{annotations}: no people to calibrate with")
    return np.stack(cut)


class _Reader:
    """What ONNX Runtime's calibration reads from: one crop at a time."""

    def __init__(self, crops: np.ndarray, name: str):
        self.crops, self.name, self.at = crops, name, 0

    def get_next(self):
        if self.at == len(self.crops):
            return None
        self.at += 1
        return {self.name: self.crops[self.at - 1 : self.at]}

    def __iter__(self):
        return self

    def __next__(self):
        row = self.get_next()
        if row is None:
            raise StopIteration
        return row


def quantize(model: onnx.ModelProto, crops: np.ndarray, method: str = "minmax", percentile: float = 99.999):
    """`model` as written by `export.build`; `crops` f32 [N, 3, H, W] of training people -> QDQ
    model."""
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static

    model = without_dead_weights(model)
    inside = [n.name for n in model.graph.node if export.GC_NODE in n.name]
    output = model.graph.output[0].name
    between = [name for _, name, _ in equalize.pairs(model)]
    tops = equalize.highest(model, crops[:EQUALIZE_WITH], [*between, output])
    ranges = {}
    if output == "heatmaps":
        ends = {"rmin": np.float32(LOWEST_HEAT), "rmax": np.float32(max(tops[output].max(), 0.1))}
        ranges = {"TensorQuantOverrides": {output: [ends]}}
    model = equalize.equalize(model, tops)
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "float.onnx", Path(folder) / "int8.onnx"
        onnx.save(model, str(source))
        quantize_static(
            str(source), str(target), _Reader(crops, model.graph.input[0].name),
            quant_format=QuantFormat.QDQ, per_channel=True, weight_type=QuantType.QInt8,
            activation_type=QuantType.QUInt8, nodes_to_exclude=inside,
            calibrate_method=getattr(CalibrationMethod, METHODS[method]),
            extra_options={"ActivationSymmetric": False, "WeightSymmetric": True, "CalibPercentile": percentile,
                           **ranges},
        )  # fmt: skip
        out = onnx.load(str(target))
    # The tool imports every operator set that it knows.
    del out.opset_import[:]
    out.opset_import.append(onnx.helper.make_opsetid("", export.OPSET))
    out.ir_version = model.ir_version
    check_form(out)
    return out


def without_dead_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """`model` with weights of zero in channels that are constant but for traces of weights.

    Weight decay leaves such channels behind, also in published weights.
    """
    out = onnx.ModelProto()
    out.CopyFrom(model)
    constants = {c.name: c for c in out.graph.initializer}
    for node in out.graph.node:
        if node.op_type == "Conv" and len(node.input) == 3 and export.GC_NODE not in node.name:
            weight, bias = (numpy_helper.to_array(constants[name]) for name in node.input[1:])
            dead = np.abs(bias) > CONSTANT * np.abs(weight).max((1, 2, 3))
            zeroed = np.where(dead[:, None, None, None], np.float32(0), weight)
            constants[node.input[1]].CopyFrom(numpy_helper.from_array(zeroed, node.input[1]))
    return out


def check_form(model: onnx.ModelProto) -> None:
    """Raises ValueError unless the model has the form that the integer engine takes."""
    constants = {c.name: c for c in model.graph.initializer}
    producer = {o: n for n in model.graph.node for o in n.output}
    for node in model.graph.node:
        if node.domain not in ("", "ai.onnx"):
            raise ValueError(f"{node.name}: operator {node.domain}.{node.op_type} is not in the ONNX standard")
        if node.op_type == "QuantizeLinear" and constants[node.input[2]].data_type != onnx.TensorProto.UINT8:
            raise ValueError(f"{node.name}: activations must be u8")
        if node.op_type in ("Conv", "ConvTranspose") and export.GC_NODE not in node.name:
            for tensor in node.input[:2]:
                if tensor not in producer or producer[tensor].op_type != "DequantizeLinear":
                    raise ValueError(f"{node.name}: {tensor} is not quantized")
            weight = constants[producer[node.input[1]].input[0]]
            if weight.data_type != onnx.TensorProto.INT8:
                raise ValueError(f"{node.name}: weights must be s8")
    onnx.checker.check_model(model)
