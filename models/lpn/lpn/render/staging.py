"""A scene made ready to draw: the body in motion, the furniture it needs, the camera and the room."""

from dataclasses import dataclass

import numpy as np

from lpn.render import acts
from lpn.render.backdrop import Backdrop, Textures
from lpn.render.body import Body
from lpn.render.dress import coordinates, dressed, random_outfit
from lpn.render.ground import Figure, follow, turned
from lpn.render.motion import STEP_S
from lpn.render.poses import stand
from lpn.render.raster import Camera
from lpn.render.scene import Crate, Person


@dataclass(frozen=True)
class Format:
    """Size and rate of a clip, the quality of its encoder (lower is better), and its longest time."""

    width: int = 640
    height: int = 360
    fps: int = 8
    quality: int = 24
    seconds: float = np.inf


def _place(body: Body, outfit, pose, turn: float, origin: np.ndarray) -> Person:
    """A person whose body frame's origin is at `origin`."""
    person = Person(body, outfit, pose, turn_rad=turn)
    person.coords = coordinates(body)
    vertices, normals, keypoints = body.pose(pose, dressed(body, outfit, person.coords))
    shift = origin.astype(np.float32)
    person.vertices = turned(vertices, turn) + shift
    person.normals, person.keypoints = turned(normals, turn), turned(keypoints, turn) + shift
    return person


