"""Completions to verdicts: the client of the sandbox pool that every stage shares."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future
from types import TracebackType

from ml_collections import ConfigDict

from acecoder_jax.data.code import candidate_names
from acecoder_jax.data.records import Completion, Question, TestOutcome, Verdict
from acecoder_jax.errors import UserError
from sandbox import Limits, Program, Sandbox, SandboxError
from sandbox import Verdict as SandboxVerdict

GRADED_AHEAD = 1000  # one slow program must not leave the workers idle, nor all programs fill the memory


def sandbox_config() -> ConfigDict:
    """Settings of the pool; limits are per test and per program, CPU time first."""
    return ConfigDict(
        {
            "isolation": "full",
            "workers": 0,  # processes; 0 for one a core
            "test_cpu_s": 2.0,
            "program_cpu_s": 8.0,
            "memory_mb": 1024,
        }
    )


class Grader:
    """A sandbox pool that grades completions; a context manager."""

    def __init__(self, config: ConfigDict):
        """Start the pool.

        Raises:
          UserError: this host cannot give the isolation that was asked for, with what to change.
        """
        self._config = config
        self._box = self._open()

    def _open(self) -> Sandbox:
        c = self._config
        limits = Limits(test_cpu_s=c.test_cpu_s, program_cpu_s=c.program_cpu_s, memory_mb=c.memory_mb)
        try:
            return Sandbox(workers=c.workers or os.cpu_count() or 1, limits=limits, isolation=c.isolation)
        except SandboxError as error:
            raise UserError(f"config.sandbox: {error}") from error

    def __enter__(self) -> Grader:
        self._box.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._box.__exit__(kind, error, trace)

    def submit(self, question: Question, completion: Completion) -> Future[Verdict]:
        """Grade one completion while the caller goes on; a pool that has died is replaced by a new one.

        Raises:
          UserError: the new one does not start.
        """
        result: Future[Verdict] = Future()
        if completion.program is None:
            outcomes = tuple(TestOutcome("error", "no closed code block") for _ in question.tests)
            result.set_result(Verdict(completion.id, question.id, outcomes, "error", 0.0))
            return result

        def done(graded: Future[SandboxVerdict]) -> None:
            try:
                result.set_result(_to_record(graded.result(), question, completion))
            except Exception as error:  # handed to whoever waits for the verdict
                result.set_exception(error)

        program = Program(completion.id, completion.program, question.tests, candidate_names(question))
        try:
            graded = self._box.submit(program)
        except SandboxError:
            self._box.close()
            self._box = self._open()
            graded = self._box.submit(program)
        graded.add_done_callback(done)
        return result

    def grade(
        self, questions: Mapping[str, Question], completions: Iterable[Completion]
    ) -> Iterator[Verdict]:
        """Verdicts of all completions, in order; these are taken as they are needed, some ahead."""
        waiting: deque[Future[Verdict]] = deque()
        for completion in completions:
            waiting.append(self.submit(questions[completion.question_id], completion))
            if len(waiting) == GRADED_AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def reference_completions(questions: Iterable[Question]) -> list[Completion]:
    """The questions' own reference programs, as completions to grade; questions without one are left out."""
    return [
        Completion(f"{q.id}#reference", q.id, "", q.reference, (), (), (), "stop")
        for q in questions
        if q.reference
    ]


def _to_record(verdict: SandboxVerdict, question: Question, completion: Completion) -> Verdict:
    outcomes = tuple(TestOutcome(o.outcome, o.detail, o.in_process) for o in verdict.outcomes)
    return Verdict(completion.id, question.id, outcomes, verdict.outcome, verdict.pass_rate, verdict.cpu_s)
