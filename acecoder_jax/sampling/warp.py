"""From logits to a token: temperature, top-k, top-p, min-p, and a draw with its exact log-probability.

Every row has its own settings. Each cut is a threshold on probabilities, found by bisection rather than by sorting
the vocabulary, and looked for only when some row asks for it. A draw inverts the cumulative distribution with one
uniform number per row, so no noise over the whole vocabulary is ever made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from acecoder_jax.errors import UserError

_BISECTIONS = 30  # halvings of (0, 1]: thresholds are then exact to float32
_GROUP = 16
_BLOCK = 256  # the cumulative sum runs over blocks first, then inside one block


@dataclass(frozen=True)
class SamplingParams:
    """How to draw: the sampling distribution's switches.

    Attributes:
      temperature: 0 takes the most likely token.
      top_p: smallest set of most likely tokens whose mass reaches this; 1 keeps all.
      top_k: this many most likely tokens; 0 keeps all.
      min_p: tokens at least this share of the most likely one's probability; 0 keeps all.
    """

    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0

    def __post_init__(self):
        """Refuse what is no distribution.

        Raises:
          UserError: a value out of its range.
        """
        allowed = {
            "temperature": 0 <= self.temperature < float("inf"),
            "top_p": 0 < self.top_p <= 1,
            "top_k": self.top_k >= 0,
            "min_p": 0 <= self.min_p <= 1,
        }
        wrong = [f"{name} {getattr(self, name)}" for name, good in allowed.items() if not good]
        if wrong:
            raise UserError(
                f"sampling: {', '.join(wrong)} cannot be drawn with; give temperature >= 0, 0 < top_p <= 1,"
                " top_k >= 0 and 0 <= min_p <= 1"
            )


class Draws(NamedTuple):
    """`SamplingParams` of every row."""

    temperature: Float[Array, "batch"]
    top_p: Float[Array, "batch"]
    top_k: Int[Array, "batch"]
    min_p: Float[Array, "batch"]


def draws_of(rows: Sequence[SamplingParams]) -> Draws:
    """The rows' settings as columns."""
    return Draws(
        np.array([row.temperature for row in rows], np.float32),
        np.array([row.top_p for row in rows], np.float32),
        np.array([row.top_k for row in rows], np.int32),
        np.array([row.min_p for row in rows], np.float32),
    )


def _inverse(draws: Draws) -> Float[Array, "batch"]:
    return 1 / jnp.where(draws.temperature == 0, 1.0, draws.temperature)


def _weights(logits: Float[Array, "batch vocab"], draws: Draws) -> tuple[Array, Array, Array]:
    """One over the temperature (1 where it is 0), the largest tempered logit, and probabilities over the largest."""
    inverse = _inverse(draws)
    top = jnp.max(logits, axis=-1) * inverse
    return inverse, top, jnp.exp(logits * inverse[:, None] - top[:, None])


def _least(weights: Float[Array, "batch vocab"], draws: Draws) -> Float[Array, "batch"]:
    """The smallest weight that each row keeps; a greedy row keeps all."""
    needed = draws.top_p * jnp.sum(weights, axis=-1)

    def halve(_, bounds):
        """Both thresholds, (2, batch), between what is enough and what is too little."""
        low, high = bounds
        middle = (low + high) / 2
        count = jnp.sum(weights >= middle[0][:, None], axis=-1)
        mass = jnp.sum(jnp.where(weights >= middle[1][:, None], weights, 0), axis=-1)
        good = jnp.stack([count >= draws.top_k, mass >= needed])
        return jnp.where(good, middle, low), jnp.where(good, high, middle)

    start = jnp.zeros((2, len(weights))), jnp.full((2, len(weights)), 1 + 1e-6)
    (by_count, by_mass), _ = jax.lax.fori_loop(0, _BISECTIONS, halve, start)
    by_count = jnp.where(draws.top_k > 0, by_count, 0.0)
    by_mass = jnp.where(draws.top_p < 1, by_mass, 0.0)
    cut = jnp.maximum(jnp.maximum(by_count, by_mass), draws.min_p)
    return jnp.where(draws.temperature == 0, 0.0, cut)


def warp(logits: Float[Array, "batch vocab"], draws: Draws) -> Float[Array, "batch vocab"]:
    """Logits of the distribution that is drawn from (unnormalized): cut tokens get minus infinity.

    Ties at the threshold are all kept.
    """
    inverse, _, weights = _weights(logits, draws)
    return jnp.where(weights >= _least(weights, draws)[:, None], logits * inverse[:, None], -jnp.inf)


