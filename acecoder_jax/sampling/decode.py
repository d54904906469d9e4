"""The compiled steps of decoding: a chunk of tokens in all slots, or one wide step that checks guesses.

Prefill runs a prompt without its last token; the first decode step feeds that token, so that there is one place
where tokens are drawn. Who sits in which slot, and which slots share a prompt, is decided on the host between chunks
and handed in as a `Seating`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Bool, Float, Int

from acecoder_jax.models.config import DecoderConfig
from acecoder_jax.models.decoder import by_layer, embed, layer_ropes, rms_norm
from acecoder_jax.models.matmul import matmul
from acecoder_jax.sampling.cache import (
    Cache,
    contain,
    mixed,
    pack_keys,
    pack_values,
    scores,
    take_entries,
    write_columns,
)
from acecoder_jax.sampling.view import DecodeView, widen
from acecoder_jax.sampling.warp import Draws, draw

_HIDDEN = -1e30  # a score that softmax makes nothing of


class Seating(NamedTuple):
    """Who sits in which slot, before a chunk. Slots and rows are counted in each shard of the devices.

    Attributes:
      token: the last one drawn (or the prompt's last), not yet in the cache.
      prompt: cached prompt positions.
      generated: cached positions after them; they stand in the ring's latest columns.
      seed: of the request's own draws, so that they do not depend on its neighbours.
      draws: how each slot draws.
      lanes: the slots that look at each prompt row; those of an empty lane are any.
      place: where a slot stands among its shard's lanes, row * lanes + lane.
      row_length: cached positions of each prompt row.
    """

    token: Int[Array, "slots"]
    prompt: Int[Array, "slots"]
    generated: Int[Array, "slots"]
    seed: Int[Array, "slots"]
    draws: Draws
    lanes: Int[Array, "shards rows lanes"]
    place: Int[Array, "shards slots"]
    row_length: Int[Array, "rows"]


@dataclass(frozen=True)
class DecodeStatics:
    """What a chunk is compiled for, beside the shapes of its arrays.

    Attributes:
      chunk: tokens decoded between looks at what has finished.
      dtype: of activations and matrix products.
    """

    graph: nnx.GraphDef
    config: DecoderConfig
    chunk: int
    dtype: str


@partial(jax.jit, static_argnums=(0,), donate_argnums=(2,))
def decode_chunk(
    statics: DecodeStatics, view: DecodeView, cache: Cache, seating: Seating, now: Int[Array, ""]
) -> tuple[Cache, Int[Array, "slots chunk"], Float[Array, "slots chunk"]]:
    """Decode a chunk of tokens in every slot; returns them with their log-probabilities.

    Args:
      now: the ring's column that all slots write first.
    """
    ring = _positions(cache.ring_keys)

    def step(carry, j):
        cache, token, generated = carry
        column = (now + j) % ring
        cache, drawn, log_probs = _step(
            statics, view, cache, seating, token[:, None], generated, column[None, None]
        )
        return (cache, drawn[:, 0], generated + 1), (drawn[:, 0], log_probs[:, 0])

    start = (cache, seating.token, seating.generated)
    (cache, _, _), (tokens, log_probs) = jax.lax.scan(step, start, jnp.arange(statics.chunk))
    return cache, tokens.T, log_probs.T


@partial(jax.jit, static_argnums=(0,), donate_argnums=(2,))
def verify(
    statics: DecodeStatics,
    view: DecodeView,
    cache: Cache,
    seating: Seating,
    proposed: Int[Array, "slots proposals"],
    now: Int[Array, "slots"],
) -> tuple[Cache, Int[Array, "slots width"], Float[Array, "slots width"]]:
    """One wide step: every slot's last token and the ones proposed after it, and what is drawn after each of them.

    A draw uses the number that the request has for its position, whatever was proposed; so draws count up to the
    first one that is not what was proposed, it included, and are those of `decode_chunk`. What stands in the cache
    after it is not seen, and is written over by the next step.

    Args:
      now: the ring's column that each slot writes first.

    Returns:
      the cache; proposals + 1 tokens with their log-probabilities.
    """
    ring = _positions(cache.ring_keys)
    tokens = jnp.concatenate([seating.token[:, None], proposed], axis=1)
    later = jnp.arange(tokens.shape[1])[None, :]
    # Past a whole ring there is nothing to write: no request is that long.
    fits = seating.generated[:, None] + later < ring
    columns = jnp.where(fits, (now[:, None] + later) % ring, ring)
    return _step(statics, view, cache, seating, tokens, seating.generated, columns)


def _step(statics: DecodeStatics, view, cache: Cache, seating: Seating, tokens, generated, columns):
    """Some tokens of every slot through the model; returns the cache with them, and a draw after each of them."""
    slots, width = tokens.shape
    positions = (seating.prompt + generated)[:, None] + jnp.arange(width)[None, :]
    cache, logits = _forward(statics, view, cache, seating, tokens, positions, generated, columns)

    def each(array: Array) -> Array:
        return jnp.repeat(array, width, axis=0)

    key = jax.vmap(lambda seed, at: jax.random.fold_in(jax.random.key(seed), at))
    uniforms = jax.vmap(jax.random.uniform)(key(each(seating.seed), positions.reshape(-1)))
    drawn, log_probs = draw(logits, uniforms, jax.tree.map(each, seating.draws))
    return cache, drawn.reshape(slots, width), log_probs.reshape(slots, width)


def _forward(
    statics: DecodeStatics, view, cache: Cache, seating: Seating, tokens, positions, generated, columns
):
    """Hidden states and cache of some tokens of every slot; returns the cache, and float32 logits, (tokens, vocab)."""
    config, dtype = statics.config, jnp.dtype(statics.dtype)
    masks = _masks(config, cache, seating, positions, generated, columns)
    ropes = layer_ropes(config, positions)
    x = embed(view.embedding, tokens, config.embedding_scale, dtype)
    written: list[tuple] = []
    cache_dtype = jax.tree.leaves(cache.ring_keys[0])[0].dtype.name
    for layer in range(config.num_layers):
        windowed = config.windowed_layers[layer]

        def attend(queries, keys, values, layer=layer, windowed=windowed):
            keys, values = contain(keys, values)
            k, v = keys.transpose(0, 2, 3, 1), values.transpose(0, 2, 1, 3)
            k = write_columns(cache.ring_keys[layer], pack_keys(k, cache_dtype), columns, keys=True)
            v = write_columns(cache.ring_values[layer], pack_values(v, cache_dtype), columns, keys=False)
            prompts = cache.prompt_keys[layer], cache.prompt_values[layer]
            return _attend(queries, prompts, (k, v), by_layer(windowed, *masks), seating), (k, v)

        block = nnx.merge(statics.graph, widen(view.layers[layer], statics.dtype))
        x, kept = block(x, by_layer(windowed, *ropes), attend)
        written.append(kept)
    cache = cache._replace(ring_keys=tuple(k for k, _ in written), ring_values=tuple(v for _, v in written))
    hidden = rms_norm(x, view.final_norm, config.rms_norm_eps, config.norm_offset)
    return cache, matmul(hidden.reshape(-1, hidden.shape[-1]), widen(view.head, statics.dtype))


def _positions(keys: tuple) -> int:
    return jax.tree.leaves(keys[0])[0].shape[3]


def _masks(config: DecoderConfig, cache: Cache, seating: Seating, positions, generated, columns):
    """What is visible, twice: in layers that see everything, and in windowed ones.

    Each is a pair: of prompt columns, (rows, lanes or 1, width or 1, length), and of ring columns, (slots, width,
    ring).
    """
    ring, length = _positions(cache.ring_keys), _positions(cache.prompt_keys)
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
    shards, rows, lanes = seating.lanes.shape
    group = heads // kv_heads
    grouped = queries.reshape(slots, width, kv_heads, group, head_dim).transpose(0, 2, 3, 1, 4)
    grouped = grouped.reshape(slots, kv_heads, group * width, head_dim)

    def for_each_head(mask: Bool[Array, "entries lanes width source"], lanes: int) -> Array:
        shape = mask.shape[0], lanes, group, width, mask.shape[3]
        return jnp.broadcast_to(mask[:, :, None], shape).reshape(shape[0], 1, -1, shape[4])

    own = _part(grouped, *ring, for_each_head(masks[1][:, None], 1))

    # Siblings' queries become rows of one product per (prompt, key head), and go back to their slots after it.
    together = take_entries(grouped, seating.lanes.reshape(shards, -1))
    together = together.reshape(shards * rows, lanes, kv_heads, -1, head_dim).transpose(0, 2, 1, 3, 4)
    together = together.reshape(shards * rows, kv_heads, -1, head_dim)
    shared = _part(together, *prompts, for_each_head(masks[0], lanes))

    def to_slots(array: Array) -> Array:
        split = array.reshape(shards * rows, kv_heads, lanes, -1, array.shape[-1]).transpose(0, 2, 1, 3, 4)
        return take_entries(split.reshape(-1, *split.shape[2:]), seating.place)

    mix, total, top = (to_slots(array) for array in shared)
    highest = jnp.maximum(top, own[2])
    first, second = jnp.exp(top - highest), jnp.exp(own[2] - highest)
    out = (mix * first + own[0] * second) / (total * first + own[1] * second)
    out = out.astype(queries.dtype).reshape(slots, kv_heads, group, width, head_dim)
    return out.transpose(0, 3, 1, 2, 4).reshape(queries.shape)


def _part(
    queries: Float[Array, "entries kv_heads queries head_dim"], keys, values, visible: Bool[Array, "..."]
):
    """Attention over one part of the cache: unnormalized mix, sum of weights and highest score, in float32."""
    products = jnp.where(visible, scores(queries, keys), _HIDDEN)
    top = jnp.max(products, axis=-1, keepdims=True)
    weights = jnp.exp(products - top)
    return mixed(weights, values, queries.dtype), jnp.sum(weights, axis=-1, keepdims=True), top
