"""Export equals PyTorch; int8 stays close to float and has the form that the engine takes."""

import hashlib

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from conftest import TINY, stir
from lpn import equalize, export, quantize
from lpn.manifest import FLOAT, Manifest
from lpn.net import LPN


def run(path, x):
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(None, {"input": x})[0]


@pytest.mark.parametrize("batch", [1, 3])
def test_export_equals_pytorch(tiny, tmp_path, batch):
    export.save(export.build(tiny, 64, 48), tmp_path / "a.onnx")
    x = torch.randn(batch, 3, 64, 48)
    with torch.no_grad():
        want = tiny(x).numpy()
    got = run(tmp_path / "a.onnx", x.numpy())
    assert np.abs(want).max() > 0.05
    np.testing.assert_allclose(got, want, atol=2e-5 * np.abs(want).max() + 1e-6)


def test_grouped_upsampling_with_several_inputs_a_group_is_folded_right(tmp_path):
    """In LPN-50 the first transposed convolution has 512 channels in 256 groups; here 128 in 64."""
    net = stir(LPN(TINY))
    assert net.deconv_layers[0].groups == 64 and net.deconv_layers[0].in_channels == 128
    w = net.deconv_layers[0].weight.detach().numpy()
    there = export._per_output_channel(w, 64)
    assert there.shape == (64, 2, 4, 4)
    np.testing.assert_array_equal(export._per_input_channel(there, 64), w)


def test_export_holds_no_batch_normalisation_and_names_its_ends(tiny):
    model = export.build(tiny, 64, 48)
    assert "BatchNormalization" not in {n.op_type for n in model.graph.node}
    assert model.graph.input[0].name == "input" and model.graph.output[0].name == "heatmaps"
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param


def test_sizes_that_the_network_cannot_halve_are_refused(tiny):
    with pytest.raises(ValueError, match="multiples of 16"):
        export.build(tiny, 60, 48)


@pytest.fixture
def int8(tiny):
    rng = np.random.default_rng(2)
    calibration = rng.normal(size=(12, 3, 64, 48)).astype(np.float32)
    model = export.build(tiny, 64, 48)
    return model, quantize.quantize(model, calibration), calibration


def test_int8_is_close_to_float(int8, tmp_path):
    model, quantized, x = int8
    export.save(model, tmp_path / "f.onnx")
    export.save(quantized, tmp_path / "q.onnx")
    f, q = run(tmp_path / "f.onnx", x[:4]), run(tmp_path / "q.onnx", x[:4])
    f = np.maximum(f, quantize.LOWEST_HEAT)
    error = np.sqrt(((q - f) ** 2).mean()) / np.sqrt((f**2).mean())
    assert 0 < error < 0.1
    assert np.corrcoef(f.ravel(), q.ravel())[0, 1] > 0.99


def test_int8_has_the_engines_form(int8):
    _, model, _ = int8
    constants = {c.name: c for c in model.graph.initializer}
    nodes = {o: n for n in model.graph.node for o in n.output}
    for node in model.graph.node:
        inside = export.GC_NODE in node.name
        if node.op_type in ("Softmax", "LayerNormalization", "MatMul"):
            assert inside
        if node.op_type == "Conv" and not inside:
            weight = nodes[node.input[1]]
            assert constants[weight.input[0]].data_type == onnx.TensorProto.INT8
            assert list(constants[weight.input[1]].dims) == [constants[weight.input[0]].dims[0]], "one scale a channel"
            assert not onnx.numpy_helper.to_array(constants[weight.input[2]]).any(), "weights without a zero point"
    assert [o.version for o in model.opset_import if o.domain == ""] == [export.OPSET]
    assert model.graph.node[-1].op_type == "DequantizeLinear"


def test_a_float_model_does_not_pass_for_int8(tiny):
    with pytest.raises(ValueError, match="not quantized"):
        quantize.check_form(export.build(tiny, 64, 48))


def test_manifest_keeps_its_values_and_takes_the_checksum(tmp_path):
    (tmp_path / FLOAT).write_bytes(b"graph")
    there = Manifest("m", "1", "MIT", ['a "b"'], "LPN-50", 64, 48, channels="bgr", window_px=0, quarter_shift=True)
    there.seal(tmp_path, FLOAT, "none")
    back = Manifest.load(tmp_path)
    assert back == there
    assert back.sha256 == hashlib.sha256(b"graph").hexdigest()


def test_manifest_of_another_kind_is_refused(tmp_path):
    (tmp_path / "model.toml").write_text('schema = 1\nkind = "center-person"\n')
    with pytest.raises(ValueError, match="center-person"):
        Manifest.load(tmp_path)


def test_bgr_changes_the_order_of_planes_only():
    crops = np.arange(2 * 4 * 4 * 3, dtype=np.uint8).reshape(2, 4, 4, 3)
    rgb = Manifest("m", "1", "", [], "", 64, 48)
    bgr = Manifest("m", "1", "", [], "", 64, 48, channels="bgr")
    np.testing.assert_array_equal(bgr.normalise(crops), rgb.normalise(crops[..., ::-1]))
    assert rgb.normalise(crops)[0, 0, 0, 0] == np.float32((0 - 123.675) / 58.395)


def test_equalized_channels_compute_the_same(tiny):
    model = export.build(tiny, 64, 48)
    x = np.random.default_rng(4).normal(size=(3, 3, 64, 48)).astype(np.float32)
    between = [name for _, name, _ in equalize.pairs(model)]
    # Two in each of the four blocks, four in the head; what a block gives is added to something
    # first.
    assert len(between) == 4 * 2 + 4
    before = equalize.highest(model, x, between)
    even = equalize.equalize(model, before)
    want, got = (equalize.session(m, ["heatmaps"])(x)["heatmaps"] for m in (model, even))
    np.testing.assert_allclose(got, want, atol=1e-4)
    # Before a depthwise convolution all channels come to the same height.
    name = "/layer2/0/conv1/Relu_output"
    after, alive = equalize.highest(even, x, between)[name], before[name] > 0.01
    assert np.ptp(np.log(after[alive])) < 0.05 < np.ptp(np.log(before[name][alive]))
