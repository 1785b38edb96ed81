"""Indirect light of `Hybrid` on and beside the ring of a muon, against paths among the true sensors."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np

import lampyris as lp
from lampyris.transport.paths import draw_paths, enough_steps
from lampyris.transport.replay import replay

SHARES = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 1.0)
"""of the channels, ordered by their direct light"""


def ring(detector: lp.Detector, track: lp.Track, count: int = 2**20) -> dict:
    """Ratio of the indirect charges, and its error, in classes of channels; the last class is the ring itself."""
    key = jax.random.key(3)
    paths = draw_paths(track, detector, count=count, steps=enough_steps(track, detector, key=key), key=key)
    whole = replay(paths, lambda _: detector, jnp.zeros(0), jnp.zeros((detector.sensors.count, 0))).summed()
    true, variance = np.asarray(whole.charge[:, 0], float), np.asarray(whole.variance, float)
    transport = lp.Hybrid()
    direct, seen = (np.asarray(f(track, detector).charge, float) for f in (transport.direct, transport.indirect))
    order, told = np.argsort(direct), {}
    for low, high in itertools.pairwise(SHARES):
        part = order[round(low * len(order)) : round(high * len(order))]
        told[f"{low:g} to {high:g}"] = {
            "direct_pe": float(direct[part].mean()),
            "indirect_pe": float(true[part].mean()),
            "ratio": float(seen[part].sum() / true[part].sum()),
            "ratio_error": float(np.sqrt(variance[part].sum()) / true[part].sum()),
        }
    excess = ((seen - true) ** 2 - variance) / (direct + true)
    return {"indirect_by_direct_light": told, "indirect_error_over_poisson_percent": 100.0 * float(excess.mean())}
