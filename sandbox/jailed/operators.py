"""The operators on an object of the candidate's that a judge child may ask for: one list for both ends.

The judge makes them the methods of its handles; the candidate's process looks up here what to do.
"""

from __future__ import annotations

import copy
import operator
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
# These hand what stands on the other side, perhaps the expected value, to the object.
TAKING = (*REFLECTED, *IN_PLACE, "divmod", "contains")
# Methods that only text and numbers have: an object with one of these poses as plain data.
POSING = frozenset(
    name for kind in (str, bytes, int, float) for name in dir(kind) if not name.startswith("_")
) - {"count", "index", "find", "replace", "format", "title", "partition", "encode", "decode", "translate"}
# Attributes between two underscores that a test may look at; the others are asked for by libraries.
INTROSPECTED = frozenset(
    f"__{name}__"
    for name in (
        *(
            "name",
            "qualname",
            "module",
            "doc",
            "dict",
            "class",
            "annotations",
            "wrapped",
            "defaults",
            "slots",
        ),
        *("members", "version"),
    )
)
_NUMBER = ("neg", "pos", "abs", "invert", "index")
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
    "exit": lambda x: type(x).__exit__(x, None, None, None),
}
for _name in REFLECTED:
    FUNCTIONS["r" + _name] = lambda a, b, _op=FUNCTIONS[_name]: _op(b, a)
