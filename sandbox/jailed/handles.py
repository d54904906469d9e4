"""What stands in a test for the candidate's objects and names: whatever is done to it is asked of the candidate.

An object of the candidate's may not decide about plain data; where it has a say at all, that is put on record.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

from sandbox.jailed import asking, codec, operators
from sandbox.jailed.mirrors import Derived

TEST = "test"  # the module of what a test and its set-up define


def attribute(found: Any, on_record: bool = True) -> Any:
    """An attribute of an object; `on_record` is whether calling it with what may be expected values is."""
    if type(found) is Handle:
        object.__setattr__(found, "_method", on_record)
    return found


def makes(value: Any) -> Any:
    """A value that the test has constructed, or computed of what it has constructed."""
    if type(value) is Handle:
        asking.asker.made.add(value._number)
    return value


class Handle:
    """An object that stays in the candidate's process. Comparing it with plain data is refused."""

    __slots__ = ("_kind", "_method", "_number")
    # Every object has these, so that `__getattr__` would not be asked. (`__class__` is left to `__type__`: the standard
    # library asks for it too, and wants a class.)
    __dict__ = property(lambda self: self.__getattr__("__dict__"))  # type: ignore[assignment]
    __doc__ = property(lambda self: self.__getattr__("__doc__"))  # type: ignore[assignment]

    def __init__(self, number: Any, kind: str) -> None:
        # `_method` of an attribute: whether what has it was not constructed by the test, or it is a method of data.
        for name, value in (("_number", number), ("_kind", kind), ("_method", None)):
            object.__setattr__(self, name, value)

    def __getattr__(self, name: str) -> Any:
        if name == "_own":
            return self._number in asking.asker.made
        if name.startswith("_candidate") or (name.startswith("__") and name not in operators.INTROSPECTED):
            raise AttributeError(name)  # libraries ask for these: numpy would read memory where `name` points
        if name in operators.POSING and type(self) is Handle and not self._own:
            raise asking.asker.refuse(f"an object of class {self._kind} poses as plain data")
        found = asking.asker.ask("attr", self._number, name)
        if type(self) is Name:
            return found
        return attribute(found, not self._own or name in operators.OF_DATA)

    def __setattr__(self, name: str, value: Any) -> None:
        asking.asker.ask("set", self._number, name, args=[value])

    def __delattr__(self, name: str) -> None:
        asking.asker.ask("op", self._number, "delattr", args=[name])

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        result = asking.asker.call(self._number, args, kwargs)
        handed = not all(isinstance(arg, Handle) for arg in (*args, *kwargs.values()))
        decides = type(result) is bool and not self._own if self._method is None else self._method
        if handed and decides:
            asking.asker.lied = True  # perhaps about the expected value, which it was handed
        return result

    def __enter__(self) -> Any:
        return asking.asker.ask("op", self._number, "enter")

    def __exit__(self, kind: Any, error: Any, _: object) -> bool:
        described = None if error is None else operators.described(error)
        return bool(asking.asker.ask("op", self._number, "exit", args=[described]))

    def __setitem__(self, key: Any, value: Any) -> None:
        asking.asker.ask("op", self._number, "setitem", args=[key, value])

    def __delitem__(self, key: Any) -> None:
        asking.asker.ask("op", self._number, "delitem", args=[key])


def _remote_operator(name: str, reverse: bool = False) -> Callable[..., Any]:
    decides = name in operators.COMPARISONS
    takes = name in operators.TAKING

    def method(self: Handle, *args: Any) -> Any:
        args = () if name == "deepcopy" else args
        if decides or name == "bool":
            # Objects of the candidate's may decide about each other and about their own truth; that is put on record.
            others = [arg for arg in args if not isinstance(arg, Handle)]
            if any(type(arg).__module__ == TEST for arg in others):
                raise asking.asker.unsplit("an object of the test's to a comparison")
            if others:
                raise asking.asker.refuse(f"an object of class {self._kind} would decide")
            asking.asker.lied = True
        handed = takes and not all(isinstance(arg, Handle) for arg in args)
        if handed and not self._own:
            raise asking.asker.refuse(f"an object of class {self._kind} would be handed the expected value")
        result = asking.asker.ask("op", self._number, ("r" if reverse else "") + name, args=args)
        if handed or (name in operators.SEQUENCE and type(self) is Handle and not self._own):
            asking.asker.lied = (
                True  # about what it was handed, or with a length that is not that of its items
            )
        return makes(result) if self._own else result

    return method


for _op in operators.METHODS:
    setattr(Handle, f"__{_op.strip('_')}__", _remote_operator(_op))
for _op in operators.REFLECTED:
    setattr(Handle, f"__r{_op.strip('_')}__", _remote_operator(_op, reverse=True))


class Name(Handle):
    """A name of the candidate's, as the test sees it; what it stands for stays in the candidate's process."""

    __slots__ = ()

    def __init__(self, name: str) -> None:
        super().__init__(name, name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        result = asking.asker.call(self._number, args, kwargs)
        return makes(result) if self._number[:1].isupper() else result

    def __hash__(self) -> int:
        return hash(self._number)

    def __instancecheck__(self, instance: Any) -> bool:
        if isinstance(instance, BaseException):
            return self._number in getattr(instance, "_bases", ())
        if isinstance(instance, Derived):
            instance = instance.__dict__["handle"]
        return isinstance(instance, Handle) and _is_a(instance, self._number)


def _is_a(instance: Handle, kind: Any) -> bool:
    """The candidate's own word, on record: `kind` is a name of its own, or module and name of another class."""
    asking.asker.lied = True
    return bool(asking.asker.ask("isinstance", instance._number, kind))


def _isinstance(value: Any, kinds: Any) -> bool:
    if type(value) is not Handle or isinstance(kinds, Name):
        return isinstance(value, kinds)
    if isinstance(kinds, tuple):
        return any(_isinstance(value, kind) for kind in kinds)
    if kinds is object or kinds in codec.DATA:
        return kinds is object  # what is here as a handle is no plain data
    # Such as a generator's class, which has no name that could be asked for.
    if kinds.__module__ == "builtins" and not hasattr(builtins, kinds.__name__):
        asking.asker.lied = True
        return bool(value._kind == kinds.__name__)
    return _is_a(value, [kinds.__module__, kinds.__qualname__])


def _hasattr(value: Any, name: str) -> bool:
    if not isinstance(value, Handle):
        return hasattr(value, name)
    try:
        asking.asker.ask("attr", value._number, name)
    except AttributeError:
        return False
    return True


def _looks_at(function: Callable[..., Any], ask: Callable[[Handle], Any]) -> Callable[..., Any]:
    return lambda *args: ask(args[0]) if len(args) == 1 and isinstance(args[0], Handle) else function(*args)


def _same(left: Any, right: Any) -> bool:
    left, right = (x.__dict__["handle"] if isinstance(x, Derived) else x for x in (left, right))
    if not (type(left) is type(right) is Handle):
        return left is right
    asking.asker.lied = True
    return bool(left._number == right._number)


# What a test's calls of these functions become (`sandbox.hoist`): on a handle they ask about what it stands for.
LOOKS: dict[str, Callable[..., Any]] = {
    "type": _looks_at(type, lambda handle: asking.asker.ask("op", handle._number, "type")),
    "vars": _looks_at(vars, lambda handle: handle.__dict__),
    "dir": _looks_at(dir, lambda handle: asking.asker.ask("op", handle._number, "dir")),
    "callable": _looks_at(callable, lambda handle: asking.asker.ask("op", handle._number, "callable")),
    "hasattr": _hasattr,
    "isinstance": _isinstance,
    "is": _same,
}
