"""What a forked child does: load the candidate and answer calls with encoded values, until the worker kills it.

Requests come from the worker as marshal (it is trusted here); replies are JSON, since nothing that leaves this process can
be trusted. A candidate can read everything in this process, so nothing is ever sent here that must stay secret.
"""

from __future__ import annotations

import marshal
import sys
import time
import types
from typing import Any

from sandbox.jailed import codec, frames

_cpu = time.process_time
_loads = marshal.loads
json_text = codec._dumps


def _reply(fd: int, kind: str, content: str, limit: int) -> None:
    """Send `[kind, content, cpu]`; content is already JSON text."""
    payload = f'["{kind}",{content},{_cpu():.6f}]'.encode()
    if len(payload) > limit:
        payload = f'["u",{json_text("value is too large")},{_cpu():.6f}]'.encode()
    frames.send(fd, payload)


def describe(error: BaseException) -> str:
    """The exception as JSON text: class name and a short message."""
    try:
        message = str(error)[:200]
    except BaseException:
        message = ""
    return json_text([type(error).__name__, message])


class Candidate:
    """The loaded program's namespace and the loop that answers calls on it."""

    def __init__(self, fd: int, value_limit: int) -> None:
        self.fd = fd
        self.limit = value_limit
        self.module = types.ModuleType("solution")
        sys.modules["solution"] = self.module
        self.names: dict[str, Any] = self.module.__dict__

    def load(self, setup: Any, source: str) -> bool:
        """Run set-up and program; tell the worker whether that worked."""
        try:
            if setup is not None:
                exec(setup, self.names)
            exec(compile(source, "<program>", "exec", dont_inherit=True), self.names)
        except BaseException as error:
            self.failed(error)
            return False
        _reply(self.fd, "r", "null", self.limit)
        return True

    def failed(self, error: BaseException) -> None:
        """Report an exception of the candidate."""
        if isinstance(error, MemoryError):
            error.__traceback__ = None  # frees what the frames hold, so that the report itself fits
        _reply(self.fd, "m" if isinstance(error, MemoryError) else "e", describe(error), self.limit)

    def test(self, code: Any) -> None:
        """Run a whole test in the candidate's own process: the candidate could lie about the result."""
        try:
            exec(code, dict(self.names))
        except BaseException as error:
            self.failed(error)
        else:
            _reply(self.fd, "v", "null", self.limit)

    def answer(self, item: Any) -> None:
        """Evaluate one call and send its value."""
        if type(item) is tuple:
            return self.test(_loads(item[1]))
        try:
            text = codec.encode(eval(_loads(item), self.names))
        except codec.Unencodable as error:
            _reply(self.fd, "u", json_text(str(error)), self.limit)
        except BaseException as error:
            self.failed(error)
        else:
            _reply(self.fd, "v", text, self.limit)


def serve(fd: int) -> None:
    """Answer requests on `fd` until it closes. Never returns to the zygote's loop: the caller exits."""
    request = _loads(frames.receive(fd))
    candidate = Candidate(fd, request["value_limit"])
    if not candidate.load(request["setup"], request["program"]):
        return
    while True:
        for item in _loads(frames.receive(fd)):
            candidate.answer(item)
