"""Calibrations of a tank with one laser: another optimiser, several starts with a map of chi-square, and light levels.

    python benchmarks/calibration_trials.py adam starts light_level

The tank of `calibration_tracks.py` (12 x 12 m, 1016 tubes), all of equal efficiency; one laser of 1e6 photons of 405 nm
points down. Four optical parameters are fitted from starts half off; data come from Monte Carlo.

`adam`: the same data and the same start for `lp.calibrate` and for Adam on the Poisson likelihood of the charges, whose
expectation is made of new rays at every step (`ExpectedValue`, 2^15 rays, 6 steps). `starts`: values at every iteration
of fits from four starts, and chi-square of the data over absorption length and reflectance of the wall. `light_level`:
noise of the prediction over the statistical error, for several numbers of photons and of paths. The last two are drawn in
docs/_static/calibration_trials.png (`--draw` draws what is in the file).
"""

import argparse
import json
import time
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from _record import RESULTS, record
from calibration_tracks import COUNT, TRUE, tank

import lampyris as lp
from lampyris.fit.blocks import solve
from lampyris.fit.calibration_problem import make_problem
from lampyris.fit.calibration_step import LAST, draw, measure
from lampyris.fit.free import FreeParameters, Rebuild
from lampyris.response import Hits
from lampyris.transport import ExpectedValue
from lampyris.transport.paths import enough_steps

OPTICS = ("medium.absorption_length", "medium.scatterers.0.length", "wall.reflectance", "sensors.surface.reflectance")
SENSOR = 0.15
SETTINGS = lp.CalibrationSettings(paths=2**20)
FIGURE = Path(__file__).parents[1] / "docs" / "_static" / "calibration_trials.png"
ADAM_STEPS, ADAM_RATE, ADAM_RAYS = 300, 0.03, 2**15


def laser(photons: float) -> lp.Laser:
    return lp.Laser([0.0, 0.0, 5.9], [0.0, 0.0, -1.0], 405.0, photons)


def world(factors=(1.0, 1.0, 1.0, 1.0)) -> lp.Detector:
    made = tank([value * factor for value, factor in zip(TRUE, factors[:3], strict=True)], np.ones(COUNT))
    return eqx.tree_at(lambda d: d.sensors.surface.reflectance.value, made, jnp.asarray(SENSOR * factors[3], float))


def truth() -> dict[str, float]:
    return dict(zip(OPTICS, (*TRUE, SENSOR), strict=True))


def bounds(fit: lp.Calibration) -> np.ndarray:
    """Errors of a fit without the noise of its paths."""
    return fit.errors / np.sqrt(1.0 + fit.prediction_share**2)


def adam(key) -> dict:
    """Both optimisers; times are those of a second run, with all compiled."""
    lamp, start = laser(1e6), world((1.5, 0.5, 1.5, 0.5))
    hits = lp.simulate(world(), lamp, key=key)
    for _ in range(2):
        fit = lp.calibrate(start, [lp.Run(lamp, hits)], OPTICS, settings=SETTINGS)
    true = np.array(list(truth().values()))
    steps, seconds, values = _adam(start, lamp, hits)
    return {
        "second_order": {
            "seconds": fit.statistics["seconds"],
            "iterations": fit.statistics["iterations"],
            "away_over_cramer_rao": named((fit.values - true) / bounds(fit)),
        },
        "adam": {
            "seconds": seconds,
            "steps": steps,
            "rate": ADAM_RATE,
            "rays": ADAM_RAYS,
            "away_over_cramer_rao": named((values[-1] - true) / bounds(fit)),
            "scatter_of_last_50_over_cramer_rao": named(values[-50:].std(axis=0) / bounds(fit)),
        },
        "cramer_rao_relative": named(bounds(fit) / true),
    }


