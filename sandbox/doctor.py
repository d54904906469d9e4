"""What this host allows: starts a jail at each tier, attacks it with a few probes, and says what to change.

A feature that is reported by the kernel is not enough; a tier counts only when its probes have been refused.
"""

from __future__ import annotations

import argparse
import os
import platform

from sandbox import cgroups
from sandbox.jailed import confine
from sandbox.pool import Sandbox
from sandbox.records import Limits, Program, SandboxError
from sandbox.tiers import TIERS

_CALL = """
import ctypes, os
def f():
    libc = ctypes.CDLL(None, use_errno=True)
    result = {}
    return result == 0 or ctypes.get_errno() != 1
"""
# Each must end in anything but `passed`. None does harm where it is not refused: signal 0, mounting onto
# nothing.
PROBES = {
    "read a file of the host": "def f():\n    return len(open('/etc/passwd').read()) > 0",
    "list the root of the host": "import os\ndef f():\n    return 'home' in os.listdir('/')",
    "see other processes": "import os\ndef f():\n    return any(n.isdigit() for n in os.listdir('/proc'))",
    "open a network socket": "import socket\ndef f():\n    socket.socket()\n    return True",
    "start a process": "import os\ndef f():\n    os.fork()\n    return True",
    "signal its parent": "import os\ndef f():\n    os.kill(os.getppid(), 0)\n    return True",
    "write into the library": "import os\ndef f():\n    os.open(os.__file__, os.O_WRONLY)\n    return True",
    "change a file's mode": (
        "import os\ndef f():\n    os.chmod(os.__file__, os.stat(os.__file__).st_mode & 0o777)\n    return True"
    ),
    "mount": _CALL.format("libc.mount(b'none', b'/nowhere', b'tmpfs', 0, None)"),
    "make a namespace": _CALL.format("libc.unshare(0x10000000)"),
    "trace its parent": _CALL.format("libc.ptrace(16, os.getppid(), 0, 0)"),
}


def probe(isolation: str) -> tuple[list[str], str]:
    """The probes that were not refused at a tier, and what control groups limit there.

    Raises:
      SandboxError: the tier cannot be started here.
    """
    with Sandbox(workers=1, limits=Limits(test_cpu_s=1.0), isolation=isolation) as box:
        good = box.run([Program("good", "def f():\n    return True", ("assert f()",), ("f",))])[0]
        if good.outcome != "passed":
            raise SandboxError(f"a jail starts, but an ordinary program ends with {good.outcomes[0]}")
        programs = [Program(name, text, ("assert f()",), ("f",)) for name, text in PROBES.items()]
        allowed = [verdict.id for verdict in box.run(programs) if verdict.outcome == "passed"]
        return allowed, box.cgroups


def main(_: argparse.Namespace) -> int:
    """Print what this host allows; 0 when the full tier works."""
    who = "root" if os.geteuid() == 0 else f"user {os.geteuid()}"
    print(f"Python {platform.python_version()}, Linux {platform.release()}, {platform.machine()}, {who}")
    print(f"Landlock: {f'ABI {confine.landlock_abi()}' if confine.landlock_abi() else 'not available'}")
    print(f"CPUs this process may use: {len(os.sched_getaffinity(0))}")
    best = limits = None
    for isolation, tier in TIERS.items():
        if tier == "none":
            continue
        try:
            allowed, limits = probe(isolation)
        except SandboxError as error:
            print(f"{isolation}: NOT AVAILABLE: {error}")
            continue
        if allowed:
            print(f"{isolation}: UNSAFE HERE: a program can: {', '.join(allowed)}")
        else:
            best = best or isolation
            print(f"{isolation}: works; all {len(PROBES)} probes were refused")
    if limits is not None:
        print(f"cgroup limits, a backstop behind the others: {limits}")
        if limits.startswith("off"):
            print(f"to have them: {cgroups.ENABLE}")
    if best == "full":
        print("nothing to change: the default, isolation='full', works here")
        return 0
    print(
        f"strongest tier that works: {best or 'none'}; name it with isolation=..., or make the changes above"
    )
    return 1
