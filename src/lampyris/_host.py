"""Calls from the host: one compiled function instead of many small ones, and NumPy arrays back."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

_compiled = eqx.filter_jit(lambda function, arguments: function(*arguments))


def on_host(function: Callable, *arguments):
    """The result of a function, or of a method of a module, as NumPy arrays; compiled once for each shape of the input."""
    arrays = [jnp.asarray(a, float) if _plain(a) else a for a in arguments]
    return jax.tree.map(np.asarray, _compiled(function, arrays))


def _plain(value) -> bool:
    named = isinstance(value, tuple) and hasattr(value, "_fields")  # a structure, not a list of numbers
    return isinstance(value, np.ndarray | float | int | list | tuple) and not named
