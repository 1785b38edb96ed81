"""Where a calibration stands, in a file, so that one that was stopped goes on as if nothing had happened."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import PRNGKeyArray

from lampyris._checks import LampyrisError
from lampyris.fit.calibration_problem import Problem, State
from lampyris.fit.flash_score import ChannelState

FORMAT = "lampyris-calibration-2"


class Standing(NamedTuple):
    """All that the next iteration depends on."""

    stage: int
    draws: int
    """how often paths were drawn"""
    drawn: State
    """the state that the present paths were drawn in"""
    state: State
    effective: tuple[float, ...]
    """effective numbers of deposits when the paths were new; empty before the first iteration on them"""
    light: float
    """photoelectrons that a typical path brings, times the number of paths: the most of any run, when last measured"""
    history: tuple[dict[str, float], ...]
    converged: bool
    tracks: np.ndarray
    """states of the tracks, (events, numbers); empty before they are found"""

    @classmethod
    def begin(cls, stage: int, state: State) -> "Standing":
        """Before the first iteration."""
        return cls(stage, 0, state, state, (), 0.0, (), False, np.zeros((0, 0)))


def fingerprint(problem: Problem, key: PRNGKeyArray) -> str:
    """A number that changes with the data, the start, the settings or the key."""
    tracks = problem.tracks
    particle = None if tracks is None else tracks.particle
    made = hashlib.sha256(repr((problem.names, problem.own_paths, problem.settings, particle)).encode())
    made.update(np.asarray(jax.random.key_data(key)).tobytes())
    runs = [(run.source, *run.hits, run.saturation) for run in problem.runs]
    trees = (problem.free.detector, runs, None if tracks is None else tracks.hits)
    for leaf in jax.tree.leaves(trees):
        made.update(np.ascontiguousarray(leaf).tobytes())
    return made.hexdigest()


def save(path: Path, standing: Standing, identity: str) -> None:
    """Replace the file at once, so that a stop at any moment leaves a whole one."""
    archive: dict[str, Any] = {"format": FORMAT, "identity": identity, "history": json.dumps(standing.history)}
    archive |= {
        name: getattr(standing, name) for name in ("stage", "draws", "effective", "light", "converged", "tracks")
    }
    for name in ("drawn", "state"):
        state: State = getattr(standing, name)
        for part, value in zip(
            ("theta", "brightness", *ChannelState._fields), (*state[:2], *state.channel), strict=True
        ):
            archive[f"{name}_{part}"] = value
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        np.savez(file, **archive)
    os.replace(part, path)


def load(path: Path, identity: str) -> Standing | None:
    """What the file holds; nothing where there is none. Raises `LampyrisError` for one of another calibration."""
    if not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as archive:
            table = {name: archive[name] for name in archive.files}
        if str(table["format"]) != FORMAT:
            raise LampyrisError(f"{path} is of the format {table['format']}, not {FORMAT}.")
        same = str(table["identity"]) == identity
        standing = Standing(
            int(table["stage"]),
            int(table["draws"]),
            _state(table, "drawn"),
            _state(table, "state"),
            tuple(table["effective"].ravel().tolist()),
            float(table["light"]),
            tuple(json.loads(str(table["history"]))),
            bool(table["converged"]),
            table["tracks"],
        )
    except (OSError, KeyError, ValueError, EOFError) as error:
        if isinstance(error, LampyrisError):
            raise
        raise LampyrisError(f"{path} is not the checkpoint of a calibration: {error}") from error
    if not same:
        raise LampyrisError(f"{path} is the checkpoint of another calibration; remove it or name another file.")
    return standing


def _state(table: dict[str, np.ndarray], name: str) -> State:
    channel = ChannelState(*(table[f"{name}_{part}"] for part in ChannelState._fields))
    return State(table[f"{name}_theta"], table[f"{name}_brightness"], channel)