def _adam(start: lp.Detector, lamp: lp.Laser, hits: Hits) -> tuple[int, float, np.ndarray]:
    """Number of steps, seconds without compilation, values after every step."""
    free = FreeParameters.of(start, OPTICS)
    transport = ExpectedValue(rays=ADAM_RAYS, steps=6).prepared(start)
    rebuild, charge = Rebuild(free), jnp.asarray(hits.charge, float)

    @eqx.filter_jit
    def slope(theta, shifts):
        def loss(step):
            rays = eqx.tree_at(lambda t: t.shifts, transport, shifts)
            mean = jnp.maximum(rays(lamp, rebuild(step)).total_charge, 1e-6)
            return (mean - charge * jnp.log(mean)).sum() / charge.sum()

        return jax.grad(loss)(theta)

    draw = np.random.default_rng(0)
    theta, first, second, told = np.zeros(free.count), np.zeros(free.count), np.zeros(free.count), []
    slope(jnp.asarray(theta, float), transport.shifts).block_until_ready()
    begin = time.perf_counter()
    for number in range(1, ADAM_STEPS + 1):
        new = jnp.asarray(draw.random(transport.shifts.shape), float)
        gradient = np.asarray(slope(jnp.asarray(theta, float), new), float)
        first, second = 0.9 * first + 0.1 * gradient, 0.999 * second + 0.001 * gradient**2
        theta = theta - ADAM_RATE * (first / (1 - 0.9**number)) / (np.sqrt(second / (1 - 0.999**number)) + 1e-12)
        told.append(theta)
    seconds = time.perf_counter() - begin
    return ADAM_STEPS, seconds, np.array([free.values(step, 405.0)[0] for step in told])


def starts(key) -> dict:
    """Trajectories, and chi-square over two parameters with the others at the truth."""
    lamp = laser(1e6)
    run = lp.Run(lamp, lp.simulate(world(), lamp, key=key))
    ways = []
    for factors in ((0.5, 0.5, 0.5, 0.5), (1.5, 0.5, 1.5, 0.5), (0.5, 1.5, 1.5, 1.5), (1.5, 1.5, 0.5, 1.5)):
        fit = lp.calibrate(world(factors), [run], OPTICS, settings=SETTINGS)
        begin = {name: value * factor for (name, value), factor in zip(truth().items(), factors, strict=True)}
        ways.append([begin, *({name: row[name] for name in OPTICS} for row in fit.history)])
    ends = np.array([list(way[-1].values()) for way in ways])
    axes = (np.linspace(0.5, 1.5, 7), np.linspace(0.5, 1.5, 7))
    return {
        "truth": truth(),
        "error": named(fit.errors),
        "ends_apart_over_error_max": float((np.ptp(ends, axis=0) / fit.errors).max()),
        "iterations": [len(way) - 1 for way in ways],
        "ways": ways,
        "map": {"factors": axes[0].tolist(), "chi_square": _map(run, axes)},
    }


def _map(run: lp.Run, axes) -> list[list[float]]:
    """Chi-square of charges and times, their covariance that at the truth; rows over absorption, columns over the wall."""
    problem = make_problem(world(), [run], OPTICS, SETTINGS)
    state = problem.start()
    size = (2**19, enough_steps(run.source, world(), key=jax.random.key(0)))
    prepared = draw(problem, state, size, jax.random.key(1))
    inverse = np.linalg.inv(measure(problem, state, prepared, LAST)[1][0].scatter)

    def chi_square(absorption: float, wall: float) -> float:
        odds = np.log(TRUE[2] * wall / (1.0 - TRUE[2] * wall)) - np.log(TRUE[2] / (1.0 - TRUE[2]))
        moved = state._replace(theta=np.array([np.log(absorption), 0.0, odds, 0.0]))
        residual = measure(problem, moved, prepared, LAST)[1][0].residual.mean(axis=0)
        return float(np.einsum("ci,cij,cj->", residual, inverse, residual))

    return [[chi_square(absorption, wall) for wall in axes[1]] for absorption in axes[0]]


