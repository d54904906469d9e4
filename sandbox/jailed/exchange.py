"""How the judge child's codec takes and sends what is not plain data: handles, exceptions, iterators, functions of the
test's, objects whose class derives from a builtin one.
"""

from __future__ import annotations

import builtins
import collections
import importlib
import marshal
import opcode
import operator
import types
import weakref
from collections.abc import Iterator
from typing import Any

from sandbox.jailed import asking, codec, common, decoding, handles, operators, rebuilt
from sandbox.jailed.mirrors import Derived


def raised(content: Any) -> BaseException:
    """The exception that stands for one of the candidate's: same name, the builtin and library classes and those named
    by the test among its bases, same arguments, message and plain attributes.
    """
    name, message, bases, args, attributes, _ = content
    try:
        values = decoding.decode(args) if args is not None else (message,)
        error = operators.exception(_class(name, message, bases), values)
        for attribute, value in attributes.items():
            own = not attribute.startswith("_") and not hasattr(BaseException, attribute)
            if own or attribute == "__notes__":
                setattr(error, attribute, handles.attribute(decoding.decode(value)))
    except Exception:
        error = RuntimeError(message)
    error._jail_name = name  # type: ignore[attr-defined]
    error._jail_bases = [str(base).rsplit(":")[-1] for base in bases]  # type: ignore[attr-defined]
    return error


def _class(name: Any, message: str, bases: list[Any]) -> type[BaseException]:
    parents: list[type[BaseException]] = []
    for base in bases:
        found = stand_ins.get(base) or _known(base)
        if isinstance(found, type) and issubclass(found, BaseException):
            parents.append(found)
            if base not in stand_ins:
                break
    if not parents:
        return RuntimeError
    if parents[0].__name__ == name and len(parents) == 1:
        return parents[0]
    try:
        return type(name, tuple(parents), {"__str__": lambda self: message})
    except (TypeError, ValueError):  # bases that do not go together, or no name for a class
        return parents[0]


def _known(base: Any) -> Any:
    """A class of the interpreter's, or of the library: `module:name`."""
    module, _, name = base.rpartition(":")
    if module not in common.RAISING:
        return getattr(builtins, base, None)
    return operator.attrgetter(name)(importlib.import_module(module))


stand_ins: dict[str, type[Exception]] = {}


def _encode_function(encoder: Any, value: Any, depth: int) -> Any:
    """A function of the test's, sent as code; one that uses what only the test has cannot travel."""
    space = value.__globals__
    foreign = space.get("__name__") != handles.TEST or value.__closure__ or value.__kwdefaults__
    foreign = foreign or value.__annotations__ or vars(value)
    if _asserts(value.__code__):
        raise asking.asker.unsplit("a function that asserts")
    if foreign or global_names(value.__code__) & (space.keys() - space.get("__shared__", space.keys())):
        raise asking.asker.unsplit("a function that uses what the test defines")
    defaults = encoder.value(value.__defaults__ or (), depth)
    used = global_names(value.__code__)
    needs = [list(need) for need in asking.asker.needs if need[0] in used]
    known = asking.asker.functions
    number = next((i for i, one in enumerate(known) if one is value), len(known))
    if number == len(known):
        known.append(value)
    return {"fn": [number, marshal.dumps(value.__code__).hex(), value.__name__, defaults, needs]}


# What `assert` compiles to, before and since Python 3.14.
_ASSERTION = opcode.opmap.get("LOAD_ASSERTION_ERROR") or opcode.opmap["LOAD_COMMON_CONSTANT"]


def _asserts(code: types.CodeType) -> bool:
    """Whether a function decides by itself, or one in it."""
    inner = [const for const in code.co_consts if isinstance(const, types.CodeType)]
    return _ASSERTION in code.co_code[::2] or any(map(_asserts, inner))


def global_names(code: Any) -> set[str]:
    """The global names of a function's code, and of functions in it."""
    inner = [const for const in code.co_consts if isinstance(const, types.CodeType)]
    return set(code.co_names).union(*map(global_names, inner))


def _handle(content: Any, exotic: bool) -> handles.Handle:
    number, kind = content
    if type(number) is not int or type(kind) is not str:
        raise decoding.Malformed("no handle")
    return handles.Handle(number, kind)


# Of what a class may define, beside methods with plain names.
_ASKED = ("__str__", "__repr__", "__missing__", "__enter__", "__exit__", "__call__")


