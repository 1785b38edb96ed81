"""How far from the truth a fit may start: share of fits that find the muon against the distance of their start.

    python benchmarks/convergence.py --events 10

Whole muons of 1 GeV from the built-in engine in SK, drawn as in `reconstruction.py`. Each event is fitted from starts whose
vertex is off by a distance in a random direction, whose direction is turned about a random axis by ten degrees for each
metre (60 at most), whose energy is off by up to a third either way and whose time by up to 10 ns. A fit has found the muon if
it converged with its vertex within half a metre of the truth. Beside it: how far the starts are that `reconstruct` finds from
the data alone. Figures are written after every event.
"""

import argparse
import time

import numpy as np
from _record import record
from reconstruction import Sample, events_of

import lampyris as lp
from lampyris.fit.problem import Problem
from lampyris.fit.reconstruct import start_of

DISTANCES = (0.5, 1.0, 2.0, 4.0, 8.0)
TURN = 10.0
"""Degrees by which the direction is turned for each metre."""
FOUND = 0.5
"""Distance from the true vertex within which the muon is found [m]."""


def displaced(track: lp.Track, distance: float, detector: lp.Detector, draw: np.random.Generator) -> lp.Track:
    """A start that is wrong in everything, inside the detector."""
    place = np.asarray(track.position, float)
    for _ in range(1000):
        way = draw.normal(size=3)
        there = place + distance * way / np.linalg.norm(way)
        if float(detector.shape.signed_distance(there[None].astype(np.float32))[0]) > 0.5:
            break
    direction = np.asarray(track.direction, float)
    across = np.cross(direction, draw.normal(size=3))
    angle = np.radians(min(TURN * distance, 60.0))
    turned = np.cos(angle) * direction + np.sin(angle) * across / np.linalg.norm(across)
    energy = float(track.energy) * np.exp(draw.uniform(-0.33, 0.33))
    return lp.Track("mu-", energy, list(there), list(turned), float(track.time) + draw.uniform(-10.0, 10.0))


def away(track: lp.Track, truth: lp.Track) -> tuple[float, float]:
    """Distance of the vertices [m] and angle [deg]."""
    cosine = np.dot(np.asarray(track.direction, float), np.asarray(truth.direction, float))
    far = np.linalg.norm(np.asarray(track.position, float) - np.asarray(truth.position, float))
    return float(far), float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))


def event(detector: lp.Detector, hits: lp.Hits, truth: lp.Track, draw: np.random.Generator) -> dict:
    """Fits of one event from all distances, and its own start."""
    told: dict = {"own_start": away(start_of(Problem(detector, hits, "mu-")), truth)}
    for distance in DISTANCES:
        begin = time.perf_counter()
        fit = lp.reconstruct(detector, hits, start=displaced(truth, distance, detector, draw))
        off = away(fit.value, truth)[0]
        found = fit.result == "converged" and off < FOUND
        told[str(distance)] = {"found": found, "off": off, "seconds": time.perf_counter() - begin}
        told[str(distance)]["iterations"] = fit.statistics["iterations"] + fit.statistics["rough_iterations"]
    return told


def figures(rows: list[dict]) -> dict:
    """Shares found with their binomial errors, and the quantiles of the own starts."""
    starts, count = np.array([row["own_start"] for row in rows]), len(rows)
    told: dict = {"events": count, "found": {}}
    for distance in map(str, DISTANCES):
        share = float(np.mean([row[distance]["found"] for row in rows]))
        told["found"][distance] = {
            "share": share,
            # of (k + 1) / (n + 2), so that none and all have an error too
            "error": float(np.sqrt((share * count + 1) * ((1 - share) * count + 1) / (count + 2) ** 2 / (count + 3))),
            "iterations_median": float(np.median([row[distance]["iterations"] for row in rows])),
            "seconds_median": float(np.median([row[distance]["seconds"] for row in rows])),
        }
    names = ("vertex_m", "direction_deg")
    told["own_start"] = {
        name: {"median": float(np.median(column)), "max": float(column.max())}
        for name, column in zip(names, starts.T, strict=True)
    }
    return told | {"each": rows}


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--events", type=int, default=10)
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    detector, draw, rows = lp.catalog.load("SK"), np.random.default_rng(chosen.seed), []
    for hits, truth in events_of(Sample.of("mu-_1000"), detector, chosen.events, chosen.seed):
        rows.append(event(detector, hits, truth, draw))
        print(len(rows), rows[-1], flush=True)
        record("convergence", {"events": chosen.events}, chosen.seed, figures(rows))


if __name__ == "__main__":
    main()
