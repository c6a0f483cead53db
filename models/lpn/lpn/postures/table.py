"""Writes trained networks as a table of numbers in Rust."""

from pathlib import Path

import numpy as np

from lpn.postures.net import Net

HEAD = """//! The posture networks. Written by `python -m lpn.postures`; do not edit.
//!
//! Each has one hidden layer, whose units pass what is positive. The last weight of a row is added.

use super::look::{FEATURES, STOOD_FEATURES};
"""


def rounded(net: Net, temperature: float = 1.0) -> list[np.ndarray]:
    """Rows of weights with the added one last; standardization and temperature are in them."""
    a, b, c, d = net.weights
    hidden = a / net.scale[:, None]
    hidden = np.vstack([hidden, b - net.mean @ hidden]).T
    # A unit may be scaled as long as its output weights are scaled back: then three digits do.
    size = np.abs(hidden).max(1, keepdims=True) / 4.0
    output = np.vstack([c * size, d]).T / temperature
    return [np.round(hidden / size, 3), np.round(output, 3)]


def write(still: list[np.ndarray], stood: list[np.ndarray], floor: list[np.ndarray], path: Path) -> None:
    text = HEAD
    # Two outputs that exclude each other are one.
    floor = [floor[0], floor[1][1:] - floor[1][:1]]
    for name, about, inputs, tables in (
        ("STILL", "the postures of anybody", "FEATURES", still),
        ("STOOD", "the postures of somebody who stood before", "STOOD_FEATURES", stood),
        ("FLOOR", "being on the floor", "STOOD_FEATURES", floor),
    ):  # fmt: skip
        hidden, output = tables
        text += _rows(f"{name}_UNITS", f"Units that tell of {about}.", f"{inputs} + 1", hidden)
        text += _rows(name, f"From the units to {about}.", f"{len(hidden)} + 1", output)
    path.write_text(text)


def _rows(name: str, about: str, width: str, rows: np.ndarray) -> str:
    text = f"\n/// {about}\n#[rustfmt::skip]\npub(super) static {name}: [[f32; {width}]; {len(rows)}] = [\n"
    for row in rows:
        numbers = [np.format_float_positional(round(v, 3) + 0.0, trim="0") for v in row]
        lines = [", ".join(numbers[i : i + 12]) for i in range(0, len(numbers), 12)]
        text += "    [\n" + "".join(f"        {line},\n" for line in lines) + "    ],\n"
    return text + "];\n"


def probabilities(tables: list[np.ndarray], x: np.ndarray) -> np.ndarray:
    """What the table says, as the daemon computes it."""
    hidden, output = tables
    h = np.maximum(x @ hidden[:, :-1].T + hidden[:, -1], 0)
    z = h @ output[:, :-1].T + output[:, -1]
    e = np.exp(z - z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)
