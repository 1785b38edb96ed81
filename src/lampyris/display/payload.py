"""Detector and events as the JSON that the page reads: long columns are little-endian, deflated, in base 64."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from lampyris.detector import Detector
from lampyris.display._pack import packed
from lampyris.display.event import TRACK_COLOURS
from lampyris.display.outline import outline
from lampyris.display.photons import photons_payload
from lampyris.display.prediction import Prediction
from lampyris.display.ring import opening_angle, track_on_wall, unroll
from lampyris.response import Hits
from lampyris.source import Track
from lampyris.transport import PhotonHistory


class Shown(NamedTuple):
    """One event to show: its number, hits, what is known of the particle, a prediction to compare with, and photons.

    `note` is one line for the person who looks at it.
    """

    number: int
    hits: Hits
    truth: Track | None = None
    fit: Track | None = None
    prediction: Prediction | None = None
    photons: PhotonHistory | None = None
    note: str = ""


def detector_payload(detector: Detector) -> dict:
    """Sensors, outline and name of a detector."""
    sensors, edges = detector.sensors, outline(detector.shape)
    position = np.asarray(sensors.position)
    return {
        "name": detector.name,
        "position": packed(position, "<f4"),
        "normal": packed(sensors.normal, "<f4"),
        "radius": packed(sensors.radius, "<f4"),
        "flat": packed(unroll(detector.shape, jnp.asarray(position)), "<f4"),
        "outline": [_points(line) for line in edges.space],
        "flat_outline": [_points(line) for line in edges.flat],
    }


def event_payload(detector: Detector, shown: Shown) -> dict:
    """Hits, tracks, prediction and photons of one event; an event without hits is allowed."""
    hit, charge, time = (np.asarray(getattr(shown.hits, name)) for name in ("hit", "charge", "time"))
    if hit.shape != (detector.sensors.count,) or hit.any():
        shown.hits.check(detector.sensors.count)
    channel = np.flatnonzero(hit)
    channel = channel[np.argsort(charge[channel], kind="stable")]
    tracks = {name: track for name, track in (("truth", shown.truth), ("fit", shown.fit)) if track is not None}
    told = {
        "number": shown.number,
        "summary": f"{len(channel)} of {len(hit)} channels hit, {charge[channel].sum():.0f} pe",
        "channel": packed(channel, "<i4"),
        "charge": packed(charge[channel], "<f4"),
        "time": packed(time[channel], "<f4"),
        "tracks": [_track(detector, name, track) for name, track in tracks.items()],
        "note": shown.note,
    }
    if shown.prediction is not None:
        of, mean, when = shown.prediction
        told["prediction"] = {"of": of, "charge": packed(mean, "<f4"), "time": packed(when, "<f4")}
    if shown.photons is not None:
        told["photons"] = photons_payload(detector, shown.photons)
    return told


def _track(detector: Detector, name: str, track: Track) -> dict:
    on_wall = track_on_wall(detector, track)
    return {
        "name": name,
        "label": f"{name}: {track.particle}, {float(track.energy):.0f} MeV",
        "colour": TRACK_COLOURS[name],
        "dashed": name != "truth",
        "angle": opening_angle(track.particle, float(track.energy), detector.medium),
        "line": _points(on_wall.line),
        "rings": [_points(ring) for ring in on_wall.rings],
        "flat_rings": [_points(ring) for ring in on_wall.flat_rings],
        "flat_vertex": _points(on_wall.flat_vertex),
        "flat_aim": _points(on_wall.flat_aim),
    }


def _points(points: np.ndarray) -> list:
    """Points to a millimetre."""
    return np.round(np.asarray(points, dtype=float), 3).tolist()
