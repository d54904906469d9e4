"""What goes into the sandbox and what comes out: plain frozen dataclasses, picklable, standard library only.

A `Program` is a candidate with its tests, an `Evaluation` is a trusted program with calls to evaluate. Both
are run by `sandbox.Sandbox`, which answers with a `Verdict` or an `EvaluationResult`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

OUTCOMES = (
    "passed",
    "failed",
    "error",
    "timeout",
    "out_of_memory",
    "crashed",
    "forbidden",
    "vacuous",
    "infrastructure",
)


# What a limit may be set to: beyond these nothing is limited, or the kernel takes no such number.
_MOST, _MOST_SECONDS = 1 << 24, 10_000_000


class SandboxError(Exception):
    """The sandbox cannot be used as asked: one line that says what, where, and what to change."""


@dataclass(frozen=True)
class Limits:
    """What one program may use. CPU time decides; wall time is only the backstop.

    Attributes:
      test_cpu_s: CPU seconds of one test; loading the program (its import-time code) has the same limit.
      program_cpu_s: CPU seconds of the program over all its tests.
      test_wall_s: wall seconds of one test, for programs that sleep; what it waits for a busy CPU does not count.
      program_wall_s: wall seconds of the whole program.
      memory_mb: address space of each process, in MiB.
      threads: processes and threads that a program may have at once.
      disk_mb: size of the private /tmp, in MiB.
      open_files: file descriptors.
      value_kb: largest encoded value that a call may return, in KiB.
      output_kb: largest standard output of a stdin/stdout test, in KiB.
      max_timeouts: after so many timed-out tests the rest are not run and count as timed out.
      stop_at_first_failure: binary mode; tests after the first that does not pass are reported as not run.
    """

    test_cpu_s: float = 2.0
    program_cpu_s: float = 8.0
    test_wall_s: float = 15.0
    program_wall_s: float = 60.0
    memory_mb: int = 1024
    threads: int = 16
    disk_mb: int = 16
    open_files: int = 64
    value_kb: int = 1024
    output_kb: int = 8192
    max_timeouts: int = 2
    stop_at_first_failure: bool = False

    def __post_init__(self) -> None:
        for name in ("test_cpu_s", "program_cpu_s", "test_wall_s", "program_wall_s"):
            if not 0 < getattr(self, name) <= _MOST_SECONDS:
                raise SandboxError(
                    f"Limits.{name} is {getattr(self, name)!r}; give a number of seconds above 0, at most"
                    f" {_MOST_SECONDS}"
                )
        for name, least in (("memory_mb", 64), ("threads", 1), ("disk_mb", 1), ("open_files", 16)):
            if not least <= getattr(self, name) <= _MOST:
                raise SandboxError(
                    f"Limits.{name} is {getattr(self, name)!r}; give at least {least}, at most {_MOST}"
                )
        for name in ("value_kb", "output_kb", "max_timeouts"):
            if not 1 <= getattr(self, name) <= _MOST:
                raise SandboxError(
                    f"Limits.{name} is {getattr(self, name)!r}; give at least 1, at most {_MOST}"
                )


@dataclass(frozen=True)
class Program:
    """A candidate program and what decides whether it is right.

    Attributes:
      id: the caller's name for it; comes back on the verdict.
      program: the candidate's Python source. Hostile until proven otherwise.
      tests: independent test statements, usually `assert f(...) == ...`. The candidate never sees them.
      entry_points: the names that count as the candidate's. They must come from the question, never from the
        candidate's code: only calls to these are sent to the candidate's process. When there are none, the
        names that the tests call and nobody else defines.
      setup: trusted test-side code (imports, helper functions) that runs before the program and before the
        tests. The
        candidate's process runs it too, so it must not hold expected values.
      stdin: (input text, expected output) pairs; the program runs once for each, as a script.
      unittest: source of a unittest module that runs beside the program; one outcome per test method, all
        `in_process`.
    """

    id: str
    program: str
    tests: tuple[str, ...] = ()
    entry_points: tuple[str, ...] = ()
    setup: str = ""
    stdin: tuple[tuple[str, str], ...] = ()
    unittest: str = ""


@dataclass(frozen=True)
class TestOutcome:
    """What one test said.

    Attributes:
      outcome: one of `OUTCOMES`; `vacuous` tests check nothing and do not count.
      detail: a short reason, such as the class name of an exception.
      in_process: whether test and candidate shared a process, so that a hostile candidate could have lied.
    """

    __test__ = False  # not a pytest class

    outcome: str
    detail: str = ""
    in_process: bool = False


@dataclass(frozen=True)
class Verdict:
    """The sandbox's word on one program.

    Attributes:
      id: the program's id.
      outcomes: one outcome per test, in order: asserts, then stdin pairs, then unittest methods.
      outcome: `passed` when every counted test passed, else that of the first counted test that did not;
        `vacuous` when no test counts.
      pass_rate: passed over counted tests; None when nothing counts or the sandbox itself failed.
      cpu_s: CPU seconds of the program's own processes.
      wall_s: seconds from the first fork to the last answer.
      packages: all packages that the program could import beside the standard library: those that the pool was
        given and what they depend on.
    """

    id: str
    outcomes: tuple[TestOutcome, ...]
    outcome: str
    pass_rate: float | None
    cpu_s: float = 0.0
    wall_s: float = 0.0
    packages: tuple[str, ...] = ()


@dataclass(frozen=True)
class Evaluation:
    """A program whose values are wanted, not judged: how test synthesis learns expected values.

    Attributes:
      id: the caller's name for it.
      program: Python source; jailed like any other.
      calls: expressions such as `f([1, 2], 'a')`, from a trusted source, each evaluated with fresh arguments.
      setup: trusted code that runs before the program.
    """

    id: str
    program: str
    calls: tuple[str, ...]
    setup: str = ""


@dataclass(frozen=True)
class EvaluatedCall:
    """What one call gave: `value` is rebuilt plain data when `outcome` is `passed`, else None."""

    outcome: str
    value: Any = None
    detail: str = ""
    cpu_s: float = 0.0


@dataclass(frozen=True)
class EvaluationResult:
    """The values of one `Evaluation`, in the order of its calls."""

    id: str
    values: tuple[EvaluatedCall, ...]


def overall(outcomes: tuple[TestOutcome, ...]) -> tuple[str, float | None]:
    """The program's outcome and pass rate over the counted tests."""
    if any(test.outcome == "infrastructure" for test in outcomes):
        return "infrastructure", None
    counted = [test.outcome for test in outcomes if test.outcome != "vacuous"]
    if not counted:
        return "vacuous", None
    worst = next((outcome for outcome in counted if outcome != "passed"), "passed")
    return worst, counted.count("passed") / len(counted)
