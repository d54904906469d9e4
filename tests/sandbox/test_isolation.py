"""What the kernel says about a jail from outside, and that programs find the same world everywhere."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sandbox import Evaluation, Limits, Program, Sandbox, SandboxError
from tests.sandbox.test_robustness import children, wait_until

TIERS = ("full", "landlock", "none-i-trust-the-programs")
SLEEPS = Program("s", "import time\ndef f(x): time.sleep(100)", ("assert f(1) == 1",), ("f",))
ENVIRONMENT = {
    "PYTHONHASHSEED": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
    "LC_ALL": "C.UTF-8",
    "HOME": "/tmp",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}


def start(isolation: str, **options: object) -> Sandbox:
    try:
        return Sandbox(workers=1, isolation=isolation, **options)  # type: ignore[arg-type]
    except SandboxError as error:
        pytest.skip(str(error))


def status(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def limit(pid: int, name: str) -> str:
    lines = Path(f"/proc/{pid}/limits").read_text().splitlines()
    return next(line for line in lines if line.startswith(name)).removeprefix(name).split()[1]


@pytest.fixture(scope="module", params=["full", "landlock"])
def jail(request):
    """The tier, and a worker, zygote and child at it, while this process has secrets to hand down."""
    os.environ["SANDBOX_TEST_SECRET"] = "secret"
    secret = os.open(__file__, os.O_RDONLY)
    os.set_inheritable(secret, True)
    try:
        with start(request.param, limits=Limits(memory_mb=512, disk_mb=8, open_files=32)) as box:
            box.submit(SLEEPS)
            worker = box._pool[0].process.pid
            (zygote,) = children(worker)
            assert wait_until(lambda: children(zygote) and status(children(zygote)[0])["State"][0] == "S")
            yield request.param, worker, zygote, children(zygote)[0]
    finally:
        os.close(secret)
        del os.environ["SANDBOX_TEST_SECRET"]


def test_no_privilege_is_left(jail):
    isolation, _, zygote, child = jail
    for pid in (zygote, child):
        facts = status(pid)
        assert facts["NoNewPrivs"] == "1"
        assert {facts[f"Cap{kind}"] for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {"0" * 16}
        if isolation == "full" and os.geteuid() == 0:
            assert set(facts["Uid"].split() + facts["Gid"].split()) == {"65534"}
            # Not dumpable, so that the kernel shows it as root's: a crash starts no handler of core dumps.
            assert os.stat(f"/proc/{pid}/environ").st_uid == 0
    assert status(child)["Seccomp"] == "2"


def test_limits_are_set(jail):
    isolation, _, zygote, child = jail
    for pid in (zygote, child):
        assert limit(pid, "Max address space") == str(512 << 20)
        assert limit(pid, "Max file size") == str(8 << 20)
        assert limit(pid, "Max open files") == "32"
        assert limit(pid, "Max core file size") == "0"
    if isolation == "full":
        assert int(limit(zygote, "Max processes")) > int(limit(child, "Max processes")) == 18


def test_namespaces_are_its_own(jail):
    isolation, _, zygote, child = jail
    if isolation != "full":
        pytest.skip("only the full tier has namespaces")
    for name in ("user", "mnt", "pid", "net", "ipc", "uts", "cgroup"):
        try:
            inside = {os.readlink(f"/proc/{pid}/ns/{name}") for pid in (zygote, child)}
        except PermissionError:
            pytest.skip("an ordinary user cannot look")
        assert len(inside) == 1 and os.readlink(f"/proc/self/ns/{name}") not in inside, name


def test_nothing_is_inherited(jail):
    _, worker, zygote, child = jail
    assert len({os.getsid(pid) for pid in (os.getpid(), worker, zygote)}) == 3  # sessions of their own
    try:
        environment = Path(f"/proc/{child}/environ").read_bytes()
        files = {int(fd): os.readlink(f"/proc/{child}/fd/{fd}") for fd in os.listdir(f"/proc/{child}/fd")}
    except PermissionError:
        pytest.skip("an ordinary user cannot look")
    started_with = dict(item.split("=", 1) for item in environment.decode().split("\0")[:-1])
    assert started_with == {
        **ENVIRONMENT,
        "LD_BIND_NOW": "1",
    }  # which programs do not see, as the next test says
    assert [Path(files.pop(fd)).name for fd in (0, 1, 2)] == ["null"] * 3
    assert sorted(name.split(":")[0] for name in files.values()) == ["pipe", "socket"]  # the channel


WORLD = """
import importlib, os, random, sys
def world(names):
    found = []
    for name in names:
        try:
            importlib.import_module(name)
            found.append(name)
        except ModuleNotFoundError:
            pass
    return [found, dict(os.environ), hash("abc"), random.random(), sys.flags.hash_randomization]
"""


@pytest.mark.parametrize("packages", [(), ("jinja2",)])
def test_programs_find_the_same_world_everywhere(packages):
    """Hash seed, random state, environment and packages, at every tier, and also in a jail that is new."""
    for name in packages:
        pytest.importorskip(name)
    names = ["jinja2", "markupsafe", "numpy", "pytest", "hypothesis", "sandbox", "acecoder_jax", "pip"]
    call = Evaluation("w", WORLD, (f"world({names})",))
    worlds = []
    for isolation in (*TIERS, "full"):
        with start(isolation, packages=packages) as box:
            worlds += [result.values[0].value for result in box.evaluate([call, call])]
            (verdict,) = box.run([Program("a", "def f(x): return x", ("assert f(1) == 1",), ("f",))])
        assert verdict.packages == (("jinja2", "markupsafe") if packages else ())
    assert worlds[0][:2] == [list(verdict.packages), ENVIRONMENT] and worlds[0][4] == 0
    assert all(world == worlds[0] for world in worlds)
