"""The zygote: a tiny warm interpreter inside the jail that has never seen a test. It forks one child per
process asked for.

The worker sends it one-byte commands over a seqpacket socket: `F` with a descriptor (fork a child that serves
it), `R` (kill and reap every child), `C` (CPU time so far). Before each verdict is final, everything that it
forked is dead.
"""

from __future__ import annotations

import _sitebuiltins
import _socket  # not `socket`: it would import selectors and enum for nothing
import builtins
import contextlib
import gc
import marshal
import os
import resource
import signal
import struct
import sys
import time
from typing import Any

from sandbox.jailed import child, confine, frames, mappings

_WARM = """
math collections itertools functools operator heapq bisect re string random typing copy datetime decimal
fractions dataclasses enum json numbers types contextlib array traceback
"""
# Ordinary programs, run ahead in the zygote itself: what they make the interpreter cache and specialize,
# every child inherits instead of writing it into pages of its own. This is worth a third of a child's time.
_EXERCISE = """
from typing import Any, Dict, List, Optional, Set, Tuple, Union
from collections import defaultdict, Counter, deque
import math, re, heapq, itertools, functools
def f(xs: List[int], k: int = 2) -> List[int]:
    out = []
    for i, x in enumerate(xs):
        if x % k == 0 and x not in out:
            out.append(x * k)
    return sorted(out, key=lambda v: -v)
def g(s: str, words: List[str], seen: Dict[str, int], pair: Tuple[int, int]) -> Optional[str]:
    counts = {c: s.count(c) for c in set(s)}
    return ' '.join(w[::-1] for w in s.split() if len(w) > 1) or str(max(counts.values(), default=0))
def h(rows: List[List[int]], names: List[Tuple[str, int]], a: Dict[str, List[int]]) -> bool:
    try:
        return all(sum(row) > 0 for row in rows)
    except (TypeError, ValueError):
        return False
def i(x: Union[int, float], y: Optional[int], z: Set[int], f: List[float], d: List[str]) -> float:
    while x > 1.5:
        x = x / 2 if x > 3 else x - 1
    return round(x, 2)
class Node:
    def __init__(self, value, left=None):
        self.value, self.left = value, left
    def total(self):
        return self.value + (self.left.total() if self.left else 0)
"""
_CALLS = """
f([4, 2, 7, 8])
g('the quick brown', [], {}, (1, 2))
h([[1, 2], [3]], [], {})
i(7.5, None, set(), [], [])
(1, 'a', 2.5)
{'a': [1, 2], 'b': None}
Node(1, Node(2)).total()
{1, 2}
[1.5, 2.5]
f(None)
"""


FAILED = -1  # in the place of a child that could not be forked


def _exercise() -> None:
    """Load and call ordinary programs, with the answers going nowhere."""
    null = os.open(os.devnull, os.O_RDWR)
    line = frames.Line(null, null)
    calls = [marshal.dumps(compile(call, "<call>", "eval")) for call in _CALLS.split("\n")[1:-1]]
    for _ in range(30):
        candidate = child.Candidate(line, {"value_limit": 1 << 20, "name": "solution", "exact": True})
        candidate.load(None, _EXERCISE)
        for call in calls:
            candidate.answer(call)
        del sys.modules["solution"]
    os.close(null)


def _warm(modules: list[str]) -> None:
    """Import ahead. Every program starts from the same random state, so that a verdict can be repeated; fork
    hooks, which would change that, stay out, and cost no time in the children.
    """
    os.register_at_fork = lambda **hooks: None  # type: ignore[assignment]
    for name in modules:
        with contextlib.suppress(ImportError):
            __import__(name)
    for name in ("exit", "quit"):  # as `site` defines them, which costs more than these
        setattr(builtins, name, _sitebuiltins.Quitter(name, "Ctrl-D (i.e. EOF)"))
    sys.modules["random"].seed(0)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(0)


class _Listed:
    """Finds the listed packages in a directory of packages, and nothing that lies beside them: what programs may
    import is the same at every tier, and on every host.
    """

    def __init__(self, finder: Any, names: list[str]) -> None:
        self.finder = finder
        self.names = frozenset(names)

    def find_spec(self, name: str, target: Any = None) -> Any:
        """What import asks of a finder of one directory."""
        return self.finder.find_spec(name, target) if name.split(".")[0] in self.names else None

    def invalidate_caches(self) -> None:
        """Forget which files there are."""
        self.finder.invalidate_caches()


def _show_packages(folders: list[str], names: list[str]) -> None:
    """Let Python look for packages, and only for these, in some directories."""
    sys.path.extend(folders)
    for folder in folders:
        for hook in sys.path_hooks:
            with contextlib.suppress(ImportError):
                sys.path_importer_cache[folder] = _Listed(hook(folder), names)  # type: ignore[assignment]


def _visible(folder: str) -> tuple[float, ...]:
    """All that a program can see of a folder, and change: its mode first. One of these alone would not do, since
    the kernel's clock for files stands still for milliseconds.
    """
    state = os.stat(folder)
    return state.st_mode, state.st_size, state.st_nlink, state.st_atime, state.st_mtime, state.st_ctime_ns


def _empty(folder: str) -> None:
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            os.chmod(entry.path, 0o700)
            _empty(entry.path)
            os.rmdir(entry.path)
        else:
            os.unlink(entry.path)


