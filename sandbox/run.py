"""One program's run in a jail: forks its children, keeps its CPU and wall budgets, and turns deaths into
outcomes.

The worker owns every deadline. CPU time is read from the kernel through the zygote; what a child says about
itself is never trusted for more than where a test began, and the program's own total bounds that.
"""

from __future__ import annotations

import contextlib
import marshal
import os
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.channel import Channel, Flooded
from sandbox.jail import End, Jail
from sandbox.jailed import codec
from sandbox.records import TestOutcome


class ParentGone(Exception):
    """The pool that owns this worker is gone."""


@dataclass(frozen=True)
class Reply:
    """One answer of a candidate: `kind` is `value`, or an outcome that stands for the test."""

    kind: str
    content: Any = None
    detail: str = ""
    cpu_s: float = 0.0
    raised: bool = False


@dataclass
class _Peer:
    """A live child: its channel, its place in fork order, and its CPU time as last known."""

    channel: Channel
    index: int
    cpu: float = 0.0  # as it says itself
    seen: float = 0.0  # as the kernel says
    mark: float = 0.0  # when the current test began


def _printable(text: Any, size: int) -> str:
    return "".join(c for c in str(text)[:size] if c.isprintable())


def _from_end(end: End | None, cpu_limit: float, memory_mb: int) -> Reply:
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


def _judged(content: Any) -> TestOutcome:
    """The outcome that a judge child reports."""
    outcome, detail, lied = content
    known = outcome if outcome in ("passed", "failed", "error", "forbidden") else "crashed"
    return TestOutcome(known, _printable(detail, 200), in_process=bool(lied))


