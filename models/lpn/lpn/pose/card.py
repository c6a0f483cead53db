"""The model card: README.md of a model folder. Its figures come from results.json, log.jsonl and
the demo clip."""

import json
from pathlib import Path

import cv2
import numpy as np

from lpn import crop, metrics
from lpn.pose import evaluate
from lpn.coco import KEYPOINTS
from lpn.manifest import FLOAT, INT8, Manifest

BONES = [(5, 7), (7, 9), (6, 8), (8, 10), (5, 6), (5, 11), (6, 12), (11, 12), (11, 13), (13, 15), (12, 14), (14, 16)]
PCK_BAR, OKS_BAR = 0.005, 0.01  # what int8 may lose


class NoResults(ValueError):
    """The measurements for the card are missing, or belong to another model file."""


def load_results(folder: Path, manifest: Manifest) -> dict:
    """results.json of `evaluate`; it must have been measured on the int8 file that lies there
    now."""
    path = Path(folder) / "results.json"
    if not path.is_file():
        raise NoResults(f"{path} is missing: run `lpn evaluate` first")
    results = json.loads(path.read_text())
    if results["sha256"] != manifest.sha256:
        raise NoResults(f"{path} was measured on sha256 {results['sha256'][:12]}.., the folder holds "
                        f"{manifest.sha256[:12]}..: run `lpn evaluate` again")  # fmt: skip
    return results


def _pick(results: dict, **wanted) -> dict | None:
    return next((r for r in results["rows"] if all(r[k] == v for k, v in wanted.items())), None)


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(r) + " |" for r in lines)


def accuracy(results: dict) -> str:
    """f32 against int8, with and without flip test, a source at a time."""
    rows = []
    for r in results["rows"]:
        if r["decoding"] == "manifest":
            name = {"float": "f32", "int8": "**int8**", "pytorch": "PyTorch"}[r["runtime"]]
            rows.append([r["source"], str(r["people"]), name, "yes" if r["flip"] else "no"]
                        + [f"{r[k]:.3f}" for k in ("pck", "oks", "ap", "ap50", "ar")])  # fmt: skip
    rows.sort(key=lambda r: (r[0], r[3]))
    return _table(["hold-out", "people", "file", "flip test", "PCK@0.2", "mean OKS", "AP", "AP50", "AR"], rows)


def int8_loss(results: dict) -> str:
    """What quantization costs on each source, without flip test, and whether that is within the
    bar."""
    lines = []
    for source in sorted({r["source"] for r in results["rows"]}):
        f, q = (_pick(results, runtime=k, source=source, flip=False, decoding="manifest") for k in ("float", "int8"))
        if not f or not q:
            continue
        pck, oks = f["pck"] - q["pck"], f["oks"] - q["oks"]
        verdict = "within" if pck <= PCK_BAR and oks <= OKS_BAR else "**over**"
        lines.append(f"- {source}: int8 loses {100 * pck:+.2f} points of PCK and {oks:+.4f} mean OKS ({verdict} the bar of "
                     f"{100 * PCK_BAR} points and {OKS_BAR}).")  # fmt: skip
    return "\n".join(lines)


def weakest(results: dict, count: int = 4) -> str:
    """The keypoints that are found least often (int8, no flip test), a source at a time."""
    lines = []
    for source in sorted({r["source"] for r in results["rows"]}):
        row = _pick(results, runtime="int8", source=source, flip=False, decoding="manifest")
        known = {k: v for k, v in row["pck_by_keypoint"].items() if v is not None} if row else {}
        worst = sorted(known, key=known.get)[:count]
        if worst:
            lines.append(f"- {source}: " + ", ".join(f"{k.replace('_', ' ')} {known[k]:.2f}" for k in worst))
    return "\n".join(lines)


def read_log(path: Path) -> list[dict]:
    """Rows of a run's log.jsonl."""
    return [json.loads(line) for line in Path(path).read_text().splitlines() if line]


def _measured(row: dict) -> dict:
    return {k: v for k, v in row.items() if isinstance(v, dict)}


