"""The state of a run, in memory and on disk: weights, their average, optimiser, place in the
schedule."""

import logging
from pathlib import Path

import torch
from torch import nn

from lpn import parallel
from lpn.family import build
from lpn.schedule import Config, Stage

log = logging.getLogger("lpn")


class Trainer:
    """Owns the weights, their average, the optimiser and the position in the schedule."""

    def __init__(self, config: Config, state_dir: Path, device: str | None = None):
        self.config, self.dir = config, Path(state_dir)
        self.dir.mkdir(parents=True, exist_ok=True)
        self.device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        if torch.device(self.device).type == "cuda":
            # All batches of a stage have one size, so searching for its fastest kernels pays.
            torch.backends.cudnn.benchmark = True
            torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
        torch.manual_seed(config.seed)
        self.net = build(config.net).to(self.device, memory_format=torch.channels_last)
        if config.init:
            self.start_from(Path(config.init))
        self.average = {k: v.clone() for k, v in self.net.state_dict().items()}
        self.stage, self.seen, self.total = 0, 0, 0
        self._new_optimizer()
        if (self.dir / "state.pt").is_file():
            self._restore()

    def start_from(self, path: Path):
        """The start values that the config names."""
        load_weights(self.net, path)

    def trained(self) -> list:
        """The parameters that training changes."""
        return [p for p in self.net.parameters() if p.requires_grad]

    def _new_optimizer(self):
        s = self.config.stages[min(self.stage, len(self.config.stages) - 1)]
        decay = [p for p in self.trained() if p.ndim > 1]
        plain = [p for p in self.trained() if p.ndim <= 1]
        self.optimizer = torch.optim.AdamW(
            [{"params": decay, "weight_decay": s.weight_decay}, {"params": plain, "weight_decay": 0.0}], lr=s.lr
        )

    def save(self):
        """Writes all that the run depends on, in one atomic step. The first process writes for
        all."""
        if parallel.rank():
            return
        part = self.dir / "state.part"
        torch.save(
            {"net": self.net.state_dict(), "average": self.average, "optimizer": self.optimizer.state_dict()["state"],
             "stage": self.stage, "seen": self.seen, "total": self.total, "rng": torch.get_rng_state()},
            part,
        )  # fmt: skip
        part.rename(self.dir / "state.pt")

    def _restore(self):
        s = torch.load(self.dir / "state.pt", map_location=self.device, weights_only=True)
        self.net.load_state_dict(s["net"])
        self.average, self.stage, self.seen, self.total = s["average"], s["stage"], s["seen"], s["total"]
        self._new_optimizer()
        # Load only the moments: rates follow from the config. Older files hold both.
        moments = s["optimizer"].get("state", s["optimizer"])
        self.optimizer.load_state_dict({"state": moments, "param_groups": self.optimizer.state_dict()["param_groups"]})
        torch.set_rng_state(s["rng"].cpu())
        log.info("continuing stage %d at sample %d (%d in all)", self.stage, self.seen, self.total)

    def step(self, stage: Stage, shards: list) -> torch.Tensor:
        """One update from this process's shards of the batch; returns the loss of the whole batch.

        Every shard starts from the same running statistics, and all means are over all shards. The
        number of processes therefore changes only the rounding.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = stage.rate(self.seen)
        self.net.train()
        self.optimizer.zero_grad(set_to_none=True)
        # The loss stays on the device, as reading it would wait for all queued work.
        loss = torch.zeros(1, device=self.device)
        if stage.shards() == 1:
            loss += self._backward(stage, shards[0])
        else:
            self._add_up(stage, shards, loss)
        torch.nn.utils.clip_grad_norm_(self.trained(), 5.0)
        self.optimizer.step()
        self.seen += stage.batch
        self.total += stage.batch
        self._follow(min(stage.ema, (1 + self.seen / stage.batch) / (10 + self.seen / stage.batch)))
        return loss[0]

    def _backward(self, stage: Stage, shard) -> torch.Tensor:
        """Adds a shard's part to the gradients; returns its part of the loss."""
        x, targets, masks = (t.to(self.device) for t in shard)
        with torch.autocast(torch.device(self.device).type, torch.bfloat16, enabled=stage.bf16):
            outputs = self.net(x.contiguous(memory_format=torch.channels_last))
        part = self.objective(outputs.float(), targets, masks, stage) / stage.shards()
        part.backward()
        return part.detach()

    def _add_up(self, stage: Stage, shards: list, loss: torch.Tensor) -> None:
        """Gradients, running statistics and `loss` over the shards of all processes."""
        running = [b for b in self.net.buffers() if b.is_floating_point()]
        steps = [b for b in self.net.buffers() if not b.is_floating_point()]
        counted = [b + 1 for b in steps]
        start, sums = [b.clone() for b in running], [torch.zeros_like(b) for b in running]
        for shard in shards:
            for b, s in zip(running, start):
                b.copy_(s)
            loss += self._backward(stage, shard)
            for b, s in zip(running, sums):
                s.add_(b, alpha=1 / stage.shards())
        parallel.add_up([*[p.grad for p in self.trained()], *sums, loss])
        for b, s in zip([*running, *steps], [*sums, *counted]):
            b.copy_(s)

    def _follow(self, keep: float) -> None:
        """Moves the averaged weights towards the weights."""
        with torch.no_grad():
            now = self.net.state_dict()
            means = [self.average[k] for k, v in now.items() if v.is_floating_point()]
            values = [v for v in now.values() if v.is_floating_point()]
            torch._foreach_mul_(means, keep)
            torch._foreach_add_(means, values, alpha=1 - keep)
            for k, v in now.items():
                if not v.is_floating_point():
                    self.average[k].copy_(v)

    def objective(self, outputs, targets, masks, stage: Stage):
        """The loss of one shard, a scalar tensor."""
        raise NotImplementedError

    def averaged(self) -> nn.Module:
        """The network with the averaged weights, ready to measure."""
        net = build(self.config.net).to(self.device, memory_format=torch.channels_last)
        net.load_state_dict(self.average)
        return net.eval()


def load_weights(net: nn.Module, path: Path) -> None:
    """Loads a safetensors checkpoint, or the averaged weights of a run's state.pt; every tensor
    must be there."""
    net.load_state_dict(read_weights(path))


def read_weights(path: Path) -> dict:
    """The tensors of a safetensors checkpoint, or the averaged ones of a run's state.pt, f32."""
    if path.suffix == ".pt":
        state = torch.load(path, map_location="cpu", weights_only=True)["average"]
    else:
        from safetensors.torch import load_file

        state = load_file(path)
    return {k: v.float() if v.is_floating_point() else v for k, v in state.items()}


def save_weights(state: dict, path: Path) -> None:
    """Writes averaged weights as half-precision safetensors."""
    from safetensors.torch import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    half = {k: (v.half() if v.is_floating_point() else v).contiguous().cpu() for k, v in state.items()}
    save_file(half, path)
