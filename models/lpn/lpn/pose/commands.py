"""The commands that work on a model folder: `model.onnx`, `model.toml`, `results.json`,
`README.md`, and `float.onnx` where `export` has just written it."""

import argparse
import json
import sys
from pathlib import Path

from lpn.manifest import FLOAT, INT8, LICENCE, RESEARCH_DATA, Manifest

# PyTorch and the rest are imported by the command that needs them: `--help` is then immediate.


def _size(text: str) -> tuple[int, int]:
    try:
        height, width = (int(v) for v in text.split("x"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: want HEIGHTxWIDTH, such as 256x192") from None
    return height, width


def _data_arguments(p) -> None:
    p.add_argument("--annotations", type=Path, required=True, help="COCO keypoint annotations")
    p.add_argument("--images", type=Path, required=True, help="folder that their file names are relative to")


def _say(text: str) -> None:
    print(text, file=sys.stdout, flush=True)


def export_command(sub):
    p = sub.add_parser("export", help="a checkpoint -> float.onnx and model.toml")
    p.add_argument("weights", type=Path, help=".safetensors of a stage, or a run's state.pt (its averaged weights)")
    p.add_argument("folder", type=Path, help="folder of the model; its name is the model's")
    p.add_argument("--size", type=_size, required=True, help="HEIGHTxWIDTH of the crops")
    p.add_argument("--depth", type=int, choices=(50, 101, 152), default=50)
    p.add_argument("--config", type=Path, help="training config to take another member's [net] from")
    p.add_argument("--version", required=True, help="of the model, such as 2026.11.1")
    p.add_argument("--licence", default=LICENCE)
    p.add_argument("--data-terms", default=RESEARCH_DATA, help="what the sources of the data ask of users")
    p.add_argument("--data", action="append", default=[], help="what it was trained on; may be given again")
    p.set_defaults(run=export)


def export(args) -> int:
    from lpn import export as onnx_export
    from lpn.schedule import Config
    from lpn.trainer import load_weights
    from lpn.net import BLOCKS, LPN, NetSpec

    spec = Config.load(args.config).net if args.config else NetSpec(BLOCKS[args.depth])
    net = LPN(spec)
    load_weights(net, args.weights)
    height, width = args.size
    manifest = Manifest(
        args.folder.resolve().name, args.version, args.licence, args.data, f"LPN-{args.depth}", height, width,
        data_terms=args.data_terms,
    )  # fmt: skip
    onnx_export.save(onnx_export.build(net, height, width), args.folder / FLOAT)
    manifest.seal(args.folder, FLOAT, "none")
    _say(f"{args.folder / FLOAT}: {height}x{width}, sha256 {manifest.sha256}")
    return 0


def float_command(sub):
    p = sub.add_parser("float", help="float.onnx of a folder of the repository, from its checkpoint; prints its path")
    p.add_argument("folder", type=Path, help="of the model")
    p.add_argument("--out", type=Path, help="file to write (default: target/float/NAME/float.onnx of the repository)")
    p.set_defaults(run=export_float)


def export_float(args) -> int:
    from lpn import shipped

    try:
        _say(str(shipped.float_file(args.folder, args.out)))
    except (shipped.NoCheckpoint, OSError) as e:
        print(f"lpn float: {e}", file=sys.stderr)
        return 1
    return 0


def quantize_command(sub):
    p = sub.add_parser("quantize", help="float.onnx of a folder -> model.onnx, int8")
    p.add_argument("folder", type=Path)
    _data_arguments(p)
    p.add_argument("--crops", type=int, default=256, help="training people to calibrate with")
    p.add_argument("--method", choices=("minmax", "percentile", "entropy"), default="minmax")
    p.set_defaults(run=quantize)


def quantize(args) -> int:
    import onnx

    from lpn import export as onnx_export
    from lpn import quantize as quantizer
    from lpn import shipped

    manifest = Manifest.load(args.folder)
    try:
        source = shipped.float_file(args.folder)
    except shipped.NoCheckpoint as e:
        print(f"lpn quantize: {e}", file=sys.stderr)
        return 1
    crops = quantizer.calibration_crops(args.annotations, args.images, manifest.width, manifest.height, args.crops)
    model = quantizer.quantize(onnx.load(str(source)), manifest.normalise(crops), args.method)
    onnx_export.save(model, args.folder / INT8)
    manifest.seal(args.folder, INT8, "qdq-u8s8")
    _say(f"{args.folder / INT8}: {(args.folder / INT8).stat().st_size / 1e6:.2f} MB, sha256 {manifest.sha256}")
    return 0


def border_command(sub):
    p = sub.add_parser("border", help="fit what scores are worth at the border of a picture; writes `border` into model.toml")
    p.add_argument("folder", type=Path, help="of the model")
    p.add_argument("--config", type=Path, required=True, help="training config; its sources with a teacher's labels are cut")
    p.add_argument("--people", type=int, default=1600, help="of each source")
    p.add_argument("--threads", type=int, default=0, help="of ONNX Runtime (default: all cores)")
    p.set_defaults(run=border)


def border(args) -> int:
    from lpn.pose import border as at_border
    from lpn.pose.evaluate import onnx_runner
    from lpn.schedule import Config

    manifest = Manifest.load(args.folder)
    run = onnx_runner(args.folder / manifest.onnx, args.threads)
    seen = at_border.observe(run, manifest, Config.load(args.config), args.people)
    try:
        manifest.border = at_border.fit(seen)
    except ValueError as e:
        print(f"lpn border: {e}", file=sys.stderr)
        return 1
    manifest.seal(args.folder, manifest.onnx, manifest.quantization)
    _say(f"border = {manifest.border}, from {len(seen)} keypoints")
    return 0


def evaluate_command(sub):
    p = sub.add_parser("evaluate", help="measure a model folder, or a checkpoint, on a hold-out")
    p.add_argument("folder", type=Path, nargs="?", help="of the model; gets results.json (default: only --weights)")
    p.add_argument("--annotations", type=Path, help="COCO keypoint file of a hold-out")
    p.add_argument("--images", type=Path, help="folder of its pictures")
    p.add_argument("--holdouts", type=Path, help="training config whose hold-outs are measured, instead of --annotations")
    p.add_argument("--boxes", type=Path, help="COCO detections to look in (default: the annotators' boxes)")
    p.add_argument("--weights", type=Path, help="run this checkpoint (.safetensors, state.pt) in PyTorch as well")
    p.add_argument("--config", type=Path, help="training config of the checkpoint (default: LPN-50)")
    p.add_argument("--size", type=_size, help="HEIGHTxWIDTH of the crops, without a folder")
    p.add_argument("--only", choices=("float", "int8"), help="one of the two ONNX files")
    p.add_argument("--no-flip", action="store_true", help="leave the flip test out, which takes twice as long")
    p.add_argument("--threads", type=int, default=0, help="of ONNX Runtime (default: all cores)")
    p.set_defaults(run=evaluate)


def evaluate(args) -> int:
    from lpn.pose import evaluate as evaluator

    if args.folder is None and not (args.weights and args.size):
        print("lpn evaluate: name a model's folder, or a checkpoint by --weights and --size", file=sys.stderr)
        return 2
    if bool(args.holdouts) == bool(args.annotations and args.images):
        print("lpn evaluate: name --annotations and --images, or --holdouts alone", file=sys.stderr)
        return 2
    manifest = Manifest.load(args.folder) if args.folder else Manifest(args.weights.stem, "", "", [], "", *args.size)
    sets = _people(args)
    results = {
        "name": manifest.name, "version": manifest.version, "sha256": manifest.sha256,
        "boxes": args.boxes.name if args.boxes else "labelled", "faults": {k: n for people, _ in sets for k, n in people.faults.items()}, "rows": [],
    }  # fmt: skip
    for kind, run in _runners(args).items():
        flips = (False,) if args.no_flip else (False, True)
        for people, pictures in sets:
            boxes = evaluator.given_boxes(people, args.boxes) if args.boxes else evaluator.labelled_boxes(people)
            for row in evaluator.evaluate(run, manifest, people, pictures, boxes, flips):
                results["rows"].append({"runtime": kind, **row})
                if row["decoding"] in ("manifest", "argmax"):
                    _say(_line(kind, row))
    if args.folder:
        name = "results.json" if not args.boxes else f"results-{args.boxes.stem}.json"
        (args.folder / name).write_text(json.dumps(results, indent=1) + "\n")
    return 0


def _people(args) -> list:
    """[(people, pictures)] to measure on: one set, or one for each hold-out of the config under its
    own name."""
    from lpn.pose.holdout import HoldOut, HoldOuts
    from lpn.schedule import Config

    if args.holdouts:
        parts = HoldOuts.load(Config.load(args.holdouts).holdout, None).parts
    else:
        parts = [HoldOut.load({"annotations": args.annotations, "images": args.images}, None)]
    return [(part.named(), part.pictures) for part in parts]


def _runners(args) -> dict:
    """What is to be measured: {"float", "int8", "pytorch": heatmaps of crops}."""
    from lpn import shipped
    from lpn.pose import evaluate as evaluator

    files = {}
    if args.folder and args.only in (None, "float"):
        try:
            files["float"] = shipped.float_file(args.folder)
        except shipped.NoCheckpoint as e:
            print(f"lpn evaluate: only int8: {e}", file=sys.stderr)
    if args.folder and args.only in (None, "int8") and (args.folder / INT8).is_file():
        files["int8"] = args.folder / INT8
    runners = {kind: evaluator.onnx_runner(file, args.threads) for kind, file in files.items()}
    if args.weights:
        from lpn import net
        from lpn.schedule import Config
        from lpn.trainer import load_weights

        spec = Config.load(args.config).net if args.config else net.NetSpec()
        torch_net = net.LPN(spec)
        load_weights(torch_net, args.weights)
        runners["pytorch"] = evaluator.torch_runner(torch_net.eval())
    return runners


def _line(kind: str, row: dict) -> str:
    pck = f"PCK@0.2 {row['pck']:.4f}  OKS {row['oks']:.4f}  " if "pck" in row else ""
    flip = "flip" if row["flip"] else "    "
    return (
        f"{kind:8}{row['source']:12}{row['decoding']:12}{flip}  {pck}AP {row['ap']:.4f}  AP50 {row['ap50']:.4f}  "
        f"AR {row['ar']:.4f}  ({row['people']} people)"
    )


def mix_command(sub):
    p = sub.add_parser("mix", help="the mean of two checkpoints, its batch norm measured again")
    p.add_argument("old", type=Path, help=".safetensors, or a run's state.pt")
    p.add_argument("new", type=Path, help="another one that descends from the same weights")
    p.add_argument("out", type=Path, help=".safetensors to write")
    p.add_argument("--config", type=Path, required=True, help="training config of the crops that batch norm sees")
    p.add_argument("--share", type=float, default=0.5, help="of the second one, 0 to 1 (default: %(default)s)")
    p.add_argument("--crops", type=int, default=768, help="to measure batch norm on (default: %(default)s)")
    p.set_defaults(run=mix)


def mix(args) -> int:
    from lpn.pose import mix as mixer
    from lpn.schedule import Config
    from lpn.trainer import save_weights

    if not 0 <= args.share <= 1 or args.crops < 2:
        print("lpn mix: --share is from 0 to 1, and --crops at least 2", file=sys.stderr)
        return 2
    try:
        state = mixer.mix(args.old, args.new, args.share, Config.load(args.config), args.crops)
    except (ValueError, OSError) as e:
        print(f"lpn mix: {e}", file=sys.stderr)
        return 1
    save_weights(state, args.out)
    _say(f"{args.out}: {1 - args.share:.2f} of {args.old.name}, {args.share:.2f} of {args.new.name}")
    return 0


def convert_command(sub):
    p = sub.add_parser("convert", help="a checkpoint of the published LPN code -> float.onnx and model.toml")
    p.add_argument("checkpoint", type=Path, help="its .pth file")
    p.add_argument("folder", type=Path, help="folder of the model; `quantize` makes the int8 file in it")
    p.add_argument("--size", type=_size, default=(256, 192), help="HEIGHTxWIDTH it was trained at (default 256x192)")
    p.add_argument("--version", default="1")
    p.set_defaults(run=convert)


def convert(args) -> int:
    from lpn.pose import convert as converter
    from lpn import export as onnx_export

    try:
        net = converter.load(args.checkpoint)
    except (converter.NotLPN, OSError) as e:
        print(f"lpn convert: {e}", file=sys.stderr)
        return 1
    height, width = args.size
    manifest = converter.manifest(args.folder.resolve().name, args.version, net, height, width)
    onnx_export.save(onnx_export.build(net, height, width), args.folder / FLOAT)
    manifest.seal(args.folder, FLOAT, "none")
    _say(f"{args.folder / FLOAT}: {manifest.architecture}, {height}x{width}, BGR; next: lpn quantize {args.folder} ...")
    return 0


def card_command(sub):
    p = sub.add_parser("card", help="write a model folder's README.md from what was measured")
    p.add_argument("folder", type=Path)
    p.add_argument("--log", type=Path, help="log.jsonl of the training, for its stages and curve")
    p.add_argument("--demo", type=Path, help="folder of the demo clip, for pictures of failures")
    p.add_argument("--note", default="", help="what the reader must know first, as Markdown")
    p.set_defaults(run=card)


def card(args) -> int:
    from lpn.pose import card as writer

    try:
        _say(str(writer.write(args.folder, args.log, args.demo, args.note)))
    except (writer.NoResults, OSError) as e:
        print(f"lpn card: {e}", file=sys.stderr)
        return 1
    return 0


ALL = (export_command, float_command, quantize_command, border_command, evaluate_command, mix_command, convert_command,
       card_command)  # fmt: skip
