"""The built-in engine against Geant4: yield, spread, emission distance, (angle, z) table and delays at all energies.

    python benchmarks/light.py [--events 150]

The tables of Geant4 hold 150 events per energy; every figure comes with the error that two such samples of the same
truth would show. `engine` compares what the tables would hold if they had been made from the engine's events: with steps
as long, as straight and turned into light as theirs (`_geant4_steps`). `engine_own_steps` compares the engine as it is,
whose shorter steps lose no light at the end of electrons and bend. Of the tables the total variation distance is given,
with the part that event-to-event fluctuations alone would make: in the finest merging of bins where that part is below
0.5 % (where no merging reaches it, in the one that comes nearest), and in fixed bins the part that exceeds it. The mean
tables of all energies together (`table_tv_pooled`) fluctuate less, so that they show differences in finer bins.
"""

import argparse
import time
from pathlib import Path

import jax
import numpy as np
from _geant4_steps import FINE, FINE_UP_TO, PRODUCTION_CUT, fine_steps, light_by_ends, merge_steps
from _record import record
from _tables import BINS, GEANT4_EVENTS, STATISTICAL, brightest, chi_square, distances, mean_delays, pooled

from lampyris.data.events import unpack_steps
from lampyris.emission.tabulate import YieldTable, sample_flashes
from lampyris.particle.energy_loss import beta_of
from lampyris.particle.engine import particle_columns
from lampyris.particle.material import WATER
from lampyris.particle.rates import restricted_range
from lampyris.units import ELECTRON_MASS

DATA = Path(__file__).parents[1] / "data"
PHOTONS = 1.5e6


def tables(particle: str):
    return np.load(DATA / f"geant4_water_{particle}_tables.npz")


def energies(archive) -> list[int]:
    return sorted({int(name.split("_")[1][:-3]) for name in archive.files if "MeV" in name})


def geant4_yields() -> YieldTable:
    """Light with the refractive index of the tables."""
    edges = np.linspace(1.84, 4.51, 101)
    index = [1.333, 1.334, 1.335, 1.337, 1.338, 1.339, 1.340, 1.342, 1.343, 1.345]
    knots = [1.84, 2.07, 2.48, 2.76, 3.10, 3.31, 3.54, 3.81, 4.13, 4.51]
    return YieldTable.of_index(np.interp(0.5 * (edges[1:] + edges[:-1]), knots, index), edges[1] - edges[0])


def delay_error(flashes, edges: np.ndarray, expected: np.ndarray, light: np.ndarray, events: int) -> dict[str, float]:
    """Root mean square difference [ps] of the mean delays in the z bins that hold 90 % of the light, and what
    fluctuations of both samples alone would make of it."""
    delay, error = mean_delays(flashes.event, np.digitize(flashes.z, edges) - 1, flashes.delay(), len(light))
    core = brightest(light)
    both = 1.0 + events / GEANT4_EVENTS
    squares = ((delay - expected)[core] ** 2, both * error[core] ** 2)
    seen, statistical = (1e3 * float(np.sqrt(np.average(square, weights=light[core]))) for square in squares)
    return {"delay_ps": seen, "delay_statistical_ps": statistical}


