"""The scenes by name: who does what, when they fall, and what furniture is about."""

from collections.abc import Callable

import numpy as np

from lpn.render import everyday, falls
from lpn.render.ground import Figure
from lpn.render.script import Act

Scene = Callable[[np.random.Generator, Figure], Act]

FALLS: dict[str, Scene] = {
    "fall-forward": falls.fall_forward, "fall-backward": falls.fall_backward, "fall-left": falls.fall_left,
    "fall-right": falls.fall_right, "fall-walking": falls.fall_walking, "faint": falls.faint,
    "faint-hidden": falls.faint_hidden, "slip-chair": falls.slip_chair, "slump": falls.slump,
}  # fmt: skip
OTHERS: dict[str, Scene] = {
    "bed": everyday.bed, "lie-down": everyday.lie_down, "sit": everyday.sit, "sit-fast": everyday.sit_fast,
    "push-ups": everyday.push_ups, "pick-up": everyday.pick_up, "crouch": everyday.crouch,
    "child-crawl": everyday.child_crawl, "walk": everyday.walk, "leave": everyday.leave,
}  # fmt: skip
SCENES = FALLS | OTHERS

# Seeds from here on are for figures only, never to choose limits with.
TEST_SEED = 1000


def test_clips() -> list[tuple[str, int]]:
    """Scene and seed of the 200 clips that docs/events.md measures: 12 of each scene with a fall; 9 of
    each without, and one more of two."""
    counts = {name: 12 if name in FALLS else 9 for name in SCENES}
    counts["walk"] = counts["leave"] = 10
    return [(name, TEST_SEED + k) for k in range(12) for name in SCENES if k < counts[name]]
