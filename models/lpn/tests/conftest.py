"""Small networks and pictures drawn on the spot: nothing here needs the data pack."""

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

torch = pytest.importorskip("torch")

from lpn.net import LPN, NetSpec  # noqa: E402

torch.set_num_threads(1)  # tiny tensors: more threads only wait for each other
TINY = NetSpec(blocks=(1, 1, 1, 1), width=0.25)

# A standing person in a box of 1 x 1, COCO's order.
STANDING = np.array(
    [(.5, .08), (.54, .06), (.46, .06), (.58, .08), (.42, .08), (.66, .22), (.34, .22), (.74, .38), (.26, .38),
     (.78, .52), (.22, .52), (.6, .54), (.4, .54), (.62, .75), (.38, .75), (.63, .96), (.37, .96)]
)  # fmt: skip


def stir(net):
    """Gives every layer (also those that start at zero) and every normalisation something to do."""
    torch.manual_seed(3)
    for m in net.modules():
        if isinstance(m, torch.nn.BatchNorm2d):
            m.running_mean.normal_(0, 0.1)
            m.running_var.uniform_(0.5, 1.5)
            m.weight.data.uniform_(0.5, 1.5)
            m.bias.data.normal_(0, 0.1)
        elif getattr(m, "bias", None) is not None:
            m.bias.data.normal_(0, 0.1)
    for name, p in net.named_parameters():
        if "channel_add_conv.3.weight" in name or name == "final_layer.weight":
            p.data.normal_(0, 0.1)
    return net.eval()


@pytest.fixture
def tiny():
    """A network of the family with 16..128 channels, its weights drawn at random."""
    torch.manual_seed(1)
    return stir(LPN(TINY))


def draw_people(folder: Path, count: int, seed: int = 5, source: str = "drawn") -> Path:
    """`count` pictures of a stick figure each, and their COCO annotations: folder/people.json,
    folder/*.png."""
    rng = np.random.default_rng(seed)
    images, rows = [], []
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        picture = rng.integers(60, 120, (160, 120, 3), dtype=np.uint8)
        x, y, w, h = rng.uniform(10, 30), rng.uniform(10, 30), 60 + rng.uniform(0, 15), 110 + rng.uniform(0, 15)
        points = STANDING * (w, h) + (x, y)
        for a, b in ((5, 7), (7, 9), (6, 8), (8, 10), (5, 11), (6, 12), (11, 13), (13, 15), (12, 14), (14, 16), (5, 6)):
            cv2.line(picture, tuple(map(int, points[a])), tuple(map(int, points[b])), (230, 40 + 10 * a, 40), 4)
        name = f"{i}.png"
        cv2.imwrite(str(folder / name), picture)
        images.append({"id": i + 1, "file_name": name, "width": 120, "height": 160, "source": source})
        rows.append(
            {"id": i + 1, "image_id": i + 1, "category_id": 1, "bbox": [x, y, w, h], "area": 0.53 * w * h, "iscrowd": 0,
             "num_keypoints": 17, "keypoints": np.column_stack([points, np.full(17, 2)]).ravel().tolist()}
        )  # fmt: skip
    path = folder / "people.json"
    path.write_text(json.dumps({"images": images, "annotations": rows, "categories": [{"id": 1, "name": "person"}]}))
    return path


@pytest.fixture
def drawn(tmp_path):
    """(annotations, images) of eight drawn people."""
    return draw_people(tmp_path / "people", 8), tmp_path / "people"
