"""The published checkpoints: their layer names, shape by shape, and what is refused."""

import pytest
import torch
from conftest import stir
from lpn.pose import convert
from lpn.net import BLOCKS, LPN, NetSpec


def published(depth):
    """Names and shapes of the published implementation's state dict, written down from its
    modules."""
    s = {}

    def bn(name, c):
        s.update({f"{name}.{k}": (c,) for k in ("weight", "bias", "running_mean", "running_var")})
        s[f"{name}.num_batches_tracked"] = ()

    s["conv1.weight"] = (64, 3, 7, 7)
    bn("bn1", 64)
    inp = 64
    for i, (out, blocks) in enumerate(zip((64, 128, 256, 512), BLOCKS[depth]), 1):
        for j in range(blocks):
            p, hidden = f"layer{i}.{j}", max(out // 16, 16)
            s[f"{p}.conv1.weight"], s[f"{p}.conv2.weight"] = (out, inp, 1, 1), (out, 1, 3, 3)
            s[f"{p}.conv3.weight"] = (out, out, 1, 1)
            for k in (1, 2, 3):
                bn(f"{p}.bn{k}", out)
            s[f"{p}.att.conv_mask.weight"], s[f"{p}.att.conv_mask.bias"] = (1, out, 1, 1), (1,)
            c = f"{p}.att.channel_add_conv"
            s[f"{c}.0.weight"], s[f"{c}.0.bias"] = (hidden, out, 1, 1), (hidden,)
            s[f"{c}.1.weight"], s[f"{c}.1.bias"] = (hidden, 1, 1), (hidden, 1, 1)
            s[f"{c}.3.weight"], s[f"{c}.3.bias"] = (out, hidden, 1, 1), (out,)
            if j == 0 and i > 1:
                s[f"{p}.downsample.0.weight"] = (out, inp, 1, 1)
                bn(f"{p}.downsample.1", out)
            inp = out
    for k, channels in ((0, 512), (6, 256)):
        s[f"deconv_layers.{k}.weight"] = (channels, 1, 4, 4)
        bn(f"deconv_layers.{k + 1}", 256)
        s[f"deconv_layers.{k + 3}.weight"] = (256, 256, 1, 1)
        bn(f"deconv_layers.{k + 4}", 256)
    s["final_layer.weight"], s["final_layer.bias"] = (17, 256, 1, 1), (17,)
    return s


def random_state(depth, prefix=""):
    """A state dict by those names, of a network that computes something sensible."""
    real = stir(LPN(NetSpec(BLOCKS[depth]))).state_dict()
    return {prefix + k: real[k].reshape(shape) for k, shape in published(depth).items()}


@pytest.mark.parametrize("depth", [50, 101, 152])
def test_names_and_shapes_are_the_published_ones(depth):
    want = published(depth)
    net = LPN(NetSpec(BLOCKS[depth])).state_dict()
    assert {k: tuple(v.shape) for k, v in net.items()} == want


@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("wrap", [None, "state_dict", "best_state_dict"])
def test_a_published_checkpoint_is_read(tmp_path, prefix, wrap):
    state = random_state(50, prefix)
    torch.save({wrap: state, "epoch": 3} if wrap else state, tmp_path / "a.pth")
    net = convert.load(tmp_path / "a.pth")
    x = torch.randn(1, 3, 64, 48)
    reference = LPN(NetSpec(BLOCKS[50]))
    reference.load_state_dict({k.removeprefix("module."): v for k, v in state.items()})
    with torch.no_grad():
        torch.testing.assert_close(net(x), reference.eval()(x))


def test_its_manifest_carries_the_colour_order_and_the_published_decoding():
    m = convert.manifest("lpn", "1", LPN(NetSpec(BLOCKS[101])), 256, 192)
    assert (m.channels, m.quarter_shift, m.window_px, m.architecture) == ("bgr", True, 0, "LPN-101")
    assert m.mean == [123.675, 116.28, 103.53], "in the order of R, G, B although the planes are B, G, R"


def broken(change):
    state = random_state(50)
    change(state)
    return state


@pytest.mark.parametrize(
    "content, message",
    [
        (broken(lambda s: s.pop("layer2.1.bn2.bias")), "layer2.1.bn2.bias is missing"),
        (broken(lambda s: s.update(extra=torch.zeros(1))), "extra is unknown"),
        (broken(lambda s: s.update({"conv1.weight": torch.zeros(64, 3, 3, 3)})), r"\(64, 3, 3, 3\), not \(64, 3, 7, 7\)"),
        (broken(lambda s: s.update({"final_layer.weight": torch.zeros(16, 256, 1, 1)})), "16 heatmaps"),
        ({"layer1.0.weight": torch.zeros(1)}, r"blocks of layer1..4 are \(1, 0, 0, 0\)"),
        ([torch.zeros(1)], "holds no state dict"),
    ],
)
def test_any_other_file_is_refused_by_what_is_wrong(tmp_path, content, message):
    torch.save(content, tmp_path / "a.pth")
    with pytest.raises(convert.NotLPN, match=message):
        convert.load(tmp_path / "a.pth")


class _Trap:
    """Runs code on the machine of whoever unpickles it carelessly."""

    def __reduce__(self):
        return (open, ("trapped", "w"))


def test_code_in_a_checkpoint_is_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": _Trap()}, "a.pth")
    with pytest.raises(convert.NotLPN, match="not a PyTorch file of plain tensors"):
        convert.load(tmp_path / "a.pth")
    assert not (tmp_path / "trapped").exists()


def test_text_is_refused(tmp_path):
    (tmp_path / "a.pth").write_text("no checkpoint")
    with pytest.raises(convert.NotLPN):
        convert.load(tmp_path / "a.pth")
