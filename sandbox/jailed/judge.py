"""A judge child: runs the part of a test that cannot be decided value by value, in a jail of its own process.

It holds expected values and runs no candidate code. What the test calls in the candidate is asked of the
worker, which asks the candidate's process; plain values come back, and objects of the candidate's own classes
come back as handles.
"""

from __future__ import annotations

import builtins
import marshal
import time
import types
from collections.abc import Callable
from typing import Any, NoReturn

from sandbox.jailed import codec, common, frames, operators, rebuilt

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
        self.own = False  # whether the next handle decoded is an instance of a class that the question names

    def ask(self, request: list[Any], own: bool = False) -> Any:
        """Send one request; give the value, or raise what the candidate raised."""
        self.line.put(f'["c",{codec.dumps(request)},0]'.encode())
        self.line.wake()
        kind, content = marshal.loads(self.line.receive())
        if kind == "error":
            error = remote_exception(content)
            if isinstance(error, StopIteration) and not (request[0] == "op" and request[2] == "next"):
                # It would end the test's own loops early: `all(map(f, cases))` would be true.
                error = remote_exception(["RuntimeError", "the candidate raised StopIteration", [], None])
            raise error
        self.own = own
        return content

    def value(self, request: list[Any], own: bool = False) -> Any:
        """Ask for something that comes back as one value."""
        return codec.decode(self.ask(request, own))

    def call(self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any], own: bool = False) -> Any:
        """Call something of the candidate's; arguments that it changed are changed here too."""
        packed = [_sent(arg) for arg in args]
        content = self.ask(["call", target, packed, {k: _sent(v) for k, v in kwargs.items()}], own)
        for index, after in content["after"]:
            _update(args[index], codec.decode(after))
        if content["same"] is not None:
            return args[content["same"]]
        return codec.decode(content["value"])


_asker: _Asker


def _update(old: Any, new: Any) -> None:
    """Make a container of the test's hold what the candidate left in its copy."""
    if isinstance(old, list | bytearray):
        old[:] = new
    elif isinstance(old, dict | set):
        old.clear()
        old.update(new)
    else:
        old.clear()
        old.extend(new)


def _sent(value: Any) -> Any:
    """The tree of something that the test hands to the candidate."""
    return codec.tree(value, _stays)


def _stays(value: Any) -> Any:
    if isinstance(
        value, rebuilt.Match | BaseException
    ):  # from the candidate, which has no say in how it is graded
        raise codec.Unencodable(f"value of type {type(value).__name__}")
    raise _unsplit(f"a {type(value).__name__}")


def _unsplit(what: str) -> Unsplit:
    _asker.unsplit = f"hands over {what}"
    return Unsplit(what)


def remote_exception(content: Any) -> BaseException:
    """The exception that stands for one of the candidate's: same name, the builtin classes and those named by the
    test among its bases, same arguments.
    """
    name, message, bases, args = content
    try:
        error = _class(name, bases)(*(codec.decode(args) if args is not None else (message,)))
    except Exception:
        error = RuntimeError(message)
    error._candidate = name  # type: ignore[attr-defined]
    error._bases = bases  # type: ignore[attr-defined]
    return error


def _class(name: Any, bases: list[Any]) -> type[BaseException]:
    parents: list[type[BaseException]] = []
    for base in bases:
        found = _stand_ins.get(base) or getattr(builtins, base, None)
        if isinstance(found, type) and issubclass(found, BaseException):
            parents.append(found)
            if base not in _stand_ins:
                break
    if not parents:
        return RuntimeError
    if parents[0].__name__ == name and len(parents) == 1:
        return parents[0]
    try:
        return type(name, tuple(parents), {})
    except (TypeError, ValueError):  # bases that do not go together, or no name for a class
        return parents[0]


_stand_ins: dict[str, type[Exception]] = {}


class Handle:
    """An object that stays in the candidate's process. Comparing it with plain data is refused."""

    __slots__ = ("_kind", "_number", "_own")
    # Every object has these, so that `__getattr__` would not be asked. (`__class__` is left to `__type__`: the standard
    # library asks for it too, and wants a class.)
    __dict__ = property(lambda self: self.__getattr__("__dict__"))  # type: ignore[assignment]
    __doc__ = property(lambda self: self.__getattr__("__doc__"))  # type: ignore[assignment]

    def __init__(self, number: Any, kind: str, own: bool | None = None) -> None:
        for name, value in (
            ("_number", number),
            ("_kind", kind),
            ("_own", _asker.own if own is None else own),
        ):
            object.__setattr__(self, name, value)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_candidate"):
            raise AttributeError(name)
        if name in operators.POSING and type(self) is Handle and not self._own:
            raise Refused(f"an object of class {self._kind} poses as plain data")
        return _asker.value(["attr", self._number, name], self._own)

    def __setattr__(self, name: str, value: Any) -> None:
        _asker.value(["set", self._number, name, _sent(value)])

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        result = _asker.call(self._number, args, kwargs)
        if type(result) is bool and not self._own and (args or kwargs):
            _asker.lied = True  # perhaps about the expected value, which it was handed
        return result

    def __enter__(self) -> Any:
        return _asker.value(["op", self._number, "enter", []], own=self._own)

    def __exit__(self, *_: object) -> None:
        _asker.value(["op", self._number, "exit", []])

    def __setitem__(self, key: Any, value: Any) -> None:
        _asker.value(["op", self._number, "setitem", [_sent(key), _sent(value)]])

    def __delitem__(self, key: Any) -> None:
        _asker.value(["op", self._number, "delitem", [_sent(key)]])


