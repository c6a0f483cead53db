"""Compares posed's engine with ONNX Runtime on hold-out people: the same int8 file, the same crops.

Prints how many confident keypoints lie within half a heatmap px of ONNX Runtime's, and how far PCK@0.2 and
mean OKS against the labels differ. Needs the packages of models/lpn (numpy, OpenCV, onnxruntime). Fails if
a value misses its bar.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lpn"))
from lpn import coco, crop, metrics  # noqa: E402
from lpn.manifest import Manifest  # noqa: E402

CONFIDENT = 0.3  # heatmap value at ONNX Runtime's keypoint
NEAR_PX = 0.5  # heatmap px
BARS = {"near": 0.995, "pck": 0.003, "oks": 0.003}


def reference(path, x, optimised=True, exact=True):
    """ONNX Runtime's heatmaps, one crop at a time, as the daemon computes batches too.

    On processors without VNNI, its u8-by-s8 kernels add two products in i16, which saturates. `exact` makes it
    follow its specification on every processor.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    if exact:
        options.add_session_config_entry("session.x64quantprecision", "1")
    if not optimised:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return np.concatenate([session.run(None, {name: x[i : i + 1]})[0] for i in range(len(x))])


def ours(posed, folder, crops, kernels, shape):
    """posed's heatmaps of u8 crops [N, H, W, 3] in the model's channel order."""
    with tempfile.TemporaryDirectory() as work:
        raw, out = Path(work) / "crops.u8", Path(work) / "heatmaps.f32"
        raw.write_bytes(crops.tobytes())
        command = [posed, "bench", "heatmaps", "--model", str(folder), "--crops", str(raw), "--output", str(out)]
        subprocess.run(command + (["--kernels", kernels] if kernels else []), check=True)
        return np.fromfile(out, np.float32).reshape(shape)


def scores(points, affines, people):
    score = metrics.Score()
    for k, a, p in zip(points, affines, people):
        score.add((k * crop.STRIDE) @ a[:, :2].T + a[:, 2], p.keypoints, p.visible, p.area)
    return score.pck, score.mean_oks


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--posed", default="target/release/posed")
    parser.add_argument("--model", type=Path, default=Path("models/lpn50-256x192"))
    parser.add_argument("--annotations", type=Path, required=True, help="COCO keypoints")
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--people", type=int, default=600, help="number of people, taken evenly from all")
    parser.add_argument("--kernels", default="", help="comma separated; default: the best on this processor")
    parser.add_argument("--out", type=Path, help="JSON file to write")
    args = parser.parse_args()
    manifest = Manifest.load(args.model)
    everyone = coco.load_people(args.annotations, args.images)
    pictures = coco.Pictures(everyone, None)
    step = max(1, len(everyone.people) // args.people)
    people = [p for p in everyone.people[::step] if p.image not in pictures.broken][: args.people]
    cut = [crop.evaluation_crop(pictures[p.image], p.bbox, manifest.width, manifest.height) for p in people]
    crops, affines = np.stack([c for c, _ in cut]), [a for _, a in cut]
    x = manifest.normalise(crops)
    if manifest.channels == "bgr":
        crops = np.ascontiguousarray(crops[..., ::-1])
    want = reference(args.model / manifest.onnx, x)
    want_points, want_scores = manifest.decode(want)
    sure = want_scores > CONFIDENT
    base = scores(want_points, affines, people)
    print(f"{args.model}: {len(people)} people, {int(sure.sum())} confident keypoints; "
          f"onnxruntime PCK {base[0]:.4f}, OKS {base[1]:.4f}")
    # How far ONNX Runtime is from itself: without fusing, which shows the effect of the model's own rounding, and
    # by default, which shows the effect of saturation on processors without VNNI.
    itself = {}
    for name, how in (("without fusing", {"optimised": False}), ("by default", {"exact": False})):
        points = manifest.decode(reference(args.model / manifest.onnx, x, **how))[0]
        away = np.linalg.norm(points - want_points, axis=2)[sure]
        itself[name] = float((away <= NEAR_PX).mean())
        print(f"onnxruntime {name}: {100 * itself[name]:.3f} % within {NEAR_PX} px of its exact arithmetic "
              f"(mean {away.mean():.4f})")
    rows, good = [], True
    for kernels in args.kernels.split(","):
        points, _ = manifest.decode(ours(args.posed, args.model, crops, kernels, want.shape))
        away = np.linalg.norm(points - want_points, axis=2)[sure]
        pck, oks = scores(points, affines, people)
        row = {"kernels": kernels or "best", "near": float((away <= NEAR_PX).mean()), "mean_px": float(away.mean()),
               "pck": pck, "oks": oks, "pck_difference": pck - base[0], "oks_difference": oks - base[1]}
        held = (row["near"] >= BARS["near"] and abs(row["pck_difference"]) <= BARS["pck"]
                and abs(row["oks_difference"]) <= BARS["oks"])
        good &= held
        rows.append(row)
        print(f"{row['kernels']}: {100 * row['near']:.3f} % within {NEAR_PX} px (mean {row['mean_px']:.4f}), PCK "
              f"{pck:.4f} ({row['pck_difference']:+.4f}), OKS {oks:.4f} ({row['oks_difference']:+.4f}): "
              f"{'holds' if held else 'MISSED'}")
    if args.out:
        report = {"model": str(args.model), "people": len(people), "confident": int(sure.sum()), "bars": BARS,
                  "onnxruntime": {"pck": base[0], "oks": base[1], "near_itself": itself},
                  "posed": rows}
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps(report, indent=1) + "\n")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
