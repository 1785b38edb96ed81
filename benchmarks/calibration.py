"""Calibrations of Super-Kamiokande with shot noise: pulls, spread against the Cramer-Rao bound, time.

    python benchmarks/calibration.py optics --experiments 50
    python benchmarks/calibration.py efficiencies joint --experiments 1

Data come from Monte Carlo, one event for each lamp, and the fits start half off the truth. `optics`: one laser of 1e7
photons of 405 nm from the top centre, pointing down. `efficiencies`: one number for each of 11,146 sensors (10 % spread)
from 15 isotropic lamps of 1e7 photons, optics known. `joint`: both from all 16 lamps. `wavelengths`: the absorption and
scattering of four laser lines, each on a table with those knots. `mismodelled`: as `optics`, from data of water that
scatters 2 % more, all of it forwards, which the fit keeps as it was. `times`: time offset (1 ns rms) and transit time spread
(10 % rms) of each sensor from three isotropic lamps of 1e5 photons that flash 30 times. Figures are written after every
experiment, and `--resume` goes on after the last one in the file; `seconds` are then those of the new experiments. With
`--timed` no experiment is made, but one calibration is timed after all of it is compiled.
"""

import argparse
import json
import os
import time

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from _record import RESULTS, peak_memory_gb, record

import lampyris as lp
from lampyris.fit.free import FreeParameters
from lampyris.medium import Medium, Scatterer
from lampyris.spectrum import Tabulated

OPTICS = ("medium.absorption_length", "medium.scatterers.0.length", "wall.reflectance", "sensors.surface.reflectance")
EFFICIENCY = "sensors.relative_efficiency"
TIMES = ("sensors.time_offset", "sensors.transit_time_spread")
FLASHES = 30
LINES = (337.0, 375.0, 405.0, 445.0)
GRID = [(0.0, 0.0, 0.0)] + [
    (round(float(8.0 * np.cos(a)), 3), round(float(8.0 * np.sin(a)), 3), z)
    for z in (-12.0, 0.0, 12.0)
    for a in np.arange(4 if z == 0.0 else 5) * 2.0 * np.pi / (4 if z == 0.0 else 5)
]


def laser(wavelength: float = 405.0) -> lp.Laser:
    return lp.Laser([0.0, 0.0, 17.0], [0.0, 0.0, -1.0], wavelength, 1e7)


def lamps(campaign: str) -> list:
    """The lamps of a campaign: `GRID` has the centre and 14 other places."""
    isotropic = [lp.Isotropic(list(place), 405.0, 1e7) for place in GRID]
    weak = [lp.Isotropic(list(place), 405.0, 1e5) for place in (GRID[0], GRID[1], GRID[-1])]
    chosen = {
        "times": weak,
        "optics": [laser()],
        "mismodelled": [laser()],
        "efficiencies": isotropic,
        "joint": [laser(), *isotropic],
    }
    return chosen.get(campaign) or [laser(line) for line in LINES]


def detector_of(campaign: str) -> lp.Detector:
    """SK; for several lines with tables at just these."""
    detector = lp.catalog.load("SK")
    if campaign != "wavelengths":
        return detector
    lines, medium = jnp.asarray(LINES), detector.medium
    scatterer = medium.scatterers[0]
    tables = Medium(
        medium.refractive_index,
        Tabulated(lines, medium.absorption_length(lines)),
        (Scatterer(Tabulated(lines, scatterer.length(lines)), scatterer.phase), medium.scatterers[1]),
    )
    return eqx.tree_at(lambda d: d.medium, detector, tables)


def freed(campaign: str) -> list[str]:
    if campaign == "wavelengths":
        return ["medium.absorption_length.value", "medium.scatterers.0.length.value", *OPTICS[2:]]
    if campaign == "times":
        return list(TIMES)
    return [
        *(OPTICS if campaign != "efficiencies" else ()),
        *((EFFICIENCY,) if campaign in ("efficiencies", "joint") else ()),
    ]


def more_forward(detector: lp.Detector) -> lp.Detector:
    """The detector whose water scatters 2 % more at 405 nm, by its forward scatterer alone."""
    first, second = (float(s.length(jnp.asarray(405.0))) for s in detector.medium.scatterers)
    factor = (1.0 / second) / (1.0 / second + 0.02 * (1.0 / first + 1.0 / second))
    return eqx.tree_at(lambda d: d.medium.scatterers[1].length.value, detector, replace_fn=lambda old: old * factor)


def shifted(detector: lp.Detector, factors) -> lp.Detector:
    """The detector with the four optical parameters times these factors."""

    def leaves(d):
        return (
            d.medium.absorption_length.value,
            d.medium.scatterers[0].length.value,
            d.wall.reflectance.value,
            d.sensors.surface.reflectance.value,
        )

    return eqx.tree_at(leaves, detector, tuple(old * f for old, f in zip(leaves(detector), factors, strict=True)))


