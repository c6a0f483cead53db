"""Scripts of scenes: what one person does before a camera, and the movements that scenes share."""

from dataclasses import dataclass, field

import numpy as np

from lpn.render import stances
from lpn.render.body import BONE
from lpn.render.motion import Timeline, falling, gentle, landing
from lpn.render.poses import look, set_arm, set_leg, stand, trunk

# How long a scene goes on after a fall, and after what might be taken for one; seconds.
AFTER_S = 9.3


@dataclass
class Act:
    """A script, and what the camera has to show of it.

    fall: (kind, start in s, end in s); None if nobody falls. furniture: (kind, moment in s): `chair`
    and `bed` go under the hips, `wall` behind the back, `screen` before the body, as it is at that
    moment. frame_s: the camera sees all of the body from then to then. calm_after_s: when the body
    moves less. way: where the person ends up as the camera sees it, to the right and away from it;
    any way if not given. facing_deg: how far the person may face away from the camera at the moment
    of the furniture, so that what is behind them does not hide them.
    """

    timeline: Timeline
    fall: tuple[str, float, float] | None = None
    furniture: list[tuple[str, float]] = field(default_factory=list)
    frame_s: tuple[float, float] = (0.0, np.inf)
    calm_after_s: float = np.inf
    way: tuple[float, float] | None = None
    facing_deg: float = 180.0


def begin(rng, walk: bool | None = None) -> Timeline:
    """Somebody stands, or comes a few steps and stands."""
    ease = stances.at_ease(rng)
    timeline = Timeline(ease)
    if rng.random() < 0.5 if walk is None else walk:
        timeline.hold(0.4).walk(rng.uniform(1.6, 2.6), rng.uniform(0.8, 0.95), rng.uniform(0.8, 1.0),
                                turn=rng.uniform(-0.5, 0.5))  # fmt: skip
        return timeline.hold(rng.uniform(0.4, 1.2))
    timeline.hold(rng.uniform(1.0, 1.8))
    other = stances.at_ease(rng)
    if rng.random() < 0.5:
        set_arm(other, "R", rng.uniform(20, 70), 15, 10, rng.uniform(60, 110))
    return timeline.move(other, 0.9).hold(rng.uniform(0.5, 1.2))


def arrive(rng) -> Timeline:
    """Somebody stands before a seat, or comes to it and turns their back to it."""
    if rng.random() < 0.4:
        return begin(rng, walk=False)
    timeline = Timeline(stances.at_ease(rng)).hold(0.4)
    timeline.walk(rng.uniform(1.8, 2.6), rng.uniform(0.8, 0.95), rng.uniform(0.8, 1.0), rng.uniform(-0.3, 0.3))
    timeline.walk(rng.uniform(1.2, 1.6), 0.9, 0.3, rng.choice([-1, 1]) * rng.uniform(2.6, 3.2))
    return timeline.hold(rng.uniform(0.2, 0.7))


def down(timeline, kind, keys, seconds, last, ground=None, rng=None) -> Act:
    """A fall through `keys` to the pose `last`, where the body comes to rest."""
    start = timeline.now_s
    timeline.fall(keys, seconds, falling, ground).mark("down")
    timeline.move(last, 0.45, landing)
    end = timeline.now_s
    stir(rng, timeline, last)
    return Act(timeline, (kind, start, end), calm_after_s=end)


def stir(rng, timeline, last):
    """After a fall: lie still, or move an arm, a leg or the head."""
    left = AFTER_S
    while left > 1.5 and rng.random() < 0.6:
        pause = rng.uniform(0.6, 2.5)
        pose = last.copy()
        bone = str(rng.choice(["upperarm.L", "upperarm.R", "lowerarm.L", "lowerarm.R", "head", "shin.L", "shin.R"]))
        axis = 0 if bone[:4] in ("lowe", "shin") else int(rng.integers(3))
        sign = {"lowe": -1, "shin": 1}.get(bone[:4], rng.choice([-1, 1]))
        pose[BONE[bone], axis] += sign * np.radians(rng.uniform(8, 28))
        timeline.hold(pause).move(pose, rng.uniform(0.7, 1.2))
        left -= pause + 1.0
        if rng.random() < 0.6:
            timeline.move(last, 0.9)
            left -= 0.9
    timeline.hold(max(left, 0.3))


def leaning(forward=0.0, left=0.0, hip=0.0, knee=0.0, bend=0.0, arms=(20.0, 15.0, 30.0), head=0.0) -> np.ndarray:
    """On the feet, but off balance."""
    pose = stances.tip(stand(), forward, left)
    flex, abduct, elbow = arms
    for k, side in enumerate("LR"):
        set_leg(pose, side, hip + 6 * k, knee + 8 * k, 0, 5, 8)
        set_arm(pose, side, flex + 12 * k, abduct, 0, elbow)
    trunk(pose, bend)
    look(pose, head)
    return stances.plant(pose)


def sit_down(rng, timeline, seconds, ease=gentle) -> np.ndarray:
    """Sits down on a seat; returns the pose."""
    seat = stances.seated(rng)
    timeline.fall([(0.45, stances.half_seated(rng)), (1.0, seat)], seconds, ease)
    return seat