def plot_curve(log: list[dict], path: Path) -> None:
    """Hold-out PCK and OKS over samples seen, stages marked."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 3.4), dpi=100, sharex=True)
    for axis, key, title in ((left, "pck", "PCK@0.2"), (right, "oks", "mean OKS")):
        for source in sorted({s for row in log for s in _measured(row)}):
            points = [(row["total"] / 1e3, row[source][key]) for row in log if source in row]
            axis.plot(*zip(*points), marker="o", markersize=3, label=source)
        for row, following in zip(log, log[1:]):
            if following["stage"] != row["stage"]:
                axis.axvline(row["total"] / 1e3, color="0.7", linewidth=1)
                axis.annotate(following["name"], (row["total"] / 1e3, axis.get_ylim()[0]), fontsize=7, rotation=90)
        axis.set(title=title, xlabel="thousands of samples")
        axis.grid(alpha=0.3)
    left.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, metadata={"Software": None})
    pyplot.close(figure)


def _draw(picture, keypoints, shown, colour, origin, zoom):
    at = [tuple(np.rint((p - origin) * zoom).astype(int).tolist()) for p in keypoints]
    for a, b in BONES:
        if shown[a] and shown[b]:
            cv2.line(picture, at[a], at[b], colour, 2, cv2.LINE_AA)
    for i, p in enumerate(at):
        if shown[i]:
            cv2.circle(picture, p, 3, colour, -1, cv2.LINE_AA)


def on_demo(run, manifest: Manifest, demo: Path, every: int = 10):
    """The model on people of the demo clip: [(OKS, frame number, picture tile)], truth in white,
    model in orange."""
    truth = json.loads((demo / "walk.json").read_text())
    video = cv2.VideoCapture(str(demo / truth["video"]))
    out = []
    for number, frame in enumerate(truth["frames"]):
        ok, picture = video.read()
        if not ok:
            raise NoResults(f"{demo / truth['video']}: ends at frame {number} of {len(truth['frames'])}")
        if number % every:
            continue
        for person in frame["people"]:
            k = np.array(person["keypoints"], np.float32).reshape(-1, 3)
            seen = k[:, 2] > 0
            if not seen.any():
                continue
            cut, a = crop.evaluation_crop(picture[:, :, ::-1], person["box"], manifest.width, manifest.height)
            points, _ = manifest.decode(run(manifest.normalise(cut[None])))
            found = (points[0] * crop.STRIDE) @ a[:, :2].T + a[:, 2]
            oks = metrics.oks(found, k[:, :2], seen, 0.53 * person["box"][2] * person["box"][3])
            zoom = 240 / (a[1, 1] * manifest.height)
            shown = crop.warp(picture, np.column_stack([np.eye(2) / zoom, a[:, 2]]), 180, 240)
            _draw(shown, k[:, :2], seen, (255, 255, 255), a[:, 2], zoom)
            _draw(shown, found, np.ones(17, bool), (0, 140, 255), a[:, 2], zoom)
            cv2.putText(shown, f"OKS {oks:.2f}", (6, 232), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (255, 255, 255), 1, cv2.LINE_AA)
            out.append((oks, number, shown))
    return out


def failures(rows: list, path: Path, count: int = 6) -> None:
    """A strip of the worst tiles, no two of the same second."""
    chosen = []
    for oks, number, tile in sorted(rows, key=lambda r: r[0]):
        if all(abs(number - n) > 25 for _, n, _ in chosen):
            chosen.append((oks, number, tile))
        if len(chosen) == count:
            break
    if not cv2.imwrite(str(path), np.hstack([t for _, _, t in chosen]), [cv2.IMWRITE_JPEG_QUALITY, 85]):
        raise OSError(f"{path}: cannot be written")


def write(folder: Path, log: Path | None, demo: Path | None, note: str) -> Path:
    """Writes folder/README.md and its pictures."""
    folder = Path(folder)
    manifest = Manifest.load(folder)
    results = load_results(folder, manifest)
    size = {f: (folder / f).stat().st_size / 1e6 for f in (FLOAT, INT8) if (folder / f).is_file()}
    parts = [
        f"# {manifest.name}, version {manifest.version}",
        f"{manifest.architecture} (arXiv 1911.10346) for crops of {manifest.height}x{manifest.width} px: COCO's 17 keypoints of "
        "one person. " + ", ".join(f"`{k}` ({'int8' if k == INT8 else 'f32'}, {v:.1f} MB)" for k, v in size.items())
        + f"; `model.toml` says how it is fed and read. Licence of the weights: {manifest.licence}. {manifest.data_terms}".rstrip(),
        note,
        "## Accuracy\n\nPeople never trained on, boxes as annotated, in ONNX Runtime (`python -m lpn evaluate`; every row is in "
        "results.json). PCK@0.2: share of keypoints within a fifth of the torso's diagonal.",
        accuracy(results), int8_loss(results),
        "The keypoints found least often (PCK@0.2, int8):", weakest(results),
        "## Data\n\n" + "\n".join(f"- {d}" for d in manifest.data),
    ]  # fmt: skip
    if log is not None:
        rows = read_log(log)
        plot_curve(rows, folder / "curve.png")
        parts += [f"## Training\n\n{rows[-1]['total']:,} samples in {rows[-1]['stage'] + 1} stages. Each stage starts from the "
                  "averaged weights of the last one.", "![learning curve](curve.png)"]  # fmt: skip
    if demo is not None:
        tiles = on_demo(evaluate.onnx_runner(folder / manifest.onnx), manifest, demo)
        failures(tiles, folder / "failures.jpg")
        scores = np.array([t[0] for t in tiles])
        parts += [
            "## Known failures\n\nThe worst of the demo clip (drawn people, boxes as drawn; white: the truth, orange: this "
            f"model). Mean OKS over {len(scores)} people of the clip: {scores.mean():.3f}; {(scores < 0.5).mean():.0%} are "
            "under 0.5.", "![failures](failures.jpg)",
        ]  # fmt: skip
    path = folder / "README.md"
    path.write_text("\n\n".join(p for p in parts if p) + "\n")
    return path
