"""The worker's end of a candidate's socket: frames from a hostile process, read without ever blocking on it."""

from __future__ import annotations

import select
import socket


class Flooded(Exception):
    """The candidate sent a frame larger than it may."""


class Channel:
    """Frames to and from one forked child."""

    def __init__(self, limit: int) -> None:
        self.ours, self.theirs = socket.socketpair()
        self.ours.setblocking(False)
        self.limit = limit
        self._buffer = bytearray()
        self._poll = select.poll()
        self._poll.register(self.ours, select.POLLIN)

    def handed_over(self) -> None:
        """Close the child's end here, once the zygote has it."""
        self.theirs.close()

    def watch(self, fd: int) -> None:
        """Also wake up when `fd` hangs up."""
        self._poll.register(fd, select.POLLRDHUP)

    def send(self, payload: bytes, timeout: float = 5.0) -> bool:
        """Write one frame; False when the child is gone or does not read in time."""
        data = memoryview(len(payload).to_bytes(4, "little") + payload)
        while data:
            try:
                data = data[self.ours.send(data, socket.MSG_NOSIGNAL) :]
            except BlockingIOError:
                if not select.select([], [self.ours], [], timeout)[1]:
                    return False
            except OSError:
                return False
        return True

    def frame(self) -> bytes | None:
        """The next whole frame already here, or None."""
        if len(self._buffer) < 4:
            return None
        size = int.from_bytes(self._buffer[:4], "little")
        if size > self.limit + 64:
            raise Flooded
        if len(self._buffer) < 4 + size:
            return None
        frame = bytes(self._buffer[4 : 4 + size])
        del self._buffer[: 4 + size]
        return frame

    def wait(self, seconds: float) -> set[int]:
        """Wait for something to happen; the descriptors where it did."""
        return {fd for fd, _ in self._poll.poll(max(1, int(seconds * 1000) + 1))}

    def fill(self) -> bool:
        """Read what has arrived; False at the end of the stream."""
        try:
            data = self.ours.recv(1 << 18)
        except BlockingIOError:
            return True
        except OSError:
            return False
        self._buffer += data
        return bool(data)

    def close(self) -> None:
        """Close both ends."""
        self.ours.close()
        self.theirs.close()
