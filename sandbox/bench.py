"""The benchmark: CPU milliseconds per program, all told, on small programs with 16 asserts each.

Counts the pool, the workers, the zygotes and every child that they reaped, since a host pays for all of them.
EvalPlus' executor runs the same programs in the same session where its package is installed
(`pip install --no-deps evalplus`, and numpy, psutil, tempdir, wget, appdirs, tqdm, multipledispatch, termcolor).
What reading the tests of a new question costs each worker, once, is a line of its own.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import resource
import statistics
import time
from collections.abc import Sequence

from sandbox.plan import plan_test
from sandbox.pool import Sandbox
from sandbox.records import Program

_REPEAT = 2  # times that a round's programs are run in a pool, beside the one that is taken off
_PEER_PROGRAMS = 50  # of a round, for EvalPlus
_SOURCES = (
    (
        "def f(a, b):\n    while b:\n        a, b = b, a % b\n    return a\n",
        lambda i, j: (i * j + 6, j + 2),
    ),
    (
        "from typing import List\n\ndef f(xs: List[int], k: int) -> List[int]:\n"
        "    return sorted(x * k for x in xs if x % k)\n",
        lambda i, j: ([i, i + 1, j, i + j], j + 2),
    ),
    (
        "def f(s, n):\n    out = []\n    for c in s:\n"
        "        out.append(chr((ord(c) - 97 + n) % 26 + 97))\n    return ''.join(out)\n",
        lambda i, j: ("abcxyz"[i % 6 :] + "q", j),
    ),
    (
        "import math\n\ndef f(x, y):\n    total = 0\n    for i in range(x):\n"
        "        total += math.gcd(i, y)\n"
        "    return {'total': total, 'pair': (x, y)}\n",
        lambda i, j: (i + 3, j + 4),
    ),
    (
        "from collections import Counter\n\ndef f(words, n):\n    found = Counter(words).items()\n"
        "    return [w for w, _ in sorted(found, key=lambda t: (-t[1], t[0]))[:n]]\n",
        lambda i, j: (["a", "b", "a", "c" * (i % 3 + 1)], j % 3 + 1),
    ),
)


def workload(count: int) -> list[Program]:
    """So many correct programs, 16 asserts each."""
    programs = []
    for number in range(count):
        source, arguments = _SOURCES[number % len(_SOURCES)]
        space: dict[str, object] = {}
        exec(source, space)
        function = space["f"]
        tests = []
        for index in range(16):
            values = arguments(number // len(_SOURCES) + index, index % 4)
            expected = function(*values)  # type: ignore[operator]
            tests.append(f"assert f({', '.join(map(repr, values))}) == {expected!r}")
        programs.append(Program(str(number), source, tuple(tests), ("f",)))
    return programs


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def measure(programs: list[Program], workers: int, isolation: str) -> tuple[float, float]:
    """CPU seconds, of everything together, and wall seconds for each program.

    The start of the pool is measured apart and taken off: it is paid once, not for each program.
    """
    totals = []
    walls = []
    for times in (1, 1 + _REPEAT):
        before = _cpu()
        with Sandbox(workers, isolation=isolation) as box:
            start = time.monotonic()
            for _ in range(times):
                if any(verdict.outcome != "passed" for verdict in box.run(programs)):
                    raise AssertionError("a correct program did not pass")
            walls.append(time.monotonic() - start)
        totals.append(_cpu() - before)
    count = len(programs) * _REPEAT
    return (totals[1] - totals[0]) / count, (walls[1] - walls[0]) / count


def scaling(programs: list[Program], isolation: str, rounds: int) -> list[float]:
    """How many times as fast two workers are as one, in pairs of rounds taken in turn."""
    ratios = []
    with Sandbox(1, isolation=isolation) as one, Sandbox(2, isolation=isolation) as two:
        for _ in range(1 + rounds):
            marks = []
            for box in (one, two):
                start = time.monotonic()
                box.run(programs)
                marks.append(time.monotonic() - start)
            ratios.append(marks[0] / marks[1])
    return ratios[1:]  # in the first round the workers read the tests


def bare_fork(count: int = 300) -> float:
    """CPU seconds of forking this process and waiting for the child's end."""
    before = _cpu()
    for _ in range(count):
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)
    return (_cpu() - before) / count


