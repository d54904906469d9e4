"""Plain data as tagged JSON: how values leave the candidate's process. `decoding` is the other end.

Subclasses are read through their base type's own methods. A JSON list is a list; every other container is an object
with one key, its tag.
"""

from __future__ import annotations

import collections
import datetime
import decimal
import fractions
import json
import re
from collections.abc import Callable
from typing import Any

from sandbox.jailed.strict import MAX_DEPTH as MAX_DEPTH

MAX_NODES = 250_000
MAX_ITEMS = 100_000  # of an iterator
_MOST_ITEMS = 10_000  # of one that can stay where it is
_INT_LIMIT = 1 << 63
_SIMPLE = frozenset({str, bool, type(None), int})
_PLAIN = frozenset({str, bool, type(None), float, int})


class Unencodable(Exception):
    """The value is not plain data; the text names what it is."""


class TooLarge(Unencodable):
    """The value has too many parts, or is nested too deep."""


def _unknown(value: Any) -> Any:
    raise Unencodable(f"value of type {type(value).__name__}")


_quote = json.encoder.encode_basestring_ascii
# The C encoder itself: `JSONEncoder.encode` would build one anew for each value.
_chunks = json.encoder.c_make_encoder(  # type: ignore[attr-defined]
    None, _unknown, _quote, None, ":", ",", False, False, False
)


def dumps(tree: Any) -> str:
    """A tree of plain lists, dictionaries with string keys and scalars as JSON text."""
    return "".join(_chunks(tree, 0))


_empty: list[Any] = []
_iterator_types: frozenset[type] = frozenset(
    map(
        type,
        (
            *map(iter, (_empty, (), {}, set(), "", b"", range(0), range(1 << 70), {}.items(), {}.values())),
            *(reversed(_empty), reversed({}), (_ for _ in _empty), map(str, _empty), filter(None, _empty)),
            *(zip(), enumerate(_empty), iter(collections.deque())),
        ),
    )
)


def iterates(kind: type) -> bool:
    """Whether a type is one of the interpreter's own iterators."""
    return kind in _iterator_types or getattr(kind, "__module__", "") == "itertools"


_view_types = {type({}.keys()): "keys", type({}.values()): "values", type({}.items()): "items"}


def _int(value: int) -> Any:
    return value if -_INT_LIMIT < value < _INT_LIMIT else {"i": hex(value)}


def _float(value: float) -> Any:
    if value - value == 0.0:
        return value
    return {"f": "nan" if value != value else "inf" if value > 0 else "-inf"}


def _big(values: list[Any]) -> bool:
    return any(type(v) is int and not -_INT_LIMIT < v < _INT_LIMIT for v in values)


def _only_named(kind: type) -> bool:
    """Whether a class gives names to a tuple's items, and leaves what a test asks of data as it is."""
    return hasattr(kind, "_fields") and not {"__bool__", "__eq__", "__len__"} & vars(kind).keys()


_Rule = Callable[["_Encoder", Any, int], Any]


