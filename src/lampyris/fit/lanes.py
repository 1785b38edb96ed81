"""Direct light on all cores of a processor: the channels are dealt out among threads.

Loops over chunks of channels that fit into the cache of one core gain nothing from the threads of a compiler.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int

LEAST = 2048
"""Channels that are worth a thread."""

Rows = TypeVar("Rows")


def cores() -> int:
    """Threads that may work at the same time: the cores of this process, or one where an accelerator does the work."""
    if jax.default_backend() != "cpu":
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def lanes_of(count: int) -> Int[Array, "lanes channels"]:
    """The numbers of so many channels, dealt out to as many lanes as have threads; the last one fills up the last rows."""
    lanes = max(1, min(cores(), count // LEAST))
    rows = -(-count // lanes)
    return jnp.minimum(jnp.arange(rows * lanes), count - 1).reshape(rows, lanes).T


def in_lanes(work: Callable[[Array], Rows], lanes: Int[Array, "lanes channels"], count: int) -> Rows:
    """What `work` gives for the channels of each lane, arrays whose first axis is channels, put together for all, `count`."""
    if len(lanes) == 1:
        return work(lanes[0])
    with ThreadPoolExecutor(len(lanes)) as threads:
        parts = list(threads.map(lambda lane: jax.block_until_ready(work(lane)), lanes))
    return jax.tree.map(lambda *columns: _shuffled(columns, count), *parts)


def _shuffled(columns: tuple[Array, ...], count: int) -> Array:
    whole = jnp.stack(columns, axis=1)
    return whole.reshape(-1, *whole.shape[2:])[:count]
