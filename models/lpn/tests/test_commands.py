"""The commands one after the other, on a tiny network: checkpoint -> folder -> int8 -> results ->
card."""

import json
import sys

import pytest
import torch
from conftest import draw_people, stir
from lpn import __main__ as cli
from lpn.trainer import save_weights
from lpn.manifest import Manifest
from lpn.net import LPN, NetSpec

CONFIG = """
[net]
blocks = [1, 1, 1, 1]
width = 0.25
[[source]]
annotations = "people.json"
images = "."
[[stage]]
name = "s"
height = 64
width = 48
samples = 4
"""


@pytest.fixture
def lpn(monkeypatch):
    """Runs `python -m lpn ARGS` in this process."""

    def run(*args):
        monkeypatch.setattr(sys, "argv", ["lpn", *map(str, args)])
        return cli.main()

    return run


def test_from_checkpoint_to_card(lpn, tiny, tmp_path, capsys):
    data = draw_people(tmp_path, 6)
    (tmp_path / "c.toml").write_text(CONFIG)
    save_weights(tiny.state_dict(), tmp_path / "w.safetensors")
    folder, where = tmp_path / "tiny", ("--annotations", data, "--images", tmp_path)
    weights = tmp_path / "w.safetensors"
    export = ("export", weights, folder, "--size", "64x48", "--config", tmp_path / "c.toml", "--version", "1", "--data", "drawn")
    assert lpn(*export) == 0
    assert Manifest.load(folder).quantization == "none"
    assert lpn("quantize", folder, *where, "--crops", 6) == 0
    manifest = Manifest.load(folder)
    assert (manifest.quantization, manifest.onnx) == ("qdq-u8s8", "model.onnx")

    assert lpn("card", folder) == 1
    assert "run `lpn evaluate` first" in capsys.readouterr().err
    assert lpn("evaluate", folder, *where) == 0
    results = json.loads((folder / "results.json").read_text())
    assert results["sha256"] == manifest.sha256
    assert {(r["runtime"], r["flip"]) for r in results["rows"]} == {(k, f) for k in ("float", "int8") for f in (True, False)}
    log = tmp_path / "log.jsonl"
    rows = [
        {"stage": i, "name": f"stage{i}", "seen": 10, "total": 10 * (i + 1), "drawn": {"pck": 0.1, "oks": 0.2, "people": 6}}
        for i in range(2)
    ]
    log.write_text("\n".join(map(json.dumps, rows)))
    assert lpn("card", folder, "--log", log, "--note", "Only drawn.") == 0
    card = (folder / "README.md").read_text()
    int8 = next(r for r in results["rows"] if (r["runtime"], r["flip"], r["decoding"]) == ("int8", False, "manifest"))
    assert f"| drawn | 6 | **int8** | no | {int8['pck']:.3f} | {int8['oks']:.3f} |" in card
    assert "Only drawn." in card and "20 samples in 2 stages" in card and (folder / "curve.png").stat().st_size > 1000

    (folder / "model.toml").write_text(manifest.text().replace(manifest.sha256, "0" * 64))
    assert lpn("card", folder) == 1
    assert "run `lpn evaluate` again" in capsys.readouterr().err


def test_a_checkpoint_is_evaluated_as_the_onnx_file_made_from_it(lpn, tiny, tmp_path, capsys):
    data = draw_people(tmp_path, 6)
    (tmp_path / "c.toml").write_text(CONFIG)
    weights, folder = tmp_path / "w.safetensors", tmp_path / "m"
    save_weights(tiny.state_dict(), weights)
    where = ("--annotations", data, "--images", tmp_path, "--no-flip")
    member = ("--config", tmp_path / "c.toml", "--size", "64x48")
    assert lpn("export", weights, folder, *member, "--version", "1") == 0
    capsys.readouterr()

    assert lpn("evaluate", "--weights", weights, *member, *where) == 0
    alone = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lpn("evaluate", folder, *where) == 0
    exported = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert len(alone) == 2 and alone[0][0] == "pytorch"
    assert [row[1:] for row in alone] == [row[1:] for row in exported]
    assert [p.name for p in tmp_path.glob("*/results*.json")] == ["results.json"]

    assert lpn("evaluate", "--weights", weights, *where) == 2
    assert "--size" in capsys.readouterr().err


def test_convert_says_what_is_wrong_with_a_file(lpn, tmp_path, capsys):
    torch.save({"a": torch.zeros(1)}, tmp_path / "a.pth")
    assert lpn("convert", tmp_path / "a.pth", tmp_path / "m") == 1
    assert "a.pth: blocks of layer1..4 are (0, 0, 0, 0)" in capsys.readouterr().err
    assert lpn("convert", tmp_path / "b.pth", tmp_path / "m") == 1
    assert "b.pth" in capsys.readouterr().err


def test_convert_writes_a_folder_that_the_other_commands_take(lpn, tmp_path):
    torch.save(stir(LPN(NetSpec())).state_dict(), tmp_path / "a.pth")
    assert lpn("convert", tmp_path / "a.pth", tmp_path / "m", "--size", "64x48") == 0
    data = draw_people(tmp_path, 2)
    assert lpn("quantize", tmp_path / "m", "--annotations", data, "--images", tmp_path, "--crops", 2) == 0
    manifest = Manifest.load(tmp_path / "m")
    assert (manifest.channels, manifest.quarter_shift, manifest.quantization) == ("bgr", True, "qdq-u8s8")


def test_sizes_are_read_as_height_and_width(lpn, tmp_path, capsys):
    with pytest.raises(SystemExit):
        lpn("convert", "a.pth", tmp_path, "--size", "256")
    assert "want HEIGHTxWIDTH" in capsys.readouterr().err


def test_bench_train_says_how_fast_and_where_the_time_goes(lpn, capfd):
    assert lpn("bench-train", "--size", "64x32", "--processes", "1", "--steps", "1", "--f32") == 0
    text = capfd.readouterr().out
    assert "samples/s, 1 processes, 64x32" in text and "convolutions" in text and "batch norm" in text
