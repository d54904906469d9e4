"""The same interface over the CPUs of a Ray cluster: each Ray worker process keeps a sandbox of one worker.

Needs the extra `ray`; nothing else imports this module. Ray schedules, and runs tasks again when a node is
lost. A program that Ray gives up on gets the verdict `infrastructure`, never a 0.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from typing import Any

import ray

from sandbox.pool import Sandbox
from sandbox.records import Evaluation, EvaluationResult, Limits, Program, Verdict
from sandbox.worker import infrastructure

_boxes: dict[Any, Sandbox] = {}  # in a Ray worker process: the open sandbox for each setting


def _grade(settings: tuple[Limits, str, tuple[str, ...]], job: Any) -> Any:
    """Runs in a Ray worker: answer one job in this process's own sandbox."""
    if settings not in _boxes:
        limits, isolation, packages = settings
        _boxes[settings] = Sandbox(1, limits, isolation, packages)
    return _boxes[settings].submit(job).result()


class RaySandbox:
    """`Sandbox` over a Ray cluster that has been joined with `ray.init`.

    Args:
      limits: what each program may use.
      isolation: the tier, as for `Sandbox`; every node must allow it, or its programs end as
        `infrastructure`.
      packages: import names of packages that programs may use; installed on every node.
      retries: how often a program is run again when its node or process is lost.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        isolation: str = "full",
        packages: Sequence[str] = (),
        retries: int = 3,
    ) -> None:
        settings = (limits or Limits(), isolation, tuple(packages))
        self._settings = ray.put(settings)
        self._task = ray.remote(num_cpus=1, max_retries=retries)(_grade)

    def __enter__(self) -> RaySandbox:
        return self

    def __exit__(self, *_: object) -> None:
        """The cluster is the caller's; Ray stops idle worker processes, and their jails with them."""

    def submit(self, job: Program | Evaluation) -> Future[Any]:
        """Queue a program or an evaluation; the future gives its Verdict or EvaluationResult."""
        answer: Future[Any] = Future()

        def finished(future: Future[Any]) -> None:
            error = future.exception()
            answer.set_result(future.result() if error is None else infrastructure(job, _reason(error)))

        self._task.remote(self._settings, job).future().add_done_callback(finished)
        return answer

    def run(self, programs: Iterable[Program]) -> list[Verdict]:
        """Run programs and give their verdicts in order."""
        return [future.result() for future in [self.submit(program) for program in programs]]

    def evaluate(self, evaluations: Iterable[Evaluation]) -> list[EvaluationResult]:
        """Run trusted programs on given calls and give the values in order."""
        return [future.result() for future in [self.submit(evaluation) for evaluation in evaluations]]

    def stream(self, programs: Iterable[Program]) -> Iterator[Verdict]:
        """Run programs and give verdicts as they finish, a few for each CPU of the cluster in flight."""
        source, running = iter(programs), dict[Any, Program]()
        while True:
            room = int(4 * ray.cluster_resources().get("CPU", 1)) - len(running)
            for program in itertools.islice(source, max(0, room)):
                running[self._task.remote(self._settings, program)] = program
            if not running:
                return
            done, _ = ray.wait(list(running), num_returns=1)
            for reference in done:
                program = running.pop(reference)
                try:
                    verdict: Verdict = ray.get(reference)
                except ray.exceptions.RayError as error:
                    verdict = infrastructure(program, _reason(error))
                yield verdict


def _reason(error: BaseException) -> str:
    return f"{type(error).__name__}: {str(error).strip().splitlines()[-1] if str(error).strip() else ''}"[
        :300
    ]
