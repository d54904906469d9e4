"""What both forms of the key/value cache are made of; `ring` is the one that XLA attends to, `paged` the other.

A slot is one running request. Its prompt stands in a row of its own group: all samples of one prompt look at the
same row. What it generates stands in its slot. Either form has the same methods, so that neither the batch nor the
decode step knows which it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from acecoder_jax.models.matmul import matmul


class Scaled(NamedTuple):
    """Eight-bit keys or values, and one float32 scale per head and position: `values * scale`."""

    values: Int[Array, "entries kv_heads first second"]
    scale: Float[Array, "entries kv_heads length"]


def pack_keys(keys: Float[Array, "entries kv_heads head_dim length"], dtype: str) -> Array | Scaled:
    """Keys as the cache keeps them."""
    return _scaled(keys, 2) if dtype == "int8" else keys.astype(dtype)


def pack_values(values: Float[Array, "entries kv_heads length head_dim"], dtype: str) -> Array | Scaled:
    """Values as the cache keeps them."""
    return _scaled(values, 3) if dtype == "int8" else values.astype(dtype)


def contain(
    keys: Float[Array, "batch time kv_heads head_dim"], values: Float[Array, "batch time kv_heads head_dim"]
) -> tuple[Array, Array]:
    """Keep numbers that are not finite out of other requests: nothing times such a value would not be nothing.

    Values become 0 and keys no number, so that whoever looks at the position itself still fails.
    """
    good = sound(keys, values)
    return jnp.where(good, keys, jnp.nan), jnp.where(good, values, 0)


def sound(keys: Array, values: Array) -> Bool[Array, "batch time kv_heads 1"]:
    """Where keys and values are finite."""
    return jnp.isfinite(
        jnp.sum(keys.astype(jnp.float32) + values.astype(jnp.float32), axis=-1, keepdims=True)
    )


def _scaled(wide: Array, axis: int) -> Scaled:
    wide = wide.astype(jnp.float32)
    # The sum: a maximum may leave out what is no number.
    scale = jnp.maximum(jnp.max(jnp.abs(wide), axis=axis), 1e-12) / 127 + 0 * jnp.sum(wide, axis=axis)
    return Scaled(jnp.round(wide / jnp.expand_dims(scale, axis)).astype(jnp.int8), scale)


def scores(
    queries: Float[Array, "*batch queries head_dim"], keys: Array | Scaled
) -> Float[Array, "*batch queries length"]:
    """Scaled products of queries with cached keys, (*batch, head_dim, length), in float32."""
    scale = queries.shape[-1] ** -0.5
    if isinstance(keys, Scaled):
        return matmul(queries, keys.values.astype(queries.dtype)) * keys.scale[..., None, :] * scale
    return matmul(queries.astype(keys.dtype), keys) * scale


def mixed(
    weights: Float[Array, "entries kv_heads queries length"], values: Array | Scaled, dtype: jnp.dtype
) -> Float[Array, "entries kv_heads queries head_dim"]:
    """Weighted sums of cached values, in float32; int8 ones are multiplied in `dtype`."""
    if isinstance(values, Scaled):
        return matmul((weights * values.scale[:, :, None]).astype(dtype), values.values.astype(dtype))
    return matmul(weights.astype(values.dtype), values)


def take_entries(array: Array, index: Int[Array, "shards kept"]) -> Array:
    """Entries of a leading axis that is split over devices: each shard picks among its own, so nothing is sent."""
    shards = array.reshape(index.shape[0], -1, *array.shape[1:])
    return jax.vmap(lambda shard, at: shard[at])(shards, index).reshape(index.size, *array.shape[1:])


@jax.jit
def keep_rows(layer: tuple, rows: Int[Array, "shards rows"]) -> tuple:
    """These entries of one layer's arrays, in this order, counted in each shard."""
    return jax.tree.map(lambda leaf: take_entries(leaf, rows), layer)


def freed_in_turn(step: Callable, layers: Iterable, *arguments) -> Iterator:
    """A step on every layer; each layer's old arrays are freed before the next one's turn."""
    for layer in layers:
        yield step(layer, *arguments)
        jax.tree.map(lambda leaf: leaf.delete(), layer)
