"""The colours of clothes, hair and skin: where each begins and ends, and how light falls on it.

Smooth coordinates run along arms, legs, neck and head. A garment is a range of them that is tested
at every pixel, so that hems are sharp at any size. Cloth and hair also enlarge the mesh a little.
"""

from dataclasses import dataclass

import numpy as np

from lpn.render.body import BONE, Body

SKIN_BGR = np.array(
    [(180, 205, 240), (150, 185, 225), (125, 165, 210), (95, 135, 190), (75, 110, 165), (50, 78, 125),
     (35, 55, 92)],
    np.float32,
)  # fmt: skip
HAIR_BGR = np.array(
    [(18, 16, 18), (25, 30, 42), (30, 45, 75), (45, 75, 115), (85, 140, 185), (30, 50, 120), (150, 152, 155)],
    np.float32,
)


@dataclass
class Outfit:
    """What one person wears. Lengths: sleeve 0 shoulder, 1 elbow, 2 wrist; hem 0 hip, 1 knee, 2
    ankle."""

    skin: np.ndarray
    hair: np.ndarray
    shirt: np.ndarray
    trousers: np.ndarray
    shoes: np.ndarray
    sleeve: float
    waist: float
    hem: float
    collar: float
    hairline: float
    long_hair: bool
    pattern: str
    pattern_bgr: np.ndarray
    loose_m: float
    wrinkle_phase: np.ndarray


def random_outfit(rng: np.random.Generator) -> Outfit:
    """Everyday clothes: any shirt colour, mostly subdued trousers, natural skin and hair."""

    def colour(saturation: float) -> np.ndarray:
        grey = rng.uniform(15, 235)
        return np.clip(grey + rng.normal(0, saturation, 3), 5, 250).astype(np.float32)

    loose = rng.uniform(0.004, 0.022)
    blue_jeans = np.array([110, 75, 50], np.float32) * rng.uniform(0.5, 1.6)
    kind = rng.random()
    return Outfit(
        skin=SKIN_BGR[rng.integers(len(SKIN_BGR))] * rng.uniform(0.9, 1.1),
        hair=HAIR_BGR[rng.integers(len(HAIR_BGR))] * rng.uniform(0.7, 1.3),
        shirt=colour(45),
        trousers=blue_jeans if rng.random() < 0.35 else colour(16) * rng.uniform(0.3, 0.9),
        shoes=colour(15) * (0.5 if rng.random() < 0.6 else 1.0),
        sleeve=rng.choice([0.15, 0.5, 0.75, 1.4, 1.9, 1.97], p=[0.08, 0.25, 0.2, 0.07, 0.2, 0.2]),
        waist=rng.uniform(-0.35, 0.1) if kind < 0.88 else rng.uniform(0.35, 0.9),
        hem=rng.choice([0.45, 0.8, 1.5, 1.85, 1.95], p=[0.1, 0.12, 0.05, 0.36, 0.37]),
        collar=rng.uniform(-0.55, 0.5),
        hairline=5.0 if rng.random() < 0.06 else rng.uniform(0.034, 0.056),
        long_hair=bool(rng.random() < 0.4),
        pattern=str(rng.choice(["plain", "stripes", "checks", "print", "noise"], p=[0.5, 0.14, 0.1, 0.16, 0.1])),
        pattern_bgr=colour(45),
        loose_m=loose,
        wrinkle_phase=rng.uniform(0, 6.28, 6),
    )


def coordinates(body: Body) -> np.ndarray:
    """Surface coordinates (V, 9) f32: arm, leg, neck, head x, y, z (m from between the ears, at
    adult size), eye, rest x, rest z."""
    if body.surface is not None:
        return body.surface
    v, heads, w = body.vertices, body.heads, body.bank.weights

    def along(chain: tuple[str, str, str], side: str):
        names = [BONE[f"{name}.{side}"] for name in chain]
        weight = w[:, names]
        start = heads[names]
        end = np.vstack([start[1:], start[2:] + 0.8 * (start[2] - start[1]) / 4])
        t = []
        for k in range(3):
            axis = end[k] - start[k]
            t.append(k + np.clip((v - start[k]) @ axis / (axis @ axis), -0.3, 1.2))
        total = weight.sum(1)
        return (weight * np.stack(t, 1)).sum(1) / np.maximum(total, 1e-6), total

    arm = np.full(len(v), -0.4)
    thigh_m = np.linalg.norm(heads[BONE["shin.L"]] - heads[BONE["thigh.L"]])
    trunk = -(v[:, 2] - heads[BONE["thigh.L"], 2]) / thigh_m
    leg = trunk.copy()
    for side in "LR":
        t, total = along(("upperarm", "lowerarm", "hand"), side)
        arm = np.where(total > 0.02, t * total - 0.4 * (1 - total), arm)
        t, total = along(("thigh", "shin", "foot"), side)
        leg = np.where(total > 0.02, t * total + trunk * (1 - total), leg)
    neck_m = heads[BONE["head"], 2] - heads[BONE["neck"], 2]
    neck = (v[:, 2] - heads[BONE["neck"], 2]) / neck_m
    rest_keypoints = body.bank.keypoints @ v
    ears = rest_keypoints[3:5]
    scale = 0.148 / np.linalg.norm(ears[0] - ears[1])
    head = (v - ears.mean(0)) * scale
    body.surface = np.column_stack([arm, leg, neck, head, body.bank.eye, v[:, 0], v[:, 2]]).astype(np.float32)
    return body.surface


