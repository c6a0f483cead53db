"""The person finder's network: its start values, its graph, and what training leaves alone."""

import numpy as np
import onnx
import pytest
import torch
from conftest import stir

from lpn import crop, export, lite, quantize
from lpn.family import build
from lpn.net import NetSpec
from lpn.pose import evaluate

SPEC = NetSpec.from_dict({"family": "lite", "outputs": 5})


def published(net):
    """A checkpoint in the form of the published one: the backbone, then a head that is not used."""
    state = {f"_blocks.{k}": v for k, v in net.state_dict().items() if k.startswith(("stem", "stages"))}
    return state | {"_fc.weight": torch.zeros(1000, 1280)}


def test_start_values_are_the_published_weights_for_our_inputs():
    torch.manual_seed(2)
    theirs, mine = stir(build(SPEC)), build(SPEC)
    mine.load_state_dict(lite.pretrained(published(theirs), mine, crop.MEAN, crop.STD))
    rgb = torch.full((1, 3, 64, 64), 200.0)
    mean, std = (torch.tensor(v, dtype=torch.float32).reshape(1, 3, 1, 1) for v in (crop.MEAN, crop.STD))
    a, b = (net.eval().stages[0](net.stem(x)) for net, x in ((theirs, (rgb - 127) / 128), (mine, (rgb - mean) / std)))
    # At the border the padding means another grey to each.
    torch.testing.assert_close(a[..., 2:-2, 2:-2], b[..., 2:-2, 2:-2], atol=1e-3, rtol=1e-3)

    other = published(theirs) | {"_blocks.stem.conv.weight": torch.zeros(16, 3, 3, 3)}
    with pytest.raises(ValueError, match="not EfficientNet-Lite0"):
        lite.pretrained(other, mine, crop.MEAN, crop.STD)


def test_training_leaves_the_first_stages_and_all_backbone_statistics_as_they_are():
    net = build(SPEC).train()
    before = {k: v.clone() for k, v in net.state_dict().items()}
    net(torch.randn(2, 3, 64, 96)).square().sum().backward()
    assert all(p.grad is None for p in (*net.stem.parameters(), *net.stages[: lite.KEPT].parameters()))
    assert all(p.grad is not None for p in (*net.stages[lite.KEPT].parameters(), *net.smooth.parameters()))
    moved = [k for k, v in net.state_dict().items() if "running" in k and not torch.equal(v, before[k])]
    assert moved and all(k.startswith(("lateral", "smooth")) for k in moved)


def test_the_graph_computes_the_network_in_float_and_in_int8(tmp_path):
    torch.manual_seed(4)
    net = build(SPEC)
    net.final_layer.weight.data.normal_(0, 0.1)
    model = export.build(net, 64, 96, "centers")
    crops = np.random.default_rng(1).normal(0, 1, (4, 3, 64, 96)).astype(np.float32)
    small = quantize.quantize(model, crops, "minmax")
    for name, m in (("float", model), ("int8", small)):
        export.save(m, tmp_path / f"{name}.onnx")
    whole, rounded = (evaluate.onnx_runner(tmp_path / f"{n}.onnx", 1)(crops[:2]) for n in ("float", "int8"))
    with torch.no_grad():
        assert whole == pytest.approx(net.eval()(torch.from_numpy(crops[:2])).numpy(), abs=1e-3)
    assert np.corrcoef(whole.ravel(), rounded.ravel())[0, 1] > 0.95
    with pytest.raises(ValueError, match="multiples of 32"):
        export.build(net, 48, 96)


def test_a_channel_that_is_constant_loses_its_traces_of_weights():
    net = build(SPEC)
    project = net.stages[0][0].project
    project.conv.weight.data[3] = 1e-9
    project.bn.bias.data[3] = 2.0
    model = export.build(net, 64, 96)
    name = "stages.0.0.project.weight"
    before, after = (
        next(onnx.numpy_helper.to_array(c) for c in m.graph.initializer if c.name == name)
        for m in (model, quantize.without_dead_weights(model))
    )
    assert np.abs(before[3]).max() > 0 and np.abs(after[3]).max() == 0
    assert np.array_equal(np.delete(before, 3, 0), np.delete(after, 3, 0))
