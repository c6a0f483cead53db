"""Runs the programs built for boards under emulation: do they find and publish what the x86 one does?

usage: boards.py --native target/debug/posed aarch64=PATH armhf=PATH

Prints what it did. Stops at the first failure with exit code 1. Standard library only.
"""

import argparse
import json
import math
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT / "models"
CLIP = MODELS / "demo" / "walk.mp4"

# Processors that each board's program must run on, and the kernels to try there. It must choose the
# first.
PROCESSORS = {
    "aarch64": {"cortex-a72": ["neon", "generic"], "cortex-a76": ["dotprod"]},
    "aarch64-jetpack5": {"cortex-a76": ["dotprod"]},
    "armhf": {"cortex-a7": ["neon"]},
}

# An emulated start takes seconds; the first one takes a minute or more, as GStreamer scans its
# plugins.
PATIENCE_S = 900

# The region of interest is the box of the only person in the clip's first frame. Without the
# finder, a frame takes less than a second on an emulated 64-bit board, and five on a 32-bit one.
# `posed image` covers the finder.
CONFIG = """\
[mqtt]
url = "mqtt://127.0.0.1:{port}"
[model]
pose = "{models}/lpn50-128x96"
finder = "{models}/person-320x192"
[pose]
smoothing = false
[[camera]]
name = "clip"
source = "file://{clip}"
loop = true
finder = "none"
roi = [0.62, 0.2, 0.13, 0.55]
connect_timeout_ms = 120000
stall_timeout_ms = 120000
"""


def check(holds: bool, what: str) -> None:
    if not holds:
        sys.exit(f"boards: FAILED: {what}")


class Board:
    """A board's program and the processor that it is emulated on."""

    def __init__(self, name: str, program: Path, cpu: str):
        self.name, self.program, self.cpu = name, program, cpu
        self.command = [str(ROOT / "cross/run.sh"), name, str(program)]
        self.env = {**os.environ, "POSED_MODELS": str(MODELS)} | ({"QEMU_CPU": cpu} if cpu else {})

    def run(self, *args: str, **more) -> subprocess.CompletedProcess:
        env = self.env | more.pop("env", {})
        said = subprocess.run([*self.command, *args], env=env, capture_output=True, text=True, timeout=PATIENCE_S, **more)
        check(said.returncode == 0, f"{self}: posed {' '.join(args)}: exit {said.returncode}: {said.stderr[-2000:]}")
        return said

    def __str__(self) -> str:
        return f"{self.name} on {self.cpu or 'this machine'}"


def frames(folder: Path) -> list[Path]:
    """Pictures of the demo clip, one for each five seconds."""
    pipeline = f"filesrc location={CLIP} ! decodebin ! videorate ! video/x-raw,framerate=1/5 ! videoconvert ! pngenc"
    subprocess.run(["gst-launch-1.0", "-q", *pipeline.split(), "!", "multifilesink", f"location={folder}/%d.png"], check=True)
    return sorted(folder.glob("*.png"))


def still(picture: Path, clip: Path) -> Path:
    """A clip of one still picture: frames are seconds apart here, too far to follow a person who moves."""
    pipeline = f"filesrc location={picture} ! pngdec ! imagefreeze num-buffers=50 ! videoconvert ! video/x-raw,format=I420"
    encode = f"x264enc speed-preset=veryfast bframes=0 ref=2 ! h264parse ! mp4mux ! filesink location={clip}"
    subprocess.run(["gst-launch-1.0", "-q", *pipeline.split(), "!", *encode.split()], check=True)
    return clip


def poses(said: str) -> dict[str, list[dict]]:
    return {Path(p["image"]).name: p["people"] for p in map(json.loads, said.splitlines())}


def farthest(want: dict[str, list[dict]], got: dict[str, list[dict]], board: Board) -> float:
    """Largest distance of a keypoint from the native program's, in px."""
    check(want.keys() == got.keys(), f"{board}: the pictures differ")
    worst = 0.0
    for picture, people in want.items():
        check(len(people) == len(got[picture]), f"{board}: {len(got[picture])} people in {picture}, not {len(people)}")
        for a, b in zip(people, got[picture]):
            pairs = [(a["keypoints"][name], b["keypoints"][name]) for name in a["keypoints"]]
            worst = max(worst, *(math.dist(p[:2], q[:2]) for p, q in pairs))
    return worst


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def memory_mb(pid: int) -> str:
    status = Path(f"/proc/{pid}/status").read_text()
    kb = {key: int(value) for key, value in re.findall(r"Vm(RSS|HWM):\s+(\d+) kB", status)}
    return f"{kb['RSS'] / 1024:.0f} MB resident, {kb['HWM'] / 1024:.0f} MB at most"


