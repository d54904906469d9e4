"""REINFORCE++ advantages (Hu et al., 2025; the paper's section 3.3): no critic, whitening over the whole batch.

Pure numpy on the host: a rollout batch is a few hundred ragged sequences, and the statistics must span all of it,
never a device's or a microbatch's share.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float


def token_returns(
    reward: float, log_probs: Float[np.ndarray, "time"], reference: Float[np.ndarray, "time"], kl_coef: float
) -> Float[np.ndarray, "time"]:
    """Undiscounted returns of one completion.

    Each token is rewarded with `-kl_coef * (log pi - log pi_ref)`, the last one with the terminal reward too; a
    token's return is the sum from it on (gamma 1).
    """
    rewards = -kl_coef * (np.asarray(log_probs, np.float64) - np.asarray(reference, np.float64))
    rewards[-1] += reward
    return np.cumsum(rewards[::-1])[::-1]


def whiten(
    returns: Sequence[Float[np.ndarray, "time"]], eps: float = 1e-8
) -> list[Float[np.ndarray, "time"]]:
    """Subtract the mean and divide by the standard deviation over every token of every sequence.

    When all returns are equal the advantages are 0: there is nothing to learn from, and noise is not amplified.
    """
    tokens = np.concatenate(returns)
    mean, spread = tokens.mean(), tokens.std()
    if spread < eps:
        return [np.zeros_like(sequence) for sequence in returns]
    return [(sequence - mean) / spread for sequence in returns]


def reinforce_pp(
    rewards: Sequence[float],
    log_probs: Sequence[Float[np.ndarray, "time"]],
    reference: Sequence[Float[np.ndarray, "time"]] | None,
    kl_coef: float,
) -> list[Float[np.ndarray, "time"]]:
    """Token advantages of a global rollout batch.

    Args:
      rewards: terminal reward of each completion.
      log_probs: of its sampled tokens, under the policy that drew them.
      reference: the same tokens under the reference policy; None leaves the KL term out.
      kl_coef: weight of the KL term in the token reward (paper: 0.01).
    """
    references = log_probs if reference is None else reference
    return whiten([token_returns(r, lp, ref, kl_coef) for r, lp, ref in zip(rewards, log_probs, references)])
