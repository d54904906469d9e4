"""What a forked child does: load the candidate and answer calls with encoded values, until the worker kills
it.

Requests come from the worker as marshal (it is trusted here); replies are JSON, since nothing that leaves
this process can be trusted. A candidate can read everything in this process, so nothing is ever sent here
that must stay secret.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import marshal
import os
import sys
import time
import types
from typing import Any, NoReturn

from sandbox.jailed import codec, common, frames, judge, objects

_clock = time.process_time_ns
_loads = marshal.loads
_dumps = codec.dumps
_EAGER_NS = 2_000_000  # after so much work the worker hears of the answers so far


def _describe(error: BaseException, changes: Any) -> str:
    """The exception as JSON text: class name, message, names of its base classes, arguments if plain, attributes, and
    the containers that have changed.
    """
    try:
        message = str(error)[:2000]
    except BaseException:
        message = ""
    try:
        args = codec.tree(error.args)
    except BaseException:
        args = None
    kind = type(error)
    bases = [_path(base) for base in kind.__mro__]
    return _dumps([kind.__name__, message, bases, args, _attributes(error), changes])


def _path(base: type) -> str:
    """A class's name, and where the standard library has it."""
    module = base.__module__
    return base.__name__ if module not in common.RAISING else f"{module}:{base.__qualname__}"


def _attributes(error: BaseException) -> dict[str, Any]:
    """What a program has put on an exception of its own, as far as it is plain data."""
    found: dict[str, Any] = {}
    builtin = ("filename", "name", "__notes__")  # what builtin classes keep beside their arguments
    names = dict.fromkeys(name for name in builtin if getattr(error, name, None) is not None)
    for part in type(error).__mro__:  # what a class of the program's gives all of its own
        if part.__module__ not in ("builtins", *common.RAISING):
            names |= dict.fromkeys(name for name in vars(part) if not name.startswith("_"))
    for name in list(names | getattr(error, "__dict__", {}))[:20]:
        with contextlib.suppress(BaseException):
            found[str(name)] = codec.tree(getattr(error, name))
    return found


class Candidate:
    """The loaded program's namespace and the answers to calls on it."""

    def __init__(self, line: frames.Line, request: dict[str, Any]) -> None:
        self.line = line
        self.limit = request["value_limit"]
        self.woken = 0
        name = request["name"]
        self.own = name if request["exact"] else None  # whose classes' objects are more than the data in them
        self.module = sys.modules[name] = types.ModuleType(name)
        self.names: dict[str, Any] = self.module.__dict__
        self.objects: objects.Objects | None = None

    def reply(self, kind: str, content: str) -> None:
        """Send `[kind, content, cpu]`; content is already JSON text."""
        now = _clock()
        if len(content) > self.limit:
            kind, content = "u", '"value is too large"'
        self.line.put(f'["{kind}",{content},{now}]'.encode())
        if now - self.woken > _EAGER_NS:
            self.woken = now
            self.line.wake()

    def load(self, setup: Any, source: str) -> bool:
        """Run set-up and program; tell the worker whether that worked."""
        try:
            if setup is not None:
                exec(setup, self.names)
            exec(compile(source, "<program>", "exec", dont_inherit=True), self.names)
        except BaseException as error:
            self.failed(error)
            return False
        self.reply("r", "null")
        return True

    def failed(self, error: BaseException, asked: bool = False) -> None:
        """Report an exception of the candidate; `asked` is whether a judge's child waits for it."""
        if isinstance(error, MemoryError):
            error.__traceback__ = None  # frees what the frames hold, so that the report itself fits
        changes = None
        if asked and self.objects is not None:
            # Nothing to look up when the request itself was bad.
            with contextlib.suppress(codec.Unencodable, LookupError):
                changes = self.objects.mirrors.changes()
                self.objects.mirrors.agree()
        self.reply("m" if isinstance(error, MemoryError) else "e", _describe(error, changes))

    def join(self) -> None:
        """Prepare for a test in this process: it is one script with the program, and has its namespace to itself, since
        nothing else is asked of this process.
        """
        sys.modules["__main__"] = self.module
        sys.modules["pytest"] = common.PYTEST

    def answer(self, item: Any) -> None:
        """Answer one request: marshalled code to evaluate, or a tuple that names another kind."""
        try:
            if type(item) is bytes:
                text = codec.encode(eval(_loads(item), self.names), self.own)
            elif item[0] == "needs":
                return common.supply(self.names, item[1])
            elif item[0] == "test":
                self.join()
                exec(_loads(item[1]), self.names)
                text = _dumps(item[2])
            elif item[0] == "unittest":
                self.join()
                text = _dumps([*objects.run_unittest(item[1], item[2], item[3], self.names), item[4]])
            else:
                if self.objects is None:
                    self.objects = objects.Objects(self.names)
                text = self.objects.answer(item)
        except codec.Unencodable as error:
            self.reply("u", _dumps(str(error)))
        except BaseException as error:
            self.failed(error, type(item) is not bytes)
        else:
            self.reply("v", text)
        return None


