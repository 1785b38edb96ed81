"""Fits of several particles to the same events, side by side."""

from collections.abc import Sequence
from functools import reduce
from itertools import combinations
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from lampyris._checks import LampyrisError
from lampyris.data.fits_file import FitFile
from lampyris.fit.identify import check_particles, kind_of
from lampyris.fit.separation import separation


class Hypotheses(NamedTuple):
    """Log-likelihoods of events for each of several particles."""

    event: Int[np.ndarray, " events"]
    particles: tuple[str, ...]
    log_likelihood: Float[np.ndarray, "events particles"]
    """NaN where an event has no fit"""
    true_particle: tuple[str, ...]
    """empty where it is not known"""

    @property
    def best(self) -> tuple[str, ...]:
        """The likeliest particle of each event; empty for one without any fit."""
        known = np.isfinite(self.log_likelihood)
        place = np.where(known, self.log_likelihood, -np.inf).argmax(axis=1)
        return tuple(self.particles[i] if known[row].any() else "" for row, i in enumerate(place))

    @property
    def margin(self) -> Float[np.ndarray, " events"]:
        """Log-likelihood of the likeliest particle over that of the next; NaN where fewer than two have one."""
        ranked = np.sort(np.where(np.isfinite(self.log_likelihood), self.log_likelihood, -np.inf), axis=1)
        with np.errstate(invalid="ignore"):
            margin = ranked[:, -1] - ranked[:, -2]
        return np.where(np.isfinite(margin), margin, np.nan)

    def summary(self) -> dict:
        """How many events are told to be what, and, where truths are known, how rightly.

        `told` counts the events of each true particle by the likeliest one; each pair of particles has its figures by
        `lampyris.fit.separation`, made of the true ones of both.
        """
        best, true = np.array(self.best, object), np.array(self.true_particle, object)
        kinds = np.array([kind_of(name) for name in true], object)
        told: dict = {"events": len(best), "found": _counted(best)}
        known = sorted({name for name in self.true_particle if name})
        if known:
            told["told"] = {name: _counted(best[true == name]) for name in known}
        for pair in combinations(range(len(self.particles)), 2):
            names = [self.particles[place] for place in pair]
            ratio = self.log_likelihood[:, pair[0]] - self.log_likelihood[:, pair[1]]
            figures = separation(*(ratio[kinds == kind_of(name)] for name in names))
            if figures:
                told[" or ".join(names)] = figures
        return told


def side_by_side(files: Sequence[FitFile]) -> Hypotheses:
    """The fits of files of the same events; raises `LampyrisError` if they are not of the same events and detector."""
    particles = tuple(file.attributes["particle"] for file in files)
    check_particles(particles)
    first = files[0]
    for other in files[1:]:
        for name in ("input_uuid", "detector_digest"):
            if other.attributes.get(name) != first.attributes.get(name):
                what = "events" if name == "input_uuid" else "detector"
                raise LampyrisError(f"{other.path} must be of the same {what} as {first.path}, but is not.")
    event = reduce(np.intersect1d, [file.event for file in files])
    rows = [[int(np.flatnonzero(file.event == number)[0]) for number in event] for file in files]
    values = [file.log_likelihood[row] for file, row in zip(files, rows, strict=True)]
    names = [first.true_particle[row] for row in rows[0]]
    return Hypotheses(event, particles, np.stack(values, axis=1), tuple(names))


def _counted(names: np.ndarray) -> dict[str, int]:
    """How often each name comes; events without a fit are told as "none"."""
    found, counts = np.unique(np.where(names == "", "none", names).astype(str), return_counts=True)
    return dict(zip(found.tolist(), counts.tolist(), strict=True))