def _remote_operator(name: str, reverse: bool = False) -> Callable[..., Any]:
    decides = name in operators.COMPARISONS or name == "bool"
    takes = name in operators.TAKING

    def method(self: Handle, *args: Any) -> Any:
        args = () if name == "deepcopy" else args
        if decides:
            # Objects of the candidate's may decide about each other, and one of a class that the question names about
            # its own truth; that is put on record.
            others = [arg for arg in args if not isinstance(arg, Handle)]
            if any(type(arg).__module__ == _TEST for arg in others):
                raise _unsplit("an object of the test's to a comparison")
            if others or not (args or self._own):
                raise Refused(f"an object of class {self._kind} would decide")
            _asker.lied = True
        handed = takes and not all(isinstance(arg, Handle) for arg in args)
        if handed and not self._own:
            raise Refused(f"an object of class {self._kind} would be handed the expected value")
        request = ["op", self._number, ("r" if reverse else "") + name, list(map(_sent, args))]
        result = _asker.value(request, self._own)
        if handed and not isinstance(result, Handle):
            _asker.lied = True
        return result

    return method


for _op in operators.METHODS:
    setattr(Handle, f"__{_op.strip('_')}__", _remote_operator(_op))
for _op in operators.REFLECTED:
    setattr(Handle, f"__r{_op.strip('_')}__", _remote_operator(_op, reverse=True))


class Name(Handle):
    """A name of the candidate's, as the test sees it; what it stands for stays in the candidate's process."""

    __slots__ = ()

    def __init__(self, name: str) -> None:
        super().__init__(name, name, own=False)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return _asker.call(self._number, args, kwargs, own=self._number[:1].isupper())

    def __hash__(self) -> int:
        return hash(self._number)

    def __instancecheck__(self, instance: Any) -> bool:
        if isinstance(instance, BaseException):
            return self._number in getattr(instance, "_bases", ())
        return isinstance(instance, Handle) and _is_a(instance, self._number)


def _is_a(instance: Handle, kind: Any) -> bool:
    """The candidate's own word, on record: `kind` is a name of its own, or module and name of another class."""
    _asker.lied = True
    return bool(_asker.value(["isinstance", instance._number, kind]))


def _isinstance(value: Any, kinds: Any) -> bool:
    if type(value) is not Handle or isinstance(kinds, Name):
        return isinstance(value, kinds)
    if isinstance(kinds, tuple):
        return any(_isinstance(value, kind) for kind in kinds)
    if kinds is object or getattr(kinds, "__module__", "builtins") == "builtins":
        return kinds is object  # what is here as a handle is no plain data
    return _is_a(value, [kinds.__module__, kinds.__qualname__])


def _hasattr(value: Any, name: str) -> bool:
    if not isinstance(value, Handle):
        return hasattr(value, name)
    try:
        _asker.ask(["attr", value._number, name])
    except AttributeError:
        return False
    return True


def _looks_at(function: Callable[..., Any], ask: Callable[[Handle], Any]) -> Callable[..., Any]:
    return lambda *args: ask(args[0]) if len(args) == 1 and isinstance(args[0], Handle) else function(*args)


def _same(left: Any, right: Any) -> bool:
    if not (type(left) is type(right) is Handle):
        return left is right
    _asker.lied = True
    return bool(left._number == right._number)


# What a test's calls of these functions become (`sandbox.hoist`): on a handle they ask about what it stands for.
_LOOKS: dict[str, Callable[..., Any]] = {
    "type": _looks_at(type, lambda handle: handle.__getattr__("__class__")),
    "vars": _looks_at(vars, lambda handle: handle.__dict__),
    "dir": _looks_at(dir, lambda handle: _asker.value(["op", handle._number, "dir", []])),
    "callable": _looks_at(callable, lambda handle: _asker.value(["op", handle._number, "callable", []])),
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


def _install(asker: _Asker) -> None:
    """Teach this process's codec about handles and functions."""
    global _asker
    _asker = asker
    codec.extend(
        {
            Handle: lambda e, v, d: {"h": [v._number, ""]},
            Name: lambda e, v, d: {"n": v._number},
            types.FunctionType: _encode_function,
        },
        {"h": lambda x, e: Handle(*x)},
    )


def _outcome(error: BaseException | None) -> tuple[str, str]:
    """What the end of a test means."""
    if _asker.unsplit:  # even if the test has caught that
        return "unsplit", _asker.unsplit
    if error is None:
        return "passed", ""
    name = getattr(error, "_candidate", None)
    if name is not None:
        return ("forbidden" if name == "PermissionError" else "error"), name
    if isinstance(error, AssertionError):
        return "failed", ""
    if isinstance(error, Refused):
        return "failed", str(error)
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
        asker.lied, asker.unsplit = False, ""
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
        space["__ask__"] = lambda i, own=False: asker.value(["eval", i], own)
        space.update({f"__{name}__": look for name, look in _LOOKS.items()})
        error: BaseException | None = None
        try:
            if required:
                asker.ask(["require", required])
            exec(marshal.loads(code), space)
        except BaseException as caught:
            error = caught
        outcome, detail = _outcome(error)
        content = codec.dumps([outcome, detail, asker.lied])
        line.put(f'["o",{content},{time.process_time_ns()}]'.encode())
        line.wake()