def _end_of_interpreter(names: dict[str, Any], out: Any) -> None:
    """What Python does when a script has ended: other threads go on to their end, what was registered for the exit is
    called, and no written text stays in a buffer.
    """
    threading: Any = sys.modules.get("threading")
    left: list[Any] = [None]
    while threading is not None and left:
        left = [t for t in threading.enumerate() if not (t.daemon or t is threading.current_thread())]
        for thread in left:
            thread.join()
    atexit._run_exitfuncs()
    if _writable(sys.stdout):
        sys.stdout.flush()
    names.clear()  # files that the program has not closed
    gc.collect()
    if _writable(out):
        out.flush()


def _writable(file: Any) -> bool:
    """Whether a file is neither closed nor detached from what it wrote to."""
    try:
        return not file.closed
    except (AttributeError, ValueError):
        return False


def _open(file: Any, *args: Any, **kwargs: Any) -> Any:
    """`open`, which knows the standard input by its name as well: a jail has no `/proc`, where that leads to."""
    return open(os.dup(0) if isinstance(file, str) and file == "/dev/stdin" else file, *args, **kwargs)


def _run_main(candidate: Candidate, source: str) -> NoReturn:
    """Run a whole program on the standard input and output that the zygote put on descriptors 0 and 1."""
    sys.stdin = sys.__stdin__ = open(0, encoding="utf-8", errors="replace", closefd=False)  # type: ignore[misc] # noqa: SIM115
    out = open(1, "w", encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115
    sys.stdout = sys.__stdout__ = out  # type: ignore[misc]
    candidate.names.update(__file__=os.path.abspath("main.py"), open=_open)
    ending: BaseException | None = None
    try:
        exec(compile(source, "<program>", "exec", dont_inherit=True), candidate.names)
    except SystemExit as error:
        if error.code not in (None, 0, False):
            ending = error
    except BaseException as error:
        ending = error
    try:
        _end_of_interpreter(candidate.names, out)
    except BaseException as error:
        ending = ending or error
    if ending is not None:
        candidate.failed(ending)
    else:
        candidate.reply("v", "null")
    candidate.line.wake()
    os._exit(0)


def serve(line: frames.Line, confine: Any) -> None:
    """Answer requests until the worker kills this process. Never returns to the zygote's loop: the caller
    exits.
    """
    request = _loads(line.receive())
    confine()
    if request["role"] == "judge":
        judge.serve(line, request)
    candidate = Candidate(line, request)
    if request["role"] == "main":
        _run_main(candidate, request["program"])
    loaded = candidate.load(request["setup"], request["program"])
    items = request["items"] if loaded else []
    while True:
        for item in items:
            candidate.answer(item)
        line.wake()
        if not loaded:
            return
        items = _loads(line.receive())
