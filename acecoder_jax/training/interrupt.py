"""Ctrl-C, SIGTERM and preemption notices in long loops: finish the step, save, stop; a second Ctrl-C stops at once.

Ctrl-C is a person, and ends with status 130. SIGTERM is what a machine gets before it is taken away: the run saves and
ends with status 0, and the same command goes on elsewhere. On several hosts one of them gets the notice, and JAX's
coordination service chooses the step after which all of them stop.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import jax
from jax.experimental import multihost_utils

from acecoder_jax.errors import Preempted


@contextmanager
def preemptible() -> Iterator[None]:
    """While active, SIGTERM ends a run at once and well: for all that is before and after its loop.

    There is nothing to save there. On several hosts SIGTERM is JAX's own, and stays so. It decorates a stage's `run`.

    Raises:
      Preempted: the machine is taken away.
    """
    if jax.process_count() > 1:
        yield
        return

    def leave(number: int, frame: FrameType | None) -> None:
        raise Preempted

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class StopRequest:
    """While active, turns the first SIGINT or SIGTERM into a request that the loop looks at between steps.

    A request that comes after the last look ends the run when the loop is left: save the last step before.
    """

    def __init__(self) -> None:
        self.asked = False
        self._by_a_person = False

    def __enter__(self) -> StopRequest:
        # With several hosts SIGTERM is JAX's own, which tells the others.
        numbers = (signal.SIGINT, signal.SIGTERM) if jax.process_count() == 1 else (signal.SIGINT,)
        self._before = {number: signal.signal(number, self._ask) for number in numbers}
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if self.asked and kind is None:
            self.stop()

    def after(self, step: int) -> bool:
        """Whether to save and stop after this step; the same answer on all hosts. Ask once every step."""
        if jax.process_count() > 1 and multihost_utils.reached_preemption_sync_point(step):
            self.asked = True
        elif jax.process_count() > 1:
            return False
        return self.asked

    def stop(self) -> None:
        """Leave the loop after everything is saved.

        Raises:
          KeyboardInterrupt: a person asked.
          Preempted: the machine is taken away.
        """
        raise KeyboardInterrupt if self._by_a_person else Preempted

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self._by_a_person and number == signal.SIGINT:
            raise KeyboardInterrupt
        self._by_a_person |= number == signal.SIGINT
        print("\nstopping after this step; Ctrl-C again to stop at once", flush=True)
        if jax.process_count() > 1:
            os.kill(os.getpid(), signal.SIGTERM)  # JAX tells the other hosts
        else:
            self.asked = True
