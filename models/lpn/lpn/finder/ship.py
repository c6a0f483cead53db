"""`python -m lpn person`: a trained finder -> its model folder: float and int8 ONNX, manifest,
measured card."""

import hashlib
import json
from pathlib import Path

import cv2
import numpy as np

from lpn import crop, export, quantize
from lpn.family import build
from lpn.finder import card, codec, dataset, judge, training
from lpn.pose.evaluate import onnx_runner
from lpn.manifest import FLOAT, INT8, LICENCE, RESEARCH_DATA
from lpn.net import parameter_count
from lpn.schedule import Config
from lpn.trainer import load_weights

OUTPUT = "centers"
NMS_IOU = 0.6
ARCHITECTURE = {
    "lpn": "LPN-50, half as wide, one upsampling step, five outputs",
    "lite": "EfficientNet-Lite0, pyramid to stride 8, five outputs",
}
LICENCES = {
    "lpn": LICENCE,
    "lite": "Apache-2.0",  # as the published weights that it starts from
}
IMAGENET = "ImageNet (Russakovsky et al. 2015), through the published weights of EfficientNet-Lite0 (Apache-2.0)"
DATA = [
    "Stanford 40 Actions (Yao et al., ICCV 2011): boxes of the acting people by humans, of others by MoveNet MultiPose",
    "Human Dataset v2 (version 6) and capstone2 (version 11), Roboflow exports, CC BY 4.0: boxes by humans",
    "Leeds Sports Pose Extended (Johnson & Everingham, CVPR 2011): boxes from keypoints",
    "drawn scenes (MakeHuman bodies, CC0)",
]
UNLABELLED = "people in those pictures whom nobody labelled: boxes by PicoDet-S pedestrian (PaddleDetection, Apache-2.0)"
BANDS = {"24 to 48 px": (24, 48), "48 to 96 px": (48, 96), "96 px and more": (96, 1e9)}


def run(args) -> int:
    config = Config.load(args.config)
    config.refuse_unset_variables()
    height, width = (int(v) for v in args.size.split("x"))
    net = build(config.net)
    load_weights(net, args.weights)
    net = training.shipped(net)
    samples = dataset.Samples(config, args.cache)
    held = training.HoldOut(config, args.cache, samples)

    model = export.build(net, height, width, OUTPUT)
    export.save(model, args.folder / FLOAT)
    crops = calibration(samples, width, height, args.scenes)
    export.save(quantize.quantize(model, crops, "minmax"), args.folder / INT8)

    outputs = {"float32": onnx_runner(args.folder / FLOAT, 1), "int8": onnx_runner(args.folder / INT8, 1)}
    threshold = round(held.threshold(outputs["int8"], width, height), 3)
    results = {
        "parameters": parameter_count(net),
        "mmac": round(multiply_adds(model) / 1e6, 1),
        "threshold": threshold,
        "int8_bytes": (args.folder / INT8).stat().st_size,
        "holdout": {kind: held.measure_outputs(f, width, height, threshold) for kind, f in outputs.items()},
        "by_height": by_height(outputs["int8"], held, width, height, threshold),
    }
    if args.demo:
        results["demo"] = {k: measure_clip(f, args.demo, width, height, threshold) for k, f in outputs.items()}
    (args.folder / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    sha256 = hashlib.sha256((args.folder / INT8).read_bytes()).hexdigest()
    name = args.folder.resolve().name
    family = config.net.family
    made = card.Made(made_from(config), ARCHITECTURE[family], args.config.name, LICENCES[family])
    told = manifest(name, args.version, (height, width), threshold, sha256, made)
    (args.folder / "model.toml").write_text(told)
    misses = card.failures(outputs["int8"], width, height, threshold, NMS_IOU, args.folder / "failures.jpg")
    log = args.log.read_text() if args.log else ""
    text = card.card(name, args.version, results, misses, log, made)
    (args.folder / "README.md").write_text(text)
    print(json.dumps(results, indent=1))
    return 0


def made_from(config: Config) -> list[str]:
    """The data sets behind a config, as cards and manifests name them."""
    published = [IMAGENET] if config.net.family == "lite" else []
    taught = [UNLABELLED] if any("unlabelled" in source for source in config.sources) else []
    return published + DATA + taught


def calibration(samples: dataset.Samples, width: int, height: int, count: int, seed: int = 7) -> np.ndarray:
    """Whole training scenes, photographs and drawn ones by their shares: f32
    [count, 3, height, width]."""
    rng = np.random.default_rng(seed)
    cut = []
    for _ in range(count):
        source = samples.sources[int(rng.choice(len(samples.sources), p=samples.shares))]
        at = source.train[int(rng.integers(len(source.train)))]
        cut.append(codec.letterbox(source.pictures[at], width, height)[0])
    return crop.normalise(np.stack(cut))


def multiply_adds(model) -> int:
    """Of one input: convolutions only, from the shapes in the graph."""
    shapes = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim]
              for v in (*model.graph.value_info, *model.graph.input, *model.graph.output)}  # fmt: skip
    weights = {c.name: list(c.dims) for c in model.graph.initializer}
    total = 0
    for node in model.graph.node:
        if node.op_type in ("Conv", "ConvTranspose"):
            # A transposed convolution uses its weights at every input position, a plain one at
            # every output.
            plane = shapes[node.output[0] if node.op_type == "Conv" else node.input[0]][2:]
            total += int(np.prod(weights[node.input[1]])) * int(np.prod(plane))
    return total


