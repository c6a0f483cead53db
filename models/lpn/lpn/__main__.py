"""`python -m lpn COMMAND`: see `python -m lpn COMMAND --help`."""

import argparse
import logging
import os
import sys
from pathlib import Path

from lpn.finder import commands as finder_commands
from lpn.pose import commands as pose_commands


def cache_dir() -> Path:
    """Where checkpoints and decoded pictures are kept: never in the repository."""
    base = os.environ.get("LPN_STATE") or Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "posed/lpn"
    return Path(base)


def train_command(sub):
    p = sub.add_parser("train", help="train by a config file; continues where a killed run stopped")
    p.add_argument("--config", type=Path, required=True)
    p.add_argument("--state", type=Path, help="folder of the run (default: the config's name in the cache folder)")
    p.add_argument("--max-samples", type=int, help="stop after this many samples, to be continued")
    p.add_argument("--measure-every", type=int, default=20000, help="samples between looks at the hold-out")
    p.add_argument("--threads", type=int, default=0, help="torch threads (default: all cores)")
    p.add_argument("--processes", type=int, default=1, help="share each batch among this many processes of one thread")
    p.add_argument("--device", help="torch's name, such as cpu or cuda:1 (default: a GPU where torch finds one)")
    p.set_defaults(run=train)


def train(args) -> int:
    import torch

    from lpn import train as trainer
    from lpn.schedule import Config

    if args.threads:
        torch.set_num_threads(args.threads)
    state = args.state or cache_dir() / args.config.stem
    try:
        config = Config.load(args.config)
        trainer.run(config, state, cache_dir() / "pictures", args.measure_every, args.max_samples, args.processes,
                    args.device)  # fmt: skip
    except (ValueError, OSError) as e:
        print(f"lpn train: {e}", file=sys.stderr)
        return 1
    return 0


def pack_command(sub):
    p = sub.add_parser("pack", help="a config's people as a bundle of small pictures, to train on another machine")
    p.add_argument("folder", type=Path, help="gets bundle.json and the shards; must be new or empty")
    p.add_argument("--config", type=Path, required=True, help="training config whose [[source]] tables are packed")
    p.add_argument("--size", default="256x192", help="HEIGHTxWIDTH of the largest crops (default: %(default)s)")
    p.add_argument("--room", type=float, default=1.25, help="side of a window by the crop's (default: %(default)s)")
    p.add_argument("--quality", type=int, default=50, help="of WebP, 1 to 100 (default: %(default)s)")
    p.add_argument("--shard-mb", type=float, default=15, help="most of a file (default: %(default)s)")
    p.add_argument("--bundle-mb", type=float, default=50, help="most of all files (default: %(default)s)")
    p.add_argument("--skip", type=int, default=0, help="start after this many: the rest of a bundle that was full")
    p.set_defaults(run=pack)


def pack(args) -> int:
    from lpn.pose import bundle
    from lpn.schedule import Config

    height, width = map(int, args.size.split("x"))
    try:
        index = bundle.pack(Config.load(args.config), args.folder, bundle.Shape(height, width, args.room), args.quality,
                            args.shard_mb, args.bundle_mb, args.skip)  # fmt: skip
    except (ValueError, OSError) as e:
        print(f"lpn pack: {e}", file=sys.stderr)
        return 1
    more = f"; it is full: pack the rest into another folder with --skip {index['next']}" if index["next"] else ""
    print(f"{args.folder}: {index['people']} people in {len(index['shards'])} shards{more}")
    return 0


def bench_train_command(sub):
    p = sub.add_parser("bench-train", help="samples/s of training here, and where the time goes")
    p.add_argument("--size", default="256x192", help="HEIGHTxWIDTH of the crops (default: %(default)s)")
    p.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    p.add_argument("--steps", type=int, default=5)
    p.add_argument("--f32", action="store_true", help="without bf16, which pays where a processor multiplies it by itself")
    p.set_defaults(run=bench_train)


def bench_train(args) -> int:
    import tempfile

    from lpn import profile

    height, width = map(int, args.size.split("x"))
    with tempfile.TemporaryDirectory() as folder:
        profile.bench(height, width, args.processes, args.steps, Path(folder), not args.f32)
    return 0


