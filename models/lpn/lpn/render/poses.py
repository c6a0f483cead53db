"""Poses that people take: a gait from measured curves, and everyday stances within joint limits.

A pose is (20, 3) f64: a rotation vector a bone (radians, parent's body axes), zero standing
straight. The body faces -y, so turning a hanging limb forward is a turn about -x, bending the trunk
forward one about +x. Angles in the helpers below are degrees, as the gait literature gives them.
"""

import numpy as np

from lpn.render.body import BONE, BONES, rotation

# Hip, knee and ankle flexion over one stride in degrees, heel strike first (Winter, Biomechanics
# and Motor Control of Human Movement: natural cadence, rounded).
_PHASE = np.array([0.0, 0.12, 0.25, 0.40, 0.50, 0.60, 0.72, 0.85, 0.95, 1.0])
_HIP = np.array([24.0, 21.0, 9.0, -5.0, -11.0, -7.0, 10.0, 24.0, 26.0, 24.0])
_KNEE = np.array([4.0, 17.0, 10.0, 5.0, 14.0, 40.0, 62.0, 34.0, 5.0, 4.0])
_ANKLE = np.array([0.0, -5.0, 4.0, 9.0, 5.0, -17.0, -4.0, 1.0, 1.0, 0.0])


def stand() -> np.ndarray:
    """Straight, arms hanging."""
    return np.zeros((len(BONES), 3))


def _cycle(phase: float, values: np.ndarray) -> float:
    """A stride curve at `phase` (1 = a whole stride), smoothed so that speed has no corners."""
    taps = phase + np.linspace(-0.04, 0.04, 5)
    return float(np.mean(np.interp(taps % 1.0, _PHASE, values)))


def set_arm(pose, side, flexion=0.0, abduction=0.0, twist=0.0, elbow=0.0, wrist=0.0):
    """Raise an arm: abduction to the side, then flexion forward; twist turns the forearm inward.

    The collar bone takes its share of a raised arm, as it does in people (about a third past 45
    degrees).
    """
    out = -1.0 if side == "L" else 1.0
    lift = max(0.0, max(abs(flexion), abs(abduction)) - 45.0) / 3.0
    share = min(lift, 25.0)
    pose[BONE[f"clavicle.{side}"]] += np.radians([0.0, out * share, 0.0])
    turn = (
        rotation(np.radians([-flexion, 0.0, 0.0]))
        @ rotation(np.radians([0.0, out * (abduction - share * (abduction > 45)), 0.0]))
        @ rotation(np.radians([0.0, 0.0, out * twist]))
    )
    pose[BONE[f"upperarm.{side}"]] = _rotvec(turn)
    pose[BONE[f"lowerarm.{side}"]] = np.radians([-elbow, 0.0, 0.0])
    pose[BONE[f"hand.{side}"]] = np.radians([0.0, out * wrist, 0.0])


def set_leg(pose, side, hip=0.0, knee=0.0, ankle=0.0, abduction=0.0, twist=0.0):
    """Hip flexion forward, knee flexion back, ankle up; abduction outward, twist turns the toes
    out."""
    out = -1.0 if side == "L" else 1.0
    turn = (
        rotation(np.radians([0.0, out * abduction, 0.0]))
        @ rotation(np.radians([-hip, 0.0, 0.0]))
        @ rotation(np.radians([0.0, 0.0, -out * twist]))
    )
    pose[BONE[f"thigh.{side}"]] = _rotvec(turn)
    pose[BONE[f"shin.{side}"]] = np.radians([knee, 0.0, 0.0])
    pose[BONE[f"foot.{side}"]] = np.radians([-ankle, 0.0, 0.0])


def _rotvec(matrix: np.ndarray) -> np.ndarray:
    angle = np.arccos(np.clip((np.trace(matrix) - 1) / 2, -1, 1))
    if angle < 1e-8:
        return np.zeros(3)
    axis = np.array(
        [matrix[2, 1] - matrix[1, 2], matrix[0, 2] - matrix[2, 0], matrix[1, 0] - matrix[0, 1]]
    )
    length = np.linalg.norm(axis)
    if length > 1e-6:
        return axis / length * angle
    # Half a turn: the axis is the column of (M + I) that is longest.
    columns = matrix + np.eye(3)
    column = columns[:, np.argmax(np.linalg.norm(columns, axis=0))]
    return column / np.linalg.norm(column) * angle


def trunk(pose, bend=0.0, lean=0.0, twist=0.0):
    """Bend forward, lean to the left, twist to the left, spread over the three spine bones."""
    for bone in ("spine_low", "spine_mid", "chest"):
        pose[BONE[bone]] = np.radians([bend, lean, twist]) / 3.0


