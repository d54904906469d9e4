"""Ctrl-C and SIGTERM in long loops: finish the step, save, stop; a second Ctrl-C stops at once."""

from __future__ import annotations

import signal
from types import FrameType


class StopRequest:
    """While active, turns the first SIGINT or SIGTERM into a flag that the loop looks at between steps."""

    def __init__(self) -> None:
        self.asked = False

    def __enter__(self) -> StopRequest:
        self._before = {
            number: signal.signal(number, self._ask) for number in (signal.SIGINT, signal.SIGTERM)
        }
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self.asked and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.asked = True
        print("\nstopping after this step; Ctrl-C again to stop at once", flush=True)