def light_level(_) -> dict:
    """Noise of the prediction over the statistical error at the truth, and the light at which they are equal."""
    nothing = np.zeros(COUNT)
    rows, take_over = [], {}
    for log_paths in (16, 18, 20):
        for photons in (1e5, 1e6, 1e7, 1e8):
            lamp = laser(photons)
            problem = make_problem(world(), [lp.Run(lamp, Hits(nothing, nothing, nothing > 0))], OPTICS, SETTINGS)
            state = problem.start()
            size = (2**log_paths, enough_steps(lamp, world(), key=jax.random.key(0)))
            step = solve(measure(problem, state, draw(problem, state, size, jax.random.key(2)), LAST)[0])
            noise = np.diag(step.path_noise)
            share = np.sqrt(noise / (np.diag(step.covariance) - noise))
            rows.append({"photons": photons, "paths": 2**log_paths, "share": named(share)})
        worst = [max(row["share"].values()) for row in rows[-4:]]
        # shares grow with the light; between the levels as a power of it
        level = np.exp(np.interp(0.0, np.log(worst), np.log([row["photons"] for row in rows[-4:]])))
        take_over[str(2**log_paths)] = float(level)
    return {"scan": rows, "photons_of_equal_noise": take_over}


def show(figures: dict) -> None:
    """Ways of the starts over the map of chi-square and by iteration, and the noise of the paths against the light."""
    from matplotlib.figure import Figure

    sheet = Figure(figsize=(13.0, 4.0), layout="constrained")
    over, by_step, noise = sheet.subplots(1, 3)
    sheet.colorbar(_draw_map(over, figures["starts"]), ax=over, label="log10 of chi-square above the least + 10")
    _draw_ways(by_step, figures["starts"])
    _draw_noise(noise, figures["light_level"]["scan"])
    for panel in (over, by_step, noise):
        panel.legend(fontsize=7)
    sheet.savefig(FIGURE, dpi=110)


def _ways(found: dict) -> list[np.ndarray]:
    """Parameters over the truth (iterations, parameters), for each start."""
    return [np.array([[row[path] / found["truth"][path] for path in OPTICS] for row in way]) for way in found["ways"]]


def _draw_map(panel, found: dict):
    factors, chi_square = found["map"]["factors"], np.array(found["map"]["chi_square"])
    above = np.log10(chi_square - chi_square.min() + 10.0)
    image = panel.pcolormesh(factors, factors, above.T, cmap="Greys_r", shading="gouraud")
    for number, steps in enumerate(_ways(found)):
        panel.plot(steps[:, 0], steps[:, 2], "o-", markersize=3, linewidth=1.0, label=f"start {number + 1}")
    panel.set(xlabel=f"{OPTICS[0]} / truth", ylabel=f"{OPTICS[2]} / truth", xlim=(0.4, 1.6), ylim=(0.4, 1.6))
    return image


def _draw_ways(panel, found: dict) -> None:
    for number, steps in enumerate(_ways(found)):
        for column, path in enumerate(OPTICS):
            label = path if number == 0 else None
            panel.plot(steps[:, column], "o-", markersize=3, linewidth=1.0, color=f"C{column}", label=label)
    panel.set(xlabel="iteration", ylabel="parameter / truth", ylim=(0.2, 1.7))


def _draw_noise(panel, scan: list[dict]) -> None:
    for paths in sorted({row["paths"] for row in scan}):
        rows = [row for row in scan if row["paths"] == paths]
        worst = [max(row["share"].values()) for row in rows]
        panel.loglog([row["photons"] for row in rows], worst, "o-", label=f"{paths} paths")
    panel.axhline(1.0, color="#888888", linewidth=0.8)
    panel.set(xlabel="photons of the laser", ylabel="noise of the paths / statistical error")


def named(values) -> dict[str, float]:
    return dict(zip(OPTICS, np.asarray(values, float).tolist(), strict=True))


def main() -> None:
    options = argparse.ArgumentParser()
    trials = {"adam": adam, "starts": starts, "light_level": light_level}
    options.add_argument("trials", nargs="*", help=", ".join(trials))
    options.add_argument("--draw", action="store_true", help="draw what is in the file already")
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    if not set(chosen.trials) <= set(trials) or not (chosen.trials or chosen.draw):
        options.error(f"name trials among {', '.join(trials)}, or ask for --draw")
    for name in chosen.trials:
        found = trials[name](jax.random.key(chosen.seed))
        print(name, found, flush=True)
        record("calibration", {name: {"photons": 1e6}}, chosen.seed, {name: found}, keep=True)
    known = json.loads((RESULTS / "calibration.json").read_text())["figures"]
    if {"starts", "light_level"} <= set(known):
        show(known)


if __name__ == "__main__":
    main()