def render_command(sub):
    p = sub.add_parser("render", help="draw people with exact keypoints and boxes, as COCO-format data")
    p.add_argument("folder", type=Path, nargs="?", help="gets images/ and annotations.json; a run that was stopped goes on")
    p.add_argument("--scene", action="append", metavar="NAME",
                   help="draw a clip of this scene and its truth instead; may be repeated; `all`: of each scene; "
                        "`test`: the 200 clips of docs/events.md")  # fmt: skip
    p.add_argument("--stills", type=int, metavar="N", help="with --scene: no clips, but N pictures of each in FOLDER")
    p.add_argument("--clips", type=int, default=1, help="with --scene: clips of each scene, with seeds from --seed on")
    p.add_argument("--fps", type=int, default=8, help="with --scene: frames a second (default: %(default)s)")
    p.add_argument("--size", default="640x360", help="with --scene: WIDTHxHEIGHT (default: %(default)s)")
    p.add_argument("--quality", type=int, default=24, help="with --scene: the encoder's; lower is better (default: %(default)s)")
    p.add_argument("--seconds", type=float, default=float("inf"), help="with --scene: cut clips off after this long")
    p.add_argument("--out", type=Path, metavar="FOLDER", help="with --scene: gets NAME-SEED.mp4 and NAME-SEED.json")
    p.add_argument("--count", type=int, default=1000)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    p.add_argument("--demo", nargs="?", type=int, const=0, metavar="SEED",
                   help="draw the demo clip walk.mp4 and walk.json instead, or another like it by a seed from 1 (needs ffmpeg)")  # fmt: skip
    p.set_defaults(run=render)


def render(args) -> int:
    from lpn.render import body, demo, pictures

    if args.scene:
        return render_scenes(args)
    if args.folder is None:
        print("lpn render: name the folder, or a scene with --scene NAME --out FOLDER", file=sys.stderr)
        return 2
    try:
        if args.demo is not None:
            variant = demo.Variant.drawn(args.demo) if args.demo else demo.Variant()
            demo.make(args.folder, args.workers, variant=variant)
        else:
            print(pictures.render(args.folder, args.count, args.seed, args.workers))
    except body.BodyError as error:
        print(f"lpn render: {error}", file=sys.stderr)
        return 1
    return 0


def render_scenes(args) -> int:
    from lpn.render import acts, body, film, stills

    names = list(acts.SCENES) if "all" in args.scene else args.scene
    clips = [(name, seed) for seed in range(args.seed, args.seed + args.clips) for name in names]
    if args.scene == ["test"]:
        clips = acts.test_clips()
    unknown = [name for name, _ in clips if name not in acts.SCENES]
    target = args.folder if args.stills else args.out
    if unknown or target is None:
        needs = "--stills needs FOLDER" if args.stills else "--scene needs --out FOLDER"
        what = f"no scene {unknown[0]!r}; scenes: {', '.join(acts.SCENES)}" if unknown else needs
        print(f"lpn render: {what}", file=sys.stderr)
        return 2
    width, height = map(int, args.size.split("x"))
    form = film.Format(width, height, args.fps, args.quality, args.seconds)
    try:
        bank = body.load_bank()
        if args.stills:
            print(stills.render(target, clips, args.stills, bank, form))
            return 0
        for name, seed in clips:
            print(film.shoot(bank, name, seed, args.out, form), flush=True)
    except (body.BodyError, film.EncodeError) as error:
        print(f"lpn render: {error}", file=sys.stderr)
        return 1
    return 0


def judge_clips_command(sub):
    p = sub.add_parser("judge-clips", help="replay rendered clips through posed, and compare events and postures with their truth")
    p.add_argument("folder", type=Path, help="clips of `render --scene`")
    p.add_argument("--posed", type=Path, required=True, help="the program")
    p.add_argument("--confirm-s", type=float, default=8, help="of fall events; clips show 9 s after a fall (default: %(default)s)")
    p.add_argument("--model", help="folder of the pose model (default: posed's)")
    p.add_argument("--person-model", help="folder of the person finder (default: posed's)")
    p.add_argument("--keep", type=Path, metavar="DIR", help="keep the messages of each clip here, and go on from there")
    p.add_argument("--jobs", type=int, default=1, help="clips at a time (default: %(default)s)")
    p.add_argument("--json", action="store_true", help="print all figures, and every clip, as JSON")
    p.set_defaults(run=judge_clips)


def judge_clips(args) -> int:
    import json

    from lpn.render import judge

    models = [part for name in ("model", "person_model") if (path := getattr(args, name))
              for part in (f"--{name.replace('_', '-')}", path)]  # fmt: skip
    try:
        verdicts = judge.run(args.folder, args.posed, args.confirm_s, args.jobs, args.keep, models)
    except (judge.JudgeError, OSError) as error:
        print(f"lpn judge-clips: {error}", file=sys.stderr)
        return 1
    figures = judge.summary(verdicts, args.confirm_s)
    if args.json:
        print(json.dumps(figures | {"verdicts": [v.told() for v in verdicts]}, indent=1))
    else:
        print(judge.table(figures))
    return 0


def main() -> int:
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    parser = argparse.ArgumentParser(prog="lpn", description=__doc__)
    sub = parser.add_subparsers(required=True, metavar="COMMAND")
    own = (train_command, pack_command, bench_train_command, render_command, judge_clips_command)
    for command in (*own, *finder_commands.ALL, *pose_commands.ALL):
        command(sub)
    args = parser.parse_args()
    return args.run(args)


if __name__ == "__main__":
    sys.exit(main())
