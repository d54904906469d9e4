"""The pool: worker processes, a queue with back-pressure, retries, and one answer for every program
submitted.

Workers are fresh interpreters started with exec, never forks of the caller, which may hold an accelerator and
threads. One thread moves jobs and answers; a worker that dies is replaced and its job runs again.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import itertools
import os
import pickle
import random
import selectors
import socket
import threading
import weakref
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from concurrent.futures import Future, InvalidStateError
from typing import Any

from sandbox.jail import JailSettings
from sandbox.packages import locate
from sandbox.records import Evaluation, EvaluationResult, Limits, Program, SandboxError, Verdict
from sandbox.tiers import check_tier, tier_of
from sandbox.worker import infrastructure
from sandbox.worker_process import WorkerProcess

ATTEMPTS = 3


class Sandbox:
    """A pool of jailed workers. Use as a context manager, or call `close`.

    Args:
      workers: worker processes; by default, or with 0, one per CPU this process may use.
      limits: what each program may use.
      isolation: `full` (namespaces, read-only root, seccomp, Landlock, rlimits), `landlock` (the same without
        namespaces and
        mounts), or `none-i-trust-the-programs` (processes and rlimits only).
      packages: import names of third-party packages that programs may use beside the standard library. They
        are imported
        ahead of the programs, and every verdict lists them.

    Attributes:
      isolation: the tier in use.
      cgroups: what control groups limit beside it, as in `memory and pids (cgroup v2)`, or `off: ` and why.

    Raises:
      SandboxError: the host does not allow that isolation, or an argument is wrong; the text says what to change.
    """

    def __init__(
        self,
        workers: int | None = None,
        limits: Limits | None = None,
        isolation: str = "full",
        packages: Sequence[str] = (),
    ) -> None:
        if workers is not None and workers < 0:
            raise SandboxError(f"workers is {workers}; give a number of processes, or 0 for one per CPU")
        self.workers = workers or len(os.sched_getaffinity(0))
        self.limits = limits or Limits()
        self.isolation = isolation
        self.cgroups = "off: not started"
        files, roots = locate(tuple(packages))
        self._settings = JailSettings(tier_of(isolation), self.limits, tuple(packages), files, roots)
        check_tier(self._settings.tier)
        self._lock = threading.Lock()
        self._ids = itertools.count()
        self._jobs: dict[int, tuple[Any, Future[Any], int]] = {}
        self._queue: collections.deque[int] = collections.deque()
        self._wake_read, self._wake_write = socket.socketpair()
        self._stopping = threading.Event()
        self._failure = ""
        self._pool: list[WorkerProcess] = []
        self._thread = threading.Thread(target=self._loop, name="sandbox", daemon=True)
        self._start_workers()
        self._thread.start()
        self._finalizer = weakref.finalize(self, _stop_all, self._pool, self._stopping)

    def _cpus(self) -> list[int | None]:
        """A CPU for each worker, where there are enough: it takes turns with its zygote and candidates, and
        all three are faster on one CPU, nor can a candidate's threads take more than that.
        """
        allowed = sorted(os.sched_getaffinity(0))
        if self.workers > len(allowed):
            return [None] * self.workers
        first = random.randrange(len(allowed))  # so that several pools on a host do not crowd together
        return [allowed[(first + i) % len(allowed)] for i in range(self.workers)]

    def _start_workers(self) -> None:
        """Start every worker and wait until each jail is ready, so that trouble shows here and not later."""
        try:
            self._pool.extend(WorkerProcess(self._settings, cpu) for cpu in self._cpus())
            for worker in self._pool:
                worker.flush()
            for worker in self._pool:
                worker.socket.settimeout(90)
                ready = False
                while not ready:
                    for kind, content in worker.messages():
                        if kind == "refused":
                            raise SandboxError(content)
                        ready, self.cgroups = True, content
                worker.socket.setblocking(False)
        except (ConnectionError, TimeoutError) as error:
            _stop_all(self._pool, self._stopping)
            raise SandboxError(f"a sandbox worker did not start: {error}") from error
        except BaseException:
            _stop_all(self._pool, self._stopping)
            raise

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop the workers. Programs that have no answer yet get their future cancelled."""
        with self._lock:
            if self._stopping.is_set():
                return
            self._stopping.set()
        self._wake_write.send(b"x")
        self._thread.join()
        self._finalizer()
        for _, future, _ in self._jobs.values():
            future.cancel()
        self._wake_read.close()
        self._wake_write.close()

    def submit(self, job: Program | Evaluation) -> Future[Any]:
        """Queue a program or an evaluation; the future gives its Verdict or EvaluationResult."""
        future: Future[Any] = Future()
        with self._lock:
            if self._stopping.is_set():
                raise SandboxError("the sandbox is closed; submit programs inside its `with` block")
            if self._failure:
                raise SandboxError(f"the sandbox has failed: {self._failure}; open a new one")
            number = next(self._ids)
            self._jobs[number] = (job, future, 0)
            self._queue.append(number)
            first = len(self._queue) == 1
        if first:
            self._wake_write.send(b"x")
        return future

    def run(self, programs: Iterable[Program]) -> list[Verdict]:
        """Run programs and give their verdicts in order."""
        return self._all(programs)

    def evaluate(self, evaluations: Iterable[Evaluation]) -> list[EvaluationResult]:
        """Run trusted programs on given calls and give the values in order."""
        return self._all(evaluations)

    def _all(self, jobs: Iterable[Any]) -> list[Any]:
        """Submit jobs and sleep until the last is done: waking up for each would cost the workers time."""
        futures = [self.submit(job) for job in jobs]
        for future in reversed(futures):
            future.result()
        return [future.result() for future in futures]

    def stream(self, programs: Iterable[Program]) -> Iterator[Verdict]:
        """Run programs and give verdicts as they finish.

        Programs are taken from the iterable only as fast as they are run, so it may be lazy and endless.
        """
        done: collections.deque[Future[Any]] = collections.deque()
        ready = threading.Semaphore(0)

        def finished(future: Future[Any]) -> None:
            done.append(future)
            ready.release()

        source, running = iter(programs), 0
        while True:
            for program in itertools.islice(source, max(0, 4 * self.workers - running)):
                running += 1
                self.submit(program).add_done_callback(finished)
            if not running:
                return
            ready.acquire()
            running -= 1
            yield done.popleft().result()

    async def run_async(self, programs: Iterable[Program]) -> list[Verdict]:
        """`run` for an event loop, which stays free meanwhile."""
        return await asyncio.gather(*(asyncio.wrap_future(self.submit(program)) for program in programs))

    async def stream_async(self, programs: Iterable[Program]) -> AsyncIterator[Verdict]:
        """`stream` for an event loop, with the same back-pressure."""
        source, running = iter(programs), set[asyncio.Future[Verdict]]()
        while True:
            for program in itertools.islice(source, max(0, 4 * self.workers - len(running))):
                running.add(asyncio.wrap_future(self.submit(program)))
            if not running:
                return
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for future in done:
                yield future.result()

    # The pool's thread.

    def _loop(self) -> None:
        try:
            self._run_pool()
        except Exception as error:  # the host's trouble or ours: nobody may wait for this thread forever
            with self._lock:
                self._failure = f"{type(error).__name__}: {error}"
                left = list(self._jobs.values())
                self._jobs.clear()
                self._queue.clear()
            for job, future, _ in left:
                _answer(future, infrastructure(job, self._failure))

    def _run_pool(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._wake_read, selectors.EVENT_READ, None)
            for worker in self._pool:
                selector.register(worker.socket, selectors.EVENT_READ, worker)
            while not self._stopping.is_set():
                self._hand_out(selector)
                for key, _ in selector.select():
                    if key.data is None:
                        self._wake_read.recv(4096)
                    else:
                        self._serve(selector, key.data)

    def _hand_out(self, selector: selectors.BaseSelector) -> None:
        """Give waiting jobs to idle workers; then, while enough are waiting, each a second one, so that none waits for
        this thread to come to its CPU.
        """
        for held in (0, 1):
            for worker in list(self._pool):
                if len(worker.jobs) > held or (held and len(self._queue) < len(self._pool)):
                    continue
                number = self._take()
                if number is None and not worker.jobs:
                    number = self._second_of_another()
                if number is None:
                    return
                worker.jobs.append(number)
                worker.put(self._jobs[number][0])
                self._serve(selector, worker, read=False)

    def _second_of_another(self) -> int | None:
        """A job that waits behind another in its worker; should that worker come to it, its answer is not used."""
        for worker in self._pool:
            if len(worker.jobs) > 1 and worker.jobs[1] in self._jobs:
                number, worker.jobs[1] = worker.jobs[1], None
                return number
        return None

    def _take(self) -> int | None:
        """The next waiting job that its caller has not cancelled."""
        with self._lock:
            while self._queue:
                number = self._queue.popleft()
                if not self._jobs[number][1].cancelled():
                    return number
                del self._jobs[number]
        return None

    def _serve(self, selector: selectors.BaseSelector, worker: WorkerProcess, read: bool = True) -> None:
        """Move a worker's bytes; replace the worker when it is gone."""
        try:
            worker.flush()
            if read:
                for kind, content in worker.messages():
                    self._message(worker, kind, content)
        except BlockingIOError:
            pass
        except (OSError, ValueError, EOFError, pickle.UnpicklingError):
            self._replace(selector, worker)
            return
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if worker.outgoing else 0)
        if selector.get_key(worker.socket).events != events:
            selector.modify(worker.socket, events, worker)

    def _message(self, worker: WorkerProcess, kind: str, content: Any) -> None:
        if kind == "refused":
            raise ConnectionError(content)
        if kind == "answer" and worker.jobs:
            number = worker.jobs.popleft()
            if number is not None:
                with self._lock:
                    _, future, _ = self._jobs.pop(number)
                _answer(future, content)

    def _new_worker(self, cpu: int | None) -> WorkerProcess:
        """Start a worker; a host that is out of processes or memory gets a little time.

        Raises:
          OSError: it still refuses.
        """
        for seconds in (0.1, 0.5, 2.0):
            with contextlib.suppress(OSError):
                return WorkerProcess(self._settings, cpu)
            self._stopping.wait(seconds)
        return WorkerProcess(self._settings, cpu)

    def _replace(self, selector: selectors.BaseSelector, worker: WorkerProcess) -> None:
        """Start a new worker in the place of a dead one, and run its job again."""
        if self._stopping.is_set():
            return
        selector.unregister(worker.socket)
        worker.stop()
        with self._lock:
            for place, number in reversed(list(enumerate(worker.jobs))):
                if number is None:
                    continue
                job, future, attempts = self._jobs[number]
                if place:
                    self._queue.appendleft(number)  # not begun, so no attempt
                elif attempts + 1 < ATTEMPTS:
                    self._jobs[number] = (job, future, attempts + 1)
                    self._queue.appendleft(number)
                else:
                    del self._jobs[number]
                    _answer(future, infrastructure(job, "its worker died repeatedly"))
        index = self._pool.index(worker)
        self._pool[index] = fresh = self._new_worker(worker.cpu)
        fresh.socket.setblocking(False)
        selector.register(fresh.socket, selectors.EVENT_READ, fresh)
        self._serve(selector, fresh, read=False)


def _answer(future: Future[Any], content: Any) -> None:
    with contextlib.suppress(InvalidStateError):  # the caller has cancelled it
        future.set_result(content)


def _stop_all(pool: Sequence[WorkerProcess], stopping: threading.Event) -> None:
    """Also runs at the interpreter's exit, for a pool that nobody closed."""
    stopping.set()
    for worker in pool:
        worker.socket.close()  # all at once, so that they end together
    for worker in pool:
        worker.stop()
