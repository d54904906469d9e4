"""Values that are rebuilt from more than a constructor call: iterators, dictionary views, arrays, matches,
named tuples.
"""

from __future__ import annotations

import builtins
import collections
from collections.abc import Iterator
from typing import Any


def iterator(end: str, items: list[Any]) -> Iterator[Any]:
    """An iterator that goes as far as the candidate's was followed, and ends or raises as it did."""
    yield from items
    if end == "cap":
        raise RuntimeError(f"iterator was cut after {len(items)} items")
    if end != "stop":
        raise exception(end)


def exception(name: str) -> BaseException:
    """The nearest builtin exception for a class name that came out of a candidate."""
    kind = getattr(builtins, name, None) if type(name) is str else None
    if not (isinstance(kind, type) and issubclass(kind, Exception)):
        return RuntimeError(str(name))
    try:
        return kind()
    except TypeError:  # UnicodeDecodeError and its like need arguments
        return ValueError(name) if issubclass(kind, ValueError) else RuntimeError(name)


def view(kind: str, items: list[Any]) -> Any:
    """A dictionary's keys, values or items."""
    if kind == "keys":
        return dict.fromkeys(items).keys()
    if kind == "items":
        return dict(items).items()
    return dict(enumerate(items)).values()


def array(dtype: str, shape: list[int], items: list[Any]) -> Any:
    """A numpy array."""
    import numpy

    return numpy.array(items, dtype=numpy.dtype(dtype) if dtype != "object" else object).reshape(shape)


def named(name: str, fields: list[str], items: list[Any]) -> Any:
    """A named tuple."""
    return collections.namedtuple(name, fields)(*items)  # type: ignore[misc]


class Match:
    """What a judge can know of a `re.Match`."""

    def __init__(self, groups: list[Any], start: int, end: int) -> None:
        self._groups, self._span = groups, (start, end)

    def group(self, *numbers: int) -> Any:
        """The text of one or more groups."""
        found = [self._groups[number] for number in numbers or (0,)]
        return found[0] if len(found) == 1 else tuple(found)

    __getitem__ = group

    def groups(self) -> tuple[Any, ...]:
        """The texts of all groups."""
        return tuple(self._groups[1:])

    def span(self) -> tuple[int, int]:
        """Where the match lies."""
        return self._span

    def start(self) -> int:
        """Where the match begins."""
        return self._span[0]

    def end(self) -> int:
        """Where the match ends."""
        return self._span[1]
