"""Recipes side by side: short runs from the same checkpoint with the same seed, one thing changed
in each.

    export LPN_INIT=START.safetensors
    python recipes.py --data ../../../shared/data/people --drawn SYNTH --state FOLDER

Prints a Markdown table. A finished run is not repeated. `--drawn` is a folder of
`python -m lpn render`.
"""

import argparse
import json
import logging
import os
from dataclasses import replace
from pathlib import Path

import torch
from lpn import __main__ as cli
from lpn import train
from lpn.net import NetSpec
from lpn.schedule import Config, Stage

BASE = Stage("128x96", 128, 96, samples=3200, lr=2e-3, warmup=320, ema=0.95, bf16=True, augment=0.5)
STAGES = {
    "base: batch 32, rate 2e-3, MSE + 0.5 CE, half augmentation": BASE,
    "full augmentation": replace(BASE, augment=1.0),
    "rate 4e-3": replace(BASE, lr=4e-3),
    "with drawn people, one crop in seven": BASE,
    "MSE alone": replace(BASE, cross_entropy=0.0),
    "batch 16, rate 1.4e-3": replace(BASE, batch=16, lr=1.4e-3, ema=0.975),
    "teacher's people filtered": BASE,
    "rate 1e-3": replace(BASE, lr=1e-3),
}


def sure(annotations: Path, out: Path) -> Path:
    """The annotations without people of whom the teacher knew fewer than 10 keypoints, or whom
    nobody but it saw."""
    data = json.loads(annotations.read_text())
    data["annotations"] = [a for a in data["annotations"] if a["num_keypoints"] >= 10 and a.get("box") != "teacher"]
    out.write_text(json.dumps(data))
    return out


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--data", type=Path, required=True, help="folder with annotations/ and images/")
    p.add_argument("--drawn", type=Path, required=True)
    p.add_argument("--state", type=Path, required=True)
    p.add_argument("--only", default="", help="those recipes whose name contains this")
    args = p.parse_args()
    logging.disable(logging.WARNING)
    torch.set_num_threads(1)
    args.state.mkdir(parents=True, exist_ok=True)
    annotations, images = args.data / "annotations", str(args.data / "images")
    real = {"annotations": str(annotations / "train.json"), "images": images}
    drawn = {"annotations": str(args.drawn / "annotations.json"), "images": str(args.drawn / "images")}
    filtered = {**real, "annotations": str(sure(annotations / "train.json", args.state / "sure.json"))}
    hold = {"annotations": str(annotations / "holdout.json"), "images": images}
    sources = {"with drawn people, one crop in seven": (real, {**drawn, "repeat": 3}), "teacher's people filtered": (filtered,)}
    print("| recipe | Stanford PCK@0.2, OKS | LSPet PCK@0.2, OKS |\n| --- | --- | --- |")
    for index, (name, stage) in enumerate(STAGES.items()):
        folder = args.state / str(index)
        if args.only not in name:
            continue
        if not (folder / f"00-{stage.name}.safetensors").is_file():
            config = Config(NetSpec(), (stage,), sources.get(name, (real,)), hold, 11, os.environ["LPN_INIT"])
            # Pictures are kept decoded by the place of their source, which is another one for the
            # drawn people only.
            train.run(config, folder, cli.cache_dir() / "pictures", stage.samples)
        last = json.loads((folder / "log.jsonl").read_text().splitlines()[-1])
        cells = [f"{last[s]['pck']:.3f}, {last[s]['oks']:.3f}" for s in ("stanford40", "lspet")]
        print(f"| {name} | {cells[0]} | {cells[1]} |", flush=True)


if __name__ == "__main__":
    main()
