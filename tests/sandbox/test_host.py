"""What no program may do to the host or read there, at any tier: also what Landlock alone does not stop."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

import sandbox
from sandbox import Evaluation, Limits, Program, Sandbox, SandboxError

ROOT = Path(sandbox.__file__).resolve().parent.parent
REACHES = """
import fcntl, glob, os, socket
def send(address):
    a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    a.sendto(b"x", address)
def first(pattern):
    return next(path for path in glob.glob(pattern, recursive=True) if os.path.isfile(path))
def reaches(file, address, name):
    ways = {
        "read": lambda: open(file).read(),
        "change mode": lambda: os.chmod(file, 0o777),
        "change times": lambda: os.utime(file, (1, 1)),
        "cut off": lambda: os.truncate(file, 0),
        "change the library's mode": lambda: os.chmod(os.__file__, 0o777),
        "change the open library's mode": lambda: os.fchmod(os.open(os.__file__, os.O_RDONLY), 0o777),
        "lock the library": lambda: fcntl.flock(os.open(os.__file__, os.O_RDONLY), fcntl.LOCK_SH),
        "ask for locks": lambda: fcntl.fcntl(os.open(os.__file__, os.O_RDONLY), fcntl.F_GETLK, bytes(32)),
        "send to a socket with a path": lambda: send(address),
        "send to an abstract socket": lambda: send("\\0" + name),
        "read shared memory": lambda: open("/dev/shm/" + name).read(),
        "read packages that were not asked for": lambda: open(first("/usr/lib/python3*/*-packages/**"), "rb").read(),
        "read those of this Python": lambda: open(first(os.path.dirname(os.__file__) + "/*-packages/**"), "rb").read(),
    }
    done = []
    for what, way in ways.items():
        try:
            way()
        except (OSError, StopIteration):
            continue
        done.append(what)
    devices = []
    for folder, _, names in os.walk("/dev"):
        for path in (os.path.join(folder, name) for name in names):
            try:
                os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY))
            except OSError:
                continue
            if os.path.realpath(path) not in KNOWN:
                devices.append(path)
    return done, devices
KNOWN = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"]
"""


@pytest.mark.parametrize("isolation", ["full", "landlock"])
def test_nothing_of_the_host_is_changed_or_reached(isolation):
    name = f"sandbox-test-{os.getpid()}"
    with (
        tempfile.TemporaryDirectory(dir="/var/tmp") as folder,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as own,
    ):
        os.chmod(folder, 0o777)
        file, shared = Path(folder) / "file", Path("/dev/shm") / name
        address = f"{folder}/socket"
        own.bind(address)
        os.chmod(address, 0o777)
        file.write_text("untouched")
        try:
            if shared.parent.is_dir():
                shared.write_text("shared")
            # At the weaker tier it looks through all of the host's libraries.
            limits = Limits(test_cpu_s=60, program_cpu_s=60, test_wall_s=120, program_wall_s=120)
            with Sandbox(workers=1, limits=limits, isolation=isolation) as box:
                call = f"reaches({str(file)!r}, {address!r}, {name!r})"
                (result,) = box.evaluate([Evaluation("r", REACHES, (call,))])
        except SandboxError as error:
            pytest.skip(str(error))
        finally:
            shared.unlink(missing_ok=True)
        done, devices = result.values[0].value
        # Which device a name stands for is the host's business: a link to a pipe of the program's own is no device.
        assert (done, [path for path in devices if os.path.islink(path) is False]) == ([], []), result
        assert file.read_text() == "untouched" and file.stat().st_mode & 0o777 != 0o777


WITH_PIP = """
from sandbox import Program, Sandbox
program = Program("a", "import pip\\ndef f(x): return x", ("assert f(1) == 1",), ("f",))
for packages in (("pip",), ()):
    with Sandbox(workers=1, packages=packages) as box:
        print(box.run([program])[0].outcome)
"""


def test_packages_beside_the_standard_library_are_those_asked_for():
    """Without a virtual environment they lie in a folder inside the standard library's, which is hidden."""
    python = shutil.which("python3", path=os.path.join(sys.base_prefix, "bin"))
    if (
        python is None
        or subprocess.run([python, "-c", "import pip"], check=False, capture_output=True).returncode
    ):
        pytest.skip("the Python below this environment has no pip")
    done = subprocess.run(
        [python, "-c", WITH_PIP], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.stdout.split() == ["passed", "error"], done.stderr


LOCKS = """
import fcntl, os, sqlite3, time
def f(x):
    fcntl.lockf(os.open(os.__file__, os.O_RDONLY), fcntl.LOCK_SH, 1, 5)
    time.sleep(1)
    return x
def g(x):
    base = sqlite3.connect('/tmp/base')
    base.execute('create table t (x)')
    base.execute('insert into t values (?)', (x,))
    base.commit()
    return sqlite3.connect('/tmp/base').execute('select x from t').fetchall()
"""


def test_locks_are_not_seen_outside_and_databases_work():
    with Sandbox(workers=1) as box:
        future = box.submit(
            Program("locks", LOCKS, ("assert f(7) == 7", "assert g(7) == [(7,)]"), ("f", "g"))
        )
        with open(os.__file__, "rb") as library:
            asked = 0
            while not future.done():
                lock = fcntl.fcntl(library, fcntl.F_GETLK, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0))
                assert struct.unpack("hhqqi4x", lock)[0] == fcntl.F_UNLCK
                asked += 1
                time.sleep(0.02)
        assert asked > 10 and future.result().outcome == "passed", future.result()
