"""Losses as pure functions of arrays. Sums are divided by a denominator of the whole global batch, given by the
caller, so that neither microbatches nor devices change the loss.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


def bradley_terry(
    chosen: Float[Array, "*pairs"],
    rejected: Float[Array, "*pairs"],
    weight: Float[Array, "*pairs"],
    denominator: Array,
) -> Float[Array, ""]:
    """`-log sigmoid(chosen - rejected)`, averaged over pairs (paper, section 3.2).

    Args:
      chosen, rejected: rewards of both sides.
      weight: 1 for a pair, 0 for padding.
      denominator: pairs in the global batch.
    """
    return jnp.sum(-jax.nn.log_sigmoid(chosen - rejected) * weight) / denominator


def clipped_surrogate(
    log_probs: Float[Array, "*tokens"],
    old_log_probs: Float[Array, "*tokens"],
    advantages: Float[Array, "*tokens"],
    mask: Float[Array, "*tokens"],
    denominator: Array,
    clip_low: float = 0.2,
    clip_high: float = 0.2,
) -> tuple[Float[Array, ""], dict[str, Array]]:
    """PPO's clipped policy loss, averaged over response tokens (Schulman et al., 2017, equation 7).

    Args:
      log_probs, old_log_probs: of the sampled tokens, now and when they were drawn.
      advantages: one per token.
      mask: 1 on response tokens that count, 0 elsewhere.
      denominator: counted response tokens in the global batch.
      clip_low, clip_high: the ratio is clipped to [1 - clip_low, 1 + clip_high].

    Returns:
      The loss, and sums over tokens (to be divided by the same denominator): `clip_share` and `approx_kl`, the k3
      estimate of the divergence from the old policy.
    """
    # Off the mask both log-probabilities are arbitrary; a difference of 0 keeps exp finite there.
    difference = jnp.where(mask > 0, log_probs - old_log_probs, 0.0)
    ratio = jnp.exp(difference)
    clipped = jnp.clip(ratio, 1 - clip_low, 1 + clip_high)
    objective = jnp.minimum(ratio * advantages, clipped * advantages)
    loss = -jnp.sum(objective * mask) / denominator
    was_clipped = (ratio * advantages > clipped * advantages).astype(mask.dtype)
    k3 = jnp.exp(-difference) - 1 + difference
    return loss, {"clip_share": jnp.sum(was_clipped * mask), "approx_kl": jnp.sum(k3 * mask)}