class _Encoder:
    """One value's walk: keeps the node budget, so that shared references cannot blow up the output."""

    def __init__(
        self,
        fallback: Callable[[Any], Any] | None = None,
        share: _Rule | None = None,
        own: str | None = None,
    ) -> None:
        self.left = MAX_NODES
        self.own = own
        self.fallback = fallback
        self.share = share

    def items(self, values: Any, depth: int) -> list[Any]:
        """Encode the members of a sequence, scalars without a call each."""
        values = list(values)
        self.left -= len(values)
        if self.left < 0:
            raise TooLarge("value has too many parts")
        types = set(map(type, values))
        if types <= _PLAIN:
            if float in types and not all(v - v == 0.0 for v in values if type(v) is float):
                return [self.value(v, depth) for v in values]
            if int in types:
                numbers = [v for v in values if type(v) is int] if len(types) > 1 else values
                if not (max(numbers) < _INT_LIMIT and min(numbers) > -_INT_LIMIT):
                    return [self.value(v, depth) for v in values]
            return values
        return [self.value(v, depth) for v in values]

    def value(self, value: Any, depth: int = 0) -> Any:
        """Encode one value."""
        kind = type(value)
        if kind is str or kind is bool or value is None:
            return value
        if kind is int:
            return _int(value)
        if kind is float:
            return _float(value)
        if depth >= MAX_DEPTH:
            raise TooLarge("value is nested too deep")
        if self.share is not None:
            return self.share(self, value, depth + 1)
        return self.container(value, kind, depth + 1)

    def container(self, value: Any, kind: type, depth: int) -> Any:
        """Encode a value that is no scalar."""
        if kind is list:
            return self.items(value, depth)
        if kind is tuple:
            return {"t": self.items(value, depth)}
        if kind is dict:
            return {"d": [self.items(value.keys(), depth), self.items(value.values(), depth)]}
        return self.rare(value, kind, depth)

    def rare(self, value: Any, kind: type, depth: int) -> Any:
        """Everything but the commonest types: exact types first, then subclasses of builtins."""
        encoder = _ENCODERS.get(kind)
        if self.own is not None and kind is collections.defaultdict and not remakes(value):
            return self.unknown(value)
        if encoder is not None:
            return encoder(self, value, depth)
        if iterates(kind):
            return self.iterator(value, depth)
        if kind in _view_types:
            return {"v": [_view_types[kind], self.items(value, depth)]}
        module = getattr(kind, "__module__", "")
        if module == "numpy":
            return self.numpy(value, kind, depth)
        for base in kind.__mro__[1:]:
            if module == self.own and base in DATA and not _only_named(kind):
                return self.unknown(value)
            if base is tuple and isinstance(getattr(kind, "_fields", None), tuple):
                fields = [str.__str__(name) for name in kind._fields]  # type: ignore[attr-defined]
                return {"nt": [kind.__name__, fields, self.items(tuple.__iter__(value), depth)]}
            if base in _BASES:
                return self.value(_BASES[base](value), depth)
            encoder = _ENCODERS.get(base)
            if encoder is not None:
                return encoder(self, value, depth)
        return self.unknown(value)

    def unknown(self, value: Any) -> Any:
        """What is no plain data."""
        if self.fallback is not None:
            return self.fallback(value)
        raise Unencodable(f"value of type {type(value).__name__}")

    def iterator(self, value: Any, depth: int) -> Any:
        """Materialize an iterator up to a cap; one that raises keeps its items and the exception's name."""
        items: list[Any] = []
        end = "stop"
        try:
            for item in value:
                if self.own is not None and len(items) >= _MOST_ITEMS:
                    return self.unknown(value)
                if len(items) >= MAX_ITEMS:
                    end = "cap"
                    break
                items.append(item)
        except Unencodable:
            raise
        except Exception as error:
            end = type(error).__name__
        return {"it": [end, self.items(items, depth)]}

    def numpy(self, value: Any, kind: type, depth: int) -> Any:
        """A numpy scalar as the Python number it equals, an array as dtype, shape and items."""
        if hasattr(value, "dtype") and hasattr(value, "tolist"):
            if kind.__name__ != "ndarray":  # a scalar; or a matrix, which multiplies otherwise
                scalar = getattr(value, "ndim", 0) == 0
                return self.value(value.item(), depth) if scalar else self.unknown(value)
            return {"np": [str(value.dtype), list(value.shape), self.items(value.ravel().tolist(), depth)]}
        raise Unencodable(f"value of type numpy.{kind.__name__}")


