"""Correction where sampler and trainer disagree about the policy: other kernels, other dtypes, older weights.

Three policies: `sampled` drew the tokens, `trained` is the trainer's own view of them before the first update of the
step, and the clipped ratio of the loss counts from `trained`. The weights made here multiply the advantages, which is
the same as multiplying the loss. Pure numpy on the host.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from acecoder_jax.errors import UserError

# "truncate" bounds a ratio, "mask" leaves out what has a ratio beyond the bounds.
CORRECTIONS = ("none", "token_truncate", "token_mask", "sequence_truncate", "sequence_mask")


def mismatch_weights(
    trained: Sequence[Float[np.ndarray, "time"]],
    sampled: Sequence[Float[np.ndarray, "time"]],
    correction: str,
    low: float = 0.0,
    high: float = 2.0,
) -> list[Float[np.ndarray, "time"]]:
    """The importance ratio trained/sampled of each token, bounded.

    Args:
      trained, sampled: log-probabilities of each completion's tokens.
      correction: one of `CORRECTIONS`. A sequence's ratio is the product of its tokens' ratios.
      low, high: bounds of the ratio.

    Raises:
      UserError: an unknown correction, or bounds that do not hold 1.
    """
    if correction not in CORRECTIONS:
        raise UserError(f"config.mismatch: {correction!r} is unknown; use one of {', '.join(CORRECTIONS)}")
    if not 0 <= low <= 1 <= high:
        raise UserError(
            f"config.mismatch_low, mismatch_high: {low} to {high} does not hold a ratio of 1; give e.g. 0 and 2"
        )
    if correction == "none":
        return [np.ones(len(tokens)) for tokens in sampled]
    level, action = correction.split("_")
    weights = []
    for ours, theirs in zip(trained, sampled):
        log_ratio = np.asarray(ours, np.float64) - np.asarray(theirs, np.float64)
        if level == "sequence":
            log_ratio = np.full(len(log_ratio), log_ratio.sum())
        ratio = np.exp(np.minimum(log_ratio, 700.0))  # more is no number; it lies beyond every bound anyway
        inside = (low <= ratio) & (ratio <= high)
        weights.append(np.clip(ratio, low, high) if action == "truncate" else np.where(inside, ratio, 0.0))
    return weights


def mismatch_metrics(
    trained: Sequence[Float[np.ndarray, "time"]], sampled: Sequence[Float[np.ndarray, "time"]]
) -> dict[str, float]:
    """How far the trainer's policy is from the one that sampled, over all tokens.

    Returns:
      `policy/mismatch_kl`, the k3 estimate of KL(sampled || trained): its growth is an early warning; and
      `policy/mismatch_mean` and `policy/mismatch_max`, the mean and the largest absolute difference of two
      log-probabilities.
    """
    difference = np.concatenate(sampled).astype(np.float64) - np.concatenate(trained)
    return {
        "policy/mismatch_kl": float(np.mean(np.expm1(-difference) + difference)),
        "policy/mismatch_mean": float(np.abs(difference).mean()),
        "policy/mismatch_max": float(np.abs(difference).max()),
    }
