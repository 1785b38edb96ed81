"""Derivatives of every prediction against finite differences of Monte Carlo, parameter by parameter.

    python benchmarks/gradients.py [--photons 4e5] [--events 16] [--seeds 4] [--seed 1]

For each parameter the channels are weighted so that their slope stands out best above Poisson noise, by a seed that is not
judged; `ratio` is the derivative of that sum over its finite difference in Monte Carlo, `error` the standard error of both.
Monte Carlo needs wide steps. By how much a difference over a wide step is more than one over a tenth of it, a prediction tells
with the same rays on either side (`wide_over_narrow`), and Monte Carlo is divided by that. Weights and widths are of `Hybrid`,
which has the least noise, and of `ExpectedValue` where sensors move.
"""

import argparse

import jax
import jax.numpy as jnp
import numpy as np
from _gradients import MOVES, cut, laser, monte_carlo_slope, moved, seen, sharpest, tank, value_and_slopes
from _record import peak_memory_gb, record

import lampyris as lp

SETTINGS = {
    "Hybrid": {"rays": 2**15, "steps": 8, "mirror_rays": 2**17, "cells": 64, "scatter_rays": 2**17, "orders": 2},
    "ExpectedValue": {"rays": 2**16, "steps": 10, "width": 0.5, "nodes": 64},
    "ExpectedValue(width=0)": {"rays": 2**16, "steps": 10, "width": 0.0, "nodes": 64},
}


def make(name: str, seed: int):
    if name == "Hybrid":
        return lp.Hybrid(seed=10 * seed, **SETTINGS[name]).prepared(tank())
    return lp.ExpectedValue(seed=seed, **SETTINGS[name]).prepared(tank())


def drawn(name: str, source, detector, time, seeds: int) -> dict:
    """Values and slopes of all parameters that the transport stands behind, seed by seed."""
    names = tuple(move for move in MOVES if MOVES[move].family in make(name, 0).gradients)
    rows = [value_and_slopes(make(name, seed), names, source, detector, time) for seed in range(seeds)]
    value = np.stack([np.asarray(row[0], float) for row in rows])
    slopes = np.stack([np.asarray(row[1], float) for row in rows])
    return {move: (value, slopes[:, number]) for number, move in enumerate(names)}


def difference(transport, move: str, share: float, source, detector, time) -> np.ndarray:
    """Central difference of what is seen over a share of the step of Monte Carlo, (2, channels)."""
    step = share * MOVES[move].step

    def at(x: float) -> np.ndarray:
        ready = transport.prepared(moved(move, x, source, detector)[1])
        return np.asarray(seen(ready, (move,), jnp.array([x]), source, detector, time), float)

    return (at(step) - at(-step)) / (2.0 * step)


def widened(wide: np.ndarray, narrow: np.ndarray) -> tuple[float, float]:
    """Ratio of sums over (seeds, 2, channels), and its standard error."""
    ratios = wide.sum(axis=(1, 2)) / narrow.sum(axis=(1, 2))
    return float(ratios.mean()), float(ratios.std(ddof=1) / np.sqrt(len(ratios)))


def judged(sums: np.ndarray, truth: float, error: float) -> dict[str, float]:
    """Derivatives of several seeds against the true one, which is known to an error."""
    both = float(np.hypot(sums.std(ddof=1) / np.sqrt(len(sums)), error))
    return {
        "ratio": float(sums.mean() / truth),
        "error": both / abs(truth),
        "sigma": float((sums.mean() - truth) / both),
    }


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--photons", type=float, default=4e5)
    options.add_argument("--events", type=int, default=16)
    options.add_argument("--seeds", type=int, default=4)
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    detector, source = tank(), laser(chosen.photons)
    time = cut(detector)
    slopes = {name: drawn(name, source, detector, time, chosen.seeds + 1) for name in SETTINGS}
    keys = jax.random.split(jax.random.key(chosen.seed), len(MOVES))
    rows = {name: {} for name in SETTINGS}
    for key, move in zip(keys, MOVES, strict=True):
        guide = "Hybrid" if move in slopes["Hybrid"] else "ExpectedValue"
        value, slope = slopes[guide][move]
        weights = sharpest(value[0], slope[0])
        truth, error = monte_carlo_slope(move, source, detector, time, weights, key, chosen.events)
        ready = [make(guide, seed) for seed in range(1, chosen.seeds + 1)]
        wide, narrow = (
            np.stack([weights * difference(one, move, share, source, detector, time) for one in ready])
            for share in (1.0, 0.1)
        )
        bend, unsure = widened(wide, narrow)
        truth, error = truth / bend, float(np.hypot(error, truth * unsure / bend)) / bend
        for name, found in slopes.items():
            if move not in found:
                continue
            sums = (found[move][1][1:] * weights).sum(axis=(1, 2))
            rows[name][move] = judged(sums, truth, error) | {"wide_over_narrow": bend}
        print(move, {name: rows[name].get(move) for name in SETTINGS}, flush=True)
    figures = {"gradients": rows, "peak_memory_gb": peak_memory_gb()}
    settings = {"photons": chosen.photons, "events": chosen.events, "seeds": chosen.seeds, "transports": SETTINGS}
    print(record("gradients", settings, chosen.seed, figures))


if __name__ == "__main__":
    main()