def _derived(content: Any, exotic: bool) -> Any:
    """An object of a class of the candidate's that adds to a builtin one."""
    number, added, tree = content
    handle, data = _handle(number, exotic), decoding.decode(tree)
    if type(data) not in codec.DATA or not all(type(name) is str for name in added):
        raise decoding.Malformed("no derived object")

    def asked(name: str) -> Any:
        if name == "__missing__":  # which may put something into the dictionary

            def missing(self: Any, key: Any) -> Any:
                asking.asker.hands()
                return asking.asker.ask("op", content[0][0], "getitem", args=[key])

            return missing
        if name == "__call__":

            def called(self: Any, *args: Any, **kwargs: Any) -> Any:
                if handles.hands_data(*args, *kwargs.values()):
                    asking.asker.hands()
                return self.__dict__["_jail_handle"](*args, **kwargs)

            return called
        if name in _ASKED:
            return lambda self, *args: getattr(handles.Handle, name)(self.__dict__["_jail_handle"], *args)

        def again(self: Any) -> Any:
            asking.asker.lied = True  # it may contradict the data that are here
            return getattr(self.__dict__["_jail_handle"], name)

        return property(again)

    ways = {
        **{name: asked(name) for name in added if name in _ASKED or not name.startswith("_")},
        "__getattr__": _of_derived,
        "__copy__": lambda self: self.__dict__["_jail_handle"].__copy__(),
        "__deepcopy__": lambda self, memo: self.__dict__["_jail_handle"].__deepcopy__(memo),
        "__setattr__": lambda self, name, value: setattr(self.__dict__["_jail_handle"], name, value),
        "__hash__": type(data).__hash__,
    }
    values = (data.default_factory, data) if isinstance(data, collections.defaultdict) else (data,)
    value = type(handle._jail_kind, (Derived, type(data)), ways)(*values)
    value.__dict__["_jail_handle"] = handle
    return value


def _own_ways(content: Any, exotic: bool) -> Any:
    """The data in an object that has operators of its own."""
    asking.asker.odd = value = decoding.decode(content)
    return value


def _of_derived(derived: Any, name: str) -> Any:
    if name.startswith("__"):  # the data here have those of their own
        raise AttributeError(name)
    return getattr(derived.__dict__["_jail_handle"], name)


def _iterator(content: Any, exotic: bool) -> Any:
    """An iterator: all of its items, or one that stays with the candidate and is asked for each."""
    number, generates = content
    if type(number) is not int:
        return rebuilt.iterator(number, decoding.decode(generates))
    if not generates:
        return _Iterator(number)
    pull = _live.get(number)
    if pull is None:
        itself: list[Any] = []
        pull = _live[number] = _pull(number, itself)
        itself.append(weakref.ref(pull))
        _pulled[pull] = number
    return pull


class _Iterator:
    """An iterator that is no generator."""

    def __init__(self, number: int) -> None:
        self._jail_number = number

    def __iter__(self) -> _Iterator:
        return self

    def __next__(self) -> Any:
        return asking.asker.ask("op", self._jail_number, "next")


_pulled: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()
_live: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()


def _pull(number: int, itself: list[Any]) -> Iterator[Any]:
    """A generator of the candidate's; `itself` holds a reference to it, which is dead when nobody has it any more."""
    request: tuple[str, list[Any]] = "next", []
    thrown: BaseException | None = None
    while True:
        try:
            item = asking.asker.ask("op", number, request[0], args=request[1])
        except StopIteration as end:
            if thrown is not None:
                asking.asker.swallows(thrown)
            return end.value
        except Exception as other:
            if thrown is None or asking.asker.replaces(thrown, other):
                raise
            raise thrown from None
        if thrown is not None:
            asking.asker.swallows(thrown)
            thrown = None
        try:
            sent = yield item
            request = ("next", []) if sent is None else ("send", [sent])
            if sent is not None:
                asking.asker.hands()
        except GeneratorExit:
            if not asking.asker.silent:  # otherwise the interpreter clears away what a test has left
                asking.asker.ask("op", number, "close") if itself[0]() else asking.asker.ask("drop", number)
            raise
        except BaseException as error:
            request, thrown = ("throw", [asking.asker.describe(error)]), error


def _encode_generator(encoder: Any, value: Any, depth: int) -> Any:
    number = _pulled.get(value)
    if value.gi_code is rebuilt.iterator.__code__:  # of the candidate's, which has no say in how it is graded
        raise codec.Unencodable("value of type generator")
    if number is None:
        raise asking.asker.unsplit("an iterator of its own")
    return {"h": [number, ""]}


def _named(content: Any, exotic: bool) -> Any:
    """A named tuple; an object in it is an attribute, and may pose as one of a tuple's methods."""
    value = rebuilt.named(content[0], content[1], decoding.decode(content[2]))
    for item in value:
        handles.attribute(item)
    return value


def install() -> None:
    """Teach this process's codec about all of these."""
    codec.extend(
        {
            handles.Handle: lambda e, v, d: {"h": [v._jail_number, ""]},
            types.GeneratorType: _encode_generator,
            _Iterator: lambda e, v, d: {"h": [v._jail_number, ""]},
            Derived: lambda e, v, d: {"h": [v.__dict__["_jail_handle"]._jail_number, ""]},
            handles.Name: lambda e, v, d: {"n": v._jail_number},
            types.FunctionType: _encode_function,
        }
    )
    decoding.extend({"h": _handle, "it": _iterator, "nt": _named, "de": _derived, "ow": _own_ways})
