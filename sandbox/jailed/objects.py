"""Answers to a judge child that cannot send closed expressions: calls with values, handles to objects,
unittest methods.

Runs in the candidate's process. Objects that are not plain data stay here under a number; the judge sees the
number.
"""

from __future__ import annotations

import collections
import contextlib
import importlib
import marshal
import operator
import sys
import types
from typing import Any

from sandbox.jailed import codec, common, decoding, operators
from sandbox.jailed.mirrors import Mirrors

SKIPPED = "skipped"
UNITTEST = "<unittest>"  # the file name of a module's code


# What a class may define and still be, as data, what the builtin class is.
_HARMLESS = frozenset(
    f"__{name}__"
    for name in (
        *(
            "init",
            "new",
            "repr",
            "str",
            "format",
            "hash",
            "doc",
            "module",
            "dict",
            "weakref",
            "slots",
            "qualname",
        ),
        *("getnewargs", "reduce_ex", "reduce", "init_subclass", "class_getitem", "setattr", "delattr"),
        *("getattribute", "dir", "copy", "deepcopy", "getstate", "sizeof", "subclasshook", "class"),
    )
)


def _added(kind: type) -> list[str] | None:
    """The names that a class derived from a builtin one defines anew; None where that changes the data's own ways."""
    builtin = codec.builtin_of(kind)
    if builtin is None:
        return None
    above = kind.__mro__[: kind.__mro__.index(builtin)]
    again = {name for part in above for name in vars(part) if name in dir(builtin)}
    if any(name.startswith("__") and name not in _HARMLESS for name in again):
        return None
    asked: set[str] = {name for name in ("__str__", "__repr__") if name in again}
    if builtin is not collections.defaultdict:
        more = ("__missing__", "__enter__", "__exit__", "__call__")
        asked |= {name for name in more if any(name in vars(part) for part in above)}
    return sorted({name for name in again if not name.startswith("__")} | asked)


_OPERATORS = frozenset(
    f"__{prefix}{name.strip('_')}__"
    for name in (*operators.METHODS, "setitem", "delitem")
    for prefix in ("", "r")
)


def _decides(kind: type, module: str) -> bool:
    """Whether a class of the program's derives from a builtin one and has operators, or methods of data, of its own."""
    builtin = codec.builtin_of(kind)
    if builtin is None:
        return False
    own = [part for part in kind.__mro__[: kind.__mro__.index(builtin)] if part.__module__ == module]
    names = {name for part in own for name in vars(part)} - _HARMLESS
    return any(name in _OPERATORS or (not name.startswith("_") and name in dir(builtin)) for name in names)


