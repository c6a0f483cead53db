"""A z-buffer rasteriser in numpy: every covered pixel of every triangle at once.

Bodies have many triangles of a few pixels, so all of a mesh's candidate pixels are laid out in one
array, tested together, and the nearest a pixel is kept. Cost is about a microsecond per ten pixels.
"""

import numpy as np

NEAR_M = 0.15


class Canvas:
    """Depth, owner and surface point of every pixel.

    depth: (H, W) f32 metres along the optical axis, inf where nothing was drawn. owner: (H, W) i16,
    -1 where nothing was drawn. face: (H, W) i32 triangle of the owner. bary: (H, W, 2) f32, the
    weights of the triangle's second and third corner.
    """

    def __init__(self, height: int, width: int):
        self.height, self.width = height, width
        self.depth = np.full((height, width), np.inf, np.float32)
        self.owner = np.full((height, width), -1, np.int16)
        self.face = np.zeros((height, width), np.int32)
        self.bary = np.zeros((height, width, 2), np.float32)

    def draw(self, points: np.ndarray, faces: np.ndarray, owner: int, cull: bool = True) -> int:
        """Draw triangles. `points`: (V, 3) x, y in pixel index coordinates and depth in metres.

        Leaves out triangles with a corner nearer than NEAR_M and, with `cull`, those turned away.
        The corners of a front face run counter-clockwise. Returns the number of pixels that the
        mesh covers, hidden ones included.
        """
        hits = self._cover(points.astype(np.float32, copy=False), faces, cull)
        if hits is None:
            return 0
        pixel, depth, face, bary = hits
        silhouette = np.zeros(self.height * self.width, bool)
        silhouette[pixel] = True
        covered = int(silhouette.sum())
        # Farthest first: of repeated indices the last assignment stays, which is the nearest.
        order = np.argsort(-depth, kind="stable")
        pixel, depth, face, bary = pixel[order], depth[order], face[order], bary[order]
        ahead = depth < self.depth.ravel()[pixel]
        pixel, depth, face, bary = pixel[ahead], depth[ahead], face[ahead], bary[ahead]
        self.depth.ravel()[pixel] = depth
        self.owner.ravel()[pixel] = owner
        self.face.ravel()[pixel] = face
        self.bary.reshape(-1, 2)[pixel] = bary
        return covered

    def _cover(self, points, faces, cull):
        """All (pixel, depth, face, bary) that triangles cover, or None."""
        corner = points[faces]
        x, y, z = corner[..., 0], corner[..., 1], corner[..., 2]
        x0 = np.maximum(np.ceil(x.min(1)), 0)
        y0 = np.maximum(np.ceil(y.min(1)), 0)
        x1 = np.minimum(np.floor(x.max(1)), self.width - 1)
        y1 = np.minimum(np.floor(y.max(1)), self.height - 1)
        # Twice the signed area; y points down, so a front face comes out negative.
        area = (x[:, 1] - x[:, 0]) * (y[:, 2] - y[:, 0]) - (x[:, 2] - x[:, 0]) * (y[:, 1] - y[:, 0])
        keep = (x1 >= x0) & (y1 >= y0) & (z.min(1) > NEAR_M)
        keep &= (area < -1e-9) if cull else (np.abs(area) > 1e-9)
        kept = np.flatnonzero(keep)
        if not len(kept):
            return None
        columns = (x1 - x0 + 1)[kept].astype(np.int64)
        counts = columns * (y1 - y0 + 1)[kept].astype(np.int64)
        which = np.repeat(np.arange(len(kept)), counts)
        within = np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts)
        row, column = np.divmod(within, columns[which])
        face = kept[which]
        px = column.astype(np.float32) + x0[face]
        py = row.astype(np.float32) + y0[face]
        inverse = 1.0 / area[face]
        dx, dy = px - x[face, 0], py - y[face, 0]
        b = (dx * (y[face, 2] - y[face, 0]) - dy * (x[face, 2] - x[face, 0])) * inverse
        c = (dy * (x[face, 1] - x[face, 0]) - dx * (y[face, 1] - y[face, 0])) * inverse
        # A little slack closes the gaps between neighbours that rounding leaves.
        inside = (b >= -1e-4) & (c >= -1e-4) & (b + c <= 1.0001)
        face, b, c = face[inside], b[inside], c[inside]
        near = 1.0 / z[face]
        depth = 1.0 / (near[:, 0] * (1 - b - c) + near[:, 1] * b + near[:, 2] * c)
        # Screen-space weights to those on the surface, which attributes are linear in.
        bary = np.stack([b * near[:, 1], c * near[:, 2]], 1) * depth[:, None]
        pixel = py[inside].astype(np.int64) * self.width + px[inside].astype(np.int64)
        return pixel, depth.astype(np.float32), face, bary

    def pixels(self, owner: int) -> np.ndarray:
        """Flat indices of the pixels that show `owner`."""
        return np.flatnonzero(self.owner.ravel() == owner)

    def interpolate(self, pixels: np.ndarray, faces: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Vertex `values` (V, C) at `pixels` (P,), which must belong to the mesh of `faces`:
        (P, C)."""
        corner = faces[self.face.ravel()[pixels]]
        bary = self.bary.reshape(-1, 2)[pixels]
        b, c = bary[:, :1], bary[:, 1:]
        return values[corner[:, 0]] * (1 - b - c) + values[corner[:, 1]] * b + values[corner[:, 2]] * c


class Camera:
    """A pinhole over the floor z = 0. World: metres, z up. Pixel index coordinates, depth along the
    axis."""

    def __init__(self, position, target, focal_px: float, width: int, height: int, roll: float = 0.0):
        self.position = np.asarray(position, dtype=np.float64)
        forward = np.asarray(target, dtype=np.float64) - self.position
        forward /= np.linalg.norm(forward)
        right = np.cross(forward, [0.0, 0.0, 1.0])
        right /= np.linalg.norm(right)
        down = np.cross(forward, right)
        c, s = np.cos(roll), np.sin(roll)
        self.axes = np.stack([c * right + s * down, c * down - s * right, forward])
        self.focal_px = float(focal_px)
        self.width, self.height = width, height
        self.center = np.array([(width - 1) / 2.0, (height - 1) / 2.0])

    def project(self, points: np.ndarray) -> np.ndarray:
        """World points (N, 3) -> (N, 3): x, y in pixels, depth in metres (clamped ahead of the
        lens)."""
        local = (points - self.position) @ self.axes.T
        depth = np.maximum(local[:, 2], 0.01)
        return np.column_stack([local[:, :2] / depth[:, None] * self.focal_px + self.center, local[:, 2]])

    def rays(self) -> np.ndarray:
        """World direction of every pixel, (H, W, 3), of depth 1 along the axis."""
        x = (np.arange(self.width) - self.center[0]) / self.focal_px
        y = (np.arange(self.height) - self.center[1]) / self.focal_px
        local = np.stack([*np.meshgrid(x, y), np.ones((self.height, self.width))], axis=-1)
        return local @ self.axes

    def scaled(self, factor: float) -> "Camera":
        """The same view with `factor` times as many pixels a side."""
        other = object.__new__(Camera)
        other.position, other.axes = self.position, self.axes
        other.width, other.height = round(self.width * factor), round(self.height * factor)
        other.focal_px = self.focal_px * factor
        other.center = (self.center + 0.5) * factor - 0.5
        return other
