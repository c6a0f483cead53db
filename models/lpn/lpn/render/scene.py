"""People and furniture in a scene: placed, drawn into one z-buffer, lit, and labelled exactly."""

from dataclasses import dataclass, field

import cv2
import numpy as np

from lpn.render.body import KEYPOINTS, Body, rotation
from lpn.render.backdrop import Backdrop, sample
from lpn.render.dress import Outfit, albedo, coordinates, dressed
from lpn.render.raster import Camera, Canvas

# How deep below the skin (and its cloth) COCO's keypoints lie, metres at adult size: a keypoint
# covered by no more than this of its own body counts as seen. Order of KEYPOINTS.
DEPTH_BELOW_SKIN_M = np.array(
    [0.03, 0.03, 0.03, 0.05, 0.05, 0.10, 0.10, 0.075, 0.075, 0.06, 0.06, 0.15, 0.15, 0.10, 0.10, 0.08, 0.08]
)

# Two triangles a side, in the order -z, +z, -y, +y, -x, +x.
_BOX_FACES = np.array(
    [(0, 2, 1), (1, 2, 3), (4, 5, 6), (5, 7, 6), (0, 1, 4), (1, 5, 4),
     (2, 6, 3), (3, 6, 7), (0, 4, 2), (2, 4, 6), (1, 3, 5), (3, 7, 5)],
    np.int32,
)  # fmt: skip


@dataclass
class Person:
    """A body in a pose at a place: `turn_rad` about the vertical (0 faces -y), feet (or seat) on
    the floor."""

    body: Body
    outfit: Outfit
    pose: np.ndarray
    position: tuple[float, float] = (0.0, 0.0)
    turn_rad: float = 0.0
    lift_m: float = 0.0
    vertices: np.ndarray = field(init=False, repr=False)
    normals: np.ndarray = field(init=False, repr=False)
    keypoints: np.ndarray = field(init=False, repr=False)

    def settle(self) -> "Person":
        """Compute world vertices, normals and keypoints; the lowest point of the body touches the
        floor."""
        self.coords = coordinates(self.body)
        cloth = dressed(self.body, self.outfit, self.coords)
        vertices, normals, keypoints = self.body.pose(self.pose, cloth)
        turn = rotation(np.array([0.0, 0.0, self.turn_rad])).astype(np.float32)
        shift = np.array([*self.position, self.lift_m], np.float32)
        vertices, keypoints = vertices @ turn.T, keypoints @ turn.T
        shift[2] -= vertices[:, 2].min()
        self.vertices, self.normals, self.keypoints = vertices + shift, normals @ turn.T, keypoints + shift
        return self


@dataclass
class Crate:
    """A box standing in the scene: furniture, a pillar, whatever hides people. Half sizes,
    metres."""

    center: tuple[float, float, float]
    half: tuple[float, float, float]
    turn_rad: float
    texture: np.ndarray
    metres: float = 1.0

    def corners(self) -> np.ndarray:
        """(8, 3) world."""
        unit = np.array([(x, y, z) for z in (-1, 1) for y in (-1, 1) for x in (-1, 1)], float)
        return unit * self.half @ rotation(np.array([0, 0, self.turn_rad])).T + self.center


@dataclass
class Label:
    """Truth of one person in the picture. keypoints: (17, 3) x, y, v as in COCO (0 outside the
    picture, 1 hidden, 2 seen); box: x, y, w, h of the seen pixels, on pixel edges; area: seen
    pixels."""

    keypoints: np.ndarray
    box: np.ndarray
    area: int
    full_area: int


def draw(
    camera: Camera,
    backdrop: Backdrop,
    people: list[Person],
    crates: list[Crate] = (),
    shadows: bool = True,
) -> tuple[np.ndarray, list[Label]]:
    """Render: picture (H, W, 3) f32 BGR 0..255 and one label a person, in the order of `people`."""
    canvas = Canvas(camera.height, camera.width)
    full_area = [
        canvas.draw(camera.project(person.vertices), person.body.bank.faces, index)
        for index, person in enumerate(people)
    ]
    for index, crate in enumerate(crates, start=len(people)):
        canvas.draw(camera.project(crate.corners()), _BOX_FACES, index, cull=False)
    image = backdrop.image.copy()
    if shadows and backdrop.floor.any():
        _shadow(image, camera, backdrop, people, crates)
    flat = image.reshape(-1, 3)
    for index, person in enumerate(people):
        pixels = canvas.pixels(index)
        if len(pixels):
            flat[pixels] = _shade_person(canvas, pixels, person, backdrop)
    for index, crate in enumerate(crates, start=len(people)):
        pixels = canvas.pixels(index)
        if len(pixels):
            flat[pixels] = _shade_crate(canvas, pixels, crate, backdrop, camera)
    labels = [label(canvas, camera, p.keypoints, i, a) for i, (p, a) in enumerate(zip(people, full_area))]
    return image, labels


