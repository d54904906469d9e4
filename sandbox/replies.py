"""What a child's answer, or its death, says about the test: a value, or an outcome that stands for it.

Nothing that a child sends is trusted beyond its shape; everything here works on parsed JSON from a hostile
process.
"""

from __future__ import annotations

import os
import signal
from typing import Any, NamedTuple

from sandbox.jail import End
from sandbox.records import TestOutcome

UNSPLIT = "unsplit"  # what a judge child says of a test that must share a process with the candidate


class Reply(NamedTuple):
    """One answer of a candidate: `kind` is `value`, or an outcome that stands for the test."""

    kind: str
    content: Any = None
    detail: str = ""
    cpu_s: float = 0.0
    raised: bool = False
    stays: bool = False  # whether the value is of a class of the candidate's, which no other process has


def printable(text: Any, size: int) -> str:
    """The beginning of a hostile text without characters that a terminal would obey."""
    return "".join(c for c in str(text)[:size] if c.isprintable())


def from_end(end: End | None, cpu_limit: float, memory_mb: int) -> Reply:
    """What the death of a child says."""
    if end is None:
        return Reply("crashed", detail="lost")
    if os.WIFSIGNALED(end.status):
        number = os.WTERMSIG(end.status)
        if number == signal.SIGXCPU or (number == signal.SIGKILL and end.cpu_s >= cpu_limit):
            return Reply("timeout", detail="CPU limit")
        if number == signal.SIGKILL and end.peak_kb * 2 > memory_mb * 1024:
            return Reply("out_of_memory", detail="killed by the kernel")
        if number == signal.SIGKILL:  # by us, after it had closed its end: the kernel would have had a reason
            return Reply("crashed", detail="closed its channel")
        if number == signal.SIGSYS:
            return Reply("forbidden", detail="system call")
        return Reply(
            "crashed", detail=signal.Signals(number).name if number in set(signal.Signals) else str(number)
        )
    return Reply("crashed", detail=f"exited with status {os.waitstatus_to_exitcode(end.status)}")


def judged(content: Any) -> tuple[TestOutcome, bool]:
    """The outcome that a judge child reports, and whether the candidate was handed what may be an expected value."""
    match content:
        case [str(outcome), str(detail), bool(lied), bool(told)]:
            known = outcome if outcome in ("passed", "failed", "error", "forbidden", UNSPLIT) else "crashed"
            return TestOutcome(known, printable(detail, 200), in_process=lied), told
    return TestOutcome("crashed", "in the test: broke the protocol"), True


def read_reply(kind: str, content: Any, cpu_s: float) -> Reply | None:
    """The reply of a candidate's child in its parsed frame; None when it broke the protocol."""
    if kind == "v":
        return Reply("value", content, cpu_s=cpu_s)
    if kind == "r":
        return Reply("ready")
    if kind == "u":
        what = content if isinstance(content, str) else "?"
        detail = f"returned no plain data: {printable(what, 100)}"
        return Reply("failed", detail=detail, cpu_s=cpu_s, stays=what.startswith("value of type"))
    if kind == "m":
        return Reply("out_of_memory", detail="MemoryError", cpu_s=cpu_s)
    if kind != "e" or not (isinstance(content, list) and len(content) == 6 and isinstance(content[0], str)):
        return None
    name = printable(content[0], 80)
    outcome = "forbidden" if name == "PermissionError" else "error"
    return Reply(outcome, content, detail=name, cpu_s=cpu_s, raised=True)
