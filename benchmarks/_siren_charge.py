"""Photoelectrons of whole events in a detector against the prediction from the profile.

What a single event does to one side of its ring it undoes in another event: nothing prefers a side. So every photon is
turned about the initial direction by an angle of its own. The mean over events stays, and far fewer of them show it.
"""

from collections.abc import Iterator
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import matplotlib
import numpy as np

import lampyris as lp
from lampyris.medium import Medium
from lampyris.rays import Rays
from lampyris.response import detection_bound
from lampyris.spectrum import Spectrum

matplotlib.use("Agg")
from matplotlib import pyplot

POSITION, DIRECTION = [2.0, -3.0, -4.0], [0.6, 0.0, 0.8]
FINE = {"rays": 32768, "steps": 10, "mirror_rays": 65536, "scatter_rays": 262144}
ANGLES = np.arange(0.0, 181.0, 2.0)
LIT = 0.03
"""Bins of angle with at least this share of the mean direct light per bin are judged."""
RING = (36.0, 46.0)
"""Angles to the track [degrees] of the ring."""


class Turned(lp.Track):
    """A track each of whose photons is turned about its initial direction by a uniform angle."""

    def event(self, medium: Medium, *, key: jax.Array, keep: Spectrum) -> Iterator[tuple[Rays, float]]:
        """Photons of one simulated particle, turned."""
        axis, start = np.asarray(self.direction), np.asarray(self.position)
        draw = np.random.default_rng(np.asarray(jax.random.key_data(key)).ravel())
        for rays, emitted in super().event(medium, key=key, keep=keep):
            angle = draw.uniform(0.0, 2.0 * np.pi, (rays.count, 1))
            position = start + turned(np.asarray(rays.position) - start, axis, angle)
            direction = turned(np.asarray(rays.direction), axis, angle)
            direction = direction / np.linalg.norm(direction, axis=1, keepdims=True)
            yield rays._replace(position=jnp.asarray(position), direction=jnp.asarray(direction)), emitted


