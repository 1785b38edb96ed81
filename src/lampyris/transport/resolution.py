"""What the limited resolution of `Hybrid` does to the indirect light of a source, and a warning where it does much."""

import warnings

import equinox as eqx
import jax
import numpy as np

from lampyris._checks import LampyrisWarning, is_concrete
from lampyris._host import on_host
from lampyris.detector import Detector
from lampyris.source import Source
from lampyris.transport.expectation import Expectation
from lampyris.transport.expected_value import ExpectedValue
from lampyris.transport.hybrid import Hybrid

FINER = 2
"""Terms and cells of the finer predictions over those of the one that is judged."""
SEEDS = tuple(range(11, 19))
"""Of the rays of the pairs of predictions."""
ROUGH = 0.05
"""Relative error of the charges from which on a source is warned of."""


@eqx.filter_jit
def expectation(transport: Hybrid | ExpectedValue, source: Source, detector: Detector) -> Expectation:
    """The expectation, compiled once for all numbers of one kind of transport, source and detector."""
    return transport(source, detector)


def basis_bias(transport: Hybrid, source: Source, detector: Detector) -> float:
    """Relative error of the charges by what the terms and cells of the indirect light cannot follow.

    The root of the mean square over the channels, where each counts with its charge. It comes from predictions
    of twice the resolution, several times with other rays: their differences from those of the same rays as they are share
    the bias and not the noise, so that the noise drops out of the products of two. What is finer still is not seen.
    """
    coarse, fine = (
        np.stack(
            [np.asarray(expectation(_with(transport, factor, seed), source, detector).charge, float) for seed in SEEDS]
        )
        for factor in (1, FINER)
    )
    mean = np.maximum(coarse.mean(axis=0), 1e-30)
    off = fine - coarse
    products = (off.sum(axis=0) ** 2 - (off**2).sum(axis=0)) / (len(off) * (len(off) - 1))
    return float(np.sqrt(max((products / mean).sum(), 0.0) / mean.sum()))


def warn_near_wall(transport: Hybrid, source: Source, detector: Detector) -> None:
    """Warn with the estimated bias if a source near the wall makes light that is finer than the cells; not while traced."""
    position = getattr(source, "position", None)
    if position is None or not all(map(is_concrete, jax.tree.leaves((transport, source, detector)))):
        return
    depth = float(np.min(on_host(detector.shape.signed_distance, position)))
    cell = 2.0 * float(np.max(np.asarray(detector.shape.half_extent()))) / transport.scatter_cells
    if depth > cell:
        return
    bias = basis_bias(transport, source, detector)
    if bias > ROUGH:
        warnings.warn(
            f"`{type(source).__name__}` is {depth:.2g} m from the wall, where the indirect light of `Hybrid` is too coarse: "
            f"charges are off by about {100.0 * bias:.1f} % (rms); `ExpectedValue` has no such limit.",
            LampyrisWarning,
            stacklevel=3,
        )


def _with(transport: Hybrid, factor: int, seed: int) -> Hybrid:
    """The transport with more terms and cells, and with other rays."""
    other = Hybrid(
        rays=len(transport.numbers),
        steps=transport.steps,
        degree=factor * transport.degree,
        time_degree=transport.time_degree,
        seed=seed,
        mirror_rays=len(transport.mirror_numbers),
        cells=factor * transport.cells,
        scatter_rays=len(transport.scatter_numbers),
        scatter_cells=factor * transport.scatter_cells,
        shares=(transport.shares.scatter, transport.shares.diffuse, transport.shares.specular),
        nodes=transport.nodes,
        mirror_points=transport.mirror_points,
    )
    return eqx.tree_at(lambda one: one.grid, other, transport.grid, is_leaf=lambda leaf: leaf is None)
