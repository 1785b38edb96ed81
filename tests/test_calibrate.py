"""Calibration: stored paths against Monte Carlo, fits of data with shot noise, resumption, bad input."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lampyris as lp
from lampyris.fit.blocks import Blocks, solve
from lampyris.fit.calibration_step import LONGEST, channel_quantiles, shortened
from lampyris.fit.free import FreeParameters, Rebuild
from lampyris.layout import box_panels
from lampyris.medium import Scatterer
from lampyris.phase import HenyeyGreenstein
from lampyris.surface import Mixture
from lampyris.transport.paths import draw_paths
from lampyris.transport.replay import replay

OPTICS = ("medium.absorption_length", "medium.scatterers.0.length", "wall.reflectance", "sensors.surface.reflectance")
TRUE = (20.0, 12.0, 0.3, 0.2)
SHAPE = lp.Box([4.0, 4.0, 5.0])
PLACED = box_panels(SHAPE, pitch=0.8, margin=0.4)
COUNT = len(PLACED[0])
SMALL = lp.CalibrationSettings(paths=2**16)


def world(optics=TRUE, **channels) -> lp.Detector:
    absorption, scattering, wall, sensor = optics
    medium = lp.Medium(1.34, absorption, (Scatterer(scattering, HenyeyGreenstein(0.3)),))
    settings = {"surface": Mixture(sensor, 0.5), "transit_time_spread": 1.5, "dark_rate": 5.0} | channels
    return lp.Detector(SHAPE, medium, Mixture(wall, 0.4), lp.make_sensors(*PLACED, 0.25, 0.25, **settings))


def lamps(count: int, photons: float) -> list[lp.Isotropic]:
    places = ([0.0, 0.0, 0.0], [1.0, 0.5, -1.5], [-1.2, 0.8, 1.0], [0.3, -1.3, 1.7])
    return [lp.Isotropic(place, 405.0, photons) for place in places[:count]]


def taken(detector: lp.Detector, sources, seed: int, flashes: int = 1) -> list[lp.Run]:
    keys, runs = jax.random.split(jax.random.key(seed), len(sources)), []
    for source, key in zip(sources, keys, strict=True):
        events = [lp.simulate(detector, source, key=own) for own in jax.random.split(key, flashes)]
        runs.append(lp.Run(source, lp.Hits(*(np.stack(column) for column in zip(*events, strict=True)))))
    return runs


@pytest.fixture(scope="module")
def paths():
    return draw_paths(lamps(2, 1e6)[1], world(), count=2**17, steps=8, key=jax.random.key(1))


def replayed(paths, detector, theta=None, names=()):
    free = FreeParameters.of(detector, names)
    step = jnp.zeros(free.count) if theta is None else jnp.asarray(theta, float)
    return replay(paths, Rebuild(free), step, jnp.full((COUNT, 1), 25.0)).summed()


def test_paths_carry_the_light_of_monte_carlo(paths):
    """Indirect light sensor by sensor, and what of it comes before 25 ns."""
    detector, source = world(), lamps(2, 1e6)[1]
    found = replayed(paths, detector)
    arrivals, _ = lp.MonteCarlo()(source, detector, key=jax.random.key(2))
    draw = np.random.default_rng(3)
    seen = ~arrivals.direct & (draw.random(len(arrivals.time)) < 0.25)
    early = seen & (arrivals.time + draw.normal(0.0, 1.5, len(seen)) < 25.0)
    for counted, mean, variance in (
        (seen, found.charge[:, 0], found.variance),
        (early, found.early[:, 0, 0], found.early_powers[:, 0, 0]),
    ):
        count = np.bincount(arrivals.channel[counted], minlength=COUNT)
        spread = np.asarray(mean + variance, float)
        away = count - np.asarray(mean, float)
        assert abs(away.sum()) < 4.0 * np.sqrt(spread.sum())
        assert abs((away**2 / spread).mean() - 1.0) < 4.0 * np.sqrt(2.0 / COUNT)


def test_replay_is_the_light_of_other_optics(paths):
    """Weights against paths that were drawn in the other detector."""
    other = world((15.0, 15.0, 0.36, 0.16))
    again = draw_paths(lamps(2, 1e6)[1], other, count=2**17, steps=8, key=jax.random.key(4))
    old, new = replayed(paths, other), replayed(again, other)
    variance = float((old.variance + new.variance).sum())
    # light that still flies is estimated in both: 0.2 % of the emitted light, to a tenth of itself
    slack = 2e-4 * float(new.charge[:, 0].sum())
    assert abs(float(old.charge[:, 0].sum() - new.charge[:, 0].sum())) < 4.0 * np.sqrt(variance) + slack
    assert 0.3 < float(old.effective / new.effective) < 1.0


def test_derivatives_of_replay(paths):
    """Against finite differences with the same paths; single precision leaves about 1e-3."""
    names = (*OPTICS, "medium.scatterers.0.phase.asymmetry", "wall.specular_fraction")
    detector, step = world(), 0.02
    slopes = np.asarray(replayed(paths, detector, names=names).charge[:, 1:]).sum(axis=0)
    for number in range(len(names)):
        away = np.zeros(len(names))
        away[number] = step
        up, down = (replayed(paths, detector, sign * away, names).charge[:, 0].sum() for sign in (1.0, -1.0))
        difference = float(up - down) / (2.0 * step)
        assert slopes[number] == pytest.approx(difference, rel=5e-3, abs=2e-4 * float(up))


def test_optics_and_channels_are_found():
    """Eighty weak flashes of four lamps, started off the truth, with unknown efficiencies, offsets and spreads."""
    draw = np.random.default_rng(5)
    true = {
        "relative_efficiency": 1.0 + 0.1 * draw.standard_normal(COUNT),
        "time_offset": draw.normal(0.0, 1.0, COUNT),
        "transit_time_spread": 1.5 * np.exp(0.1 * draw.standard_normal(COUNT)),
    }
    runs = taken(world(**true), lamps(4, 1e4), 6, flashes=20)
    free = [*OPTICS[:3], *(f"sensors.{name}" for name in true)]
    fit = lp.calibrate(world((26.0, 9.0, 0.22, 0.2)), runs, free)
    assert fit.result == "converged", str(fit)
    pulls = fit.pulls(dict(zip(OPTICS[:3], TRUE[:3], strict=True)))
    assert max(abs(pull) for pull in pulls.values()) < 4.0, pulls
    for name, values in true.items():
        pull = (np.asarray(getattr(fit.value.sensors, name)) - values) / fit.channel_errors[f"sensors.{name}"]
        # errors that all efficiencies share, from the optics, move them together; the rest is that of each channel
        shared = 3.0 if name == "relative_efficiency" else 0.2 + 4.0 * 1.25 / np.sqrt(COUNT)
        assert abs(np.median(pull)) < shared, name
        assert 0.5 < np.clip(pull - np.median(pull), -4.0, 4.0).std() < 1.3, name
    assert fit.prediction_share.max() < 0.5


def test_what_the_model_lacks_is_seen():
    """Efficiencies that fall from bottom to top in the data and not in the model: a poor fit, not a silent bias."""
    efficiency = 1.0 - 0.03 * np.asarray(PLACED[0])[:, 2]
    runs = taken(world(relative_efficiency=efficiency), lamps(1, 1e6), 7)
    fit = lp.calibrate(world(), runs, OPTICS[:1], settings=SMALL)
    assert fit.result == "poor fit", str(fit)


def test_a_number_that_is_held_wrongly_is_named():
    """Light of a model whose scattering leans more forward; the fitted lengths absorb it, and the residuals look well."""
    names = {"medium.scatterers.0.phase.asymmetry", "wall.specular_fraction", "sensors.surface.specular_fraction"}
    true, sources = world(), [*lamps(1, 1e6), lp.Laser([0.0, 0.0, 2.4], [0.0, 0.0, -1.0], 405.0, 1e6)]
    leaning = eqx.tree_at(lambda d: d.medium.scatterers[0].phase.asymmetry, true, jnp.asarray(0.36))
    for real, suspects in ((true, ()), (leaning, ("medium.scatterers.0.phase.asymmetry",))):
        fit = lp.calibrate(true, taken(real, sources, 15), OPTICS, settings=SMALL)
        held = {held.name: held for held in fit.held}
        assert names <= set(held)
        assert tuple(held.name for held in fit.suspects[:1]) == suspects, str(fit)
        assert fit.result == ("poor fit" if suspects else "converged")
    asked = held["medium.scatterers.0.phase.asymmetry"]
    assert fit.goodness.worst < 5.0
    assert abs(asked.asked - 0.36) < 4.0 * asked.error
    assert "was held at 0.3, but the data ask for" in str(fit)


class StopHereError(Exception):
    pass


def test_a_stopped_fit_goes_on(tmp_path):
    """Stopped after any iteration, the result is that of a fit that was not."""
    runs, start, file = taken(world(), lamps(1, 1e6), 8), world((26.0, 12.0, 0.3, 0.2)), tmp_path / "fit.part"
    whole = lp.calibrate(start, runs, OPTICS[:1], settings=SMALL)

    def stop(at):
        raise StopHereError

    for _ in range(len(whole.history) - 1):
        with pytest.raises(StopHereError):
            lp.calibrate(start, runs, OPTICS[:1], settings=SMALL, checkpoint=file, report=stop)
    resumed = lp.calibrate(start, runs, OPTICS[:1], settings=SMALL, checkpoint=file)
    np.testing.assert_array_equal(resumed.values, whole.values)
    assert len(resumed.history) == len(whole.history)
    with pytest.raises(lp.LampyrisError, match="another calibration"):
        lp.calibrate(start, runs, OPTICS[1:2], settings=SMALL, checkpoint=file)
    file.write_bytes(b"nothing")
    with pytest.raises(lp.LampyrisError, match="not the checkpoint of a calibration"):
        lp.calibrate(start, runs, OPTICS[:1], settings=SMALL, checkpoint=file)


def test_gauge_and_open_combinations():
    """The light of all lamps and all efficiencies: a gauge keeps the scale; without a second number it is told open."""
    draw = np.random.default_rng(9)
    efficiency = 1.0 + 0.1 * draw.standard_normal(COUNT)
    runs = taken(world(relative_efficiency=efficiency), lamps(2, 1e6), 10)
    free = ["sensors.relative_efficiency", "runs.*.photons"]
    fit = lp.calibrate(world(), runs, free, settings=lp.CalibrationSettings(paths=2**16, gauge="mean efficiency"))
    assert float(fit.value.sensors.relative_efficiency.mean()) == pytest.approx(1.0, abs=1e-5)
    assert np.all(np.abs(fit.values / (1e6 * efficiency.mean()) - 1.0) < 4.0 * fit.errors / 1e6)
    both = lp.calibrate(world(), runs[:1], ["sensors.quantum_efficiency", "runs.0.photons"], settings=SMALL)
    assert both.result == "degenerate"
    assert "runs.0.photons" in both.open_combinations[0]


def test_runs_with_and_without_times_are_judged_together():
    """A bright lamp, whose paths bring too much light each for times, beside a weak one."""
    runs = taken(world(), [lamps(1, 1e6)[0], lp.Isotropic([1.0, 0.5, -1.5], 405.0, 1e3)], 12)
    fit = lp.calibrate(world(), runs, OPTICS[:1], settings=SMALL)
    assert fit.result == "converged", str(fit)
    assert fit.goodness.residual.shape == (2, COUNT)


def test_plans_rank_campaigns():
    """Four lamps tell more than one, and by about the factor that their light promises."""
    settings = lp.CalibrationSettings(paths=2**18)
    ranked = lp.plan(world(), {"one": lamps(1, 1e5), "four": lamps(4, 1e5)}, OPTICS[:2], settings=settings)
    assert [expected.name for expected in ranked] == ["four", "one"]
    ratio = ranked[1].errors[OPTICS[0]] / ranked[0].errors[OPTICS[0]]
    assert 1.5 < ratio < 4.0


BAD = [
    ({"free": ["medium.absorbtion_length"]}, "nearest: medium.absorption_length"),
    ({"free": ["sensors.position"]}, "`free` must name parameters that a calibration can move"),
    ({"free": []}, "at least one parameter"),
    ({"free": ["sensors.relative_efficiency", "runs.*.photons"]}, "`gauge` must be given"),
    ({"settings": lp.CalibrationSettings(gauge="mean efficiency")}, "`gauge` must be left out"),
    ({"settings": lp.CalibrationSettings(gauge="first")}, "`gauge` must be 'mean efficiency' or nothing"),
    ({"settings": lp.CalibrationSettings(paths=0)}, "`paths` must be >= 2"),
    ({"settings": lp.CalibrationSettings(priors={"wall.reflectance": (0.1, 0.01)})}, "`priors` must be of free"),
    ({"runs": []}, "at least one run"),
]


@pytest.mark.parametrize(("changes", "message"), BAD)
def test_bad_requests(changes, message):
    hits = lp.Hits(np.ones(COUNT), np.zeros(COUNT), np.ones(COUNT, bool))
    asked = {
        "runs": [lp.Run(lamps(1, 1e5)[0], hits)],
        "free": ["medium.absorption_length"],
        "settings": SMALL,
    } | changes
    with pytest.raises(lp.LampyrisError, match=message):
        lp.calibrate(world(), asked["runs"], asked["free"], settings=asked["settings"])


def test_times_need_paths():
    runs = taken(world(), lamps(1, 1e6), 11)
    with pytest.raises(lp.LampyrisError, match=r"`paths` must be >= \d+, so that times can be fitted"):
        lp.calibrate(world(), runs, ["sensors.time_offset"], settings=SMALL)


def test_bad_runs():
    ones, yes = np.ones(COUNT), np.ones(COUNT, bool)
    lamp, good = lamps(1, 1e5)[0], lp.Hits(ones, 0.0 * ones, yes)
    cases = [
        (lp.Run(lamp, lp.Hits(ones[1:], ones[1:], yes[1:])), "must have .* channels"),
        (lp.Run(lamp, good._replace(charge=-ones)), "must be >= 0 pe, but is -1 pe"),
        (lp.Run(lp.Isotropic([9.0, 0.0, 0.0]), good), "runs.0.: .*inside"),
        (lp.Run(lamp, good, saturation=0.5), "not saturated, but all reach 0.5 pe"),
        (lp.Run(lamp, good._replace(time=np.nan * ones)), "finite on every hit channel"),
    ]
    for run, message in cases:
        with pytest.raises(lp.LampyrisError, match=message):
            lp.calibrate(world(), [run], ["medium.absorption_length"])
    infinite = eqx.tree_at(lambda d: d.medium.absorption_length.value, world(), jnp.asarray(jnp.inf))
    with pytest.raises(lp.LampyrisError, match="finite at the start"):
        lp.calibrate(infinite, [lp.Run(lamp, good)], ["medium.absorption_length"])


def equations_of(information, gradient) -> Blocks:
    blocks = Blocks(len(gradient), 1, 0)
    blocks.inform(np.arange(len(gradient)), np.asarray(gradient, float), np.asarray(information, float))
    return blocks


def test_a_parameter_that_runs_away_keeps_no_other_from_moving():
    """The others solve their own equations, given where it stops."""
    information = np.array([[0.1, 0.3, 0.0], [0.3, 50.0, 4.0], [0.0, 4.0, 20.0]])
    gradient = information @ np.array([-40.0, 0.3, 0.2])
    shared, _ = shortened(solve(equations_of(information, gradient)))
    assert shared[0] == pytest.approx(-LONGEST)
    rest = np.linalg.solve(information[1:, 1:], gradient[1:] + information[1:, 0] * LONGEST)
    np.testing.assert_allclose(shared[1:], rest, rtol=1e-6)
    near = np.array([0.2, -0.3, 0.1])
    np.testing.assert_allclose(shortened(solve(equations_of(information, information @ near)))[0], near, rtol=1e-6)


def test_information_that_noise_made_negative_is_none():
    blocks = equations_of([[0.0]], [1.0])
    blocks.shared[:] = -1e5
    step = solve(blocks)
    assert np.isfinite(step.shared).all()
    assert step.covariance[0, 0] > 1.0


def test_quantiles_of_channels_are_those_of_sorted_values():
    draw = np.random.default_rng(5)
    channel = np.concatenate([draw.integers(0, 5, 200), [6]])
    value = draw.normal(size=201)
    found = channel_quantiles(channel, value, 0.15, np.full(8, 7.0))
    chosen = [value[channel == number] for number in range(8)]
    expected = [np.quantile(some, 0.15) if len(some) else 7.0 for some in chosen]
    np.testing.assert_allclose(found, expected)
