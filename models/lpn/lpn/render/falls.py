"""Scenes with a fall."""

import numpy as np

from lpn.render import stances
from lpn.render.body import BONE
from lpn.render.motion import Ground, Timeline, falling, landing
from lpn.render.poses import look, set_arm, set_leg, stand, trunk
from lpn.render.script import Act, arrive, begin, down, leaning, sit_down, stir


def fall_forward(rng, figure) -> Act:
    return _forward(rng, figure, begin(rng), "forward", Ground(drift_m=(rng.uniform(0, 0.2), 0)))


def fall_walking(rng, figure) -> Act:
    timeline = Timeline(stances.at_ease(rng)).hold(0.5)
    timeline.walk(rng.uniform(2.4, 3.4), rng.uniform(0.85, 1.0), rng.uniform(0.9, 1.1), rng.uniform(-0.4, 0.4), halt=False)
    act = _forward(rng, figure, timeline, "walking", Ground(drift_m=(rng.uniform(0.3, 0.6), 0)))
    act.frame_s = (1.4, np.inf)
    return act


def _forward(rng, figure, timeline, kind, ground) -> Act:
    last = stances.on_front(rng, figure) if rng.random() < 0.7 else stances.on_side(rng, figure, rng.random() < 0.5)
    if rng.random() < 0.5:  # on the knees first
        keys = [(0.25, leaning(14, 0, 20, 35, 12, (45, 15, 35))), (0.6, leaning(22, 0, 15, 95, 15, (75, 12, 30), -10))]
    else:
        keys = [(0.25, leaning(18, 0, 8, 14, 8, (55, 15, 30))), (0.6, leaning(50, 0, 20, 30, 6, (85, 12, 35), -15))]
    return down(timeline, kind, [*keys, (1.0, last)], rng.uniform(0.75, 1.1), last, ground, rng)


def fall_backward(rng, figure) -> Act:
    timeline, last = begin(rng), stances.on_back(rng, figure)
    if rng.random() < 0.65:  # onto the seat first
        keys = [(0.25, leaning(-8, 0, 22, 34, 12, (50, 25, 30))), (0.65, leaning(-22, 0, 80, 95, 22, (55, 40, 25), 20))]
    else:
        keys = [(0.25, leaning(-16, 0, 8, 12, 8, (55, 25, 30))), (0.65, leaning(-56, 0, 26, 22, 12, (40, 45, 25), 20))]
    ground = Ground(drift_m=(rng.uniform(-0.15, 0.1), 0))
    return down(timeline, "backward", [*keys, (1.0, last)], rng.uniform(0.75, 1.1), last, ground, rng)


def _sideways(rng, figure, left) -> Act:
    sign, timeline = 1 if left else -1, begin(rng)
    last = stances.on_side(rng, figure, left) if rng.random() < 0.7 else stances.on_back(rng, figure)
    keys = [(0.25, leaning(5, sign * 14, 14, 22, 5, (25, 35, 30))), (0.62, leaning(10, sign * 50, 40, 62, 12, (45, 40, 35)))]
    ground = Ground(drift_m=(0, sign * rng.uniform(0, 0.15)))
    kind = "left" if left else "right"
    return down(timeline, kind, [*keys, (1.0, last)], rng.uniform(0.75, 1.1), last, ground, rng)


def fall_left(rng, figure) -> Act:
    return _sideways(rng, figure, True)


def fall_right(rng, figure) -> Act:
    return _sideways(rng, figure, False)


def faint(rng, figure) -> Act:
    """The knees give way, the body sinks, then tips over."""
    timeline, way = begin(rng), rng.random()
    side = rng.choice([-1, 1])
    if way < 0.4:
        last, lean = stances.on_side(rng, figure, side > 0), (0, side * 22)
    elif way < 0.7:
        last, lean = stances.on_front(rng, figure), (22, 0)
    else:
        last, lean = stances.on_back(rng, figure), (-20, 0)
    keys = [
        (0.2, leaning(4, 0, 30, 52, 14, (8, 8, 10), 25)),
        (0.55, leaning(12 + lean[0] * 0.4, lean[1] * 0.4, 78, 118, 22, (15, 12, 12), 30)),
        (0.7, leaning(10 + lean[0] * 1.6, lean[1] * 1.6, 80, 120, 18, (15, 15, 15), 25)),
        (1.0, last),
    ]
    timeline.hold(0.1)
    return down(timeline, "faint", keys, rng.uniform(0.95, 1.2), last, None, rng)


def faint_hidden(rng, figure) -> Act:
    act = faint(rng, figure)
    act.fall = ("faint", *act.fall[1:])
    act.furniture.append(("screen", act.fall[2]))
    return act


def slump(rng, figure) -> Act:
    """Down along a cupboard, to sit on the floor."""
    timeline, last = begin(rng, walk=False), stances.on_floor(rng, figure)
    keys = [
        (0.3, leaning(-4, 0, 45, 62, 12, (5, 8, 12), 20)),
        (0.75, leaning(-8, 0, 98, 122, 20, (10, 10, 12), 28)),
        (1.0, last),
    ]
    act = down(timeline, "slump", keys, rng.uniform(0.9, 1.25), last, Ground(drift_m=(0.12, 0)), rng)
    act.furniture.append(("wall", act.fall[2]))
    act.facing_deg = 100
    return act


def slip_chair(rng, figure) -> Act:
    """Somebody on a chair slides off it, and sits on the floor or sinks to a side."""
    timeline = arrive(rng)
    sit_down(rng, timeline, rng.uniform(1.3, 1.8))
    timeline.hold(rng.uniform(0.8, 2.0)).mark("seat")
    seat = timeline.now_s
    slid = stances.tip(stand(), -26)
    for side in "LR":
        set_leg(slid, side, 68, 74, 0, 6, 8)
        set_arm(slid, side, 15, 15, 10, 35)
    trunk(slid, 18)
    look(slid, 25)
    last = stances.on_floor(rng, figure)
    ground = Ground(to_m=(rng.uniform(0.44, 0.54), 0))
    tips = rng.random() < 0.4
    start = timeline.now_s
    timeline.fall([(0.4, stances.plant(slid)), (1.0, last)], rng.uniform(0.75, 1.05), falling, ground).mark("down")
    timeline.move(last, 0.3, landing)
    if tips:
        left = rng.random() < 0.5
        leant, last = last.copy(), stances.on_side(rng, figure, left)
        roll = stances.tip(stand(), -8, 52 if left else -52)
        leant[BONE["root"]] = roll[BONE["root"]]
        timeline.fall([(0.55, leant), (1.0, last)], rng.uniform(0.8, 1.1), falling).hold(0.3)
    end = timeline.now_s
    stir(rng, timeline, last)
    return Act(timeline, ("slip", start, end), [("chair", seat)], calm_after_s=end, facing_deg=115)
