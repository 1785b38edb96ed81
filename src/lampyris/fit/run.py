"""One run of a calibration: a source whose place is known, and what the detector recorded."""

from dataclasses import dataclass

import numpy as np

from lampyris._checks import LampyrisError, fail
from lampyris.detector import Detector
from lampyris.response import Hits
from lampyris.source.lamps import Lamp


@dataclass(frozen=True)
class Run:
    """A source and its data: one event, or several flashes along the first axis of `hits`.

    The source is taken as known: place, beam, wavelength, time, and mean number of photons of one flash. Sensors that
    recorded `saturation` [pe] or more in a flash are left out of the run.
    """

    source: Lamp
    hits: Hits
    saturation: float = np.inf

    @property
    def flashes(self) -> int:
        """Number of events."""
        return 1 if np.ndim(self.hits.charge) == 1 else int(np.shape(self.hits.charge)[0])

    def events(self) -> list[Hits]:
        """The flashes one by one."""
        if np.ndim(self.hits.charge) == 1:
            return [self.hits]
        return [Hits(*(np.asarray(column)[number] for column in self.hits)) for number in range(self.flashes)]

    def check(self, detector: Detector, name: str) -> None:
        """Raise `LampyrisError` unless source and data fit to the detector."""
        channels = detector.sensors.count
        if not isinstance(self.source, Lamp):
            raise LampyrisError(f"`{name}` must have a lamp as its source, but has a {type(self.source).__name__}.")
        if np.shape(self.hits.charge)[-1:] != (channels,):
            raise LampyrisError(
                f"`{name}` must have {channels} channels as {detector.name}, but has {np.shape(self.hits.charge)}."
            )
        if np.asarray(self.hits.charge).min(initial=0.0) < 0.0:
            fail(f"{name}: charge", ">= 0", np.asarray(self.hits.charge).min(), "pe")
        for event in self.events():
            event.check(channels)
        if not self.saturation > 0.0:
            fail(f"{name}: saturation", "> 0", self.saturation, "pe")
        if np.all(np.asarray(self.hits.charge)[np.asarray(self.hits.hit, bool)] >= self.saturation):
            raise LampyrisError(
                f"`{name}` must have a sensor that is not saturated, but all reach {self.saturation:g} pe."
            )
        try:
            self.source.check_inside(detector.shape)
        except LampyrisError as error:
            raise LampyrisError(f"{name}: {error}") from error
