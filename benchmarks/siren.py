"""The learnt profiles against particles they have not seen, and their prediction against whole events in SK.

    python benchmarks/siren.py [--particles mu- e- ...] [--tables mu- e-] [--share 1.0] [--events 300]

At energies between those of the training new particles are simulated: yield, table, and slopes with energy follow from
them with errors from the fluctuations of events. Tables are compared after bins were merged until two samples of the same
truth differ by less than 0.5 %. `table`, for the particles of --tables, is what interpolation between the tables of the four
nearest energies of the training gives, with the cubic of Catmull and Rom. Predicted
charges are compared with photoelectrons of whole events. The summary stands in `light.json` too.
"""

import argparse
import json
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from _record import RESULTS, record
from _siren_charge import charge_of_events, draw_residuals

import lampyris as lp
from lampyris._host import on_host
from lampyris.emission import load_profile, profile_names
from lampyris.emission.light_table import Scale, energy_grid, events_at, make_row, simulate_light, sorted_light
from lampyris.emission.profile_file import SUFFIX
from lampyris.emission.tabulate import Flashes, YieldTable
from lampyris.emission.training import Recipe

UNSEEN = {"light": (15.0, 40.0, 120.0, 350.0, 1000.0, 2600.0), "heavy": (120.0, 200.0, 350.0, 600.0, 1000.0, 2600.0)}
MERGES = ((1, 1), (3, 2), (5, 4), (9, 8), (15, 16), (45, 32))
"""Bins of angle and along the track that are merged, finest first."""
SMALL = 0.5
RING = slice(72, 94)
"""Bins of angle about the ring: 36 to 47 degrees."""
STEP = 1.06
PLAIN = ("photons", "distance", "ring")


