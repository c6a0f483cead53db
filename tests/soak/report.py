#!/usr/bin/env python3
"""What a run of weeks.py shows: report.py DIR reads its tables, and writes weeks.json and weeks.svg."""

import csv
import json
import sys
from pathlib import Path

from bench import percentile
from plot import slope, svg

HOUR = 3600
# Caches, pools of buffers and the heap fill during the first hour.
WARM_H = 1.0


def rows_of(path):
    with open(path, newline="") as table:
        return list(csv.DictReader(table))


def report(folder):
    rows, faults = rows_of(folder / "weeks.csv"), rows_of(folder / "faults.csv")
    failures = json.loads((folder / "failures.json").read_text())
    column = lambda key: [(float(row["s"]) / HOUR, float(row[key])) for row in rows if row[key] not in ("", "nan")]  # noqa: E731
    hours = float(rows[-1]["s"]) / HOUR
    settled = lambda key: [point for point in column(key) if point[0] >= min(WARM_H, hours / 2)]  # noqa: E731
    # Between faults: what a fault holds must be given back.
    least = lambda key, part: min(y for _, y in column(key)[part])  # noqa: E731
    result = {"hours": round(hours, 2), "faults": len(faults), "failures": failures}
    for key in ("rss_mb", "anon_mb"):
        result[f"{key}_slope_per_h"] = round(slope(settled(key)), 3)
        result[key] = {"first": column(key)[0][1], "last": column(key)[-1][1], "most": max(y for _, y in column(key))}
    for key in ("task", "fd"):
        result[key] = {"first_ten_minutes": least(key, slice(60)), "last_ten_minutes": least(key, slice(-60, None))}
        if result[key]["last_ten_minutes"] > result[key]["first_ten_minutes"]:
            failures.append({"fault": "all", "missed": f"{key} grows: {result[key]}"})
    for key in ("age_p50_ms", "age_p99_ms"):
        result[f"{key}_median"] = percentile([y for _, y in column(key)], 0.5)
    names = ("decoded", "published", "dropped", "unsent", "received", "events", "received_events", "reconnects", "attempts")
    result["totals"] = {key: int(rows[-1][key]) for key in names}
    by_fault = {}
    for fault in faults:
        by_fault[fault["fault"]] = by_fault.get(fault["fault"], 0) + 1
    result["by_fault"] = by_fault
    panels = [("resident memory, MB", column("rss_mb")), ("of it heap and stacks, MB", column("anon_mb"))]
    panels += [("threads", column("task")), ("open files", column("fd"))]
    panels += [("age of poses, median of 10 s, ms", column("age_p50_ms")), ("messages in 10 s", column("messages"))]
    panels += [("dropped frames, in all", column("dropped")), ("events, in all", column("received_events"))]
    trend = f"resident memory {result['rss_mb_slope_per_h']:+.2f} MB an hour after the first"
    title = f"posed, {hours:.1f} hours, {len(faults)} faults (red), {trend}"
    (folder / "weeks.svg").write_text(svg(title, panels, [float(fault["s"]) / HOUR for fault in faults]))
    (folder / "weeks.json").write_text(json.dumps(result, indent=1))
    return result


if __name__ == "__main__":
    print(json.dumps(report(Path(sys.argv[1])), indent=1))
