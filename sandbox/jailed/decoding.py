"""Values rebuilt from tagged JSON, the other end of `codec`.

No pickle, marshal or eval: the bytes come from a hostile process. What is built are exact builtin types and a fixed
list of standard library value types, and nothing else.
"""

from __future__ import annotations

import collections
import datetime
import decimal
import fractions
from collections.abc import Callable
from typing import Any

from sandbox.jailed import rebuilt
from sandbox.jailed.codec import FACTORIES
from sandbox.jailed.strict import Malformed as Malformed
from sandbox.jailed.strict import parse as parse

MAX_HASHED = 10_000  # of a set or dictionary outside a jail: hashes that only half collide cost time too
_EQUAL_HASHES = 100  # different items with one hash that a set may hold
_MOST_BITS = 100_000  # of a fraction's terms
_SCALARS = frozenset({str, bool, type(None), float, int})


class Exotic(Exception):
    """The value holds types that only a jailed judge may rebuild and compare."""


def _many(tree: Any, exotic: bool) -> list[Any]:
    if type(tree) is not list:
        raise Malformed("expected a list")
    if set(map(type, tree)) <= _SCALARS:
        return tree
    return [decode(item, exotic) for item in tree]


def checked(items: list[Any]) -> list[Any]:
    """Items that will be hashed: refuse a flood of different items with equal hashes, which would stall
    whoever builds the set. Repeated items are harmless.
    """
    if len(items) > 500:
        counts = collections.Counter(map(hash, items))
        often = {value for value, count in counts.items() if count > _EQUAL_HASHES}
        different: dict[int, set[Any]] = {value: set() for value in often}
        for item in items if often else ():
            same = different.get(hash(item))
            if same is not None:
                same.add(item)
                if len(same) > _EQUAL_HASHES:
                    raise Malformed("too many equal hashes")
    return items


def _members(tree: Any, exotic: bool) -> list[Any]:
    items = _many(tree, exotic)
    if len(items) > MAX_HASHED and not exotic:
        raise Exotic("many members")
    return checked(items)


def _pairs(tree: Any, exotic: bool) -> Any:
    keys, values = tree
    keys, values = _members(keys, exotic), _many(values, exotic)
    if len(keys) != len(values):
        raise Malformed("keys and values differ in number")
    return zip(keys, values)


def _term(value: Any) -> int:
    """A fraction's numerator or denominator; what they have in common takes time to find."""
    if type(value) is not int or value.bit_length() > _MOST_BITS:
        raise Malformed("no term of a fraction")
    return value


def _zone(seconds: float | None, fold: int) -> dict[str, Any]:
    zone = None if seconds is None else datetime.timezone(datetime.timedelta(seconds=seconds))
    return {"tzinfo": zone, "fold": fold}


_Maker = Callable[[Any, bool], Any]
_DECODERS: dict[str, _Maker] = {
    "t": lambda x, e: tuple(_many(x, e)),
    "d": lambda x, e: dict(_pairs(x, e)),
    "s": lambda x, e: set(_members(x, e)),
    "fs": lambda x, e: frozenset(_members(x, e)),
    "i": lambda x, e: int(x, 16),
    "f": lambda x, e: {"nan": float("nan"), "inf": float("inf"), "-inf": float("-inf")}[x],
    "b": lambda x, e: bytes.fromhex(x),
    "ba": lambda x, e: bytearray.fromhex(x),
    "c": lambda x, e: complex(*_many(x, e)),
    "el": lambda x, e: ...,
}
# Only a jailed judge rebuilds these: some can be made to cost much more than their bytes.
_EXOTIC: dict[str, _Maker] = {
    "sl": lambda x, e: slice(*_many(x, e)),
    "r": lambda x, e: range(*_many(x, e)),
    "D": lambda x, e: decimal.Decimal(x),
    "F": lambda x, e: fractions.Fraction(*map(_term, _many(x, e))),
    "dt": lambda x, e: datetime.datetime(*x[:7], **_zone(x[8], x[7])),
    "da": lambda x, e: datetime.date(*x),
    "ti": lambda x, e: datetime.time(*x[:4], **_zone(x[5], x[4])),
    "td": lambda x, e: datetime.timedelta(*x),
    "m": lambda x, e: rebuilt.Match(_many(x[0], e), x[1], dict(x[2]), x[3]),
    "q": lambda x, e: collections.deque(_many(x[0], e), x[1]),
    "C": lambda x, e: collections.Counter(dict(_pairs(x, e))),
    "O": lambda x, e: collections.OrderedDict(_pairs(x, e)),
    "dd": lambda x, e: collections.defaultdict(FACTORIES.get(x[2]), _pairs(x[:2], e)),
    "it": lambda x, e: rebuilt.iterator(x[0], _many(x[1], e)),
    "v": lambda x, e: rebuilt.view(x[0], _members(x[1], e) if x[0] != "values" else _many(x[1], e)),
    "np": lambda x, e: rebuilt.array(x[0], x[1], _many(x[2], e)),
    "nt": lambda x, e: rebuilt.named(x[0], x[1], _many(x[2], e)),
}


def decode(tree: Any, exotic: bool = True) -> Any:
    """Rebuild a value from parsed JSON.

    Args:
      tree: what `parse` returned.
      exotic: whether to rebuild the types beyond the plain builtins.

    Raises:
      Malformed: the tree is not one that `encode` makes.
      Exotic: `exotic` is False and the value needs those types.
    """
    kind = type(tree)
    if kind in _SCALARS:
        return tree
    if kind is list:
        return _many(tree, exotic)
    if kind is not dict or len(tree) != 1:
        raise Malformed("not a tagged value")
    ((tag, content),) = tree.items()
    maker = _DECODERS.get(tag)
    try:
        if maker is not None:
            return maker(content, exotic)
        maker = _EXOTIC.get(tag)
        if maker is None:
            raise Malformed("unknown tag")
        if not exotic:
            raise Exotic(tag)
        return maker(content, exotic)
    except (Malformed, Exotic):
        raise
    except (TypeError, ValueError, LookupError, ArithmeticError, AttributeError) as error:
        raise Malformed(f"bad {tag}: {type(error).__name__}") from None


def extend(decoders: dict[str, _Maker]) -> None:
    """Add tags to this process's decoder: how judge and candidate children exchange handles."""
    _EXOTIC.update(decoders)
