"""Calls from the host: one compiled function instead of many small ones, NumPy arrays back, and small matrices on one core."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from threadpoolctl import ThreadpoolController

_compiled = eqx.filter_jit(lambda function, arguments: function(*arguments))


def on_host(function: Callable, *arguments):
    """The result of a function, or of a method of a module, as NumPy arrays; compiled once for each shape of the input."""
    arrays = [jnp.asarray(a, float) if _plain(a) else a for a in arguments]
    return jax.tree.map(np.asarray, _compiled(function, arrays))


@contextmanager
def small_matrices() -> Iterator[None]:
    """Until its end, or within a function that it decorates, linear algebra of the host runs on one thread.

    More of them wait busily for a while after every matrix, on cores that compiled functions want meanwhile.
    """
    with _algebra().limit(limits=1, user_api="blas"):
        yield


@lru_cache(maxsize=1)
def _algebra() -> ThreadpoolController:
    return ThreadpoolController()


def _plain(value) -> bool:
    named = isinstance(value, tuple) and hasattr(value, "_fields")  # a structure, not a list of numbers
    return isinstance(value, np.ndarray | float | int | list | tuple) and not named
