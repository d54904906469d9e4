"""A worker process: takes jobs from the pool, runs each in its jail, judges, and sends the answer back.

It is a fresh interpreter that imports only this package. It holds the tests; candidates live in its jail's children.
Jobs and answers are pickled: both ends are ours, and what came from a candidate has been rebuilt as plain data.
"""

from __future__ import annotations

import dataclasses
import marshal
import pickle
import signal
import socket
import sys
import time
from typing import Any

from sandbox import plan
from sandbox.jail import Jail, JailLost, JailSettings
from sandbox.jailed import codec
from sandbox.records import (
    EvaluatedCall,
    Evaluation,
    EvaluationResult,
    Program,
    SandboxError,
    TestOutcome,
    Verdict,
    overall,
)
from sandbox.run import ParentGone, Reply, Run

RESPAWNS = 3


def _compiled(source: str, name: str) -> Any:
    return compile(source, name, "exec", dont_inherit=True) if source.strip() else None


def judge_split(decide: Any, replies: list[Reply]) -> TestOutcome:
    """The outcome of a split assert from the replies to its calls."""
    for reply in replies:
        if reply.kind != "value":
            return TestOutcome(reply.kind, reply.detail)
    try:
        passed = decide([codec.decode(reply.content) for reply in replies])
    except codec.Malformed:
        return TestOutcome("crashed", "broke the protocol")
    except Exception as error:
        return TestOutcome("error", type(error).__name__)
    return TestOutcome("passed") if passed else TestOutcome("failed")


class Grader:
    """Runs jobs in one jail, starting a new jail when the old one is lost or dirty."""

    def __init__(self, settings: JailSettings, parent_fd: int) -> None:
        self.settings = settings
        self.parent_fd = parent_fd
        self.jail: Jail | None = Jail(settings)

    def run(self, job: Any) -> Any:
        """Answer one job; a lost jail is replaced and the job run again."""
        for _ in range(RESPAWNS):
            if self.jail is None:
                self.jail = Jail(self.settings)
            try:
                return self._once(self.jail, job)
            except JailLost:
                self.jail.close()
                self.jail = None
        return infrastructure(job, "the jail died repeatedly")

    def _once(self, jail: Jail, job: Any) -> Any:
        run = Run(jail, _compiled(job.setup, "<setup>"), job.program, self.parent_fd)
        answer = self._evaluate(run, job) if isinstance(job, Evaluation) else self._grade(run, job)
        if run.channel is not None:
            run.end()
        wall_s = time.monotonic() - run.started
        if not run.clean:
            jail.close()
            self.jail = None
        if isinstance(answer, Verdict):
            return dataclasses.replace(answer, cpu_s=run.spent, wall_s=wall_s)
        return answer

    def _evaluate(self, run: Run, job: Evaluation) -> EvaluationResult:
        codes = [marshal.dumps(compile(call.strip(), "<call>", "eval", dont_inherit=True)) for call in job.calls]
        values = []
        for reply in run.answers(codes):
            if reply.kind == "value":
                try:
                    values.append(EvaluatedCall("passed", codec.decode(reply.content), cpu_s=reply.cpu_s))
                    continue
                except codec.Malformed:
                    reply = Reply("crashed", detail="broke the protocol")
            outcome = "error" if reply.kind == "failed" else reply.kind
            values.append(EvaluatedCall(outcome, detail=reply.detail, cpu_s=reply.cpu_s))
        return EvaluationResult(job.id, tuple(values))

    def _grade(self, run: Run, job: Program) -> Verdict:
        names = frozenset(job.entry_points)
        plans = [plan.plan_test(test, names) for test in job.tests]
        codes: list[Any] = []
        for test in plans:
            if test.kind == plan.SPLIT:
                codes.extend(test.calls)
            elif test.kind == plan.IN_PROCESS:
                codes.append(("test", test.code))
        replies = run.answers(codes)
        outcomes: list[TestOutcome] = []
        stopped = False
        for test in plans:
            if test.kind == plan.VACUOUS:
                outcomes.append(TestOutcome("vacuous", test.detail))
            elif stopped:
                outcomes.append(TestOutcome("failed", "not run: an earlier test did not pass"))
            elif test.kind == plan.SPLIT:
                outcomes.append(judge_split(test.decide, [next(replies) for _ in test.calls]))
            else:
                outcomes.append(_in_process(next(replies)))
            stopped = stopped or (
                run.limits.stop_at_first_failure and outcomes[-1].outcome not in ("passed", "vacuous")
            )
        whole, rate = overall(tuple(outcomes))
        return Verdict(job.id, tuple(outcomes), whole, rate)


def _in_process(reply: Reply) -> TestOutcome:
    if reply.kind == "value":
        return TestOutcome("passed", in_process=True)
    outcome = "failed" if reply.detail == "AssertionError" else reply.kind
    return TestOutcome(outcome, reply.detail, in_process=True)


def infrastructure(job: Any, detail: str) -> Any:
    """The answer when the sandbox itself failed: never a 0."""
    if isinstance(job, Evaluation):
        return EvaluationResult(job.id, tuple(EvaluatedCall("infrastructure", detail=detail) for _ in job.calls))
    outcomes = tuple(TestOutcome("infrastructure", detail) for _ in job.tests)
    return Verdict(job.id, outcomes, "infrastructure", None)


def _bad_job(job: Any, error: BaseException) -> Any:
    """The answer to a job whose trusted parts (set-up, calls) are not valid Python."""
    return infrastructure(job, f"{type(error).__name__} in the job's own code: {str(error)[:200]}")


def serve(connection: socket.socket) -> None:
    """Take jobs until the pool closes the socket."""
    stream = connection.makefile("rwb", buffering=1 << 16)

    def send(kind: str, content: Any) -> None:
        data = pickle.dumps((kind, content), protocol=5)
        stream.write(len(data).to_bytes(8, "little") + data)
        stream.flush()

    def receive() -> Any:
        header = stream.read(8)
        return pickle.loads(stream.read(int.from_bytes(header, "little"))) if len(header) == 8 else None

    settings = receive()
    try:
        grader = Grader(settings, connection.fileno())
    except (SandboxError, OSError) as error:
        send("refused", str(error))
        return
    send("ready", None)
    try:
        while (job := receive()) is not None:
            try:
                answer = grader.run(job)
            except (SyntaxError, ValueError) as error:
                answer = _bad_job(job, error)
            except (SandboxError, OSError) as error:
                answer = infrastructure(job, str(error))
            send("answer", answer)
    except (ParentGone, ConnectionError):
        pass
    finally:
        if grader.jail is not None:
            grader.jail.close()


def main() -> None:
    """Entry point of the worker process: the pool's socket is descriptor number `argv[1]`."""
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, signal.SIG_IGN if signum == signal.SIGINT else signal.SIG_DFL)
    serve(socket.socket(fileno=int(sys.argv[1])))


if __name__ == "__main__":
    main()
