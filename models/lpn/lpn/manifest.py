"""`model.toml`: what the daemon must know about a model besides its ONNX file."""

import hashlib
import json
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from lpn import coco, crop, metrics

# What is true of weights trained on the project's data pack.
LICENCE = "MIT OR Apache-2.0"
RESEARCH_DATA = (
    "The licence covers the maintainers' own rights in these weights. They were trained on pictures that others publish "
    "for research and ask to have cited (see data); it grants no rights in those, and who uses the weights for more than "
    "research judges whether the terms of those data sets bear on that use."
)
FLOAT = "float.onnx"
INT8 = "model.onnx"


@dataclass
class Manifest:
    """A pose network's manifest, schema 1. Mean and std are in pixel units, in the order of the
    planes."""

    name: str
    version: str
    licence: str
    data: list[str]
    architecture: str
    height: int
    width: int
    onnx: str = FLOAT
    sha256: str = ""
    quantization: str = "none"
    channels: str = "rgb"
    mean: list[float] = field(default_factory=lambda: [round(float(v), 3) for v in crop.MEAN])
    std: list[float] = field(default_factory=lambda: [round(float(v), 3) for v in crop.STD])
    keypoints: list[str] = field(default_factory=lambda: list(coco.KEYPOINTS))
    flip_pairs: list[list[int]] = field(default_factory=lambda: [list(p) for p in coco.FLIP_PAIRS])
    beta: float = metrics.BETA
    window_px: int = metrics.WINDOW
    quarter_shift: bool = False
    box_margin: float = crop.MARGIN
    border: list[float] | None = None  # what `lpn border` fitted; None: the daemon's default
    data_terms: str = ""  # what the sources of the data ask of users

    def normalise(self, crops: np.ndarray) -> np.ndarray:
        """u8 [N, H, W, 3] RGB -> the network's input, f32 [N, 3, H, W]."""
        planes = crops if self.channels == "rgb" else crops[..., ::-1]
        x = (planes.astype(np.float32) - np.float32(self.mean)) / np.float32(self.std)
        return np.ascontiguousarray(x.transpose(0, 3, 1, 2))

    def decode(self, heatmaps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Heatmaps f32 [N, K, h, w] -> keypoints f32 [N, K, 2] in heatmap px, scores f32 [N, K]."""
        points, scores = metrics.soft_argmax(heatmaps, self.beta, self.window_px)
        return (metrics.quarter_shift(heatmaps, points) if self.quarter_shift else points), scores

    def seal(self, folder: Path, file: str, quantization: str) -> None:
        """Points at `file` in `folder`, takes its checksum, and writes `folder`/model.toml."""
        self.onnx, self.quantization = file, quantization
        self.sha256 = hashlib.sha256((Path(folder) / file).read_bytes()).hexdigest()
        (Path(folder) / "model.toml").write_text(self.text())

    def text(self) -> str:
        """The manifest as TOML."""
        # Strings, numbers, booleans and flat lists are written alike in JSON and TOML.
        v = json.dumps
        names = ",\n".join("    " + ", ".join(v(k) for k in self.keypoints[i : i + 5]) for i in range(0, 17, 5))
        return f"""schema = 1
name = {v(self.name)}
version = {v(self.version)}
kind = "heatmap-pose"
licence = {v(self.licence)}
data = {v(self.data)}
data_terms = {v(self.data_terms)}
architecture = {v(self.architecture)}

[file]
onnx = {v(self.onnx)}
sha256 = {v(self.sha256)}
quantization = {v(self.quantization)}

[input]
name = "input"
height = {self.height}
width = {self.width}
channels = {v(self.channels)}
mean = {v(self.mean)}
std = {v(self.std)}

[output]
name = "heatmaps"
stride = {crop.STRIDE}
offset_px = 0.0

[pose]
keypoints = [
{names},
]
flip_pairs = {v(self.flip_pairs)}
beta = {v(float(self.beta))}
window_px = {self.window_px}
quarter_shift = {v(self.quarter_shift)}
box_margin = {v(self.box_margin)}
""" + ("" if self.border is None else f"border = {v(self.border)}\n")

    @staticmethod
    def load(folder: Path) -> "Manifest":
        """Reads `folder`/model.toml; raises ValueError where it is not a pose network's manifest of
        schema 1."""
        path = Path(folder) / "model.toml"
        d = tomllib.loads(path.read_text())
        if d.get("schema") != 1 or d.get("kind") != "heatmap-pose":
            raise ValueError(f"{path}: schema {d.get('schema')}, kind {d.get('kind')!r}: need 1 and \"heatmap-pose\"")
        try:
            top = {k: d[k] for k in ("name", "version", "licence", "data", "architecture")}
            file = {k: d["file"][k] for k in ("onnx", "sha256", "quantization")}
            shape = {k: d["input"][k] for k in ("height", "width", "channels", "mean", "std")}
            return Manifest(**top, data_terms=d.get("data_terms", ""), **file, **shape, **d["pose"])
        except (KeyError, TypeError) as e:
            raise ValueError(f"{path}: missing or unknown key: {e}") from e
