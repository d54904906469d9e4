"""One program's run in a jail: forks its children, keeps its CPU and wall budgets, and turns deaths into outcomes.

The worker owns every deadline. CPU time is read from the kernel through the zygote; what a child says about itself is
never trusted for more than where a test began, and the program's own total bounds that.
"""

from __future__ import annotations

import marshal
import os
import signal
import time
from dataclasses import dataclass
from typing import Any, Callable, Iterator

from sandbox.channel import Channel, Flooded
from sandbox.jail import End, Jail
from sandbox.jailed import codec
from sandbox.records import Limits


class ParentGone(Exception):
    """The pool that owns this worker is gone."""


@dataclass(frozen=True)
class Reply:
    """One answer of a candidate: `kind` is `value`, or an outcome that stands for the test."""

    kind: str
    content: Any = None
    detail: str = ""
    cpu_s: float = 0.0


def _from_error(content: Any) -> tuple[str, str]:
    """Outcome and detail of an exception that the candidate let out."""
    name = content[0] if isinstance(content, list) and content and isinstance(content[0], str) else "Exception"
    name = "".join(c for c in name[:80] if c.isprintable())
    return ("forbidden" if name == "PermissionError" else "error"), name


def _from_end(end: End | None, limits: Limits) -> Reply:
    """What the death of a child says."""
    if end is None:
        return Reply("crashed", detail="lost")
    if os.WIFSIGNALED(end.status):
        number = os.WTERMSIG(end.status)
        if number == signal.SIGXCPU or (number == signal.SIGKILL and end.cpu_s >= limits.program_cpu_s):
            return Reply("timeout", detail="CPU limit")
        if number == signal.SIGKILL:
            return Reply("out_of_memory", detail="killed by the kernel")
        if number == signal.SIGSYS:
            return Reply("forbidden", detail="system call")
        return Reply("crashed", detail=signal.Signals(number).name if number in set(signal.Signals) else str(number))
    return Reply("crashed", detail=f"exited with status {os.waitstatus_to_exitcode(end.status)}")


class Run:
    """The children of one program, one after another, under one budget."""

    def __init__(self, jail: Jail, setup: Any, source: str, parent_fd: int) -> None:
        self.jail = jail
        self.limits = jail.settings.limits
        self.request = marshal.dumps(
            {"setup": setup, "program": source, "value_limit": self.limits.value_kb * 1024}
        )
        self.parent_fd = parent_fd
        self.spent = 0.0  # CPU seconds of children that are gone
        self.started = time.monotonic()
        self.timeouts = 0
        self.channel: Channel | None = None
        self.cpu_mark = 0.0  # the current child's CPU time when the current test began, as far as known
        self.clean = True

    def _left(self) -> float:
        return self.limits.program_cpu_s - self.spent

    def _wall_left(self) -> float:
        return self.started + self.limits.program_wall_s - time.monotonic()

    def exhausted(self) -> bool:
        """Whether the budget is spent, so that the remaining tests are not run."""
        return self.timeouts >= self.limits.max_timeouts or self._left() <= 0 or self._wall_left() <= 0

    def _start(self) -> None:
        """Fork a child and have it load the program; its answer to that is the first reply."""
        channel = Channel(self.limits.value_kb * 1024)
        self.channel = channel
        channel.watch(self.parent_fd)
        self.jail.fork(channel.theirs.fileno())
        channel.handed_over()
        self.cpu_mark = 0.0
        channel.send(self.request)

    def end(self) -> End | None:
        """Kill and reap the current children; account for their CPU time."""
        if self.channel is not None:
            self.channel.close()
            self.channel = None
        clean, ends = self.jail.reap()
        self.clean = self.clean and clean
        self.spent += sum(end.cpu_s for end in ends)
        return ends[0] if ends else None

    def _timed_out(self, detail: str) -> Reply:
        self.timeouts += 1
        self.end()
        return Reply("timeout", detail=detail, cpu_s=self.limits.test_cpu_s)

    def _next(self) -> Reply:
        """Wait for the current child's next reply, within the limits of one test."""
        assert self.channel is not None
        channel = self.channel
        cpu_limit = self.limits.test_cpu_s
        wall_end = time.monotonic() + min(self.limits.test_wall_s, max(0.0, self._wall_left()))
        patience = min(cpu_limit, max(0.0, self._left() - self.cpu_mark))
        while True:
            try:
                frame = channel.frame()
            except Flooded:
                self.end()
                return Reply("failed", detail="value is too large")
            if frame is not None:
                return self._parse(frame)
            wall_left = wall_end - time.monotonic()
            if wall_left <= 0:
                return self._timed_out("wall limit")
            ready = channel.wait(min(patience, wall_left))
            if self.parent_fd in ready:
                raise ParentGone
            if ready:
                if not channel.fill():
                    return self._died()
                continue
            total = self.jail.cpu()[0]
            used = max(0.0, total - min(self.cpu_mark, total))
            if used >= cpu_limit or total >= self._left():
                return self._timed_out("CPU limit")
            patience = min(cpu_limit - used, self._left() - total)

    def _died(self) -> Reply:
        reply = _from_end(self.end(), self.limits)
        if reply.kind == "timeout":
            self.timeouts += 1
        return reply

    def _parse(self, frame: bytes) -> Reply:
        """Read a reply from the hostile side."""
        try:
            tree = codec.parse(frame)
            kind, content, cpu = tree
            cpu = float(cpu)
        except (codec.Malformed, ValueError, TypeError, OverflowError):
            self.end()
            return Reply("crashed", detail="broke the protocol")
        used = max(0.0, cpu - self.cpu_mark)
        self.cpu_mark = max(self.cpu_mark, cpu)
        if kind == "v":
            return Reply("value", content, cpu_s=used)
        if kind == "r":
            return Reply("ready")
        if kind == "u":
            return Reply("failed", detail=f"returned no plain data: {str(content)[:100]}", cpu_s=used)
        if kind == "m":
            return Reply("out_of_memory", detail="MemoryError", cpu_s=used)
        outcome, detail = _from_error(content)
        return Reply(outcome, content, detail=detail, cpu_s=used)

    def answers(self, calls: list[Any]) -> Iterator[Reply]:
        """Send calls to the candidate and give one reply each, forking again when a child dies.

        Args:
          calls: what `sandbox.jailed.child` takes: code objects to evaluate.
        """
        done = 0
        while done < len(calls):
            if self.exhausted():
                yield Reply("timeout", detail="not run: the program's budget is spent")
                done += 1
                continue
            if self.channel is None:
                failure = self.load()
                if failure is not None:
                    for _ in calls[done:]:
                        yield failure
                    return
            assert self.channel is not None
            self.channel.send(marshal.dumps(calls[done:]))
            while done < len(calls) and self.channel is not None:
                reply = self._next()
                done += 1
                yield reply

    def load(self) -> Reply | None:
        """Fork a child that has loaded the program; None on success, else the outcome of every test."""
        self._start()
        reply = self._next()
        if reply.kind == "ready":
            return None
        self.end()
        if reply.kind == "value":
            return Reply("crashed", detail="broke the protocol")
        return Reply(reply.kind, reply.content, f"while loading: {reply.detail}", reply.cpu_s)


