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
        error: BaseException = RuntimeError(f"iterator was cut after {len(items)} items")
        error._jail_name = "RuntimeError"  # type: ignore[attr-defined]
        raise error
    if end != "stop":
        raise exception(end)


def exception(name: str) -> BaseException:
    """The nearest builtin exception for a class name that came out of a candidate, marked as one of its own."""
    error = _nearest(name)
    error._jail_name = str(name)  # type: ignore[attr-defined]
    return error


def _nearest(name: str) -> BaseException:
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

    def __init__(self, groups: list[Any], spans: list[list[int]], names: dict[str, int], string: str) -> None:
        self._groups, self._names, self.string = groups, names, string
        self._spans = [(start, end) for start, end in spans]

    def _number(self, group: Any) -> int:
        number = self._names.get(group, group)
        if type(number) is not int or not 0 <= number < len(self._groups):
            raise IndexError("no such group")
        return number

    def group(self, *groups: Any) -> Any:
        """The text of one or more groups."""
        found = [self._groups[self._number(group)] for group in groups or (0,)]
        return found[0] if len(found) == 1 else tuple(found)

    __getitem__ = group

    def groups(self, default: Any = None) -> tuple[Any, ...]:
        """The texts of all groups."""
        return tuple(default if group is None else group for group in self._groups[1:])

    def groupdict(self, default: Any = None) -> dict[str, Any]:
        """The texts of the groups that have a name."""
        return {name: default if self.group(name) is None else self.group(name) for name in self._names}

    def span(self, group: Any = 0) -> tuple[int, int]:
        """Where a group lies."""
        return self._spans[self._number(group)]

    def start(self, group: Any = 0) -> int:
        """Where a group begins."""
        return self.span(group)[0]

    def end(self, group: Any = 0) -> int:
        """Where a group ends."""
        return self.span(group)[1]
