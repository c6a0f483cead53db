"""The books of `weeks`: what the daemon says that it did, and what arrived."""

import json
import re
import subprocess
import threading
import time
import urllib.request

from bench import started

LINE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$", re.M)
LABEL = re.compile(r'(\w+)="([^"]*)"')


class Scrape:
    """One answer of /metrics: (name, labels, value)."""

    def __init__(self, text):
        self.rows = [(name, dict(LABEL.findall(labels or "")), float(value)) for name, labels, value in LINE.findall(text)]

    def one(self, name):
        return sum(value for found, _, value in self.rows if found == name)

    def of_camera(self, camera, name):
        return sum(value for found, labels, value in self.rows if found == name and labels.get("camera") == camera)

    def balances(self):
        """At most a frame in progress is neither published nor dropped, and one may pass while the counts are read."""
        for camera in {labels["camera"] for _, labels, _ in self.rows if "camera" in labels}:
            decoded, published, dropped = (
                self.of_camera(camera, f"posed_frames_{what}_total") for what in ("decoded", "published", "dropped")
            )
            if abs(decoded - published - dropped) > 2:
                return False
        return True


def scrape(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
        return Scrape(answer.read().decode())


class Ledger:
    """Hears everything at the broker. `mosquitto_sub` subscribes again by itself when the broker returns."""

    def __init__(self, broker):
        self.broker, self.lock = broker, threading.Lock()
        self.events, self.unbalanced, self.marker, self.n = set(), [], "", 0
        self.poses, self.ages, self.ended, self.stopped = {}, [], {}, set()
        command = ["mosquitto_sub", "-h", "127.0.0.1", "-p", str(broker.port), "-q", "1", "-t", "posed/#", "-t", "soak/#"]
        self.child = started([*command, "-F", "%r %t %p"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        threading.Thread(target=self._read, daemon=True).start()
        self.listens()

    def _read(self):
        for line in self.child.stdout:
            retained, _, rest = line.decode().rstrip("\n").partition(" ")
            topic, _, payload = rest.partition(" ")
            with self.lock:
                self._take(topic, payload, retained == "1")

    def _take(self, topic, payload, retained):
        camera, _, leaf = topic.removeprefix("posed/").partition("/")
        if topic == "soak/ready":
            self.marker = payload
        elif leaf == "poses":
            message = json.loads(payload)
            self.poses[camera] = self.poses.get(camera, 0) + 1
            self.ages.append(message["age_ms"])
        elif leaf == "events":
            self.events.add(payload)
        elif leaf == "state" and payload and not retained:
            state = json.loads(payload)
            # It comes again at each connection to the broker.
            if state["status"] == "stopped" and payload not in self.stopped:
                self.stopped.add(payload)
                self._ended(state)

    def _ended(self, state):
        counts = {key: state[key] for key in ("decoded", "published")}
        counts |= {key: sum(state[key].values()) for key in ("dropped", "unsent")}
        if counts["decoded"] != counts["published"] + counts["dropped"]:
            self.unbalanced.append(json.dumps(state))
        for key, count in counts.items():
            self.ended[key] = self.ended.get(key, 0) + count

    def listens(self):
        """Waits until the broker passes messages on to it."""
        for _ in range(120):
            self.n += 1
            self.command("soak/ready", str(self.n))
            for _ in range(5):
                time.sleep(0.1)
                with self.lock:
                    if self.marker == str(self.n):
                        return
        raise SystemExit("the subscriber hears nothing")

    def command(self, topic, payload):
        base = ["mosquitto_pub", "-h", "127.0.0.1", "-p", str(self.broker.port), "-q", "1"]
        subprocess.run([*base, "-t", topic, "-m", payload], stderr=subprocess.DEVNULL, timeout=30, check=False)

    def counts(self):
        with self.lock:
            return dict(self.poses)

    def take_ages(self):
        with self.lock:
            ages, self.ages = self.ages, []
            return ages

    def totals(self, scraped):
        """Counters in all: of cameras that stopped from their last states, of the others from /metrics."""
        frames = {key: scraped.one(f"posed_frames_{key}_total") for key in ("decoded", "published", "dropped")}
        frames["unsent"] = scraped.one("posed_messages_unsent_total")
        names = {"events": "events", "reconnects": "mqtt_reconnects", "spool_dropped": "spool_dropped", "attempts": "camera_attempts"}
        with self.lock:
            totals = {key: int(value + self.ended.get(key, 0)) for key, value in frames.items()}
        return totals | {key: int(scraped.one(f"posed_{name}_total")) for key, name in names.items()}
