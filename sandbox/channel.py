"""The worker's end of a child's connection: frames from a hostile process, read without ever blocking on it.

Answers come through a pipe that nobody sleeps on, so that a child can write many without waking the worker
each time; a byte on the control socket says that there is something to read. What a dying child had written
is still in the pipe.
"""

from __future__ import annotations

import os
import select
import socket
import struct

_size_at = struct.Struct("<I").unpack_from
_SEND = socket.MSG_NOSIGNAL | socket.MSG_DONTWAIT


class Flooded(Exception):
    """The candidate sent a frame larger than it may."""


class Channel:
    """Frames to and from one forked child."""

    def __init__(self, limit: int, parent_fd: int) -> None:
        self.ours, theirs = socket.socketpair()
        self.limit = limit
        self._control_fd = theirs.detach()
        self._pipe, self._pipe_fd = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self._pipe, False)
        self._buffer = bytearray()
        self._start = 0
        self._poll = select.poll()
        self._poll.register(self.ours, select.POLLIN)
        self._poll.register(parent_fd, select.POLLRDHUP)
        self._in_frame = False

    def theirs(self) -> tuple[int, int]:
        """The child's descriptors: control socket and pipe."""
        return self._control_fd, self._pipe_fd

    def handed_over(self) -> None:
        """Close the child's ends here, once the zygote has them."""
        if self._control_fd >= 0:
            os.close(self._control_fd)
            os.close(self._pipe_fd)
            self._control_fd = -1

    def send(self, payload: bytes, timeout: float = 5.0) -> bool:
        """Write one frame; False when the child is gone or does not read in time."""
        data = len(payload).to_bytes(4, "little") + payload
        try:
            sent = self.ours.send(data, _SEND)
        except BlockingIOError:
            sent = 0
        except OSError:
            return False
        while sent < len(data):
            if not select.select([], [self.ours], [], timeout)[1]:
                return False
            try:
                sent += self.ours.send(data[sent : sent + (1 << 18)], _SEND)
            except BlockingIOError:
                continue
            except OSError:
                return False
        return True

    def frame(self) -> bytearray | None:
        """The next whole frame already here, or None.

        Raises:
          Flooded: the frame is larger than a child may send.
        """
        start, buffer = self._start, self._buffer
        have = len(buffer) - start
        if have >= 4:
            (size,) = _size_at(buffer, start)
            if size > self.limit + 64:
                raise Flooded
            if have >= 4 + size:
                self._start = start + 4 + size
                return buffer[start + 4 : self._start]
        if start:
            del buffer[:start]
            self._start = 0
        return None

    def wait(self, seconds: float) -> set[int]:
        """Wait for something to happen; the descriptors where it did."""
        if (
            bool(self._buffer) != self._in_frame
        ):  # the rest of a long frame comes without another wake-up byte
            self._in_frame = not self._in_frame
            if self._in_frame:
                self._poll.register(self._pipe, select.POLLIN)
            else:
                self._poll.unregister(self._pipe)
        return {fd for fd, _ in self._poll.poll(max(1, int(seconds * 1000) + 1))}

    def drain(self) -> bool:
        """Read what is in the pipe; False at its end."""
        try:
            while data := os.read(self._pipe, 1 << 16):
                self._buffer += data
                if len(data) < 1 << 12 or len(self._buffer) > self.limit:
                    return True
        except BlockingIOError:
            return True
        return False

    def fill(self) -> bool:
        """Read what has arrived; False at the end of the stream, when everything written before has been
        read.
        """
        try:
            alive = bool(self.ours.recv(1 << 12, socket.MSG_DONTWAIT))
        except BlockingIOError:
            alive = True
        except OSError:
            alive = False
        return self.drain() and alive

    def close(self) -> None:
        """Close everything."""
        self.handed_over()
        self.ours.close()
        os.close(self._pipe)
