"""Frames between a zygote's child and the worker: requests on a socket, answers through a pipe; see
`sandbox.channel`.
"""

from __future__ import annotations

import os

_read, _write = os.read, os.write  # kept here: a candidate may replace those in `os`
_UNSEEN = 1 << 15  # bytes left in the pipe, at most, before the worker is told; half of what a pipe holds


class Closed(Exception):
    """The other side went away."""


def _exactly(fd: int, size: int) -> bytes:
    data = _read(fd, size)
    while len(data) < size:
        more = _read(fd, min(size - len(data), 1 << 20))
        if not more:
            raise Closed
        data += more
    return data


class Line:
    """A child's connection to the worker."""

    def __init__(self, control: int, pipe: int) -> None:
        self.control = control
        self.pipe = pipe
        self.unseen = 0

    def receive(self) -> bytes:
        """Read one request; raises Closed when the worker is gone."""
        return _exactly(self.control, int.from_bytes(_exactly(self.control, 4), "little"))

    def put(self, payload: bytes) -> None:
        """Write one frame into the pipe, without waking the worker unless the pipe fills up."""
        data = len(payload).to_bytes(4, "little") + payload
        self.unseen += len(data)
        if self.unseen <= _UNSEEN:
            _write(self.pipe, data)
            return
        data = data[
            _write(self.pipe, data[: _UNSEEN // 2]) :
        ]  # fits, so that the worker finds it when it wakes up
        self.wake()
        while data:
            data = data[_write(self.pipe, data) :]

    def wake(self) -> None:
        """Tell the worker that there is something in the pipe."""
        if self.unseen:
            self.unseen = 0
            _write(self.control, b"x")
