"""Frames of a scene. The room, its furniture and the camera stay as they are, so they are drawn once;
a frame draws only the part of the picture in which the person and the shadow are."""

import cv2
import numpy as np

from lpn.render.raster import Canvas
from lpn.render.scene import (
    _BOX_FACES,
    Person,
    _fill,
    _shade_crate,
    _shade_person,
    label,
)
from lpn.render.staging import Film


class Set:
    """The empty room, drawn once, and the look of its camera."""

    def __init__(self, film: Film):
        rng, self.film = film.rng, film
        camera, backdrop = film.camera, film.backdrop
        self.canvas = Canvas(camera.height, camera.width)
        owner = 1  # 0 is the person
        for crate in film.furniture:
            self.canvas.draw(camera.project(crate.corners()), _BOX_FACES, owner, cull=False)
            owner += 1
        self.floor = backdrop.floor & (self.canvas.owner < 0)
        image = backdrop.image.copy()
        for crate in film.furniture:
            image *= 1 - 0.5 * self._cover(_fill(crate))[..., None] * backdrop.floor[..., None]
        flat = image.reshape(-1, 3)
        for owner, crate in enumerate(film.furniture, start=1):
            pixels = self.canvas.pixels(owner)
            if len(pixels):
                flat[pixels] = _shade_crate(self.canvas, pixels, crate, backdrop, camera)
        self.image = image
        y, x = np.ogrid[-1 : 1 : camera.height * 1j, -1 : 1 : camera.width * 1j]
        self.gain = (1 - rng.uniform(0, 0.3) * (x * x + y * y) / 2)[..., None].astype(np.float32)
        # Exposure as an automatic camera sets it, and not always well.
        self.gain = self.gain * rng.uniform(80, 140) / max(20.0, float(image.mean()))
        self.contrast, self.grey = rng.uniform(0.8, 1.15), rng.random() < 0.12
        self.sigma = float(rng.choice([0.35, 0.5, 0.8]))
        noise = rng.uniform(0.6, 3.0)
        self.noise = [rng.normal(0, noise, (camera.height, camera.width)).astype(np.int16) for _ in range(5)]
        self.base = self._photo(image, self.gain)

    def _photo(self, image, gain) -> np.ndarray:
        out = (image * gain - 110) * self.contrast + 110
        if self.grey:
            out = np.repeat(out.mean(2, keepdims=True), 3, 2)
        out = cv2.GaussianBlur(out.astype(np.float32), (0, 0), self.sigma)
        return np.clip(out, 0, 255).astype(np.uint8)

    def _cover(self, points) -> np.ndarray:
        """Where points keep the light from the floor (H, W), 0..1."""
        camera, light = self.film.camera, self.film.backdrop.light
        slide = light[:2] / max(light[2], 0.5)
        ground = np.column_stack([points[:, :2] - points[:, 2:3] * slide, np.zeros(len(points))])
        at = camera.project(ground)
        cover = np.zeros((camera.height, camera.width), np.uint8)
        ok = at[:, 2] > 0.3
        column, row = np.rint(at[ok, :2]).astype(int).T
        fit = (column >= 0) & (column < camera.width) & (row >= 0) & (row < camera.height)
        cover[row[fit], column[fit]] = 255
        scale = camera.focal_px / max(float(np.median(at[:, 2])), 0.5)
        grow, blur = max(3, int(scale * 0.04)) | 1, max(3, int(scale * 0.10)) | 1
        cover = cv2.blur(cv2.dilate(cover, np.ones((grow, grow), np.uint8)), (blur, blur))
        return cover.astype(np.float32) / 255

    def frame(self, person: Person, index: int):
        """The picture with the person (H, W, 3) u8, the person's label, and who is at each pixel."""
        canvas, camera = Canvas.__new__(Canvas), self.film.camera
        canvas.height, canvas.width = camera.height, camera.width
        for name in ("depth", "owner", "face", "bary"):
            setattr(canvas, name, getattr(self.canvas, name).copy())
        area = canvas.draw(camera.project(person.vertices), person.body.bank.faces, 0)
        shade = self._cover(person.vertices[::6]) * self.floor
        pixels = canvas.pixels(0)
        touched = shade > 0
        touched.ravel()[pixels] = True
        out = self.base.copy()
        if touched.any():
            rows, columns = np.flatnonzero(touched.any(1)), np.flatnonzero(touched.any(0))
            y0, y1 = max(0, rows[0] - 4), rows[-1] + 5
            x0, x1 = max(0, columns[0] - 4), columns[-1] + 5
            part = self.image[y0:y1, x0:x1] * (1 - 0.55 * shade[y0:y1, x0:x1])[..., None]
            if len(pixels):
                row, column = np.divmod(pixels, camera.width)
                part[row - y0, column - x0] = _shade_person(canvas, pixels, person, self.film.backdrop)
            out[y0:y1, x0:x1] = self._photo(part, self.gain[y0:y1, x0:x1])
        noise = np.roll(self.noise[index % len(self.noise)], (index * 37) % camera.width, 1)
        out = cv2.add(out, cv2.merge([noise] * 3), dtype=cv2.CV_8U)
        return out, label(canvas, camera, person.keypoints, 0, area), canvas.owner
