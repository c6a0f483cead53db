"""Shared by the soak runs: a broker, a subscriber, and the binary with its use of memory and CPU."""

import atexit
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT / "models"
MODEL = "lpn50-256x192"  # the daemon's default pose network


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def started(command, **options):
    """Starts a child that ends with this program."""
    child = subprocess.Popen(command, **options)
    atexit.register(child.kill)
    return child


class Broker:
    """A mosquitto on a free port."""

    def __init__(self):
        self.port = free_port()
        self.dir = tempfile.TemporaryDirectory()
        self.config = Path(self.dir.name) / "mosquitto.conf"
        self.config.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence false\n")
        self.up()

    def up(self):
        program = shutil.which("mosquitto", path=os.environ["PATH"] + ":/usr/sbin:/usr/local/sbin")
        if not program:
            raise SystemExit("mosquitto is not installed: tests/deps.sh test")
        self.child = started([program, "-c", str(self.config)], stderr=subprocess.DEVNULL)
        for _ in range(500):
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except OSError:
                time.sleep(0.01)
        raise SystemExit("mosquitto does not start")

    def kill(self):
        self.child.kill()
        self.child.wait()


class Subscriber:
    """Keeps (monotonic arrival time, topic, message) of every pose and state message."""

    def __init__(self, broker):
        self.messages, self.lock = [], threading.Lock()
        command = ["mosquitto_sub", "-h", "127.0.0.1", "-p", str(broker.port), "-t", "posed/#", "-F", "%t %p"]
        self.child = started(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.child.stdout:
            topic, _, payload = line.decode().rstrip("\n").partition(" ")
            if topic.endswith(("/poses", "/state")):
                with self.lock:
                    self.messages.append((time.monotonic(), topic, json.loads(payload)))

    def take(self, ending):
        """The messages so far on topics with this ending, oldest first."""
        with self.lock:
            return [message for message in self.messages if message[1].endswith(ending)]

    def wait(self, ending, accept=lambda _: True, seconds=60):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for message in reversed(self.take(ending)):
                if accept(message[2]):
                    return message
            time.sleep(0.05)
        raise SystemExit(f"no such message on {ending} within {seconds} s")

    def stop(self):
        self.child.kill()
        self.child.wait()


class Posed:
    """The binary under test, with its own configuration."""

    def __init__(self, binary, broker, cameras, head="", model=MODEL):
        self.dir = tempfile.TemporaryDirectory()
        self.config, self.broker, self.head, self.model = Path(self.dir.name) / "posed.toml", broker, head, model
        self.write(cameras)
        self.log = open(Path(self.dir.name) / "log", "w+")
        self.child = started([binary, "run", "--config", str(self.config)], stderr=self.log, cwd=ROOT)

    def write(self, cameras):
        text = f'[mqtt]\nurl = "mqtt://127.0.0.1:{self.broker.port}"\n'
        text += f'[model]\npose = "{MODELS}/{self.model}"\nfinder = "{MODELS}/person-320x192"\n{self.head}'
        self.config.write_text(text + "".join(cameras))

    def reload(self):
        self.child.send_signal(signal.SIGHUP)

    def resident_mb(self):
        text = Path(f"/proc/{self.child.pid}/smaps_rollup").read_text()
        return int(next(line for line in text.splitlines() if line.startswith("Rss:")).split()[1]) / 1024

    def cpu_s(self):
        """User and system time of all its threads so far."""
        fields = Path(f"/proc/{self.child.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def others_cpu_s(self):
        """Processor time of all other processes so far. While it grows, measured times are not reliable."""
        user, nice, system, _, _, irq, softirq, steal = map(int, Path("/proc/stat").read_text().split()[1:9])
        return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK") - self.cpu_s()

    def cpu_s_by_thread(self):
        """User and system time of each kind of thread (its name without numbers) that runs now."""
        times = {}
        for task in Path(f"/proc/{self.child.pid}/task").iterdir():
            try:
                name, fields = (task / "comm").read_text().strip(), (task / "stat").read_text().rpartition(")")[2].split()
            except FileNotFoundError:
                continue  # the thread has just ended
            name = re.sub(r"/.*|[0-9]+|:.*", "", name).rstrip("-_")
            times[name] = times.get(name, 0) + (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return times

    def count(self, what):
        return len(os.listdir(f"/proc/{self.child.pid}/{what}"))

    def stop(self):
        """Seconds from SIGTERM to its end."""
        began = time.monotonic()
        self.child.send_signal(signal.SIGTERM)
        code = self.child.wait(timeout=30)
        if code != 0:
            self.log.seek(0)
            raise SystemExit(f"posed ended with {code}:\n{self.log.read()[-2000:]}")
        return time.monotonic() - began


def camera(name, path, **keys):
    """A `[[camera]]` that loops a file at its own speed, unless `keys` say otherwise."""
    keys = {"loop": True, "paced": True} | keys
    lines = [f'[[camera]]\nname = "{name}"\nsource = "file://{path}"\n']
    return "".join(lines + [f"{key} = {json.dumps(value)}\n" for key, value in keys.items()])


# As cameras encode: two reference frames, a key frame every few seconds, at most 1 Mbit/s.
H264 = ["-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-g", "20", "-refs", "2"]
H264 += ["-b:v", "1M", "-maxrate", "1M", "-bufsize", "1M"]


def clip(path, source, filters, fps, seconds, output):
    """Makes a clip or a picture with ffmpeg; `filters` follow `scale=`."""
    command = ["ffmpeg", "-loglevel", "error", "-y", *source, "-vf", f"scale={filters},fps={fps}"]
    command += ["-t", str(seconds)] if seconds else []
    subprocess.run(command + ["-an", *output, str(path)], check=True)


def percentile(values, q):
    values = sorted(values)
    return values[min(len(values) - 1, int(q * len(values)))] if values else float("nan")
