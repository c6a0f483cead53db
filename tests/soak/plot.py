"""A plot of a table's columns over time, as SVG, and the slope of a line through points."""

WIDTH, HIGH, LEFT, RIGHT, GAP = 900, 130, 70, 20, 34


def slope(points):
    """Of the least-squares line through (x, y)."""
    n = len(points)
    if n < 2:
        return float("nan")
    mean_x, mean_y = sum(x for x, _ in points) / n, sum(y for _, y in points) / n
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else float("nan")


def svg(title, panels, marks=()):
    """`panels`: (label, [(hours, value)...]); `marks`: hours of the faults. All values are drawn from zero, but memory is not."""
    last = max((x for _, points in panels for x, _ in points), default=1) or 1
    height = 40 + len(panels) * (HIGH + GAP) + 20
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12">']
    out.append(f'<rect width="{WIDTH}" height="{height}" fill="#fff"/><text x="{LEFT}" y="20" font-size="14">{title}</text>')
    across = lambda x: LEFT + x / last * (WIDTH - LEFT - RIGHT)  # noqa: E731
    for n, (label, points) in enumerate(panels):
        out.append(_panel(label, points, 40 + n * (HIGH + GAP), across, marks))
    base = 40 + len(panels) * (HIGH + GAP) - GAP
    ticks = [last * n / 8 for n in range(9)]
    out += [f'<text x="{across(x):.0f}" y="{base + 16}" text-anchor="middle">{x:.2f}</text>' for x in ticks]
    out.append(f'<text x="{WIDTH / 2}" y="{base + 34}" text-anchor="middle">hours</text></svg>')
    return "\n".join(out)


def _panel(label, points, top, across, marks):
    values = [y for _, y in points if y == y]
    high, low = max(values, default=1), min(values, default=0)
    low = 0 if low < high / 2 else low
    high = high if high > low else low + 1
    down = lambda y: top + HIGH - (y - low) / (high - low) * HIGH  # noqa: E731
    parts = [f'<rect x="{LEFT}" y="{top}" width="{WIDTH - LEFT - RIGHT}" height="{HIGH}" fill="none" stroke="#bbb"/>']
    ticks = "".join(f"M{across(x):.1f} {top + HIGH}v-4" for x in marks)
    parts.append(f'<path d="{ticks}" stroke="#c33" stroke-width="0.5"/>')
    parts.append(f'<text x="{LEFT + 6}" y="{top + 14}">{label}</text>')
    for y in (low, high):
        parts.append(f'<text x="{LEFT - 6}" y="{down(y) + 4:.0f}" text-anchor="end">{_short(y)}</text>')
    line = " ".join(f"{across(x):.1f},{down(y):.1f}" for x, y in points if y == y)
    parts.append(f'<polyline points="{line}" fill="none" stroke="#247" stroke-width="1"/>')
    return "".join(parts)


def _short(value):
    return f"{value:,.0f}" if value >= 1000 or value == int(value) else f"{value:.1f}"
