"""Fits of several rings as rows of a table."""

from collections.abc import Sequence

import numpy as np

from lampyris.fit.result import Fit
from lampyris.fit.rings import RingsFit

SHARED = ("x", "y", "z", "time")
OWN = ("energy", "theta", "phi")
LAST = ("log_likelihood", "mass", "mass_error", "hits", "charge", "seconds", "note")


def columns_of(rings: int) -> list[str]:
    """Columns of a table of fits of so many rings: MeV, m, rad, ns."""
    shared = [name for number in SHARED for name in (number, f"{number}_error")]
    own = [f"{number}{end}_{ring}" for ring in range(1, rings + 1) for number in OWN for end in ("", "_error")]
    return ["result", *shared, *[f"particle_{ring}" for ring in range(1, rings + 1)], *own, *LAST]


def row_of(fit: RingsFit | None, particles: Sequence[str], **told: str | float) -> dict[str, str | float]:
    """A row; `told` are further columns, as the result where there is no fit."""
    row: dict[str, str | float] = {f"particle_{ring}": particle for ring, particle in enumerate(particles, 1)}
    if fit is None or not np.isfinite(fit.log_likelihood):
        return row | ({} if fit is None else {"hits": fit.statistics["hits"]}) | told
    first = fit.fits[0]
    row |= _numbers(first, SHARED, "")
    for ring, own in enumerate(fit.fits, 1):
        row |= _numbers(own, OWN, f"_{ring}")
    mass, error = fit.mass
    row |= {"log_likelihood": fit.log_likelihood, "mass": mass, "mass_error": error}
    return row | {"hits": fit.statistics["hits"], "charge": fit.statistics["charge"]} | told


def _numbers(fit: Fit, names: Sequence[str], ending: str) -> dict[str, str | float]:
    """Numbers of a fit with their errors."""
    value, error = fit.values(), fit.errors()
    row: dict[str, str | float] = {}
    for name in names:
        row |= {f"{name}{ending}": value[name], f"{name}_error{ending}": error[name]}
    return row
