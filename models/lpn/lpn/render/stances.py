"""Key poses of the scenes: how people stand, sit, crouch, and lie after a fall.

Angles in degrees. `plant` lays the feet flat; `rest` of `lpn.render.ground` lets limbs sink to what
carries them.
"""

import numpy as np

from lpn.render.body import BONE, rotation
from lpn.render.ground import Figure, rest
from lpn.render.poses import _rotvec, look, set_arm, set_leg, stand, trunk

_LIMBS = ("upperarm.L", "lowerarm.L", "upperarm.R", "lowerarm.R", "thigh.L", "shin.L", "thigh.R", "shin.R")
_BODY = (*_LIMBS, "head", "spine_low", "chest", "foot.L", "foot.R")


def tip(pose: np.ndarray, forward=0.0, left=0.0, spin=0.0) -> np.ndarray:
    """Tip the whole body: spin to the left about its own length, then forward and to the left."""
    turn = np.eye(3)
    for angle, axis in ((spin, 2), (forward, 0), (left, 1)):
        about = np.zeros(3)
        about[axis] = np.radians(angle)
        turn = rotation(about) @ turn
    pose[BONE["root"]] = _rotvec(turn)
    return pose


def plant(pose: np.ndarray) -> np.ndarray:
    """Turn the feet flat to the floor, as far as ankles go."""
    for side in "LR":
        total = sum(pose[BONE[bone], 0] for bone in ("root", f"thigh.{side}", f"shin.{side}"))
        pose[BONE[f"foot.{side}"], 0] = np.clip(-total, np.radians(-40), np.radians(50))
    return pose


def _hang(rng, pose, elbow=22.0):
    for side in "LR":
        set_arm(pose, side, rng.normal(2, 6), rng.uniform(5, 14), rng.normal(0, 10), abs(rng.normal(elbow, 8)))


def at_ease(rng) -> np.ndarray:
    """Standing."""
    pose = stand()
    for side in "LR":
        bend = abs(rng.normal(4, 3))
        set_leg(pose, side, bend * 0.6, bend, 0, rng.uniform(2, 7), rng.uniform(4, 15))
    _hang(rng, pose)
    trunk(pose, rng.normal(3, 3), rng.normal(0, 2), rng.normal(0, 5))
    look(pose, rng.normal(6, 6), rng.normal(0, 12))
    return plant(pose)


def seated(rng) -> np.ndarray:
    """On a chair, feet on the floor."""
    pose, back = stand(), rng.uniform(0, 12)
    tip(pose, -back)
    for side in "LR":
        hip = rng.normal(84, 4)
        set_leg(pose, side, hip, hip + back + rng.normal(0, 9), 0, rng.uniform(2, 14), rng.normal(5, 5))
        set_arm(pose, side, rng.uniform(15, 40), rng.uniform(3, 14), rng.uniform(5, 25), rng.uniform(40, 80))
    trunk(pose, back + rng.uniform(-4, 18), rng.normal(0, 3), rng.normal(0, 5))
    look(pose, rng.normal(4, 8), rng.normal(0, 15))
    return plant(pose)


def half_seated(rng) -> np.ndarray:
    """Half way down to a chair: bent forward, to keep the balance."""
    pose = tip(stand(), 34)
    for side in "LR":
        set_leg(pose, side, 78, 62, 0, 6, 8)
        set_arm(pose, side, rng.uniform(10, 40), 10, 5, rng.uniform(20, 60))
    trunk(pose, 18)
    look(pose, -15)
    return plant(pose)


def squat(rng, deep=1.0) -> np.ndarray:
    """Crouching on both feet."""
    pose = tip(stand(), 24 * deep)
    for side in "LR":
        set_leg(pose, side, 112 * deep, 126 * deep, 0, rng.uniform(6, 20), rng.uniform(5, 20))
        set_arm(pose, side, rng.uniform(35, 70), rng.uniform(3, 15), rng.normal(0, 10), rng.uniform(15, 60))
    trunk(pose, rng.uniform(15, 35) * deep, rng.normal(0, 3), rng.normal(0, 5))
    look(pose, -18 * deep)
    return plant(pose)


def stooped(rng) -> np.ndarray:
    """Bent down to reach the floor with one hand."""
    pose, bend = stand(), rng.uniform(40, 58)
    tip(pose, bend)
    for side in "LR":
        set_leg(pose, side, bend + rng.uniform(8, 16), rng.uniform(12, 40), 0, rng.uniform(2, 8), 8)
        set_arm(pose, side, bend + rng.uniform(10, 40), 8, 0, rng.uniform(0, 25))
    set_arm(pose, "L", rng.uniform(20, 50), 12, 20, 60)
    trunk(pose, rng.uniform(35, 55), rng.normal(0, 4), rng.normal(0, 8))
    look(pose, -10)
    return plant(pose)


