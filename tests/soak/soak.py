#!/usr/bin/env python3
"""Longer runs of the real daemon, by the figures that people who keep it running care for.

usage: tests/soak/soak.py [--posed BINARY] [--json FILE] RUN...

  loops     a clip of people who come one at a time, ten times over: every frame accounted for, memory, ids
  outage    the broker killed for 10 s while two cameras run: capture goes on, poses come back
  eight     eight cameras at 10 fps for two minutes; one turns to garbage half-way
  busy      processor time of the demo clip at 15 fps: finder, tracks and three people
  still     processor time of a still, empty 1080p camera at 5 fps

It judges what must always hold (counts) and reports what depends on the machine (times, shares), so run it on a quiet one.
The clip of `loops` is the shared data pack's; POSED_SOAK_CLIP names another.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

from bench import H264, ROOT, Broker, Posed, Subscriber, camera, clip, percentile

DEMO = ROOT / "models/demo/walk.mp4"
CLIP = Path(os.environ.get("POSED_SOAK_CLIP", ROOT.parent / "shared/data/video/one-by-one-person.mp4"))


def fps_by_seq(poses, begin, end):
    """Decoded frames a second between two arrival times, from the messages' own counters and capture times."""
    inside = [message for at, _, message in poses if begin <= at < end]
    if len(inside) < 2:
        return float("nan")
    frames = inside[-1]["seq"] - inside[0]["seq"]
    return frames / ((inside[-1]["captured_ns"] - inside[0]["captured_ns"]) / 1e9)


def accounted(state):
    return state["decoded"] == state["published"] + sum(state["dropped"].values())


def visits(poses, gap_s=2.0):
    """Ids with their time, and the stretches in which somebody was published."""
    ids, stretches = {}, []
    for _, _, message in poses:
        at = message["captured_ns"] / 1e9
        for person in message["people"]:
            first, _, count = ids.get(person["id"], (at, at, 0))
            ids[person["id"]] = (first, at, count + 1)
        if message["people"]:
            if not stretches or at - stretches[-1][1] > gap_s:
                stretches.append([at, at])
            stretches[-1][1] = at
    return ids, stretches


def loops(binary, rounds=10):
    if not CLIP.exists():
        return {"skipped": f"there is no {CLIP}"}
    broker, length = Broker(), 139.4
    subscriber = Subscriber(broker)
    posed = Posed(binary, broker, [camera("hall", CLIP)])
    began, first = time.monotonic(), subscriber.wait("hall/poses")[0]
    memory = []
    for n in range(1, rounds + 1):
        time.sleep(max(0.0, first + n * length - time.monotonic()))
        memory.append(posed.resident_mb())
        print(f"  loop {n}: {memory[-1]:.1f} MB, {posed.count('task')} threads, {posed.count('fd')} files", flush=True)
    stopped = posed.stop()
    state = subscriber.wait("hall/state", lambda state: state["status"] == "stopped")[2]
    poses = subscriber.take("hall/poses")
    ids, stretches = visits(poses)
    first_at = poses[0][2]["captured_ns"] / 1e9
    return {
        "seconds": time.monotonic() - began, "decoded": state["decoded"], "published": state["published"],
        "dropped": state["dropped"], "every_frame_accounted": accounted(state), "messages": len(poses),
        "resident_mb": [round(mb, 1) for mb in memory], "growth_mb_after_first_loop": round(memory[-1] - memory[0], 2),
        "ids": len(ids), "stretches": len(stretches),
        "ids_at_s": [(i, round(a - first_at, 1), round(b - first_at, 1), n) for i, (a, b, n) in ids.items()],
        "age_p50_ms": percentile([m["age_ms"] for _, _, m in poses], 0.5),
        "age_p99_ms": percentile([m["age_ms"] for _, _, m in poses], 0.99), "stopped_within_s": round(stopped, 3),
    }


def outage(binary):
    broker = Broker()
    subscriber = Subscriber(broker)
    cameras = [camera("a", DEMO), camera("b", CLIP if CLIP.exists() else DEMO)]
    posed = Posed(binary, broker, cameras)
    subscriber.wait("a/poses"), subscriber.wait("b/poses")
    time.sleep(5)
    begin = time.monotonic()
    time.sleep(10)
    killed = time.monotonic()
    broker.kill()
    subscriber.stop()
    before = {name: subscriber.take(f"{name}/poses") for name in "ab"}
    time.sleep(10)
    broker.up()
    back = time.monotonic()
    subscriber = Subscriber(broker)
    subscriber.wait("a/poses")
    result = {"poses_back_after_s": round(subscriber.take("/poses")[0][0] - back, 2)}
    time.sleep(5)
    for name in "ab":
        after = subscriber.take(f"{name}/poses")
        usual = fps_by_seq(before[name], begin, killed)
        away = fps_by_seq([before[name][-1], after[0]], 0, float("inf"))
        result[name] = {"fps_before": round(usual, 2), "fps_away": round(away, 2), "change_percent": round(100 * (away / usual - 1), 1)}
    posed.stop()
    subscriber.wait("a/state", lambda state: state["status"] == "stopped")
    result["every_frame_accounted"] = all(
        accounted(subscriber.wait(f"{name}/state", lambda state: state["status"] == "stopped")[2]) for name in "ab"
    )
    return result


