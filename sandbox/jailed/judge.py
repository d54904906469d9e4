"""A judge child: runs the part of a test that cannot be decided value by value, in a jail of its own process.

It holds expected values and runs no candidate code. What the test calls in the candidate is asked of the
worker, which asks the candidate's process; plain values come back, and objects of the candidate's own classes
come back as handles.
"""

from __future__ import annotations

import builtins
import collections
import importlib
import marshal
import operator
import time
import types
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn

from sandbox.jailed import codec, common, frames, operators, rebuilt
from sandbox.jailed.mirrors import Derived, Mirrors

_TEST = "test"  # the module of what a test and its set-up define


class Refused(Exception):
    """The test would let an object of the candidate decide; naming this is a failure of the candidate."""


class Unsplit(BaseException):
    """The test would hand the candidate an object of its own that cannot travel: both must share a process."""


class _Asker:
    """The connection to the candidate, through the worker."""

    def __init__(self, line: frames.Line) -> None:
        self.line = line
        self.lied = False  # whether a candidate's own comparison took part in the verdict
        self.unsplit = ""  # why the test cannot be run away from the candidate
        self.refused = ""  # why an object of the candidate's may not decide
        self.silent = True  # whether nothing may be asked: a test does not run, or waits for an answer
        self.made: set[int] = set()  # objects that the test constructed of classes that the question names
        self.stops = False  # whether the test itself names StopIteration
        self.mirrors = Mirrors(0, _stays)

    def ask(
        self,
        *head: Any,
        args: Sequence[Any] | None = None,
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Send one request with the values that it hands over; give the value that comes back, or raise what the
        candidate raised.
        """
        sync = self.mirrors.changes()
        body = list(head)
        if args is not None:
            body.append([self.mirrors.tree(value) for value in args])
        if kwargs is not None:
            body.append({name: self.mirrors.tree(value) for name, value in kwargs.items()})
        self.mirrors.agree()
        self.silent = True
        self.line.put(f'["c",{codec.dumps([*body, sync])},0]'.encode())
        self.line.wake()
        kind, content = marshal.loads(self.line.receive())
        self.silent = False
        changes, value = (content[5], None) if kind == "error" else content
        if changes is not None:
            self.mirrors.apply(changes)
        if kind == "error":
            self.mirrors.agree()
            error = remote_exception(content)
            pulls = head[0] == "op" and head[2] in ("next", "send", "throw")
            if isinstance(error, StopIteration) and not self.stops and not pulls:
                # It would end the test's own loops early: `all(map(f, cases))` would be true.
                error = remote_exception(
                    ["RuntimeError", "the candidate raised StopIteration", [], None, {}, None]
                )
            raise error
        value = codec.decode(value)
        self.mirrors.agree()
        return value

    def makes(self, value: Any) -> Any:
        """A value that the test has constructed, or computed of what it has constructed."""
        if type(value) is Handle:
            self.made.add(value._number)
        return value

    def call(self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call something of the candidate's."""
        return self.ask("call", target, None, args=args, kwargs=kwargs)


_asker: _Asker


def _stays(value: Any) -> Any:
    # From the candidate, which has no say in how it is graded.
    if isinstance(value, rebuilt.Match | BaseException):
        raise codec.Unencodable(f"value of type {type(value).__name__}")
    raise _unsplit(f"a {type(value).__name__}")


def _unsplit(what: str) -> Unsplit:
    _asker.unsplit = f"hands over {what}"
    return Unsplit(what)


def remote_exception(content: Any) -> BaseException:
    """The exception that stands for one of the candidate's: same name, the builtin and library classes and those named
    by the test among its bases, same arguments, message and plain attributes.
    """
    name, message, bases, args, attributes, _ = content
    try:
        values = codec.decode(args) if args is not None else (message,)
        error = operators.exception(_class(name, message, bases), values)
        for attribute, value in attributes.items():
            own = not attribute.startswith("_") and not hasattr(BaseException, attribute)
            if own or attribute == "__notes__":
                setattr(error, attribute, _attribute(codec.decode(value)))
    except Exception:
        error = RuntimeError(message)
    error._candidate = name  # type: ignore[attr-defined]
    error._bases = [str(base).rsplit(":")[-1] for base in bases]  # type: ignore[attr-defined]
    return error


def _class(name: Any, message: str, bases: list[Any]) -> type[BaseException]:
    parents: list[type[BaseException]] = []
    for base in bases:
        found = _stand_ins.get(base) or _known(base)
        if isinstance(found, type) and issubclass(found, BaseException):
            parents.append(found)
            if base not in _stand_ins:
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


_stand_ins: dict[str, type[Exception]] = {}


def _refused(why: str) -> Refused:
    _asker.refused = why
    return Refused(why)


def _attribute(found: Any, on_record: bool = True) -> Any:
    """An attribute of an object; `on_record` is whether calling it with what may be expected values is."""
    if type(found) is Handle:
        object.__setattr__(found, "_method", on_record)
    return found


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
            return self._number in _asker.made
        if name.startswith("_candidate") or (name.startswith("__") and name not in operators.INTROSPECTED):
            raise AttributeError(name)  # libraries ask for these: numpy would read memory where `name` points
        if name in operators.POSING and type(self) is Handle and not self._own:
            raise _refused(f"an object of class {self._kind} poses as plain data")
        found = _asker.ask("attr", self._number, name)
        if type(self) is Name:
            return found
        return _attribute(found, not self._own or name in operators.OF_DATA)

    def __setattr__(self, name: str, value: Any) -> None:
        _asker.ask("set", self._number, name, args=[value])

    def __delattr__(self, name: str) -> None:
        _asker.ask("op", self._number, "delattr", args=[name])

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        result = _asker.call(self._number, args, kwargs)
        handed = not all(isinstance(arg, Handle) for arg in (*args, *kwargs.values()))
        decides = type(result) is bool and not self._own if self._method is None else self._method
        if handed and decides:
            _asker.lied = True  # perhaps about the expected value, which it was handed
        return result

    def __enter__(self) -> Any:
        return _asker.ask("op", self._number, "enter")

    def __exit__(self, kind: Any, error: Any, _: object) -> bool:
        described = None if error is None else _described(error)
        return bool(_asker.ask("op", self._number, "exit", args=[described]))

    def __setitem__(self, key: Any, value: Any) -> None:
        _asker.ask("op", self._number, "setitem", args=[key, value])

    def __delitem__(self, key: Any) -> None:
        _asker.ask("op", self._number, "delitem", args=[key])


def _remote_operator(name: str, reverse: bool = False) -> Callable[..., Any]:
    decides = name in operators.COMPARISONS
    takes = name in operators.TAKING

    def method(self: Handle, *args: Any) -> Any:
        args = () if name == "deepcopy" else args
        if decides or name == "bool":
            # Objects of the candidate's may decide about each other and about their own truth; that is put on record.
            others = [arg for arg in args if not isinstance(arg, Handle)]
            if any(type(arg).__module__ == _TEST for arg in others):
                raise _unsplit("an object of the test's to a comparison")
            if others:
                raise _refused(f"an object of class {self._kind} would decide")
            _asker.lied = True
        handed = takes and not all(isinstance(arg, Handle) for arg in args)
        if handed and not self._own:
            raise _refused(f"an object of class {self._kind} would be handed the expected value")
        result = _asker.ask("op", self._number, ("r" if reverse else "") + name, args=args)
        if handed or (name in operators.SEQUENCE and type(self) is Handle and not self._own):
            _asker.lied = True  # about what it was handed, or with a length that is not that of its items
        return _asker.makes(result) if self._own else result

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
        result = _asker.call(self._number, args, kwargs)
        return _asker.makes(result) if self._number[:1].isupper() else result

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
    _asker.lied = True
    return bool(_asker.ask("isinstance", instance._number, kind))


def _isinstance(value: Any, kinds: Any) -> bool:
    if type(value) is not Handle or isinstance(kinds, Name):
        return isinstance(value, kinds)
    if isinstance(kinds, tuple):
        return any(_isinstance(value, kind) for kind in kinds)
    if kinds is object or kinds in codec.DATA:
        return kinds is object  # what is here as a handle is no plain data
    # Such as a generator's class, which has no name that could be asked for.
    if kinds.__module__ == "builtins" and not hasattr(builtins, kinds.__name__):
        _asker.lied = True
        return bool(value._kind == kinds.__name__)
    return _is_a(value, [kinds.__module__, kinds.__qualname__])


def _hasattr(value: Any, name: str) -> bool:
    if not isinstance(value, Handle):
        return hasattr(value, name)
    try:
        _asker.ask("attr", value._number, name)
    except AttributeError:
        return False
    return True


def _looks_at(function: Callable[..., Any], ask: Callable[[Handle], Any]) -> Callable[..., Any]:
    return lambda *args: ask(args[0]) if len(args) == 1 and isinstance(args[0], Handle) else function(*args)


def _same(left: Any, right: Any) -> bool:
    left, right = (x.__dict__["handle"] if isinstance(x, Derived) else x for x in (left, right))
    if not (type(left) is type(right) is Handle):
        return left is right
    _asker.lied = True
    return bool(left._number == right._number)


# What a test's calls of these functions become (`sandbox.hoist`): on a handle they ask about what it stands for.
_LOOKS: dict[str, Callable[..., Any]] = {
    "type": _looks_at(type, lambda handle: _asker.ask("op", handle._number, "type")),
    "vars": _looks_at(vars, lambda handle: handle.__dict__),
    "dir": _looks_at(dir, lambda handle: _asker.ask("op", handle._number, "dir")),
    "callable": _looks_at(callable, lambda handle: _asker.ask("op", handle._number, "callable")),
    "hasattr": _hasattr,
    "isinstance": _isinstance,
    "is": _same,
}


def _encode_function(encoder: Any, value: Any, depth: int) -> Any:
    """A function of the test's, sent as code; one that uses what only the test has cannot travel."""
    space = value.__globals__
    foreign = space.get("__name__") != _TEST or value.__closure__
    if foreign or _names(value.__code__) & (space.keys() - space.get("__shared__", space.keys())):
        raise _unsplit("a function that uses what the test defines")
    defaults = encoder.value(value.__defaults__ or (), depth)
    return {"fn": [marshal.dumps(value.__code__).hex(), value.__name__, defaults]}


def _names(code: Any) -> set[str]:
    """The global names of a function's code, and of functions in it."""
    inner = [const for const in code.co_consts if isinstance(const, types.CodeType)]
    return set(code.co_names).union(*map(_names, inner))


def _handle(content: Any, exotic: bool) -> Handle:
    number, kind = content
    if type(number) is not int or type(kind) is not str:
        raise codec.Malformed("no handle")
    return Handle(number, kind)


def _derived(content: Any, exotic: bool) -> Any:
    """An object of a class of the candidate's that adds to a builtin one."""
    number, added, tree = content
    handle, data = _handle(number, exotic), codec.decode(tree)
    if type(data) not in codec.DATA or not all(type(name) is str for name in added):
        raise codec.Malformed("no derived object")

    def asked(name: str) -> Any:
        if name in ("__str__", "__repr__"):
            return lambda self: getattr(self.__dict__["handle"], name)()

        def again(self: Any) -> Any:
            handle = self.__dict__["handle"]
            _asker.lied = _asker.lied or not handle._own  # it may contradict the data that are here
            return getattr(handle, name)

        return property(again)

    ways = {
        **{
            name: asked(name) for name in added if name in ("__str__", "__repr__") or not name.startswith("_")
        },
        "__getattr__": lambda self, name: getattr(self.__dict__["handle"], name),
        "__setattr__": lambda self, name, value: setattr(self.__dict__["handle"], name, value),
        "__hash__": type(data).__hash__,
    }
    values = (data.default_factory, data) if isinstance(data, collections.defaultdict) else (data,)
    value = type(handle._kind, (Derived, type(data)), ways)(*values)
    value.__dict__["handle"] = handle
    return value


def _iterator(content: Any, exotic: bool) -> Any:
    """An iterator: all of its items, or one that stays with the candidate and is asked for each."""
    if type(content) is not int:
        return rebuilt.iterator(content[0], codec.decode(content[1]))
    pull = _pull(content)
    _pulled[pull] = content
    return pull


_pulled: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()


def _pull(number: int) -> Iterator[Any]:
    request: tuple[str, list[Any]] = "next", []
    while True:
        try:
            item = _asker.ask("op", number, request[0], args=request[1])
        except StopIteration as end:
            return end.value
        try:
            sent = yield item
            request = ("next", []) if sent is None else ("send", [sent])
        except GeneratorExit:
            if not _asker.silent:  # otherwise the interpreter clears away what a test has left
                _asker.ask("op", number, "close")
            raise
        except BaseException as error:
            request = "throw", [_described(error)]


def _described(error: BaseException) -> list[Any]:
    """An exception of the test's, as the candidate makes it again."""
    names = getattr(error, "_bases", None) or [base.__name__ for base in type(error).__mro__]
    plain = all(type(arg) in (str, int, float, bool, type(None)) for arg in error.args)
    return [names, list(error.args) if plain else [str(error)]]


def _encode_generator(encoder: Any, value: Any, depth: int) -> Any:
    number = _pulled.get(value)
    return encoder.iterator(value, depth) if number is None else {"h": [number, ""]}


def _named(content: Any, exotic: bool) -> Any:
    """A named tuple; an object in it is an attribute, and may pose as one of a tuple's methods."""
    value = rebuilt.named(content[0], content[1], codec.decode(content[2]))
    for item in value:
        _attribute(item)
    return value


def _install(asker: _Asker) -> None:
    """Teach this process's codec about handles and functions."""
    global _asker
    _asker = asker
    codec.extend(
        {
            Handle: lambda e, v, d: {"h": [v._number, ""]},
            types.GeneratorType: _encode_generator,
            Derived: lambda e, v, d: {"h": [v.__dict__["handle"]._number, ""]},
            Name: lambda e, v, d: {"n": v._number},
            types.FunctionType: _encode_function,
        },
        {"h": _handle, "it": _iterator, "nt": _named, "de": _derived},
    )


def _outcome(error: BaseException | None) -> tuple[str, str]:
    """What the end of a test means."""
    if _asker.unsplit:  # even if the test has caught that
        return "unsplit", _asker.unsplit
    if _asker.refused:
        return "failed", _asker.refused
    if error is None:
        return "passed", ""
    name = getattr(error, "_candidate", None)
    if name is not None:
        return ("forbidden" if name == "PermissionError" else "error"), name
    if isinstance(error, AssertionError):
        return "failed", ""
    if isinstance(error, codec.Unencodable | codec.Malformed):
        return "failed", f"{type(error).__name__}: {error}"[:200]
    return "error", type(error).__name__


def serve(line: frames.Line, request: dict[str, Any]) -> NoReturn:
    """Run tests as the worker sends them: `(code, common names to supply, names of exceptions to stand in for, names
    that the candidate must have defined)`.
    """
    asker = _Asker(line)
    _install(asker)
    names: dict[str, Any] = {"__name__": _TEST}
    while True:
        code, needs, exceptions, required = marshal.loads(line.receive())
        asker.lied, asker.unsplit, asker.refused = False, "", ""
        asker.made.clear()
        test = marshal.loads(code)
        asker.stops = "StopIteration" in _names(test)
        asker.mirrors.new_test()
        if request["setup"] is not None and "__setup_done__" not in names:
            exec(request["setup"], names)
            names["__setup_done__"] = True
        space = dict(names)
        for name, kind in needs:
            if name not in space:
                space[name] = common.resolve(name, kind)
        for name in request["entry_points"]:
            space[name] = Name(name)
        _stand_ins.clear()
        for name in exceptions:
            space[name] = _stand_ins[name] = type(name, (Exception,), {})
        space["__shared__"] = frozenset(space)  # names that the candidate's process has too
        space["__ask__"] = lambda i, own=False: (
            asker.makes(asker.ask("eval", i)) if own else asker.ask("eval", i)
        )
        space.update({f"__{name}__": look for name, look in _LOOKS.items()})
        error: BaseException | None = None
        try:
            if required:
                asker.ask("require", required)
            asker.silent = False
            exec(test, space)
        except BaseException as caught:
            error = caught
        asker.silent = True
        outcome, detail = _outcome(error)
        content = codec.dumps([outcome, detail, asker.lied])
        line.put(f'["o",{content},{time.process_time_ns()}]'.encode())
        line.wake()
