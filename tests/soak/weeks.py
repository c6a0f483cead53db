#!/usr/bin/env python3
"""Weeks in hours: four cameras, events and an open page, and one fault after the other.

usage: tests/soak/weeks.py [--posed BINARY] [--hours H] [--seed N] [--every S] [--faults NAME...] [--out DIR]

Every 10 s a line of OUT/weeks.csv: memory, threads, files, ages, counts; OUT/faults.csv lists the faults. report.py makes
OUT/weeks.svg and OUT/weeks.json of them at the end.
After each fault: every camera gives poses, every decoded frame is published or counted, no event is missing.
"""

import argparse
import csv
import json
import os
import random
import re
import signal
import sys
import threading
import time
import traceback
from pathlib import Path

from bench import MODELS, ROOT, Broker, free_port, percentile, started
from faults import FAULTS
from ledger import Ledger, scrape
from report import report
from stage import Mjpeg, Relay, Rtsp, ball, film, people

PATIENCE_S = 150
SAMPLE_S = 10
HOUR = 3600
EVENTS = "".join(
    f'[[camera.event]]\ntype = "{kind}"\n' for kind in ("hand_raised", "help", "lying_long", "no_movement", "posture", "presence")
)
PLACES = """[[camera.zone]]
name = "room"
polygon = [[0.0, 0.0], [0.5, 0.0], [0.5, 1.0], [0.0, 1.0]]
by = "body"
dwell_s = 2
[[camera.line]]
name = "middle"
by = "body"
from = [0.5, 1.0]
to = [0.5, 0.0]
"""


def unit_environment():
    """What the service sets: the allocator's limits belong to the product."""
    text = (ROOT / "systemd/posed.service").read_text()
    return dict(pair.split("=", 1) for line in re.findall(r"^Environment=(.*)", text, re.M) for pair in line.split())


