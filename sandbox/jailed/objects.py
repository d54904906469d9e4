"""Answers to a judge child that cannot send closed expressions: calls with values, handles to objects,
unittest methods.

Runs in the candidate's process. Objects that are not plain data stay here under a number; the judge sees the
number.
"""

from __future__ import annotations

import importlib
import marshal
import operator
import types
from typing import Any

from sandbox.jailed import codec, operators

SKIPPED = "skipped"
_MUTABLE = ("list", "dict", "set", "bytearray", "deque", "defaultdict", "OrderedDict", "Counter")


def _mutable(value: Any) -> bool:
    return type(value).__name__ in _MUTABLE


class Objects:
    """The table of objects that the judge holds handles to."""

    def __init__(self, names: dict[str, Any]) -> None:
        self.names = names
        self.kept: list[Any] = []
        self.numbers: dict[int, int] = {}  # by identity; what is kept lives as long as this process
        codec.extend(
            {},
            {
                "h": lambda x, e: self.kept[x[0]],
                "n": lambda x, e: self.names[x],
                "fn": lambda x, e: types.FunctionType(
                    marshal.loads(bytes.fromhex(x[0])), self.names, x[1], codec.decode(x[2]) or None
                ),
            },
        )

    def keep(self, value: Any) -> Any:
        """The handle of an object."""
        number = self.numbers.setdefault(id(value), len(self.kept))
        if number == len(self.kept):
            self.kept.append(value)
        return {"h": [number, type(value).__name__]}

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

    def tree(self, value: Any) -> Any:
        """Encode a value, keeping what is not plain data."""
        return codec.tree(value, self.keep)

    def answer(self, item: Any) -> str:
        """Do what the judge asks; the reply as JSON text."""
        kind = item[0]
        if kind == "eval":
            result = self.tree(eval(marshal.loads(item[1]), self.names))
        elif kind == "call":
            result = self.call(item[1], item[2], item[3])
        elif kind == "attr":
            result = self.tree(getattr(self.target(item[1]), item[2]))
        elif kind == "set":
            result = setattr(self.target(item[1]), item[2], codec.decode(item[3]))  # type: ignore[func-returns-value]
        elif kind == "require":
            result = [self.target(name) is None for name in item[1]]
        elif kind == "isinstance":
            result = isinstance(self.target(item[1]), self.kind(item[2]))
        else:
            result = self.tree(
                operators.FUNCTIONS[item[2]](self.target(item[1]), *map(codec.decode, item[3]))
            )
        return codec.dumps(result)

    def call(self, reference: Any, args: Any, kwargs: Any) -> Any:
        """Call with rebuilt arguments; report the result and what became of arguments that can change."""
        texts = [
            codec.dumps(arg) for arg in args
        ]  # decoding may hand out the tree itself, which the call then changes
        values = [codec.decode(arg) for arg in args]
        value = self.target(reference)(*values, **{k: codec.decode(v) for k, v in kwargs.items()})
        same = next((index for index, now in enumerate(values) if now is value and _mutable(now)), None)
        result = None if same is not None else self.tree(value)  # an iterator may change arguments as it goes
        after = []
        for index, (before, now) in enumerate(zip(texts, values)):
            if _mutable(now):
                changed = self.tree(now)
                if codec.dumps(changed) != before:
                    after.append([index, changed])
        return {"value": result, "after": after, "same": same}


def run_unittest(module: bytes, case: str, method: str, names: dict[str, Any]) -> list[str]:
    """Run one method of a unittest module beside the candidate: `[outcome, detail]`, which it could have
    forged.
    """
    import unittest

    space = names.get("__unittest__")
    if space is None:
        space = names["__unittest__"] = dict(names, __name__="test")
        exec(marshal.loads(module), space)
    unittest.case._ShouldStop = ()  # type: ignore[attr-defined]  # what a program raises to end a test as if it were right
    succeeded: list[Any] = []
    result = unittest.TestResult()
    result.addSuccess = succeeded.append  # type: ignore[assignment]
    unittest.TestSuite([space[case](method)]).run(result)
    if result.failures or result.unexpectedSuccesses:
        return ["failed", ""]
    if result.errors:
        return ["error", result.errors[0][1].strip().rsplit("\n", 1)[-1][:200]]
    if result.skipped:
        decorated = any(
            getattr(x, "__unittest_skip__", False) for x in (space[case], getattr(space[case], method))
        )
        return ["failed", SKIPPED if decorated else "SkipTest"]  # which the program may raise
    return ["passed" if succeeded or result.expectedFailures else "failed", ""]
