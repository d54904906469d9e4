"""From logits to a token: temperature, top-k, top-p, min-p, and a draw with its exact log-probability.

Truncation is found by bisection on a probability threshold rather than by sorting the vocabulary, which costs far
less; a draw inverts the cumulative distribution with one uniform number per row, so no noise over the whole
vocabulary is ever made.
"""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

_BISECTIONS = 30  # halvings of (0, 1]: thresholds are then exact to float32
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


def warp(logits: Float[Array, "batch vocab"], params: SamplingParams) -> Float[Array, "batch vocab"]:
    """Logits of the distribution that is drawn from (unnormalized): cut tokens get minus infinity.

    Ties at the threshold are all kept.
    """
    logits = logits / params.temperature
    if params.top_p >= 1 and params.top_k == 0 and params.min_p == 0:
        return logits
    probs = jax.nn.softmax(logits, axis=-1)
    keep = jnp.ones_like(probs, dtype=bool)
    if params.min_p > 0:
        keep &= probs >= params.min_p * jnp.max(probs, axis=-1, keepdims=True)
    if params.top_k > 0:
        keep &= _top_set(probs, lambda kept: jnp.sum(kept, axis=-1) >= params.top_k)
    if params.top_p < 1:
        keep &= _top_set(probs, lambda kept: jnp.sum(jnp.where(kept, probs, 0), axis=-1) >= params.top_p)
    return jnp.where(keep, logits, -jnp.inf)


def _top_set(probs: Float[Array, "batch vocab"], enough) -> Bool[Array, "batch vocab"]:
    """The smallest set {p >= threshold} that is `enough`, per row."""

    def halve(_, bounds):
        low, high = bounds
        middle = (low + high) / 2
        good = enough(probs >= middle[:, None])
        return jnp.where(good, middle, low), jnp.where(good, high, middle)

    zero = jnp.zeros(probs.shape[0], probs.dtype)
    top = jnp.max(probs, axis=-1)
    low, _ = jax.lax.fori_loop(0, _BISECTIONS, halve, (zero, top * (1 + 1e-6)))
    return probs >= low[:, None]


def draw(
    logits: Float[Array, "batch vocab"], uniforms: Float[Array, "batch"], params: SamplingParams
) -> tuple[Int[Array, "batch"], Float[Array, "batch"]]:
    """One token per row and its log-probability under the warped distribution.

    Args:
      logits: float32 next-token logits.
      uniforms: one number in [0, 1) per row; the same number gives the same token.
      params: temperature 0 ignores the numbers, and reports log-probabilities at temperature 1.
    """
    if params.temperature == 0:
        tokens = jnp.argmax(logits, axis=-1)
        return tokens.astype(jnp.int32), _pick(jax.nn.log_softmax(logits, axis=-1), tokens)
    log_probs = jax.nn.log_softmax(warp(logits, params), axis=-1)
    batch, vocab = log_probs.shape
    padded = jnp.pad(jnp.exp(log_probs), ((0, 0), (0, -vocab % _BLOCK))).reshape(batch, -1, _BLOCK)
    block_ends = jnp.cumsum(jnp.sum(padded, axis=-1), axis=-1)
    target = uniforms * block_ends[:, -1]
    block = _first_above(block_ends, target)
    start = jnp.where(block > 0, _pick(block_ends, jnp.maximum(block - 1, 0)), 0.0)
    inner = jnp.take_along_axis(padded, block[:, None, None], axis=1)[:, 0]
    # Only tokens of positive probability end where the running sum grows, so a cut token is never drawn.
    inside = _first_above(jnp.cumsum(inner, axis=-1) + start[:, None], target)
    last_kept = _BLOCK - 1 - jnp.argmax(jnp.flip(inner, axis=-1) > 0, axis=-1)
    tokens = (block * _BLOCK + jnp.minimum(inside, last_kept)).astype(jnp.int32)
    return tokens, _pick(log_probs, tokens)


def _first_above(ends: Float[Array, "batch n"], target: Float[Array, "batch"]) -> Int[Array, "batch"]:
    return jnp.minimum(jnp.sum(ends <= target[:, None], axis=-1), ends.shape[-1] - 1)


def _pick(rows: Array, index: Array) -> Array:
    return jnp.take_along_axis(rows, index[:, None], axis=1)[:, 0]
