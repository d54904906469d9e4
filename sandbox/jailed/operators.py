"""The operators on an object of the candidate's that a judge child may ask for: one list for both ends.

The judge makes them the methods of its handles; the candidate's process looks up here what to do.
"""

from __future__ import annotations

import builtins
import copy
import math
import operator
import sys
from collections.abc import Callable
from typing import Any

COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")
# Those that Python also asks of the right side.
REFLECTED = (
    "add",
    "sub",
    "mul",
    "truediv",
    "floordiv",
    "mod",
    "pow",
    "matmul",
    "and_",
    "or_",
    "xor",
    "lshift",
    "rshift",
)
IN_PLACE = tuple(f"i{name.strip('_')}" for name in REFLECTED)
_ITEMS = ("getitem", "contains")
# What makes an object look like a list.
SEQUENCE = ("len", "iter", "reversed", "getitem")
# What makes an object look like a dictionary.
VIEWS = frozenset({"keys", "values", "items"})
# What these give is computed of the object.
COMPUTED = frozenset({*REFLECTED, *IN_PLACE, "neg", "pos", "abs", "invert", "copy", "deepcopy"})
# These may give another number each time.
CONVERSIONS = frozenset(["int", "float", "complex", "index", "round", "floor", "ceil", "trunc", "bytes"])
# These hand what stands on the other side, perhaps the expected value, to the object.
TAKING = (*REFLECTED, *IN_PLACE, "divmod", "contains")


def _public(*kinds: type) -> frozenset[str]:
    return frozenset(name for kind in kinds for name in dir(kind) if not name.startswith("_"))


# Methods that only text and numbers have: an object with one of these poses as plain data.
_OF_OTHERS_TOO = """
count index find replace format title partition encode decode translate real imag numerator denominator conjugate
"""
POSING = _public(str, bytes, int, float).difference(_OF_OTHERS_TOO.split())
# Methods of data that may decide about a value, or hand it back; `hoist` leaves them with the test.
_CHANGING = """
pop append insert add remove clear update get keys values items copy extend sort reverse popitem setdefault discard join
"""
OF_DATA = _public(str, list, dict, set, frozenset, tuple, int, float, bytes).difference(_CHANGING.split())
# Attributes between two underscores that a test may look at; the others are asked for by libraries.
_LOOKED_AT = "name qualname module doc dict class annotations wrapped defaults slots members version"
INTROSPECTED = frozenset(f"__{name}__" for name in _LOOKED_AT.split())
_NUMBER = ("neg", "pos", "abs", "invert", "index")


def exception(kind: type[BaseException], args: Any) -> BaseException:
    """An exception with these arguments, also of a class that takes other arguments than it keeps."""
    try:
        return kind(*args)
    except TypeError:
        return kind.__new__(kind, *args)


def described(error: BaseException) -> list[Any]:
    """An exception of the test's, as the candidate makes it again."""
    names = getattr(error, "_jail_bases", None) or [base.__name__ for base in type(error).__mro__]
    plain = all(type(arg) in (str, int, float, bool, type(None)) for arg in error.args)
    return [names, list(error.args) if plain else [str(error)]]


def _exception(described: Any) -> BaseException:
    """An exception of a class that one of the names stands for."""
    names, args = described
    space = sys.modules["solution"].__dict__
    found = (space.get(name) or getattr(builtins, name, None) for name in names)
    kind = next(kind for kind in found if isinstance(kind, type) and issubclass(kind, BaseException))
    return exception(kind, args)


def _leave(manager: Any, described: Any) -> bool:
    """Leave a `with` statement, with an exception if one is described."""
    if described is None:
        return bool(type(manager).__exit__(manager, None, None, None))
    error = _exception(described)
    return bool(type(manager).__exit__(manager, type(error), error, None))


_PLAIN: dict[str, Callable[..., Any]] = {
    "len": len,
    "bool": bool,
    "str": str,
    "repr": repr,
    "hash": hash,
    "int": int,
    "float": float,
    "next": next,
    "iter": iter,
    "reversed": reversed,
    "round": round,
    "format": format,
    "divmod": divmod,
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "floor": math.floor,
    "ceil": math.ceil,
    "trunc": math.trunc,
    "bytes": bytes,
    "complex": complex,
}
# All but the statements below are methods of a handle, under the name with two underscores on both sides.
METHODS = (*_NUMBER, *_PLAIN, *REFLECTED, *IN_PLACE, *_ITEMS, *COMPARISONS)
FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{name: getattr(operator, name) for name in (*_NUMBER, *REFLECTED, *IN_PLACE, *_ITEMS, *COMPARISONS)},
    **_PLAIN,
    "dir": dir,
    "callable": callable,
    "setitem": operator.setitem,
    "delitem": operator.delitem,
    "delattr": delattr,
    "enter": lambda x: type(x).__enter__(x),
    "exit": _leave,
    "send": lambda x, value: x.send(value),
    "throw": lambda x, described: x.throw(_exception(described)),
    "close": lambda x: x.close() if hasattr(x, "close") else None,
    "type": type,
}
for _name in REFLECTED:
    FUNCTIONS["r" + _name] = lambda a, b, _op=FUNCTIONS[_name]: _op(b, a)