def label(canvas: Canvas, camera: Camera, keypoints: np.ndarray, owner: int, full_area: int) -> Label:
    """Read a person's labels from the z-buffer. keypoints: (17, 3) world."""
    xyz = camera.project(keypoints)
    out = np.zeros((len(KEYPOINTS), 3))
    column, row = np.rint(xyz[:, 0]).astype(int), np.rint(xyz[:, 1]).astype(int)
    inside = (xyz[:, 2] > 0.1) & (column >= 0) & (column < canvas.width) & (row >= 0) & (row < canvas.height)
    size = float(np.linalg.norm(keypoints[[5, 6]].mean(0) - keypoints[[11, 12]].mean(0))) / 0.48
    for k in np.flatnonzero(inside):
        who, depth = canvas.owner[row[k], column[k]], canvas.depth[row[k], column[k]]
        if who == owner:
            seen = depth > xyz[k, 2] - DEPTH_BELOW_SKIN_M[k] * min(1.2, max(0.5, size))
        else:
            # Off its own silhouette: a thin limb's keypoint at the very edge, unless something is
            # ahead of it.
            seen = depth > xyz[k, 2] and _touches(canvas.owner, row[k], column[k], owner)
        out[k] = xyz[k, 0], xyz[k, 1], 2 if seen else 1
    ys, xs = np.nonzero(canvas.owner == owner)
    if not len(xs):
        return Label(out, np.zeros(4), 0, full_area)
    box = np.array([xs.min() - 0.5, ys.min() - 0.5, np.ptp(xs) + 1.0, np.ptp(ys) + 1.0])
    return Label(out, box, len(xs), full_area)


def _touches(owners: np.ndarray, row: int, column: int, owner: int) -> bool:
    window = owners[max(0, row - 1) : row + 2, max(0, column - 1) : column + 2]
    return bool((window == owner).any())


def _shade_person(canvas, pixels, person, backdrop):
    faces = person.body.bank.faces
    values = np.hstack([person.coords, person.normals])
    at = canvas.interpolate(pixels, faces, values)
    normal = at[:, 9:]
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-6)
    key = np.clip(normal @ backdrop.light * 0.8 + 0.2, 0, 1).astype(np.float32)
    sky = (0.75 + 0.25 * normal[:, 2]).astype(np.float32)
    light = backdrop.ambient[None] * sky[:, None] + backdrop.key[None] * key[:, None]
    return albedo(at[:, :9], person.outfit) * light


def _shade_crate(canvas, pixels, crate, backdrop, camera):
    depth = canvas.depth.ravel()[pixels]
    row, column = np.divmod(pixels, canvas.width)
    across = (np.column_stack([column, row]) - camera.center) / camera.focal_px
    ray = np.column_stack([across, np.ones(len(pixels))]) @ camera.axes
    point = camera.position + ray * depth[:, None]
    own = (point - crate.center) @ rotation(np.array([0, 0, crate.turn_rad]))
    side = canvas.face.ravel()[pixels] // 2
    axis = np.array([2, 2, 1, 1, 0, 0])[side]
    u = np.where(axis == 0, own[:, 1], own[:, 0])
    v = np.where(axis == 2, own[:, 1], -own[:, 2])
    colour = sample(crate.texture, u, v, crate.metres)
    normals = np.array([(0, 0, -1), (0, 0, 1), (0, -1, 0), (0, 1, 0), (-1, 0, 0), (1, 0, 0)], float)
    normals = normals @ rotation(np.array([0, 0, crate.turn_rad])).T
    key = np.clip(normals @ backdrop.light, 0, 1)[side].astype(np.float32)
    return colour * (backdrop.ambient + backdrop.key * key[:, None])


def _shadow(image, camera, backdrop, people, crates):
    """Darken the floor where bodies block the light, with soft edges."""
    cover = np.zeros((camera.height, camera.width), np.float32)
    slide = backdrop.light[:2] / max(backdrop.light[2], 0.35)
    for points in [p.vertices[::3] for p in people] + [_fill(c) for c in crates]:
        ground = np.column_stack([points[:, :2] - points[:, 2:3] * slide, np.zeros(len(points))])
        at = camera.project(ground)
        scale = camera.focal_px / max(np.median(at[:, 2]), 0.5)
        ok = (at[:, 2] > 0.3) & (np.abs(at[:, :2] - camera.center) < [camera.width, camera.height]).all(1)
        column, row = np.rint(at[ok, :2]).astype(int).T
        fit = (column >= 0) & (column < camera.width) & (row >= 0) & (row < camera.height)
        spot = np.zeros_like(cover)
        spot[row[fit], column[fit]] = 1.0
        grow = max(3, int(scale * 0.035)) | 1
        spot = cv2.dilate(spot, np.ones((grow, grow), np.uint8))
        blur = max(3, int(scale * 0.10)) | 1
        cover = np.maximum(cover, cv2.blur(spot, (blur, blur)))
    keep = 1 - 0.55 * cover * backdrop.floor
    image *= keep[..., None]


def _fill(crate: Crate) -> np.ndarray:
    grid = np.stack(np.meshgrid(*[np.linspace(-1, 1, 12)] * 3), -1).reshape(-1, 3)
    return grid * crate.half @ rotation(np.array([0, 0, crate.turn_rad])).T + crate.center


def photograph(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """What a camera adds: exposure, vignette, slight blur, sensor noise. (H, W, 3) u8."""
    h, w = image.shape[:2]
    y, x = np.ogrid[-1 : 1 : h * 1j, -1 : 1 : w * 1j]
    vignette = (1 - rng.uniform(0, 0.3) * (x * x + y * y) / 2)[..., None].astype(np.float32)
    image = image * vignette * rng.uniform(0.7, 1.3)
    contrast = rng.uniform(0.75, 1.2)
    image = (image - 110) * contrast + 110 + rng.normal(0, 8, 3)
    sigma = rng.choice([0.35, 0.5, 0.8, 1.3], p=[0.3, 0.35, 0.25, 0.1])
    image = cv2.GaussianBlur(image.astype(np.float32), (0, 0), sigma)
    noise = rng.normal(0, rng.uniform(0.5, 8), (h, w, 1)) + rng.normal(0, rng.uniform(0.2, 3), (h, w, 3))
    return np.clip(image + noise, 0, 255).astype(np.uint8)
