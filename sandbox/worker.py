"""A worker process: takes jobs from the pool, runs each in its jail, judges, and sends the answer back.

It is a fresh interpreter that imports only this package. It holds the tests; candidates live in its jail's
children. Jobs and answers are pickled: both ends are ours, and what came from a candidate has been rebuilt as
plain data.
"""

from __future__ import annotations

import dataclasses
import marshal
import pickle
import signal
import socket
import sys
import time
from collections.abc import Iterator
from typing import Any

from sandbox.grade import grade, unittest_methods
from sandbox.jail import Jail, JailLost, JailSettings
from sandbox.jailed import decoding
from sandbox.plan import infer_entry_points
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
from sandbox.replies import Reply
from sandbox.run import ParentGone, Run

RESPAWNS = 6


def _compiled(source: str, name: str) -> Any:
    return compile(source, name, "exec", dont_inherit=True) if source.strip() else None


class Grader:
    """Runs jobs in one jail, starting a new jail when the old one is lost or dirty."""

    def __init__(self, settings: JailSettings, parent_fd: int) -> None:
        self.settings = settings
        self.parent_fd = parent_fd
        self.jail: Jail | None = Jail(settings)
        self.cgroups = self.jail.group.state

    def run(self, job: Any) -> Any:
        """Answer one job; a lost jail is replaced and the job run again."""
        trouble = ""
        for attempt in range(RESPAWNS):
            try:
                if self.jail is None:
                    self.jail = Jail(self.settings)
                return self._once(self.jail, job)
            except (JailLost, SandboxError) as error:
                trouble = str(error) or "the jail died"
                time.sleep(0.02 * attempt)
        return infrastructure(job, trouble)

    def _once(self, jail: Jail, job: Any) -> Any:
        entry_points = job.entry_points if isinstance(job, Program) else ()
        if isinstance(job, Program) and not entry_points:
            entry_points = infer_entry_points(job.tests, job.setup)
        setup, exact = _compiled(job.setup, "<setup>"), isinstance(job, Program)
        run = Run(jail, setup, job.program, entry_points, self.parent_fd, exact)
        answer: Any
        try:
            if isinstance(job, Evaluation):
                answer = EvaluationResult(job.id, tuple(self._evaluate(run, job)))
            else:
                outcomes = grade(run, job)
                answer = Verdict(job.id, outcomes, *overall(outcomes))
            if run.candidate is not None or run.judge is not None:
                run.end()
        except Exception:
            jail.close()  # with children that may still run
            self.jail = None
            raise
        wall_s = time.monotonic() - run.started
        if not run.clean:
            jail.close()
            self.jail = None
        if isinstance(answer, Verdict):
            return dataclasses.replace(
                answer, cpu_s=run.spent, wall_s=wall_s, packages=self.settings.importable()
            )
        return answer

    def _evaluate(self, run: Run, job: Evaluation) -> Iterator[EvaluatedCall]:
        codes = [
            marshal.dumps(compile(call.strip(), "<call>", "eval", dont_inherit=True)) for call in job.calls
        ]
        replies = run.answers(codes)
        for _ in codes:
            run.begin_test()
            reply = next(replies)
            if reply.kind == "value":
                try:
                    value = decoding.decode(reply.content)
                    pickle.dumps(value)  # iterators and the like cannot be handed to the caller
                    yield EvaluatedCall("passed", value, cpu_s=reply.cpu_s)
                    continue
                except decoding.Malformed:
                    reply = Reply("crashed", detail="broke the protocol")
                except Exception:
                    reply = Reply("error", detail="returned no plain data")
            outcome = "error" if reply.kind == "failed" else reply.kind
            yield EvaluatedCall(outcome, detail=reply.detail, cpu_s=reply.cpu_s)


def infrastructure(job: Any, detail: str) -> Any:
    """The answer when the sandbox itself failed: never a 0."""
    if isinstance(job, Evaluation):
        return EvaluationResult(
            job.id, tuple(EvaluatedCall("infrastructure", detail=detail) for _ in job.calls)
        )
    count = len(job.tests) + len(job.stdin)
    if job.unittest:
        try:
            count += len(unittest_methods(job.unittest))
        except SyntaxError:
            count += 1
    outcomes = tuple(TestOutcome("infrastructure", detail) for _ in range(count))
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
    send("ready", grader.cgroups)
    try:
        while (job := receive()) is not None:
            try:
                answer = grader.run(job)
            except (SyntaxError, ValueError) as error:
                answer = _bad_job(job, error)
            except ParentGone:
                raise
            except Exception as error:  # ours, whatever it is: never a 0 for the program
                answer = infrastructure(job, f"{type(error).__name__}: {error}")
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
