"""Which particle made an event: fits of several kinds of particle to the same hits, compared by their likelihoods."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lampyris._checks import LampyrisError
from lampyris.detector import Detector
from lampyris.emission import load_profile
from lampyris.fit.reconstruct import reconstruct
from lampyris.fit.result import Fit
from lampyris.response import Hits
from lampyris.transport import Hybrid


class Identification(NamedTuple):
    """The fits of all particles that were tried; printing it gives a line for each, the most likely first."""

    fits: dict[str, Fit]

    @property
    def particle(self) -> str:
        """The particle that explains the event best; empty if no fit has a likelihood."""
        known = {name: value for name, value in self.log_likelihoods.items() if np.isfinite(value)}
        return max(known, key=lambda name: known[name]) if known else ""

    @property
    def fit(self) -> Fit | None:
        """The fit of that particle."""
        return self.fits.get(self.particle)

    @property
    def log_likelihoods(self) -> dict[str, float]:
        """By particle; NaN where an event has too few hits for a fit."""
        return {name: fit.log_likelihood for name, fit in self.fits.items()}

    def log_ratio(self, particle: str, other: str) -> float:
        """Logarithm of the likelihood of one particle over that of another; positive where the first is the likelier."""
        for name in (particle, other):
            if name not in self.fits:
                raise LampyrisError(
                    f"`log_ratio` knows the particles {', '.join(self.fits)}, but was asked for {name!r}."
                )
        return self.fits[particle].log_likelihood - self.fits[other].log_likelihood

    def __str__(self) -> str:
        best = self.particle
        if not best:
            return "No particle could be fitted."
        rows = sorted(self.log_likelihoods.items(), key=lambda row: -np.nan_to_num(row[1], nan=-np.inf))
        told = (
            f"{name:<8}{value - self.log_likelihoods[best]:>12.1f}  {self.fits[name].sentence}" for name, value in rows
        )
        return "\n".join([f"{best}; log-likelihoods below the best:", *told])


def identify(
    detector: Detector, hits: Hits, particles: Sequence[str] = ("mu-", "e-"), *, transport: Hybrid | None = None
) -> Identification:
    """Fit each of the particles to an event and compare them by their likelihoods.

    Every particle finds its own start, and each is fitted with the latent numbers and the dispersion of its kind, so that
    no fit is better for want of knowledge: a rough event is told less surely. Charges of particles, as of mu- and mu+, make
    the same light and cannot be told apart.

    Raises `LampyrisError` for fewer than two particles, one given twice, and where `reconstruct` does.
    """
    check_particles(particles)
    for particle in particles:
        load_profile(particle)
    return Identification({name: reconstruct(detector, hits, particle=name, transport=transport) for name in particles})


def check_particles(particles: Sequence[str]) -> None:
    """Raise `LampyrisError` unless there are at least two different kinds of particle."""
    kinds = [kind_of(name) for name in particles]
    if len(kinds) < 2 or len(set(kinds)) < len(kinds):
        raise LampyrisError(
            f"`particles` must be at least two that make different light, but are: {', '.join(particles) or 'none'}."
        )


def kind_of(particle: str) -> str:
    """The name without the sign of its charge, which light does not tell: "mu" of "mu-", "gamma" of "gamma"."""
    return particle.rstrip("+-")