def forking_at_once(loops: int) -> float:
    """Wall seconds of as many processes that each do nothing but fork: how far this machine's kernel scales."""
    start = time.monotonic()
    pids = []
    for _ in range(loops):
        pid = os.fork()
        if pid == 0:
            bare_fork()
            os._exit(0)
        pids.append(pid)
    for pid in pids:
        os.waitpid(pid, 0)
    return time.monotonic() - start


def reading(programs: list[Program]) -> float:
    """CPU seconds of reading the 16 tests of a question, on tests that were not read before."""
    tests = sorted({test for program in programs for test in program.tests})
    before = time.process_time()
    for test in tests:
        plan_test(test, frozenset({"f"}))
    return (time.process_time() - before) / len(tests) * 16


def _evalplus(programs: list[Program]) -> float:
    """CPU seconds per program of EvalPlus' executor on the same inputs."""
    from evalplus.eval import untrusted_check

    before = _cpu()
    for program in programs:
        space: dict[str, object] = {}
        exec(program.program, space)
        inputs = [eval(t.removeprefix("assert f(").split(") == ")[0] + ",") for t in program.tests]
        expected = [space["f"](*values) for values in inputs]  # type: ignore[operator]
        outcome = untrusted_check(
            "humaneval", program.program, inputs, "f", expected, 0, [0.1] * len(inputs), True
        )
        if outcome[0] != "pass":
            raise AssertionError(f"EvalPlus did not pass a correct program: {outcome[0]}")
    return (_cpu() - before) / len(programs)


def _middle(values: Sequence[float], digits: int) -> str:
    """The median, and between what the values lie."""
    low, high = min(values), max(values)
    return f"{statistics.median(values):.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def main(options: argparse.Namespace) -> int:
    """Print the table; everything is measured in turn, round by round, since a virtual machine's speed changes from
    second to second, and ratios are taken within a round.
    """
    programs = workload(options.programs)
    peer = importlib.util.find_spec("evalplus") is not None
    pools = (1, 2) if len(os.sched_getaffinity(0)) > 1 else (1,)
    forks: list[float] = []
    theirs: list[float] = []
    costs: dict[int, list[float]] = {workers: [] for workers in pools}
    walls: dict[int, list[float]] = {workers: [] for workers in pools}
    print(
        f"{len(programs)} programs, 16 asserts each, isolation {options.isolation}; {options.rounds} rounds, of"
        " which the median and the extremes"
    )
    for number in range(options.rounds):
        forks.append(bare_fork())
        for workers in pools:
            cpu, wall = measure(programs, workers, options.isolation)
            costs[workers].append(cpu)
            walls[workers].append(wall)
        if peer:
            theirs.append(_evalplus(programs[:_PEER_PROGRAMS]))
        print(f"round {number + 1}: {costs[1][-1] / forks[-1]:.2f} bare forks a program", flush=True)
    print(f"bare fork of this process: {_middle([fork * 1e3 for fork in forks], 2)} ms CPU")
    for workers in pools:
        print(
            f"sandbox, {workers} worker(s): {_middle([cpu * 1e3 for cpu in costs[workers]], 2)} ms CPU per program ="
            f" {_middle([cpu / fork for cpu, fork in zip(costs[workers], forks)], 2)} bare forks,"
            f" {1 / statistics.median(walls[workers]):.0f} programs/s"
        )
    if len(pools) == 2:
        limit = 2 * forking_at_once(1) / forking_at_once(2)
        print(
            f"two workers are {_middle(scaling(programs, options.isolation, options.rounds), 2)} times as fast as one;"
            f" of processes that only fork, two are {limit:.2f} times as fast"
        )
    print(f"reading the 16 tests of a new question: {reading(programs) * 1e3:.2f} ms CPU a worker, once")
    if peer:
        ratios = [their / ours for their, ours in zip(theirs, costs[1])]
        print(
            f"EvalPlus: {_middle([their * 1e3 for their in theirs], 2)} ms CPU per program ="
            f" {_middle(ratios, 1)} times the sandbox"
        )
    return 0
