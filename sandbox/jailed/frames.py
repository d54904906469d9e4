"""Length-prefixed frames over a file descriptor, for the zygote's children; the worker's side is in `sandbox.channel`."""

from __future__ import annotations

import os

_read, _write = os.read, os.write  # kept here: a candidate may replace those in `os`


class Closed(Exception):
    """The other side went away."""


def _exactly(fd: int, size: int) -> bytes:
    parts = []
    while size:
        part = _read(fd, min(size, 1 << 20))
        if not part:
            raise Closed
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def receive(fd: int) -> bytes:
    """Read one frame; raises Closed at the end of the stream."""
    return _exactly(fd, int.from_bytes(_exactly(fd, 4), "little"))


def send(fd: int, payload: bytes) -> None:
    """Write one frame."""
    data = len(payload).to_bytes(4, "little") + payload
    while data:
        data = data[_write(fd, data) :]
