import numpy as np
import pytest
from scipy.optimize import brentq

from lampyris.fit.newton import Local, damped_step, maximise, secant
from lampyris.fit.profile_errors import profile_interval

CURVATURE = np.array([[4.0, 1.0, 0.0], [1.0, 3.0, -0.5], [0.0, -0.5, 0.2]])
NOTHING = np.zeros(0)
SUMMIT = np.array([0.5, -1.0, 2.0])


def quadratic(point):
    away = point - SUMMIT
    return Local(float(-0.5 * away @ CURVATURE @ away), -CURVATURE @ away, CURVATURE, NOTHING)


def valley(point):
    """Minus the function of Rosenbrock: a curved ridge with its top at (1, 1)."""
    x, y = point
    value = -(100.0 * (y - x**2) ** 2 + (1.0 - x) ** 2)
    gradient = np.array([400.0 * x * (y - x**2) + 2.0 * (1.0 - x), -200.0 * (y - x**2)])
    curvature = np.array([[1200.0 * x**2 - 400.0 * y + 2.0, -400.0 * x], [-400.0 * x, 200.0]])
    return Local(float(value), gradient, curvature, NOTHING)


def saddle(point):
    """A top at (+-1, 0) and a saddle between, where the curvature has the wrong sign."""
    x, y = point
    curvature = np.diag([12.0 * x**2 - 4.0, 2.0])
    return Local(float(-((x**2 - 1.0) ** 2) - y**2), np.array([-4.0 * x * (x**2 - 1.0), -2.0 * y]), curvature, NOTHING)


def free(point, step):
    return point + step


def test_quadratic_takes_the_newton_step():
    climb = maximise(quadratic, free, np.zeros(3), tolerance=1e-9)
    assert climb.converged
    assert climb.iterations <= 3
    np.testing.assert_allclose(climb.point, SUMMIT, atol=1e-4)


def test_curved_ridge():
    climb = maximise(valley, free, np.array([-1.2, 1.0]), tolerance=1e-10, most_iterations=60)
    assert climb.converged
    np.testing.assert_allclose(climb.point, 1.0, atol=1e-4)


def test_leaves_a_region_of_wrong_curvature():
    climb = maximise(saddle, free, np.array([0.1, 0.5]), tolerance=1e-10)
    assert climb.converged
    np.testing.assert_allclose(climb.point, [1.0, 0.0], atol=1e-4)


def test_never_goes_where_it_must_not():
    visited = []

    def bounded(point, step):
        candidate = point + step
        return candidate if candidate[2] < 1.0 else None

    def watched(point):
        visited.append(point)
        return quadratic(point)

    climb = maximise(watched, bounded, np.zeros(3), tolerance=1e-9)
    assert all(point[2] < 1.0 for point in visited)
    assert climb.local.value > quadratic(np.zeros(3)).value


def test_says_when_it_ran_out_of_steps():
    climb = maximise(valley, free, np.array([-1.2, 1.0]), tolerance=1e-10, most_iterations=2)
    assert not climb.converged
    assert climb.iterations == 2


def test_ignores_values_that_are_not_finite():
    def broken(point):
        local = quadratic(point)
        return local._replace(value=np.nan) if point[0] > 0.3 else local

    climb = maximise(broken, free, np.zeros(3), tolerance=1e-9)
    assert np.isfinite(climb.local.value)
    assert climb.point[0] <= 0.3


@pytest.mark.parametrize("longest", [0.1, 100.0])
def test_step_is_cut_to_the_longest(longest):
    local = quadratic(np.zeros(3))
    step = damped_step(local, 0.0, longest)
    assert np.linalg.norm(step) <= longest * (1.0 + 1e-12)
    np.testing.assert_allclose(step / np.linalg.norm(step), SUMMIT / np.linalg.norm(SUMMIT), atol=1e-9)


def test_secant_tells_the_curvature_along_the_step():
    draw = np.random.default_rng(3)
    expected, step = CURVATURE * 0.5, draw.normal(size=3)
    missing = secant(np.zeros((3, 3)), step, CURVATURE @ step, expected)
    np.testing.assert_allclose(missing, missing.T, atol=1e-12)
    np.testing.assert_allclose((expected + missing) @ step, CURVATURE @ step, atol=1e-12)


def evaluations(expected):
    """Points that a climb of the quadratic looks at if its curvature is told as `expected`."""
    visited = []

    def misjudged(point):
        visited.append(point)
        return quadratic(point)._replace(curvature=expected)

    climb = maximise(misjudged, free, np.zeros(3), tolerance=1e-9, longest=100.0, most_iterations=200)
    assert climb.converged
    np.testing.assert_allclose(climb.point, SUMMIT, atol=1e-3)
    return len(visited)


def test_wrong_expected_curvature_is_corrected_on_the_way(monkeypatch):
    wrong = np.diag([12.0, 1.4, 0.5])
    learning = evaluations(wrong)
    monkeypatch.setattr("lampyris.fit.newton.secant", lambda missing, *_: missing)
    assert learning < 0.7 * evaluations(wrong)


def leaning(point):
    """A ridge y = x along which the objective falls as 3 (exp(x) - 1 - x): slowly to the left, fast to the right."""
    x, y = point
    value = -3.0 * (np.exp(x) - 1.0 - x) - 2.0 * (y - x) ** 2
    gradient = np.array([-3.0 * (np.exp(x) - 1.0) + 4.0 * (y - x), -4.0 * (y - x)])
    curvature = np.array([[3.0 * np.exp(x) + 4.0, -4.0], [-4.0, 4.0]])
    return Local(float(value), gradient, curvature, NOTHING)


def test_profile_of_a_quadratic_is_its_covariance():
    error = np.sqrt(np.linalg.inv(CURVATURE)[1, 1])
    found = profile_interval(quadratic, free, SUMMIT, 1)
    # the fall may be off by 0.02 of 0.5, the reach by half of that
    np.testing.assert_allclose(found, error, rtol=0.02)


def test_profile_of_a_leaning_ridge_is_that_along_it():
    found = profile_interval(leaning, free, np.zeros(2), 0)
    fall = lambda x: 3.0 * (np.exp(x) - 1.0 - x) - 0.5  # noqa: E731
    np.testing.assert_allclose(found, [-brentq(fall, -3.0, 0.0), brentq(fall, 0.0, 3.0)], rtol=0.02)
    assert found.minus > 1.15 * found.plus


def test_a_profile_that_meets_the_edge_has_no_end():
    fenced = lambda point, step: point + step if (point + step)[0] < 0.1 else None  # noqa: E731
    found = profile_interval(leaning, fenced, np.zeros(2), 0)
    assert np.isinf(found.plus)
    assert np.isfinite(found.minus)