def scattered_channels(campaign: str, true: lp.Detector, draw: np.random.Generator) -> lp.Detector:
    """The detector with the numbers of single channels that a campaign looks for."""
    count = true.sensors.count
    if EFFICIENCY in freed(campaign):
        efficiency = jnp.asarray(1.0 + 0.1 * draw.standard_normal(count), float)
        return eqx.tree_at(lambda d: d.sensors.relative_efficiency, true, efficiency)
    if campaign != "times":
        return true
    offset = jnp.asarray(draw.standard_normal(count), float)
    spread = true.sensors.transit_time_spread * jnp.asarray(1.0 + 0.1 * draw.standard_normal(count), float)
    return eqx.tree_at(lambda d: (d.sensors.time_offset, d.sensors.transit_time_spread), true, (offset, spread))


def flashes_of(detector: lp.Detector, source, flashes: int, key) -> lp.Hits:
    """Events of a lamp: one, or several along a first axis."""
    if flashes == 1:
        return lp.simulate(detector, source, key=key)
    events = [lp.simulate(detector, source, key=jax.random.fold_in(key, number)) for number in range(flashes)]
    return lp.Hits.stacked(events)


def drawn(campaign: str, key) -> tuple[lp.Detector, lp.Detector, list, list[lp.Run]]:
    """True detector, the start of the fit, the lamps and their data with shot noise."""
    draw = np.random.default_rng(int(jax.random.randint(jax.random.fold_in(key, 1), (), 0, 2**31 - 1)))
    nominal, sources = detector_of(campaign), lamps(campaign)
    true = scattered_channels(campaign, nominal, draw)
    keys = jax.random.split(jax.random.fold_in(key, 2), len(sources))
    real = more_forward(true) if campaign == "mismodelled" else true
    flashes = FLASHES if campaign == "times" else 1
    runs = [lp.Run(s, flashes_of(real, s, flashes, k)) for s, k in zip(sources, keys, strict=True)]
    start = nominal if campaign in ("efficiencies", "times") else shifted(nominal, draw.choice([0.5, 1.5], 4))
    return true, start, sources, runs


def timed(campaign: str, key) -> dict:
    """Seconds of one calibration after a first one of a single iteration has compiled everything."""
    _, start, _, runs = drawn(campaign, key)
    laps, key = [], jax.random.fold_in(key, 3)
    for settings in (lp.CalibrationSettings(most_iterations=1), lp.CalibrationSettings()):
        begin = time.perf_counter()
        fit = lp.calibrate(start, runs, freed(campaign), settings=settings, key=key)
        laps.append(time.perf_counter() - begin)
    told = {
        "seconds_first_iteration_with_compilation": laps[0],
        "seconds": laps[1],
        "cores": len(os.sched_getaffinity(0)),
    }
    return told | {"iterations": fit.statistics["iterations"], "result": fit.result, "peak_memory_gb": peak_memory_gb()}


def experiment(campaign: str, key) -> dict:
    """One calibration of data with shot noise."""
    true, start, sources, runs = drawn(campaign, key)
    begin = time.perf_counter()
    fit = lp.calibrate(start, runs, freed(campaign), key=jax.random.fold_in(key, 3))
    seconds = time.perf_counter() - begin
    truth = dict(zip(fit.names, true_values(true, fit.names, sources), strict=True))
    told = {
        "result": fit.result,
        "seconds": seconds,
        "iterations": fit.statistics["iterations"],
        "pulls": fit.pulls(truth),
    }
    told |= {"relative": {n: float(v / truth[n] - 1.0) for n, v in zip(fit.names, fit.values, strict=True)}}
    told |= {"error": dict(zip(fit.names, (fit.errors / np.abs(fit.values)).tolist(), strict=True))}
    told |= {
        "prediction_share": dict(zip(fit.names, fit.prediction_share.tolist(), strict=True)),
        "goodness": fit.goodness.worst,
        "held": {held.name: held.pull for held in fit.held},
    }
    if EFFICIENCY in fit.channel_errors:
        away = np.asarray(fit.value.sensors.relative_efficiency - true.sensors.relative_efficiency, float)
        pull = away / fit.channel_errors[EFFICIENCY]
        counts = sum(np.asarray(run.hits.charge, float) for run in runs)
        floor = np.asarray(true.sensors.relative_efficiency) / np.sqrt(counts)
        told |= {"efficiency_pull_mean": float(pull.mean()), "efficiency_pull_width": float(pull.std())}
        told |= {"efficiency_rms_over_floor": float(np.sqrt((away**2).mean() / (floor**2).mean()))}
    return told | channels_away(fit, true)


def channels_away(fit: lp.Calibration, true: lp.Detector) -> dict:
    """Offsets and spreads of all channels against the truth: mean and width of the pulls, and rms [ns]."""
    told = {}
    for path in set(TIMES) & set(fit.channel_errors):
        name = path.partition(".")[2]
        away = np.asarray(getattr(fit.value.sensors, name) - getattr(true.sensors, name), float)
        pull = away / fit.channel_errors[path]
        told |= {f"{name}_pull_mean": float(pull.mean()), f"{name}_pull_width": float(pull.std())}
        told |= {f"{name}_rms_ns": float(away.std())}
    return told


