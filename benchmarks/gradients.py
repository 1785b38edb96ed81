"""Derivatives of every prediction against finite differences of Monte Carlo, parameter by parameter.

    python benchmarks/gradients.py [--photons 4e5] [--seeds 4] [--seed 1]

For each parameter the channels are weighted so that their slope stands out best above Poisson noise, by a seed that is not
judged; `ratio` is the derivative of that sum over its finite difference in Monte Carlo, `error` the standard error of both.
"""

import argparse

import jax
import numpy as np
from _gradients import MOVES, cut, laser, monte_carlo_slope, sharpest, tank, value_and_slopes
from _record import peak_memory_gb, record

import lampyris as lp

SETTINGS = {
    "Hybrid": {"rays": 16384, "steps": 8},
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


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--photons", type=float, default=4e5)
    options.add_argument("--seeds", type=int, default=4)
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    detector, source = tank(), laser(chosen.photons)
    time = cut(detector)
    slopes = {name: drawn(name, source, detector, time, chosen.seeds + 1) for name in SETTINGS}
    keys = jax.random.split(jax.random.key(chosen.seed), len(MOVES))
    rows = {name: {} for name in SETTINGS}
    for key, move in zip(keys, MOVES, strict=True):
        value, slope = slopes["ExpectedValue"][move]
        weights = sharpest(value[0], slope[0])
        truth, error = monte_carlo_slope(move, source, detector, time, weights, key)
        for name, found in slopes.items():
            if move not in found:
                continue
            sums = (found[move][1][1:] * weights).sum(axis=(1, 2))
            own = sums.std(ddof=1) / np.sqrt(len(sums))
            both = float(np.hypot(own, error))
            rows[name][move] = {
                "ratio": float(sums.mean() / truth),
                "error": both / abs(truth),
                "sigma": float((sums.mean() - truth) / both),
            }
        print(move, {name: rows[name].get(move) for name in SETTINGS}, flush=True)
    figures = {"gradients": rows, "peak_memory_gb": peak_memory_gb()}
    settings = {"photons": chosen.photons, "seeds": chosen.seeds, "transports": SETTINGS}
    print(record("gradients", settings, chosen.seed, figures))


if __name__ == "__main__":
    main()
