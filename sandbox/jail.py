"""Starting a zygote in a jail: fresh namespaces and a minimal read-only root, then a fresh interpreter
inside.

The worker clones a child straight into new namespaces; the child builds the root from bind mounts, enters it,
drops every privilege and executes Python. After that only the control socket connects it to anything outside.
"""

from __future__ import annotations

import array
import marshal
import os
import select
import signal
import socket
import struct
import sysconfig
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, NoReturn

from sandbox.cgroups import Group
from sandbox.jailed import confine
from sandbox.records import Limits
from sandbox.root import (
    DEVICES,
    build_root,
    library_paths,
    package_folders,
    python_file,
    readable_parts,
    shown_at,
)
from sandbox.tiers import explain

CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC = 0x20000, 0x2000000, 0x4000000, 0x8000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
NAMESPACES = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWNET
NOBODY = 65534
_MODULES = (
    "syscalls",
    "confine",
    "mappings",
    "strict",
    "rebuilt",
    "codec",
    "decoding",
    "mirrors",
    "frames",
    "common",
    "operators",
    "asking",
    "handles",
    "watch",
    "exchange",
    "judge",
    "objects",
    "child",
    "zygote",
)
# Reads its modules from descriptor 3 and becomes the zygote; nothing of the project is on the jail's disk.
_BOOTSTRAP = """
import marshal, os, sys, types
size = int.from_bytes(os.read(3, 8), "little")
data = b""
while len(data) < size:
    data += os.read(3, 1 << 20)
os.close(3)
modules, control, settings = marshal.loads(data)
for name in ("sandbox", "sandbox.jailed"):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = []
for name, code in modules:
    module = sys.modules["sandbox.jailed." + name] = types.ModuleType("sandbox.jailed." + name)
    setattr(sys.modules["sandbox.jailed"], name, module)
    exec(code, module.__dict__)
main = module.main
del modules, data, code, module
main(control, settings)
"""


@dataclass(frozen=True)
class JailSettings:
    """How a jail is built: the tier's parts, the limits, and what Python may import.

    Attributes:
      tier: `full`, `landlock` or `none`.
      limits: the pool's limits.
      packages: third-party packages that programs may import; the zygote imports them ahead.
      package_paths: the files and directories of those packages, bound read-only.
      search_paths: the directories that Python looks for them in.
    """

    tier: str
    limits: Limits
    packages: tuple[str, ...] = ()
    package_paths: tuple[str, ...] = ()
    search_paths: tuple[str, ...] = ()
    landlock: bool = field(default_factory=lambda: confine.landlock_abi() > 0)

    def importable(self) -> tuple[str, ...]:
        """The names of all packages that can be imported: those asked for and what they depend on."""
        return tuple(sorted({Path(path).name.split(".")[0] for path in self.package_paths}))

    def cpu_limit(self) -> int:
        """Whole CPU seconds after which the kernel itself ends a child, should the worker be late."""
        return int(self.limits.program_cpu_s) + 3


def _sources() -> list[tuple[str, Any]]:
    folder = resources.files("sandbox.jailed")
    return [
        (
            name,
            compile(
                folder.joinpath(f"{name}.py").read_text(), f"<sandbox {name}>", "exec", dont_inherit=True
            ),
        )
        for name in _MODULES
    ]


def _kernel() -> tuple[int, int]:
    major, minor = os.uname().release.split(".")[:2]
    return int(major), int("".join(c for c in minor if c.isdigit()) or 0)


def zygote_settings(settings: JailSettings) -> dict[str, Any]:
    """The plain dictionary that the zygote is started with."""
    full, limits = settings.tier == "full", settings.limits
    place = shown_at if full else str
    libraries = library_paths()
    # The root of the full tier hides the packages that are not asked for.
    listed, readable = readable_parts(libraries, [] if full else package_folders(libraries))
    return {
        "seccomp": settings.tier != "none",
        "landlock": settings.tier != "none" and settings.landlock,
        "pid_namespace": full,
        "tmp": "/tmp" if full else None,
        "listed": listed,
        "readable": [*map(place, (*readable, *settings.package_paths)), *DEVICES],
        "writable": ["/tmp", "/dev/null", "/dev/zero", "/dev/full"] if full else ["/dev/null"],
        "paths": [place(path) for path in settings.search_paths],
        "modules": list(settings.packages),
        "importable": list(settings.importable()),
        "memory_mb": limits.memory_mb,
        # With the candidate and the zygote themselves. Older kernels count a user's processes over all
        # namespaces, and then the limit would hit the zygotes.
        "threads": limits.threads + 2 if full and _kernel() >= (5, 14) else 0,
        "disk_mb": limits.disk_mb,
        "open_files": limits.open_files,
        "cpu_s": settings.cpu_limit(),
    }