class Weeks:
    """The daemon, all that it talks to, and its books."""

    def __init__(self, args):
        self.args, self.random = args, random.Random(args.seed)
        self.out = Path(args.out)
        self.work = self.out / f"work-{os.getpid()}"
        self.work.mkdir(parents=True)
        film(self.work)
        self.clip = self.work / "played.mp4"
        self.clip.write_bytes((self.work / "clip.mp4").read_bytes())
        self.broker = Broker()
        self.relay, self.ledger = Relay(self.broker.port), Ledger(self.broker)
        self.hall, self.door, self.yard = Rtsp(people(self.work / "usual")), Rtsp(ball(320, 240)), Mjpeg(self.work)
        self.http = free_port()
        self.sources = {
            "hall": f"rtsp://127.0.0.1:{self.hall.port}/live", "door": f"rtsp://127.0.0.1:{self.door.port}/live",
            "yard": f"http://127.0.0.1:{self.yard.port}/yard.mjpg", "room": f"file://{self.clip}",
        }
        self.config, self.log = self.work / "posed.toml", open(self.out / "posed.log", "w")
        self.configure()
        env = os.environ | unit_environment() | {"STATE_DIRECTORY": str(self.work / "state")}
        (self.work / "state").mkdir()
        self.child = started([args.posed, "run", "--config", str(self.config)], stderr=self.log, cwd=self.work, env=env)
        self.began, self.fault, self.failures = time.monotonic(), "", []

    def configure(self, without=(), more=()):
        """Replaces the configuration: the four cameras but `without`, and `more`, (name, source) each."""
        text = f'[mqtt]\nurl = "mqtt://127.0.0.1:{self.relay.port}"\nkeep_alive_s = 5\n[homeassistant]\nenabled = true\n'
        text += f'[http]\nlisten = "127.0.0.1:{self.http}"\n'
        text += f'[model]\npose = "{MODELS}/lpn50-128x96"\nfinder = "{MODELS}/person-320x192"\n'
        for name, source in [*self.sources.items(), *more]:
            if name not in without:
                text += f'[[camera]]\nname = "{name}"\nsource = "{source}"\nmax_fps = 5.0\nfinder_interval_ms = 1000\n'
                text += "connect_timeout_ms = 5000\nstall_timeout_ms = 3000\n"
                text += ("loop = true\n" if source.startswith("file:") else "") + PLACES + EVENTS
        new = self.config.with_suffix(".new")
        new.write_text(text)
        new.replace(self.config)

    def reload(self):
        self.child.send_signal(signal.SIGHUP)

    def wait(self, what, holds, seconds=PATIENCE_S):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.child.poll() is not None:
                raise SystemExit(f"posed ended with {self.child.returncode}: see {self.out}/posed.log")
            if holds():
                return True
            time.sleep(0.1)
        self.failures.append({"at_s": round(time.monotonic() - self.began), "fault": self.fault, "missed": what})
        print(f"  FAILED: {what}", flush=True)
        return False

    def settle(self):
        """What must hold after each fault."""
        before = self.ledger.counts()
        for name in self.sources:
            self.wait(f"poses of {name}", lambda: self.ledger.counts().get(name, 0) >= before.get(name, 0) + 3)
        self.wait("every decoded frame published or counted", lambda: scrape(self.http).balances(), 20)

        def all_events():
            # The count first: an event that comes after it does no harm.
            counted = scrape(self.http)
            return counted.one("posed_spool_messages") == 0 and len(self.ledger.events) >= counted.one("posed_events_total")

        self.wait("every event", all_events, 60)

    def sample(self, table):
        """Writes a line every ten seconds until the daemon ends."""
        n = 0
        while self.child.poll() is None:
            n += 1
            time.sleep(max(0.0, self.began + n * SAMPLE_S - time.monotonic()))
            try:
                row = self.row()
            except (OSError, ValueError, StopIteration):
                continue  # it has just ended, or /metrics is crowded by a fault
            if table.tell() == 0:
                csv.DictWriter(table, row).writeheader()
            csv.DictWriter(table, row).writerow(row)
            table.flush()

    def row(self):
        status = Path(f"/proc/{self.child.pid}/status").read_text()
        mb = lambda key: round(int(re.search(rf"^{key}:\s+(\d+)", status, re.M)[1]) / 1024, 3)  # noqa: E731
        ages = self.ledger.take_ages()
        fields = Path(f"/proc/{self.child.pid}/stat").read_text().rpartition(")")[2].split()
        row = {"s": round(time.monotonic() - self.began, 1), "rss_mb": mb("VmRSS"), "anon_mb": mb("RssAnon")}
        row |= {what: len(os.listdir(f"/proc/{self.child.pid}/{what}")) for what in ("task", "fd")}
        row |= {"cpu_s": (int(fields[11]) + int(fields[12])) / 100, "messages": len(ages), "age_p50_ms": percentile(ages, 0.5)}
        row |= {"age_p99_ms": percentile(ages, 0.99)} | self.ledger.totals(scrape(self.http))
        return row | {"received": sum(self.ledger.counts().values()), "received_events": len(self.ledger.events), "fault": self.fault}

    def run(self):
        self.settle()
        table, faults = open(self.out / "weeks.csv", "w", newline=""), open(self.out / "faults.csv", "w")
        print("s,fault,took_s", file=faults, flush=True)
        threading.Thread(target=self.sample, args=(table,), daemon=True).start()
        names = self.args.faults or list(FAULTS)
        end, bag = self.began + self.args.hours * HOUR, []
        while time.monotonic() < end:
            time.sleep(min(self.random.uniform(0.5, 1.5) * self.args.every, max(0.0, end - time.monotonic())))
            # Each fault once before any comes again.
            bag = bag or self.random.sample(names, len(names))
            self.fault = bag.pop()
            begun = time.monotonic()
            try:
                FAULTS[self.fault](self)
                self.settle()
            except Exception:  # noqa: BLE001: the run goes on, and fails at its end
                self.failures.append({"fault": self.fault, "missed": traceback.format_exc()})
                traceback.print_exc()
            took = f"{begun - self.began:.1f},{self.fault},{time.monotonic() - begun:.1f}"
            print(took, file=faults, flush=True)
            print(took, flush=True)
            self.fault = ""
        return self.stop()

    def stop(self):
        emitted = scrape(self.http).one("posed_events_total")
        self.child.send_signal(signal.SIGTERM)
        code = self.child.wait(timeout=60)
        time.sleep(2)  # the subscriber may be behind
        if code != 0:
            self.failures.append({"fault": "SIGTERM", "missed": f"exit code 0, not {code}"})
        if len(self.ledger.events) < emitted:
            self.failures.append({"fault": "SIGTERM", "missed": f"{emitted - len(self.ledger.events)} events"})
        self.failures += [{"fault": "books of a camera that stopped", "missed": text} for text in self.ledger.unbalanced]
        (self.out / "failures.json").write_text(json.dumps(self.failures, indent=1))
        return report(self.out)


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("\n\n")[1].removeprefix("usage: "))
    parser.add_argument("--posed", default=str(ROOT / "target/release/posed"))
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--every", type=float, default=20.0, help="mean pause between two faults, in seconds")
    parser.add_argument("--faults", nargs="+", choices=list(FAULTS))
    parser.add_argument("--out", default=str(ROOT / "target/soak"))
    args = parser.parse_args()
    result = Weeks(args).run()
    print(json.dumps(result, indent=1))
    return 1 if result["failures"] else 0


if __name__ == "__main__":
    sys.exit(main())
