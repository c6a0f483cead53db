"""How a moving body meets the ground: it touches without sinking in, what touches does not slide,
and limbs come to rest by their weight.

There is no physics engine. The lowest point of the body rests on the surface; the points near the
surface hold on to it. That lets a body that tips over turn about its feet. Only who walks advances by
the length of a stride.
"""

from dataclasses import dataclass

import numpy as np

from lpn.render.body import BONE, BONES, Body
from lpn.render.dress import Outfit, coordinates, dressed
from lpn.render.motion import Timeline

# Vertices this near the surface hold on to it; metres.
GRIP_M = 0.012
# What a joint's turn by 20 degrees costs, as a rise of the body's centre of mass; metres.
STIFFNESS_M = 0.00025
SPINE = ("spine_low", "spine_mid", "chest")
SPINE_DEG = 10.0
# Of a walk at vigour 1, in heights of the body.
STRIDE_M = 0.79
# Shares of the body's mass, by bone.
_MASS = {"root": 0.14, "spine_low": 0.1, "spine_mid": 0.1, "chest": 0.15, "neck": 0.01, "head": 0.07}
_MASS |= {f"{bone}.{side}": mass for side in "LR" for bone, mass in
          (("clavicle", 0.005), ("upperarm", 0.028), ("lowerarm", 0.016), ("hand", 0.012), ("thigh", 0.1),
           ("shin", 0.043), ("foot", 0.014))}  # fmt: skip
MASS = np.array([_MASS[bone] for bone in BONES]) / sum(_MASS.values())


class Figure:
    """A dressed body of few vertices, quick to pose."""

    def __init__(self, body: Body, outfit: Outfit, every: int = 5):
        self.body = body
        cloth = dressed(body, outfit, coordinates(body))[::every]
        self.points = np.concatenate([cloth, np.ones((len(cloth), 1), np.float32)], 1)
        self.weights = body.bank.weights[::every]
        self.bone = self.weights.argmax(1)
        sums = np.maximum(np.bincount(self.bone, minlength=len(BONES)), 1)
        self._share = (MASS / sums)[self.bone]

    def vertices(self, pose: np.ndarray) -> np.ndarray:
        """(V, 3), body frame."""
        bones = self.body.transforms(pose).reshape(len(BONES), 12).astype(np.float32)
        blend = (self.weights @ bones).reshape(-1, 3, 4)
        return np.einsum("vij,vj->vi", blend, self.points)

    def hips(self, pose: np.ndarray) -> np.ndarray:
        """The middle of the hip joints (3,), body frame."""
        thighs = [BONE["thigh.L"], BONE["thigh.R"]]
        bones = self.body.transforms(pose)[thighs]
        return (np.einsum("bij,bj->bi", bones[:, :, :3], self.body.heads[thighs]) + bones[:, :, 3]).mean(0)

    def height_of_mass(self, pose: np.ndarray) -> float:
        """Height of the centre of mass above the lowest point, metres."""
        z = self.vertices(pose)[:, 2]
        return float(self._share @ z - z.min())

    def lowest(self, pose: np.ndarray, *bones: str) -> float:
        """The lowest point of some bones above the lowest point of all, metres."""
        z = self.vertices(pose)[:, 2]
        return float(z[np.isin(self.bone, [BONE[b] for b in bones])].min() - z.min())


def rest(figure: Figure, pose: np.ndarray, free: tuple[str, ...], most_deg=40.0, tip_deg=25.0, roll_deg=None):
    """The pose when the `free` bones, and the body as a whole, give in to their weight.

    Joints resist a little, so that the pose stays like the given one. The body tips forward or back
    by `tip_deg` at most, and sideways by `roll_deg` (as much if not given).
    """
    dims = [(BONE["root"], 0, tip_deg), (BONE["root"], 1, tip_deg if roll_deg is None else roll_deg)]
    for bone in free:
        axes = (0,) if bone[:4] in ("shin", "lowe", "foot") else (0, 1, 2)
        dims += [(BONE[bone], axis, SPINE_DEG if bone in SPINE else most_deg) for axis in axes]
    base, turned = pose.copy(), np.zeros(len(dims))

    def posed(angles):
        out = base.copy()
        for (bone, axis, _), angle in zip(dims, angles):
            out[bone, axis] += np.radians(angle)
        for side in "LR":  # knees and elbows bend one way, ankles a little
            out[BONE[f"foot.{side}"], 0] = np.clip(out[BONE[f"foot.{side}"], 0], *np.radians((-20, 75)))
            out[BONE[f"shin.{side}"], 0] = max(0.0, out[BONE[f"shin.{side}"], 0])
            out[BONE[f"lowerarm.{side}"], 0] = min(0.0, out[BONE[f"lowerarm.{side}"], 0])
        return out

    def cost(angles):
        stiff = sum((a / 20.0) ** 2 for a in angles[2:]) * STIFFNESS_M
        return figure.height_of_mass(posed(angles)) + stiff

    best, step = cost(turned), 10.0
    while step > 0.8:
        better = False
        for k, (_, _, most) in enumerate(dims):
            for sign in (1, -1):
                trial = turned.copy()
                trial[k] = np.clip(trial[k] + sign * step, -most, most)
                value = cost(trial)
                if value < best - 1e-5:
                    best, turned, better = value, trial, True
                    break
        if not better:
            step /= 2
    return posed(turned)