def _map_self(inside: int, outside: int, group: int) -> None:
    confine.prctl(confine.PR_SET_DUMPABLE, 1)
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{inside} {outside} 1"),
        ("gid_map", f"{inside} {group} 1"),
    ):
        Path("/proc/self", name).write_text(text)


def _open_to_all(path: str) -> bool:
    """Whether any user may read under this folder."""
    while os.stat(path).st_mode & 0o001:
        if path == "/":
            return True
        path = os.path.dirname(path)
    return False


def _become_nobody() -> None:
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    confine.prctl(confine.PR_SET_DUMPABLE, 1)


def _enter(settings: JailSettings, as_root: bool, uid: int, gid: int) -> None:
    """In the cloned child: everything between clone and exec."""
    if settings.tier == "full":
        proc = os.open("/proc/self", os.O_PATH | os.O_DIRECTORY)
        if not as_root:
            _map_self(1000, uid, gid)
        build_root(settings.package_paths, settings.limits.disk_mb)
        if as_root:
            _become_nobody()
            confine.call(confine._libc.unshare(CLONE_NEWUSER), "unshare user namespace")
            for name, text in (
                ("setgroups", "deny"),
                ("uid_map", f"1000 {NOBODY} 1"),
                ("gid_map", f"1000 {NOBODY} 1"),
            ):
                fd = os.open(name, os.O_WRONLY, dir_fd=proc)
                os.write(fd, text.encode())
                os.close(fd)
        os.close(proc)
        confine.drop_capabilities()
    elif settings.tier == "landlock":
        confine.empty_bounding_set()  # while it may: with another user its capabilities go
        if as_root and _open_to_all(sysconfig.get_path("stdlib")):
            _become_nobody()
        confine.drop_capabilities()
    confine.prctl(confine.PR_SET_NO_NEW_PRIVS, 1)


def _become_zygote(
    settings: JailSettings, user: tuple[int, int], control: int, program: int, errors: int
) -> NoReturn:
    """In the cloned child: build the jail and execute Python; report a failed step as text on `errors`.

    `user` is the worker's user and group, which the kernel does not tell in a new user namespace.
    """
    report = errors
    try:
        os.setsid()
        null = os.open("/dev/null", os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(null, number)
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE, signal.SIGCHLD):
            signal.signal(signum, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        python = python_file()
        image = os.open(python, os.O_PATH | os.O_CLOEXEC)
        _enter(settings, user[0] == 0, *user)
        if settings.tier != "full":
            os.chdir("/")
        high = 100  # move the three out of the way of 3 and 4, then close everything else
        moved = [confine.call(fcntl_dupfd(fd, high), "dup") for fd in (control, program, errors, image)]
        os.dup2(moved[1], 3)
        os.dup2(moved[0], 4)
        os.dup2(moved[2], 5, inheritable=False)
        report = 5
        os.dup2(moved[3], 6, inheritable=False)
        os.closerange(7, 4096)
        environment = {
            "PYTHONHASHSEED": "0",
            "PYTHONDONTWRITEBYTECODE": "1",
            "LC_ALL": "C.UTF-8",
            "HOME": "/tmp",
            "LD_BIND_NOW": "1",  # else each child binds what it calls anew; the zygote takes it out again
        }
        environment.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))
        argv = [python, "-s", "-P", "-S", "-W", "ignore::SyntaxWarning", "-W", "ignore::DeprecationWarning"]
        os.execve(python if settings.tier == "full" else 6, [*argv, "-c", _BOOTSTRAP], environment)
    except BaseException as error:
        os.write(report, f"{type(error).__name__}: {error}".encode())
    os._exit(1)


