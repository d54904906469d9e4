"""A worker process as the pool sees it: started with exec, and the bytes on their way to and from it."""

from __future__ import annotations

import collections
import os
import pickle
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sandbox.jail import JailSettings

_BOOTSTRAP = "import sys; sys.path.append(sys.argv.pop(1)); from sandbox.worker import main; main()"


class WorkerProcess:
    """One worker process.

    Attributes:
      jobs: numbers of the jobs that it has and has not answered, in order; None for one that another does instead.
    """

    def __init__(self, settings: JailSettings, cpu: int | None = None) -> None:
        self.cpu = cpu
        self.socket, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-s",
                    "-P",
                    "-S",
                    "-W",
                    "ignore",
                    "-c",
                    _BOOTSTRAP,
                    str(Path(__file__).resolve().parent.parent),
                    str(theirs.fileno()),
                ],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env={"PYTHONHASHSEED": "0", "LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"},
                start_new_session=True,
            )
        self.incoming = bytearray()
        self.outgoing = bytearray()
        self.jobs: collections.deque[int | None] = collections.deque()
        if cpu is not None:
            os.sched_setaffinity(self.process.pid, {cpu})
        self.put(settings)

    def put(self, content: Any) -> None:
        """Queue an object for the worker."""
        data = pickle.dumps(content, protocol=5)
        self.outgoing += len(data).to_bytes(8, "little") + data

    def flush(self) -> None:
        """Send what the socket takes."""
        if self.outgoing:
            sent = self.socket.send(self.outgoing, socket.MSG_NOSIGNAL | socket.MSG_DONTWAIT)
            del self.outgoing[:sent]

    def messages(self) -> Iterator[tuple[str, Any]]:
        """Read what has arrived; raises ConnectionError at the end of the stream."""
        data = self.socket.recv(1 << 18)
        if not data:
            raise ConnectionError("worker is gone")
        self.incoming += data
        while len(self.incoming) >= 8:
            size = int.from_bytes(self.incoming[:8], "little")
            if len(self.incoming) < 8 + size:
                return
            yield pickle.loads(self.incoming[8 : 8 + size])
            del self.incoming[: 8 + size]

    def stop(self) -> None:
        """Hang up, upon which the worker takes down its jail and ends; kill it if it does not."""
        self.socket.close()
        try:
            self.process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
