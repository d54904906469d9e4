"""The zygote: a tiny warm interpreter inside the jail that has never seen a test. It forks one child per process asked for.

The worker sends it one-byte commands over a seqpacket socket: `F` with a descriptor (fork a child that serves it), `R`
(kill and reap every child), `C` (CPU time so far). Before each verdict is final, everything that it forked is dead.
"""

from __future__ import annotations

import _socket  # not `socket`: it would import selectors and enum for nothing
import array
import gc
import os
import resource
import signal
import struct
import sys
import time
from typing import Any

from sandbox.jailed import child, confine

WARM = [
    "math",
    "cmath",
    "collections",
    "itertools",
    "functools",
    "operator",
    "heapq",
    "bisect",
    "re",
    "string",
    "random",
    "typing",
    "copy",
    "datetime",
    "decimal",
    "fractions",
    "statistics",
    "dataclasses",
    "enum",
    "json",
    "numbers",
    "types",
    "contextlib",
    "array",
    "hashlib",
    "traceback",
]


def _warm(modules: list[str]) -> None:
    for name in modules:
        try:
            __import__(name)
        except ImportError:
            pass


class Zygote:
    """The command loop. `settings` comes from the worker: tier, limits, modules to import ahead."""

    def __init__(self, control: Any, settings: dict[str, Any]) -> None:
        self.control = control
        self.settings = settings
        self.filter = confine.SyscallFilter() if settings["seccomp"] else None
        self.children: list[int] = []

    def fork(self, fds: array.array[int]) -> None:
        """Fork a child that serves the first descriptor, with the others as its standard input and output."""
        pid = os.fork()
        if pid:
            for fd in fds:
                os.close(fd)
            self.children.append(pid)
            return
        try:
            self.control.close()
            os.setsid()
            cpu = self.settings["cpu_s"]
            resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 1))
            for standard, fd in enumerate(fds[1:]):
                os.dup2(fd, standard)
                os.close(fd)
            child.serve(fds[0], self.filter.install if self.filter is not None else int)
        except BaseException:
            pass
        os._exit(0)

    def reap(self) -> list[tuple[int, int, float, int]]:
        """Kill all children and wait for them: (index, wait status, CPU seconds, peak KiB), in fork order."""
        if self.settings["pid_namespace"]:
            try:
                os.kill(-1, signal.SIGKILL)
            except ProcessLookupError:
                pass
        for pid in self.children:
            os.kill(pid, signal.SIGKILL)  # unreaped, so the number is still its own
        ends = []
        while True:
            try:
                pid, status, usage = os.wait4(-1, 0)
            except ChildProcessError:
                break
            if pid in self.children:
                ends.append(
                    (self.children.index(pid), status, usage.ru_utime + usage.ru_stime, usage.ru_maxrss)
                )
            elif not self.settings["pid_namespace"]:
                self.kill_strays()
        self.children.clear()
        return sorted(ends)

    def kill_strays(self) -> None:
        """Without a PID namespace: kill orphans that were handed to us as the subreaper."""
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    with open(f"/proc/{entry}/stat", "rb") as stat:
                        parent = int(stat.read().rsplit(b")", 1)[1].split()[1])
                    if parent == os.getpid():
                        os.kill(int(entry), signal.SIGKILL)
                except (OSError, ValueError, IndexError):
                    continue

    def tidy(self) -> bool:
        """Empty the private disk of plain files; False when the program left more than that."""
        root = self.settings["tmp"]
        if root is None:
            return True
        try:
            for entry in os.scandir(root):
                os.unlink(entry.path)
        except OSError:
            return False
        return True

    def cpu(self) -> list[float]:
        """CPU seconds of each child so far."""
        return [time.clock_gettime((~pid << 3) | 2) for pid in self.children]

    def run(self) -> None:
        """Obey until the worker closes the socket."""
        space = _socket.CMSG_SPACE(12)
        while True:
            message, ancillary, _, _ = self.control.recvmsg(16, space)
            if not message:
                return
            if message == b"F":
                fds = array.array("i")
                fds.frombytes(ancillary[0][2])
                self.fork(fds)
            elif message == b"C":
                self.control.send(struct.pack(f"={len(self.children)}d", *self.cpu()))
            else:
                ends = self.reap()
                clean = self.tidy()
                packed = b"".join(struct.pack("=iidq", *end) for end in ends)
                self.control.send((b"1" if clean else b"0") + packed)


def main(control_fd: int, settings: dict[str, Any]) -> None:
    """Confine this process, warm it up and serve. Called by the bootstrap text in `sandbox.jail`."""
    confine.prctl(confine.PR_SET_PDEATHSIG, signal.SIGKILL)
    sys.path[:] = [path for path in sys.path if path] + settings["paths"]
    sys.dont_write_bytecode = True
    _warm(WARM + settings["modules"])
    if settings["landlock"]:
        confine.landlock(settings["readable"], settings["writable"])
    confine.prctl(confine.PR_SET_NO_NEW_PRIVS, 1)
    if not settings["pid_namespace"]:
        confine.prctl(confine.PR_SET_CHILD_SUBREAPER, 1)
    confine.limit(settings["memory_mb"], settings["threads"], settings["disk_mb"], settings["open_files"])
    control = _socket.socket(fileno=control_fd)
    zygote = Zygote(control, settings)
    for name in [name for name in sys.modules if name.split(".")[0] == "sandbox"]:
        del sys.modules[name]  # an import of `sandbox` by a candidate finds nothing
    gc.collect()
    gc.freeze()
    control.send(b"ready")
    zygote.run()
