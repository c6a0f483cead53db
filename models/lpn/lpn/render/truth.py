"""Postures and events of a drawn person, from the pose in three dimensions and not from the picture."""

import numpy as np

from lpn.render.body import KEYPOINTS

_AT = {name: i for i, name in enumerate(KEYPOINTS)}
_LEGS = [_AT[f"{side}_{joint}"] for side in ("left", "right") for joint in ("knee", "ankle")]


def _middle(points: np.ndarray, joint: str) -> np.ndarray:
    return (points[_AT[f"left_{joint}"]] + points[_AT[f"right_{joint}"]]) / 2


def posture(points: np.ndarray, surface: float, leg_m: float) -> str | None:
    """Of keypoints (17, 3) in metres on something `surface` high; `leg_m`: from hip to ankle
    standing. None in between.

    The limits leave gaps, so that a name is only given where people agree on it.
    """
    shoulders, hips = _middle(points, "shoulder"), _middle(points, "hip")
    trunk = shoulders - hips
    tilt = np.degrees(np.arccos(np.clip(trunk[2] / np.linalg.norm(trunk), -1, 1)))
    carried = (hips[2] - surface) / leg_m  # hips above what carries the body, in legs
    high = hips[2] / leg_m
    knees = [_bend(points, side) for side in ("left", "right")]
    if tilt > 62 and carried < 0.42 and (shoulders[2] - surface) / leg_m < 0.62:
        return "lying"
    if high > 0.88 and min(knees) < 45:
        return "standing"
    # Who crouches has the feet under the hips; who sits has them before the hips, and would fall
    # without a seat.
    apart = float(np.linalg.norm((_middle(points, "ankle") - hips)[:2])) / leg_m
    if tilt < 42 and high < 0.85 and apart > 0.35:
        return "sitting"
    if high < 0.62 and tilt < 75 and max(knees) > 90 and apart < 0.3:
        return "crouching"
    on_knees = max(points[_AT[f"{side}_knee"], 2] for side in ("left", "right")) < 0.2 * leg_m
    return "crouching" if on_knees and high > 0.4 and high < 0.75 and tilt > 45 else None


def _bend(points: np.ndarray, side: str) -> float:
    hip, knee, ankle = (points[_AT[f"{side}_{joint}"]] for joint in ("hip", "knee", "ankle"))
    a, b = knee - hip, ankle - knee
    return float(np.degrees(np.arccos(np.clip(a @ b / np.linalg.norm(a) / np.linalg.norm(b), -1, 1))))


def steady(names: list[str | None], margin: int) -> list[str | None]:
    """Postures that hold for more than `margin` frames; None nearer to a change than that, except
    at the start and the end."""
    out = []
    for k, name in enumerate(names):
        near = names[max(0, k - margin) : k + margin + 1]
        out.append(name if all(other == name for other in near) else None)
    return out


def legs_seen(keypoints: np.ndarray, owners: np.ndarray, owner: int) -> bool:
    """Whether a leg is in the picture to the ankle and nothing but the body itself hides it.
    keypoints: (17, 3) x, y, v; owners: who is drawn at each pixel."""
    shown = np.zeros(len(KEYPOINTS), bool)
    for k in range(len(KEYPOINTS)):
        if keypoints[k, 2] > 0:
            x, y = (int(round(v)) for v in keypoints[k, :2])
            near = owners[max(0, y - 2) : y + 3, max(0, x - 2) : x + 3]
            shown[k] = bool((near == owner).any())
    hips = shown[[_AT["left_hip"], _AT["right_hip"]]].any()
    return bool(hips and any(shown[[_LEGS[2 * side], _LEGS[2 * side + 1]]].all() for side in (0, 1)))