def true_values(true: lp.Detector, names, sources) -> list[float]:
    """The true numbers by the names of a fit; spectra at the mean wavelength of the lamps."""
    wavelength = float(np.mean([float(source.wavelength) for source in sources]))
    free = FreeParameters.of(true, [name.partition("[")[0] for name in names])
    return free.values(np.zeros(free.count), wavelength)[0].tolist()


def figures(rows: list[dict], first: int) -> dict:
    """Pulls over the experiments with their errors, and whether they agree with 0 and 1; seconds from the `first` new one on."""
    names, n = list(rows[0]["pulls"]), len(rows)
    pulls = np.array([[row["pulls"][name] for name in names] for row in rows]).reshape(n, len(names))
    relative = np.array([[row["relative"][name] for name in names] for row in rows]).reshape(n, len(names))
    errors = np.array([[row["error"][name] for name in names] for row in rows]).reshape(n, len(names))
    share = np.array([[row["prediction_share"][name] for name in names] for row in rows]).reshape(n, len(names))
    bound = np.sqrt((errors**2 / (1.0 + share**2)).mean(axis=0))

    def named(values):
        return dict(zip(names, np.asarray(values, float).tolist(), strict=True))

    told = {
        "experiments": n,
        "converged": sum(row["result"] == "converged" for row in rows),
        "pull_mean": named(pulls.mean(axis=0)),
        "pull_mean_sigma": 1.0 / np.sqrt(n),
        "coverage_68": named((np.abs(pulls) < 1.0).mean(axis=0)),
        "relative_error": named(np.sqrt((errors**2).mean(axis=0))),
        "prediction_share": named(np.sqrt((share**2).mean(axis=0))),
        "prediction_share_max": named(share.max(axis=0, initial=0.0)),
        "seconds": float(np.median([row["seconds"] for row in rows[first:]])),
        "seconds_first": rows[first]["seconds"],
        "iterations": float(np.median([row["iterations"] for row in rows])),
        "goodness_sigma_max": max(row["goodness"] for row in rows),
        "goodness_sigma_min": min(row["goodness"] for row in rows),
        "poor_fits": sum(row["result"] == "poor fit" for row in rows),
        "held_pull_max": _largest([row.get("held", {}) for row in rows]),
        "peak_memory_gb": peak_memory_gb(),
    }
    if n > 1:
        told |= {"pull_width": named(pulls.std(axis=0, ddof=1)), "pull_width_sigma": 1.0 / np.sqrt(2.0 * n)}
        told |= {"spread_over_cramer_rao": named(relative.std(axis=0, ddof=1) / bound)}
    for name in rows[0]:
        if name.startswith(("efficiency_", "time_offset_", "transit_time_spread_")):
            told[name] = float(np.mean([row[name] for row in rows]))
    if "efficiency_rms_over_floor" in told:
        # charges of single photoelectrons scatter too, which no estimator can undo
        resolution = float(np.sqrt(1.0 + float(lp.catalog.load("SK").sensors.charge_spread) ** 2))
        told["charge_resolution_factor"] = resolution
        told["efficiency_rms_over_floor_with_charge_resolution"] = told["efficiency_rms_over_floor"] / resolution
    return told | {"each": rows}


def _largest(rows: list[dict[str, float]]) -> dict[str, float]:
    """The largest size of each number over the experiments."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: max(abs(row.get(name, 0.0)) for row in rows) for name in names}


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument(
        "campaigns", nargs="+", choices=["optics", "efficiencies", "joint", "wavelengths", "times", "mismodelled"]
    )
    options.add_argument("--experiments", type=int, default=50)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--resume", action="store_true", help="keep the experiments already in the file")
    options.add_argument(
        "--timed", action="store_true", help="time one calibration after compilation, with no other beside it"
    )
    chosen = options.parse_args()
    for campaign in chosen.campaigns if chosen.timed else ():
        lap = timed(campaign, jax.random.fold_in(jax.random.key(chosen.seed), 0))
        record(
            "calibration",
            {f"{campaign}_timed": {"photons": 1e7}},
            chosen.seed,
            {f"{campaign}_timed": lap},
            keep=True,
            whole=(f"{campaign}_timed",),
        )
    if chosen.timed:
        return
    file = RESULTS / "calibration.json"
    known = json.loads(file.read_text())["figures"] if file.exists() else {}
    for campaign in chosen.campaigns:
        rows = known.get(campaign, {}).get("each", []) if chosen.resume else []
        first = len(rows)
        for number in range(first, chosen.experiments):
            rows.append(experiment(campaign, jax.random.fold_in(jax.random.key(chosen.seed), number)))
            print(campaign, number, rows[-1], flush=True)
            settings = {campaign: {"experiments": chosen.experiments, "photons": 1e7}}
            record("calibration", settings, chosen.seed, {campaign: figures(rows, first)}, keep=True, whole=(campaign,))


if __name__ == "__main__":
    main()