class Objects:
    """The table of objects that the judge holds handles to."""

    def __init__(self, names: dict[str, Any]) -> None:
        self.names = names
        self.kept: list[Any] = []
        # By identity; but for generators, what is kept lives as long as this process.
        self.numbers: dict[int, int] = {}
        self.functions: dict[int, Any] = {}  # of tests
        self.mirrors = Mirrors(1, self.keep, self._special)
        decoding.extend(
            {"h": lambda x, e: self.kept[x[0]], "n": lambda x, e: self.names[x], "fn": self._function}
        )

    def _function(self, content: Any, exotic: bool) -> Any:
        """A function of the test's, with the common names that it uses."""
        number, code, name, defaults, needs = content
        if number not in self.functions:
            common.supply(self.names, needs)
            body = marshal.loads(bytes.fromhex(code))
            self.functions[number] = types.FunctionType(
                body, self.names, name, decoding.decode(defaults) or None
            )
        return self.functions[number]

    def keep(self, value: Any) -> Any:
        """The handle of an object."""
        number = self.numbers.setdefault(id(value), len(self.kept))
        if number == len(self.kept):
            self.kept.append(value)
        return {"h": [number, type(value).__name__]}

    def _special(self, encoder: Any, value: Any, depth: int) -> Any:
        """The tree of an iterator, which stays here, or of an object of a class that adds to a builtin one, or changes
        that one's ways.
        """
        kind = type(value)
        if codec.iterates(kind):
            return {"it": [self.keep(value)["h"][0], kind is types.GeneratorType]}
        module = kind.__module__
        # Tuples of the library have more than their fields, such as what `urlparse` gives.
        library = issubclass(kind, tuple) and module.partition(".")[0] in sys.stdlib_module_names
        if kind is collections.defaultdict and not codec.remakes(value):
            added: list[str] | None = ["__missing__"]
        else:
            added = _added(kind) if module == self.names["__name__"] or library else None
        own_ways = module == self.names["__name__"] and _decides(kind, module)
        if added is None and not own_ways:
            return None
        data = codec.plain(value) if added is not None or not hasattr(kind, "_fields") else value
        scalar = isinstance(data, str | int | float)
        tree = encoder.value(data) if scalar else encoder.container(data, type(data), depth)
        if added is not None:
            tree = {"de": [self.keep(value)["h"], added, tree]}
        return {"ow": tree} if own_ways else tree

    def target(self, reference: Any) -> Any:
        """What a name or a handle's number stands for."""
        if isinstance(reference, str):
            if reference not in self.names:
                raise NameError(f"name {reference!r} is not defined")
            return self.names[reference]
        return self.kept[reference]

    def kind(self, reference: Any) -> Any:
        """A class: a name of the program's or the set-up's, or module and name of one of the standard library."""
        if isinstance(reference, str):
            return self.target(reference)
        module, name = reference
        return (
            operator.attrgetter(name)(importlib.import_module(module))
            if module != "test"
            else self.target(name)
        )

    def answer(self, item: Any) -> str:
        """Do what the judge asks; the changed containers and the reply as JSON text."""
        kind, *what, sync = item
        self.mirrors.apply(sync)
        values = decoding.decode(what[2]) if len(what) > 2 else []
        named = {name: decoding.decode(value) for name, value in what[3].items()} if len(what) > 3 else {}
        self.mirrors.agree()
        result = self.result(kind, what, values, named)
        del values, named  # or these would hold what the program does not
        reply = [self.mirrors.changes(), self.mirrors.tree(result)]
        self.mirrors.agree()
        return codec.dumps(reply)

    def result(self, kind: str, what: list[Any], values: list[Any], named: dict[str, Any]) -> Any:
        """The value that one request asks for."""
        if kind == "eval":
            return eval(marshal.loads(what[0]), self.names)
        if kind == "require":
            return [self.target(name) is None for name in what[0]]
        if kind == "drop":  # a generator that the test has let go of; perhaps nobody else has it
            self.numbers.pop(id(self.kept[what[0]]), None)
            self.kept[what[0]] = None
            return None
        target = self.target(what[0])
        if kind == "call":
            return target(*values, **named)
        if kind == "attr":
            return getattr(target, what[1])
        if kind == "set":
            return setattr(target, what[1], values[0])  # type: ignore[func-returns-value]
        if kind == "isinstance":
            return isinstance(target, self.kind(what[1]))
        return operators.FUNCTIONS[what[1]](target, *values)


def run_unittest(module: bytes, case: str, method: str, names: dict[str, Any]) -> list[str]:
    """Run one method of a unittest module in the candidate's namespace: `[outcome, detail]`, which it could have
    forged.
    """
    import unittest

    with contextlib.suppress(SystemExit):  # of `sys.exit(...)` at its end
        exec(marshal.loads(module), names)
    unittest.case._ShouldStop = ()  # type: ignore[attr-defined]  # what a program raises to end a test as if it were right
    succeeded: list[Any] = []
    result = unittest.TestResult()
    result.addSuccess = succeeded.append  # type: ignore[assignment]
    skips: list[str] = []
    result.addSkip = lambda test, reason: skips.append(_skipper(sys.exc_info()[1]))  # type: ignore[method-assign]
    unittest.TestSuite([names[case](method)]).run(result)
    if result.failures or result.unexpectedSuccesses:
        return ["failed", ""]
    if result.errors:
        return ["error", result.errors[0][1].strip().rsplit("\n", 1)[-1][:200]]
    if skips:
        return ["failed", skips[0]]
    return ["passed" if succeeded or result.expectedFailures else "failed", ""]


def _skipper(skip: BaseException | None) -> str:
    """What skips a test: a decorator, a function of the module that raises or calls `skipTest`, or else the program."""
    import traceback
    import unittest

    if skip is None:
        return SKIPPED
    codes = [frame.f_code for frame, _ in traceback.walk_tb(skip.__traceback__)]
    while codes and codes[-1].co_filename == unittest.case.__file__:
        codes.pop()
    return f"{SKIPPED} by {codes[-1].co_name}" if codes and codes[-1].co_filename == UNITTEST else "SkipTest"
