"""The cache that XLA attends to: prompts that siblings share, and a ring of generated positions for every slot.

What a slot generates stands in its slot of the ring, which all slots write at the same column, the step's, whatever
their own position is; so a write is one slice update in place, and a slot that was refilled simply does not look at
columns older than itself. The ring is only as wide as the oldest running request needs. Where slots check guesses
they advance by different numbers of tokens, and each writes its own columns; `align` undoes that. `paged` has the
other form.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from acecoder_jax.models.config import DecoderConfig
from acecoder_jax.models.decoder import HIDDEN, by_layer
from acecoder_jax.sampling.cache import (
    Scaled,
    contain,
    freed_in_turn,
    keep_rows,
    mixed,
    pack_keys,
    pack_values,
    scores,
    take_entries,
)
from acecoder_jax.sampling.seats import Seating

_BLOCK_WIDTHS = 64, 32  # of columns of the ring's keys; `plan.ring_widths` are multiples of the latter


class RingCache(NamedTuple):
    """Keys and values, one array (or `Scaled`) per layer; prompts by row, generated positions by slot.

    Prompts' keys are kept transposed, (entries, kv_heads, head_dim, length), and values are (entries, kv_heads,
    length, head_dim). The ring's keys are transposed in blocks of columns, (entries, kv_heads, blocks, head_dim,
    block): the few queries of a slot then read memory in order, which halves the time of their products on a CPU.
    """

    prompt_keys: tuple
    prompt_values: tuple
    ring_keys: tuple
    ring_values: tuple

    @property
    def sizes(self) -> tuple[int, int]:
        """Slots and prompt rows."""
        return _entries(self.ring_keys[0]), _entries(self.prompt_keys[0])

    def insert(self, prefilled: list[tuple[Array, Array]], source, start, row) -> RingCache:
        """Prompts into their rows, one layer after the other; see the function `insert`."""
        layers = zip(self.prompt_keys, self.prompt_values, prefilled)
        new = [insert(*layer, source, start, row) for layer in layers]
        return self._replace(prompt_keys=tuple(k for k, _ in new), prompt_values=tuple(v for _, v in new))

    def begin(self, seating: Seating) -> RingCache:
        """Slots that have just been taken need nothing."""
        return self

    def align(self, now: Int[Array, "slots"]) -> RingCache:
        """`align_ring` in every layer."""
        rings = [align_ring(layer, now) for layer in zip(self.ring_keys, self.ring_values)]
        return self._replace(ring_keys=tuple(k for k, _ in rings), ring_values=tuple(v for _, v in rings))

    def resize(self, slots: np.ndarray, rows: np.ndarray, now: int, ring: int) -> RingCache:
        """`keep_rows` and `resize_ring` in every layer."""
        prompts = zip(self.prompt_keys, self.prompt_values)
        if rows.size != _entries(self.prompt_keys[0]):
            prompts = freed_in_turn(keep_rows, prompts, rows)
        rings = zip(self.ring_keys, self.ring_values)
        rings = freed_in_turn(resize_ring, rings, slots, np.int32(now), ring)
        return RingCache(*zip(*prompts), *zip(*rings))

    def attention(
        self,
        config: DecoderConfig,
        seating: Seating,
        positions: Int[Array, "slots width"],
        now: Int[Array, ""] | Int[Array, "slots"],
    ) -> Callable:
        """What writes a layer's new keys and values and mixes what its queries see: attend(layer, queries, keys,
        values) -> (mixed values, the layer for `with_layers`).

        Args:
          positions: of the new tokens.
          now: the ring's column that all slots write, or that each writes first.
        """
        generated = positions[:, 0] - seating.prompt
        columns = _columns(generated, positions.shape[1], now, _ring_width(self.ring_values))
        masks = _masks(config, self, seating, positions, generated, columns)
        dtype = _dtype(self.ring_keys[0])

        def attend(layer, queries, keys, values):
            keys, values = contain(keys, values)
            k, v = keys.transpose(0, 2, 3, 1), values.transpose(0, 2, 1, 3)
            k = write_columns(self.ring_keys[layer], pack_keys(k, dtype), columns, keys=True)
            v = write_columns(self.ring_values[layer], pack_values(v, dtype), columns, keys=False)
            prompts = self.prompt_keys[layer], self.prompt_values[layer]
            seen = by_layer(config.windowed_layers[layer], *masks)
            return _attend(queries, prompts, (k, v), seen, seating), (k, v)

        return attend

    def with_layers(self, written: Sequence[tuple]) -> RingCache:
        """The cache after a step, of what `attention` gave for each layer."""
        return self._replace(ring_keys=tuple(k for k, _ in written), ring_values=tuple(v for _, v in written))


def empty_cache(
    config: DecoderConfig, slots: int, rows: int, prompt: int, ring: int, dtype: str
) -> RingCache:
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

    ring_keys = tuple(map(_in_blocks, side(slots, ring, True)))
    return RingCache(side(rows, prompt, True), side(rows, prompt, False), ring_keys, side(slots, ring, False))


def write_columns(
    old: Array | Scaled, new: Array | Scaled, columns: Int[Array, "slots_or_one width"], keys: bool
) -> Array | Scaled:
    """Put new positions of every slot into the ring.

    Args:
      old: keys in blocks, or values.
      new: (slots, kv_heads, head_dim, width), or values.
      columns: one for all slots, which is a slice update in place; or those of each, of which the ones past the ring
        are dropped.
    """
    if isinstance(old, Scaled):
        values = write_columns(old.values, new.values, columns, keys)
        return Scaled(values, _write(old.scale, new.scale, columns))
    return (_write_keys if keys else _write)(old, new, columns)


def _write(old: Array, new: Array, columns: Int[Array, "slots_or_one width"]) -> Array:
    """Values or scales: columns are the third axis."""
    if columns.size == 1:
        return jax.lax.dynamic_update_slice_in_dim(old, new, columns[0, 0], 2)
    return jax.vmap(lambda slot, part, column: slot.at[:, column].set(part, mode="drop"))(old, new, columns)


def _write_keys(old: Array, new: Array, columns: Int[Array, "slots_or_one width"]) -> Array:
    block, within = columns // old.shape[-1], columns % old.shape[-1]
    if columns.size == 1:
        return jax.lax.dynamic_update_slice(old, new[:, :, None], (0, 0, block[0, 0], 0, within[0, 0]))
    # The indexed axes come first.
    new = new.transpose(0, 3, 1, 2)
    return jax.vmap(lambda slot, part, *at: slot.at[:, at[0], :, at[1]].set(part, mode="drop"))(
        old, new, block, within
    )


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


@partial(jax.jit, donate_argnums=(0,))
def align_ring(layer: tuple, now: Int[Array, "slots"]) -> tuple:
    """One layer's ring turned, each slot by as much as makes column 0 the one that it writes next.

    Args:
      now: the column that each would write next.
    """

    def turn(old: Array, axis: int) -> Array:
        return jax.vmap(lambda slot, by: jnp.roll(slot, -by, axis - 1))(old, now)

    keys, values = layer
    # Positions are the last axis of transposed keys and of scales.
    turned = jax.tree.map(lambda leaf: turn(leaf, leaf.ndim - 1), _transposed(keys))
    return _in_blocks(turned), jax.tree.map(lambda leaf: turn(leaf, 2), values)


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
    return _in_blocks(side(_transposed(keys), 3)), side(values, 2)


def _in_blocks(keys: Array | Scaled) -> Array | Scaled:
    """Transposed keys, (entries, kv_heads, head_dim, length), as the ring keeps them."""
    if isinstance(keys, Scaled):
        return keys._replace(values=_in_blocks(keys.values))
    length = keys.shape[-1]
    width = next((width for width in _BLOCK_WIDTHS if length % width == 0), length)
    return jnp.swapaxes(keys.reshape(*keys.shape[:-1], length // width, width), 2, 3)


def _transposed(keys: Array | Scaled) -> Array | Scaled:
    """The inverse of `_in_blocks`."""
    if isinstance(keys, Scaled):
        return keys._replace(values=_transposed(keys.values))
    return jnp.swapaxes(keys, 2, 3).reshape(*keys.shape[:2], keys.shape[3], -1)


def _length(keys: Array | Scaled) -> int:
    return jax.tree.leaves(keys)[0].shape[3]


def _entries(keys: Array | Scaled) -> int:
    return jax.tree.leaves(keys)[0].shape[0]


def _dtype(keys: Array | Scaled) -> str:
    return jax.tree.leaves(keys)[0].dtype.name


def _columns(
    generated: Int[Array, "slots"], width: int, now: Array, ring: int
) -> Int[Array, "slots_or_one width"]:
    """Columns of the ring that a step writes."""
    if now.ndim == 0:
        return (now % ring)[None, None]
    later = jnp.arange(width)[None, :]
    # Past a whole ring there is nothing to write: no request is that long.
    fits = generated[:, None] + later < ring
    return jnp.where(fits, (now[:, None] + later) % ring, ring)


def _ring_width(values: tuple) -> int:
    return jax.tree.leaves(values[0])[0].shape[2]


def _masks(config: DecoderConfig, cache: RingCache, seating: Seating, positions, generated, columns):
    """What is visible, twice: in layers that see everything, and in windowed ones.

    Each is a pair: of prompt columns, (rows, lanes or 1, width or 1, length), and of ring columns, (slots, width,
    ring).
    """
    ring, length = _ring_width(cache.ring_values), _length(cache.prompt_keys[0])
    later = jnp.arange(positions.shape[1])
    # 0 for the column that a token itself is written to; those of later tokens have gone all around the ring.
    age = (columns[:, :1, None] + later[None, :, None] - jnp.arange(ring)[None, None, :]) % ring
    in_ring = age <= generated[:, None, None] + later[None, :, None]
    of_prompt = jnp.arange(length)
    in_prompt = (of_prompt[None, :] < seating.row_length[:, None])[:, None, None, :]
    full = in_prompt, in_ring
    if not config.sliding_window:
        return full, full
    shards, rows, lanes = seating.lanes.shape
    at_lane = take_entries(positions, seating.lanes.reshape(shards, -1)).reshape(shards * rows, lanes, -1)
    near = at_lane[..., None] - of_prompt[None, None, None, :] < config.sliding_window
    return full, (in_prompt & near, in_ring & (age < config.sliding_window))


def _attend(
    queries: Float[Array, "slots width heads head_dim"],
    prompts: tuple,
    ring: tuple,
    masks: tuple[Bool[Array, "rows lanes width length"], Bool[Array, "slots width ring"]],
    seating: Seating,
) -> Float[Array, "slots width heads head_dim"]:
    """Attention of each slot's new positions: over its prompt, with all siblings at once, and over its ring."""
    slots, width, heads, head_dim = queries.shape
    kv_heads = jax.tree.leaves(ring[0])[0].shape[1]
    ring_keys, ring_values = ring
    shards, rows, lanes = seating.lanes.shape
    group = heads // kv_heads
    grouped = queries.reshape(slots, width, kv_heads, group, head_dim).transpose(0, 2, 3, 1, 4)
    grouped = grouped.reshape(slots, kv_heads, group * width, head_dim)

    def for_each_head(mask: Bool[Array, "entries lanes width source"], lanes: int) -> Array:
        shape = mask.shape[0], lanes, group, width, mask.shape[3]
        return jnp.broadcast_to(mask[:, :, None], shape).reshape(shape[0], 1, -1, shape[4])

    own = _part(
        _block_scores(grouped, ring_keys), ring_values, for_each_head(masks[1][:, None], 1), queries.dtype
    )

    # Siblings' queries become rows of one product per (prompt, key head), and go back to their slots after it.
    together = take_entries(grouped, seating.lanes.reshape(shards, -1))
    together = together.reshape(shards * rows, lanes, kv_heads, -1, head_dim).transpose(0, 2, 1, 3, 4)
    together = together.reshape(shards * rows, kv_heads, -1, head_dim)
    prompt_keys, prompt_values = prompts
    shared = _part(
        scores(together, prompt_keys), prompt_values, for_each_head(masks[0], lanes), queries.dtype
    )

    def to_slots(array: Array) -> Array:
        split = array.reshape(shards * rows, kv_heads, lanes, -1, array.shape[-1]).transpose(0, 2, 1, 3, 4)
        return take_entries(split.reshape(-1, *split.shape[2:]), seating.place)

    mix, total, top = (to_slots(array) for array in shared)
    highest = jnp.maximum(top, own[2])
    first, second = jnp.exp(top - highest), jnp.exp(own[2] - highest)
    out = (mix * first + own[0] * second) / (total * first + own[1] * second)
    out = out.astype(queries.dtype).reshape(slots, kv_heads, group, width, head_dim)
    return out.transpose(0, 3, 1, 2, 4).reshape(queries.shape)


def _block_scores(
    queries: Float[Array, "entries kv_heads queries head_dim"], keys: Array | Scaled
) -> Float[Array, "entries kv_heads queries length"]:
    """`scores` with the ring's keys."""
    blocks = jax.tree.leaves(keys)[0].shape[2]
    if isinstance(keys, Scaled):
        keys = keys._replace(scale=keys.scale.reshape(*keys.scale.shape[:2], blocks, -1))
    # Written out for each block: XLA's CPU backend runs a product of unequal batches ten times slower.
    each = jnp.broadcast_to(queries[:, :, None], (*queries.shape[:2], blocks, *queries.shape[2:]))
    return jnp.swapaxes(scores(each, keys), 2, 3).reshape(*queries.shape[:3], -1)


def _part(
    products: Float[Array, "entries kv_heads queries length"], values, visible: Bool[Array, "..."], dtype
):
    """Attention over one part of the cache: unnormalized mix, sum of weights and highest score, in float32."""
    products = jnp.where(visible, products, HIDDEN)
    top = jnp.max(products, axis=-1, keepdims=True)
    weights = jnp.exp(products - top)
    return mixed(weights, values, dtype), jnp.sum(weights, axis=-1, keepdims=True), top