def draw(
    logits: Float[Array, "batch vocab"], uniforms: Float[Array, "batch"], draws: Draws
) -> tuple[Int[Array, "batch"], Float[Array, "batch"]]:
    """One token per row and its log-probability under the warped distribution.

    Args:
      logits: float32 next-token logits. A row with one that is not finite gets a log-probability that is not either.
      uniforms: one number in [0, 1) per row; the same number gives the same token.
      draws: temperature 0 ignores the numbers, and reports log-probabilities at temperature 1.
    """
    greedy = draws.temperature == 0
    special = greedy | (draws.top_p < 1) | (draws.top_k > 0) | (draws.min_p > 0)
    # Each branch has weights of its own, so that the plain one need not write those of the whole vocabulary down.
    tokens, top, whole = jax.lax.cond(jnp.any(special), _draw_special, _draw_plain, logits, uniforms, draws)
    inverse = _inverse(draws)
    return tokens, _pick(logits, tokens) * inverse - top - jnp.log(whole)


def _draw_plain(logits: Array, uniforms: Array, draws: Draws) -> tuple[Array, Array, Array]:
    """Tokens where no row is greedy or cut, the largest tempered logits, and sums of weights."""
    inverse, top, weights = _weights(logits, draws)

    def of_block(block: Array) -> Array:
        inner = jnp.take_along_axis(_blocks(logits, -jnp.inf), block[:, None, None], axis=1)[:, 0]
        return jnp.exp(inner * inverse[:, None] - top[:, None])

    drawn, whole = _invert(jnp.sum(_blocks(weights), axis=-1), of_block, uniforms)
    return jnp.minimum(drawn, logits.shape[1] - 1).astype(jnp.int32), top, whole


def _draw_special(logits: Array, uniforms: Array, draws: Draws) -> tuple[Array, Array, Array]:
    """As `_draw_plain`, for rows of every kind."""
    _, top, weights = _weights(logits, draws)
    best, least, sums = _special_sums(weights, draws)

    def of_block(block: Array) -> Array:
        inner = jnp.take_along_axis(_blocks(weights), block[:, None, None], axis=1)[:, 0]
        return jnp.where(inner < least[:, None], 0, inner)

    drawn, whole = _invert(sums, of_block, uniforms)
    tokens = jnp.where(draws.temperature == 0, best, drawn)
    return jnp.minimum(tokens, logits.shape[1] - 1).astype(jnp.int32), top, whole


def _invert(
    sums: Float[Array, "batch blocks"], of_block: Callable[[Array], Array], uniforms: Float[Array, "batch"]
) -> tuple[Int[Array, "batch"], Float[Array, "batch"]]:
    """Where the cumulative weights pass each row's number, the block first and then inside it; and all weights."""
    ends = _running_sum(sums)
    target = uniforms * ends[:, -1]
    block = _first_above(ends, target)
    start = jnp.where(block > 0, _pick(ends, jnp.maximum(block - 1, 0)), 0.0)
    inner = of_block(block)
    # Only tokens of positive probability end where the running sum grows, so a cut token is never drawn.
    inside = _first_above(_running_sum(inner) + start[:, None], target)
    last_kept = _BLOCK - 1 - jnp.argmax(jnp.flip(inner, axis=-1) > 0, axis=-1)
    return block * _BLOCK + jnp.minimum(inside, last_kept), ends[:, -1]


def _blocks(weights: Float[Array, "batch vocab"], filler: float = 0.0) -> Float[Array, "batch blocks size"]:
    batch, vocab = weights.shape
    padded = jnp.pad(weights, ((0, 0), (0, -vocab % _BLOCK)), constant_values=filler)
    return padded.reshape(batch, -1, _BLOCK)


def _special_sums(weights: Float[Array, "batch vocab"], draws: Draws) -> tuple[Array, Array, Array]:
    """Each row's most likely token, the smallest weight that it keeps, and sums over blocks of those kept.

    Not `>= least`: what is no number stays, and shows in the sum.
    """
    least = _least(weights, draws)
    kept = jnp.where(weights < least[:, None], 0, weights)
    return jnp.argmax(weights, axis=-1).astype(jnp.int32), least, jnp.sum(_blocks(kept), axis=-1)


def _running_sum(values: Float[Array, "batch n"]) -> Float[Array, "batch n"]:
    """Cumulative sums in groups: a plain one costs as much as the rest of the draw on a CPU.

    Within a group and from group to group one number is added at a time, so that the sums never fall, and stay
    exactly the same over zeros: a token of no probability has no part of the unit interval.
    """
    batch, n = values.shape
    groups = jnp.pad(values, ((0, 0), (0, -n % _GROUP))).reshape(batch, -1, _GROUP)
    inner = [groups[:, :, 0]]
    for i in range(1, _GROUP):
        inner.append(inner[-1] + groups[:, :, i])
    before = [jnp.zeros(batch)]
    for i in range(groups.shape[1] - 1):
        before.append(before[-1] + inner[-1][:, i])
    return (jnp.stack(inner, axis=-1) + jnp.stack(before, axis=-1)[:, :, None]).reshape(batch, -1)[:, :n]


def _first_above(ends: Float[Array, "batch n"], target: Float[Array, "batch"]) -> Int[Array, "batch"]:
    return jnp.minimum(jnp.sum(ends <= target[:, None], axis=-1), ends.shape[-1] - 1)


def _pick(rows: Array, index: Array) -> Array:
    return jnp.take_along_axis(rows, index[:, None], axis=1)[:, 0]
