"""The compiled pieces of sampling: the weights' decode view, the key/value cache, prefill and decode chunks.

A slot is one row of the cache and one running request. A chunk decodes a few tokens for all slots: the cache is
read-only inside it, new keys and values go to a small buffer that all slots write at the same column, and the
buffer is merged into the cache once at the end. Prefill runs a prompt without its last token; the first decode
step feeds that token, so that there is one place where tokens are drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Int

from acecoder_jax.models.config import DecoderConfig
from acecoder_jax.models.decoder import Decoder, attention, rms_norm, rope_tables
from acecoder_jax.sampling.warp import SamplingParams, draw


class Cache(NamedTuple):
    """Keys and values of every slot, one array per layer.

    Keys are kept transposed, (slots, kv_heads, head_dim, length): products of a query with them then read memory
    in order. Values are (slots, kv_heads, length, head_dim).
    """

    keys: tuple[Array, ...]
    values: tuple[Array, ...]


class SlotState(NamedTuple):
    """What a slot needs beside its cache.

    `token` is the last one, not yet in the cache; `length` counts cached positions; `key` is the request's own
    random key, so that its draws do not depend on its neighbours.
    """

    token: Int[Array, "slots"]
    length: Int[Array, "slots"]
    key: Array


class DecodeView(NamedTuple):
    """The model's weights, stacked layers sliced into one pytree per layer."""

    layers: tuple[nnx.State, ...]
    embedding: Array
    head: Array
    final_norm: Array


@dataclass(frozen=True)
class DecodeShape:
    """Static sizes: cached positions per slot, tokens per chunk, compute dtype."""

    length: int
    chunk: int
    dtype: str = "float32"


@partial(jax.jit, static_argnums=(0, 2))
def decode_view(graph: nnx.GraphDef, params: nnx.State, dtype: str) -> DecodeView:
    """Reshard the trainer's parameters for decoding: slices per layer, in the compute dtype."""
    model: Decoder = nnx.merge(graph, params)
    cast = partial(jax.tree.map, lambda leaf: leaf.astype(dtype))
    _, stacked = nnx.split(model.blocks)
    layers = tuple(cast(jax.tree.map(lambda leaf, i=i: leaf[i], stacked)) for i in range(model.config.num_layers))
    head = model.embedding if model.config.tie_word_embeddings else model.lm_head
    return DecodeView(layers, cast(model.embedding[...]), cast(head[...]), cast(model.final_norm[...]))


def empty_cache(config: DecoderConfig, slots: int, shape: DecodeShape) -> tuple[Cache, SlotState]:
    """A cache with nothing in it."""
    heads, width = config.num_kv_heads, config.head_dim
    keys = tuple(jnp.zeros((slots, heads, width, shape.length), shape.dtype) for _ in range(config.num_layers))
    values = tuple(jnp.zeros((slots, heads, shape.length, width), shape.dtype) for _ in range(config.num_layers))
    token, cached = jnp.zeros(slots, jnp.int32), jnp.zeros(slots, jnp.int32)
    return Cache(keys, values), SlotState(token, cached, jax.random.split(jax.random.key(0), slots))


@partial(jax.jit, static_argnums=(0, 4))
def prefill(
    graph: nnx.GraphDef,
    params: nnx.State,
    tokens: Int[Array, "prompts time"],
    lengths: Int[Array, "prompts"],
    dtype: str,
) -> tuple[Array, Array]:
    """Keys (layers, prompts, kv_heads, head_dim, time) and values (..., time, head_dim) of right-padded prompts."""
    model: Decoder = nnx.merge(graph, params)
    positions = jnp.broadcast_to(jnp.arange(tokens.shape[1])[None, :], tokens.shape)
    causal = positions[:, :, None] >= positions[:, None, :]
    mask = causal & (positions < lengths[:, None])[:, None, :]

    def attend(queries, keys, values):
        return attention(queries, keys, values, mask), (keys.transpose(0, 2, 3, 1), values.transpose(0, 2, 1, 3))

    return model.hidden(tokens, positions, attend, jnp.dtype(dtype))[1]


@partial(jax.jit, donate_argnums=(0, 1))
def insert(
    cache: Cache,
    state: SlotState,
    prefilled: tuple[Array, Array],
    prompt: Int[Array, "rows"],
    slot: Int[Array, "rows"],
    new: SlotState,
) -> tuple[Cache, SlotState]:
    """Put prefilled prompts into slots; several slots may take the same prompt.

    Args:
      prompt, slot: for each row, which prefilled prompt goes to which slot. A slot number past the last is dropped,
        so that the number of rows can stay fixed.
      new: the slots' new state, one entry a row.
    """
    keys, values = prefilled
    time = keys.shape[-1]

    def place(old: Array, fresh: Array, axis: int) -> Array:
        where = (slot, slice(None), slice(None), slice(time)) if axis == 3 else (slot, slice(None), slice(time))
        return old.at[where].set(fresh[prompt], mode="drop")

    new_keys = tuple(place(old, keys[i], 3) for i, old in enumerate(cache.keys))
    new_values = tuple(place(old, values[i], 2) for i, old in enumerate(cache.values))
    new_state = jax.tree.map(lambda old, fresh: old.at[slot].set(fresh, mode="drop"), state, new)
    return Cache(new_keys, new_values), new_state


