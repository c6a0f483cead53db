"""`python -m lpn.postures`: trains the posture network and writes it as a table in Rust.

It learns from drawn bodies before random cameras and from labelled real people, and is judged on
labelled people whom it has not seen. Half a minute on one core; the same seed gives the same table.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from lpn.postures import bodies, clips, people, stances, stood, table
from lpn.postures.bodies import POSTURES
from lpn.postures.features import features
from lpn.postures.net import Adam, Net

HIDDEN, STOOD_HIDDEN, FLOOR_HIDDEN, EPOCHS, BATCH, RATE, DECAY = 24, 24, 16, 6, 512, 3e-3, 1e-4
# Share of the weight that real people have; copies of each; how much rare postures gain.
REAL, COPIES, BALANCE = 0.7, 60, 0.7
# Share of the weight that tracks of clips have, and copies of each.
TRACKED, TRACKED_COPIES = 0.75, 8
SMOOTH = 0.03


def drawn(n: int, rng: np.random.Generator):
    """Features and postures of about n drawn bodies."""
    every = []
    for stance, posture, _ in stances.draw(n, rng):
        joints, torso = bodies.joints(stance, rng)
        px, metre = bodies.Cameras(len(joints), rng).see(joints)
        px, seen = bodies.spoil(px, rng)
        # Half of the people have been seen standing.
        known = torso * metre * np.exp(rng.normal(0, 0.1, len(px))) * (rng.random(len(px)) < 0.5)
        x, told = features(px, seen, known)
        every.append((x[told], np.full(told.sum(), posture)))
    return tuple(np.concatenate(part) for part in zip(*every, strict=True))


def train(parts, hidden: int, outputs: int, rng: np.random.Generator) -> Net:
    """`parts`: (features, answers, weights) that together are learned from."""
    x, y, w = (np.concatenate(part) for part in zip(*parts, strict=True))
    x, w = x.astype(np.float32), w.astype(np.float32)
    net = Net(x.shape[1], hidden, outputs, rng)
    net.mean, net.scale = x.mean(0), x.std(0) + 0.05
    target = np.eye(outputs, dtype=np.float32)[y] * (1 - SMOOTH) + SMOOTH / outputs
    optimizer, rounds = Adam(net.weights), len(x) // BATCH
    for step in range(EPOCHS * rounds):
        if step % rounds == 0:
            order = rng.permutation(len(x))
        i = order[step % rounds * BATCH :][:BATCH]
        rate = RATE * 0.5 * (1 + np.cos(np.pi * step / (EPOCHS * rounds)))
        optimizer.step(net.weights, net.gradients(x[i], target[i], w[i], DECAY), rate)
    return net


def balanced(y: np.ndarray) -> np.ndarray:
    share = np.bincount(y) / len(y)
    w = (1 / np.maximum(share, 1e-3) ** BALANCE)[y]
    return w / w.mean()


def judge(tables, sets, title: str) -> None:
    for one in sets:
        x, told = one.features()
        p = table.probabilities(tables, x)
        answer = np.where(told, p.argmax(1), len(POSTURES))
        confusion = np.zeros((len(POSTURES), len(POSTURES) + 1), int)
        np.add.at(confusion, (one.posture, answer), 1)
        right = (answer == one.posture).mean()
        print(f"{title}: {len(one.posture)} people, right {right:.3f}, of those told {(answer == one.posture)[told].mean():.3f}")
        print("  " + "; ".join(f"{name} {row.tolist()}" for name, row in zip(POSTURES, confusion, strict=True)))


def judge_stood(held, on_floor, rng: np.random.Generator) -> None:
    x, posture, low, names = stood.drawn(20_000, rng)
    right = table.probabilities(held, x).argmax(1) == posture
    p = table.probabilities(on_floor, x)[:, 1]
    print("drawn people who stood before: posture right / told to be on the floor")
    for name in dict.fromkeys(names):
        print(f"  {name} {right[names == name].mean():.3f} / {(p[names == name] > 0.5).mean():.3f}")


def write_golden(tables, path: Path) -> None:
    """Drawn people as `[[x, y, score] * 17, [probability] * 4]`, one a line."""
    rng = np.random.default_rng(11)
    lines = []
    for stance, _, _ in stances.draw(2 * len(POSTURES), rng):
        joints, _ = bodies.joints(stance, rng)
        px, seen = bodies.spoil(bodies.Cameras(len(joints), rng).see(joints)[0], rng)
        px = np.round(px - px.min(1, keepdims=True) + 100, 1)
        x, told = features(px, seen)
        p = table.probabilities(tables, x)
        for one, have, probability, ok in zip(px, seen, p, told, strict=True):
            keypoints = [[float(a), float(b), float(s)] for (a, b), s in zip(one, have, strict=True)]
            lines.append(json.dumps([keypoints, np.round(probability, 4).tolist() if ok else None]))
    path.write_text("\n".join(lines) + "\n")


def temperature(net: Net, sets) -> float:
    """By which the logits are divided so that the certainty is right on people not learned from."""
    x, y = zip(*[(one.features()[0][told], one.posture[told]) for one in sets for told in [one.features()[1]]], strict=True)
    x, y = np.concatenate(x), np.concatenate(y)

    def loss(t):
        z = net.logits(x) / t
        z -= z.max(1, keepdims=True)
        return -(z[np.arange(len(y)), y] - np.log(np.exp(z).sum(1))).mean()

    return float(min(np.arange(0.6, 2.5, 0.05), key=loss))


def main() -> int:
    p = argparse.ArgumentParser(prog="lpn.postures", description=__doc__)
    p.add_argument("--fit", nargs=2, type=Path, action="append", required=True, metavar=("ANNOTATIONS", "LABELS"))
    p.add_argument("--judge", nargs=2, type=Path, action="append", default=[], metavar=("ANNOTATIONS", "LABELS"))
    p.add_argument("--clips", nargs=2, type=Path, metavar=("TRUTHS", "TRACKS"), help="folders: see lpn.postures.clips")
    p.add_argument("--out", type=Path, required=True, help="the table: src/events/table.rs")
    p.add_argument("--golden", type=Path, help="gets drawn people and what the table says of them, for the Rust tests")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--bodies", type=int, default=150_000, help="drawn bodies (default: %(default)s)")
    args = p.parse_args()
    rng = np.random.default_rng(args.seed)
    x, y = drawn(args.bodies, rng)
    parts = [(x, y, np.ones(len(x)))]
    for pair in args.fit:
        real = people.varied(people.load(*pair), COPIES, rng)
        rx, told = real.features()
        parts.append((rx[told], real.posture[told], np.ones(told.sum())))
    real = np.concatenate([part[1] for part in parts[1:]])
    weights = balanced(real) * REAL / (1 - REAL) * len(x) / len(real)
    ends = np.cumsum([len(part[1]) for part in parts[1:]])[:-1]
    parts[1:] = [(a, b, w) for (a, b, _), w in zip(parts[1:], np.split(weights, ends), strict=True)]
    net = train(parts, HIDDEN, len(POSTURES), rng)
    held = [people.load(*pair) for pair in args.judge]
    tables = table.rounded(net, temperature(net, held) if held else 1.0)
    judge(tables, held, "not learned from")
    judge(tables, [people.load(*pair) for pair in args.fit], "learned from")
    x, posture, low, names = stood.drawn(args.bodies, rng)
    # A bed may look like the floor: lying is told apart by the posture, sitting on a seat is not.
    seat = np.array(["bed" in name for name in names])
    ones = np.ones(len(x))
    known, floor = [(x, posture, ones)], [(x[~seat], low[~seat], ones[~seat])]
    if args.clips:
        tx, tracked_posture, tracked_low = clips.varied(clips.load(*args.clips), TRACKED_COPIES, rng)
        known.append((tx, tracked_posture, balanced(tracked_posture) * TRACKED / (1 - TRACKED) * len(x) / len(tx)))
        # Most who are on the floor lie: who sits there must be told from who sits on a seat.
        kinds = 2 * tracked_posture + tracked_low
        floor.append((tx, tracked_low, balanced(kinds) * TRACKED / (1 - TRACKED) * (~seat).sum() / len(tx)))
    held = table.rounded(train(known, STOOD_HIDDEN, len(POSTURES), rng))
    on_floor = table.rounded(train(floor, FLOOR_HIDDEN, 2, rng))
    judge_stood(held, on_floor, rng)
    table.write(tables, held, on_floor, args.out)
    if args.golden:
        write_golden(tables, args.golden)
    return 0


if __name__ == "__main__":
    sys.exit(main())
