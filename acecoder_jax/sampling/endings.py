"""Where a completion ends: an id that ends it, the stop rule, its length, or logits that are not finite."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from acecoder_jax.sampling.seats import Running


@dataclass(frozen=True)
class Endings:
    """What ends the completions of an engine.

    Attributes:
      ids: they end a completion, and are kept.
      longest: completions are cut here, unless a request says where.
      stop: ends a completion early; see `Engine`.
    """

    ids: frozenset[int]
    longest: int
    stop: Callable[[tuple[int, ...]], bool] | None

    def cut(self, run: Running, before: int) -> tuple[str, str]:
        """Why the request is over, after cutting it at its end, and what went wrong; empty when it goes on.

        Args:
          before: tokens before those that came last.
        """
        most = run.request.max_new_tokens or self.longest
        ends = self.ids | set(run.request.stop_ids)
        end = next((i + 1 for i in range(before, len(run.tokens)) if run.tokens[i] in ends), None)
        broken = next((i for i in range(before, len(run.tokens)) if not np.isfinite(run.log_probs[i])), None)
        last = min(most, len(run.tokens) if end is None else end)
        if broken is not None and broken < last:
            del run.tokens[broken:], run.log_probs[broken:]
            return "failed", f"its logits after {broken} tokens are not finite; look at the parameters"
        stopped = self._first_stop(run.tokens[:last], before)
        reason = "length" if last == most and last != end else "stop" if last == end else ""
        if stopped is not None:
            last, reason = stopped, "stop"
        if reason:
            del run.tokens[last:], run.log_probs[last:]
        return reason, ""

    def _first_stop(self, tokens: list[int], before: int) -> int | None:
        """The shortest prefix length at which the stop rule holds, searched among the last tokens only."""
        if self.stop is None or not self.stop(tuple(tokens)):
            return None
        low, high = before, len(tokens)
        while low + 1 < high:
            middle = (low + high) // 2
            low, high = (low, middle) if self.stop(tuple(tokens[:middle])) else (middle, high)
        return high
