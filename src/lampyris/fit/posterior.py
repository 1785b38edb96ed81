"""Draws from the posterior of one track: where its likelihood is no parabola, what is known of it."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from lampyris._checks import LampyrisError, fail
from lampyris.detector import Detector
from lampyris.fit.model import State, TrackModel
from lampyris.fit.objective import Lit, Scattered, direct_part, event_likelihood
from lampyris.fit.parameters import NAMES, slipped, values
from lampyris.fit.problem import MARGIN
from lampyris.fit.result import Fit
from lampyris.fit.top import at_the_top
from lampyris.likelihood import Dispersion, Observation
from lampyris.response import Hits
from lampyris.source import Track
from lampyris.transport import Hybrid

STEP = 0.5
"""Step of the trajectories, in standard deviations of the fit."""
LONGEST = 5
"""Doublings of a trajectory at most."""
BATCH = 50
"""Draws that are made at a time; the first batch is not kept."""


class Posterior(NamedTuple):
    """Draws of one chain."""

    values: Float[np.ndarray, "draws 7"]
    """in the order and the units of `parameters.NAMES`"""
    log_likelihood: Float[np.ndarray, " draws"]
    """above that of the fit; it holds the priors of the latent numbers"""
    acceptance: float
    """mean share of the steps that were taken"""
    effective: Float[np.ndarray, " 7"]
    """number of independent draws that would tell the mean of each number as well"""

    @property
    def errors(self) -> dict[str, float]:
        """Standard deviations by name."""
        return dict(zip(NAMES, self.values.std(axis=0, ddof=1).tolist(), strict=True))

    def interval(self, name: str, share: float = 0.6826894921) -> tuple[float, float]:
        """The central interval that holds this share of the draws of a number."""
        if name not in NAMES:
            raise LampyrisError(f"`name` must be one of {', '.join(NAMES)}, but is {name!r}.")
        tails = [0.5 * (1.0 - share), 0.5 * (1.0 + share)]
        low, high = np.quantile(self.values[:, NAMES.index(name)], tails)
        return float(low), float(high)


class _Event(NamedTuple):
    """All that the likelihood of an event needs, about the top of a fit."""

    model: TrackModel
    top: State
    scattered: Scattered
    seen: Observation
    detector: Detector
    dispersion: Dispersion
    root: Array
    """turns standard normal numbers into steps of the size of the errors"""


class _Draws(NamedTuple):
    """Draws as standard normal numbers, their log-likelihoods above the top, and how well steps were taken."""

    number: Array
    value: Array
    acceptance: Array


def sample_posterior(
    detector: Detector,
    hits: Hits,
    fit: Fit,
    *,
    key: PRNGKeyArray,
    draws: int = 400,
    transport: Hybrid | None = None,
    dispersion: Dispersion | None = None,
) -> Posterior:
    """Draw tracks from the posterior of a converged fit, their latent numbers with them, by the no-U-turn sampler.

    The prior is flat in the logarithm of the energy, the vertex, the tangent plane of the direction and the time, and normal in
    the latent numbers; energies stay in the range of the profile, vertices in the detector. Indirect light is that of the fit,
    moved with energy and time. The slip of the light along the track, which no likelihood knows, is drawn on top. A draw
    costs a dozen evaluations. Needs the extra `lampyris[sampling]`. Same key, same draws.

    **Reference**: Hoffman and Gelman, J. Mach. Learn. Res. 15 (2014) 1593.

    Raises `LampyrisError` for a fit that has not converged.
    """
    if draws < 2:
        fail("draws", ">= 2", draws)
    _, effective = _sampler()
    problem, state, scattered = at_the_top(detector, hits, fit, transport, dispersion)
    local = problem.local(state, scattered, 0.0)
    root = jnp.asarray(np.linalg.cholesky(np.linalg.inv(local.curvature)), float)
    event = _Event(
        problem.model.sharp(), state, scattered, problem.seen, detector, problem.dispersion.as_arrays(), root
    )
    chain_key, slip_key = jax.random.split(key)
    parts, at = [], jnp.zeros(len(root))
    for batch in range(1 - (-draws // BATCH)):
        parts.append(_chain(event, at, jax.random.split(jax.random.fold_in(chain_key, batch), BATCH)))
        at = parts[-1].number[-1]
    # the first batch is not kept: a chain begins at the top, where few draws are
    kept = jax.tree.map(lambda *columns: jnp.concatenate(columns)[:draws], *parts[1:])
    slips = jax.vmap(lambda row: jax.random.normal(jax.random.fold_in(slip_key, row)))(jnp.arange(draws))
    rows = np.stack([values(track) for track in _tracks(event, kept.number)])
    rows += np.asarray(slips, float)[:, None] * slipped(fit.value, problem.dispersion.slip)
    independent = [float(effective(rows[None, :, column])) for column in range(len(NAMES))]
    return Posterior(rows, np.asarray(kept.value, float), float(kept.acceptance.mean()), np.array(independent))


def _sampler() -> tuple[Callable, Callable]:
    try:
        from blackjax import nuts
        from blackjax.diagnostics import effective_sample_size
    except ImportError as error:
        raise LampyrisError("`sample_posterior` needs blackjax: pip install 'lampyris[sampling]'.") from error
    return nuts, effective_sample_size


def _tracks(event: _Event, numbers: Array) -> Iterator[Track]:
    """The tracks of all draws."""
    many = jax.vmap(lambda number: event.model.step(event.top, event.root @ number).track)(numbers)
    for row in range(len(numbers)):
        yield jax.tree.map(lambda leaf, row=row: leaf[row], many)


@eqx.filter_jit
def _chain(event: _Event, start: Array, keys: Array) -> _Draws:
    """A draw for each of the keys, one after the other."""
    nuts, size = _sampler()[0], event.root.shape[0]
    density = _log_density(event)
    sampler = nuts(density, STEP, jnp.ones(size), max_num_doublings=LONGEST)

    def draw(state, key: Array):
        state, told = sampler.step(key, state)
        return state, _Draws(state.position, state.logdensity, told.acceptance_rate)

    return jax.lax.scan(draw, sampler.init(start), keys)[1]


def _log_density(event: _Event) -> Callable[[Array], Array]:
    """Log-likelihood above the top as a function of standard normal numbers, with the derivatives that fits have."""
    at_top = _terms(event, event.top)[0]

    def both(number: Array) -> tuple[Array, Array]:
        state = event.model.step(event.top, event.root @ number)
        terms, gradient = _terms(event, state)
        # term by term: the difference of two sums would be lost in their rounding
        value = (terms - at_top).sum()
        return jnp.where(_allowed(event, state.track), value, -jnp.inf), event.root.T @ gradient

    density = jax.custom_vjp(lambda number: both(number)[0])
    density.defvjp(both, lambda gradient, along: (along * gradient,))
    return density


def _terms(event: _Event, state: State) -> tuple[Array, Array]:
    """Terms of the log-likelihood and the gradient of their sum."""
    direct = direct_part(event.model, state, event.seen.time, event.detector, jnp.zeros(()))
    lit = Lit(event.model, state, direct, event.scattered)
    found = event_likelihood((lit,), event.seen, event.detector, event.dispersion)
    return found.terms, found.gradient


def _allowed(event: _Event, track: Track) -> Array:
    """Whether a track is inside the detector and in the range of its profile."""
    low, high = track.profile.energy_range
    room = event.detector.shape.signed_distance(track.position[None])[0]
    return (room > MARGIN) & (track.energy > low) & (track.energy < high)
