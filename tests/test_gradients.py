"""What each transport says of its derivatives is true: raised, or right against Monte Carlo."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from _gradients import (
    MOVES,
    cut,
    laser,
    monte_carlo_slope,
    moved,
    sharpest,
    tank,
    value_and_slopes,
)

import lampyris as lp
from lampyris.transport.contract import ALL, Family, detector_family, source_family

ONE_OF_EACH = {move.family: name for name, move in MOVES.items()}


def made(name, rays, steps, seed=0):
    if name == "hybrid":
        return lp.Hybrid(rays=rays, steps=steps, seed=10 * seed, mirror_rays=rays).prepared(tank())
    width = {"soft": 0.5, "hard": 0.0}[name]
    return lp.ExpectedValue(rays, steps=steps, width=width, nodes=48, seed=seed).prepared(tank())


def slope(transport, names, **options):
    """Trace a derivative in some parameters together; nothing is compiled."""
    start = laser(), tank()

    def total(x):
        source, detector = start
        for name, way in zip(names, x, strict=True):
            source, detector = moved(name, way, source, detector)
        seen = transport(source, detector, **options)
        return seen.charge.sum() if isinstance(seen, lp.Expectation) else seen[0].time.sum()

    return jax.eval_shape(jax.grad(total), jnp.zeros(len(names)))


def test_table_of_contracts():
    """Asked for a derivative, a transport gives one if it declares the family, and raises if not."""
    hard = made("hard", 512, 2)
    assert lp.Hybrid(512).gradients == ALL - {Family.SENSORS}
    assert made("soft", 512, 2).gradients == ALL
    for transport in (made("hybrid", 512, 2), made("soft", 512, 2)):
        assert slope(transport, list(MOVES)).shape == (len(MOVES),)
    for family, name in ONE_OF_EACH.items():
        if family in hard.gradients:
            assert slope(hard, [name]).shape == (1,)
        else:
            with pytest.raises(lp.LampyrisError, match=f"has no derivative in {family}"):
                slope(hard, [name])
        with pytest.raises(lp.LampyrisError, match="`MonteCarlo` has no derivatives"):
            slope(lp.MonteCarlo(), [name], key=jax.random.key(0))


def test_hard_disks_declare_what_moves_no_ray():
    hard = lp.ExpectedValue(512, width=0.0).gradients
    assert Family.OPTICS in hard
    assert not hard & {Family.POSITION, Family.DIRECTION, Family.SENSORS, Family.PHASE, Family.SHAPE, Family.ENERGY}
    assert source_family(["position"]) is Family.POSITION
    assert source_family(["kinks"]) is Family.FORM
    assert detector_family(["medium", "scatterers", "phase", "asymmetry"]) is Family.PHASE
    assert detector_family(["sensors", "gain"]) is Family.RESPONSE


@pytest.mark.slow
def test_derivatives_are_those_of_monte_carlo():
    """The weighted sum over channels that shows each slope best, in sigma of rays and photons together."""
    source, detector = laser(2e5), tank()
    time, names = cut(detector), ("wall reflectance", "source z", "sensor radius")
    found = {}
    for name, rays in (("hybrid", 8192), ("soft", 2**15)):
        rows = [value_and_slopes(made(name, rays, 10, seed), names, source, detector, time) for seed in range(5)]
        found[name] = [np.stack([np.asarray(row[part], float) for row in rows]) for part in (0, 1)]
    for number, move in enumerate(names):
        weights = sharpest(found["soft"][0][0], found["soft"][1][0, number])  # of a seed that is not judged
        truth, error = monte_carlo_slope(move, source, detector, time, weights, jax.random.key(number))
        assert error < 0.1 * abs(truth)  # else the test could not fail
        for name, (_, every) in found.items():
            sums = (every[1:, number] * weights).sum(axis=(1, 2))
            own = max(sums.std(ddof=1) / 2.0, 0.01 * abs(truth))  # the spread of four is uncertain itself
            assert abs(sums.mean() - truth) < 4.0 * np.hypot(error, own), (name, move)
