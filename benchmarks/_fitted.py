"""Fit all events of a file here, one after the other; what is done already is kept."""

from collections.abc import Callable
from pathlib import Path

import lampyris as lp
from lampyris.data._fit_rows import FitRow
from lampyris.data.fits_file import FitsWriter, read_fits, summary
from lampyris.data.hits_file import read_events
from lampyris.fit.many import EventFitter, detector_digest

Fitting = Callable[..., lp.Fit]


def fitted(detector: lp.Detector, events: Path, fits: Path, particle: str, fit: Fitting) -> dict:
    """Figures of the fits of a file of events by `fit(detector, hits, particles)`."""
    if not fits.exists():
        file, fitter = read_events(events), EventFitter(detector, (particle,), fit)
        writer = FitsWriter(fits, file, particle, digest=detector_digest(detector))
        for number in sorted(set(range(len(file))) - writer.done):
            outcome = fitter(file.hits(number))
            told = {"result": outcome.result, "note": outcome.note, "seconds": outcome.seconds}
            writer.append(FitRow.of(number, outcome.fit, file.truth(number), **told))
        writer.finish()
    return summary(read_fits(fits))
