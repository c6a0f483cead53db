"""Movements as key poses on the rig: timed, eased and smoothed.

A key pose is (20, 3) rotation vectors as in `lpn.render.poses`; the root's entry tips the whole body.
A timeline samples poses, the heading and how the ground acts at STEP_S.
"""

from dataclasses import dataclass, field

import numpy as np

from lpn.render.body import BONE, BONES
from lpn.render.poses import walk

STEP_S = 1 / 40
# Rounds the corners between movements; short enough to leave the impact of a fall abrupt.
SMOOTH_S = 0.05


def quaternions(rotvec: np.ndarray) -> np.ndarray:
    """(..., 3) rotation vectors -> (..., 4) unit quaternions, w first."""
    angle = np.linalg.norm(rotvec, axis=-1, keepdims=True)
    return np.concatenate([np.cos(angle / 2), rotvec * (np.sinc(angle / 2 / np.pi) / 2)], -1)


def rotvecs(q: np.ndarray) -> np.ndarray:
    """(..., 4) unit quaternions -> (..., 3) rotation vectors."""
    q = np.where(q[..., :1] < 0, -q, q)
    sine = np.linalg.norm(q[..., 1:], axis=-1, keepdims=True)
    angle = 2 * np.arctan2(sine, q[..., :1])
    return q[..., 1:] * np.where(sine > 1e-9, angle / np.maximum(sine, 1e-9), 2.0)


def slerp(a: np.ndarray, b: np.ndarray, share: float) -> np.ndarray:
    """Between two sets of quaternions, along the shorter way."""
    dot = (a * b).sum(-1, keepdims=True)
    b = np.where(dot < 0, -b, b)
    angle = np.arccos(np.clip(np.abs(dot), -1, 1))
    sine = np.sin(angle)
    near = sine < 1e-5
    safe = np.where(near, 1.0, sine)
    wa = np.where(near, 1 - share, np.sin((1 - share) * angle) / safe)
    wb = np.where(near, share, np.sin(share * angle) / safe)
    out = wa * a + wb * b
    return out / np.linalg.norm(out, axis=-1, keepdims=True)


def gentle(s: float) -> float:
    """Starts and stops slowly, as people do on purpose."""
    return s * s * s * (s * (6 * s - 15) + 10)


def falling(s: float) -> float:
    """Accelerates until it hits something."""
    return s**2.1


def landing(s: float) -> float:
    """Comes to rest after an impact."""
    return 1 - (1 - s) ** 2.5


@dataclass
class Ground:
    """What carries the body while it moves.

    level_m: height of the surface. drift_m: how far the body slides, along its heading and to its
    left. to_m: instead of touching the surface throughout, the hips go in a line to this place
    (along the heading, to the left) and come to rest on a surface `level_m` high.
    """

    level_m: float = 0.0
    drift_m: tuple[float, float] = (0.0, 0.0)
    to_m: tuple[float, float] | None = None
    strides: bool = False


@dataclass
class Span:
    """A part of a timeline with one way in which the ground acts: steps [first, last)."""

    first: int
    last: int
    ground: Ground