def eight(binary, seconds=120):
    broker = Broker()
    subscriber = Subscriber(broker)
    with tempfile.TemporaryDirectory() as folder:
        garbage = Path(folder) / "garbage.mp4"
        garbage.write_bytes(os.urandom(1 << 20))
        names = [f"c{n}" for n in range(8)]
        sources = [CLIP if n % 2 and CLIP.exists() else DEMO for n in range(8)]
        cameras = [camera(name, source, max_fps=10.0) for name, source in zip(names, sources)]
        posed = Posed(binary, broker, cameras)
        for name in names:
            subscriber.wait(f"{name}/poses")
        time.sleep(5)
        begin = time.monotonic()
        time.sleep(seconds / 2)
        posed.write(cameras[:-1] + [camera(names[-1], garbage, max_fps=10.0)])
        posed.reload()
        middle = time.monotonic()
        time.sleep(seconds / 2)
        end = time.monotonic()
        posed.stop()
    halves, ages = ({}, {}), []
    for name in names:
        arrivals = [(at, message["age_ms"]) for at, _, message in subscriber.take(f"{name}/poses")]
        for half, (start, stop) in zip(halves, ((begin, middle), (middle, end))):
            half[name] = round(sum(start <= at < stop for at, _ in arrivals) / (stop - start), 2)
        ages += [age for at, age in arrivals if begin <= at < end]
    mean = [sum(half.values()) / len(half) for half in halves]
    good = list(halves[1].values())[:-1]
    state = subscriber.wait(f"{names[-1]}/state", lambda state: state["status"] in ("failed", "stopped"))[2]
    return {
        "fps": halves[0], "fps_with_garbage": halves[1], "slowest_over_mean": round(min(halves[0].values()) / mean[0], 2),
        "slowest_over_mean_with_garbage": round(min(good) / (sum(good) / len(good)), 2), "age_p50_ms": percentile(ages, 0.5),
        "age_p99_ms": percentile(ages, 0.99), "garbage_camera": state["reason"],
    }


def share(binary, source, seconds, head="", **keys):
    """Processor time over wall time, with what the camera's state says."""
    broker = Broker()
    subscriber = Subscriber(broker)
    posed = Posed(binary, broker, [camera("a", source, **keys)], head)
    subscriber.wait("a/poses")
    time.sleep(10)
    cpu, began = posed.cpu_s(), time.monotonic()
    time.sleep(seconds)
    result = {"percent_of_a_core": round(100 * (posed.cpu_s() - cpu) / (time.monotonic() - began), 1)}
    state = subscriber.take("a/state")[-1][2]
    result |= {key: state[key] for key in ("fps_in", "fps_out", "people", "latency", "finder", "pose")}
    result["resident_mb"] = round(posed.resident_mb(), 1)
    posed.stop()
    people = [len(m["people"]) for at, _, m in subscriber.take("a/poses") if at >= began]
    return result | {"people_mean": round(sum(people) / max(1, len(people)), 2)}


def busy(binary):
    one_thread = "[inference]\nworkers = 1\nthreads = 1\n"
    return share(binary, DEMO, 45, one_thread, max_fps=15.0) | {"with_decode_of_fps": 25}


def still(binary):
    with tempfile.TemporaryDirectory() as folder:
        room, path = Path(folder) / "room.png", Path(folder) / "room.mp4"
        # A corner of the demo clip's room where nobody is in the first frame, with a sensor's noise.
        clip(room, ["-i", str(DEMO)], "1280:720,crop=400:225:0:200", 25, None, ["-frames:v", "1"])
        clip(path, ["-loop", "1", "-i", str(room)], "1920:1080,noise=alls=3:allf=t", 5, 20, H264)
        return share(binary, path, 45, max_fps=5.0)


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("\n\n")[1].removeprefix("usage: "))
    runs = {run.__name__: run for run in (loops, outage, eight, busy, still)}
    parser.add_argument("--posed", default=str(ROOT / "target/release/posed"))
    parser.add_argument("--json", type=Path)
    parser.add_argument("runs", nargs="+", choices=list(runs))
    args = parser.parse_args()
    results, failed = {}, False
    for name in args.runs:
        print(f"{name}:", flush=True)
        results[name] = runs[name](args.posed)
        print(json.dumps(results[name], indent=1), flush=True)
        failed |= results[name].get("every_frame_accounted") is False
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps(results, indent=1))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
