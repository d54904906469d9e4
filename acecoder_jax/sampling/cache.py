"""The key/value cache: prompts that siblings share, and a ring of generated positions for every slot.

A slot is one running request. Its prompt stands in a row of its own group: all samples of one prompt look at the
same row. What it generates stands in its slot of the ring, which all slots write at the same column, the step's,
whatever their own position is; so a write is one slice update in place, and a slot that was refilled simply does
not look at columns older than itself. The ring is only as wide as the oldest running request needs. Where slots
check guesses they advance by different numbers of tokens, and each writes its own columns; `align` undoes that.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from acecoder_jax.models.config import DecoderConfig
from acecoder_jax.models.matmul import matmul


class Scaled(NamedTuple):
    """Eight-bit keys or values, and one float32 scale per head and position: `values * scale`."""

    values: Int[Array, "entries kv_heads first second"]
    scale: Float[Array, "entries kv_heads length"]


class Cache(NamedTuple):
    """Keys and values, one array (or `Scaled`) per layer; prompts by row, generated positions by slot.

    Keys are kept transposed, (entries, kv_heads, head_dim, length): products of a query with them then read memory
    in order. Values are (entries, kv_heads, length, head_dim).
    """

    prompt_keys: tuple
    prompt_values: tuple
    ring_keys: tuple
    ring_values: tuple


def empty_cache(config: DecoderConfig, slots: int, rows: int, prompt: int, ring: int, dtype: str) -> Cache:
    """A cache with nothing in it.

    Args:
      slots, rows: running requests; prompts among them.
      prompt, ring: positions of each.
      dtype: float32, bfloat16 or int8.
    """
    heads, width = config.num_kv_heads, config.head_dim

    def side(entries: int, length: int, keys: bool) -> tuple:
        shape = (entries, heads, width, length) if keys else (entries, heads, length, width)

        def one():
            values = jnp.zeros(shape, dtype)
            return Scaled(values, jnp.zeros((entries, heads, length))) if dtype == "int8" else values

        return tuple(one() for _ in range(config.num_layers))

    return Cache(
        side(rows, prompt, True), side(rows, prompt, False), side(slots, ring, True), side(slots, ring, False)
    )


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
    sound = jnp.isfinite(
        jnp.sum(keys.astype(jnp.float32) + values.astype(jnp.float32), axis=-1, keepdims=True)
    )
    return jnp.where(sound, keys, jnp.nan), jnp.where(sound, values, 0)


def _scaled(wide: Array, axis: int) -> Scaled:
    wide = wide.astype(jnp.float32)
    # The sum: a maximum may leave out what is no number.
    scale = jnp.maximum(jnp.max(jnp.abs(wide), axis=axis), 1e-12) / 127 + 0 * jnp.sum(wide, axis=axis)
    return Scaled(jnp.round(wide / jnp.expand_dims(scale, axis)).astype(jnp.int8), scale)


def write_columns(
    old: Array | Scaled, new: Array | Scaled, columns: Int[Array, "slots_or_one width"], keys: bool
) -> Array | Scaled:
    """Put new positions of every slot into the ring.

    Args:
      columns: one for all slots, which is a slice update in place; or those of each, of which the ones past the ring
        are dropped.
    """
    if isinstance(old, Scaled):
        values = write_columns(old.values, new.values, columns, keys)
        return Scaled(values, _write(old.scale, new.scale, columns, 2))
    return _write(old, new, columns, 3 if keys else 2)


def _write(old: Array, new: Array, columns: Int[Array, "slots_or_one width"], axis: int) -> Array:
    if columns.size == 1:
        return jax.lax.dynamic_update_slice_in_dim(old, new, columns[0, 0], axis)
    at = (slice(None),) * (axis - 1)
    return jax.vmap(lambda slot, part, column: slot.at[(*at, column)].set(part, mode="drop"))(
        old, new, columns
    )


def scores(
    queries: Float[Array, "entries kv_heads queries head_dim"], keys: Array | Scaled
) -> Float[Array, "entries kv_heads queries length"]:
    """Scaled products of queries with cached keys, in float32."""
    scale = queries.shape[-1] ** -0.5
    if isinstance(keys, Scaled):
        return matmul(queries, keys.values.astype(queries.dtype)) * keys.scale[:, :, None] * scale
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


@partial(jax.jit, donate_argnums=(0, 1))
def insert(
    prompt_keys: Array | Scaled,
    prompt_values: Array | Scaled,
    prefilled: tuple[Array, Array],
    source: Int[Array, "prompts"],
    start: Int[Array, "prompts"],
    row: Int[Array, "shards prompts"],
) -> tuple[Array | Scaled, Array | Scaled]:
    """Copy prompts out of prefilled, packed rows into rows of one layer's cache.

    Args:
      prefilled: the layer's keys (packed, kv_heads, head_dim, time) and values (..., time, head_dim).
      source, start: the packed row in which each prompt stands, and its first column there.
      row: where to, counted in each shard; a number past its last row is dropped, so that the number of prompts can
        stay fixed, and a prompt goes to one shard only.
    """
    keys, values = prefilled
    length, dtype = _length(prompt_keys), _dtype(prompt_keys)
    # Columns past a prompt's end hold its neighbour or nothing; its length hides them.
    columns = jnp.minimum(start[:, None] + jnp.arange(length)[None, :], keys.shape[-1] - 1)

    def cut(packed: Array, axis: int) -> Array:
        return jax.vmap(lambda one, at: jnp.take(packed[one], at, axis=axis))(source, columns)

    def put(into: Array, part: Array) -> Array:
        split = into.reshape(row.shape[0], -1, *into.shape[1:])
        place = jax.vmap(lambda shard, at: shard.at[at].set(part, mode="drop"))
        return place(split, row).reshape(into.shape)

    return (
        jax.tree.map(put, prompt_keys, pack_keys(cut(keys, 2), dtype)),
        jax.tree.map(put, prompt_values, pack_values(cut(values, 1), dtype)),
    )


def insert_all(cache: Cache, prefilled: list[tuple[Array, Array]], source, start, row) -> Cache:
    """`insert` in every layer, one after the other."""
    layers = zip(cache.prompt_keys, cache.prompt_values, prefilled)
    new = [insert(*layer, source, start, row) for layer in layers]
    return cache._replace(prompt_keys=tuple(k for k, _ in new), prompt_values=tuple(v for _, v in new))


@jax.jit
def keep_rows(layer: tuple, rows: Int[Array, "shards rows"]) -> tuple:
    """These rows of one layer's prompts, in this order, counted in each shard."""
    return jax.tree.map(lambda leaf: take_entries(leaf, rows), layer)


