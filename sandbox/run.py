"""One program's run in a jail: forks its children, keeps its CPU and wall budgets, and turns deaths into
outcomes.

The worker owns every deadline. CPU time is read from the kernel through the zygote; what a child says about
itself is never trusted for more than where a test began, and the program's own total bounds that.
"""

from __future__ import annotations

import marshal
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sandbox.channel import Channel, Flooded
from sandbox.jail import End, Jail
from sandbox.jailed import decoding
from sandbox.replies import Reply, from_end, read_reply

_CPUS = len(os.sched_getaffinity(0))


class ParentGone(Exception):
    """The pool that owns this worker is gone."""


@dataclass
class Peer:
    """A live child: its channel, its place in fork order, and its CPU time as last known."""

    channel: Channel
    index: int
    cpu: float = 0.0  # as it says itself
    seen: float = 0.0  # as the kernel says
    mark: float = 0.0  # when the current test began
    born: float = field(default_factory=time.monotonic)
    waited: float = (
        0.0  # wall seconds that it was ready to run and another process had its CPU, as far as granted
    )


class Run:
    """The children of one program, one after another, under one budget.

    Args:
      jail: where they are forked.
      setup: code object of the set-up, or None.
      source: the candidate's program.
      entry_points: names that are the candidate's.
      parent_fd: the pool's socket; when it hangs up, the run ends with ParentGone.
      exact: whether an object of a class that derives from a builtin one is more than the data in it.
    """

    def __init__(
        self, jail: Jail, setup: Any, source: str, entry_points: Sequence[str], parent_fd: int, exact: bool
    ) -> None:
        self.jail = jail
        self.limits = jail.settings.limits
        self.parent_fd = parent_fd
        self.base = {
            "setup": setup,
            "program": source,
            "value_limit": self.limits.value_kb * 1024,
            "name": "solution",
            "exact": exact,
        }
        self.judge_request = {"role": "judge", "setup": setup, "entry_points": list(entry_points)}
        self.spent = 0.0  # CPU seconds of candidates that are gone
        self.started = time.monotonic()
        self.timeouts = 0
        self.candidate: Peer | None = None
        self.judge: Peer | None = None
        self.clean = True
        self.told = False  # whether the program has seen what may be an expected value
        self._wall_end = 0.0
        self._needs: set[Any] = set()

    # Budgets.

    def begin(self) -> None:
        """Start counting wall time: what came before, such as reading long tests, is not the program's."""
        self.started = time.monotonic()

    def _left(self) -> float:
        return self.limits.program_cpu_s - self.spent

    def _wall_left(self) -> float:
        return self.started + self.limits.program_wall_s - time.monotonic()

    def exhausted(self) -> bool:
        """Whether the budget is spent, so that the remaining tests are not run."""
        return self.timeouts >= self.limits.max_timeouts or self._left() <= 0 or self._wall_left() <= 0

    def begin_test(self) -> None:
        """Start counting against the limits of one test."""
        limits = self.limits
        self._wall_end = min(time.monotonic() + limits.test_wall_s, self.started + limits.program_wall_s)
        for peer in (self.candidate, self.judge):
            if peer is not None:
                peer.mark = peer.cpu

    # Children.

    def fork(self, request: dict[str, Any], limit: int, *fds: int) -> Peer:
        """Fork a child and send it its first request.

        Args:
          limit: bytes of the largest frame that it may send.
          fds: its standard input and output, if it has any.
        """
        channel = Channel(limit, self.parent_fd)
        try:
            peer = Peer(channel, self.jail.fork(*channel.theirs(), *fds))
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

    def _died(self, peer: Peer) -> Reply:
        index = peer.index
        ends = self.end()
        end = ends[index] if index < len(ends) else None
        reply = from_end(end, self.jail.settings.cpu_limit(), self.limits.memory_mb)
        if reply.kind == "timeout":
            self.timeouts += 1
        return reply

    def _frame(self, peer: Peer) -> bytearray | Reply:
        """Wait for a child's next frame within the limits of the current test; a Reply is the end of the
        test.
        """
        channel, limit = peer.channel, self.limits.test_cpu_s
        check_at = 0.0
        alive = True
        while True:
            frame = self._whole_frame(channel)
            if frame is not None:
                return frame
            if not alive:
                return self._died(peer)
            now = time.monotonic()
            check_at = check_at or now + self._patience(peer, limit)
            wall_left = self._wall_end - now
            if wall_left <= 0 and not self._starved(peer):
                channel.drain()  # perhaps it is this process that was kept from its CPU
                return self._whole_frame(channel) or self._timed_out("wall limit")
            ready = channel.wait(max(0.0, min(check_at - now, wall_left)))
            if self.parent_fd in ready:
                raise ParentGone
            if ready:
                alive = channel.fill()
                if time.monotonic() < check_at:
                    continue  # one that writes without end is asked for its CPU time like a silent one
            peer.seen = self.jail.cpu()[peer.index]
            check_at = 0.0
            if peer.seen - min(peer.mark, peer.seen) >= limit or peer.seen >= self._left():
                channel.drain()
                return self._whole_frame(channel) or self._timed_out("CPU limit")

    def _whole_frame(self, channel: Channel) -> bytearray | Reply | None:
        """The next frame, if all of it has been read; a Reply when it is too large."""
        try:
            return channel.frame()
        except Flooded:
            self.end()
            return Reply("failed", detail="value is too large")

    def _starved(self, peer: Peer) -> bool:
        """Whether a child that is out of wall time was kept from its CPU by a loaded machine; then it gets that
        time back, within the wall limit of the program.
        """
        waited = self.jail.waited(peer.index)
        more = min(0.1 if waited is None else waited - peer.waited, self._wall_left())
        if more < 0.01:
            return False
        peer.waited += 0.0 if waited is None else more
        self._wall_end = time.monotonic() + more
        return True

    def _patience(self, peer: Peer, limit: float) -> float:
        """How long a child may be silent before its CPU clock must be read again: one thread cannot be
        faster.
        """
        used = max(peer.seen, peer.cpu)
        return max(0.0, min(limit - (used - min(peer.mark, used)), self._left() - used))

    def tree(self, peer: Peer) -> tuple[str, Any, float] | Reply:
        """The next frame, parsed: kind, content, CPU seconds since the last one."""
        frame = self._frame(peer)
        if isinstance(frame, Reply):
            return frame
        try:
            kind, content, cpu = decoding.parse(frame)
            cpu = float(cpu) / 1e9
        except (decoding.Malformed, ValueError, TypeError, OverflowError, RecursionError):
            self.end()
            return Reply("crashed", detail="broke the protocol")
        used = max(0.0, cpu - peer.cpu)
        peer.cpu = max(peer.cpu, min(cpu, (time.monotonic() - peer.born) * _CPUS))
        return kind, content, used

    def next_reply(self, loading: bool = False) -> Reply:
        """The candidate's next reply; only one that is loading may say that it is ready."""
        assert self.candidate is not None
        tree = self.tree(self.candidate)
        if isinstance(tree, Reply):
            return tree
        reply = read_reply(*tree)
        if reply is None or (reply.kind == "ready" and not loading):
            self.end()
            return Reply("crashed", detail="broke the protocol")
        return reply

    def judge_child(self) -> Peer:
        """The judge's child, forked when it is first needed."""
        if self.judge is None:
            self.judge = self.fork(self.judge_request, 4 * self.limits.value_kb * 1024)
        return self.judge

    # What a grader asks for.

    def load(self, items: Sequence[Any] = ()) -> Reply | None:
        """Fork a child that has loaded the program; None on success, else the outcome of every test.

        Args:
          items: what the child goes on to answer without being asked again.
        """
        request = {**self.base, "role": "candidate", "items": list(items)}
        self.candidate = self.fork(request, self.limits.value_kb * 1024)
        self.begin_test()
        reply = self.next_reply(loading=True)
        if reply.kind == "ready":
            return None
        if self.candidate is not None:
            self.end()
        if reply.kind == "value":
            return Reply("crashed", detail="broke the protocol")
        return Reply(reply.kind, detail=f"while loading: {reply.detail}", cpu_s=reply.cpu_s)

    def supply(self, needs: Sequence[Any]) -> list[Any]:
        """The request that defines common names in the candidate's child, where they are new to it."""
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
                failure = self.load([*self.supply(needs), *calls[done:]])
                if failure is not None:
                    for _ in calls[done:]:
                        yield failure
                    return
                self.begin_test()
            else:
                self.candidate.channel.send(marshal.dumps([*self.supply(needs), *calls[done:]]))
            while done < len(calls) and self.candidate is not None:
                reply = self.next_reply()
                done += 1
                yield reply

    def stop(self) -> None:
        """Run nothing more of this program: binary mode has its answer."""
        self.timeouts = self.limits.max_timeouts
        if self.candidate is not None or self.judge is not None:
            self.end()
