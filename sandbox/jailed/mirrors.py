"""Containers that a test and the candidate both hold: what either does to one, the other sees.

A judge's child and the candidate's have a copy each. Whatever list, dictionary, set, deque, bytearray or array crosses
from one to the other gets a number, crosses as that number from then on, and every message begins with what has
changed in numbered containers since the last one. So two names of one list stay two names of one list, and an argument
is changed wherever it stands. What only one of them still holds is forgotten.
"""

from __future__ import annotations

import collections
import sys
from collections.abc import Callable
from typing import Any

from sandbox.jailed import codec, decoding

_KINDS = frozenset(
    {
        list,
        dict,
        set,
        bytearray,
        collections.deque,
        collections.defaultdict,
        collections.OrderedDict,
        collections.Counter,
    }
)


class Derived:
    """A judge's copy of an object whose class derives from a builtin one: the data are here, and compare as the
    builtin; what the class adds is asked of the candidate.
    """


def _mirrored(kind: type) -> bool:
    if kind.__bases__[:1] == (Derived,):
        kind = kind.__bases__[1]
    return kind in _KINDS or (kind.__name__ == "ndarray" and kind.__module__ == "numpy")


def _data(value: Any) -> Any:
    """A container of a class of its own as the builtin one."""
    builtin = codec.builtin_of(type(value))
    return codec.plain(value) if builtin is not None and _mirrored(builtin) else value


def _update(old: Any, new: Any) -> None:
    """Make a container hold what its copy holds, by the builtin class's own methods."""
    kind = codec.builtin_of(type(old)) or type(old)
    if kind in (list, bytearray):
        kind.__setitem__(old, slice(None), new)
    elif issubclass(kind, dict):
        kind.clear(old)
        for key, value in dict.items(new):
            kind.__setitem__(old, key, value)
    elif kind is set:
        set.clear(old)
        set.update(old, new)
    elif kind is collections.deque:
        collections.deque.clear(old)
        collections.deque.extend(old, new)
    else:
        old[...] = new


class Mirrors:
    """One side's table of mirrored containers.

    Args:
      side: 0 or 1, other than that of the other side; numbers that a side gives are odd or even.
      fallback: makes the tree of what is not plain data, as in `codec.tree`.
      special: makes the tree of some objects, given the encoder and the depth, or gives None.
    """

    def __init__(self, side: int, fallback: Callable[[Any], Any], special: Any = None) -> None:
        self.side = side
        self.fallback = fallback
        self.special = special
        self.test = 0  # a table lasts for one test
        self._clear()
        decoding.extend({"=": self._define, "&": self._refer})

    def _clear(self) -> None:
        self.known: dict[int, Any] = {}
        self.numbers: dict[int, int] = {}  # by identity
        # What each held when both sides last agreed; missing when just numbered.
        self.texts: dict[int, str] = {}
        self.inside: set[int] = set()
        self.recent: set[int] = set()  # those in the other side's last message
        self.next = self.side

    def new_test(self) -> None:
        """Forget all containers; the other side follows with the next message."""
        self.test += 1
        self._clear()

    def _add(self, number: int, value: Any) -> None:
        self.known[number] = value
        self.numbers[id(value)] = number

    def _forget(self, number: int) -> None:
        self.numbers.pop(id(self.known.pop(number)), None)
        self.texts.pop(number, None)

    def _define(self, content: Any, exotic: bool) -> Any:
        number, tree = content
        value = decoding.decode(tree)
        if (
            type(number) is not int
            or number in self.known
            or number % 2 == self.side
            or not _mirrored(type(value))
        ):
            raise decoding.Malformed("no container")
        self._add(number, value)
        self.recent.add(number)
        return value

    def _refer(self, number: Any, exotic: bool) -> Any:
        value = self.known[number]
        self.recent.add(number)
        return value

    # Sending.

    def tree(self, value: Any) -> Any:
        """The tree of a value, in which containers are numbered."""
        first = self.next
        try:
            return codec.tree(value, self.fallback, self._share)
        except BaseException:  # the other side will not hear of those numbers
            for number in [n for n in self.known if n >= first and n % 2 == self.side]:
                self._forget(number)
            raise

    def _share(self, encoder: Any, value: Any, depth: int) -> Any:
        number = self.numbers.get(id(value))
        if number is not None:
            if number in self.inside:
                raise codec.Unencodable("value contains itself")
            return {"&": number}
        kind = type(value)
        if not _mirrored(codec.builtin_of(kind) or kind):
            return self._tree(encoder, value, depth)
        number, self.next = self.next, self.next + 2
        self._add(number, value)
        self.inside.add(number)
        try:
            return {"=": [number, self._tree(encoder, value, depth)]}
        finally:
            self.inside.discard(number)

    def _tree(self, encoder: Any, value: Any, depth: int) -> Any:
        special = self.special(encoder, value, depth) if self.special is not None else None
        if special is not None:
            return special
        data = _data(value)
        return encoder.container(data, type(data), depth)

    def _content(self, number: int) -> Any:
        self.inside.add(number)
        try:
            return codec.content(_data(self.known[number]), self.fallback, self._share)
        finally:
            self.inside.discard(number)

    def changes(self) -> list[Any]:
        """What has changed since the last message: `[test, changes, numbers that nobody here holds any more]`."""
        changed = []
        for number in list(self.known):
            content = self._content(number)
            if codec.dumps(content) != self.texts[number]:
                del self.texts[number]
                changed.append([number, content])
        # A program keeps few of the arguments that it gets. One that comes again with the next call is not sent anew.
        kept = self.recent if self.side == 1 else frozenset()
        unheld = [n for n in self.known if n not in kept and sys.getrefcount(self.known[n]) <= 2]
        self.recent = set()
        for number in unheld:
            self._forget(number)
        return [self.test, changed, unheld]

    # Receiving.

    def apply(self, message: Any) -> None:
        """Take over what the other side's `changes` says; the numbers that it no longer needs are forgotten."""
        try:
            test, changed, unheld = message
            if self.side == 1 and test != self.test:
                self.test = test
                self._clear()
            if test != self.test:
                raise decoding.Malformed("changes")
            for number, tree in changed:
                _update(self.known[number], decoding.decode(tree))
                self.texts.pop(number, None)
            for number in unheld:
                self._forget(number)
        except (TypeError, ValueError, LookupError, AttributeError) as error:
            raise decoding.Malformed(f"changes: {type(error).__name__}") from None

    def agree(self) -> None:
        """A whole message has been made or taken: both sides hold the same."""
        for number in self.known.keys() - self.texts.keys():
            self.texts[number] = codec.dumps(self._content(number))
