"""The finder's own parts of training: its loss, its measure, and how it starts from a trained pose
network."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from lpn import crop
from lpn.family import build
from lpn.finder import codec, dataset, judge
from lpn.net import LPN, NetSpec
from lpn.trainer import Trainer, read_weights

# Target of the score threshold, on the scenes that choose it. The means of 300 and of 900 pictures
# differ by 0.03 (Poisson), so this nearly always stays under 0.3 on other pictures.
FALSE_PER_IMAGE = 0.22
PARTS_WEIGHT = 0.5


def trainer(config, state_dir: Path, device: str | None = None) -> "FinderTrainer":
    """What `train.run` trains with."""
    return FinderTrainer(config, state_dir, device)


def data(config, cache: Path | None, device: str):
    """(samples, hold-out) for `train.run`; the samples are made on the CPU on every device."""
    samples = dataset.Samples(config, cache)
    return samples, HoldOut(config, cache, samples) if config.holdout else None


class FinderTrainer(Trainer):
    def objective(self, outputs, targets, masks, stage):
        value = loss(outputs[:, :5], targets[:, :6], masks[:, :2])
        return value + PARTS_WEIGHT * parts_loss(outputs[:, 5:], targets[:, 6:], masks[:, 2:])

    def start_from(self, path: Path):
        """Weights of a finder with or without outputs for body parts; the new outputs start
        small."""
        state, mine = read_weights(path), self.net.state_dict()
        for name in ("final_layer.weight", "final_layer.bias"):
            mine[name][: len(state[name])] = state[name][: len(mine[name])]
            state[name] = mine[name]
        self.net.load_state_dict(state)


def shipped(net: nn.Module) -> nn.Module:
    """The network without its outputs for body parts."""
    out = build(replace(net.spec, outputs=5))
    state = net.state_dict()
    out.load_state_dict({k: v[:5] if k.startswith("final_layer") else v for k, v in state.items()})
    return out.eval()


def parts_loss(outputs, targets, weight):
    """MSE on the heatmaps of body parts, summed for each labelled part (all [N, 9, h, w], or no
    channel at all)."""
    labelled = (targets > 0.6).sum().clamp(min=1)
    return ((outputs - targets) ** 2 * weight).sum() / labelled


def loss(outputs, targets, masks):
    """Focal loss on centres (CornerNet, arXiv 1808.01244, eq. 1) plus GIoU and L1 of ln size near
    them.

    outputs [N, 5, h, w]; targets [N, 6, h, w] as `finder.targets`; masks [N, 2, h, w]: weight, and
    1 where the labels of a scene are partial: in photographs, people in the background are
    unlabelled. A confident find away from every label counts a third there, as it may be such a
    person.
    """
    logit, heat = outputs[:, 0], targets[:, 0]
    weight, partial = masks[:, 0], masks[:, 1]
    p = torch.sigmoid(logit)
    doubt = torch.where((p.detach() > 0.5) & (heat < 0.1) & (partial > 0), 0.33, 1.0)
    positive = (heat > 0.999).float()
    hit = positive * (1 - p) ** 2 * F.softplus(-logit)
    miss = (1 - positive) * (1 - heat) ** 4 * p**2 * F.softplus(logit) * doubt
    people = positive.sum().clamp(min=1)
    centre = ((hit + miss) * weight).sum() / people

    near = targets[:, 5]
    total = near.sum().clamp(min=1)
    size, want = outputs[:, 1:3].clamp(-4, 6), targets[:, 1:3]
    giou = _giou(outputs[:, 3:5], size.exp(), targets[:, 3:5], want.exp())
    l1 = (size - want).abs().sum(1)
    return centre + ((2.0 * (1 - giou) + 0.5 * l1) * near).sum() / total


def _giou(centre, size, want_centre, want_size):
    """Generalised IoU (arXiv 1902.09630) of boxes given by centre and size, [N, 2, h, w] each:
    [N, h, w]."""
    low, high = centre - size / 2, centre + size / 2
    want_low, want_high = want_centre - want_size / 2, want_centre + want_size / 2
    both = (torch.minimum(high, want_high) - torch.maximum(low, want_low)).clamp(min=0).prod(1)
    union = size.prod(1) + want_size.prod(1) - both
    hull = (torch.maximum(high, want_high) - torch.minimum(low, want_low)).prod(1)
    return both / union.clamp(min=1e-6) - (hull - union) / hull.clamp(min=1e-6)


def find(outputs_of, scenes: dataset.Scenes, which: list[int], width: int, height: int, stride: int,
         batch: int = 16, threshold: float = 0.05) -> list[judge.Found]:  # fmt: skip
    """Run the finder over whole pictures. `outputs_of` maps f32 [N, 3, H, W] to f32
    [N, 5, h, w]."""
    out = []
    for start in range(0, len(which), batch):
        group = which[start : start + batch]
        cut = [codec.letterbox(scenes.pictures[at], width, height) for at in group]
        for output, (_, a), at in zip(outputs_of(crop.normalise(np.stack([c for c, _ in cut]))), cut, group):
            boxes, scores = codec.decode(output, threshold, stride=stride)
            boxes = codec.move_boxes(boxes, a)
            h, w = scenes.pictures[at].shape[:2]
            boxes = np.concatenate([np.clip(boxes[:, :2], 0, [w, h]), np.clip(boxes[:, 2:], 0, [w, h])], 1)
            out.append(judge.Found.of(boxes, scores, scenes.boxes[at], a[0, 0]))
    return out


class HoldOut:
    """The hold-outs of a config by name, all of scenes; the threshold comes from training scenes."""

    def __init__(self, config, cache: Path | None, samples: dataset.Samples | None = None):
        parts = config.holdout if isinstance(config.holdout, list) else [config.holdout]
        self.scenes = {
            where.get("name", "holdout"): dataset.Scenes(where, cache / where["cache"] if cache and "cache" in where else None)
            for where in parts
        }
        self.tuning = next((s for s in samples.sources if s.tuning), None) if samples else None
        self.stride = config.net.stride

    def measure(self, net, width: int, height: int, device: str = "cpu") -> dict:
        """Figures at the threshold that gives FALSE_PER_IMAGE on the scenes that choose it."""

        def outputs_of(x):
            with torch.inference_mode():
                t = torch.from_numpy(x).to(device, memory_format=torch.channels_last)
                return net(t).float().cpu().numpy()

        return self.measure_outputs(outputs_of, width, height)

    def threshold(self, outputs_of, width: int, height: int) -> float:
        tuned = find(outputs_of, self.tuning, self.tuning.tuning, width, height, self.stride)
        return round(judge.threshold_for(tuned, FALSE_PER_IMAGE), 4)

    def measure_outputs(self, outputs_of, width: int, height: int, threshold: float | None = None) -> dict:
        """For each hold-out: `judge.measure`, and `recall_at_half`, the recall where the threshold lets through
        half a false box a picture."""
        if threshold is None:
            threshold = self.threshold(outputs_of, width, height)
        out = {}
        for name, scenes in self.scenes.items():
            found = find(outputs_of, scenes, scenes.all, width, height, self.stride)
            half = judge.measure(found, judge.threshold_for(found, 0.5))["recall"]
            out[name] = judge.measure(found, threshold) | {"recall_at_half": half}
        return out


def narrow(state: dict, spec: NetSpec, seed: int = 1) -> dict:
    """Start values for a narrower network of the same blocks, from a trained pose network's state
    dict.

    Keeps the channels with the largest batch-norm gains. The blocks of a stage share one choice for
    the residual stream; each block has its own for its inner channels. The last layer starts anew,
    with a centre score near 3 %.
    """
    torch.manual_seed(seed)
    net = LPN(spec)
    out = net.state_dict()
    wide = {k: v.float() if v.is_floating_point() else v for k, v in state.items()}

    def best(gains: list, count: int):
        return torch.stack([g.abs() for g in gains]).sum(0).topk(count).indices.sort().values

    keep: dict[str, tuple] = {}  # module -> (output channels, input channels)
    stem = best([wide["bn1.weight"]], len(out["bn1.weight"]))
    keep["conv1"] = keep["bn1"] = (stem, None)
    came = stem
    for stage, blocks in enumerate(spec.blocks, 1):
        names = [f"layer{stage}.{b}" for b in range(blocks)]
        gains = [wide[f"{n}.bn3.weight"] for n in names]
        if f"{names[0]}.downsample.1.weight" in wide:
            gains.append(wide[f"{names[0]}.downsample.1.weight"])
            stream = best(gains, spec.channels(64 * 2 ** (stage - 1)))
        else:
            stream = came
        for n in names:
            inner = best([wide[f"{n}.bn1.weight"], wide[f"{n}.bn2.weight"]], len(stream))
            keep |= {f"{n}.conv1": (inner, came), f"{n}.bn1": (inner, None), f"{n}.conv2": (inner, None)}
            keep |= {f"{n}.bn2": (inner, None), f"{n}.conv3": (stream, inner), f"{n}.bn3": (stream, None)}
            keep |= {f"{n}.downsample.0": (stream, came), f"{n}.downsample.1": (stream, None)}
            came = stream
    for name in out:
        module, _, leaf = name.rpartition(".")
        if module in keep and name in wide and wide[name].ndim:
            rows, columns = keep[module]
            value = wide[name][rows]
            out[name] = value if columns is None or value.ndim < 2 else value[:, columns]
        assert out[name].shape == net.state_dict()[name].shape, name
    out["final_layer.bias"][0] = -3.5
    return out
