"""Scenes without a fall, most of them like one."""

import numpy as np

from lpn.render import stances
from lpn.render.body import BONE, rotation
from lpn.render.ground import rest
from lpn.render.motion import Ground, Timeline, falling, gentle
from lpn.render.poses import _rotvec, look, set_arm, set_leg, stand
from lpn.render.script import AFTER_S, Act, arrive, begin, sit_down


def sit(rng, figure) -> Act:
    return _sitting(rng, rng.uniform(1.3, 1.9), gentle)


def sit_fast(rng, figure) -> Act:
    return _sitting(rng, rng.uniform(0.55, 0.75), falling)


def _sitting(rng, seconds, ease) -> Act:
    timeline = arrive(rng)
    sit_down(rng, timeline, seconds, ease)
    timeline.hold(0.5)
    seat = timeline.now_s
    for _ in range(2):
        timeline.hold(rng.uniform(0.8, 1.6)).move(stances.seated(rng) * 0.5 + timeline.pose_now() * 0.5, 1.0)
    timeline.hold(AFTER_S - 5)
    return Act(timeline, None, [("chair", seat)])


def bed(rng, figure) -> Act:
    """Sits down on the edge of a bed, and lies down on it."""
    timeline = arrive(rng)
    seat = sit_down(rng, timeline, rng.uniform(1.2, 1.7))
    timeline.hold(rng.uniform(0.3, 1.0))
    at = timeline.now_s
    level = figure.lowest(seat, "root")
    head = rng.choice([-1, 1])
    last = stances.on_back(rng, figure, tidy=True)
    # Lying along the edge: the head to one side, the face up.
    flat, half = last.copy(), seat.copy()
    flat[BONE["root"]] = _across(head, 90)
    half[BONE["root"]] = _across(head, 48)
    for side in "LR":
        set_leg(half, side, 75, 62, -10, 4, 5)
    seconds = rng.uniform(1.5, 2.4)
    ground = Ground(level_m=level, to_m=(-rng.uniform(0.3, 0.4), head * 0.05))
    timeline.fall([(0.5, half), (1.0, flat)], seconds, gentle, ground)
    timeline.hold(AFTER_S - 1, Ground(level_m=level))
    return Act(timeline, None, [("bed", at)])


def _across(head: int, back: float) -> np.ndarray:
    """The root when somebody who sat on an edge lies back and turns along it."""
    lie = rotation(np.array([-np.pi / 2, 0, 0]))
    turn = rotation(np.array([0, 0, head * np.pi / 2]))
    return _rotvec(turn @ lie) * (back / 90.0)


def lie_down(rng, figure) -> Act:
    """Lies down on the floor on purpose: crouches, sits, lies back."""
    timeline = begin(rng)
    timeline.move(stances.squat(rng), rng.uniform(1.2, 1.7)).hold(rng.uniform(0.2, 0.6))
    floor = stances.on_floor(rng, figure)
    timeline.move(floor, rng.uniform(1.1, 1.6)).hold(rng.uniform(0.4, 1.2))
    last = stances.on_back(rng, figure, tidy=True)
    timeline.move(last, rng.uniform(1.6, 2.4)).hold(AFTER_S - 1.5)
    return Act(timeline)


def push_ups(rng, figure) -> Act:
    timeline = begin(rng, walk=False)
    low = stances.squat(rng)
    timeline.move(low, 1.0)
    hands = rest(figure, _hands_down(), (), tip_deg=20.0, roll_deg=0.0)
    up, down = stances.plank(figure, 0.0), stances.plank(figure, 1.0)
    timeline.move(hands, 0.6).move(up, 0.7)
    for _ in range(3):
        timeline.move(down, rng.uniform(0.6, 0.8)).move(up, rng.uniform(0.55, 0.75))
    timeline.move(hands, 0.7).move(stances.squat(rng), 0.6).move(stances.at_ease(rng), 1.0).hold(3.0)
    return Act(timeline)


def _hands_down() -> np.ndarray:
    pose = stances.tip(stand(), 66)
    for side in "LR":
        set_leg(pose, side, 108, 92, 20, 6, 5)
        set_arm(pose, side, 78, 8, 0, 8)
    look(pose, -25)
    return pose


def pick_up(rng, figure) -> Act:
    timeline = begin(rng)
    low = stances.stooped(rng) if rng.random() < 0.7 else stances.squat(rng)
    timeline.move(low, rng.uniform(0.7, 1.1)).hold(rng.uniform(0.3, 1.0))
    up = stances.at_ease(rng)
    set_arm(up, "R", 30, 8, 10, 80)
    timeline.move(up, rng.uniform(0.8, 1.1)).hold(1.0)
    timeline.walk(1.8, 0.9, 0.9, rng.uniform(-0.5, 0.5)).hold(2.5)
    return Act(timeline)


def crouch(rng, figure) -> Act:
    timeline, low = begin(rng), stances.squat(rng)
    timeline.move(low, rng.uniform(0.7, 1.0)).hold(rng.uniform(1.0, 2.0))
    busy = low.copy()
    set_arm(busy, "R", 65, 10, 0, 15)
    timeline.move(busy, 0.6).hold(rng.uniform(0.5, 1.5)).move(low, 0.6).hold(0.6)
    timeline.move(stances.at_ease(rng), rng.uniform(0.8, 1.1)).hold(3.0)
    return Act(timeline)


def child_crawl(rng, figure) -> Act:
    timeline = begin(rng, walk=False)
    timeline.move(stances.squat(rng), 0.9)
    fours = stances.on_all_fours(rng, figure)
    root = fours[BONE["root"]].copy()
    rate = rng.uniform(0.9, 1.2)

    def crawling(t):
        pose = stances.crawl_pose(t * rate, 14)
        pose[BONE["root"]] = root
        return pose

    timeline.move(fours, 0.8).cycle(rng.uniform(5.0, 6.5), crawling, turn=rng.uniform(-0.8, 0.8))
    timeline.move(fours, 0.4).hold(2.5)
    return Act(timeline)


def walk(rng, figure) -> Act:
    """Walks through the picture with a turn, a stop in half of the clips."""
    timeline = Timeline(stances.at_ease(rng))
    first, second = rng.uniform(2.8, 3.6), rng.uniform(2.8, 3.6)
    timeline.walk(first, rng.uniform(0.85, 1.0), rng.uniform(0.85, 1.15), rng.uniform(-0.6, 0.6), halt=False)
    if rng.random() < 0.5:
        timeline.move(stances.at_ease(rng), 0.5).hold(rng.uniform(0.8, 2.0))
    timeline.walk(1.6, 0.9, 0.9, rng.choice([-1, 1]) * rng.uniform(1.2, 2.6), halt=False, phase=0.25)
    timeline.walk(second, rng.uniform(0.85, 1.0), rng.uniform(0.85, 1.15), rng.uniform(-0.5, 0.5), halt=False)
    return Act(timeline, frame_s=(0.5, timeline.now_s - 0.5))


def leave(rng, figure) -> Act:
    """Stands, then walks out of the picture."""
    timeline = begin(rng)
    stop = timeline.now_s
    timeline.walk(rng.uniform(5.0, 6.0), rng.uniform(0.85, 1.0), rng.uniform(0.9, 1.2), rng.uniform(-0.3, 0.3), halt=False)
    timeline.hold(4.0)
    # To a side, or towards the camera and past it.
    way = (float(rng.choice([-1, 1])), rng.uniform(-0.9, 0.25))
    return Act(timeline, frame_s=(0.0, stop + 0.6), way=way)