def _hair_mask(c: np.ndarray, outfit: Outfit) -> np.ndarray:
    """How far inside the hair (m; negative outside), from coordinates (.., 9)."""
    x, y, z = c[..., 3], c[..., 4], c[..., 5]
    inside = z + 0.75 * y - outfit.hairline
    if outfit.long_hair:
        mane = np.minimum(y - 0.012 + 0.25 * np.abs(x), z + 0.16)
        inside = np.maximum(inside, mane)
    return np.where(z > -0.2, inside, -1.0)


def dressed(body: Body, outfit: Outfit, coords: np.ndarray) -> np.ndarray:
    """The vertices in the bank's stance, enlarged by cloth and hair, (V, 3) f32."""
    arm, leg, neck = coords[:, 0], coords[:, 1], coords[:, 2]
    head = body.bank.weights[:, BONE["head"]] + body.bank.weights[:, BONE["neck"]]
    shirt = (arm < outfit.sleeve) & (leg < outfit.waist + 0.1) & (neck < outfit.collar) & (head < 0.6)
    trousers = (leg > outfit.waist - 0.05) & (leg < outfit.hem) & (arm < 0)
    feet = leg > 1.95
    out = np.where(shirt, outfit.loose_m * 1.2, 0.0) + np.where(trousers & ~shirt, outfit.loose_m, 0.0)
    out = np.where(feet, 0.008, out)
    hair = np.clip(_hair_mask(coords, outfit) / 0.03, 0, 1) * (head > 0.3)
    thick = 0.02 if not outfit.long_hair else 0.032
    out = out + hair * thick
    return (body.vertices + body.normals * out[:, None]).astype(np.float32)


def albedo(c: np.ndarray, outfit: Outfit) -> np.ndarray:
    """Colour (P, 3) BGR 0..255 before light, at surface coordinates (P, 9)."""
    arm, leg, neck, x, y, z, eye, rest_x, rest_z = c.T
    on_head = neck > 0.25
    colour = np.repeat(outfit.skin[None], len(c), 0)
    colour *= (1 + 0.05 * np.sin(rest_z * 60 + rest_x * 45))[:, None]
    # Face: brows, mouth and cheeks at their usual place; dots at a distance, features close up.
    front = on_head & (y < -0.06)
    brow = front & (np.abs(np.abs(x) - 0.033) < 0.02) & (np.abs(z - 0.038) < 0.005)
    mouth = front & (np.abs(x) < 0.024) & (np.abs(z + 0.058) < 0.008)
    colour[brow] = outfit.hair
    colour[mouth] = outfit.skin * np.array([0.62, 0.58, 0.82], np.float32)
    looking = (eye > 0.5) & (y < -0.094)
    colour[eye > 0.5] = (225, 228, 230)
    colour[looking] = (40, 35, 30)

    trunk = (arm < outfit.sleeve) & (neck < outfit.collar - 0.5 * np.clip(0.5 - np.abs(rest_x) * 8, 0, 1) * (y < 0))
    shirt = trunk & (leg < outfit.waist)
    trousers = (leg >= outfit.waist) & (leg < outfit.hem) & (arm < 0.0)
    wear = np.repeat(outfit.shirt[None], len(c), 0)
    mark = _pattern(outfit, rest_x, rest_z, arm)
    wear[mark] = outfit.pattern_bgr
    colour[shirt] = wear[shirt]
    colour[trousers] = outfit.trousers
    belt = trousers & (leg < outfit.waist + 0.05) & (outfit.waist < 0.3)
    colour[belt] = outfit.trousers * 0.6
    colour[leg > 1.93] = outfit.shoes
    sole = leg > 1.93
    colour[sole & (rest_z < np.min(rest_z, initial=0) + 0.02)] = 200 - outfit.shoes * 0.5
    hair = on_head & (_hair_mask(c, outfit) > 0)
    strands = 0.85 + 0.25 * np.sin(x * 900 + z * 300 + y * 500)
    colour[hair] = (outfit.hair[None] * strands[:, None])[hair]
    # Folds: a slow ripple on the cloth only.
    p = outfit.wrinkle_phase
    fold = np.sin(rest_x * 31 + rest_z * 17 + p[0]) * np.sin(rest_z * 43 - rest_x * 21 + p[1])
    fold += 0.6 * np.sin(rest_z * 78 + rest_x * 60 + p[2])
    cloth = (shirt | trousers) & ~hair
    colour[cloth] *= (1 + 0.07 * fold)[cloth, None]
    return colour


def _pattern(outfit: Outfit, x: np.ndarray, z: np.ndarray, arm: np.ndarray) -> np.ndarray:
    along = np.where(arm > 0, arm * 0.28, z)
    if outfit.pattern == "stripes":
        return np.sin(along * 90 + outfit.wrinkle_phase[3]) > 0.3
    if outfit.pattern == "checks":
        return (np.sin(along * 70) > 0.4) ^ (np.sin(x * 70) > 0.4)
    if outfit.pattern == "print":
        return (arm < 0) & (np.abs(x) < 0.11) & (np.sin(x * 75 + z * 20) + np.sin(z * 85 - x * 30) > 0.3)
    if outfit.pattern == "noise":
        return np.sin(x * 140 + 3 * np.sin(z * 50)) * np.sin(along * 120 + 2 * np.sin(x * 60)) > 0.25
    return np.zeros(len(x), bool)
