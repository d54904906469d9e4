"""Every attack ends in one of its expected outcomes, leaves the host alone, and leaves the next program
unaffected.
"""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path

import pytest

from sandbox import Limits, Program, Sandbox, SandboxError
from tests.sandbox.attacks import ATTACKS, DISK, FORGERIES, LOOPS, SECRET, TEST

# A slow processor takes 0.5 seconds over the largest value that may leave a program.
LIMITS = Limits(test_cpu_s=0.8, program_cpu_s=2.0, test_wall_s=1.5, max_timeouts=1, memory_mb=512)
GOOD = Program(
    "good",
    "import os\nassert os.getcwd() != '/tmp' or not os.listdir('/tmp')\ndef f(x): return x + 1",
    ("assert f(1) == 2", "assert sorted([f(3), f(2)]) == [3, 4]", "a = f(1)\nassert a == 2"),
    ("f",),
)


@pytest.fixture(scope="module", params=["full", "landlock"])
def tier(request, tmp_path_factory):
    """A pool at one tier, and a check afterwards that the host is as it was."""
    canary = tmp_path_factory.mktemp("canary") / "file"
    canary.write_text("untouched")
    before = _host()
    try:
        box = Sandbox(workers=1, limits=LIMITS, isolation=request.param)
    except SandboxError as error:
        pytest.skip(str(error))
    with box:
        yield request.param, box, canary
    assert canary.read_text() == "untouched"
    assert _host() == before


def _host() -> tuple[object, ...]:
    """What an attack might change: names, files it tries to write, our children, our descriptors."""
    places = [path for path in ("/usr/owned", "/tmp/l", "/tmp/a", "/tmp/gone") if os.path.lexists(path)]
    return (
        socket.gethostname(),
        places,
        os.path.getsize(os.__file__),
        len(_children(os.getpid())),
        len(os.listdir("/proc/self/fd")),
        shutil.which("sh"),
    )


def _children(parent: int) -> list[int]:
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            stat = Path(f"/proc/{entry}/stat").read_text()
            if int(stat.rsplit(")", 1)[1].split()[1]) == parent:
                found.append(int(entry))
        except OSError:
            continue
    return found


@pytest.mark.parametrize("name", ATTACKS)
def test_attack(tier, name):
    _, box, canary = tier
    program, expected = ATTACKS[name]
    program = program.replace("CANARY", str(canary.parent))
    attack, good = box.run([Program(name, program, (TEST,), ("f",)), GOOD])
    (outcome,) = attack.outcomes
    assert outcome.outcome in expected, outcome
    assert attack.pass_rate == 0.0
    assert [o.outcome for o in good.outcomes] == ["passed"] * 3, good


@pytest.mark.parametrize("name", DISK)
def test_attack_on_the_private_disk(tier, name):
    isolation, box, _ = tier
    if isolation != "full":
        pytest.skip("only the full tier gives programs a disk")
    program, expected = DISK[name]
    attack, good = box.run([Program(name, program, (TEST,), ("f",)), GOOD])
    assert attack.outcomes[0].outcome in expected, attack
    assert good.outcome == "passed", good


@pytest.mark.parametrize(
    "name",
    [
        "always_equal",
        "int_subclass",
        "list_subclass",
        "hunt_in_memory",
        "forged_frames",
        "namedtuple_subclass",
        "takes_every_thread",  # so that no judge child can be forked beside it
    ],
)
@pytest.mark.parametrize(
    "test",
    [
        f"r = f(7)\nassert r == {SECRET}",
        f"for x in [7]:\n    assert f(x) == {SECRET}",
        f"assert all(f(x) == {SECRET} for x in [7])",
        f"assert [f(7)] == [{SECRET}] and f(7) in ({SECRET},)",
        f"def check(candidate):\n    assert candidate(7) == {SECRET}\ncheck(f)",
        f"import unittest\nunittest.TestCase().assertEqual(f(7), {SECRET})",
        f"assert not f(7) != {SECRET}",
        f"assert f(7) == Decimal({SECRET})",
    ],
)
def test_attack_on_tests_that_a_judge_child_runs(tier, name, test):
    _, box, _ = tier
    (verdict,) = box.run([Program(name, ATTACKS[name][0], (test,), ("f",))])
    assert verdict.outcomes[0].outcome in ("failed", "error", "crashed"), verdict


SHARED = f"async def t():\n    assert f(7) == {SECRET}\nimport asyncio; asyncio.run(t())"
SUITE = f"import unittest\nclass T(unittest.TestCase):\n    def test(self): self.assertEqual(f(7), {SECRET})"


@pytest.mark.parametrize("name", FORGERIES)
def test_answers_of_a_shared_process_are_not_forged_blindly(tier, name):
    _, box, _ = tier
    attack, good = box.run([Program(name, FORGERIES[name], (SHARED,), ("f",), unittest=SUITE), GOOD])
    assert all(outcome.in_process for outcome in attack.outcomes)
    assert {outcome.outcome for outcome in attack.outcomes} <= {"failed", "error", "crashed", "timeout"}, (
        attack
    )
    assert good.outcome == "passed"


@pytest.mark.parametrize("name", LOOPS)
def test_attack_on_the_tests_own_code(tier, name):
    _, box, _ = tier
    program, test = LOOPS[name]
    attack, good = box.run([Program(name, program, (test,), ("f",)), GOOD])
    assert attack.outcome in ("failed", "error", "crashed", "timeout", "out_of_memory"), attack
    assert good.outcome == "passed"


def test_the_candidates_names_come_from_the_question_only(tier):
    """A candidate that defines `abs` must not pull the expected value into its own process."""
    _, box, _ = tier
    program = "def abs(x): return 0\ndef f(x): return 3.0\ndef math(): pass"
    tests = (f"assert abs(f(7) - {SECRET}) < 1e-6", f"x = f(7)\nassert abs(x - {SECRET}) < 1e-6")
    (verdict,) = box.run([Program("abs", program, tests, ("f",))])
    assert [t.outcome for t in verdict.outcomes] == ["failed", "failed"]


def test_programs_cannot_leave_messages_for_each_other(tier):
    _, box, _ = tier
    leave = (
        "import os, sys, builtins\nbuiltins.message = os.environ['M'] = sys.message = 'hello'\n"
        "try:\n    open('/tmp/message', 'w').write('hello'); os.mkdir('/tmp/folder')\nexcept OSError: pass\n"
        "def f(x): return 0"
    )
    find = (
        "import os, sys, builtins\ndef f(x):\n"
        "    return [hasattr(builtins, 'message'), 'M' in os.environ, hasattr(sys, 'message'),\n"
        "            os.path.exists('/tmp/message'), os.path.exists('/tmp/folder')]"
    )
    test = ("assert f(0) == [False] * 5",)
    _, verdict = box.run([Program("a", leave, (), ()), Program("b", find, test, ("f",))])
    assert verdict.outcome == "passed"
