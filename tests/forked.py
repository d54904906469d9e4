"""The command line, started again and again without importing it again: a process that forks for every run.

Run as a module it reads one line of arguments (JSON) after another, and writes the process id of each run and then
its exit status. Nothing of jax is started before the fork.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO


class Forks:
    """Runs of the command line, one at a time, each in a process of its own that may be killed."""

    def __init__(self, log: Path, limit_s: float, **environment: str):
        """Start the process that forks.

        Args:
          log: where the runs' output goes.
          limit_s: a run that takes longer is killed.
          environment: changes; XLA_FLAGS of the tests are left out, so that there is one device.
        """
        inherited = {key: value for key, value in os.environ.items() if key != "XLA_FLAGS"}
        self._log, self._limit_s = log, limit_s
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.forked", str(log)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).resolve().parents[1],
            env=inherited | environment,
        )

    def run(self, arguments: list[str], when: Callable[[], bool] | None = None, number: int = 9) -> int:
        """The exit status of one run, negative for a signal.

        Args:
          when: asked every few milliseconds; once it is true the process gets the signal `number`.
        """
        self._say(json.dumps(arguments))
        pid, ended = int(self._hear()), threading.Event()
        deadline = time.monotonic() + self._limit_s

        def watch() -> None:
            waiting = when
            while not ended.wait(0.002):
                if time.monotonic() > deadline:
                    os.kill(pid, 9)
                    return
                if waiting is not None and waiting():
                    os.kill(pid, number)
                    waiting = None

        watcher = threading.Thread(target=watch)
        watcher.start()
        status = os.waitstatus_to_exitcode(int(self._hear()))
        ended.set()
        watcher.join()
        return status

    def output(self) -> str:
        return self._log.read_text()

    def close(self) -> None:
        """Nothing runs any more, and the server has nothing to put in order."""
        self._server.kill()
        self._server.wait()

    def _say(self, line: str) -> None:
        self._server.stdin.write(line + "\n")
        self._server.stdin.flush()

    def _hear(self) -> str:
        line = self._server.stdout.readline()
        if not line:
            raise RuntimeError(f"the process that forks is gone: {self._server.wait(10)}\n{self.output()}")
        return line


def _serve(log: str, lines: IO[str]) -> None:
    from acecoder_jax import __main__, train_policy, train_reward  # noqa: F401 - what the runs will need

    for line in lines:
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
                os.dup2(file, 1)
                os.dup2(file, 2)
                status = __main__.main(json.loads(line))
            except BaseException:
                sys.excepthook(*sys.exc_info())
            finally:
                sys.stdout.flush()
                os._exit(status)
        print(pid, flush=True)
        print(os.waitpid(pid, 0)[1], flush=True)


if __name__ == "__main__":
    _serve(sys.argv[1], sys.stdin)