def compare(particle: str, energy: int, archive, columns: dict, light: np.ndarray, yields: YieldTable):
    """All figures of one energy, from steps and the light of each; and its tables as `pooled` takes them."""
    events = int(columns["event"].max()) + 1
    random = np.random.default_rng(energy)
    flashes = sample_flashes(columns, yields, PHOTONS, random)
    prefix = f"{particle}_{energy}MeV_"
    counts = archive[prefix + "angle_z"].astype(float)
    edges = archive["z_over_zmax_edges"] * float(archive[prefix + "z_max_mm"]) * 1e-3
    middle = 0.5 * (edges[1:] + edges[:-1])
    bins = [archive["angle_edges"], edges]
    ours = np.histogram2d(flashes.angle, flashes.z, bins=bins)[0]
    halves = []
    for _ in range(4):
        own = (random.permutation(events) < events // 2)[flashes.event]
        halves.append(np.histogram2d(flashes.angle[own], flashes.z[own], bins=bins)[0])
    theirs = archive[prefix + "photons_per_event"].astype(float)
    per_event = random.poisson(np.bincount(columns["event"], light, minlength=events)).astype(float)
    place = [float((table.sum(axis=0) * middle).sum() / table.sum()) for table in (ours, counts)]
    by_event = np.bincount(flashes.event, flashes.z, minlength=events)
    by_event = by_event / np.maximum(np.bincount(flashes.event, minlength=events), 1)
    both = 1.0 / events + 1.0 / GEANT4_EVENTS
    relative = per_event.std(ddof=1) / per_event.mean()
    row = {
        "energy": energy,
        "yield_percent": 100 * (per_event.mean() / theirs.mean() - 1.0),
        "yield_sigma": 100 * relative * np.sqrt(both),
        "spread_percent": 100 * (relative / (theirs.std(ddof=1) / theirs.mean()) - 1.0),
        "spread_sigma": 100 * np.sqrt(both / 2.0),
        "distance_percent": 100 * (place[0] / place[1] - 1.0),
        "distance_sigma": 100 * float(by_event.std() * np.sqrt(both) / place[1]),
        **delay_error(flashes, edges, archive[prefix + "delay_mean"], counts.sum(axis=0), events),
        "variation": distances(ours, halves, counts, events),
    }
    return row, (ours, halves, counts, events)


def rule_of_ends(particle: str, yields: YieldTable) -> float:
    """Light that the rule of the tables loses in electrons, from whole Geant4 events [%].

    The truth is the light of a continuous slowing-down over the length of each step.
    """
    table = restricted_range(WATER, PRODUCTION_CUT, -1)
    energy = np.geomspace(0.01, 30.0, 4000)
    path, light = table.range(energy), yields.at(beta_of(energy, ELECTRON_MASS))
    pieces = 0.5 * (light[1:] + light[:-1]) * np.diff(path)
    cumulative = np.concatenate([[0.0], np.cumsum(pieces)])
    rule, exact = 0.0, 0.0
    for _, steps in unpack_steps(DATA / f"geant4_water_{particle}_events.npz"):
        first, last, length = (a.astype(float) for a in (steps.beta_start, steps.beta_end, steps.length))
        by_rule = 0.5 * (yields.at(first) + yields.at(last)) * length
        kinetic = ELECTRON_MASS * (1.0 / np.sqrt(np.clip(1.0 - first**2, 1e-13, 1.0)) - 1.0)
        slow = (np.abs(steps.pdg) == 11) & (kinetic < 20.0) & (kinetic > 0.02)
        begin = table.range(kinetic[slow])
        end = np.maximum(begin - length[slow], path[0])
        smooth = by_rule.copy()
        smooth[slow] = np.interp(begin, path, cumulative) - np.interp(end, path, cumulative)
        rule, exact = rule + by_rule.sum(), exact + smooth.sum()
    return 100.0 * (exact / rule - 1.0)


def seconds_per_event(particle: str, energy: float) -> dict:
    """Processor time [s] of an event with all secondaries, one at a time and in a batch; the median of several."""
    key, figures = jax.random.key(0), {}
    for name, count, repeats in (("alone", 1, 30), ("batch_of_50", 50, 3)):
        particle_columns(particle, np.full(count, energy), key=key)
        taken = []
        for number in range(repeats):
            start = time.process_time()
            particle_columns(particle, np.full(count, energy), key=jax.random.fold_in(key, number))
            taken.append((time.process_time() - start) / count)
        figures[name] = float(np.median(taken))
    return figures


def summary(compared: list[tuple]) -> dict:
    """Largest figures over the energies, and the mean of each difference with its error."""
    rows = [row for row, _ in compared]
    figures: dict = {"energies": len(rows), "table_tv_pooled": pooled([table for _, table in compared])}
    for name in ("yield", "spread", "distance"):
        value = np.array([row[f"{name}_percent"] for row in rows])
        sigma = np.array([row[f"{name}_sigma"] for row in rows])
        figures[f"{name}_error_percent_max"] = float(np.abs(value).max())
        figures[f"{name}_error_percent_mean"] = float(np.average(value, weights=sigma**-2))
        figures[f"{name}_error_percent_mean_sigma"] = float((sigma**-2).sum() ** -0.5)
        figures[f"{name}_beyond_criterion_by_sigma_max"] = float(
            np.max((np.abs(value) - {"yield": 1.0, "spread": 15.0, "distance": 1.0}[name]) / sigma)
        )
        figures[f"{name}_pulls"] = chi_square(rows, f"{name}_percent", f"{name}_sigma")
    excess = {name: [row["variation"][name]["excess"] for row in rows] for name in BINS}
    figures["table_tv_excess_percent_median"] = {name: float(np.median(values)) for name, values in excess.items()}
    chosen = [row["variation"]["merged"] for row in rows]
    figures["table_tv_percent_max"] = float(max(row["percent"] for row in chosen))
    figures["table_tv_percent_median"] = float(np.median([row["percent"] for row in chosen]))
    figures["table_tv_statistical_percent_max"] = float(max(row["statistical"] for row in chosen))
    figures["table_tv_bins_median"] = float(np.median([360 / row["bins"][0] * 400 // row["bins"][1] for row in chosen]))
    latest = max(rows, key=lambda row: row["delay_ps"])
    figures["delay_error_ps_max"] = latest["delay_ps"]
    figures["delay_error_ps_max_statistical"] = latest["delay_statistical_ps"]
    return figures | {"each": rows}


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--events", type=int, default=150)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--particles", nargs="+", default=["mu-", "e-"])
    chosen = options.parse_args()
    yields, same, own, seconds = geant4_yields(), {}, {}, {}
    for particle in chosen.particles:
        archive, rows, own_rows = tables(particle), [], []
        seconds[f"{particle}_1000"] = seconds_per_event(particle, 1000.0)
        for energy in energies(archive):
            key = jax.random.fold_in(jax.random.key(chosen.seed), energy)
            columns = particle_columns(particle, np.full(chosen.events, float(energy)), key=key)
            own_rows.append(compare(particle, energy, archive, columns, yields.light(columns), yields))
            with fine_steps(energy):
                columns = particle_columns(particle, np.full(chosen.events, float(energy)), key=key)
            columns = merge_steps(columns, yields, energy)
            rows.append(compare(particle, energy, archive, columns, light_by_ends(columns, yields), yields))
            print(particle, {name: value for name, value in rows[-1][0].items() if name != "variation"}, flush=True)
        same[particle] = summary(rows) | {"rule_of_ends_percent": rule_of_ends(particle, yields)}
        own[particle] = summary(own_rows)
    settings = {
        "fine_steps": {"up_to_mev": FINE_UP_TO, "loss_and_metres": FINE},
        "events": chosen.events,
        "geant4_events": GEANT4_EVENTS,
        "bins": BINS,
        "statistical_percent": STATISTICAL,
    }
    figures = {"engine": same, "engine_own_steps": own, "engine_seconds_per_event": seconds}
    print(record("light", settings, chosen.seed, figures, keep=True))


if __name__ == "__main__":
    main()
