"""An xprof trace of a few training steps, each under its own name, for TensorBoard's profile page or Perfetto."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jax

_SKIPPED, _TRACED = 2, 3  # the first steps compile; a few after them say all


class Profile:
    """Traces the third to fifth step of this process into a folder; without one it does nothing."""

    def __init__(self, folder: Path | None, name: str):
        """Say where to, and what the steps are called."""
        self._folder, self._name = folder, name
        self._seen, self._running = 0, False

    @contextmanager
    def step(self, number: int) -> Iterator[None]:
        """One step, of that number in the run."""
        if self._folder is not None and self._seen == _SKIPPED:
            jax.profiler.start_trace(str(self._folder))
            self._running = True
        self._seen += 1
        with jax.profiler.StepTraceAnnotation(self._name, step_num=number):
            yield
        if self._seen == _SKIPPED + _TRACED:
            self.close()

    def close(self) -> None:
        """Write what is traced, if the run ends within."""
        if self._running:
            self._running = False
            jax.profiler.stop_trace()
            print(f"trace of {min(self._seen - _SKIPPED, _TRACED)} steps in {self._folder}")