@jax.jit
def compact(cache: Cache, state: SlotState, slots: Int[Array, "fewer"]) -> tuple[Cache, SlotState]:
    """Keep only these slots, in this order: the tail of a run shrinks to a smaller compiled shape."""
    return jax.tree.map(lambda leaf: leaf[slots], (cache, state))


@partial(jax.jit, static_argnums=(0, 1, 2, 3), donate_argnums=(5, 6))
def decode_chunk(
    block_graph: nnx.GraphDef,
    config: DecoderConfig,
    sampling: SamplingParams,
    shape: DecodeShape,
    view: DecodeView,
    cache: Cache,
    state: SlotState,
) -> tuple[Cache, SlotState, Int[Array, "slots chunk"], Float[Array, "slots chunk"]]:
    """Decode `shape.chunk` tokens in every slot; returns them with their log-probabilities."""
    slots, length = state.token.shape[0], shape.length
    columns = jnp.arange(length)
    cached = columns[None, :] < state.length[:, None]
    buffer = Cache(
        *(tuple(jnp.zeros((slots, *s), shape.dtype) for _ in range(config.num_layers)) for s in _buffer_shapes(config, shape))
    )

    def step(carry, j):
        buffer, token = carry
        position = state.length + j
        rope = rope_tables(position[:, None], config.head_dim, config.rope_theta)
        written = jnp.broadcast_to((jnp.arange(shape.chunk) <= j)[None, :], (slots, shape.chunk))
        x = jnp.take(view.embedding, token[:, None], axis=0)
        new_keys, new_values = [], []
        for layer in range(config.num_layers):

            def attend(queries, keys, values, layer=layer):
                k = jax.lax.dynamic_update_slice(buffer.keys[layer], keys.transpose(0, 2, 3, 1), (0, 0, 0, j))
                v = jax.lax.dynamic_update_slice(buffer.values[layer], values.transpose(0, 2, 1, 3), (0, 0, j, 0))
                pieces = ((cache.keys[layer], cache.values[layer], cached), (k, v, written))
                return _attend_pieces(queries, pieces), (k, v)

            x, (k, v) = nnx.merge(block_graph, view.layers[layer])(x, rope, attend)
            new_keys.append(k)
            new_values.append(v)
        hidden = rms_norm(x, view.final_norm, config.rms_norm_eps)
        logits = jnp.einsum("btd,vd->btv", hidden, view.head, preferred_element_type=jnp.float32)[:, 0]
        uniforms = jax.vmap(lambda key, at: jax.random.uniform(jax.random.fold_in(key, at)))(state.key, position)
        token, log_prob = draw(logits, uniforms, sampling)
        return (Cache(tuple(new_keys), tuple(new_values)), token), (token, log_prob)

    (buffer, token), (tokens, log_probs) = jax.lax.scan(step, (buffer, state.token), jnp.arange(shape.chunk))
    merge_keys = jax.vmap(lambda old, new, at: jax.lax.dynamic_update_slice(old, new, (0, 0, at)))
    merge_values = jax.vmap(lambda old, new, at: jax.lax.dynamic_update_slice(old, new, (0, at, 0)))
    cache = Cache(
        tuple(merge_keys(old, new, state.length) for old, new in zip(cache.keys, buffer.keys)),
        tuple(merge_values(old, new, state.length) for old, new in zip(cache.values, buffer.values)),
    )
    # An idle slot runs on until it is refilled; its writes stay inside its own row.
    new_length = jnp.minimum(state.length + shape.chunk, length - shape.chunk)
    return cache, SlotState(token, new_length, state.key), tokens.T, log_probs.T


def _buffer_shapes(config: DecoderConfig, shape: DecodeShape) -> tuple[tuple[int, ...], tuple[int, ...]]:
    heads, width = config.num_kv_heads, config.head_dim
    return (heads, width, shape.chunk), (heads, shape.chunk, width)


def _attend_pieces(queries: Float[Array, "slots one heads head_dim"], pieces) -> Array:
    """Attention over several key/value pieces with one softmax across them all."""
    slots, _, heads, head_dim = queries.shape
    kv_heads = pieces[0][0].shape[1]
    grouped = queries.reshape(slots, kv_heads, heads // kv_heads, head_dim)
    scores = [
        jnp.where(
            mask[:, None, None, :],
            jnp.einsum("bkgd,bkds->bkgs", grouped, keys, preferred_element_type=jnp.float32) * head_dim**-0.5,
            -1e30,
        )
        for keys, _, mask in pieces
    ]
    top = jnp.max(jnp.stack([jnp.max(score, axis=-1) for score in scores]), axis=0)
    weights = [jnp.exp(score - top[..., None]) for score in scores]
    total = sum(jnp.sum(weight, axis=-1) for weight in weights)
    mixed = sum(
        jnp.einsum("bkgs,bksd->bkgd", weight.astype(values.dtype), values, preferred_element_type=jnp.float32)
        for weight, (_, values, _) in zip(weights, pieces)
    )
    return (mixed / total[..., None]).astype(queries.dtype).reshape(queries.shape)
