"""The programs of `tests.sandbox.tricks` do not pass, cost no more than their limits, and leave nothing behind."""

from __future__ import annotations

import platform
import time

import pytest

from sandbox import Evaluation, Limits, Program, Sandbox, SandboxError
from tests.sandbox.tricks import (
    CALLS_THEM,
    COSTLY,
    COUNTS,
    COUNTS_AND_ENDS,
    EXISTENCE,
    KEEPS_A_FILE,
    LEAKS,
    LOADS,
    NOT_PASSED,
    NUMPY,
    NUMPY_LOADS,
    ON_RECORD,
    OWN_WORD,
    REMEMBERS,
    SECRET,
    STAYS,
    TRICKS,
    WRITES,
)

LIMITS = Limits(test_cpu_s=0.4, program_cpu_s=2.0, test_wall_s=10.0, max_timeouts=1, memory_mb=512)
GOOD = Program("good", "def f(x): return x + 1", ("assert f(1) == 2", "a = f(1)\nassert a == 2"), ("f",))


@pytest.fixture(scope="module", params=["full", "landlock"])
def box(request):
    try:
        pool = Sandbox(workers=1, limits=LIMITS, isolation=request.param)
    except SandboxError as error:
        pytest.skip(str(error))
    with pool:
        yield pool


def run(box: Sandbox, cases: dict[str, tuple[str, str]], names: tuple[str, ...] = ("f",)):
    """The outcome of each case, with a good program after each that must not notice."""
    programs = [Program(name, program, (test,), names) for name, (program, test) in cases.items()]
    verdicts = box.run([p for program in programs for p in (program, GOOD)])
    assert {verdict.outcome for verdict in verdicts[1::2]} == {"passed"}
    return {verdict.id: verdict.outcomes[0] for verdict in verdicts[::2]}


def test_tricks(box):
    for name, outcome in run(box, TRICKS, ("f", "S")).items():
        assert outcome.outcome in NOT_PASSED, (name, outcome)
        assert not outcome.in_process or name in ON_RECORD, (name, outcome)


def test_what_the_candidate_was_handed_and_decides_is_on_record(box):
    for name, outcome in run(box, OWN_WORD, ("f", "S")).items():
        assert outcome.in_process, (name, outcome)


def test_no_program_says_where_numpy_reads():
    pytest.importorskip("numpy")
    with Sandbox(workers=1, limits=LIMITS, packages=("numpy",)) as box:
        for name, outcome in run(box, NUMPY).items():
            assert outcome.outcome in NOT_PASSED and not outcome.in_process, (name, outcome)


def _check_loads(box: Sandbox, tests: tuple[str, ...]) -> None:
    held = f"r = f(7)\nassert r == {SECRET}"
    for test in tests:
        (verdict,) = box.run([Program("loads", WRITES, (test, held), ("f",))])
        loads, after = verdict.outcomes
        no_disk = loads.outcome == "forbidden"  # at the weaker tier
        assert loads.outcome in NOT_PASSED and (loads.in_process or no_disk), (test, loads)
        assert after.outcome in NOT_PASSED, (test, after)


def test_what_the_program_wrote_is_not_run_beside_the_expected_values(box):
    _check_loads(box, LOADS)


def test_no_package_loads_it_either():
    pytest.importorskip("numpy")
    with Sandbox(workers=1, limits=LIMITS, packages=("numpy",)) as box:
        _check_loads(box, (NUMPY_LOADS,))


def test_what_the_library_makes_of_names_stays_with_the_judge(box):
    tests = (
        "from dataclasses import dataclass\n@dataclass\nclass D:\n    x: int\nassert D(f(1)).x == 1",
        "from typing import NamedTuple\nclass N(NamedTuple):\n    x: int\nassert N(f(1)).x == 1",
        "import enum\nE = enum.Enum('E', 'a b')\nassert E.a.value == f(1)",
        "import ast\nassert ast.literal_eval(f('[1, 2]')) == [1, 2]",
        "import colorsys, difflib, email.message, sqlite3, xml.dom.minidom\nx = f(1)\nassert x == 1",
        "import functools\n@functools.singledispatch\ndef h(x): return 0\n@h.register\ndef _(x: int): return 1\n"
        "assert h(f(3)) == 1",
    )
    (verdict,) = box.run([Program("p", "def f(x): return x", tests, ("f",))])
    for test, outcome in zip(tests, verdict.outcomes, strict=True):
        assert outcome.outcome == "passed" and not outcome.in_process, (test, outcome)


def test_what_a_test_beside_the_program_shows_does_not_reach_the_next(box):
    tests = (
        f"assert callable(f)\nassert f(7) == {SECRET}",
        f"assert f(7) == {SECRET}",
        f"r = f(7)\nassert r == {SECRET}",
    )
    (verdict,) = box.run([Program("leaks", LEAKS, tests, ("f",))])
    assert verdict.outcomes[0].in_process
    disk = verdict.outcomes[0].outcome != "forbidden"  # the weaker tier has none
    assert {outcome.outcome for outcome in verdict.outcomes} == {"failed" if disk else "forbidden"}
    script = "import os\nprint(os.path.exists('/tmp/d'))\nos.makedirs('/tmp/d/e')"
    (verdict,) = box.run([Program("folders", script, stdin=(("", "False"), ("", "False")))])
    assert verdict.outcome == ("passed" if disk else "forbidden"), verdict


def test_what_is_handed_to_the_program_leaves_its_mark_on_later_tests(box):
    tests = (f"r = f(7)\nassert r.equals({SECRET})", f"assert f(7) == {SECRET}", "assert f(7) != 0")
    (verdict,) = box.run([Program("remembers", REMEMBERS, tests, ("f",))])
    assert all(outcome.in_process for outcome in verdict.outcomes), verdict


