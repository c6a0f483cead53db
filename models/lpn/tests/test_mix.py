"""The mean of two checkpoints."""

import pytest
import torch
from conftest import TINY, draw_people, stir
from lpn import __main__ as cli
from lpn.net import LPN, NetSpec
from lpn.pose import mix
from lpn.schedule import Config
from lpn.trainer import read_weights, save_weights
from test_commands import CONFIG


@pytest.fixture
def config(tmp_path):
    """A config of the tiny network with six drawn people."""
    draw_people(tmp_path, 6)
    path = tmp_path / "c.toml"
    path.write_text(CONFIG.replace('"people.json"', f'"{tmp_path}/people.json"').replace('"."', f'"{tmp_path}"'))
    return path


@pytest.fixture
def pair(tmp_path):
    """Two checkpoints of the tiny network."""
    torch.manual_seed(4)
    paths = [tmp_path / "old.safetensors", tmp_path / "new.safetensors"]
    for path in paths:
        save_weights(LPN(TINY).state_dict(), path)
    return paths


def test_weights_are_means_and_statistics_are_measured(config, pair, tmp_path, monkeypatch):
    out = tmp_path / "mean.safetensors"
    args = ["lpn", "mix", *map(str, (*pair, out)), "--share", "0.25", "--crops", "6", "--config", str(config)]
    monkeypatch.setattr("sys.argv", args)
    assert cli.main() == 0
    old, new, mean = (read_weights(path) for path in (*pair, out))
    for name in (name for name, _ in LPN(TINY).named_parameters()):
        torch.testing.assert_close(mean[name], 0.75 * old[name] + 0.25 * new[name], atol=2e-3, rtol=2e-3)

    # On the crops that were measured, the first batch norm gives channels of mean 0 and variance 1.
    net, conf = LPN(TINY), Config.load(config)
    net.load_state_dict(mean)
    crops = mix.Samples(conf, None).batch(0, conf.stages[0], 0, 6)[0]
    with torch.no_grad():
        seen = net.conv1(crops)
    assert torch.allclose(net.bn1.running_mean, seen.mean((0, 2, 3)), atol=0.02)
    assert torch.allclose(net.bn1.running_var, seen.var((0, 2, 3)), rtol=0.05)


def test_the_same_command_gives_the_same_weights(config, pair):
    conf = Config.load(config)
    first, second = (mix.mix(*pair, 0.5, conf, 6) for _ in range(2))
    assert all(torch.equal(v, second[k]) for k, v in first.items())


def test_networks_of_two_shapes_are_refused(config, pair, tmp_path, monkeypatch, capsys):
    other = tmp_path / "other.safetensors"
    save_weights(stir(LPN(NetSpec(blocks=(1, 1, 1, 1), width=0.5))).state_dict(), other)
    monkeypatch.setattr("sys.argv", ["lpn", "mix", str(pair[0]), str(other), str(tmp_path / "o"), "--config", str(config)])
    assert cli.main() == 1
    assert "are not of one network" in capsys.readouterr().err
