"""Calibration with events of particles: elimination, optics from tracks and lamp together, bad input."""

import jax
import numpy as np
import pytest

import lampyris as lp
from lampyris.fit.blocks import Blocks, solve
from lampyris.fit.calibration_problem import CalibrationSettings
from lampyris.layout import box_panels
from lampyris.phase import Rayleigh
from lampyris.surface import Mixture

SHAPE = lp.Box([4.0, 4.0, 5.0])
PLACED = box_panels(SHAPE, pitch=0.7, margin=0.3)
COUNT = len(PLACED[0])
ABSORPTION, WALL = 12.0, 0.2
FREE = ["medium.absorption_length", "wall.reflectance"]
EFFICIENCY = "sensors.relative_efficiency"
EVENTS = 3


def world(absorption=ABSORPTION, wall=WALL, efficiency=None) -> lp.Detector:
    medium = lp.Medium(lp.catalog.load("SK").medium.refractive_index, absorption, (lp.Scatterer(20.0, Rayleigh()),))
    relative = np.ones(COUNT) if efficiency is None else efficiency
    sensors = lp.make_sensors(
        *PLACED, 0.25, 0.25, surface=Mixture(0.1, 0.5), transit_time_spread=1.5, relative_efficiency=relative
    )
    return lp.Detector(SHAPE, medium, Mixture(wall, 0.4), sensors)


@pytest.fixture(scope="module")
def muons():
    """Muons of a known place and their hits."""
    draw, events, truth = np.random.default_rng(1), [], []
    for number in range(EVENTS):
        way = draw.normal(size=3)
        way /= np.linalg.norm(way)
        truth.append(lp.Track("mu-", 350.0, list(draw.uniform(-0.5, 0.5, 3) - 0.5 * way), list(way), 0.0))
        events.append(lp.simulate(world(), truth[-1], key=jax.random.key(number)))
    return lp.Tracks("mu-", lp.Hits.stacked(events), truth), truth


@pytest.mark.slow
def test_optics_and_tracks_are_found_together(muons):
    """Two optical parameters from muons and a dim lamp together, whose errors are smaller than those of the lamp alone."""
    tracks, truth = muons
    start = world(16.0, 0.15)
    lamp = lp.Isotropic([0.0, 0.0, 0.0], 405.0, 3e4)
    runs = [lp.Run(lamp, lp.simulate(world(), lamp, key=jax.random.key(30)))]
    settings = CalibrationSettings(paths=2**16)
    alone = lp.calibrate(start, runs, FREE, settings=settings)
    both = lp.calibrate(start, runs, FREE, tracks=tracks, settings=settings)
    for fit in (alone, both):
        assert fit.result == "converged", str(fit)
        # single muons differ from what the fit allows in known size only: errors of few events hold to a factor
        assert max(abs(pull) for pull in fit.pulls(dict(zip(FREE, (ABSORPTION, WALL), strict=True))).values()) < 5.0
    assert np.all(both.errors < alone.errors)
    assert set(both.tracks) == set(range(EVENTS))
    away = [np.linalg.norm(np.asarray(both.tracks[i].value.position) - truth[i].position) for i in range(EVENTS)]
    assert np.median(away) < 0.2
    assert both.tracks[0].covariance.shape == (7, 7)


def test_channels_and_tracks_are_eliminated_as_one_would_solve():
    """The step and the errors against the whole system, solved at once."""
    draw = np.random.default_rng(3)
    shared, more, channels = 2, 3, 6
    matrix = draw.normal(size=(40, shared + more + channels))
    whole = matrix.T @ matrix
    whole[-channels:, -channels:] = np.diag(np.diag(whole)[-channels:] + 30.0)
    gradient = draw.normal(size=len(whole))
    blocks = Blocks(shared, channels, 1).extended(more)
    first = shared + more
    blocks.inform(np.arange(first), gradient[:first], whole[:first, :first])
    blocks.inform_of_channels(np.arange(first), gradient[first:], np.diag(whole)[first:], whole[first:, :first])
    step, inverse = solve(blocks), np.linalg.inv(whole)
    np.testing.assert_allclose(step.shared, (inverse @ gradient)[:shared], rtol=1e-5)
    np.testing.assert_allclose(step.own[:, 0], (inverse @ gradient)[first:], rtol=1e-5)
    np.testing.assert_allclose(step.covariance, inverse[:shared, :shared], rtol=1e-5)
    np.testing.assert_allclose(step.of_tracks, inverse[shared:first, shared:first], rtol=1e-5)
    np.testing.assert_allclose(step.own_covariance[:, 0, 0], np.diag(inverse)[first:], rtol=1e-5)
    answer = step.answer
    np.testing.assert_allclose(answer.to(gradient[:first], gradient[first:, None]), step.shared, rtol=1e-5)
    own = np.zeros((channels, 1, 1))
    own[:, 0, 0] = np.diag(whole)[first:]
    spread = answer.spread(whole[:first, :first], whole[first:, :first, None], own)
    np.testing.assert_allclose(spread, step.covariance, rtol=1e-5)


def test_bad_tracks(muons):
    tracks, truth = muons
    hits = tracks.hits
    few = hits._replace(hit=hits.hit & (np.cumsum(hits.hit, axis=1) < 5))
    outside = [lp.Track("e-", 150.0, [9.0, 0.0, 0.0], [1.0, 0.0, 0.0], 0.0), *truth[1:]]
    cases = [
        (lp.Tracks("tau", hits), FREE, "tau"),
        (lp.Tracks("e-", lp.Hits(*(column[:, 1:] for column in hits))), FREE, "`tracks` must have .* channels"),
        (lp.Tracks("e-", hits._replace(charge=-hits.charge)), FREE, "tracks: charge.* must be >= 0 pe"),
        (lp.Tracks("e-", few), FREE, "at least 20 hits, but hold none"),
        (lp.Tracks("e-", hits, truth[1:]), FREE, "one for each of 3 events, but is 2"),
        (lp.Tracks("e-", hits, outside), FREE, "inside"),
        (tracks, ["sensors.time_offset"], "must not name time offsets"),
    ]
    for bad, free, message in cases:
        with pytest.raises(lp.LampyrisError, match=message):
            lp.calibrate(world(), [], free, tracks=bad)
