"""Data of one event: charge and first-hit time of every channel."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from jaxtyping import Array, Bool, Float

from lampyris._checks import LampyrisError, fail
from lampyris._svg import bars
from lampyris.describe import html_table


class Hits(NamedTuple):
    """Charge and first-hit time per channel, real or simulated. Leading axes are events."""

    charge: Float[Array | np.ndarray, "... channels"]
    """summed charge [pe]; 0 where not hit"""
    time: Float[Array | np.ndarray, "... channels"]
    """time of the first photoelectron [ns]; 0 where not hit"""
    hit: Bool[Array | np.ndarray, "... channels"]
    """whether the channel recorded anything in the window"""

    @classmethod
    def stacked(cls, events: Iterable["Hits"]) -> "Hits":
        """Single events of one detector, at least one, along a first axis."""
        return cls(*(np.stack([np.asarray(part) for part in column]) for column in zip(*events, strict=True)))

    def check(self, channels: int) -> None:
        """Raise `LampyrisError` unless this is one sound event of a detector with so many channels."""
        if np.shape(self.charge) != (channels,):
            raise LampyrisError(
                f"`Hits` must have {channels} channels as the detector, but have {np.shape(self.charge)}."
            )
        hit = np.asarray(self.hit)
        if not hit.any():
            raise LampyrisError("`Hits` must hold at least one hit, but the event is empty.")
        for name in ("charge", "time"):
            values = np.asarray(getattr(self, name))[hit]
            if not np.isfinite(values).all():
                fail(f"Hits({name}=...)", "finite on every hit channel", values[~np.isfinite(values)][0])
        if np.asarray(self.charge).min() < 0:
            fail("Hits(charge=...)", ">= 0", np.asarray(self.charge).min(), "pe")

    def _repr_html_(self) -> str:
        """What was seen, with the spread of charges and times and their histograms, in notebooks."""
        hit = np.asarray(self.hit, bool)
        title = f"Hits: {int(hit.sum())} of {hit.size} channels, {float(np.asarray(self.charge)[hit].sum()):.1f} pe"
        if not hit.any():
            return html_table(title, (), [])
        rows = []
        for name, unit in (("charge", "pe"), ("time", "ns")):
            spread = np.quantile(np.asarray(getattr(self, name))[hit], [0.0, 0.16, 0.5, 0.84, 1.0])
            rows.append((name, *(f"{value:.4g}" for value in spread), unit))
        table = html_table(title, ("", "least", "16 %", "median", "84 %", "most", "unit"), rows)
        charge, time = (np.asarray(values)[hit] for values in (self.charge, self.time))
        return table + bars(charge, "charge [pe]") + bars(time, "time [ns]")