@dataclass
class Timeline:
    """Poses at every step. Build it with `hold`, `move`, `fall` and `walk`."""

    pose: np.ndarray
    turn: float = 0.0
    quats: list = field(default_factory=list)
    turns: list = field(default_factory=list)
    shares: list = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    marks: dict = field(default_factory=dict)

    def __post_init__(self):
        self._now = quaternions(self.pose)

    @property
    def now_s(self) -> float:
        return len(self.quats) * STEP_S

    def pose_now(self) -> np.ndarray:
        """The pose taken last."""
        return rotvecs(self._now)

    def mark(self, name: str) -> "Timeline":
        """Remember this moment by a name."""
        self.marks[name] = self.now_s
        return self

    def _add(self, seconds, at, ground):
        steps = max(1, round(seconds / STEP_S))
        first = len(self.quats)
        for k in range(1, steps + 1):
            quats, turn, share = at(k / steps)
            self.quats.append(quats)
            self.turns.append(turn)
            self.shares.append(share)
        self._now, self.turn = self.quats[-1], self.turns[-1]
        self.spans.append(Span(first, len(self.quats), ground or Ground()))
        return self

    def move(self, pose, seconds, ease=gentle, ground=None, turn=0.0) -> "Timeline":
        """Take a pose; `turn` radians to the left meanwhile."""
        return self.fall([(1.0, pose)], seconds, ease, ground, turn)

    def hold(self, seconds, ground=None) -> "Timeline":
        """Stay in the pose taken last."""
        now, turn = self._now, self.turn
        return self._add(seconds, lambda s: (now, turn, s), ground)

    def fall(self, keys, seconds, ease=falling, ground=None, turn=0.0) -> "Timeline":
        """Go through poses [(share 0..1, pose)] in one movement."""
        marks = [0.0] + [share for share, _ in keys]
        quats = [self._now] + [quaternions(pose) for _, pose in keys]
        start = self.turn

        def at(s):
            share = ease(s)
            k = min(int(np.searchsorted(marks, share, "right")), len(marks) - 1)
            inner = (share - marks[k - 1]) / (marks[k] - marks[k - 1])
            return slerp(quats[k - 1], quats[k], min(inner, 1.0)), start + turn * share, share

        return self._add(seconds, at, ground)

    def walk(self, seconds, cadence=0.9, vigour=1.0, turn=0.0, phase=0.0, halt=True, style=None) -> "Timeline":
        """Walk; `cadence` in strides a second, `turn` radians to the left in all. `halt`: end with
        the pose before. `style` (20, 3) is added to every pose."""
        start, before, gone = self.turn, self._now, [0.0]
        style = np.zeros((len(BONES), 3)) if style is None else style

        def at(s):
            t = s * seconds
            rise = gentle(min(1.0, t / 0.5))
            sink = gentle(min(1.0, (seconds - t) / 0.5)) if halt else 1.0
            gone[0] += min(rise, sink) * cadence * vigour * STEP_S
            q = quaternions(walk(phase + t * cadence, vigour) + style)
            return slerp(before, q, min(rise, sink)), start + turn * s, gone[0]

        return self._add(seconds, at, Ground(strides=True))

    def cycle(self, seconds, pose_at, ground=None, turn=0.0, lead_s=0.3) -> "Timeline":
        """Follow `pose_at(seconds since the start)`, led into over `lead_s`."""
        start, before = self.turn, self._now

        def at(s):
            t = s * seconds
            lead = gentle(min(1.0, t / lead_s))
            return slerp(before, quaternions(pose_at(t)), lead), start + turn * s, s

        return self._add(seconds, at, ground)

    def sampled(self, rng: np.random.Generator, calm_after_s: float = np.inf) -> tuple[np.ndarray, np.ndarray]:
        """Smoothed poses (T, 20, 3) with the small movements of a living body, and turns (T,)."""
        q = np.stack(self.quats)
        for k in range(1, len(q)):
            q[k] = np.where((q[k] * q[k - 1]).sum(-1, keepdims=True) < 0, -q[k], q[k])
        reach = int(np.ceil(2.5 * SMOOTH_S / STEP_S))
        weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) * STEP_S / SMOOTH_S) ** 2)
        padded = np.concatenate([q[:1].repeat(reach, 0), q, q[-1:].repeat(reach, 0)])
        smooth = sum(w * padded[k : k + len(q)] for k, w in enumerate(weights))
        smooth /= np.linalg.norm(smooth, axis=-1, keepdims=True)
        pose = rotvecs(smooth)
        t = np.arange(len(q)) * STEP_S
        alive = np.where(t > calm_after_s, 0.5, 1.0)[:, None, None]
        return pose + alive * _sway(rng, t), np.array(self.turns)


# Size of the small movements of each bone, degrees.
_SWAY = {"spine_low": 0.5, "spine_mid": 0.5, "chest": 0.6, "neck": 1.2, "head": 2.0}
_SWAY |= {f"{bone}.{side}": size for side in "LR" for bone, size in
          (("upperarm", 1.3), ("lowerarm", 2.0), ("hand", 2.5), ("thigh", 0.3), ("shin", 0.3))}  # fmt: skip


def _sway(rng, t: np.ndarray) -> np.ndarray:
    out = np.zeros((len(t), len(BONES), 3))
    for bone, size in _SWAY.items():
        for axis in range(3):
            for rate in (0.23, 0.61):
                rate_hz, phase = rate * rng.uniform(0.7, 1.3), rng.uniform(0, 2 * np.pi)
                out[:, BONE[bone], axis] += np.radians(size * 0.7) * np.sin(2 * np.pi * rate_hz * t + phase)
    return out