_ENCODERS: dict[type, _Rule] = {
    set: lambda e, v, d: {"s": e.items(set.__iter__(v), d)},
    frozenset: lambda e, v, d: {"fs": e.items(frozenset.__iter__(v), d)},
    bytes: lambda e, v, d: {"b": bytes.hex(v)},
    bytearray: lambda e, v, d: {"ba": bytearray.hex(v)},
    complex: lambda e, v, d: {"c": [_float(v.real), _float(v.imag)]},
    range: lambda e, v, d: {"r": [_int(v.start), _int(v.stop), _int(v.step)]},
    type(...): lambda e, v, d: {"el": 0},
    slice: lambda e, v, d: {"sl": [e.value(x, d) for x in (v.start, v.stop, v.step)]},
    decimal.Decimal: lambda e, v, d: {"D": decimal.Decimal.__str__(v)},
    fractions.Fraction: lambda e, v, d: {"F": [_int(v.numerator), _int(v.denominator)]},
    datetime.datetime: lambda e, v, d: {
        "dt": [v.year, v.month, v.day, v.hour, v.minute, v.second, v.microsecond, v.fold, _offset(v)]
    },
    datetime.date: lambda e, v, d: {"da": [v.year, v.month, v.day]},
    datetime.time: lambda e, v, d: {"ti": [v.hour, v.minute, v.second, v.microsecond, v.fold, _offset(v)]},
    datetime.timedelta: lambda e, v, d: {"td": [v.days, v.seconds, v.microseconds]},
    re.Match: lambda e, v, d: {
        "m": [
            e.items((v.group(), *v.groups()), d),
            [list(v.span(number)) for number in range(v.re.groups + 1)],
            list(map(list, v.re.groupindex.items())),
            v.string if type(v.string) is str else "",
        ]
    },
    collections.deque: lambda e, v, d: {"q": [e.items(collections.deque.__iter__(v), d), v.maxlen]},
    collections.Counter: lambda e, v, d: {"C": [e.items(dict.keys(v), d), e.items(dict.values(v), d)]},
    collections.OrderedDict: lambda e, v, d: {
        "O": [e.items(collections.OrderedDict.keys(v), d), e.items(collections.OrderedDict.values(v), d)]
    },
    collections.defaultdict: lambda e, v, d: {
        "dd": [e.items(dict.keys(v), d), e.items(dict.values(v), d), _factory(v.default_factory)]
    },
}
# Subclasses of builtins become the builtin, read without the subclass's own methods.
_BASES: dict[type, Callable[[Any], Any]] = {
    int: lambda v: int.__add__(v, 0),
    float: float.__float__,
    str: lambda v: str.__getitem__(v, slice(None)),
    list: lambda v: list.__getitem__(v, slice(None)),
    tuple: lambda v: tuple.__getitem__(v, slice(None)),
    dict: lambda v: dict(zip(dict.keys(v), dict.values(v))),
}


FACTORIES = {kind.__name__: kind for kind in (list, dict, set, tuple, str, int, float, bool)}


def _factory(factory: Any) -> str | None:
    return factory.__name__ if type(factory) is type and factory in FACTORIES.values() else None


def remakes(value: collections.defaultdict[Any, Any]) -> bool:
    """Whether the other side can make what is missing in such a dictionary."""
    return value.default_factory is None or _factory(value.default_factory) is not None


DATA = (
    *_BASES,
    collections.Counter,
    set,
    frozenset,
    bytes,
    collections.deque,
    collections.OrderedDict,
    collections.defaultdict,
)


def builtin_of(kind: type) -> type | None:
    """The builtin class of data that a class derives from."""
    return next((base for base in kind.__mro__[1:] if base in DATA), None) if kind not in DATA else None


def _offset(value: Any) -> float | None:
    offset = value.utcoffset()
    return None if offset is None else offset.total_seconds()


def encode(value: Any, own: str | None = None) -> str:
    """Encode a value as JSON text.

    Args:
      value: what to encode.
      own: a module of whose classes no object is taken for the data in it, where long iterators are not followed to
        their end either; None takes both.

    Raises:
      Unencodable: it is not plain data, too deep or too large.
    """
    kind = type(value)
    if kind is int:
        if -_INT_LIMIT < value < _INT_LIMIT:
            return int.__repr__(value)
    elif kind is str:
        return _quote(value)
    elif kind is bool:
        return "true" if value else "false"
    elif value is None:
        return "null"
    elif kind is list:
        types = set(map(type, value))
        if types <= _SIMPLE and len(value) < MAX_NODES and not (int in types and _big(value)):
            return dumps(value)
    return dumps(_Encoder(own=own).value(value))


def tree(value: Any, fallback: Callable[[Any], Any] | None = None, share: _Rule | None = None) -> Any:
    """Like `encode`, but gives the tree before it becomes text.

    Args:
      value: what to encode.
      fallback: makes the tree of an object that is not plain data, instead of Unencodable.
      share: makes the tree of everything that is no scalar, instead of the encoder's `container`.
    """
    return _Encoder(fallback, share).value(value)


def plain(value: Any) -> Any:
    """The data of an object whose class derives from a builtin one, read by that one's own methods."""
    builtin = builtin_of(type(value)) or type(value)
    if builtin is collections.defaultdict:
        return collections.defaultdict(value.default_factory, value)
    return _BASES.get(builtin, builtin)(value)


def content(value: Any, fallback: Callable[[Any], Any] | None, share: _Rule) -> Any:
    """The `tree` of a container, to which itself `share` does not apply."""
    return _Encoder(fallback, share).container(value, type(value), 1)


def extend(encoders: dict[type, _Rule]) -> None:
    """Add types to this process's encoder: how judge and candidate children exchange handles."""
    _ENCODERS.update(encoders)
