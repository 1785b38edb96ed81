"""Events of particles whose tracks are not known, as data of a calibration."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lampyris._checks import LampyrisError, fail
from lampyris.detector import Detector
from lampyris.emission import load_profile
from lampyris.fit.reconstruct import FEWEST_HITS
from lampyris.response import Hits
from lampyris.source import Track


@dataclass(frozen=True)
class Tracks:
    """Events of one kind of particle, along the first axis of `hits`; a calibration fits the track of each of them.

    `starts` are tracks that an earlier reconstruction has found, one for each event; without them the calibration
    reconstructs the events itself.
    """

    particle: str
    hits: Hits
    starts: Sequence[Track] | None = None

    def events(self) -> list[Hits]:
        """The events one by one."""
        if np.ndim(self.hits.charge) == 1:
            return [self.hits]
        return [Hits(*(np.asarray(column)[number] for column in self.hits)) for number in range(len(self.hits.charge))]

    def check(self, detector: Detector) -> None:
        """Raise `LampyrisError` unless particle and data fit to the detector."""
        if detector.medium.scintillation is not None:
            raise LampyrisError("`tracks` need a medium with Cherenkov light alone, but the detector's scintillates.")
        load_profile(self.particle).check_medium(detector.medium)
        channels = detector.sensors.count
        if np.shape(self.hits.charge)[-1:] != (channels,):
            raise LampyrisError(
                f"`tracks` must have {channels} channels as {detector.name}, but have {np.shape(self.hits.charge)}."
            )
        if np.asarray(self.hits.charge).min(initial=0.0) < 0.0:
            fail("tracks: charge", ">= 0", np.asarray(self.hits.charge).min(), "pe")
        for event in self.events():
            event.check(channels)
        if self.starts is not None and len(self.starts) != len(self.events()):
            fail("tracks: starts", f"one for each of {len(self.events())} events", len(self.starts))
        for start in self.starts or ():
            start.check_inside(detector.shape)
        if not any(np.asarray(event.hit).sum() >= FEWEST_HITS for event in self.events()):
            raise LampyrisError(f"`tracks` must hold an event with at least {FEWEST_HITS} hits, but hold none.")
