"""Events from a file of steps or of photons, put where the options say."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lampyris.data.records import Truth
    from lampyris.source import Source

ORIGIN, ALONG_Z = (0.0, 0.0, 0.0), (0.0, 0.0, 1.0)


@dataclass(frozen=True)
class Given:
    """A file of steps or of photons and the vertex, direction and time that its events are carried to."""

    path: Path
    kind: str
    position: tuple[float, float, float] = ORIGIN
    direction: tuple[float, float, float] = ALONG_Z
    time: float = 0.0

    def check(self) -> None:
        """Raise `LampyrisError` for a bad direction or time."""
        import numpy as np

        from lampyris._checks import fail

        if abs(float(np.linalg.norm(self.direction)) - 1.0) > 1e-4:
            fail("--direction", "a unit vector", self.direction)
        if not np.isfinite(self.time):
            fail("--time", "finite", self.time, "ns")

    def open(self):
        """The file of the right reader."""
        from lampyris._checks import LampyrisError
        from lampyris.data.particle_table import read_photons, read_steps
        from lampyris.data.photonsim import read_photonsim
        from lampyris.data.recognise import recognise

        found = recognise(self.path)
        readers = {"steps": {"steps": read_steps}, "photons": {"photons": read_photons, "photonsim": read_photonsim}}
        if found not in readers[self.kind]:
            raise LampyrisError(f"`--{self.kind}` must be a file of {self.kind}, but {self.path} is one of {found}.")
        return readers[self.kind][found](self.path)

    def sources(self, events, count: int) -> "Iterator[tuple[Source, Truth | None]]":
        """Light and, where the file knows it, the particle of the first `count` events."""
        import numpy as np

        from lampyris.data.records import Truth

        place = (np.asarray(self.position), np.asarray(self.direction), self.time)
        for event in range(count):
            source = self._light(events, event)
            name, energy = events.particle(event)
            known = bool(name) and np.isfinite(energy) and energy > 0
            yield source, Truth(name, energy, *place) if known else None

    def _light(self, events, event: int) -> "Source":
        from lampyris.source import StepLight

        if self.kind == "steps":
            return StepLight(events.steps(event), self.position, self.direction, self.time)  # pyright: ignore[reportArgumentType]
        return events.photons(event).moved(self.position, self.direction, self.time)
