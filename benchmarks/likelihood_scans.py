"""Scans of the likelihood of one event in every parameter of the track and of the optics, value and gradient.

    python benchmarks/likelihood_scans.py [--seed 1] [--points 33]

The event is a whole muon of the built-in engine in SK, by Monte Carlo; the prediction is `Hybrid` with the rays of fits, about
the true track. Two Simpson steps compare the gradient, integrated, with the differences of the values; the lines are in
docs/_static.
"""

import argparse
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from _record import peak_memory_gb, record

import lampyris as lp
from lampyris.fit.parameters import SCALES, moved
from lampyris.fit.problem import fine_transport
from lampyris.likelihood.channel import observe
from lampyris.likelihood.event import Charges, Dispersion, likelihood_terms

FIGURE = Path(__file__).parents[1] / "docs" / "_static" / "likelihood_scans.png"
TRACK = {"energy [%]": 100.0 * SCALES[0], "x [m]": SCALES[1], "y [m]": SCALES[2], "z [m]": SCALES[3]}
TRACK |= {"theta [rad]": SCALES[4], "phi [rad]": SCALES[5], "time [ns]": SCALES[6]}
REACH = {"energy [%]": 4.0, "theta [rad]": 3.0, "phi [rad]": 3.0, "time [ns]": 4.0}
"""How far the scans go, in the steps of a fit; else 2.5"""
OPTICS = {
    "absorption length": (lambda d: d.medium.absorption_length.value, 0.6),
    "Rayleigh length": (lambda d: d.medium.scatterers[0].length.value, 0.6),
    "Mie length": (lambda d: d.medium.scatterers[1].length.value, 1.5),
    "wall reflectance": (lambda d: d.wall.reflectance.value, 1.0),
    "sensor reflectance": (lambda d: d.sensors.surface.reflectance.value, 0.4),
    "quantum efficiency": (lambda d: d.sensors.quantum_efficiency.value, 0.1),
}
"""Where, and how far the logarithm of its factor goes"""


def likelihood_along(name: str, track: lp.Track, detector: lp.Detector, seen):
    """Terms of the log-likelihood and their slopes as a function of one parameter, in its own units."""
    transport = fine_transport(detector)

    def terms(x):
        if name in TRACK:
            step = jnp.zeros(7).at[list(TRACK).index(name)].set(x / TRACK[name])
            source, world = moved(track, step), detector
        else:
            where = OPTICS[name][0]
            source, world = track, eqx.tree_at(where, detector, where(detector) * jnp.exp(x))
        expectation = transport(source, world)
        density, cumulative = expectation.density_and_cumulative(seen.time)
        rows = jnp.stack([expectation.total_charge, density, cumulative], axis=1)
        return likelihood_terms(rows, seen, Dispersion())

    return eqx.filter_jit(lambda x: jax.jvp(terms, (x,), (jnp.ones_like(x),)))


def scan(name: str, track: lp.Track, detector: lp.Detector, seen, points: int) -> dict:
    """Values and gradients at evenly spaced points about the truth, summed in double precision."""
    reach = REACH.get(name, 2.5) * TRACK[name] if name in TRACK else OPTICS[name][1]
    along, found = np.linspace(-reach, reach, points), []
    function = likelihood_along(name, track, detector, seen)
    for x in along:
        terms, slopes = function(jnp.asarray(x, jnp.float32))
        found.append((np.asarray(terms, float).sum(), np.asarray(slopes, float).sum()))
    value, slope = np.array(found).T
    pitch = along[1] - along[0]
    rise = value[2:] - value[:-2]
    integral = pitch / 3.0 * (slope[:-2] + 4.0 * slope[1:-1] + slope[2:])
    return {
        "x": along.tolist(),
        "value": (value - value.max()).tolist(),
        "gradient": slope.tolist(),
        "gradient_error_relative": float(np.abs(integral - rise).max() / np.abs(rise).max()),
        "maxima": int(((value[1:-1] > value[:-2]) & (value[1:-1] >= value[2:])).sum()),
    }


def draw(scans: dict) -> None:
    from matplotlib.figure import Figure

    sheet = Figure(figsize=(14.0, 9.0), layout="constrained")
    for panel, (name, rows) in zip(sheet.subplots(3, 5).ravel(), scans.items(), strict=False):
        along, value, slope = (np.array(rows[key]) for key in ("x", "value", "gradient"))
        panel.plot(along, value, "o-", markersize=3, color="#3b6ea5", label="log-likelihood")
        panel.set_title(name, fontsize=9)
        other = panel.twinx()
        other.plot(along, slope, "-", color="#c4572e", linewidth=1.2, label="its gradient")
        middle, differences = 0.5 * (along[1:] + along[:-1]), np.diff(value) / np.diff(along)
        other.plot(middle, differences, "x", color="#c4572e", markersize=4, label="differences of the value")
        for axis in (panel, other):
            axis.tick_params(labelsize=7)
        if name == next(iter(scans)):
            lines = panel.get_lines() + other.get_lines()
            panel.legend(lines, [line.get_label() for line in lines], fontsize=7)
    for panel in sheet.axes[len(scans) :]:
        if not panel.has_data():
            panel.set_axis_off()
    sheet.suptitle("One 1 GeV muon in SK: log-likelihood (blue) and gradient (red) along each parameter", fontsize=11)
    FIGURE.parent.mkdir(exist_ok=True)
    sheet.savefig(FIGURE, dpi=100)


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--points", type=int, default=33)
    chosen = options.parse_args()
    detector = lp.catalog.load("SK")
    track = lp.Track("mu-", 1000.0, [2.0, -3.0, 4.0], [0.6, 0.0, 0.8], 0.0)
    hits = lp.simulate(detector, track, key=jax.random.key(chosen.seed))
    expected = eqx.filter_jit(lp.Hybrid())(track, detector)
    charges = Charges(np.asarray(expected.total_charge, float), np.asarray(expected.direct.charge, float))
    seen = observe(hits, detector.sensors, Dispersion().relative(charges))
    scans = {}
    for name in [*TRACK, *OPTICS]:
        scans[name] = scan(name, track, detector, seen, chosen.points)
        print(name, {k: v for k, v in scans[name].items() if not isinstance(v, list)}, flush=True)
    figures = {
        "gradient_error_relative_max": max(rows["gradient_error_relative"] for rows in scans.values()),
        "maxima_max": max(rows["maxima"] for rows in scans.values()),
        "scans": scans,
        "peak_memory_gb": peak_memory_gb(),
    }
    draw(scans)
    print(record("likelihood_scans", {"points": chosen.points}, chosen.seed, figures))


if __name__ == "__main__":
    main()
