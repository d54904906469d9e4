"""What a judge's child may run while a test runs: the test itself, and the interpreter's own library.

A test may load what the candidate wrote by any name (`np.load` of a pickle, `builtins.eval`, a module in a folder that
it puts on `sys.path`), and would run it beside the expected values. The interpreter announces every such step as an
audit event; here one that does not come from the library ends the test, which then shares the candidate's process.
"""

from __future__ import annotations

import collections
import dataclasses
import os
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

from sandbox.jailed import asking

_LOADERS = frozenset(
    f"<frozen {name}>" for name in ("importlib._bootstrap", "importlib._bootstrap_external", "zipimport")
)
# Modules that make code of names which they have checked: `namedtuple` and `dataclass`.
_MAKERS = frozenset(str(module.__file__) for module in (collections, dataclasses))
_folders: tuple[str, ...] = ()  # of the library and of packages; no program can write there


def _of_library(path: Any) -> bool:
    """Whether a file, named as in a code object, is the library's."""
    return isinstance(path, str) and (
        path.startswith("<frozen ") or os.path.abspath(path).startswith(_folders)
    )


def _imports(frame: FrameType | None) -> bool:
    """Whether the library runs this as part of an import."""
    while frame is not None and _of_library(frame.f_code.co_filename):
        if frame.f_code.co_filename in _LOADERS:
            return True
        frame = frame.f_back
    return False


def _loads_module(frame: FrameType) -> bool:
    return frame.f_code.co_filename in _LOADERS


def _runs(frame: FrameType, file: Any) -> bool:
    """Whether this place may run code that says of itself that it comes from `file`."""
    by = frame.f_code.co_filename
    if by in _LOADERS:
        return _of_library(file)
    return by in _MAKERS or by.startswith("<sandbox ") or _imports(frame)


# For each event whether it may go on, from the frame that brings it about and what the event tells. Reading text as
# code does no harm in the library (`ast.literal_eval`): running it is another event.
_EVENTS: dict[str, Callable[..., bool]] = {
    "exec": lambda frame, code: _runs(frame, code.co_filename),
    "compile": lambda frame, source, file: (
        _runs(frame, file) or (not _loads_module(frame) and _of_library(frame.f_code.co_filename))
    ),
    "marshal.loads": lambda frame, *_: _loads_module(frame),
    "marshal.load": lambda frame, *_: _loads_module(frame),
    "pickle.find_class": lambda frame, *_: False,
    "function.__new__": lambda frame, *_: _of_library(frame.f_code.co_filename),
    "code.__new__": lambda frame, *_: _of_library(frame.f_code.co_filename),
    "object.__setattr__": lambda frame, thing, name, *_: (
        name != "__code__" or _of_library(frame.f_code.co_filename)
    ),
    # A module's file is opened by its loader; one in machine code is only named.
    "open": lambda frame, file, *_: not _loads_module(frame) or _of_library(file),
    "import": lambda frame, name, file, *_: file is None or _of_library(file),
    "sqlite3.enable_load_extension": lambda frame, *_: False,
}


def _watch(event: str, args: tuple[Any, ...]) -> None:
    allowed = _EVENTS.get(event)
    if (allowed is None and not event.startswith("ctypes.")) or asking.asker.silent:
        return
    frame = sys._getframe(1)
    if not (allowed(frame, *args) if allowed is not None else _imports(frame)):
        raise asking.asker.unsplit("the judge what may be code")


def install() -> None:
    """Watch this process from here on, while `asking.asker` is not silent."""
    global _folders
    folders = {os.path.dirname(os.__file__), *filter(os.path.isabs, sys.path)}
    _folders = tuple(os.path.join(os.path.abspath(folder), "") for folder in folders)
    sys.addaudithook(_watch)
