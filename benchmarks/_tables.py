"""Total variation distances of tables of light over angle and place, and delays, with what fluctuations alone would make."""

import numpy as np

GEANT4_EVENTS = 150
BINS = {"10 x 20": (10, 20), "20 x 40": (20, 40), "30 x 80": (30, 80)}
MERGINGS = [(angles, places) for angles in (10, 20, 30, 45, 60, 90, 120) for places in (20, 40, 80, 100, 200, 400)]
STATISTICAL = 0.5
"""Largest statistical part [%] of a distance of tables whose criterion is 3 %."""


def merged(table: np.ndarray, angles: int, places: int) -> np.ndarray:
    rows, columns = table.shape[0] // angles, table.shape[1] // places
    cut = table[: rows * angles, : columns * places]
    return cut.reshape(rows, angles, columns, places).sum(axis=(1, 3))


def variation(first: np.ndarray, second: np.ndarray) -> float:
    """Total variation distance of two tables."""
    return float(0.5 * np.abs(first / first.sum() - second / second.sum()).sum())


def distance(
    ours: np.ndarray, halves: list[np.ndarray], theirs: np.ndarray, bins: tuple[int, int], events: int
) -> dict:
    """Total variation distance in merged bins, that of two samples of one truth, and the excess [%]."""
    whole = merged(ours, *bins)
    seen = 100.0 * variation(whole, merged(theirs, *bins))
    parts = [merged(half, *bins) for half in halves]
    scale = 100.0 * np.sqrt((1.0 / events + 1.0 / GEANT4_EVENTS) / (4.0 / events))
    statistical = scale * float(np.mean([variation(part, whole - part) for part in parts]))
    return {"percent": seen, "statistical": statistical, "excess": float(np.sqrt(max(seen**2 - statistical**2, 0.0)))}


def pooled(tables: list[tuple]) -> dict:
    """Distances in the fixed bins of the mean tables of all energies, each with the same weight.

    `tables` has (ours, halves, theirs, events) for each energy; places are shares of the same length in both.
    """
    ours = sum(table / table.sum() for table, *_ in tables)
    theirs = sum(table / table.sum() for _, _, table, _ in tables)
    halves = [sum(parts[i] / table.sum() for table, parts, _, _ in tables) for i in range(len(tables[0][1]))]
    return {name: distance(ours, halves, theirs, bins, tables[0][3]) for name, bins in BINS.items()}


def distances(ours: np.ndarray, halves: list[np.ndarray], theirs: np.ndarray, events: int) -> dict:
    """Distances in the fixed bins and in those merged until the statistical part is small."""
    rows: dict = {name: distance(ours, halves, theirs, bins, events) for name, bins in BINS.items()}
    tried = [distance(ours, halves, theirs, bins, events) | {"bins": bins} for bins in MERGINGS]
    good = [row for row in tried if row["statistical"] < STATISTICAL]
    finest = min(good, key=lambda row: np.prod(row["bins"])) if good else min(tried, key=lambda row: row["statistical"])
    return rows | {"merged": finest}


def mean_delays(event: np.ndarray, cell: np.ndarray, delay: np.ndarray, cells: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean delay of the photons in each cell, and its error from event to event; photons outside 0 to `cells` are left out."""
    inside = (cell >= 0) & (cell < cells)
    event, cell, delay = event[inside], cell[inside], delay[inside]
    events = int(event.max()) + 1
    place = event * cells + cell
    counts, sums = (np.bincount(place, w, events * cells).reshape(events, cells) for w in (None, delay))
    light = np.maximum(counts.sum(axis=0), 1)
    mean = sums.sum(axis=0) / light
    return mean, np.sqrt(((sums - mean * counts) ** 2).sum(axis=0)) / light


def brightest(light: np.ndarray, share: float = 0.9) -> np.ndarray:
    """Numbers of the cells that hold this share of the light, brightest first."""
    order = np.argsort(-light)
    return order[: np.searchsorted(np.cumsum(light[order]), share * light.sum()) + 1]


def chi_square(rows: list[dict], value: str, sigma: str) -> dict:
    """Sum of the squared differences in units of their errors, how many there are, and the largest."""
    pulls = np.array([row[value] / row[sigma] for row in rows])
    return {"chi2": float((pulls**2).sum()), "values": len(pulls), "largest": float(np.abs(pulls).max())}
