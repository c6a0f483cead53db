"""The float network of a model folder of the repository, made from its checkpoint.

The repository holds models/NAME (int8), models/checkpoints/NAME.safetensors and
models/lpn/configs/NAME.toml.
"""

import tomllib
from pathlib import Path

from lpn.manifest import FLOAT

CONFIGS = Path(__file__).resolve().parents[1] / "configs"


class NoCheckpoint(ValueError):
    """The float network cannot be made; the message says what is missing."""


def float_file(folder: Path, out: Path | None = None) -> Path:
    """The path of the float network of a model folder.

    Returns the folder's own `float.onnx` if it has one and `out` is not given. Otherwise exports
    one to `out`, by default target/float/NAME/float.onnx of the repository.
    """
    folder = Path(folder).resolve()
    if out is None and (folder / FLOAT).is_file():
        return folder / FLOAT
    weights, config = folder.parent / "checkpoints" / f"{folder.name}.safetensors", CONFIGS / f"{folder.name}.toml"
    for path in (folder / "model.toml", weights, config):
        if not path.is_file():
            raise NoCheckpoint(f"{folder / FLOAT}: is not there, and without {path} it cannot be made; run `lpn export`")
    from lpn import export

    out = out or folder.parents[1] / "target/float" / folder.name / FLOAT
    export.save(_build(folder, weights, config), out)
    return out


def _build(folder: Path, weights: Path, config: Path):
    from lpn import export, family
    from lpn.finder import ship, training
    from lpn.schedule import POSE, Config
    from lpn.trainer import load_weights

    manifest = tomllib.loads((folder / "model.toml").read_text())
    net = family.build(Config.load(config).net)
    load_weights(net, weights)
    size = manifest["input"]["height"], manifest["input"]["width"]
    return export.build(net, *size) if manifest["kind"] == POSE else export.build(training.shipped(net), *size, ship.OUTPUT)