def turned(vectors: np.ndarray, axis: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """Vectors (n, 3) turned about the unit vector `axis` by angles (n, 1)."""
    along = (vectors @ axis)[:, None] * axis
    across = vectors - along
    return (along + np.cos(angle) * across + np.sin(angle) * np.cross(axis, across)).astype(np.float32)


def charge_of_events(detector: lp.Detector, particle: str, energy: float, events: int, seed: int) -> dict:
    """Mean photoelectrons of events, direct and in all, against the expectation; by sensor and by angle to the track."""
    track, data = (kind(particle, energy, POSITION, DIRECTION, 0.0) for kind in (lp.Track, Turned))
    counts = np.zeros((events, 2, detector.sensors.count), np.int32)
    bound, draw = detection_bound(detector.sensors), np.random.default_rng(seed)
    for number in range(events):
        key = jax.random.fold_in(jax.random.key(seed), number)
        arrivals, _ = lp.MonteCarlo()(data, detector, key=key, keep=bound)
        wavelength = jnp.asarray(arrivals.wavelength)
        chance = np.asarray(detector.sensors.quantum_efficiency(wavelength) / bound(wavelength))
        seen = draw.random(len(chance)) < chance
        for row, own in enumerate((seen & arrivals.direct, seen)):
            counts[number, row] = np.bincount(arrivals.channel[own], minlength=detector.sensors.count)
    direct, indirect = _parts(lp.Hybrid(**FINE), track, detector)
    guess = np.stack([direct, direct + indirect]).astype(float)
    total = counts.sum(axis=2).astype(float)
    error = 100.0 * (guess.sum(axis=1) / total.mean(axis=0) - 1.0)
    sigma = 100.0 * total.std(axis=0, ddof=1) / np.sqrt(events) / total.mean(axis=0)
    return {
        "events": events,
        "total_error_percent": float(error[1]),
        "total_sigma_percent": float(sigma[1]),
        "direct_error_percent": float(error[0]),
        "direct_sigma_percent": float(sigma[0]),
    } | _by_angle(detector, track, counts[:, 0], guess[0])


@eqx.filter_jit
def _parts(transport, track, detector):
    return transport.direct(track, detector).charge, transport.indirect(track, detector).charge


def _by_angle(detector, track, counts: np.ndarray, guess: np.ndarray) -> dict:
    """Direct light in bins of the angle about the middle of the track, and chi-square of single sensors."""
    middle = np.asarray(track.position) + 0.5 * float(track.profile.length(track.energy)) * np.asarray(track.direction)
    way = np.asarray(detector.sensors.position) - middle
    angle = np.degrees(np.arccos(way @ np.asarray(track.direction) / np.linalg.norm(way, axis=1)))
    cell = np.digitize(angle, ANGLES) - 1
    own = np.stack([np.bincount(cell, row, minlength=len(ANGLES) - 1) for row in counts])
    mean, error = own.mean(axis=0), own.std(axis=0, ddof=1) / np.sqrt(len(counts))
    expected = np.bincount(cell, guess, minlength=len(ANGLES) - 1)
    lit = expected > LIT * expected.mean()
    residual = (mean - expected) / np.where(expected > 0, expected, 1.0)
    sensors = guess > 0.05
    seen, variance = counts.mean(axis=0)[sensors], counts.var(axis=0, ddof=1)[sensors] / len(counts)
    pull = (seen - guess[sensors]) / np.sqrt(np.maximum(variance, guess[sensors] / len(counts)))
    weight = expected[lit] / expected[lit].sum()
    return {
        "ring_residual_percent_rms": 100.0 * float(np.sqrt((weight * residual[lit] ** 2).sum())),
        "ring_residual_statistical_percent": 100.0 * float(np.sqrt((weight * (error / expected)[lit] ** 2).sum())),
        "ring_residual_chi2_per_bin": float(((residual * expected)[lit] ** 2 / error[lit] ** 2).mean()),
        "ring_bins": int(lit.sum()),
        "parts": _parts_of_ring(own, expected),
        "sensor_chi2": float((pull**2).mean()),
        "sensors": int(sensors.sum()),
        "profile": (0.5 * (ANGLES[1:] + ANGLES[:-1])[lit], expected[lit], residual[lit], error[lit] / expected[lit]),
    }


def _parts_of_ring(own: np.ndarray, expected: np.ndarray) -> dict:
    """How much more whole events have than predicted inside, on and outside the ring [%], with the errors."""
    middle, parts = 0.5 * (ANGLES[1:] + ANGLES[:-1]), {}
    for name, low, high in (("inside", 0.0, RING[0]), ("ring", *RING), ("outside", RING[1], 90.0)):
        chosen = (middle > low) & (middle < high)
        seen, guess = own[:, chosen].sum(axis=1), expected[chosen].sum()
        parts[name] = {
            "percent": 100.0 * float(seen.mean() / guess - 1.0),
            "sigma_percent": 100.0 * float(seen.std(ddof=1) / np.sqrt(len(seen)) / guess),
        }
    return parts


def draw_residuals(rows: dict[str, dict], many: dict[str, dict], path: Path) -> None:
    """Direct light of whole events over the angle, what they have more than predicted, and the light of many particles."""
    figure, axes = pyplot.subplots(2, len(rows), figsize=(9.0, 5.0), sharex=True, layout="constrained")
    middle = 0.5 * (ANGLES[1:] + ANGLES[:-1])
    for (particle, row), (above, below) in zip(rows.items(), axes.T, strict=True):
        angle, expected, residual, error = row["profile"]
        above.step(angle, expected, where="mid", color="C0")
        above.set(
            title=f"{particle}, 1 GeV, {row['events']} events", ylabel="photoelectrons in 2 degrees", yscale="log"
        )
        below.errorbar(angle, 100 * residual, 100 * error, fmt=".", color="C1", label="photoelectrons")
        more, sigma = many[particle]["profile"]
        lit = middle < 110.0
        label = f"light of {many[particle]['particles']} particles"
        below.errorbar(middle[lit], more[lit], sigma[lit], fmt=".", color="C2", markersize=3, label=label)
        below.axhline(0.0, color="grey", linewidth=0.8)
        below.set(xlabel="angle to the track [degrees]", ylabel="particles over prediction - 1 [%]", ylim=(-15, 15))
        below.legend(fontsize=8)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
