"""What stands in a test for the candidate's objects and names: whatever is done to it is asked of the candidate.

An object of the candidate's may not decide about plain data; where it has a say at all, that is put on record.
"""

from __future__ import annotations

import builtins
import re
from collections.abc import Callable
from typing import Any

from sandbox.jailed import asking, codec, operators, rebuilt
from sandbox.jailed.mirrors import Derived

TEST = "test"  # the module of what a test and its set-up define


def attribute(found: Any, on_record: bool | None = True) -> Any:
    """An attribute of an object; `on_record` is whether calling it with what may be expected values is, or None where
    that depends on the answer.
    """
    if type(found) is Handle:
        object.__setattr__(found, "_jail_method", on_record)
    return found


def hands_data(*values: Any) -> bool:
    """Whether some of the values are the test's own, and may be expected ones."""
    return not all(isinstance(value, Handle) for value in values)


def makes(value: Any) -> Any:
    """A value that the test has constructed, or computed of what it has constructed.

    Raises:
      Unsplit: what its class does with operators cannot be seen in the data here.
    """
    if value is not None and value is asking.asker.odd:
        raise asking.asker.unsplit(f"its {type(value).__name__} to operators of its own")
    if type(value) is Handle:
        asking.asker.made.add(value._jail_number)
        object.__setattr__(value, "_jail_made", True)
    return value


class Handle:
    """An object that stays in the candidate's process. Comparing it with plain data is refused."""

    __slots__ = ("_jail_kind", "_jail_made", "_jail_method", "_jail_number")
    # Every object has these, so that `__getattr__` would not be asked. (`__class__` is left to `__type__`: the standard
    # library asks for it too, and wants a class.)
    __dict__ = property(lambda self: self.__getattr__("__dict__"))  # type: ignore[assignment]
    __doc__ = property(lambda self: self.__getattr__("__doc__"))  # type: ignore[assignment]

    def __init__(self, number: Any, kind: str) -> None:
        # `_jail_made`: whether the test has it from constructing it, and not back from the candidate. `_jail_method`:
        # see `attribute`.
        slots = {"number": number, "kind": kind, "made": False, "method": None}
        for name, value in slots.items():
            object.__setattr__(self, f"_jail_{name}", value)

    @property
    def _jail_own(self) -> bool:
        """Whether it is an object that the test constructed, whoever gave this handle of it."""
        return self._jail_number in asking.asker.made

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_jail_") or (name.startswith("__") and name not in operators.INTROSPECTED):
            raise AttributeError(name)  # libraries ask for these: numpy would read memory where `name` points
        found = asking.asker.ask("attr", self._jail_number, name)
        if type(self) is Name:
            return attribute(found, False)
        acts = type(found) is Handle or (isinstance(found, Derived) and callable(found))
        if acts and not self._jail_made:
            if name in operators.POSING:
                raise asking.asker.refuse(f"an object of class {self._jail_kind} poses as plain data")
            if name in operators.VIEWS:  # it poses as a dictionary, whose views need not go together
                asking.asker.lied = True
        if self._jail_own and not self._jail_made:
            return attribute(found, True if name in operators.OF_DATA else None)
        return attribute(found, not self._jail_made or name in operators.OF_DATA)

    def __setattr__(self, name: str, value: Any) -> None:
        if hands_data(value) and not self._jail_own:  # which may give it back, in this test or in a later one
            asking.asker.hands()
        asking.asker.ask("set", self._jail_number, name, args=[value])

    def __delattr__(self, name: str) -> None:
        asking.asker.ask("op", self._jail_number, "delattr", args=[name])

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        handed = hands_data(*args, *kwargs.values())
        if handed and self._jail_method:
            asking.asker.hands()
        result = asking.asker.call(self._jail_number, args, kwargs)
        word = type(result) in (bool, int) and result in (0, 1)
        if handed and word and self._jail_method is None and not self._jail_made:
            asking.asker.hands()
        return result

    def __enter__(self) -> Any:
        entered = asking.asker.ask("op", self._jail_number, "enter")
        itself = type(entered) is Handle and entered._jail_number == self._jail_number
        return makes(entered) if itself and self._jail_made else entered

    def __exit__(self, kind: Any, error: Any, _: object) -> bool:
        described = None if error is None else asking.asker.describe(error)
        try:
            swallowed = bool(asking.asker.ask("op", self._jail_number, "exit", args=[described]))
        except Exception as other:
            if error is None or asking.asker.replaces(error, other):
                raise
            return False
        if swallowed and error is not None:
            asking.asker.swallows(error)
        return swallowed

    def __setitem__(self, key: Any, value: Any) -> None:
        if not self._jail_own:
            asking.asker.told = True
        asking.asker.ask("op", self._jail_number, "setitem", args=[key, value])

    def __delitem__(self, key: Any) -> None:
        asking.asker.ask("op", self._jail_number, "delitem", args=[key])