def turned(points: np.ndarray, angle: float) -> np.ndarray:
    """Points (..., 2 or 3) turned to the left about the vertical."""
    c, s = np.cos(angle), np.sin(angle)
    out = points.copy()
    out[..., 0], out[..., 1] = c * points[..., 0] - s * points[..., 1], s * points[..., 0] + c * points[..., 1]
    return out


def ahead(turn: float, forward: float, left: float) -> np.ndarray:
    """A step on the floor of somebody who faces `turn` (0: -y)."""
    return turned(np.array([left, -forward]), turn)


@dataclass
class Motion:
    """A body's way through a timeline: poses (T, 20, 3), turns (T,), places (T, 3) of the body
    frame's origin, and surface (T,), the height of what carries the body. One row a STEP_S."""

    poses: np.ndarray
    turns: np.ndarray
    places: np.ndarray
    surface: np.ndarray
    marks: dict

    def __len__(self) -> int:
        return len(self.poses)


def follow(figure: Figure, timeline: Timeline, rng: np.random.Generator, calm_after_s: float = np.inf) -> Motion:
    """Carry the body through a timeline; it starts with its origin over (0, 0)."""
    poses, turns = timeline.sampled(rng, calm_after_s)
    count = len(poses)
    places, surface = np.zeros((count, 3)), np.zeros(count)
    before, place = None, np.zeros(3)
    stride_m = STRIDE_M * figure.body.height_m
    for span in timeline.spans:
        path = _path(figure, span, poses, turns, place, timeline) if span.ground.to_m else None
        shares = np.array(timeline.shares[span.first : span.last])
        slide = ahead(turns[span.first], *span.ground.drift_m)
        for k in range(span.first, span.last):
            points = turned(figure.vertices(poses[k]), turns[k])
            lift = span.ground.level_m - points[:, 2].min()
            if path is not None:
                place = path(timeline.shares[k])
                place[2] = max(place[2], -points[:, 2].min())  # the floor is under every surface
            else:
                s = k - span.first
                step = shares[s] - (shares[s - 1] if s else 0.0)
                if span.ground.strides:
                    place[:2] += ahead(turns[k], stride_m * step, 0.0)
                else:
                    place[:2] += slide * step + (_held(before, points) if before is not None else 0.0)
                place[2] = lift
            places[k], surface[k] = place, span.ground.level_m
            before = points
    return Motion(poses, turns, places, surface, dict(timeline.marks))


def _held(before: np.ndarray, points: np.ndarray) -> np.ndarray:
    """How the body moves so that what touches the ground stays where it is."""
    high = np.maximum(before[:, 2] - before[:, 2].min(), points[:, 2] - points[:, 2].min())
    hold = np.exp(-np.minimum(high / GRIP_M, 50))
    return -(hold @ (points[:, :2] - before[:, :2])) / hold.sum()


def _path(figure, span, poses, turns, place, timeline):
    """Where the body's origin goes, by share, when the hips move in a line to rest on a surface."""
    last = span.last - 1
    hips = {k: turned(figure.hips(poses[k]), turns[k]) for k in range(span.first, span.last)}
    start = place + hips[span.first]
    goal = start.copy()
    goal[:2] += ahead(turns[span.first], *span.ground.to_m)
    goal[2] = span.ground.level_m + hips[last][2] - figure.vertices(poses[last])[:, 2].min()
    steps = {}
    for k, at in hips.items():
        share = timeline.shares[k]
        steps[share] = start + (goal - start) * share - at
    return lambda share: steps[share].copy()