def fcntl_dupfd(fd: int, least: int) -> int:
    """Duplicate a descriptor to a number of at least `least`."""
    import fcntl

    return fcntl.fcntl(fd, fcntl.F_DUPFD, least)


@dataclass(frozen=True)
class End:
    """How a child ended: wait status, CPU seconds, peak memory in KiB."""

    status: int
    cpu_s: float
    peak_kb: int


class JailLost(Exception):
    """The zygote died; a new jail is needed."""


class Jail:
    """A running zygote, seen from its worker."""

    def __init__(self, settings: JailSettings) -> None:
        self.settings = settings
        self.forked = 0
        control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        program_read, program_write = os.pipe()
        errors_read, errors_write = os.pipe()
        flags: int = signal.SIGCHLD
        if settings.tier == "full":
            flags |= NAMESPACES | (0 if os.geteuid() == 0 else CLONE_NEWUSER)
        user = os.geteuid(), os.getegid()
        try:
            self.pid = confine.syscall("clone", flags, 0, 0, 0, 0)
        except OSError as error:
            for fd in (program_read, program_write, errors_read, errors_write):
                os.close(fd)
            control.close()
            raise explain(settings.tier, str(error)) from error
        if self.pid == 0:
            _become_zygote(settings, user, theirs.fileno(), program_read, errors_write)
        theirs.close()
        os.close(program_read)
        os.close(errors_write)
        self.control = control
        self.group = Group()
        try:
            self.group.add(self.pid)
            self._start(program_write, errors_read)
        except BaseException:
            self.close()
            raise
        finally:
            os.close(errors_read)

    def _start(self, program: int, errors: int) -> None:
        """Hand over the code and wait until the zygote is ready."""
        data = marshal.dumps((_sources(), 4, zygote_settings(self.settings)))
        data = len(data).to_bytes(8, "little") + data
        try:
            while data:
                data = data[os.write(program, data) :]
        except BrokenPipeError:
            pass
        finally:
            os.close(program)
        # Not a timeout of Python's, which would ask the kernel twice each time.
        self.control.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 60, 0))
        try:
            hello = self.control.recv(16)
        except (BlockingIOError, ConnectionError):
            hello = b""
        if hello != b"ready":
            reason = os.read(errors, 4096) if select.select([errors], [], [], 0)[0] else b""
            raise explain(self.settings.tier, reason.decode() or "the zygote died")
        limits = self.settings.limits
        self.group.limit(limits.memory_mb, limits.disk_mb, limits.threads)

    def fork(self, *fds: int) -> int:
        """Fork a child on a control socket and a pipe, with the next two of `fds`, if given, as its standard
        input and output. Gives its index among this program's children.
        """
        try:
            self.control.sendmsg([b"F"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))])
        except OSError as error:
            raise JailLost from error
        self.forked += 1
        return self.forked - 1

    def _ask(self, command: bytes) -> bytes:
        try:
            self.control.send(command)
            reply = self.control.recv(65536)
        except OSError as error:
            raise JailLost from error
        if not reply:
            raise JailLost
        return reply

    def cpu(self) -> list[float]:
        """CPU seconds so far of the children of this program."""
        return list(struct.unpack(f"={self.forked}d", self._ask(b"C")))

    def waited(self, index: int) -> float | None:
        """Seconds that a child of this program, or the thread of it that waited longest, was ready to run and
        did not; 0 where the kernel does not say, None when the zygote has not come to fork it.
        """
        try:
            children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
            if index >= len(children):
                return None
            tasks = Path(f"/proc/{children[index]}/task").iterdir()
            return max(int((task / "schedstat").read_text().split()[1]) for task in tasks) / 1e9
        except (OSError, ValueError):
            return 0.0

    def reap(self) -> tuple[bool, list[End]]:
        """Kill all children. Gives whether the private disk is clean again, and how each child ended."""
        reply = self._ask(b"R")
        self.forked = 0
        return reply[:1] == b"1", [End(*end[1:]) for end in struct.iter_unpack("=iidq", reply[1:])]

    def close(self) -> None:
        """Kill the jail and everything in it."""
        self.control.close()
        try:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        except (ProcessLookupError, ChildProcessError):
            pass
        self.group.remove()