def on_floor(rng, figure: Figure) -> np.ndarray:
    """Seated on the floor, slack."""
    pose, drawn, back = stand(), rng.uniform(0.0, 0.8), rng.uniform(4, 16)
    tip(pose, -back)
    for side in "LR":
        set_leg(pose, side, 78 + 28 * drawn + rng.normal(0, 4), 8 + 85 * drawn + rng.normal(0, 6), -15,
                rng.uniform(4, 18), rng.uniform(5, 25))  # fmt: skip
        set_arm(pose, side, rng.uniform(-8, 25), rng.uniform(8, 20), rng.uniform(0, 20), rng.uniform(10, 40))
    trunk(pose, back + rng.uniform(15, 32), rng.normal(0, 8), rng.normal(0, 6))
    look(pose, rng.uniform(10, 35), rng.normal(0, 12), rng.normal(0, 8))
    return rest(figure, pose, ("thigh.L", "thigh.R", "upperarm.L", "upperarm.R"), tip_deg=0.0)


def on_back(rng, figure: Figure, tidy=False) -> np.ndarray:
    """Supine. `tidy`: as people lie down on purpose."""
    pose = tip(stand(), -90)
    raised = rng.random() < 0.3 and not tidy
    for side in "LR":
        bent = rng.uniform(30, 65) if rng.random() < 0.3 else rng.uniform(0, 10)
        set_leg(pose, side, bent * 0.6, bent, -20, rng.uniform(3, 14), rng.uniform(10, 35))
        if raised:
            set_arm(pose, side, 0, rng.uniform(90, 150), -85, rng.uniform(20, 70))
        else:
            set_arm(pose, side, -4, rng.uniform(12, 30 if tidy else 65), rng.normal(0, 20), rng.uniform(5, 40))
    trunk(pose, rng.normal(0, 3), rng.normal(0, 6))
    look(pose, 0, rng.normal(0, 25), rng.normal(0, 6))
    return rest(figure, pose, _BODY, tip_deg=8.0)


def on_front(rng, figure: Figure) -> np.ndarray:
    """Prone, the head to one side."""
    pose = tip(stand(), 90)
    aside = rng.choice([-1, 1])
    for side in "LR":
        bent = rng.uniform(15, 50) if rng.random() < 0.25 else 0.0
        set_leg(pose, side, 0, bent * 0.5, -65, rng.uniform(3, 14) + bent * 0.4, rng.uniform(0, 15))
        if rng.random() < 0.65:
            set_arm(pose, side, 0, rng.uniform(65, 125), -88, rng.uniform(40, 100))
        else:
            set_arm(pose, side, -5, rng.uniform(10, 30), 60, rng.uniform(5, 25))
    look(pose, -14, aside * rng.uniform(55, 75))
    return rest(figure, pose, _BODY, tip_deg=8.0)


def on_side(rng, figure: Figure, left: bool) -> np.ndarray:
    """On one side, knees drawn up a little."""
    sign, pose = 1 if left else -1, stand()
    # A body on its side tips a little to the front or the back.
    tip(pose, 0, sign * 88, -sign * rng.uniform(-28, 28))
    for k, side in enumerate("LR" if left else "RL"):  # the lower side first
        hip = rng.uniform(10, 45) + 12 * k
        set_leg(pose, side, hip, hip * rng.uniform(0.9, 1.7), -20, 0, 0)
        # The lower arm is stretched out before the body, not under it.
        flexion = rng.uniform(80, 125) if k == 0 else rng.uniform(35, 90)
        set_arm(pose, side, flexion, 0 if k == 0 else -10, 10, rng.uniform(15, 60))
    trunk(pose, rng.uniform(0, 18), -sign * 6)
    look(pose, 8, rng.normal(0, 8), sign * 22)
    return rest(figure, pose, _BODY, most_deg=40.0, tip_deg=20.0)


def on_all_fours(rng, figure: Figure) -> np.ndarray:
    """On hands and knees."""
    return rest(figure, crawl_pose(0.0, 0.0), (), tip_deg=20.0, roll_deg=0.0)


def crawl_pose(phase: float, stride_deg: float) -> np.ndarray:
    """A moment of crawling; phase 1 is a whole stride."""
    pose = tip(stand(), 80)
    for side, at in (("L", phase), ("R", phase + 0.5)):
        swing, lift = np.sin(2 * np.pi * at), max(0.0, np.cos(2 * np.pi * at)) * stride_deg / 14
        # The shins stay level while the thighs swing.
        set_leg(pose, side, 80 + stride_deg * swing + 4 * lift, 90 + stride_deg * swing + 8 * lift, -72, 4, 0)
        arm, up = -swing, max(0.0, -np.cos(2 * np.pi * at)) * stride_deg / 14
        set_arm(pose, side, 82 + stride_deg * arm, 4, 0, 6 + 18 * up)
    look(pose, -40)
    return pose


def plank(figure: Figure, down: float) -> np.ndarray:
    """A push-up; `down` 0 arms straight, 1 chest near the floor."""
    pose = tip(stand(), 72 + 12 * down)
    for side in "LR":
        set_leg(pose, side, 0, 2, 12, 3, 0)
        set_arm(pose, side, 76 - 62 * down, 14 + 24 * down, 0, 5 + 88 * down)
    look(pose, -18)
    return rest(figure, pose, (), tip_deg=25.0, roll_deg=0.0)