def look(pose, down=0.0, left=0.0, tilt=0.0):
    """Turn the head: a third by the neck, the rest by the head."""
    turn = np.radians([down, tilt, left])
    pose[BONE["neck"]] = turn / 3.0
    pose[BONE["head"]] = turn * 2.0 / 3.0


def walk(phase: float, vigour: float = 1.0, arm_swing: float = 1.0) -> np.ndarray:
    """A stride at `phase` (1 = left heel to left heel). `vigour` scales the step, about 0.6 to
    1.8."""
    pose = stand()
    for side, at in (("L", phase), ("R", phase + 0.5)):
        set_leg(
            pose, side,
            hip=_cycle(at, _HIP) * vigour + 2.0 * (vigour - 1.0),
            knee=_cycle(at, _KNEE) * (0.5 + 0.5 * vigour),
            ankle=_cycle(at, _ANKLE),
            twist=5.0,
        )  # fmt: skip
        swing = -np.cos(2 * np.pi * (at - 0.02)) * 22.0 * vigour * arm_swing
        set_arm(pose, side, flexion=swing, abduction=6.0, elbow=18.0 + max(0.0, swing) * 0.7)
    turn = np.cos(2 * np.pi * phase) * 5.0 * vigour
    pose[BONE["root"]] = np.radians([2.0 * vigour, np.sin(2 * np.pi * phase) * 2.0, -turn])
    trunk(pose, bend=1.0, twist=2.2 * turn)
    look(pose, left=-turn)
    return pose


def ramp(t: float, start: float, end: float, ease: float = 0.5) -> float:
    """0 outside [start, end], 1 inside, with smooth edges of `ease` seconds."""
    up = np.clip((t - start) / ease, 0, 1)
    down = np.clip((end - t) / ease, 0, 1)
    s = min(up, down)
    return float(s * s * (3 - 2 * s))


def blend(a: np.ndarray, b: np.ndarray, share: float) -> np.ndarray:
    """Between two poses; fine for the moderate angles that separate them here."""
    return a * (1 - share) + b * share


def random_pose(rng: np.random.Generator) -> tuple[np.ndarray, str]:
    """One of the everyday poses with everyday variation, head and trunk turned a little; and its
    kind."""
    names, odds = zip(*_KINDS.items())
    kind = rng.choice(len(names), p=np.array(odds) / sum(odds))
    pose = names[kind](rng)
    pose[BONE["neck"]] += np.radians(rng.normal(0, [5, 4, 9]))
    pose[BONE["head"]] += np.radians(rng.normal(0, [7, 5, 16]))
    for bone in ("spine_low", "spine_mid", "chest"):
        pose[BONE[bone]] += np.radians(rng.normal(0, [3, 2.5, 3]))
    return pose, names[kind].__name__.strip("_")


def _hanging_arms(rng, pose):
    for side in "LR":
        choice = rng.random()
        if choice < 0.5:  # hanging
            set_arm(pose, side, rng.normal(2, 10), rng.uniform(4, 22), rng.normal(0, 15), abs(rng.normal(15, 14)))
        elif choice < 0.65:  # hand on the hip
            set_arm(pose, side, rng.normal(-12, 6), rng.uniform(35, 50), rng.uniform(50, 75), rng.uniform(85, 110))
        elif choice < 0.85:  # holding something before the body
            set_arm(pose, side, rng.uniform(0, 40), rng.uniform(5, 25), rng.uniform(0, 35), rng.uniform(60, 110))
        else:  # hand at the face: telephone, glasses, drinking
            set_arm(pose, side, rng.uniform(25, 60), rng.uniform(10, 40), rng.uniform(0, 30), rng.uniform(120, 140))


def _reach_arm(rng, pose, side):
    set_arm(pose, side, rng.uniform(30, 150), rng.uniform(0, 60), rng.normal(0, 25), rng.uniform(0, 50))


def _standing(rng):
    pose = stand()
    weight = rng.normal(0, 4)
    for side in "LR":
        bend = abs(rng.normal(0, 8))
        set_leg(pose, side, bend * 0.6 + rng.normal(0, 4), bend, 0, rng.uniform(0, 10), rng.uniform(0, 20))
    _hanging_arms(rng, pose)
    trunk(pose, abs(rng.normal(4, 5)), weight, rng.normal(0, 8))
    return pose


def _walking(rng):
    pose = walk(rng.random(), rng.uniform(0.6, 1.3), rng.uniform(0.4, 1.4))
    if rng.random() < 0.35:
        keep = pose.copy()
        _hanging_arms(rng, pose)
        if rng.random() < 0.5:
            for bone in ("clavicle.L", "upperarm.L", "lowerarm.L", "hand.L"):
                pose[BONE[bone]] = keep[BONE[bone]]
    return pose


