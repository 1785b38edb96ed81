"""Figures of a benchmark as bars: one panel for each group of numbers that belong together."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

MOST_PANELS, MOST_BARS = 12, 24


def save_figures(path: Path | str, title: str, figures: dict[str, float | int | str]) -> bool:
    """Draw figures with dotted names as a picture; say whether there was a group of at least two numbers to draw.

    Numbers whose names differ in the last word alone are one panel. The largest 12 groups are drawn.
    """
    groups = _groups(figures)
    if not groups:
        return False
    rows = -(-len(groups) // 2)
    tall = [max(len(groups[name]) for name in list(groups)[2 * row : 2 * row + 2]) for row in range(rows)]
    figure = Figure(figsize=(13.0, sum(0.9 + 0.24 * count for count in tall) + 0.6), layout="constrained")
    figure.suptitle(title)
    grid = figure.add_gridspec(rows, 2, height_ratios=[0.9 + 0.24 * count for count in tall])
    for number, (name, values) in enumerate(groups.items()):
        panel = figure.add_subplot(grid[number // 2, number % 2])
        place = np.arange(len(values))[::-1]
        drawn = panel.barh(place, list(values.values()), color="#3b6ea5", height=0.7)
        panel.bar_label(drawn, fmt="%.3g", padding=3, fontsize=8)
        panel.set_yticks(place, list(values), fontsize=8)
        panel.axvline(0.0, color="black", linewidth=0.6)
        panel.margins(x=0.15)
        panel.set_title(name, fontsize=9, loc="left")
    figure.savefig(path, dpi=110)
    return True


def _groups(figures: dict[str, float | int | str]) -> dict[str, dict[str, float]]:
    """Numbers by all words of their names but the last."""
    groups: dict[str, dict[str, float]] = {}
    for name, value in figures.items():
        if isinstance(value, str) or not np.isfinite(value):
            continue
        group, _, last = name.rpartition(".")
        groups.setdefault(group, {})[last] = float(value)
    found = {name: dict(list(group.items())[:MOST_BARS]) for name, group in groups.items() if name and len(group) > 1}
    largest = sorted(found, key=lambda name: -len(found[name]))[:MOST_PANELS]
    return {name: group for name, group in found.items() if name in largest}
