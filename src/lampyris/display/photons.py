"""Ways of photons as the page draws them, coloured and marked by how they end."""

import jax
import jax.numpy as jnp
import numpy as np

from lampyris.detector import Detector
from lampyris.display._pack import packed
from lampyris.display.ring import unroll
from lampyris.source import Track
from lampyris.transport import MonteCarlo, PathEvent, PhotonHistory

FATES = (
    (PathEvent.DETECTED, "detected", "#009E73", "dot"),
    (PathEvent.IN_SENSOR, "in a sensor, not detected", "#7C93FF", "ring"),
    (PathEvent.IN_WALL, "in the wall", "#CC79A7", "plus"),
    (PathEvent.IN_MEDIUM, "in the medium", "#D55E00", "cross"),
    (PathEvent.CUT_OFF, "cut off", "#999999", "none"),
)
"""Each fate with its name, colour and mark: apart in form too, so that nobody needs the colours."""


def photon_ways(detector: Detector, track: Track, *, photons: int = 200, number: int = 0) -> PhotonHistory:
    """Ways of some photons of a track, for display: another particle and other photons than those of the hits.

    A file keeps neither, so they are drawn anew; the same event `number` gives the same ways.
    """
    return MonteCarlo().history(track, detector, key=jax.random.key(number), photons=photons)


def photons_payload(detector: Detector, history: PhotonHistory) -> dict:
    """Ways of photons as the page reads them: all points in one column, cut by the number of pieces of each."""
    fate, pieces = history.fate, history.pieces
    used = np.arange(history.points.shape[1]) <= pieces[:, None]
    last = history.points[np.arange(history.count), pieces]
    on_wall = np.isin(fate, (PathEvent.DETECTED, PathEvent.IN_SENSOR, PathEvent.IN_WALL))
    flat = np.full((history.count, 2), np.nan)
    if on_wall.any():
        flat[on_wall] = np.asarray(unroll(detector.shape, jnp.asarray(last)))[on_wall]
    kinds = [kind for kind, *_ in FATES]
    counts = [int((fate == kind).sum()) for kind in kinds]
    return {
        "emitted": history.emitted,
        "pieces": packed(pieces, "<i4"),
        "points": packed(history.points[used], "<f4"),
        "times": packed(history.times[used], "<f4"),
        "fate": packed([kinds.index(kind) for kind in fate], "<i4"),
        "flat_end": packed(flat, "<f4"),
        "fates": [
            {"name": name, "colour": colour, "mark": mark, "count": count}
            for (_, name, colour, mark), count in zip(FATES, counts, strict=True)
        ],
    }
