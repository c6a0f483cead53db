"""`python -m lpn judge-clips FOLDER`: what posed makes of rendered clips, against their truth.

Every clip goes through `posed replay --clip --events`: decoding, the shipped networks, tracking,
postures and events are those of the daemon. Only time is the clip's.
"""

import json
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import numpy as np

POSTURES = ("standing", "sitting", "lying", "crouching")
ANSWERS = (*POSTURES, "unknown", "missed")
# A posed person and a true one are the same with at least this overlap.
SAME_IOU = 0.3
# posed judges a posture over the last half second, so the truth must have held for as long.
HELD_MS = 500
# A fall may be suspected this long before the truth says that it begins.
EARLY_MS = 250


class JudgeError(RuntimeError):
    """A clip cannot be replayed or has no truth."""


@dataclass
class Verdict:
    """What posed made of one clip. Delays in s, counted from when the body hit the floor."""

    clip: str
    scene: str
    fall: bool
    suspected: bool
    confirmed: bool
    false_alarms: int
    delay_s: float | None
    postures: np.ndarray = field(repr=False, default=None)

    def told(self) -> dict:
        own = {k: v for k, v in self.__dict__.items() if k != "postures"}
        return own | {"postures": self.postures.tolist()}


def replay(posed: Path, clip: Path, confirm_s: float, models: list[str]) -> str:
    """The messages of a clip, one a line."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "posed.toml"
        config.write_text(
            f'[[camera]]\nname = "clip"\nsource = "file://{clip.resolve()}"\n'
            f'[[camera.event]]\ntype = "fall"\nconfirm_s = {confirm_s:g}\n'
        )
        command = [str(posed), "replay", "--clip", str(clip), "--events", "--config", str(config), "--camera", "clip", *models]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise JudgeError(f"{clip.name}: {done.stderr.strip()}")
    return done.stdout


def judge(story: dict, text: str) -> Verdict:
    """Compare the messages of a clip with its truth."""
    messages = [json.loads(line) for line in text.splitlines()]
    falls = [m for m in messages if m.get("type") == "fall"]
    poses = [m for m in messages if "people" in m]
    truth = next((e for e in story["events"] if e["type"] == "fall"), None)
    earliest = truth["from_ms"] - EARLY_MS if truth else float("inf")
    right = {m["id"] for m in falls if _ms(m["started_at"]) >= earliest}
    states = [(m["state"], m["id"] in right, _ms(m["at"])) for m in falls]
    confirmed = sorted(at for state, ok, at in states if state == "confirmed" and ok)
    wrong = sum(state == "confirmed" and not ok for state, ok, _ in states)
    return Verdict(
        clip=Path(story["video"]).stem,
        scene=story["scene"],
        fall=truth is not None,
        suspected=any(state == "suspected" and (ok or not truth) for state, ok, _ in states),
        confirmed=bool(confirmed) or (truth is None and wrong > 0),
        # One fall is one alarm: a second is false.
        false_alarms=wrong + max(0, len(confirmed) - 1),
        delay_s=(confirmed[0] - truth["down_ms"]) / 1000 if confirmed else None,
        postures=_postures(story, poses),
    )


def _ms(text: str) -> float:
    return datetime.fromisoformat(text).timestamp() * 1000


def _postures(story: dict, poses: list[dict]) -> np.ndarray:
    """How often posed gave each answer (columns) for each true posture (rows), in frames in which a
    leg is in sight and the posture has held."""
    counts = np.zeros((len(POSTURES), len(ANSWERS)), int)
    seen = {round(_ms(m["captured_at"]) * story["fps"] / 1000): m["people"] for m in poses}
    held = -(-HELD_MS * story["fps"] // 1000)
    past: list[str | None] = []
    for index, frame in enumerate(story["frames"]):
        person = frame["people"][0] if frame["people"] else None
        past.append(person["posture"] if person else None)
        name = past[-1]
        held_so_far = len(past) > held and all(other == name for other in past[-held - 1 :])
        if name is None or not person["legs"] or not held_so_far:
            continue
        best = max(seen.get(index, []), key=lambda p: _iou(p["box"], person["box"]), default=None)
        if best is None or _iou(best["box"], person["box"]) < SAME_IOU:
            answer = "missed"
        else:
            answer = best["posture"]
        counts[POSTURES.index(name), ANSWERS.index(answer)] += 1
    return counts


def _iou(a, b) -> float:
    w = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    h = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    both = max(0.0, w) * max(0.0, h)
    return both / (a[2] * a[3] + b[2] * b[3] - both)


def summary(verdicts: list[Verdict], confirm_s: float) -> dict:
    """Figures of many clips."""
    falls, others = [v for v in verdicts if v.fall], [v for v in verdicts if not v.fall]
    found = sum(v.confirmed for v in falls)
    alarms, wrong = found + sum(v.false_alarms for v in verdicts), sum(v.confirmed for v in others)
    delays = [v.delay_s for v in falls if v.delay_s is not None]
    counts = sum((v.postures for v in verdicts), np.zeros((len(POSTURES), len(ANSWERS)), int))
    scenes = {}
    for v in verdicts:
        row = scenes.setdefault(v.scene, {"fall": v.fall, "clips": 0, "suspected": 0, "confirmed": 0, "false_alarms": 0})
        row["clips"] += 1
        for key in ("suspected", "confirmed", "false_alarms"):
            row[key] += int(getattr(v, key))
    return {
        "confirm_s": confirm_s,
        "clips": len(verdicts),
        "falls": {
            "clips": len(falls), "suspected": sum(v.suspected for v in falls), "confirmed": found,
            "recall": _share(found, len(falls)), "precision": _share(found, alarms),
            "delay_s": {"median": float(np.median(delays)), "worst": max(delays)} if delays else None,
            "late": sum(d > confirm_s + 1 for d in delays),
        },
        "others": {"clips": len(others), "suspected": sum(v.suspected for v in others), "alarms": wrong},
        "scenes": scenes,
        "postures": _confusion(counts),
    }  # fmt: skip


def _confusion(counts: np.ndarray) -> dict:
    """Recall and precision of each posture among people found, and their mean recall."""
    found = counts[:, :-1]
    classes = {}
    for k, name in enumerate(POSTURES):
        classes[name] = {"frames": int(found[k].sum()), "missed": int(counts[k, -1]),
                         "recall": _share(found[k, k], found[k].sum()), "precision": _share(found[k, k], found[:, k].sum()),
                         "answers": dict(zip(ANSWERS, counts[k].tolist()))}  # fmt: skip
    recalls = [c["recall"] for c in classes.values() if c["recall"] is not None]
    return {"classes": classes, "macro_accuracy": sum(recalls) / len(recalls) if recalls else None}


def _share(part, whole) -> float | None:
    return round(float(part) / float(whole), 4) if whole else None


def table(figures: dict) -> str:
    """The figures, for people."""
    lines = [f"{'scene':16}{'clips':>6}{'suspected':>11}{'confirmed':>11}{'false':>7}"]
    for name, row in sorted(figures["scenes"].items(), key=lambda item: (not item[1]["fall"], item[0])):
        kind = "fall " if row["fall"] else "     "
        lines.append(f"{name:16}{row['clips']:6}{row['suspected']:11}{row['confirmed']:11}{row['false_alarms']:7}  {kind}")
    falls, others, delay = figures["falls"], figures["others"], figures["falls"]["delay_s"]
    lines += ["", f"falls: recall {falls['recall']} of {falls['clips']} clips, precision {falls['precision']}",
              f"without a fall: {others['alarms']} alarms in {others['clips']} clips, {others['suspected']} suspected"]  # fmt: skip
    if delay:
        lines.append(f"confirmed after {delay['median']:.2f} s (median), {delay['worst']:.2f} s (worst); "
                     f"{falls['late']} later than confirm_s + 1 = {figures['confirm_s'] + 1:g} s")  # fmt: skip
    lines += ["", f"{'posture':12}{'recall':>8}{'precision':>11}" + "".join(f"{a:>11}" for a in ANSWERS)]
    for name, row in figures["postures"]["classes"].items():
        answers = "".join(f"{row['answers'][a]:11}" for a in ANSWERS)
        lines.append(f"{name:12}{row['recall'] or 0:8.3f}{row['precision'] or 0:11.3f}{answers}")
    macro = figures["postures"]["macro_accuracy"]
    lines.append(f"macro accuracy {macro:.3f}, where a leg is in sight" if macro is not None else "no postures")
    return "\n".join(lines)


def run(folder: Path, posed: Path, confirm_s: float, jobs: int, keep: Path | None, models: list[str]) -> list[Verdict]:
    """Judge all clips of a folder, in the order of their names. `keep`: where messages are kept, so
    that a run that was stopped goes on."""
    stories = sorted(folder.glob("*.json"))
    if not stories:
        raise JudgeError(f"{folder}: no clips with a truth (NAME.mp4 and NAME.json)")
    if keep:
        keep.mkdir(parents=True, exist_ok=True)

    def one(path: Path) -> Verdict:
        story = json.loads(path.read_text())
        kept = keep / f"{path.stem}.jsonl" if keep else None
        if kept and kept.exists():
            return judge(story, kept.read_text())
        text = replay(posed, folder / story["video"], confirm_s, models)
        if kept:
            part = kept.with_suffix(".part")
            part.write_text(text)
            part.replace(kept)
        return judge(story, text)

    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(one, stories))
