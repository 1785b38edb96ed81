"""Where to put the tubes of a tank in a beam: the best layout of a fixed number, and what reconstruction makes of it.

    python benchmarks/design.py [--events 200] [--seed 1]

A cylinder of water, 8 m across and 6 m high, with 504 tubes of 8 inches; muons of 300 to 600 MeV start in its middle part and
fly within 40 degrees of the beam, which is the x axis. `lampyris.design` shares the tubes out over 1952 places so that the
expected error of the vertex is small, alike on both sides of the beam. Then whole muons of the built-in engine, other than
those of the search, are carried by Monte Carlo with an even and with the best layout, the same ones, and reconstructed.
Figures go into `design.json`, the picture of the layout into `docs/_static/design.png`.
"""

import argparse
import time
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
from _record import peak_memory_gb, record

import lampyris as lp
from lampyris.catalog.efficiency import tube_20_inch
from lampyris.catalog.media import water_sk
from lampyris.fit.design import numbered, spread, whole
from lampyris.fit.parameters import differences
from lampyris.layout import barrel, caps, join
from lampyris.surface import Lambertian

SHAPE = lp.Cylinder(4.0, 6.0)
PLACED = join(barrel(SHAPE, 72, 16, 0.35, 0.375), caps(SHAPE, 400, 0.33))
COUNT = 504
PICTURE = Path(__file__).parents[1] / "docs" / "_static" / "design.png"


def candidates() -> lp.Detector:
    """The tank with a tube at every place where one could stand."""
    position, normal = map(jnp.asarray, PLACED)
    sensors = lp.make_sensors(
        position,
        normal,
        0.1016,
        tube_20_inch(),
        surface=Lambertian(0.2),
        transit_time_spread=1.0,
        charge_spread=0.4,
        dark_rate=3.0,
    )
    return lp.Detector(SHAPE, water_sk(), Lambertian(0.1), sensors, name="beam tank")


def zones(detector: lp.Detector) -> np.ndarray:
    """Places that are alike for the beam: the same at both signs of y and of z; squares of about 0.8 m."""
    x, y, z = np.asarray(detector.sensors.position, float).T
    on_cap = np.abs(np.asarray(detector.sensors.normal)[:, 2]) > 0.5
    about = np.arctan2(np.abs(y), x) // (np.pi / 12.0)
    return np.where(on_cap, 1000 + 10 * ((x + 4.0) // 1.0) + np.abs(y) // 1.0, 10 * about + np.abs(z) // 0.75).astype(
        int
    )


def muons(count: int, draw: np.random.Generator) -> list[lp.Track]:
    """Muons of the beam."""
    tracks = []
    for _ in range(count):
        lean, turn = np.arccos(draw.uniform(np.cos(np.radians(40.0)), 1.0)), draw.uniform(0.0, 2.0 * np.pi)
        way = [np.cos(lean), np.sin(lean) * np.cos(turn), np.sin(lean) * np.sin(turn)]
        across, angle = 2.0 * np.sqrt(draw.uniform()), draw.uniform(0.0, 2.0 * np.pi)
        place = [across * np.cos(angle) - 1.0, across * np.sin(angle), draw.uniform(-1.5, 1.5)]
        tracks.append(lp.Track("mu-", draw.uniform(300.0, 600.0), place, way, draw.uniform(-15.0, 15.0)))
    return tracks


def measured(detector: lp.Detector, tracks: list[lp.Track], seed: int) -> dict:
    """Resolutions of reconstruction, and their errors by resampling the events."""
    rows, converged = [], 0
    for number, track in enumerate(tracks):
        hits = lp.simulate(detector, track, key=jax.random.fold_in(jax.random.key(seed), number))
        fit = lp.reconstruct(detector, hits)
        converged += fit.result == "converged"
        away = differences(fit.value, track)
        cosine = np.clip(np.dot(np.asarray(fit.value.direction, float), np.asarray(track.direction, float)), -1.0, 1.0)
        vertex = 100.0 * float(np.linalg.norm(away[1:4]))
        rows.append([100.0 * abs(away[0]) / float(track.energy), vertex, float(np.degrees(np.arccos(cosine)))])
    table, draw = np.array(rows), np.random.default_rng(seed)
    again = [np.quantile(table[draw.integers(0, len(table), len(table))], 0.68, axis=0) for _ in range(400)]
    names = ("energy_q68_percent", "vertex_q68_cm", "direction_q68_deg")
    told = dict(zip(names, np.quantile(table, 0.68, axis=0).tolist(), strict=True))
    told |= dict(zip((f"{name}_error" for name in names), np.std(again, axis=0).tolist(), strict=True))
    return told | {"events": len(tracks), "converged": converged}


def even_layout(places: lp.Detector, alike: np.ndarray) -> lp.Detector:
    """As many tubes, the same share of every zone."""
    zone = numbered(alike, len(alike))
    size = np.bincount(zone)
    number = whole(size * COUNT / size.sum(), size, COUNT)
    chosen = spread(np.asarray(places.sensors.position, float), zone, number)
    return eqx.tree_at(lambda d: d.sensors, places, places.sensors.take(jnp.asarray(chosen)))


def draw_layout(found: lp.Design, detector: lp.Detector) -> None:
    """The wall unrolled: what one more tube at each place would gain, and the places that are chosen."""
    across, up = (np.asarray(axis, float) for axis in SHAPE.unroll(detector.sensors.position))
    figure, panel = plt.subplots(figsize=(9.0, 6.6), layout="constrained")
    color = 1e3 * found.gain
    shown = panel.scatter(across, up, c=color, s=30, marker="s", cmap="YlGnBu", vmax=1.8 * color.max(), linewidths=0)
    panel.scatter(across[found.chosen], up[found.chosen], s=7, color="#b3261e", linewidths=0)
    label = "one more tube in an even layout: error of the vertex smaller by [per mille]"
    figure.colorbar(
        shown,
        label=label,
        ticks=np.arange(0.0, color.max(), 0.5),
        orientation="horizontal",
        shrink=0.7,
        boundaries=np.linspace(0.0, color.max(), 50),
    )
    panel.set(aspect="equal", xlabel="along the unrolled wall, the beam leaves at 0 [m]", ylabel="[m]")
    panel.set_title(f"Places of {len(found.chosen)} tubes (red) that measure the vertex best")
    figure.savefig(PICTURE, dpi=120)


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--events", type=int, default=200)
    options.add_argument("--search", type=int, default=100, help="tracks that the search is made with")
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    draw, places = np.random.default_rng(chosen.seed), candidates()
    searched, alike = muons(chosen.search, draw), zones(places)
    begin = time.perf_counter()
    found = lp.design(places, COUNT, searched, figure="vertex", zones=alike)
    seconds = time.perf_counter() - begin
    print(found, flush=True)
    draw_layout(found, places)
    tracks, even = muons(chosen.events, draw), even_layout(places, alike)
    told = {name: measured(d, tracks, chosen.seed) for name, d in (("even", even), ("best", found.value))}
    expected = {
        name: {figure: float(np.exp(np.log(values).mean())) for figure, values in errors.items()}
        for name, errors in (("even", found.before), ("best", found.after))
    }
    figures = {
        "result": found.result,
        "candidates": places.sensors.count,
        "sensors": COUNT,
        "zones": len(np.unique(alike)),
        "search_seconds": seconds,
        "expected": expected,
        "reconstructed": told,
        "peak_memory_gb": peak_memory_gb(),
    }
    print(record("design", {"events": chosen.events, "search": chosen.search}, chosen.seed, figures))


if __name__ == "__main__":
    main()
