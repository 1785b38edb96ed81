"""Fits of electrons and positrons that stop within centimetres of a scintillator."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import lampyris as lp
from lampyris._checks import LampyrisError
from lampyris.fit.directions import cone_about
from lampyris.fit.glow import CORNERS, KNOWN, Slow, cherenkov_point, leaning, scintillation_point
from lampyris.fit.glow_problem import GlowProblem
from lampyris.fit.glow_profile import GlowProfile
from lampyris.fit.model import MeanTrack, State
from lampyris.fit.parameters import differences
from lampyris.fit.reconstruct import fit_problem, problem_of
from lampyris.fit.together import Meeting, SideBySide, side_by_side
from lampyris.particle import simulate_particles
from lampyris.particle.material import LAB
from lampyris.scintillation import Emission, Pulse, Scintillation
from lampyris.source.track_light import CherenkovLight, ScintillationLight
from lampyris.spectrum import Constant

ENERGY = 5.0
FEW = lp.Hybrid(rays=8192)
"""rays enough for a thousand photoelectrons"""


@pytest.fixture(scope="module")
def glowing_tank(small_tank):
    """The small tank filled with a scintillator; its sensors are slow, and dark now and then."""
    pulse = Pulse([4.0, 30.0], [0.8, 0.2], 0.5)
    scintillation = Scintillation(8000.0, pulse, Emission([380.0, 420.0, 500.0], [0.0, 1.0, 0.0]), 7.6e-5)
    medium = lp.Medium(1.49, 30.0, small_tank.medium.scatterers, scintillation, LAB)
    sensors = eqx.tree_at(lambda s: s.dark_rate, small_tank.sensors, jnp.asarray(20.0))
    return lp.Detector(small_tank.shape, medium, small_tank.wall, sensors, name="glowing tank")


def drawn(detector, count, particle="e-", energy=ENERGY):
    """Events of simulated particles anywhere further than 1 m from the wall, with their tracks."""
    draw, found = np.random.default_rng(8), []
    while len(found) < count:
        place, way = draw.uniform(-4.0, 4.0, 3), draw.normal(size=3)
        if float(detector.shape.signed_distance(jnp.asarray(place[None], float))[0]) > 1.0:
            track = lp.Track(particle, energy, place, way / np.linalg.norm(way))
            found.append((track, lp.simulate(detector, track, key=jax.random.key(len(found)))))
    return found


@pytest.fixture(scope="module")
def events(glowing_tank):
    return drawn(glowing_tank, 12)


def middle_of(problem: GlowProblem, track: lp.Track) -> State:
    """The state of a point whose vertex is that of a track."""
    distance, time = problem.profile.middle(float(track.energy))
    at = track.position + distance * track.direction
    return problem.model.start(lp.Track(track.particle, track.energy, at, track.direction, track.time + time))


def test_points_have_all_light_of_the_track_about_its_middle(glowing_tank):
    medium, at = glowing_tank.medium, ([0.0, 0.0, 0.0], [0.0, 0.6, 0.8])
    track = lp.Track("e-", 10.0, *at)
    for whole, point in (
        (ScintillationLight("e-", 10.0, *at), scintillation_point(track)),
        (CherenkovLight("e-", 10.0, *at), cherenkov_point(track, track.direction)),
    ):
        many, one = (source.emitters(medium, Constant(0.2)) for source in (whole, point))
        light, own = (np.asarray(source._bins(medium), float) for source in (whole, point))
        weight = light.reshape(len(light), -1).sum(axis=1)
        assert own.sum() == pytest.approx(light.sum(), rel=1e-5)
        distance, time = GlowProfile.of("e-", glowing_tank).middle(10.0)
        place = weight @ np.asarray(many.position) / weight.sum() - distance * np.asarray(track.direction)
        # quenched light and its deposits have the same middle to a tenth of a millimetre
        np.testing.assert_allclose(one.position[0], place, atol=2e-4)
        assert float(one.time[0]) == pytest.approx(weight @ np.asarray(many.time) / weight.sum() - time, abs=2e-3)


@pytest.mark.parametrize("directions", [None, cone_about(np.array([0.0, 0.0, 1.0]), np.pi, 96)], ids=["even", "mean"])
def test_gradient_is_that_of_finite_differences(glowing_tank, events, directions):
    track, hits = events[0]
    problem = GlowProblem(glowing_tank, hits, "e-", FEW)
    problem.directions = directions
    state = middle_of(problem, track)
    scattered = problem.scattered(state)
    local = problem.local(state, scattered, 0.0)
    for number in range(5):
        step = np.zeros(5)
        step[number] = 0.05
        there, back = (problem.local(problem.move(state, way), scattered, 0.0).value for way in (step, -step))
        assert local.gradient[number] == pytest.approx((there - back) / 0.1, rel=2e-3, abs=0.02)


def test_information_is_the_scatter_of_the_scores(glowing_tank):
    """Over many events of one point; the mean score is not none, as the direction of their Cherenkov light is one."""
    track = lp.Track("e-", ENERGY, [1.0, -0.5, 1.0], [0.0, 0.0, 1.0])
    scores, informations = [], []
    for number in range(24):
        hits = lp.simulate(glowing_tank, track, key=jax.random.key(500 + number))
        problem = GlowProblem(glowing_tank, hits, "e-", FEW)
        state = middle_of(problem, track)
        scattered = problem.scattered(state)
        problem.weigh(problem.local(state, scattered, 0.0).expected)
        local = problem.local(state, scattered, 0.0)
        scores.append(local.gradient)
        informations.append(local.curvature)
    information = np.mean(informations, axis=0)
    away = np.array(scores) - np.mean(scores, axis=0)
    squares = np.einsum("np,pq,nq->n", away, np.linalg.inv(information), away)
    freedom = 5 * (len(scores) - 1)
    assert squares.sum() / freedom == pytest.approx(1.0, abs=4.0 * np.sqrt(2.0 / freedom))


def test_leaning_light_is_exact():
    draw = np.random.default_rng(1)
    even, lean = draw.uniform(2.0, 3.0, (7, 3)), draw.uniform(-1.0, 1.0, (7, 3, 3))
    light = lambda way: even + lean @ way  # noqa: E731
    way = np.array([0.48, 0.6, -0.64])
    corners = np.stack([light(corner) for corner in CORNERS])
    np.testing.assert_allclose(leaning(jnp.asarray(corners, float), jnp.asarray(way, float)), light(way), rtol=1e-5)


def test_indirect_light_follows_energy_and_time(glowing_tank, events):
    """The moved rows against the light of the moved point."""
    track, hits = events[0]
    problem = GlowProblem(glowing_tank, hits, "e-", FEW)
    state = middle_of(problem, track)
    slow = problem.scattered(state)
    assert isinstance(slow, Slow)
    step = np.array([2.0, 0.0, 0.0, 0.0, 0.6])
    there = problem.move(state, step)
    moved = slow.moved_to(there.track, problem.model.gain(there.track, slow.track))
    anew = problem.scattered(there).glow
    hit = np.asarray(hits.hit)
    for row in range(3):
        of_glow, own = np.asarray(moved[hit, row]), np.asarray(anew[hit, row])
        assert np.abs(of_glow - own).sum() < 0.02 * own.sum()


@pytest.mark.parametrize("angle", [0.3, 1.2, np.pi])
def test_cones_are_even(angle):
    axis = np.array([0.6, 0.0, -0.8])
    cone = cone_about(axis, angle, 128)
    np.testing.assert_allclose(np.linalg.norm(cone, axis=1), 1.0, rtol=1e-6)
    cosine = cone @ axis
    assert cosine.min() > np.cos(angle)
    # even in solid angle: the mean of the cosine, and no lean to any side
    assert cosine.mean() == pytest.approx(0.5 * (1.0 + np.cos(angle)), abs=1e-5)
    assert np.linalg.norm(np.cross(cone.mean(axis=0), axis)) < 0.01


def test_points_are_found_with_honest_errors(glowing_tank, events):
    pulls = []
    for track, hits in events:
        fit = lp.reconstruct(glowing_tank, hits, particle="e-", transport=FEW)
        assert fit.result == "converged", fit
        errors = np.sqrt(np.diag(fit.covariance))
        pulls.append((differences(fit.value, track) / errors)[KNOWN])
        assert errors[1:4].max() < 0.12
    squares = (np.array(pulls) ** 2).sum()
    assert stats.chi2.sf(squares, np.size(pulls)) > 1e-3
    assert stats.chi2.cdf(squares, np.size(pulls)) > 1e-3


def test_the_truth_is_as_likely_as_it_should_be(glowing_tank, events):
    """What a step from the truth promises is half a chi-square of five numbers, once the direction is that of the event."""
    gains = []
    for track, hits in events:
        problem = GlowProblem(glowing_tank, hits, "e-", FEW)
        state = middle_of(problem, track)
        problem.weigh(problem.local(state, problem.scattered(state), 0.0).expected)
        weighed = problem.weighed(state, np.asarray(track.direction, float)[None])
        step = weighed.steps[0]
        gains.append(step @ np.linalg.solve(weighed.inverse, step))
    assert stats.chi2.sf(np.sum(gains), 5 * len(gains)) > 1e-3


def test_points_beside_each_other_are_found_as_alone(glowing_tank, events):
    meeting = Meeting(2)
    evaluator = SideBySide(glowing_tank, FEW, meeting)
    work = lambda hits: fit_problem(problem_of(glowing_tank, hits, "e-", FEW, evaluator=evaluator))  # noqa: E731
    found = dict(side_by_side(work, [(number, events[number][1]) for number in range(2)], meeting))
    for number in range(2):
        alone = lp.reconstruct(glowing_tank, events[number][1], particle="e-", transport=FEW)
        away = differences(found[number].value, alone.value) / np.sqrt(np.diag(alone.covariance))
        assert np.abs(away).max() < 0.3


def test_middles_of_single_particles_are_off_as_the_profile_says(glowing_tank):
    for particle, energy in (("e-", 10.0), ("e+", 1.0), ("e+", 3.0)):
        middles = []
        for steps in simulate_particles(particle, np.full(80, energy), key=jax.random.key(3), material=LAB):
            places = 0.5 * (np.asarray(steps.start) + np.asarray(steps.end))
            middles.append(np.average(places, axis=0, weights=np.asarray(steps.energy_deposit)))
        own = np.quantile(np.abs(middles - np.mean(middles, axis=0)), 0.68)
        assert GlowProfile.of(particle, glowing_tank).away(energy) == pytest.approx(own, rel=0.5)


def test_starts_that_are_given_lead_to_the_same_point(glowing_tank, events):
    """One beside it, and one at the wall that is nearest to it, too early."""
    track, hits = events[1]
    beside = lp.Track("e-", 8.0, track.position + np.array([0.5, -0.4, 0.3]), [1.0, 0.0, 0.0], 3.0)
    sideways = np.asarray(track.position, float) * [1.0, 1.0, 0.0]
    at_wall = 3.93 * sideways / np.linalg.norm(sideways) + np.asarray(track.position, float) * [0.0, 0.0, 1.0]
    starts = (beside, lp.Track("e-", 8.0, at_wall, [1.0, 0.0, 0.0], -5.0))
    other = lp.reconstruct(glowing_tank, hits, particle="e-", transport=FEW)
    for start in starts:
        one = lp.reconstruct(glowing_tank, hits, particle="e-", start=start, transport=FEW)
        assert one.result == "converged"
        errors = np.sqrt(np.diag(one.covariance))
        assert np.abs(differences(one.value, other.value) / errors)[KNOWN].max() < 0.3


def test_what_cannot_be_fitted_is_told(glowing_tank, events):
    hits = events[0][1]
    with pytest.raises(
        LampyrisError, match=r"as that of glowing tank, e- and e\+ of some MeV can be fitted, but not mu-"
    ):
        lp.reconstruct(glowing_tank, hits, particle="mu-")
    with pytest.raises(LampyrisError, match="`model` must be left out"):
        lp.reconstruct(glowing_tank, hits, particle="e-", model=MeanTrack())
    dim = eqx.tree_at(lambda d: d.medium.scintillation.light_yield, glowing_tank, jnp.asarray(100.0))
    with pytest.raises(LampyrisError, match=r"at most 0.1 Cherenkov photons for each of scintillation, but in glowing"):
        lp.reconstruct(dim, hits, particle="e-")
    with pytest.raises(LampyrisError, match="by their Cherenkov light alone"):
        lp.reconstruct_rings(glowing_tank, hits, ["e-", "e-"])