def _remote_operator(name: str, reverse: bool = False) -> Callable[..., Any]:
    decides = name in operators.COMPARISONS
    takes = name in operators.TAKING

    def method(self: Handle, *args: Any) -> Any:
        args = () if name == "deepcopy" else args
        if decides or name == "bool":
            # Objects of the candidate's may decide about each other and about their own truth; that is put on record.
            others = [arg for arg in args if not isinstance(arg, Handle | None)]
            if any(type(arg).__module__ == TEST and not isinstance(arg, codec.DATA) for arg in others):
                raise asking.asker.unsplit("an object of the test's to a comparison")
            if others:
                raise asking.asker.refuse(f"an object of class {self._jail_kind} would decide")
            asking.asker.lied = True
        handed = takes and hands_data(*args)
        if handed and not self._jail_own:
            raise asking.asker.refuse(
                f"an object of class {self._jail_kind} would be handed the expected value"
            )
        if handed or (not self._jail_own and not all(isinstance(arg, Handle | None) for arg in args)):
            asking.asker.hands()
        result = asking.asker.ask("op", self._jail_number, ("r" if reverse else "") + name, args=args)
        if name in operators.SEQUENCE and not self._jail_made:  # its length need not be that of its items
            asking.asker.lied = True
        if (takes or name in operators.COMPUTED | operators.CONVERSIONS) and not self._jail_own:
            asking.asker.lied = True
        return makes(result) if self._jail_own and name in operators.COMPUTED else result

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
        result = asking.asker.call(self._jail_number, args, kwargs)
        return makes(result) if self._jail_number[:1].isupper() else result

    def __hash__(self) -> int:
        return hash(self._jail_number)

    def __instancecheck__(self, instance: Any) -> bool:
        if isinstance(instance, BaseException):
            return self._jail_number in getattr(instance, "_jail_bases", ())
        if isinstance(instance, Derived):
            instance = instance.__dict__["_jail_handle"]
        return isinstance(instance, Handle) and _is_a(instance, self._jail_number)


def _is_a(instance: Handle, kind: Any) -> bool:
    """The candidate's own word, on record: `kind` is a name of its own, or module and name of another class."""
    asking.asker.lied = True
    return bool(asking.asker.ask("isinstance", instance._jail_number, kind))


def _isinstance(value: Any, kinds: Any) -> bool:
    if type(value) is rebuilt.Match:
        return re.Match in (kinds if isinstance(kinds, tuple) else (kinds,))
    if type(value) is not Handle or isinstance(kinds, Name):
        if isinstance(value, kinds) or not isinstance(value, Derived):
            return isinstance(value, kinds)
        value = value.__dict__["_jail_handle"]  # a class of the library's among its bases, such as Enum
    if isinstance(kinds, tuple):
        return any(_isinstance(value, kind) for kind in kinds)
    if kinds is object or kinds in codec.DATA:
        return kinds is object  # what is here as a handle is no plain data
    # Such as a generator's class, which has no name that could be asked for.
    if kinds.__module__ == "builtins" and not hasattr(builtins, kinds.__name__):
        asking.asker.lied = True
        return bool(value._jail_kind == kinds.__name__)
    return _is_a(value, [kinds.__module__, kinds.__qualname__])


def _hasattr(value: Any, name: str) -> bool:
    if not isinstance(value, Handle):
        return hasattr(value, name)
    try:
        asking.asker.ask("attr", value._jail_number, name)
    except AttributeError:
        return False
    return True


def _looks_at(function: Callable[..., Any], ask: Callable[[Handle], Any]) -> Callable[..., Any]:
    return lambda *args: ask(args[0]) if len(args) == 1 and isinstance(args[0], Handle) else function(*args)


def _same(left: Any, right: Any) -> bool:
    left, right = (x.__dict__["_jail_handle"] if isinstance(x, Derived) else x for x in (left, right))
    if not (type(left) is type(right) is Handle):
        for one, other in ((left, right), (right, left)):
            if type(one) is Handle and callable(
                other
            ):  # a class or function, perhaps the one that is here by a handle
                raise asking.asker.refuse(
                    f"an object of class {one._jail_kind} stands beside a class or function"
                )
        return left is right
    asking.asker.lied = True
    return bool(left._jail_number == right._jail_number)


# What a test's calls of these functions become (`sandbox.hoist`): on a handle they ask about what it stands for.
LOOKS: dict[str, Callable[..., Any]] = {
    "type": _looks_at(type, lambda handle: asking.asker.ask("op", handle._jail_number, "type")),
    "vars": _looks_at(vars, lambda handle: handle.__dict__),
    "dir": _looks_at(dir, lambda handle: asking.asker.ask("op", handle._jail_number, "dir")),
    "callable": _looks_at(callable, lambda handle: asking.asker.ask("op", handle._jail_number, "callable")),
    "hasattr": _hasattr,
    "isinstance": _isinstance,
    "is": _same,
}
