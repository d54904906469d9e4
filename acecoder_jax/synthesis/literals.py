"""Plain values as source text and back: what a test may hold on either side of `==`.

Part of the reference teacher; pure. A value is plain when it is built from int, finite float, str, bytes,
bool, None, list, tuple, dict and set, exactly those types; its source text is the same in every process.
"""

from __future__ import annotations

import ast
import math
from typing import Any


class NotPlain(ValueError):
    """The value, or the expression, is not plain data."""


def as_source(value: Any) -> str:
    """Python source whose value is `value`, with the elements of sets in a fixed order.

    Raises:
      NotPlain: the value holds anything but plain data, a float that is not finite, or an int of more digits than
        Python reads (4,300 unless it is told otherwise).
    """
    kind = type(value)
    if value is None or kind in (int, str, bytes, bool) or (kind is float and math.isfinite(value)):
        try:
            return repr(value)
        except ValueError as error:
            raise NotPlain("an int of too many digits") from error
    if kind is list:
        return "[" + ", ".join(map(as_source, value)) + "]"
    if kind is tuple:
        return "(" + ", ".join(map(as_source, value)) + (",)" if len(value) == 1 else ")")
    if kind is dict:
        return "{" + ", ".join(f"{as_source(key)}: {as_source(part)}" for key, part in value.items()) + "}"
    if kind is set and value:  # the empty set has no display of its own
        return "{" + ", ".join(sorted(map(as_source, value))) + "}"
    raise NotPlain(f"a value of type {kind.__name__}")


def from_source(text: str) -> Any:
    """The value of a constant expression.

    Raises:
      NotPlain: it is anything but constants and displays of them.
    """
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise NotPlain("not a constant") from error
    as_source(value)  # `set()`, 1j and 1e999 are read too, and are not plain
    return value


def floats_in(value: Any) -> list[float]:
    """Every float inside a plain value."""
    if isinstance(value, float):
        return [value]
    if isinstance(value, dict):
        value = [*value.keys(), *value.values()]
    return (
        [part for item in value for part in floats_in(item)] if isinstance(value, list | tuple | set) else []
    )