def daemon(board: Board, clip: Path, folder: Path) -> str:
    """Runs the daemon with a file camera and a real broker: poses must arrive for 5 s, and SIGTERM must end it."""
    port, config = free_port(), folder / "posed.toml"
    config.write_text(CONFIG.format(port=port, models=MODELS, clip=clip))
    broker_config = folder / "mosquitto.conf"
    broker_config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    said = board.run("check", "--config", str(config)).stdout
    check("can be run" in said, f"{board}: posed check says {said!r}")
    with (folder / "posed.log").open("w") as log:
        broker = subprocess.Popen(["mosquitto", "-c", broker_config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        command = [*board.command, "run", "--config", str(config)]
        posed = subprocess.Popen(command, env=board.env, stdout=log, stderr=log)
        try:
            report = watch(board, posed, port, folder / "posed.log")
        finally:
            for process in (posed, broker):
                process.poll() is None and process.kill()
                process.wait()
    return report


def watch(board: Board, posed: subprocess.Popen, port: int, log: Path) -> str:
    listen = ["mosquitto_sub", "-h", "127.0.0.1", "-p", str(port), "-t", "posed/clip/poses"]

    def messages(*limits: str) -> list[dict]:
        while subprocess.run([*listen, "-E"], capture_output=True).returncode:  # until the broker listens
            time.sleep(0.2)
        said = subprocess.run([*listen, *limits], capture_output=True, text=True)
        return [json.loads(line) for line in said.stdout.splitlines()]

    started = time.monotonic()
    while not any(m["people"] for m in messages("-C", "1", "-W", "20")):
        check(posed.poll() is None, f"{board}: posed run ended: {log.read_text()[-2000:]}")
        waited = time.monotonic() - started
        check(waited < PATIENCE_S, f"{board}: no poses after {waited:.0f} s: {log.read_text()[-2000:]}")
    first_s = time.monotonic() - started
    seen, listening = [], time.monotonic()
    while time.monotonic() - listening < 5 or len(seen) < 3:
        seen += messages("-W", "5")
        waited = time.monotonic() - listening
        check(waited < PATIENCE_S, f"{board}: {len(seen)} messages in {waited:.0f} s")
    listened_s = time.monotonic() - listening
    check(all(m["people"] for m in seen), f"{board}: a message without the person: {seen}")
    memory = memory_mb(posed.pid)
    posed.send_signal(signal.SIGTERM)
    asked = time.monotonic()
    code = posed.wait(60)
    check(code == 0, f"{board}: exit {code} after SIGTERM: {log.read_text()[-2000:]}")
    return (f"first poses after {first_s:.0f} s, {len(seen)} messages in {listened_s:.0f} s, SIGTERM to exit "
            f"{time.monotonic() - asked:.1f} s, {memory} (qemu included)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--native", type=Path, required=True, help="the x86 program to compare with")
    parser.add_argument("boards", nargs="+", help="TARGET=PROGRAM")
    args = parser.parse_args()
    version = re.search(r'^version = "(.*)"', (ROOT / "Cargo.toml").read_text(), re.M)[1]
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        pictures = [str(p) for p in frames(folder)]
        want = poses(Board("x86_64", args.native.resolve(), "").run("image", "--json", *pictures).stdout)
        clip = still(Path(pictures[0]), folder / "still.mp4")
        people = sum(map(len, want.values()))
        check(people > 0, "the native program finds no person in the demo clip")
        for name, program in (board.split("=", 1) for board in args.boards):
            for cpu, kernels in PROCESSORS[name].items():
                board = Board(name, Path(program).resolve(), cpu)
                said = board.run("--version").stdout
                check(said.strip() == f"posed {version}", f"{board}: --version says {said!r}")
                for forced in kernels:
                    got = poses(board.run("image", "--json", *pictures, env={"POSED_KERNELS": forced}).stdout)
                    off = farthest(want, got, board)
                    check(off <= 0.5, f"{board} with {forced}: a keypoint {off:.2f} px from x86's")
                    print(f"boards: {board} with {forced}: {people} people in {len(pictures)} pictures, "
                          f"keypoints within {off:.4f} px of x86's", flush=True)
                chosen = board.run("bench", "network", "--json", "--runs", "1", "--model", str(MODELS / "lpn50-128x96")).stdout
                chosen = json.loads(chosen)["kernels"]
                check(chosen == kernels[0], f"{board}: chooses {chosen}, not {kernels[0]}")
            print(f"boards: {board}: posed run: {daemon(board, clip, folder)}", flush=True)


if __name__ == "__main__":
    main()