class Zygote:
    """The command loop. `settings` comes from the worker: tier, limits, modules to import ahead."""

    def __init__(self, control: Any, settings: dict[str, Any]) -> None:
        self.control = control
        self.settings = settings
        self.filter = confine.SyscallFilter(settings["tmp"] is not None) if settings["seccomp"] else None
        if self.filter is not None:
            self.filter.rehearse()
        self.children: list[int] = []
        self.disk_state: tuple[float, ...] | None = None
        self.tidy()

    def fork(self, fds: list[int]) -> None:
        """Fork a child on a control socket and a pipe, with the others as its standard input and output."""
        zygote = os.getpid()
        try:
            pid = os.fork()
        except OSError:
            if not self.children:
                raise  # the host's doing: the jail is lost, and the program runs again in another
            pid = FAILED  # the doing of a child that holds every process that the jail may have
        if pid:
            for fd in fds:
                os.close(fd)
            self.children.append(pid)
            return
        try:
            self.control.close()
            if self.settings["threads"]:  # less than the zygote, which must be able to fork beside it
                resource.setrlimit(resource.RLIMIT_NPROC, (self.settings["threads"],) * 2)
            if not self.settings["pid_namespace"]:
                os.setsid()
                confine.prctl(confine.PR_SET_PDEATHSIG, signal.SIGKILL)
                if os.getppid() != zygote:
                    os._exit(1)
                cpu = self.settings["cpu_s"]
                resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 1))
            for standard, fd in enumerate(fds[2:]):
                os.dup2(fd, standard)
                os.close(fd)
            child.serve(frames.Line(fds[0], fds[1]), self.filter.install if self.filter is not None else int)
        except BaseException:
            pass
        os._exit(0)

    def reap(self) -> list[tuple[int, int, float, int]]:
        """Kill all children and wait for them: (index, wait status, CPU seconds, peak KiB), in fork order."""
        if self.settings["pid_namespace"]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(-1, signal.SIGKILL)
        else:
            for pid in self.children:
                if pid != FAILED:
                    os.kill(pid, signal.SIGKILL)  # unreaped, so the number is still its own
        ends = []
        for index, pid in enumerate(self.children):
            if pid != FAILED:
                _, status, usage = os.wait4(pid, 0)
                ends.append((index, status, usage.ru_utime + usage.ru_stime, usage.ru_maxrss))
        self.children.clear()
        if not self.settings["seccomp"]:  # which lets no child make processes of its own
            self.kill_strays()
        return ends

    def kill_strays(self) -> None:
        """Kill and reap what was handed to us as the subreaper: processes that children made."""
        while True:
            for entry in os.listdir("/proc"):
                if entry.isdigit():
                    try:
                        with open(f"/proc/{entry}/stat", "rb") as stat:  # noqa: PTH123
                            parent = int(stat.read().rsplit(b")", 1)[1].split()[1])
                        if parent == os.getpid():
                            os.kill(int(entry), signal.SIGKILL)
                    except (OSError, ValueError, IndexError):
                        continue
            try:
                os.wait4(-1, 0)
            except ChildProcessError:
                return

    def tidy(self) -> bool:
        """Empty the private disk; False when the program left what cannot be removed."""
        root = self.settings["tmp"]
        if root is None or _visible(root) == self.disk_state:
            return True
        try:
            _empty(root)
            with contextlib.suppress(PermissionError):  # it is not ours, nor the program's
                os.utime(root, (0, 0))
            before, self.disk_state = self.disk_state, _visible(root)
        except (OSError, RecursionError):
            return False
        return before is None or before[0] == self.disk_state[0]

    def cpu(self) -> list[float]:
        """CPU seconds of each child so far."""
        return [time.clock_gettime((~pid << 3) | 2) if pid != FAILED else 0.0 for pid in self.children]

    def run(self) -> None:
        """Obey until the worker closes the socket."""
        space = _socket.CMSG_SPACE(16)
        while True:
            message, ancillary, _, _ = self.control.recvmsg(16, space)
            if not message:
                return
            if message == b"F":
                self.fork(memoryview(ancillary[0][2]).cast("i").tolist())
            elif message == b"C":
                self.control.send(struct.pack(f"={len(self.children)}d", *self.cpu()))
            else:
                ends = self.reap()
                clean = self.tidy()
                self.control.send(
                    b"".join([b"1" if clean else b"0", *[struct.pack("=iidq", *end) for end in ends]])
                )


def main(control_fd: int, settings: dict[str, Any]) -> None:
    """Confine this process, warm it up and serve. Called by the bootstrap text in `sandbox.jail`."""
    confine.prctl(confine.PR_SET_PDEATHSIG, signal.SIGKILL)
    sys.path[:] = [path for path in sys.path if path]
    _show_packages(settings["paths"], settings["importable"])
    sys.dont_write_bytecode = True
    os.environ.pop("LD_BIND_NOW", None)
    _warm(_WARM.split() + settings["modules"])
    if settings["landlock"]:
        confine.landlock(settings["listed"], settings["readable"], settings["writable"])
    confine.prctl(confine.PR_SET_NO_NEW_PRIVS, 1)
    if not settings["pid_namespace"]:
        confine.prctl(confine.PR_SET_CHILD_SUBREAPER, 1)
    spare = settings["threads"] and settings["threads"] + 2
    confine.limit(settings["memory_mb"], spare, settings["disk_mb"], settings["open_files"])
    confine.prctl(confine.PR_SET_DUMPABLE, 0)  # or a crash may start the host's own handler of core dumps
    control = _socket.socket(fileno=control_fd)
    zygote = Zygote(control, settings)
    for name in [name for name in sys.modules if name.split(".")[0] == "sandbox"]:
        del sys.modules[name]  # an import of `sandbox` by a candidate finds nothing
    _exercise()
    mappings.join_mappings()
    gc.collect()
    mappings.fill_holes()
    gc.freeze()
    control.send(b"ready")
    zygote.run()
