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

from sandbox.jailed import codec, common, frames, operators


class Refused(Exception):
    """The test would let an object of the candidate decide; naming this is a failure of the candidate."""


class _Asker:
    """The connection to the candidate, through the worker."""

    def __init__(self, line: frames.Line) -> None:
        self.line = line
        self.lied = False  # whether a candidate's own comparison took part in the verdict
        self.own = False  # whether the next handle decoded is an instance of a class that the question names

    def ask(self, request: list[Any], own: bool = False) -> Any:
        """Send one request; give the value, or raise what the candidate raised."""
        self.line.put(f'["c",{codec.dumps(request)},0]'.encode())
        self.line.wake()
        kind, content = marshal.loads(self.line.receive())
        if kind == "error":
            error = remote_exception(content)
            if isinstance(error, StopIteration) and request[0] != "op":
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
        packed = [codec.tree(arg) for arg in args]
        content = self.ask(["call", target, packed, {k: codec.tree(v) for k, v in kwargs.items()}], own)
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


def remote_exception(content: Any) -> BaseException:
    """The exception that stands for one of the candidate's: same name, nearest builtin class, same
    arguments.
    """
    name, message, bases, args = content
    kind: type[BaseException] | None = _stand_ins.get(name)
    if kind is None:
        for base in bases:
            found = getattr(builtins, base, None)
            if isinstance(found, type) and issubclass(found, BaseException):
                kind = found
                break
    try:
        error = (kind or RuntimeError)(*(codec.decode(args) if args is not None else (message,)))
    except Exception:
        error = RuntimeError(message)
    error._candidate = name  # type: ignore[attr-defined]
    return error


_stand_ins: dict[str, type[Exception]] = {}


class Handle:
    """An object that stays in the candidate's process. Comparing it with plain data is refused."""

    def __init__(self, number: int, kind: str) -> None:
        self.__dict__["_number"] = number
        self.__dict__["_kind"] = kind
        self.__dict__["_own"] = _asker.own

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_candidate"):
            raise AttributeError(name)
        if name in operators.POSING and type(self) is Handle and not self._own:
            raise Refused(f"an object of class {self._kind} poses as plain data")
        return _asker.value(["attr", self._number, name], self._own)

    def __setattr__(self, name: str, value: Any) -> None:
        _asker.value(["set", self._number, name, codec.tree(value)])

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
        _asker.value(["op", self._number, "setitem", [codec.tree(key), codec.tree(value)]])

    def __delitem__(self, key: Any) -> None:
        _asker.value(["op", self._number, "delitem", [codec.tree(key)]])


def _remote_operator(name: str, reverse: bool = False) -> Callable[..., Any]:
    decides = name in operators.COMPARISONS or name == "bool"
    takes = name in operators.TAKING

    def method(self: Handle, *args: Any) -> Any:
        if decides:
            # Only two objects of classes that the question names may compare themselves, and that is put on
            # record.
            if not self._own or not all(isinstance(arg, Handle) and arg._own for arg in args):
                raise Refused(f"an object of class {self._kind} would decide")
            _asker.lied = True
        handed = takes and not all(isinstance(arg, Handle) for arg in args)
        if handed and not self._own:
            raise Refused(f"an object of class {self._kind} would be handed the expected value")
        request = ["op", self._number, ("r" if reverse else "") + name, [codec.tree(a) for a in args]]
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

    def __init__(self, name: str) -> None:
        self.__dict__.update(_number=name, _kind=name, _own=False)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return _asker.call(self._number, args, kwargs, own=self._number[:1].isupper())

    def __hash__(self) -> int:
        return hash(self._number)

    def __instancecheck__(self, instance: Any) -> bool:
        if not isinstance(instance, Handle):
            return False
        _asker.lied = True
        return bool(_asker.value(["isinstance", instance._number, self._number]))


def _encode_function(encoder: Any, value: Any, depth: int) -> Any:
    """A function of the test's, sent as code; one that closes over variables cannot travel."""
    if value.__closure__:
        raise codec.Unencodable("a function that closes over variables")
    defaults = encoder.value(value.__defaults__ or (), depth)
    return {"fn": [marshal.dumps(value.__code__).hex(), value.__name__, defaults]}


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
    names: dict[str, Any] = {"__name__": "test"}
    while True:
        code, needs, exceptions, required = marshal.loads(line.receive())
        asker.lied = False
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
        space["__ask__"] = lambda i, own=False: asker.value(["eval", i], own)
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
