"""The command line, started again and again without importing it again: a process that forks for every run.

Run as a module it reads one JSON command a line: to start a run with changes to the environment, and to wait for one.
Nothing of jax is started before the fork.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any


class Forks:
    """Runs of the command line, each in a process of its own that may be killed."""

    def __init__(self, folder: Path, limit_s: float, mark: int | None = None):
        """Start the process that forks. XLA_FLAGS of the tests are left out, so that there is one device.

        Args:
          folder: where the runs' output goes, and what they compile, so that it is not compiled again.
          limit_s: a run that takes longer is killed.
          mark: the sandbox of `train_policy` is stood in for by one that passes completions with this token.
        """
        inherited = {key: value for key, value in os.environ.items() if key != "XLA_FLAGS"}
        inherited |= {
            "JAX_COMPILATION_CACHE_DIR": str(folder / "compiled"),
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
            "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        }
        self._log, self._limit_s = folder / "log", limit_s
        self._running: set[int] = set()
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.forked", str(self._log), *([] if mark is None else [str(mark)])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).resolve().parents[1],
            env=inherited,
        )

    def run(self, arguments: list[str], when: Callable[[], bool] | None = None, number: int = 9) -> int:
        """The exit status of one run, negative for a signal.

        Args:
          when: asked every few milliseconds; once it is true the process gets the signal `number`.
        """
        return self.run_together([arguments], [{}], when, number)[0]

    def run_together(
        self,
        commands: list[list[str]],
        environments: list[Mapping[str, str]],
        when: Callable[[], bool] | None = None,
        number: int = 9,
    ) -> list[int]:
        """The exit statuses of runs at the same time; the last of them gets the signal, if any (see `run`)."""
        pids = [
            self._ask({"run": arguments, "environment": environment})
            for arguments, environment in zip(commands, environments, strict=True)
        ]
        self._running |= set(pids)
        ended, deadline = threading.Event(), time.monotonic() + self._limit_s

        def watch() -> None:
            waiting = when
            while not ended.wait(0.002):
                if time.monotonic() > deadline:
                    for pid in pids:
                        os.kill(pid, 9)
                    return
                if waiting is not None and waiting():
                    os.kill(pids[-1], number)
                    waiting = None

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            statuses = [os.waitstatus_to_exitcode(self._ask({"wait": pid})) for pid in pids]
            self._running -= set(pids)
            return statuses
        finally:
            ended.set()
            watcher.join()

    def output(self) -> str:
        return self._log.read_text() if self._log.exists() else "nothing ran"

    def close(self) -> None:
        """End what a failed test left running, and the server, which has nothing to put in order."""
        for pid in (*self._running, self._server.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, 9)
        self._server.wait()

    def _ask(self, command: Mapping[str, Any]) -> int:
        self._server.stdin.write(json.dumps(command) + "\n")
        self._server.stdin.flush()
        line = self._server.stdout.readline()
        if not line:
            raise RuntimeError(f"the process that forks is gone: {self._server.wait(10)}\n{self.output()}")
        return int(line)


def _serve(log: str, mark: str | None = None) -> None:
    from acecoder_jax import __main__, sft, train_policy, train_reward  # noqa: F401 - what the runs will need

    if mark is not None:
        from tests.made_records import MadeGrader

        train_policy.Grader = MadeGrader(lambda answer: float(int(mark) in answer.token_ids))

    for line in sys.stdin:
        command = json.loads(line)
        if "wait" in command:
            print(os.waitpid(command["wait"], 0)[1], flush=True)
            continue
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
                os.dup2(file, 1)
                os.dup2(file, 2)
                os.environ.update(command["environment"])
                status = __main__.main(command["run"])
            except BaseException:
                sys.excepthook(*sys.exc_info())
            finally:
                sys.stdout.flush()
                os._exit(status)
        print(pid, flush=True)


if __name__ == "__main__":
    _serve(*sys.argv[1:])
