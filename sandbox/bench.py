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

from sandbox.plan import plan_test
from sandbox.pool import Sandbox
from sandbox.records import Program

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


def measure(programs: list[Program], workers: int, isolation: str, repeat: int) -> tuple[float, float]:
    """CPU seconds, of everything together, and wall seconds for each program.

    The start of the pool is measured apart and taken off: it is paid once, not for each program.
    """
    totals = []
    walls = []
    for rounds in (1, 1 + repeat):
        before = _cpu()
        with Sandbox(workers, isolation=isolation) as box:
            start = time.monotonic()
            for _ in range(rounds):
                if any(verdict.outcome != "passed" for verdict in box.run(programs)):
                    raise AssertionError("a correct program did not pass")
            walls.append(time.monotonic() - start)
        totals.append(_cpu() - before)
    count = len(programs) * repeat
    return (totals[1] - totals[0]) / count, (walls[1] - walls[0]) / count


def scaling(programs: list[Program], isolation: str, repeat: int) -> float:
    """How many times as fast two workers are as one: the median over pairs of rounds, taken in turn, since a virtual
    machine's speed changes from second to second.
    """
    ratios = []
    with Sandbox(1, isolation=isolation) as one, Sandbox(2, isolation=isolation) as two:
        for _ in range(1 + repeat):
            marks = []
            for box in (one, two):
                start = time.monotonic()
                box.run(programs)
                marks.append(time.monotonic() - start)
            ratios.append(marks[0] / marks[1])
    return statistics.median(ratios[1:])  # in the first round the workers read the tests


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


def main(options: argparse.Namespace) -> int:
    """Print the table."""
    programs = workload(options.programs)
    print(f"{len(programs)} programs, 16 asserts each, isolation {options.isolation}")
    print(f"bare fork of this process: {bare_fork() * 1e3:.2f} ms CPU")
    costs, walls = {}, {}
    for workers in (1, 2) if len(os.sched_getaffinity(0)) > 1 else (1,):
        costs[workers], walls[workers] = measure(programs, workers, options.isolation, options.repeat)
        print(
            f"sandbox, {workers} worker(s): {costs[workers] * 1e3:.2f} ms CPU per program, "
            f"{1 / walls[workers]:.0f} programs/s, {costs[workers] / walls[workers]:.2f} cores busy"
        )
    if len(walls) == 2:
        limit = 2 * forking_at_once(1) / forking_at_once(2)
        print(
            f"two workers are {scaling(programs, options.isolation, options.repeat):.2f} times as fast as one;"
            f" of processes that only fork, two are {limit:.2f} times as fast"
        )
    print(f"reading the 16 tests of a new question: {reading(programs) * 1e3:.2f} ms CPU a worker, once")
    if importlib.util.find_spec("evalplus") is not None:
        theirs = _evalplus(programs)
        print(f"EvalPlus: {theirs * 1e3:.2f} ms CPU per program, {theirs / costs[1]:.1f} times the sandbox")
    return 0