class Film:
    """A scene, ready to draw: `person` at a moment, `camera`, `furniture`, `backdrop`."""

    def __init__(self, bank, name: str, seed: int, form: Format = Format()):
        self.name, self.seed, self.form = name, seed, form
        rng = np.random.default_rng((list(acts.SCENES).index(name), seed))
        self.rng, self.textures = rng, Textures()
        body, self.outfit = _cast(rng, bank, child=name.startswith("child")), random_outfit(rng)
        figure = Figure(body, self.outfit)
        self.act = acts.SCENES[name](rng, figure)
        self.motion = follow(figure, self.act.timeline, rng, self.act.calm_after_s)
        self.body = body
        self._turn_to_camera(rng)
        self.furniture = [crate for kind, at in self.act.furniture for crate in self._furnish(rng, kind, at)]
        self.camera = self._aim(rng)
        self._screens(rng)
        self._decorate(rng)
        stance = body.pose(stand())[2]
        self.leg_m = float(stance[11:13, 2].mean() - stance[15:17, 2].mean())

    @property
    def frames(self) -> int:
        return int(min((len(self.motion) - 1) * STEP_S, self.form.seconds) * self.form.fps)

    def step(self, seconds: float) -> int:
        """The row of the motion at a moment."""
        return min(len(self.motion) - 1, max(0, round(seconds / STEP_S)))

    def person(self, seconds: float) -> Person:
        """The person at a moment."""
        k = self.step(seconds)
        m = self.motion
        return _place(self.body, self.outfit, m.poses[k], float(m.turns[k]), m.places[k])

    def _turn_to_camera(self, rng):
        """Turn the whole motion by a random angle, its middle to the origin."""
        m, angle = self.motion, rng.uniform(-np.pi, np.pi)
        if self.act.facing_deg < 180:
            angle = angle * self.act.facing_deg / 180 - m.turns[self.step(self.act.furniture[0][1])]
        if self.act.way:
            walked = m.places[-1] - m.places[0]
            angle = np.arctan2(*self.act.way[::-1]) - np.arctan2(walked[1], walked[0])
        m.places, m.turns = turned(m.places, angle), m.turns + angle
        first, last = (self.step(min(s, 1e6)) for s in self.act.frame_s)
        middle = (m.places[first : last + 1, :2].min(0) + m.places[first : last + 1, :2].max(0)) / 2
        m.places[:, :2] -= middle

    def _furnish(self, rng, kind: str, at_s: float) -> list[Crate]:
        """Furniture that goes with the motion, as it is at a moment."""
        if kind == "screen":
            return []
        k = self.step(at_s)
        person, turn = self.person(at_s), float(self.motion.turns[k])
        tile, metres = self.textures.draw(rng), rng.uniform(0.6, 2)
        seat = self.body.bank.weights[:, 0] > 0.5
        low, hips = float(person.vertices[seat, 2].min()), person.keypoints[11:13].mean(0)
        back = turned(np.array([0.0, 1.0]), turn)

        def crate(behind, half, bottom, aside=0.0, texture=tile):
            place = hips[:2] + back * behind + turned(np.array([aside, 0.0]), turn)
            return Crate((*place, bottom + half[2]), half, turn, texture, metres)

        if kind == "chair":
            half = rng.uniform(0.21, 0.27)
            chair = [crate(0.04, (half, 0.21, low / 2 - 0.005), 0.0)]
            if rng.random() < 0.85:
                chair.append(crate(0.29, (half, 0.035, rng.uniform(0.4, 0.48)), 0.0))
            return chair
        if kind == "bed":
            wide = rng.uniform(0.45, 0.7)
            bed = [crate(wide - 0.17, (1.05, wide, low / 2 - 0.005), 0.0)]
            end = 1 if self._lies_to(turn) > 0 else -1
            bed.append(crate(wide - 0.17, (0.03, wide, rng.uniform(0.35, 0.5)), 0.0, end * 1.07, self.textures.draw(rng)))
            return bed
        if kind == "wall":
            reach = [turned(p.vertices[:, :2] - hips[:2], -turn)[:, 1].max() for p in map(self.person, (0.5, at_s))]
            return [crate(max(reach) + 0.22, (rng.uniform(0.4, 0.8), 0.2, rng.uniform(0.45, 1.0)), 0.0)]
        raise ValueError(kind)

    def _lies_to(self, turn: float) -> float:
        """On which side of a bed the head is at the end: above zero for the body's left."""
        person = self.person(1e6)
        return float(turned((person.keypoints[0] - person.keypoints[11:13].mean(0))[:2], -turn)[0])

    def _aim(self, rng) -> Camera:
        """A camera 1.2 to 3 m high that sees all that matters, its motion moved before it."""
        first, last = (self.step(min(s, 1e6)) for s in self.act.frame_s)
        steps = range(first, last + 1, 5)
        people = [self.person(k * STEP_S) for k in steps]
        points = np.concatenate([p.vertices[::40] for p in people]).astype(float)
        form = self.form
        height, focal = rng.uniform(1.2, 3.0), rng.uniform(0.62, 0.95) * form.width
        side, distance, tip = rng.uniform(-0.35, 0.35), rng.uniform(2.9, 4.6), rng.normal(0, 0.015)
        margin = np.array([form.width, form.height]) * 0.03
        while True:
            shift = np.array([side * distance, distance, 0.0])
            aim = np.append(shift[:2], rng.normal(0.75, 0.05))
            camera = Camera((0.0, 0.0, height), aim, focal, form.width, form.height, tip)
            seen = camera.project(points + shift)
            inside = (seen[:, :2] > margin).all(1) & (seen[:, :2] < [form.width, form.height] - margin).all(1)
            if (inside & (seen[:, 2] > 0.5)).all() or distance > 9:
                break
            distance *= 1.06
        self.motion.places += shift
        for crate in self.furniture:
            crate.center = tuple(np.array(crate.center) + shift)
        self.points = points + shift
        return camera

    def _screens(self, rng):
        """What hides somebody who has fallen: a sofa's back or a table between them and the camera."""
        for _, at in (f for f in self.act.furniture if f[0] == "screen"):
            person = self.person(at)
            middle = (person.vertices[:, :2].min(0) + person.vertices[:, :2].max(0)) / 2
            to_camera = -middle / np.linalg.norm(middle)
            # Clear of where the body is at any time.
            reach = ((self.points[:, :2] - middle) @ to_camera).max()
            place = middle + to_camera * (reach + rng.uniform(0.15, 0.35) + 0.2)
            half = (rng.uniform(0.85, 1.1), 0.18, rng.uniform(0.3, 0.42))
            turn = np.arctan2(to_camera[0], -to_camera[1]) + rng.normal(0, 0.08)
            self.furniture.append(Crate((*place, half[2]), half, turn, self.textures.draw(rng), rng.uniform(0.6, 2)))

    def _decorate(self, rng):
        """The room round the motion, and furniture along its walls."""
        low, high = self.points[:, :2].min(0), self.points[:, :2].max(0)
        walls = (min(low[0], -1.2) - rng.uniform(0.6, 2.5), max(high[0], 1.2) + rng.uniform(0.6, 2.5),
                 -rng.uniform(0.5, 2.0), high[1] + rng.uniform(0.8, 3.5))  # fmt: skip
        everywhere = self.motion.places[:, :2]
        walls = (min(walls[0], everywhere[:, 0].min() - 0.5), max(walls[1], everywhere[:, 0].max() + 0.5),
                 walls[2], max(walls[3], everywhere[:, 1].max() + 0.5))  # fmt: skip
        self.backdrop = Backdrop(rng, self.camera, "room", self.textures, walls)
        for _ in range(int(rng.integers(0, 4))):
            half = np.array([rng.uniform(0.2, 0.8), rng.uniform(0.12, 0.3), rng.uniform(0.2, 1.0)])
            place = np.array([rng.uniform(walls[0] + half[0], walls[1] - half[0]), walls[3] - half[1]])
            if np.linalg.norm(everywhere - place, axis=1).min() > 1.0:
                texture = self.textures.draw(rng, ("shelves", "planks", "stripes", "plain", "plain", "tiles"))
                self.furniture.append(Crate((*place, half[2]), tuple(half), 0.0, texture, rng.uniform(0.8, 3)))


def _cast(rng, bank, child: bool) -> Body:
    ages = bank.phenotypes[:, bank.labels.index("age")]
    fit = np.flatnonzero(ages < 0.5 if child else ages > 0.55)
    return bank.body(int(rng.choice(fit)))