@partial(jax.jit, donate_argnums=(0,))
def align_ring(layer: tuple, now: Int[Array, "slots"]) -> tuple:
    """One layer's ring turned, each slot by as much as makes column 0 the one that it writes next.

    Args:
      now: the column that each would write next.
    """

    def turn(old: Array, axis: int) -> Array:
        return jax.vmap(lambda slot, by: jnp.roll(slot, -by, axis - 1))(old, now)

    keys, values = layer
    # Positions are the last axis of keys and of scales.
    return jax.tree.map(lambda leaf: turn(leaf, leaf.ndim - 1), keys), jax.tree.map(
        lambda leaf: turn(leaf, 2), values
    )


def align(cache: Cache, now: Int[Array, "slots"]) -> Cache:
    """`align_ring` in every layer."""
    rings = [align_ring(layer, now) for layer in zip(cache.ring_keys, cache.ring_values)]
    return cache._replace(ring_keys=tuple(k for k, _ in rings), ring_values=tuple(v for _, v in rings))


@partial(jax.jit, static_argnums=(3,))
def resize_ring(layer: tuple, slots: Int[Array, "shards slots"], now: Int[Array, ""], ring: int) -> tuple:
    """These slots of one layer's ring, in this order, and the latest `ring` columns; column 0 is written next.

    Args:
      slots: counted in each shard.
      now: the column that would be written next.
    """

    def columns(old: Array, axis: int) -> Array:
        """The ring unrolled, oldest first, cut or filled in front to the new width."""
        width = old.shape[axis]
        unrolled = jax.lax.dynamic_slice_in_dim(jnp.concatenate([old, old], axis=axis), now, width, axis)
        if ring <= width:
            return jax.lax.slice_in_dim(unrolled, width - ring, width, axis=axis)
        padding = [(0, 0)] * old.ndim
        padding[axis] = (ring - width, 0)
        return jnp.pad(unrolled, padding)

    def side(old: Array | Scaled, axis: int) -> Array | Scaled:
        kept = jax.tree.map(lambda leaf: take_entries(leaf, slots), old)
        if isinstance(kept, Scaled):
            return Scaled(columns(kept.values, axis), columns(kept.scale, 2))
        return columns(kept, axis)

    keys, values = layer
    return side(keys, 3), side(values, 2)


def resize(cache: Cache, slots: np.ndarray, rows: np.ndarray, now: int, ring: int) -> Cache:
    """`keep_rows` and `resize_ring` in every layer; each layer's old arrays are freed before the next one's turn."""

    def change(step, layers, *arguments):
        for layer in layers:
            yield step(layer, *arguments)
            jax.tree.map(lambda leaf: leaf.delete(), layer)

    prompts = zip(cache.prompt_keys, cache.prompt_values)
    if rows.size != _entries(cache.prompt_keys[0]):
        prompts = change(keep_rows, prompts, rows)
    rings = change(resize_ring, zip(cache.ring_keys, cache.ring_values), slots, np.int32(now), ring)
    return Cache(*zip(*prompts), *zip(*rings))


def _length(keys: Array | Scaled) -> int:
    return jax.tree.leaves(keys)[0].shape[3]


def _entries(keys: Array | Scaled) -> int:
    return jax.tree.leaves(keys)[0].shape[0]


def _dtype(keys: Array | Scaled) -> str:
    return jax.tree.leaves(keys)[0].dtype.name
