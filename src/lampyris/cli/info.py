"""`lampyris info`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from lampyris.cli._common import AS_JSON, console, guarded, print_json


@guarded
def tell_file(
    file: Annotated[
        Path, typer.Argument(help="A file of any format that lampyris reads, or a folder of GraphNeT tables.")
    ],
    as_json: Annotated[bool, AS_JSON] = False,
) -> None:
    """Say what a file holds and how it was made: events, fits, sensors, photons, detectors, of ours or of other programs.

    Example: lampyris info events.h5
    """
    from lampyris.data.recognise import FORMATS, recognise

    kind = recognise(file)
    told = {"file": str(file), "format": FORMATS[kind]} | _ABOUT[kind](file)
    if as_json:
        print_json(told)
        return
    table = Table(show_header=False, title=escape(str(file)))
    for name, value in told.items():
        if isinstance(value, dict):
            value = ", ".join(f"{n}: {v:.3g}" if isinstance(v, float) else f"{n}: {v}" for n, v in value.items())
        elif isinstance(value, list):
            value = ", ".join(f"{v:.4g}" if isinstance(v, float) else str(v) for v in value)
        table.add_row(name.replace("_", " "), f"{value:.4g}" if isinstance(value, float) else escape(str(value)))
    console().print(table)


def _about_events(file: Path) -> dict:
    from lampyris.data.hits_file import read_events

    events = read_events(file)
    total = int(events.offset[-1])
    told = {"detector": events.detector_name, "channels": events.channels}
    told |= {"events": len(events), "hits": total, "hits_per_event": total / max(len(events), 1)}
    return told | {"uuid": events.uuid} | events.provenance


def _about_fits(file: Path) -> dict:
    from lampyris.data.fits_file import read_fits, summary

    fits = read_fits(file)
    return fits.attributes | summary(fits)


def _about_watchmal(file: Path) -> dict:
    from lampyris.data.watchmal import read_watchmal

    events = read_watchmal(file)
    total = int(events.start[-1])
    told = {"events": len(events), "hits": total, "hits_per_event": total / max(len(events), 1)}
    return told | {"highest_channel": events.channels - 1, "axis": events.axis, "truth": sorted(events.truth)}


def _about_wcsim(file: Path) -> dict:
    from lampyris.data.wcsim import read_wcsim, read_wcsim_geometry

    events, table = read_wcsim(file), read_wcsim_geometry(file)
    return {"entries": events.entries, "tubes": events.channels, "shape": table.settings["shape"]}


def _about_photonsim(file: Path) -> dict:
    from lampyris.data.photonsim import read_photonsim

    photons = read_photonsim(file)
    particle, energy = photons.particle(0) if len(photons) else ("", float("nan"))
    return {"events": len(photons), "first_particle": particle, "first_energy_MeV": energy}


def _about_profile(file: Path) -> dict:
    from lampyris.emission import read_profile

    profile = read_profile(file)
    low, high = profile.energy_range
    middle = (low * high) ** 0.5
    told = {"particle": profile.particle, "lowest_energy_MeV": low, "highest_energy_MeV": high}
    told |= {f"photons_at_{middle:.0f}_MeV": float(profile.photons.values(middle))}
    return told | {"made_by": profile.provenance}


def _about_sensors(file: Path) -> dict:
    from lampyris import catalog
    from lampyris.data.geometry import read_sensor_table

    table = read_sensor_table(file)
    detector = catalog.from_table(file)
    told = {"sensors": len(table), "shape": type(detector.shape).__name__}
    return told | {"photocoverage": float(detector.photocoverage())} | table.settings


def _about_steps(file: Path) -> dict:
    from lampyris.data.particle_table import read_steps

    return _about_table(read_steps(file))


def _about_photons(file: Path) -> dict:
    from lampyris.data.particle_table import read_photons

    return _about_table(read_photons(file))


def _about_table(table) -> dict:
    events, rows = len(table), int(table.offset[-1])
    told = {"events": events, table.kind: rows, f"{table.kind}_per_event": rows / max(events, 1)}
    told |= {"particles": sorted(set(table.particles) - {""}), "energies_MeV": table.energies[:5].tolist()}
    return told | {
        name: text for name, text in table.provenance.items() if name in ("lampyris", "command", "seed", "date")
    }


def _about_parquet(file: Path) -> dict:
    from lampyris.data.parquet_summary import read_parquet

    held = read_parquet(file)
    told = {"events": held.events, "hits": held.hits, "hits_per_event": held.hits / max(held.events, 1)}
    told |= {"particles": held.particles}
    if held.energy_range is not None:
        told |= {"lowest_energy_MeV": held.energy_range[0], "highest_energy_MeV": held.energy_range[1]}
    return told


def _about_detector(file: Path) -> dict:
    from lampyris import catalog
    from lampyris.catalog.detector_file import read_yaml

    detector, content = catalog.from_file(file), read_yaml(file)
    told = {"base": content["base"], "detector": detector.name, "sensors": detector.sensors.count}
    told |= {"changed": sorted(content.get("parameters") or {})}
    made, calibration = content.get("made"), content.get("calibration")
    told |= {str(name): str(value) for name, value in made.items()} if isinstance(made, dict) else {}
    return told | ({"calibration": str(calibration.get("result"))} if isinstance(calibration, dict) else {})


_ABOUT = {
    "events": _about_events,
    "fits": _about_fits,
    "watchmal": _about_watchmal,
    "wcsim": _about_wcsim,
    "photonsim": _about_photonsim,
    "sensors": _about_sensors,
    "steps": _about_steps,
    "photons": _about_photons,
    "graphnet": _about_parquet,
    "prometheus": _about_parquet,
    "profile": _about_profile,
    "detector": _about_detector,
}