class Run:
    """The children of one program, one after another, under one budget.

    Args:
      jail: where they are forked.
      setup: code object of the set-up, or None.
      source: the candidate's program.
      entry_points: names that are the candidate's.
      parent_fd: the pool's socket; when it hangs up, the run ends with ParentGone.
    """

    def __init__(
        self, jail: Jail, setup: Any, source: str, entry_points: Sequence[str], parent_fd: int
    ) -> None:
        self.jail = jail
        self.limits = jail.settings.limits
        self.parent_fd = parent_fd
        self.base = {
            "setup": setup,
            "program": source,
            "value_limit": self.limits.value_kb * 1024,
            "name": "solution",
        }
        self.judge_request = {"role": "judge", "setup": setup, "entry_points": list(entry_points)}
        self.spent = 0.0  # CPU seconds of candidates that are gone
        self.started = time.monotonic()
        self.timeouts = 0
        self.candidate: _Peer | None = None
        self.judge: _Peer | None = None
        self.clean = True
        self._wall_end = 0.0
        self._needs: set[Any] = set()

    # Budgets.

    def _left(self) -> float:
        return self.limits.program_cpu_s - self.spent

    def _wall_left(self) -> float:
        return self.started + self.limits.program_wall_s - time.monotonic()

    def exhausted(self) -> bool:
        """Whether the budget is spent, so that the remaining tests are not run."""
        return self.timeouts >= self.limits.max_timeouts or self._left() <= 0 or self._wall_left() <= 0

    def begin_test(self) -> None:
        """Start counting against the limits of one test."""
        self._wall_end = time.monotonic() + min(self.limits.test_wall_s, max(0.0, self._wall_left()))
        for peer in (self.candidate, self.judge):
            if peer is not None:
                peer.mark = peer.cpu

    # Children.

    def _fork(self, request: dict[str, Any], limit: int, *fds: int) -> _Peer:
        channel = Channel(limit, self.parent_fd)
        try:
            peer = _Peer(channel, self.jail.fork(*channel.theirs(), *fds))
        except BaseException:
            channel.close()
            raise
        channel.handed_over()
        channel.send(marshal.dumps(request))
        return peer

    def end(self) -> list[End]:
        """Kill and reap the current children; account for the candidate's CPU time."""
        candidate = self.candidate.index if self.candidate is not None else -1
        for peer in (self.candidate, self.judge):
            if peer is not None:
                peer.channel.close()
        self.candidate = self.judge = None
        self._needs.clear()
        clean, ends = self.jail.reap()
        self.clean = self.clean and clean
        if 0 <= candidate < len(ends):
            self.spent += ends[candidate].cpu_s
        return ends

    def _timed_out(self, detail: str) -> Reply:
        self.timeouts += 1
        self.end()
        return Reply("timeout", detail=detail, cpu_s=self.limits.test_cpu_s)

    def _died(self, peer: _Peer) -> Reply:
        index = peer.index
        ends = self.end()
        end = ends[index] if index < len(ends) else None
        reply = _from_end(end, self.jail.settings.cpu_limit(), self.limits.memory_mb)
        if reply.kind == "timeout":
            self.timeouts += 1
        return reply

    def _frame(self, peer: _Peer) -> bytes | Reply:
        """Wait for a child's next frame within the limits of the current test; a Reply is the end of the
        test.
        """
        channel, limit = peer.channel, self.limits.test_cpu_s
        patience = self._patience(peer, limit)
        alive = True
        while True:
            try:
                frame = channel.frame()
            except Flooded:
                self.end()
                return Reply("failed", detail="value is too large")
            if frame is not None:
                return frame
            if not alive:
                return self._died(peer)
            wall_left = self._wall_end - time.monotonic()
            if wall_left <= 0:
                return self._timed_out("wall limit")
            ready = channel.wait(min(patience, wall_left))
            if self.parent_fd in ready:
                raise ParentGone
            if ready:
                alive = channel.fill()
                continue
            peer.seen = self.jail.cpu()[peer.index]
            if channel.drain() and channel.pending():
                continue
            if peer.seen - min(peer.mark, peer.seen) >= limit or peer.seen >= self._left():
                return self._timed_out("CPU limit")
            patience = self._patience(peer, limit)

    def _patience(self, peer: _Peer, limit: float) -> float:
        """How long a child may be silent before its CPU clock must be read again: one thread cannot be
        faster.
        """
        used = max(peer.seen, peer.cpu)
        return max(0.0, min(limit - (used - min(peer.mark, used)), self._left() - used))

    def _tree(self, peer: _Peer) -> tuple[str, Any, float] | Reply:
        """The next frame, parsed: kind, content, CPU seconds since the last one."""
        frame = self._frame(peer)
        if isinstance(frame, Reply):
            return frame
        try:
            kind, content, cpu = codec.parse(frame)
            cpu = float(cpu) / 1e9
        except (codec.Malformed, ValueError, TypeError, OverflowError, RecursionError):
            self.end()
            return Reply("crashed", detail="broke the protocol")
        used = max(0.0, cpu - peer.cpu)
        peer.cpu = max(peer.cpu, cpu)
        return kind, content, used

    def _next(self) -> Reply:
        """The candidate's next reply."""
        assert self.candidate is not None
        tree = self._tree(self.candidate)
        if isinstance(tree, Reply):
            return tree
        kind, content, used = tree
        if kind == "v":
            return Reply("value", content, cpu_s=used)
        if kind == "r":
            return Reply("ready")
        if kind == "u":
            what = content if isinstance(content, str) else "?"
            return Reply("failed", detail=f"returned no plain data: {_printable(what, 100)}", cpu_s=used)
        if kind == "m":
            return Reply("out_of_memory", detail="MemoryError", cpu_s=used)
        shape = isinstance(content, list) and len(content) == 4 and isinstance(content[0], str)
        if kind != "e" or not shape:
            self.end()
            return Reply("crashed", detail="broke the protocol")
        name = _printable(content[0], 80)
        outcome = "forbidden" if name == "PermissionError" else "error"
        return Reply(outcome, content, detail=name, cpu_s=used, raised=True)

    # What a grader asks for.

    def load(self, items: Sequence[Any] = ()) -> Reply | None:
        """Fork a child that has loaded the program; None on success, else the outcome of every test.

        Args:
          items: what the child goes on to answer without being asked again.
        """
        request = {**self.base, "role": "candidate", "items": list(items)}
        self.candidate = self._fork(request, self.limits.value_kb * 1024)
        self.begin_test()
        reply = self._next()
        if reply.kind == "ready":
            return None
        if self.candidate is not None:
            self.end()
        if reply.kind == "value":
            return Reply("crashed", detail="broke the protocol")
        return Reply(reply.kind, detail=f"while loading: {reply.detail}", cpu_s=reply.cpu_s)

    def _supply(self, needs: Sequence[Any]) -> list[Any]:
        fresh = [need for need in needs if need not in self._needs]
        self._needs.update(fresh)
        return [("needs", fresh)] if fresh else []

    def answers(self, calls: Sequence[Any], needs: Sequence[Any] = ()) -> Iterator[Reply]:
        """Send calls to the candidate and give one reply each, forking again when a child dies.

        The caller says `begin_test` before it takes the first reply of each test.

        Args:
          calls: what `sandbox.jailed.child` takes: marshalled code to evaluate, or tuples.
          needs: common names that the calls use.
        """
        done = 0
        while done < len(calls):
            if self.exhausted():
                yield Reply("timeout", detail="not run: the program's budget is spent")
                done += 1
                continue
            if self.candidate is None:
                failure = self.load([*self._supply(needs), *calls[done:]])
                if failure is not None:
                    for _ in calls[done:]:
                        yield failure
                    return
                self.begin_test()
            else:
                self.candidate.channel.send(marshal.dumps([*self._supply(needs), *calls[done:]]))
            while done < len(calls) and self.candidate is not None:
                reply = self._next()
                done += 1
                yield reply

    def remote(
        self, code: bytes, needs: Sequence[Any], exceptions: Sequence[str], calls: Sequence[bytes]
    ) -> TestOutcome:
        """Run a test in a judge child that asks the candidate's child, through us, for every call."""
        if self.exhausted():
            return TestOutcome("timeout", "not run: the program's budget is spent")
        if self.candidate is None:
            failure = self.load()
            if failure is not None:
                return TestOutcome(failure.kind, failure.detail)
        if self.judge is None:
            self.judge = self._fork(self.judge_request, 4 * self.limits.value_kb * 1024)
        self.begin_test()
        assert self.candidate is not None
        supply = self._supply(needs)
        if supply:
            self.candidate.channel.send(marshal.dumps(supply))
        self.judge.channel.send(marshal.dumps((code, list(needs), list(exceptions))))
        while True:
            tree = self._tree(self.judge)
            if isinstance(tree, Reply):
                return TestOutcome(tree.kind, f"in the test: {tree.detail}")
            kind, content, _ = tree
            if kind == "o":
                return _judged(content)
            item = ("eval", calls[content[1]]) if content[0] == "eval" else tuple(content)
            self.candidate.channel.send(marshal.dumps([item]))
            reply = self._next()
            if reply.kind != "value" and not reply.raised:
                if self.candidate is not None:
                    self.end()
                return TestOutcome(reply.kind, reply.detail)
            answer = ("error" if reply.raised else "value", reply.content)
            self.judge.channel.send(marshal.dumps(answer))

    def residual(self, code: bytes, needs: Sequence[Any], replies: Sequence[Reply]) -> TestOutcome:
        """Decide a split assert in a judge child, because its values are of types the worker does not
        rebuild.
        """
        if self.judge is None:
            self.judge = self._fork(self.judge_request, 4 * self.limits.value_kb * 1024)
        self.begin_test()
        self.judge.channel.send(marshal.dumps((code, list(needs), [])))
        while True:
            tree = self._tree(self.judge)
            if isinstance(tree, Reply):
                return TestOutcome(tree.kind, f"in the test: {tree.detail}")
            kind, content, _ = tree
            if kind == "o":
                return _judged(content)
            reply = replies[content[1]]
            if reply.kind != "value" and not reply.raised:
                return TestOutcome(reply.kind, reply.detail)
            self.judge.channel.send(marshal.dumps(("error" if reply.raised else "value", reply.content)))

    def stop(self) -> None:
        """Run nothing more of this program: binary mode has its answer."""
        self.timeouts = self.limits.max_timeouts
        if self.candidate is not None or self.judge is not None:
            self.end()

    def in_process(self, item: Any, needs: Sequence[Any] = ()) -> TestOutcome:
        """Run a test in a throw-away child beside the candidate, which could lie about it."""
        if self.candidate is not None:
            self.end()
        self.begin_test()
        reply = next(self.answers([item], needs))
        if self.candidate is not None:
            self.end()
        if reply.kind == "value":
            if item[0] == "unittest" and isinstance(reply.content, list) and len(reply.content) == 2:
                outcome, detail = (
                    _printable(part, 200) if isinstance(part, str) else "" for part in reply.content
                )
                known = outcome if outcome in ("passed", "failed", "error") else "crashed"
                return TestOutcome(known, detail, in_process=True)
            return TestOutcome("passed", in_process=True)
        outcome = "failed" if reply.detail == "AssertionError" else reply.kind
        return TestOutcome(outcome, reply.detail, in_process=True)

    def main(self, text: str) -> tuple[Reply, str]:
        """Run the program as a script on `text` as its standard input; its reply and its standard output."""
        with contextlib.ExitStack() as stack:
            files = [os.memfd_create(name) for name in ("stdin", "stdout")]
            for fd in files:
                stack.callback(os.close, fd)
            data = text.encode(errors="surrogatepass")
            while data:
                data = data[os.write(files[0], data) :]
            os.lseek(files[0], 0, os.SEEK_SET)
            request = {**self.base, "role": "main", "name": "__main__"}
            self.candidate = self._fork(request, self.limits.value_kb * 1024, *files)
            self.begin_test()
            reply = self._next()
            if self.candidate is not None:
                self.end()
            if reply.kind == "crashed" and reply.detail == "exited with status 0":
                reply = Reply("value")  # os._exit(0) after printing is an ordinary end of a script
            output = os.pread(files[1], self.limits.output_kb * 1024 + 1, 0)
        return reply, output.decode(errors="replace")
