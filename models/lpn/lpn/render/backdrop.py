"""Backgrounds, all drawn here: rooms, streets and plain clutter."""

import cv2
import numpy as np

from lpn.render.raster import Camera

TILE = 512
KINDS = ("plain", "planks", "tiles", "bricks", "stripes", "rough", "blobs", "shelves")


def fractal(rng: np.random.Generator, height: int, width: int, octaves: int = 5, start: int = 3) -> np.ndarray:
    """Smooth noise (H, W) f32 in about -1..1."""
    out = np.zeros((height, width), np.float32)
    cells, gain = start, 1.0
    for _ in range(octaves):
        grid = rng.normal(0, 1, (max(2, cells * height // width), max(2, cells))).astype(np.float32)
        out += gain * cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
        cells, gain = cells * 2, gain * 0.55
    return out / 1.8


def random_colour(rng: np.random.Generator, spread: float = 13.0) -> np.ndarray:
    return np.clip(rng.uniform(30, 225) + rng.normal(0, spread, 3), 8, 245).astype(np.float32)


def texture(rng: np.random.Generator, kind: str) -> np.ndarray:
    """A surface (TILE, TILE, 3) f32 BGR 0..255, to be repeated over floors, walls and furniture."""
    base = random_colour(rng)
    img = np.repeat(np.repeat(base[None, None], TILE, 0), TILE, 1)
    noise = fractal(rng, TILE, TILE, 6, 4)[..., None]
    y, x = np.mgrid[:TILE, :TILE]
    if kind == "planks":
        board = (x // 64).astype(int)
        img *= (1 + rng.normal(0, 0.08, 16)[board % 16])[..., None]
        grain = cv2.resize(rng.normal(0, 1, (16, TILE)).astype(np.float32), (TILE, TILE))
        img *= (1 + 0.05 * grain)[..., None]
        img[(x % 64) < 2] *= 0.6
    elif kind == "tiles":
        size = int(rng.choice([64, 128, 256]))
        dark = ((x // size + y // size) % 2).astype(bool)
        img[dark] *= rng.uniform(0.5, 1.0)
        img[(x % size < 3) | (y % size < 3)] *= rng.uniform(0.6, 1.2)
    elif kind == "bricks":
        row = y // 32
        shifted = x + (row % 2) * 32
        img *= (1 + rng.normal(0, 0.1, 64)[(row * 8 + shifted // 64) % 64])[..., None]
        img[(y % 32 < 3) | (shifted % 64 < 3)] = base * 0.4 + 110
    elif kind == "stripes":
        period = int(rng.choice([32, 64, 128]))
        img[(x % period) < period * rng.uniform(0.2, 0.6)] = random_colour(rng)
    elif kind == "rough":
        img *= 1 + 0.25 * noise
        img *= (1 + rng.normal(0, 0.1, (TILE, TILE)))[..., None]
    elif kind == "blobs":
        for _ in range(30):
            centre = tuple(int(v) for v in rng.integers(0, TILE, 2))
            axes = tuple(int(v) for v in rng.integers(8, 90, 2))
            cv2.ellipse(img, centre, axes, rng.uniform(0, 180), 0, 360, random_colour(rng, 45).tolist(), -1)
    elif kind == "shelves":
        img *= 0.55
        for top in range(0, TILE, 86):
            left = 0
            while left < TILE:
                wide = int(rng.integers(7, 34))
                high = int(rng.integers(40, 78))
                spine = random_colour(rng, 45).tolist()
                cv2.rectangle(img, (left, top + 80 - high), (left + wide, top + 80), spine, -1)
                left += wide + int(rng.integers(0, 12))
            img[top + 80 : top + 86] = base
    return np.clip(img * (1 + 0.07 * noise), 0, 255).astype(np.float32)


class Textures:
    """Surfaces that are used many times, because making one costs as much as drawing a person."""

    KEEP = 5

    def __init__(self):
        self._made: dict[str, list[np.ndarray]] = {}

    def draw(self, rng: np.random.Generator, kinds: tuple[str, ...] = KINDS) -> np.ndarray:
        """A surface of one of `kinds`; most often one drawn before."""
        kind = str(rng.choice(kinds))
        made = self._made.setdefault(kind, [])
        if len(made) < self.KEEP or rng.random() < 0.03:
            made.append(texture(rng, kind))
            del made[: -self.KEEP]
            return made[-1]
        return made[int(rng.integers(len(made)))]


def sample(tile: np.ndarray, u: np.ndarray, v: np.ndarray, metres: float) -> np.ndarray:
    """Colours (..., 3) of a tile that repeats every `metres`."""
    scale = TILE / metres
    column = np.mod(u * scale, TILE).astype(np.int32)
    row = np.mod(v * scale, TILE).astype(np.int32)
    # Rounding in `mod` may give TILE itself.
    return tile[np.minimum(row, TILE - 1), np.minimum(column, TILE - 1)]


class Backdrop:
    """A picture without people: `image` (H, W, 3) f32 BGR; `floor` (H, W) bool; `depth` (H, W)
    metres, inf at the sky; `light` (3,) unit vector towards the lamp; `ambient` and `key` (3,) its
    colours."""

    def __init__(
        self,
        rng: np.random.Generator,
        camera: Camera,
        kind: str | None = None,
        textures: Textures | None = None,
        walls: tuple[float, float, float, float] | None = None,
    ):
        """`walls`: where a room's are, x from and to, y from and to; drawn if not given."""
        self._walls = walls
        self.kind = kind or str(rng.choice(["room", "street", "clutter"], p=[0.55, 0.25, 0.2]))
        self.textures = textures or Textures()
        angle = rng.uniform(0, 2 * np.pi)
        self.light = np.array([np.cos(angle), np.sin(angle), rng.uniform(0.5, 1.6)])
        self.light /= np.linalg.norm(self.light)
        warm = rng.normal(0, 0.05, 3)
        self.key = np.clip(rng.uniform(0.45, 0.95) + warm, 0.2, 1.1).astype(np.float32)
        self.ambient = np.clip(rng.uniform(0.3, 0.6) - warm, 0.15, 0.8).astype(np.float32)
        self.image = np.zeros((camera.height, camera.width, 3), np.float32)
        rays = camera.rays().astype(np.float32)
        with np.errstate(divide="ignore"):
            # Rays level with or above the horizon never meet the floor.
            self.depth = np.where(rays[..., 2] < -1e-4, -camera.position[2] / rays[..., 2], np.inf)
        {"room": self._room, "street": self._street, "clutter": self._clutter}[self.kind](rng, camera, rays)

    def _lay(self, camera, rays, mask, depth, axes, tile, metres, light):
        """Cover the pixels of `mask` with a surface seen at `depth`, textured along two world
        axes."""
        at = depth[mask]
        u = camera.position[axes[0]] + rays[..., axes[0]][mask] * at
        v = camera.position[axes[1]] + rays[..., axes[1]][mask] * at
        colour = sample(tile, u, -v, metres)
        haze = np.clip(at / 30.0, 0, 0.75)[:, None]
        self.image[mask] = (colour * (1 - haze) + tile.mean((0, 1)) * haze) * light

    def _lay_floor(self, rng, camera, rays, mask):
        tile = self.textures.draw(rng, ("planks", "planks", "tiles", "tiles", "rough", "rough", "plain", "blobs"))
        light = self.ambient + self.key * self.light[2]
        self._lay(camera, rays, mask, self.depth, (0, 1), tile, rng.uniform(1.5, 5), light)
        self.floor = mask

    def _room(self, rng, camera, rays):
        """Four walls and a ceiling round the camera and its view, pictures on the walls."""
        height = max(rng.uniform(2.4, 4.5), camera.position[2] + 0.3)
        x0, x1 = -rng.uniform(2.5, 9), rng.uniform(2.5, 9)
        y0, y1 = camera.position[1] - rng.uniform(0.5, 4), camera.position[1] + rng.uniform(6, 18)
        x0, x1, y0, y1 = self._walls or (x0, x1, y0, y1)
        with np.errstate(divide="ignore"):
            to_x = np.where(rays[..., 0] > 0, x1 - camera.position[0], x0 - camera.position[0]) / rays[..., 0]
            to_y = np.where(rays[..., 1] > 0, y1 - camera.position[1], y0 - camera.position[1]) / rays[..., 1]
            to_top = np.where(rays[..., 2] > 1e-6, (height - camera.position[2]) / rays[..., 2], np.inf)
        stack = np.stack([self.depth, to_x, to_y, to_top])
        which = stack.argmin(0)
        self.depth = stack.min(0)
        self._lay_floor(rng, camera, rays, which == 0)
        for index, axis in ((1, 1), (2, 0)):
            walls = ("plain", "plain", "plain", "bricks", "stripes", "rough", "tiles", "shelves", "planks")
            tile = self._decals(rng, self.textures.draw(rng, walls))
            light = self.ambient + self.key * abs(self.light[1 - axis]) * 0.8
            self._lay(camera, rays, which == index, self.depth, (axis, 2), tile, rng.uniform(2.5, 6), light)
        self.image[which == 3] = rng.uniform(150, 245) * (self.ambient + 0.3 * self.key)

    def _decals(self, rng, tile):
        """Windows, posters, doors: rectangles on a wall's texture."""
        tile = tile.copy()
        for _ in range(int(rng.integers(0, 5))):
            w, h = (int(v) for v in rng.integers(40, 190, 2))
            x, y = int(rng.integers(0, TILE - w)), int(rng.integers(0, TILE - h))
            tile[y : y + h, x : x + w] = self.textures.draw(rng)[:h, :w] if rng.random() < 0.6 else rng.uniform(20, 250)
            cv2.rectangle(tile, (x, y), (x + w, y + h), random_colour(rng).tolist(), int(rng.integers(2, 7)))
        return tile

    def _street(self, rng, camera, rays):
        """Open ground, sky, and a row of fronts or a hedge at some distance."""
        level = np.clip(rays[..., 2] / np.linalg.norm(rays, axis=-1), 0, 1)[..., None]
        low, high = random_colour(rng, 12) * 0.4 + 140, np.array([235, 190, 140], np.float32) * rng.uniform(0.5, 1.05)
        self.image[:] = low * (1 - level) + high * level
        clouds = np.clip(fractal(rng, camera.height, camera.width, 5, 3), 0, 1)[..., None]
        self.image += clouds * (250 - self.image) * 0.7
        self._lay_floor(rng, camera, rays, np.isfinite(self.depth))
        distance = rng.uniform(7, 30)
        to_wall = distance / np.maximum(rays[..., 1], 1e-6)
        x = camera.position[0] + rays[..., 0] * to_wall
        z = camera.position[2] + rays[..., 2] * to_wall
        houses = rng.uniform(2, 9) + np.repeat(rng.uniform(-1.5, 3, 40), 5)
        top = houses[np.clip((x + 100).astype(int), 0, 199)]
        tile = self._decals(rng, self.textures.draw(rng, ("bricks", "plain", "rough", "tiles", "shelves")))
        if rng.random() < 0.35:
            tile = self.textures.draw(rng, ("rough",)) * np.array([0.5, 1.0, 0.6], np.float32)
            top = top * 0.6 + fractal(rng, 2, camera.width, 6, 6)[0][None] * 1.2
        wall = (rays[..., 1] > 1e-3) & (z > 0) & (z < top)
        self._lay(camera, rays, wall, to_wall, (0, 2), tile, rng.uniform(3, 8), self.ambient + self.key * 0.6)
        self.depth = np.where(wall, to_wall, self.depth)
        self.floor = self.floor & ~wall

    def _clutter(self, rng, camera, rays):
        """No geometry at all: gradients, noise and shapes, so that nothing can be learnt from
        rooms."""
        h, w = camera.height, camera.width
        a, b = random_colour(rng, 40), random_colour(rng, 40)
        ramp = np.linspace(0, 1, h, dtype=np.float32)[:, None, None]
        self.image[:] = a * (1 - ramp) + b * ramp
        self.image *= 1 + rng.uniform(0.05, 0.4) * fractal(rng, h, w, 6, 3)[..., None]
        for _ in range(int(rng.integers(0, 25))):
            colour = random_colour(rng, 45).tolist()
            centre = np.array([rng.uniform(0, w), rng.uniform(0, h)])
            size = rng.uniform(0.02, 0.25) * w
            if rng.random() < 0.5:
                shape = centre + rng.normal(0, size, (int(rng.integers(3, 7)), 2))
                cv2.fillConvexPoly(self.image, cv2.convexHull(shape.astype(np.int32)), colour, cv2.LINE_AA)
            else:
                axes = (int(size * rng.uniform(0.1, 1)), int(size * rng.uniform(0.1, 1)))
                spot = tuple(int(c) for c in centre)
                cv2.ellipse(self.image, spot, axes, rng.uniform(0, 180), 0, 360, colour, -1, cv2.LINE_AA)
        if rng.random() < 0.5:
            mask = fractal(rng, h, w, 3, 2) > rng.uniform(-0.5, 0.8)
            y, x = np.nonzero(mask)
            self.image[mask] = sample(self.textures.draw(rng), x / 100.0, y / 100.0, rng.uniform(1, 6))
        self.depth = np.full((h, w), np.inf, np.float32)
        self.floor = np.zeros((h, w), bool)
