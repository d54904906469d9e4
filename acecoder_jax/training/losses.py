"""Losses as pure functions of arrays. Sums are divided by a denominator of the whole global batch, given by the
caller, so that neither microbatches nor devices change the loss.

How a policy loss is averaged (over tokens, over completions, by a constant) is a matter of the tokens' weights and the
denominator alone: `token_weights` makes both on the host.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from acecoder_jax.training.kl import KL_ESTIMATORS

AVERAGES = ("tokens", "sequences", "constant")
RATIOS = ("token", "sequence")


@dataclass(frozen=True)
class PolicyLoss:
    """How a policy loss is put together; the defaults are the paper's.

    Attributes:
      kl_coef: weight of the divergence from the reference policy.
      kl_in: "reward" (a penalty of each token, see `kl.kl_penalties`) or "loss" (a term of its own).
      kl_estimator: a key of `kl.KL_ESTIMATORS`.
      average: over what the loss is averaged, one of `AVERAGES`; see `token_weights`.
      ratio: "token", or "sequence" for the geometric mean of the completion's token ratios (GSPO).
      clip_low, clip_high: the ratio is clipped to [1 - clip_low, 1 + clip_high].
    """

    kl_coef: float = 0.01
    kl_in: str = "reward"
    kl_estimator: str = "k1"
    average: str = "tokens"
    ratio: str = "token"
    clip_low: float = 0.2
    clip_high: float = 0.2


def token_weights(
    lengths: Sequence[int], average: str, longest: int
) -> tuple[list[Float[np.ndarray, "time"]], np.float32]:
    """What each token of each completion weighs in the loss, and what the weighted sum is divided by.

    Args:
      lengths: tokens of every completion of one update, on all hosts.
      average: "tokens" counts all tokens alike, "sequences" all completions alike, and "constant" divides by the
        completions times `longest`, so that no length matters (Dr. GRPO).
      longest: the most tokens that a completion may have.
    """
    if average == "sequences":
        return [np.full(length, 1 / length, np.float32) for length in lengths], np.float32(len(lengths))
    total = sum(lengths) if average == "tokens" else len(lengths) * longest
    return [np.ones(length, np.float32) for length in lengths], np.float32(total)


def bradley_terry(
    chosen: Float[Array, "*pairs"],
    rejected: Float[Array, "*pairs"],
    weight: Float[Array, "*pairs"],
    denominator: Array,
    margin: Float[Array, "*pairs"] | float = 0.0,
    center: float = 0.0,
) -> Float[Array, ""]:
    """`-log sigmoid(chosen - rejected)`, averaged over pairs (paper, section 3.2).

    Args:
      chosen, rejected: rewards of both sides.
      weight: 1 for a pair, 0 for padding.
      denominator: pairs in the global batch.
      margin: by how much the chosen side should win (Touvron et al., 2023, section 3.2.2).
      center: weight of `(chosen + rejected)^2` (Eisenstein et al., 2023, equation 2).
    """
    losses = -jax.nn.log_sigmoid(chosen - rejected - margin)
    if center:
        losses = losses + center * jnp.square(chosen + rejected)
    return jnp.sum(losses * weight) / denominator


def policy_loss(
    log_probs: Float[Array, "rows time"], batch: Mapping[str, Array], settings: PolicyLoss
) -> tuple[Float[Array, ""], dict[str, Array]]:
    """The clipped surrogate, and the divergence from the reference where that stands in the loss.

    Args:
      log_probs: of the tokens that stand in packed rows.
      batch: `old_log_probs`, `advantages`, `weights` and `denominator`; `branch` (of `PackedRows`) for a ratio of
        sequences; `reference` (log-probabilities) for a divergence in the loss.

    Returns:
      The loss, and sums over the tokens with a weight.
    """
    loss, sums = clipped_surrogate(
        log_probs,
        batch["old_log_probs"],
        batch["advantages"],
        batch["weights"],
        batch["denominator"],
        settings.clip_low,
        settings.clip_high,
        batch["branch"] if settings.ratio == "sequence" else None,
    )
    if settings.kl_in == "loss" and settings.kl_coef:
        weights = batch["weights"]
        difference = jnp.where(weights > 0, log_probs - batch["reference"], 0.0)
        estimate = KL_ESTIMATORS[settings.kl_estimator](difference)
        loss = loss + settings.kl_coef * jnp.sum(estimate * weights) / batch["denominator"]
        sums["loss_kl"] = jnp.sum(estimate)  # 0 where the difference is
    return loss, sums


def clipped_surrogate(
    log_probs: Float[Array, "*tokens"],
    old_log_probs: Float[Array, "*tokens"],
    advantages: Float[Array, "*tokens"],
    weights: Float[Array, "*tokens"],
    denominator: Array,
    clip_low: float = 0.2,
    clip_high: float = 0.2,
    branch: Int[Array, "rows time"] | None = None,
) -> tuple[Float[Array, ""], dict[str, Array]]:
    """PPO's clipped policy loss (Schulman et al., 2017, equation 7).

    Args:
      log_probs, old_log_probs: of the sampled tokens, now and when they were drawn.
      advantages: one per token.
      weights: of each token, 0 where nothing counts; see `token_weights`.
      denominator: of the global batch.
      clip_low, clip_high: the ratio is clipped to [1 - clip_low, 1 + clip_high].
      branch: of `PackedRows`; where given, every token gets the ratio of its whole completion, the geometric mean of
        the tokens' ratios (Zheng et al., 2025, equation 7).

    Returns:
      The loss, and sums over the tokens with a weight: `clip_share`; `approx_kl`, the k3 estimate of the divergence
      from the old policy; `ratio_variance`, about 1.
    """
    counted = (weights > 0).astype(weights.dtype)
    # Off the weights both log-probabilities are arbitrary; a difference of 0 keeps exp finite there.
    difference = jnp.where(weights > 0, log_probs - old_log_probs, 0.0)
    log_ratio = difference if branch is None else _means_of_runs(difference, counted, branch)
    ratio = jnp.exp(log_ratio)
    clipped = jnp.clip(ratio, 1 - clip_low, 1 + clip_high)
    objective = jnp.minimum(ratio * advantages, clipped * advantages)
    loss = -jnp.sum(objective * weights) / denominator
    was_clipped = (ratio * advantages > clipped * advantages).astype(weights.dtype)
    k3 = jnp.exp(-difference) - 1 + difference
    return loss, {
        "clip_share": jnp.sum(was_clipped * counted),
        "approx_kl": jnp.sum(k3 * counted),
        "ratio_variance": jnp.sum(jnp.square(ratio - 1) * counted),
    }


def value_loss(
    values: Float[Array, "*tokens"],
    old_values: Float[Array, "*tokens"],
    targets: Float[Array, "*tokens"],
    weights: Float[Array, "*tokens"],
    denominator: Array,
    clip: float = 0.2,
) -> tuple[Float[Array, ""], dict[str, Array]]:
    """PPO's clipped loss of the critic: half the squared error, the larger one of the value and of the clipped value.

    Args:
      values, old_values: the critic's estimates of the return before each token, now and at the rollout.
      targets: `algorithms.ppo.value_targets`.
      weights, denominator: as for the policy.
      clip: how far a value may move from the old one before it gains nothing more.

    Returns:
      The loss, and the sum `value_clip_share` over the tokens with a weight.
    """
    near = old_values + jnp.clip(values - old_values, -clip, clip)
    error, near_error = jnp.square(values - targets), jnp.square(near - targets)
    worse = jnp.where(weights > 0, jnp.maximum(error, near_error), 0.0)
    was_clipped = (near_error > error) & (weights > 0)
    loss = 0.5 * jnp.sum(worse * weights) / denominator
    return loss, {"value_clip_share": jnp.sum(was_clipped.astype(weights.dtype))}


def _means_of_runs(
    values: Float[Array, "rows time"], counted: Float[Array, "rows time"], branch: Int[Array, "rows time"]
) -> Float[Array, "rows time"]:
    """At each column the mean of the counted values of its run of equal `branch`: a completion stands in one run."""
    starts = jnp.pad((branch[:, 1:] != branch[:, :-1]).astype(jnp.int32), ((0, 0), (1, 0)))
    runs = jnp.cumsum(starts, axis=1)
    add_up = jax.vmap(partial(jax.ops.segment_sum, num_segments=branch.shape[1], indices_are_sorted=True))
    means = add_up(values * counted, runs) / jnp.maximum(add_up(counted, runs), 1.0)
    return jnp.take_along_axis(means, runs, axis=1)
