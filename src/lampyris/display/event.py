"""An event as displays draw it, and how it becomes a file."""

import contextlib
import os
from pathlib import Path
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from lampyris._checks import LampyrisError
from lampyris.detector import Detector
from lampyris.display.ring import TrackOnWall, track_on_wall, unroll
from lampyris.response import Hits
from lampyris.source import Track

BACKGROUND, TEXT = "#14181d", "#dfe4e8"
TRACK_COLOURS = {
    "truth": "#56B4E9",
    "fit": "#FFFFFF",
}  # apart in brightness and, with dashes, in form: no need of colour
CHARGE_COLOURS, TIME_COLOURS, DARKEST = "inferno", "viridis", 0.25
"""Colour maps, and the share at their dark end that is left out, which would vanish on the background."""


class EventView(NamedTuple):
    """One event over all channels; hit channels come in the order of their charge, so that the largest lie on top."""

    position: np.ndarray
    flat: np.ndarray
    radius: np.ndarray
    channel: np.ndarray
    """hit channels"""
    charge: np.ndarray
    """of the hit channels [pe]"""
    time: np.ndarray
    """of the hit channels [ns]"""
    silent: np.ndarray
    """channels without a hit"""
    tracks: dict[str, TrackOnWall]
    labels: dict[str, str]

    @property
    def charge_range(self) -> tuple[float, float]:
        """Ends of the logarithmic charge scale [pe]: 2 % of the hits lie below."""
        positive = self.charge[self.charge > 0]
        low, high = (np.quantile(positive, 0.02), positive.max()) if len(positive) else (1.0, 1.0)
        return float(low), float(max(high, 2.0 * low))

    @property
    def charge_ticks(self) -> list[float]:
        """Round numbers on the charge scale [pe]."""
        low, high = self.charge_range
        return [m * 10.0**e for e in range(-3, 7) for m in (1, 2, 5) if low <= m * 10.0**e <= high]

    @property
    def first_time(self) -> float:
        """Time of the earliest hits [ns]: 2 % of the hits come before."""
        return float(np.quantile(self.time, 0.02))

    @property
    def time_span(self) -> float:
        """Length of the time scale [ns]: from 2 % to 98 % of the hits."""
        return max(float(np.quantile(self.time, 0.98)) - self.first_time, 1.0)

    @property
    def summary(self) -> str:
        """The event in half a line."""
        channels = len(self.channel) + len(self.silent)
        return f"{len(self.channel)} of {channels} channels hit, {self.charge.sum():.0f} pe"


def view_event(detector: Detector, hits: Hits, truth: Track | None, fit: Track | None) -> EventView:
    """Gather all that a display draws of one event; raises `LampyrisError` if the hits do not fit the detector."""
    hits.check(detector.sensors.count)
    hit, charge, time = (np.asarray(values) for values in (hits.hit, hits.charge, hits.time))
    channel = np.flatnonzero(hit)
    channel = channel[np.argsort(charge[channel], kind="stable")]
    tracks = {name: track for name, track in (("truth", truth), ("fit", fit)) if track is not None}
    return EventView(
        np.asarray(detector.sensors.position),
        np.asarray(unroll(detector.shape, jnp.asarray(detector.sensors.position))),
        np.asarray(detector.sensors.radius),
        channel,
        charge[channel].astype(float),
        time[channel].astype(float),
        np.flatnonzero(~hit.astype(bool)),
        {name: track_on_wall(detector, track) for name, track in tracks.items()},
        {name: f"{name}: {track.particle}, {float(track.energy):.0f} MeV" for name, track in tracks.items()},
    )


def save_whole(where: str, path: Path | str, content: bytes) -> None:
    """Write a file whole or not at all: beside its place first, then moved there. `where` names the call in errors."""
    path = Path(path)
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        try:
            beside.write_bytes(content)
            os.replace(beside, path)
        except BaseException:
            with contextlib.suppress(OSError):
                beside.unlink()
            raise
    except OSError as error:
        reason = error.strerror or "unknown reason"
        raise LampyrisError(
            f"`{where}(path=...)` must be a file that can be written, but is {str(path)!r}: {reason}."
        ) from error