def by_height(outputs_of, held, width, height, threshold) -> dict:
    """Recall on each hold-out by how tall people are in the input."""
    out = {}
    for part, scenes in held.scenes.items():
        found = training.find(outputs_of, scenes, scenes.all, width, height, held.stride)
        out[part] = {name: _band(found, scenes, width, height, threshold, ends) for name, ends in BANDS.items()}
    return out


def _band(found, scenes, width, height, threshold, ends) -> dict:
    hits = people = 0
    for picture, at in zip(found, scenes.all):
        _, _, scale = crop.widen((0, 0, *scenes.pictures[at].shape[1::-1]), width, height)
        tall = (picture.people[:, 3] - picture.people[:, 1]) / scale
        picture.counts = (tall >= ends[0]) & (tall < ends[1])
        kinds = judge.match(picture)
        hits += int(((kinds == 1) & (picture.scores >= threshold)).sum())
        people += int(picture.counts.sum())
    return {"people": people, "recall": round(hits / max(people, 1), 3)}


def measure_clip(outputs_of, folder: Path, width: int, height: int, threshold: float, every: int = 5) -> dict:
    """Figures on every fifth frame of the demo clip; people with less than 40 % visible do not
    count."""
    truth = json.loads((folder / "walk.json").read_text())
    video = cv2.VideoCapture(str(folder / truth["video"]))
    pictures = []
    for index, frame in enumerate(truth["frames"]):
        ok, picture = video.read()
        if not ok:
            raise RuntimeError(f"{folder / truth['video']}: frame {index} cannot be read")
        if index % every:
            continue
        small, a = codec.letterbox(picture[:, :, ::-1], width, height)
        boxes, scores = codec.decode(outputs_of(crop.normalise(small[None]))[0], 0.05, NMS_IOU)
        people = np.array([p["box"] for p in frame["people"]], np.float32).reshape(-1, 4)
        people[:, 2:] += people[:, :2]
        result = judge.Found.of(codec.move_boxes(boxes, a), scores, people, a[0, 0])
        result.counts &= np.array([p["seen"] >= 0.4 for p in frame["people"]], bool)
        pictures.append(result)
    return judge.measure(pictures, threshold)


def manifest(name: str, version: str, size: tuple, threshold: float, sha256: str, made: card.Made) -> str:
    """`model.toml`, schema 1, kind "center-person". `size`: height, width."""
    height, width = size
    mean, std = ([round(float(v), 3) for v in values] for values in (crop.MEAN, crop.STD))
    return f"""schema = 1
name = {json.dumps(name)}
version = {json.dumps(version)}
kind = "center-person"
licence = {json.dumps(made.licence)}
data = {json.dumps(made.data)}
data_terms = {json.dumps(RESEARCH_DATA)}
architecture = {json.dumps(made.architecture)}

[file]
onnx = "{INT8}"
sha256 = "{sha256}"
quantization = "qdq-u8s8"

[input]
name = "input"
height = {height}
width = {width}
channels = "rgb"
mean = {mean}
std = {std}

[output]
name = "{OUTPUT}"
stride = {codec.STRIDE}
offset_px = {codec.offset_px()}

[person]
score_threshold = {threshold}
nms_iou = {NMS_IOU}
"""