def merged(table: np.ndarray, angles: int, nodes: int) -> np.ndarray:
    return table.reshape(table.shape[0] // nodes, nodes, -1, angles).sum(axis=(1, 3))


def variation(first: np.ndarray, second: np.ndarray) -> float:
    """Total variation distance of two tables in per cent."""
    return 50.0 * float(np.abs(first / first.sum() - second / second.sum()).sum())


def halves(flashes: Flashes, events: int, length: float, edges: np.ndarray) -> list[np.ndarray]:
    """Tables of random halves of the events."""
    draw, tables = np.random.default_rng(0), []
    for _ in range(4):
        own = (draw.permutation(events) < events // 2)[flashes.event]
        part = Flashes(*(getattr(flashes, name)[own] for name in ("event", "z", "angle", "time")))
        tables.append(sorted_light(part, length, edges)[1])
    return tables


def distances(seen: np.ndarray, parts: list[np.ndarray], guesses: dict[str, np.ndarray]) -> dict:
    """Distance of each guess to what was seen, with bins merged until the statistical part is small."""
    for angles, nodes in MERGES:
        whole = merged(seen, angles, nodes)
        small = [merged(part, angles, nodes) for part in parts]
        statistical = 0.5 * float(np.mean([variation(part, whole - part) for part in small]))
        if statistical < SMALL:
            break
    found = {name: variation(merged(guess, angles, nodes), whole) for name, guess in guesses.items()}
    return found | {"statistical": statistical, "merged": f"{angles} x {nodes}"}


def plain_numbers(light: np.ndarray, flashes: Flashes) -> tuple[np.ndarray, np.ndarray]:
    """Photons, mean distance and share of the ring, with their errors from event to event."""
    count = np.bincount(flashes.event, minlength=len(light)).astype(float)
    inside = (flashes.angle > np.radians(36.0)) & (flashes.angle < np.radians(47.0))
    columns = [np.bincount(flashes.event, w, minlength=len(light)) for w in (flashes.z, inside.astype(float))]
    means = [column.sum() / count.sum() for column in columns]
    spread = [np.sqrt(((c - m * count) ** 2).sum()) / count.sum() for c, m in zip(columns, means, strict=True)]
    root = np.sqrt(len(light))
    return np.array([light.mean(), *means]), np.array([light.std(ddof=1) / root, *spread])


def predicted(profile, energy):
    """The same numbers of a profile."""
    nodes = profile.nodes(energy)
    total = nodes.light.sum()
    distance = (nodes.light.sum(axis=1) * nodes.distance).sum() / total
    return jnp.stack([profile.photons(energy), distance, nodes.light[:, RING].sum() / total])


def predicted_slope(profile, energy):
    return jax.jvp(lambda e: predicted(profile, e), (energy,), (jnp.ones(()),))[1]


def interpolated(profile, recipe: Recipe, energy: float, yields: YieldTable) -> np.ndarray:
    """The table between those of four energies of the training."""
    grid, key = energy_grid(recipe.low, recipe.high, recipe.energies), jax.random.key(recipe.seed + 1000)
    scale = Scale(profile.length, np.asarray(profile.edges, float))
    cell = int(np.clip(np.searchsorted(grid, energy) - 1, 1, len(grid) - 3))
    x = np.log(grid[cell - 1 : cell + 3])
    tables = [
        make_row(
            recipe.particle, e, events_at(e, recipe.events), recipe.photons, scale, yields, jax.random.fold_in(key, n)
        ).light
        for n, e in enumerate(grid[cell - 1 : cell + 3])
    ]
    width, t = x[2] - x[1], (np.log(energy) - x[1]) / (x[2] - x[1])
    left, right = t * (1 - t) ** 2 * width / (x[2] - x[0]), t**2 * (t - 1) * width / (x[3] - x[1])
    h00, h01 = (1 + 2 * t) * (1 - t) ** 2, t**2 * (3 - 2 * t)
    weights = (-left, h00 - right, h01 + left, right)
    return np.maximum(sum(w * table for w, table in zip(weights, tables, strict=True)), 0.0)


def one_energy(profile, energy: float, events: int, photons: float, yields: YieldTable, key, with_table: bool) -> dict:
    """All figures of one particle at one energy."""
    particle, length, edges = profile.particle, float(profile.length.values(energy)), np.asarray(profile.edges, float)
    light, flashes = simulate_light(particle, energy, events, photons, yields, key)
    seen = sorted_light(flashes, length, edges)[1].astype(float)
    guesses = {"siren": np.asarray(on_host(lambda p, e: p.nodes(e).light, profile, energy), float)}
    if with_table:
        guesses["table"] = interpolated(profile, Recipe.of(particle), energy, yields)
    numbers, errors = plain_numbers(light, flashes)
    ours = on_host(predicted, profile, energy).astype(float)
    spread = float(profile.photons_rms.values(energy) / profile.photons.values(energy))
    ends = [
        plain_numbers(*simulate_light(particle, e, events // 2, 0.25 * photons, yields, jax.random.fold_in(key, n)))
        for n, e in ((1, energy / STEP), (2, energy * STEP))
    ]
    run = energy * STEP - energy / STEP
    slope, slope_error = (ends[1][0] - ends[0][0]) / run, np.hypot(ends[0][1], ends[1][1]) / run
    # the same difference of the profile says how much the curvature matters
    steep = on_host(predicted_slope, profile, energy).astype(float)
    chord = (on_host(predicted, profile, energy * STEP) - on_host(predicted, profile, energy / STEP)) / run
    return {
        "energy": energy,
        "events": events,
        **_named("error_percent", 100 * (ours / numbers - 1)),
        **_named("sigma_percent", 100 * errors / numbers),
        "spread_error_percent": float(100 * (spread / (light.std(ddof=1) / light.mean()) - 1)),
        "spread_sigma_percent": float(100 / np.sqrt(2 * events)),
        "delay_error_ps": delay_error(profile, energy, flashes),
        **_named("slope_pull", (chord - slope) / slope_error),
        "photons_slope_error_percent": float(100 * (chord[0] / slope[0] - 1)),
        "photons_slope_sigma_percent": float(100 * slope_error[0] / slope[0]),
        "photons_slope_curvature_percent": float(100 * (steep[0] / chord[0] - 1)),
        "table_tv_percent": distances(seen, halves(flashes, events, length, edges), guesses),
    }


def delay_error(profile, energy: float, flashes: Flashes) -> float:
    """Root mean square difference [ps] of the mean delays in the bins along the track that hold 90 % of the light."""
    edges, length = np.asarray(profile.edges, float), float(profile.length.values(energy))
    count = len(edges) - 1
    node = np.clip(np.searchsorted(edges, flashes.z / length) - 1, 0, count - 1)
    light = np.bincount(node, minlength=count)
    seen = np.bincount(node, flashes.delay(), count) / np.maximum(light, 1)
    ours = on_host(lambda p, e: p.shape.delays(p.photons.scaled(e), jnp.linspace(-1.0, 1.0, count))[0], profile, energy)
    order = np.argsort(-light)
    core = order[: np.searchsorted(np.cumsum(light[order]), 0.9 * light.sum()) + 1]
    return 1e3 * float(np.sqrt(np.average((ours[core] - seen[core]) ** 2, weights=light[core])))


def _named(ending: str, values: np.ndarray) -> dict[str, float]:
    return {f"{name}_{ending}": float(value) for name, value in zip(PLAIN, values, strict=True)}


def particle_figures(particle: str, share: float, seed: int, yields: YieldTable, with_table: bool) -> dict:
    profile, family = load_profile(particle), "light" if particle in ("e-", "e+", "gamma") else "heavy"
    recipe, rows = Recipe.of(particle), []
    for energy in UNSEEN[family]:
        key = jax.random.fold_in(jax.random.key(seed + 77), int(energy))
        events = max(int(share * 4 * events_at(energy, recipe.events)), 10)
        photons = 4e6 * min(max(share, 0.25), 1.0)
        rows.append(one_energy(profile, energy, events, photons, yields, key, with_table))
        print(particle, rows[-1], flush=True)
    error, sigma = (np.array([row[f"photons_{name}_percent"] for row in rows]) for name in ("error", "sigma"))
    pulls = np.array([[row[f"{name}_slope_pull"] for name in PLAIN] for row in rows])
    figures = {
        "yield_error_percent_max": float(np.abs(error).max()),
        "yield_beyond_criterion_by_sigma_max": float(np.max((np.abs(error) - 0.3) / sigma)),
        "spread_error_percent_max": max(abs(row["spread_error_percent"]) for row in rows),
        "distance_error_percent_max": max(abs(row["distance_error_percent"]) for row in rows),
        "delay_error_ps_max": max(row["delay_error_ps"] for row in rows),
        "table_tv_percent_max": max(row["table_tv_percent"]["siren"] for row in rows),
        "slope_pull_rms": float(np.sqrt((pulls**2).mean())),
        "file_kilobytes": (Path(lp.emission.__file__).parent / "tables" / f"{particle}{SUFFIX}").stat().st_size / 1000,
    }
    if "table" in rows[0]["table_tv_percent"]:
        figures["interpolated_table_tv_percent_max"] = max(row["table_tv_percent"]["table"] for row in rows)
    return figures | {"each": rows}


def profile_seconds(particle: str = "mu-") -> float:
    """Shortest of ten evaluations of a whole profile."""
    profile, evaluate = load_profile(particle), jax.jit(lambda p, e: p.nodes(e).light)
    jax.block_until_ready(evaluate(profile, jnp.asarray(500.0)))
    seconds = []
    for energy in np.linspace(500.0, 1500.0, 10):
        start = time.perf_counter()
        jax.block_until_ready(evaluate(profile, jnp.asarray(energy)))
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--particles", nargs="*", default=profile_names())
    options.add_argument("--tables", nargs="*", default=[], help="particles whose interpolated tables are compared too")
    options.add_argument("--share", type=float, default=1.0, help="of the usual number of particles")
    options.add_argument("--events", type=int, default=300, help="whole events in SK; 0: none")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--train-seconds", type=float, help="what `lampyris train mu- --json` told")
    chosen = options.parse_args()
    detector, path = lp.catalog.load("SK"), RESULTS / "siren.json"
    figures = json.loads(path.read_text())["figures"] if path.exists() else {"siren": {}}
    yields = YieldTable.of(detector.medium)
    for particle in chosen.particles:
        figures["siren"][particle] = particle_figures(
            particle, chosen.share, chosen.seed, yields, particle in chosen.tables
        )
    figures["siren_profile_seconds"] = profile_seconds()
    if chosen.train_seconds is not None:
        figures["train_minutes"] = chosen.train_seconds / 60.0
    if chosen.events > 0:
        rows = {p: charge_of_events(detector, p, 1000.0, chosen.events, chosen.seed) for p in ("mu-", "e-")}
        draw_residuals(rows, Path(__file__).parents[1] / "docs" / "_static" / "siren_residual.png")
        figures["charge_total_error_percent"] = {p: row["total_error_percent"] for p, row in rows.items()}
        figures["charge"] = {p: {n: v for n, v in row.items() if n != "profile"} for p, row in rows.items()}
    settings = {"share": chosen.share, "events": chosen.events, "merges": MERGES, "small_percent": SMALL}
    print(record("siren", settings, chosen.seed, figures))
    light = {name: value for name, value in figures.items() if name != "charge"}
    light["siren"] = {p: {n: v for n, v in row.items() if n != "each"} for p, row in figures["siren"].items()}
    print(record("light", {"siren": settings}, chosen.seed, light, keep=True))


if __name__ == "__main__":
    main()
