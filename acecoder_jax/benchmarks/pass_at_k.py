"""pass@k, the share of tasks that k samples solve, estimated without bias from n samples a task.

Evaluation and best-of-N report it. Chen et al. 2021 (arXiv 2107.03374), equation 1: with n samples of which c
pass, pass@k is 1 - C(n - c, k) / C(n, k), averaged over the tasks. Taking 1 - (1 - c/n)**k instead is biased.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np


def pass_at_k(samples: int, passed: int, k: int) -> float:
    """The chance that at least one of k samples, drawn without replacement from those at hand, passes.

    Args:
      samples: how many samples the task has (n).
      passed: how many of them pass (c).
      k: how many may be drawn, at most `samples`.

    Raises:
      ValueError: not 0 <= passed <= samples, or not 1 <= k <= samples.
    """
    if not 0 <= passed <= samples:
        raise ValueError(f"{passed} of {samples} samples cannot pass")
    if not 1 <= k <= samples:
        raise ValueError(f"pass@{k} needs at least {k} samples a task, and there are {samples}")
    if samples - passed < k:
        return 1.0
    # C(n - c, k) / C(n, k) as a product of factors below 1: the binomials themselves overflow a float.
    return float(1.0 - np.prod(1.0 - k / np.arange(samples - passed + 1, samples + 1)))


def mean_pass_at_k(counts: Iterable[tuple[int, int]], k: int) -> float:
    """The mean of `pass_at_k` over tasks, each given as (samples, passed).

    Raises:
      ValueError: there are no tasks, or one has fewer than k samples.
    """
    values = [pass_at_k(samples, passed, k) for samples, passed in counts]
    if not values:
        raise ValueError("no tasks, so there is no mean of pass@k")
    return float(np.mean(values))
