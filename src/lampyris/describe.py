"""Tables of the parameters of a module tree: path, value, unit, domain."""

from collections.abc import Iterator
from dataclasses import fields
from html import escape
from typing import Any, NamedTuple

import equinox as eqx
import numpy as np

from lampyris._checks import is_concrete, show
from lampyris._module import Quantity, declared_quantities


def at_path(module: Any, path: str) -> Any:
    """The part of a module tree at a path as `parameters` gives it."""
    for word in path.split("."):
        module = module[int(word)] if word.isdigit() else getattr(module, word)
    return module


class Parameter(NamedTuple):
    """One parameter of a tree."""

    path: str
    value: object
    declared: Quantity


def parameters(module: eqx.Module, prefix: str = "") -> Iterator[Parameter]:
    """Yield every declared quantity of a module and of the modules in it, with its path."""
    declared = {name: quantity for name, quantity, _ in declared_quantities(module)}
    for field in fields(module):
        value, path = getattr(module, field.name), f"{prefix}{field.name}"
        if isinstance(value, eqx.Module):
            yield from _within(value, path, declared.get(field.name))
        elif isinstance(value, tuple):
            for index, entry in enumerate(value):
                if isinstance(entry, eqx.Module):
                    yield from parameters(entry, f"{path}.{index}.")
        elif field.name in declared:
            yield Parameter(path, value, declared[field.name])


def _within(module: eqx.Module, path: str, outer: Quantity | None) -> Iterator[Parameter]:
    """Parameters of a module in a field; a spectrum takes unit and domain of the field that holds it."""
    for inner in parameters(module, f"{path}."):
        takes_outer = outer is not None and inner.path.endswith(".value")
        yield inner._replace(declared=outer) if takes_outer and outer is not None else inner


def value_text(value) -> str:
    """A value in a table: numbers in full, arrays by range and length."""
    if not eqx.is_array(value) or not is_concrete(value):
        return str(value)
    array = np.asarray(value)
    if array.size <= 3:
        return show(array)
    low, high = array.min(), array.max()
    text = f"{low:g}" if low == high else f"{low:g} .. {high:g}"
    return f"{text}  {list(array.shape)}"


def table(module: eqx.Module) -> str:
    """All parameters of a module as lines of text: path, value, unit, domain."""
    rows = [(p.path, value_text(p.value), p.declared.unit, p.declared.domain.rule) for p in parameters(module)]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "\n".join(
        "  ".join(cell.ljust(w) for cell, w in zip(row, [*widths, 0], strict=True)).rstrip() for row in rows
    )


def html_table(title: str, head: tuple[str, ...], rows: list[tuple[str, ...]], note: str = "") -> str:
    """A table for notebooks; every text is escaped."""
    cells = "".join(f"<th>{escape(text)}</th>" for text in head)
    lines = "".join("<tr>" + "".join(f"<td>{escape(text)}</td>" for text in row) + "</tr>" for row in rows)
    told = f"<p>{escape(note)}</p>" if note else ""
    return f"<p><b>{escape(title)}</b></p>{told}<table><thead><tr>{cells}</tr></thead><tbody>{lines}</tbody></table>"


def html_parameters(module: eqx.Module, title: str, note: str = "") -> str:
    """All parameters of a module as a table for notebooks: path, value, unit, domain, description."""
    rows = [
        (p.path, value_text(p.value), p.declared.unit, p.declared.domain.rule, p.declared.description)
        for p in parameters(module)
    ]
    return html_table(title, ("parameter", "value", "unit", "domain", "what it is"), rows, note)
