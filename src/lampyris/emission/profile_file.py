"""Profiles in files: those that ship with the package, and own ones."""

from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lampyris._checks import LampyrisError, fail_unknown
from lampyris.emission.cherenkov import BAND
from lampyris.emission.light_shape import LightShape
from lampyris.emission.packed import pack, unpack
from lampyris.emission.profile import TrackProfile
from lampyris.emission.siren import Siren
from lampyris.emission.smooth import SmoothCurve
from lampyris.emission.typical import typical_light

FORMAT = "lampyris-profile-2"
SUFFIX = ".profile"
CURVES = ("photons", "photons_rms", "length", "distance", "distance_rms")


def write_profile(path: Path | str, profile: TrackProfile) -> None:
    """Write a profile; what was at `path` stays until the new file is complete."""
    arrays = {name: np.asarray(getattr(profile, name), np.float32) for name in ("edges", "index_table")}
    for name in CURVES:
        arrays[name] = np.asarray(getattr(profile, name).series, np.float32)
    for name in ("light", "delay"):
        network = getattr(profile.shape, name)
        for number, (weight, bias) in enumerate(zip(network.weights, network.biases, strict=True)):
            arrays[f"{name}_weight_{number}"] = np.asarray(weight, np.float32)
            arrays[f"{name}_bias_{number}"] = np.asarray(bias, np.float32)
    header = {
        "particle": profile.particle,
        "energy_range_MeV": profile.energy_range,
        "band_nm": BAND,
        "ring_rad": profile.shape.ring,
        "delay_unit_ns": profile.shape.delay_unit,
        "provenance": profile.provenance,
    }
    pack(path, FORMAT, header, arrays)


def read_profile(path: Path | str) -> TrackProfile:
    """Read a profile, in the precision that JAX works in.

    Raises `LampyrisError` for a damaged file, one of another kind, and one made for another band of wavelengths.
    """
    header, arrays = unpack(path, FORMAT, "track profile")
    try:
        band, profile = header["band_nm"], build_profile(header, arrays)
    except (KeyError, TypeError, ValueError) as error:
        raise LampyrisError(f"{path} is not a track profile: {type(error).__name__} {error}.") from error
    if np.abs(np.subtract(band, BAND)).max() > 0.1:
        raise LampyrisError(
            f"{path} was made for light of {band[0]:.1f} .. {band[1]:.1f} nm; "
            f"a profile must be for {BAND[0]:.1f} .. {BAND[1]:.1f} nm."
        )
    return profile


def build_profile(header: dict[str, Any], arrays: dict[str, np.ndarray]) -> TrackProfile:
    """The profile of a header and its arrays."""
    low, high = header["energy_range_MeV"]
    with jax.ensure_compile_time_eval():  # it may first be asked for while a function is traced
        taken = {name: jnp.asarray(value, float) for name, value in arrays.items()}
        shape = LightShape(
            _network(taken, "light"), _network(taken, "delay"), header["ring_rad"], header["delay_unit_ns"]
        )
        curves = {name: SmoothCurve(taken[name], (low, high)) for name in CURVES}
        return TrackProfile(
            shape=shape,
            **curves,
            edges=taken["edges"],
            index_table=taken["index_table"],
            particle=header["particle"],
            provenance=header["provenance"],
        )


def _network(arrays: dict[str, jax.Array], name: str) -> Siren:
    layers = range(sum(entry.startswith(f"{name}_weight_") for entry in arrays))
    return Siren(*(tuple(arrays[f"{name}_{part}_{number}"] for number in layers) for part in ("weight", "bias")))


def profile_names() -> list[str]:
    """Particles whose profiles ship with the package."""
    tables = files("lampyris.emission") / "tables"
    return sorted(entry.name.removesuffix(SUFFIX) for entry in tables.iterdir() if entry.name.endswith(SUFFIX))


def load_profile(particle: str, file: str | None = None) -> TrackProfile:
    """The profile of a particle in water, in the precision that JAX works in: the shipped one, or that of a `file`.

    Raises `LampyrisError` for an unknown particle and for a file of another particle.
    """
    return _load(*_version(particle, file))


def load_typical(particle: str, file: str | None = None) -> np.ndarray:
    """`typical_light` (nodes, angles) of a profile over its energies."""
    return _typical(*_version(particle, file))


def _version(particle: str, file: str | None) -> tuple[str, str | None, int, str]:
    """What tells one profile from another."""
    changed = Path(file).stat().st_mtime_ns if file is not None and Path(file).is_file() else 0
    return particle, file, changed, jax.dtypes.canonicalize_dtype(float).name


@lru_cache(maxsize=16)
def _typical(*version) -> np.ndarray:
    profile = _load(*version)
    with jax.ensure_compile_time_eval():
        return np.asarray(typical_light(lambda energy: profile.nodes(energy).light, profile.energy_range))


@lru_cache(maxsize=16)
def _load(particle: str, file: str | None, changed: int, precision: str) -> TrackProfile:
    """As `load_profile`; a file that was changed is read again, and precisions are kept apart."""
    if file is not None:
        profile = read_profile(file)
        if profile.particle != particle:
            raise LampyrisError(f"{file} is the profile of {profile.particle}; one of {particle} is needed.")
        return profile
    if particle not in profile_names():
        fail_unknown("particle", particle, profile_names())
    return read_profile(str(files("lampyris.emission") / "tables" / f"{particle}{SUFFIX}"))
