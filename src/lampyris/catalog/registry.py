"""Detectors by name."""

from collections.abc import Callable

from lampyris._checks import fail_unknown
from lampyris.catalog.eos import eos
from lampyris.catalog.hyper_kamiokande import hyper_kamiokande, iwcd, wcte
from lampyris.catalog.juno import juno, tao
from lampyris.catalog.super_kamiokande import super_kamiokande
from lampyris.detector import Detector

_DETECTORS: dict[str, tuple[Callable[[], Detector], str]] = {
    "SK": (super_kamiokande, "Super-Kamiokande: cylinder 33.8 x 36.2 m, 11,146 20-inch tubes, water"),
    "HK": (hyper_kamiokande, "Hyper-Kamiokande: cylinder 64.8 x 65.8 m, 19,916 20-inch tubes, water"),
    "IWCD": (iwcd, "Intermediate Water Cherenkov Detector: cylinder 7 x 8 m, 404 modules of 19 3-inch tubes"),
    "WCTE": (wcte, "Water Cherenkov Test Experiment: cylinder 3.1 x 2.7 m, 106 modules of 19 3-inch tubes"),
    "JUNO": (juno, "JUNO: sphere of 38.8 m, 17,612 20-inch and 25,600 3-inch tubes, liquid scintillator"),
    "TAO": (tao, "Taishan Antineutrino Observatory: sphere of 1.8 m, 4024 silicon tiles, liquid scintillator"),
    "Eos": (eos, "Eos: cylinder 2.4 x 2.4 m, 242 8-inch tubes, water"),
}


def load(name: str) -> Detector:
    """Make a detector of the catalog; capitals do not matter, an unknown name raises `LampyrisError`."""
    known = {entry.lower(): make for entry, (make, _) in _DETECTORS.items()}
    if str(name).lower() not in known:
        fail_unknown("detector", name, names())
    return known[str(name).lower()]()


def names() -> tuple[str, ...]:
    """Names that `load` knows."""
    return tuple(_DETECTORS)


def summaries() -> dict[str, str]:
    """One line about each detector, by name."""
    return {name: line for name, (_, line) in _DETECTORS.items()}
