"""Fit all events of a file; what is done already is kept."""

from functools import partial
from pathlib import Path

import lampyris as lp
from lampyris.data._fit_rows import FitRow
from lampyris.data.fits_file import FitsWriter, read_fits, summary
from lampyris.data.hits_file import read_events
from lampyris.fit.farm import Lost, in_line, in_processes
from lampyris.fit.many import EventFitter, detector_digest
from lampyris.response import Hits


def fitted(detector: lp.Detector, events: Path, fits: Path, particle: str, jobs: int, **options) -> dict:
    """Figures of the fits of a file of events by `reconstruct` with options, in some processes."""
    if not fits.exists():
        file, fitter = read_events(events), EventFitter(detector, (particle,), partial(_fit, options))
        writer = FitsWriter(fits, file, particle, digest=detector_digest(detector))
        tasks = ((number, file.hits(number)) for number in sorted(set(range(len(file))) - writer.done))
        for number, outcome in in_processes(fitter, tasks, jobs) if jobs > 1 else in_line(fitter, tasks):
            if isinstance(outcome, Lost):
                raise RuntimeError(f"event {number}: {outcome.reason}")
            told = {"result": outcome.result, "note": outcome.note, "seconds": outcome.seconds}
            writer.append(FitRow.of(number, outcome.fit, file.truth(number), **told))
        writer.finish()
    return summary(read_fits(fits))


def _fit(options: dict, detector: lp.Detector, hits: Hits, particles: tuple[str, ...]) -> lp.Fit:
    return lp.reconstruct(detector, hits, particle=particles[0], **options)
