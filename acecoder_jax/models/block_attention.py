"""Attention by XLA that makes only the blocks of scores in which somebody looks at somebody.

A packed row is mostly sequences that do not see each other, so few of its (time, time) scores are needed; which ones
only the batch says. A loop goes over the blocks that are, and forgets each one's scores before the next, so memory
does not grow with the square of the row (Dao et al. 2022, arXiv:2205.14135). It is a loop and not a branch for each
block because XLA's CPU backend runs most of what stands in a branch on one core.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.ad_checkpoint import checkpoint_name
from jaxtyping import Array, Bool, Float, Int

from acecoder_jax.models.decoder import HIDDEN
from acecoder_jax.models.matmul import matmul

_BLOCK = 64  # columns


def block_attention(
    queries: Float[Array, "rows time heads head_dim"],
    keys: Float[Array, "rows time kv_heads head_dim"],
    values: Float[Array, "rows time kv_heads head_dim"],
    mask: Bool[Array, "rows time time"],
) -> Float[Array, "rows time heads head_dim"]:
    """`models.decoder.attention` of rows with themselves.

    Args:
      mask: True where a query may look; the last axis is the keys'. What a query that may look nowhere gives is
        finite and meaningless.
    """
    time = queries.shape[1]
    more = -time % _BLOCK
    whole = (jnp.pad(x, ((0, 0), (0, more), (0, 0), (0, 0))) for x in (queries, keys, values))
    return _attention(*whole, jnp.pad(mask, ((0, 0), (0, more), (0, more))))[:, :time]


@jax.custom_vjp
def _attention(queries: Array, keys: Array, values: Array, mask: Array) -> Array:
    return _forward(queries, keys, values, mask)[0]


def _forward(queries: Array, keys: Array, values: Array, mask: Array):
    kv_heads = keys.shape[2]
    q, k, v = (_by_block(x, kv_heads) for x in (queries, keys, values))
    seen = _seen_blocks(mask)

    def step(number: Array, sums: tuple[Array, ...]) -> tuple[Array, ...]:
        mix, total, top = sums
        i, j = seen.query[number], seen.key[number]
        scores = _scores(q[i], k[j], _block_mask(mask, i, j))
        highest = jnp.maximum(top[i], jnp.max(scores, axis=-1, keepdims=True))
        weights, kept = jnp.exp(scores - highest), jnp.exp(top[i] - highest)
        return (
            mix.at[i].set(mix[i] * kept + matmul(weights.astype(v.dtype), v[j])),
            total.at[i].set(total[i] * kept + jnp.sum(weights, axis=-1, keepdims=True)),
            top.at[i].set(highest),
        )

    nothing = jnp.zeros((*q.shape[:3], 1), jnp.float32)
    sums = jnp.zeros(q.shape, jnp.float32), nothing, nothing + HIDDEN
    mix, total, top = jax.lax.fori_loop(0, seen.number, step, sums)
    total = jnp.where(total > 0, total, 1.0)  # where no block was seen
    # As `decoder.Block` names its products: where those are kept, the loop need not run again.
    mixed = checkpoint_name(_by_row(mix / total, queries).astype(values.dtype), "product")
    log_total = checkpoint_name(top + jnp.log(total), "product")
    return mixed, (queries, keys, values, mask, mixed, log_total)


def _backward(saved: tuple[Array, ...], cotangent: Array):
    *inputs, mask, mixed, log_total = saved
    kv_heads = inputs[1].shape[2]
    q, k, v = (_by_block(x, kv_heads) for x in inputs)
    into = _by_block(cotangent, kv_heads)
    shares = into.astype(jnp.float32) * _by_block(mixed, kv_heads).astype(jnp.float32)
    mean = jnp.sum(shares, axis=-1, keepdims=True)
    seen = _seen_blocks(mask)

    def step(number: Array, sums: tuple[Array, ...]) -> tuple[Array, ...]:
        dq, dk, dv = sums
        i, j = seen.query[number], seen.key[number]
        weights = jnp.exp(_scores(q[i], k[j], _block_mask(mask, i, j)) - log_total[i])
        slope = weights * (matmul(into[i], jnp.matrix_transpose(v[j])) - mean[i]) * q.shape[-1] ** -0.5
        slope, weights = slope.astype(q.dtype), weights.astype(q.dtype)
        return (
            dq.at[i].add(matmul(slope, k[j])),
            dk.at[j].add(matmul(jnp.matrix_transpose(slope), q[i])),
            dv.at[j].add(matmul(jnp.matrix_transpose(weights), into[i])),
        )

    sums = tuple(jnp.zeros(x.shape, jnp.float32) for x in (q, k, v))
    gradients = jax.lax.fori_loop(0, seen.number, step, sums)
    return *(_by_row(d, x).astype(x.dtype) for d, x in zip(gradients, inputs)), None


_attention.defvjp(_forward, _backward)


class _Seen(NamedTuple):
    """The blocks of scores that are needed: the first `number` of the lists `query` and `key`."""

    query: Int[Array, "all"]
    key: Int[Array, "all"]
    number: Int[Array, ""]


def _seen_blocks(mask: Bool[Array, "rows time time"]) -> _Seen:
    rows, blocks = mask.shape[0], mask.shape[1] // _BLOCK
    needed = jnp.any(mask.reshape(rows, blocks, _BLOCK, blocks, _BLOCK), axis=(0, 2, 4))
    query, key = jnp.nonzero(needed, size=blocks * blocks)
    return _Seen(query, key, jnp.sum(needed))


def _block_mask(
    mask: Bool[Array, "rows time time"], query: Array, key: Array
) -> Bool[Array, "rows block block"]:
    return jax.lax.dynamic_slice(mask, (0, query * _BLOCK, key * _BLOCK), (mask.shape[0], _BLOCK, _BLOCK))


def _scores(
    queries: Float[Array, "pairs many head_dim"],
    keys: Float[Array, "pairs block head_dim"],
    mask: Bool[Array, "rows block block"],
) -> Float[Array, "pairs many block"]:
    """Of one block, in float32; a pair is a row and a key head, whose query heads stand one below the other."""
    products = matmul(queries, jnp.matrix_transpose(keys)) * queries.shape[-1] ** -0.5
    by_row = products.reshape(mask.shape[0], -1, *mask.shape[1:])
    return jnp.where(mask[:, None], by_row, HIDDEN).reshape(products.shape)


def _by_block(x: Float[Array, "rows time heads head_dim"], kv_heads: int) -> Array:
    """As (blocks, rows * kv_heads, heads of a key head * columns, head_dim)."""
    rows, time, heads, head_dim = x.shape
    split = x.reshape(rows, time // _BLOCK, _BLOCK, kv_heads, heads // kv_heads, head_dim)
    return split.transpose(1, 0, 3, 4, 2, 5).reshape(time // _BLOCK, rows * kv_heads, -1, head_dim)


def _by_row(x: Array, like: Float[Array, "rows time heads head_dim"]) -> Array:
    """The inverse of `_by_block`, for an array of the shape of `like`."""
    rows, time, heads, head_dim = like.shape
    kv_heads = x.shape[1] // rows
    split = x.reshape(time // _BLOCK, rows, kv_heads, heads // kv_heads, _BLOCK, head_dim)
    return split.transpose(1, 0, 4, 2, 3, 5).reshape(like.shape)