def _running(rng):
    pose = walk(rng.random(), rng.uniform(1.5, 2.1), 1.5)
    for side in "LR":
        pose[BONE[f"lowerarm.{side}"]] = np.radians([-rng.uniform(75, 105), 0, 0])
        pose[BONE[f"shin.{side}"]][0] *= 1.25
    pose[BONE["root"]][0] += np.radians(rng.uniform(4, 14))
    return pose


def _gesturing(rng):
    pose = _standing(rng)
    for side in "LR":
        choice = rng.random()
        if choice < 0.35:
            _reach_arm(rng, pose, side)
        elif choice < 0.6:  # waving: upper arm out, forearm up
            set_arm(pose, side, rng.uniform(0, 40), rng.uniform(60, 110), -rng.uniform(60, 100), rng.uniform(60, 120))
        elif choice < 0.75:  # straight up
            set_arm(pose, side, rng.uniform(140, 175), rng.uniform(0, 15), 0, rng.uniform(0, 30))
    return pose


def _sitting(rng):
    pose = stand()
    lean = rng.normal(6, 12)
    for side in "LR":
        hip = rng.normal(88, 9)
        set_leg(pose, side, hip, rng.normal(88, 16), rng.normal(0, 6), rng.uniform(-2, 22), rng.normal(5, 8))
        set_arm(
            pose, side, rng.uniform(10, 50), rng.uniform(2, 22), rng.uniform(0, 30), rng.uniform(20, 100)
        )
    if rng.random() < 0.25:
        _reach_arm(rng, pose, "L" if rng.random() < 0.5 else "R")
    pose[BONE["root"]] = np.radians([-rng.uniform(0, 12), 0, 0])
    trunk(pose, 10 + lean, rng.normal(0, 5), rng.normal(0, 8))
    return pose


def _squatting(rng):
    pose = stand()
    deep = rng.uniform(0.3, 1.0)
    for side in "LR":
        set_leg(pose, side, 115 * deep, 130 * deep, 25 * deep, rng.uniform(4, 28), rng.uniform(5, 25))
        set_arm(pose, side, rng.uniform(20, 80), rng.uniform(0, 30), rng.normal(0, 15), rng.uniform(10, 90))
    pose[BONE["root"]] = np.radians([20 * deep, 0, 0])
    trunk(pose, rng.uniform(10, 40), rng.normal(0, 4), rng.normal(0, 8))
    look(pose, -20 * deep)
    return pose


def _bending(rng):
    pose = _standing(rng)
    bend = rng.uniform(25, 80)
    pose[BONE["root"]] = np.radians([bend * 0.6, 0, 0])
    for side in "LR":
        # The legs stay under the body while the pelvis tips: flexion gives back what the root took.
        set_leg(pose, side, bend * 0.6 + 5, abs(rng.normal(10, 12)), 0, rng.uniform(0, 12), rng.uniform(0, 15))
        set_arm(pose, side, rng.uniform(20, 100), rng.uniform(0, 25), rng.normal(0, 15), rng.uniform(0, 60))
    trunk(pose, bend * 0.6, rng.normal(0, 5), rng.normal(0, 10))
    look(pose, rng.uniform(-25, 20))
    return pose


def _kneeling(rng):
    pose = stand()
    front = "L" if rng.random() < 0.5 else "R"
    for side in "LR":
        if side == front:
            set_leg(pose, side, rng.uniform(75, 95), rng.uniform(80, 100), 5, rng.uniform(0, 15), 5)
        else:
            set_leg(pose, side, rng.uniform(-10, 15), rng.uniform(85, 110), -35, rng.uniform(0, 8), 0)
    _hanging_arms(rng, pose)
    trunk(pose, rng.uniform(0, 35), rng.normal(0, 5), rng.normal(0, 10))
    return pose


def _sport(rng):
    """Lunges, kicks and throws: wide, one-sided, still within joint limits."""
    pose = stand()
    for side, highest in (("L", 95), ("R", 60)):
        hip, knee, ankle = rng.uniform(-20, highest), rng.uniform(0, 85), rng.normal(0, 10)
        set_leg(pose, side, hip, knee, ankle, rng.uniform(0, 40), rng.uniform(0, 25))
        set_arm(pose, side, rng.uniform(-30, 160), rng.uniform(0, 100), rng.normal(0, 40), rng.uniform(0, 120))
    pose[BONE["root"]] = np.radians([rng.normal(10, 14), rng.normal(0, 10), 0])
    trunk(pose, rng.normal(10, 15), rng.normal(0, 10), rng.normal(0, 18))
    return pose


_KINDS = {
    _standing: 5.0, _walking: 5.0, _gesturing: 3.5, _sitting: 3.5, _running: 1.5,
    _squatting: 1.0, _bending: 1.5, _kneeling: 0.8, _sport: 2.0,
}  # fmt: skip