def test_what_was_handed_counts_even_if_the_test_ends_early(box):
    tests = ("r = f(7)\nassert r.equals(12345)", "assert f(8) == 12345")
    (verdict,) = box.run([Program("ends", COUNTS_AND_ENDS, tests, ("f",))])
    if verdict.outcomes[0].detail.startswith("while loading"):
        pytest.skip("the weaker tier has no disk")
    assert verdict.outcomes[0].outcome != "passed" and verdict.outcomes[1].in_process, verdict


def test_tests_beside_the_program_run_last(box):
    tests = ("assert callable(f)\nassert f(7) == 12345", "assert f(7) == 12345")
    (verdict,) = box.run([Program("counts", COUNTS, tests, ("f",))])
    beside, apart = verdict.outcomes
    assert beside.in_process and not apart.in_process
    assert apart.outcome in NOT_PASSED


def test_a_job_that_is_no_python_leaves_no_child_behind(box):
    bad = "import unittest\nclass T(unittest.TestCase:\n    pass"
    stays = Program("stays", STAYS, ("assert f(7) == 1",), ("f",), unittest=bad)
    good = Program("good", KEEPS_A_FILE, ("assert f(7) == 'ok'",), ("f",))
    first, *others = box.run([stays, good, good])
    assert first.outcome == "infrastructure"
    disk = others[0].outcome != "forbidden"  # the weaker tier has none
    assert {other.outcome for other in others} == {"passed" if disk else "forbidden"}


def test_no_stand_in_passes_for_what_no_program_defines(box):
    (verdict,) = box.run([Program("empty", "", EXISTENCE, ("f",))])
    for test, outcome in zip(EXISTENCE, verdict.outcomes, strict=True):
        assert outcome.outcome != "passed", test
    (verdict,) = box.run([Program("good", "def f(x):\n    'text'", EXISTENCE, ("f",))])
    assert verdict.outcome == "passed", verdict


def test_deciding_costs_no_more_than_a_test_may(box):
    """Against the CPU clock of the worker, which nobody limits: none of these may stall it."""
    for name, case in COSTLY.items():
        before = _cpu(box)
        (outcome,) = run(box, {name: case}).values()
        assert outcome.outcome in NOT_PASSED, (name, outcome)
        assert _cpu(box) - before < 4, name


def test_an_evaluated_value_costs_little_to_rebuild(box):
    program = (
        "from fractions import Fraction\nbig = Fraction(1)\n"
        "big._numerator, big._denominator = 3 ** 1200000, 5 ** 800000\n"
        "def f(): return big\ndef g(): return Fraction(3 ** 2000, 7 ** 2000)"
    )
    before = _cpu(box)
    (result,) = box.evaluate([Evaluation("fractions", program, ("f()", "g()"))])
    assert [value.outcome for value in result.values] == ["crashed", "passed"]
    assert _cpu(box) - before < 1


def _cpu(box: Sandbox) -> float:
    return time.clock_gettime((~box._pool[0].process.pid << 3) | 2)


@pytest.mark.skipif(platform.machine() != "x86_64", reason="numbers of x86_64")
def test_system_calls_that_a_filter_forgets(box):
    (result,) = box.evaluate([Evaluation("calls", CALLS_THEM, ("f(7)",))])
    assert result.values[0].value == [], result


def test_asyncio_and_threads_still_work(box):
    program = (
        "import asyncio, threading, socket\nasync def g(x):\n    await asyncio.sleep(0.001)\n    return x\n"
        "def f(x):\n    out = []\n    t = threading.Thread(target=lambda: out.append(asyncio.run(g(x))))\n"
        "    t.start(); t.join()\n    a, b = socket.socketpair()\n    a.send(b'x')\n    return [*out, b.recv(1)]"
    )
    (verdict,) = box.run([Program("p", program, ("assert f(7) == [7, b'x']",), ("f",))])
    assert verdict.outcome == "passed", verdict


def test_files_are_copied_with_their_times(box):
    program = (
        "import os, shutil\ndef f():\n    try: os.mkdir('/tmp/d')\n    except PermissionError: return ['a', 'b']\n"
        "    open('/tmp/d/a', 'w').close()\n"
        "    shutil.copy2('/tmp/d/a', '/tmp/d/b')\n    return sorted(os.listdir(shutil.copytree('/tmp/d', '/tmp/e')))"
    )
    (verdict,) = box.run([Program("p", program, ("assert f() == ['a', 'b']",), ("f",))])
    assert verdict.outcome == "passed", verdict


def test_what_only_the_test_holds_costs_no_more_with_each_call(box):
    test = "cases = [[i] * 5 for i in range(800)]\nfor x in cases:\n    assert total(x) == sum(x)"
    kept = (
        "a = [1]\nkeep(a)\nfor i in range(50): assert total([i]) == i\na.append(2)\nassert keep() == [1, 2]"
    )
    back = (
        "a = [1]\nb = keep(a)\nfor i in range(9): total([i])\nkeep([3])\ntotal(a)\nassert a is b and b == [1]"
    )
    program = (
        "held = []\ndef total(xs): return sum(xs)\ndef keep(*a):\n    held[:] = a or held\n    return held[0]"
    )
    (verdict,) = box.run([Program("p", program, (test, kept, back), ("total", "keep"))])
    assert verdict.outcome == "passed", verdict


def test_a_generator_that_changes_its_argument_is_followed_first(box):
    program = "def f(a):\n    a.append(2)\n    yield 1\n    a.clear()"
    (verdict,) = box.run(
        [Program("p", program, ("a = [1]\nr = list(f(a))\nassert r == [1]\nassert a == []",), ("f",))]
    )
    assert verdict.outcome == "passed", verdict
