"""Prefill: prompts packed into rows, and the keys and values of what stands there.

Short prompts share a row, and see only themselves. The weights are those that decoding reads, so that the sampler
keeps no others and every token is drawn from one model, in eight bits too. One layer is compiled, and run on each
layer's weights after the other: what it needs meanwhile is there for one layer only.
"""

from __future__ import annotations

from collections import deque
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.sharding import Mesh
from jaxtyping import Array, Float, Int

from acecoder_jax.models.config import DecoderConfig
from acecoder_jax.models.decoder import embed, in_window, layer_ropes, split_by_rows
from acecoder_jax.models.packed import ATTENTION_KERNELS
from acecoder_jax.models.splash import LANES
from acecoder_jax.sampling import layout
from acecoder_jax.sampling.cache import contain
from acecoder_jax.sampling.seats import Group
from acecoder_jax.sampling.view import DecodeView, widen

_PACKED_ROWS = 4


def packed_shape(shards: int, prompt: int) -> tuple[int, int]:
    """Rows and columns of a prefill.

    At least four rows, and as many for every group of devices that holds the weights; each is twice the longest
    prompt, filled up to whole blocks of the splash kernel where that is longer than one.
    """
    columns = 2 * prompt
    if columns > LANES:
        columns = -(-columns // LANES) * LANES
    return -(-_PACKED_ROWS // shards) * shards, columns


def prefill_attention(config: DecoderConfig, mesh: Mesh | None) -> str:
    """The attention of prefill, a key of `ATTENTION_KERNELS`.

    On TPUs the one that keeps no scores, where key heads divide over a group of devices. Elsewhere XLA's: cuDNN adds
    its mask to the scores, which would let what is not finite into other prompts (see `cache.contain`).
    """
    device = mesh.devices.flat[0] if mesh else jax.local_devices()[0]
    divides = mesh is None or config.num_kv_heads % mesh.shape["tensor"] == 0
    return "splash" if device.platform == "tpu" and divides else "xla"


def prefill(
    graph: nnx.GraphDef,
    config: DecoderConfig,
    view: DecodeView,
    tokens: Int[Array, "rows time"],
    positions: Int[Array, "rows time"],
    segment: Int[Array, "rows time"],
    dtype: str,
    kernel: str = "xla",
) -> list[tuple[Array, Array]]:
    """Keys (rows, kv_heads, head_dim, time) and values (rows, kv_heads, time, head_dim) of each layer.

    Args:
      graph: of the blocks.
      positions: restart with every prompt.
      segment: the prompt's number in its row, from 1; 0 for padding.
      dtype: of the computation.
      kernel: see `prefill_attention`.
    """
    x = embedded(view.embedding, tokens, config.embedding_scale, dtype)
    kept = []
    for weights, windowed in zip(view.layers, config.windowed_layers):
        x, pair = prefill_layer(graph, config, kernel, windowed, weights, x, positions, segment)
        kept.append(pair)
    return kept


@partial(jax.jit, static_argnums=(2, 3))
def embedded(
    table: Float[Array, "vocab embed"], tokens: Int[Array, "rows time"], scale: float, dtype: str
) -> Float[Array, "rows time embed"]:
    """What the first layer reads."""
    return split_by_rows(embed(table, tokens, scale, jnp.dtype(dtype)))


@partial(jax.jit, static_argnums=(0, 1, 2, 3))
def prefill_layer(
    graph: nnx.GraphDef,
    config: DecoderConfig,
    kernel: str,
    windowed: bool,
    weights: nnx.State,
    x: Float[Array, "rows time embed"],
    positions: Int[Array, "rows time"],
    segment: Int[Array, "rows time"],
) -> tuple[Float[Array, "rows time embed"], tuple[Array, Array]]:
    """One layer on packed prompts: hidden states, and its keys and values, which lie as in the cache."""
    mask = jnp.tril(jnp.ones((x.shape[1],) * 2, bool))[None] & (segment[:, :, None] == segment[:, None, :])
    if windowed:
        mask = mask & in_window(positions, positions, config.sliding_window)

    def attend(queries, keys, values):
        keys, values = contain(keys, values)
        kept = keys.transpose(0, 2, 3, 1), values.transpose(0, 2, 1, 3)
        return ATTENTION_KERNELS[kernel](queries, keys, values, mask), kept

    block = nnx.merge(graph, widen(weights, x.dtype.name))
    x, kept = block(x, layer_ropes(config, positions)[windowed], attend)
    mesh = jax.sharding.get_abstract_mesh()
    if not mesh.empty:
        kept = jax.lax.with_sharding_constraint(kept, layout.cache_sharding(config, mesh).spec)
    return split_by_rows(x), kept


def pack_prompts(groups: deque[Group], rows: int, length: int) -> list[Group]:
    """Take waiting groups, in order, while their prompts fit; each is told where its prompt stands.

    Groups of one prompt that follow each other stand at the same place. Prompts go without their last token.
    """
    filled, taken = [0] * rows, []
    while groups:
        group = groups[0]
        size = len(group.prompt) - 1
        if taken and taken[-1].prompt == group.prompt:
            group.at = taken[-1].at
        else:
            row = next((i for i, used in enumerate(filled) if used + size <= length), None)
            if row is None:
                break
            group.at = row, filled[row]
            filled[row] += size
        taken.append(groups.popleft())
    return taken


def prefill_arrays(
    groups: list[Group], rows: int, length: int
) -> tuple[Int[np.ndarray, "rows time"], Int[np.ndarray, "rows time"], Int[np.ndarray, "rows time"]]:
    """Tokens, positions and segments (from 1; 0 is padding) of packed prompts."""
    tokens, positions, segment = (np.zeros((rows, length), np.int32) for _ in range(3))
    for number, group in enumerate(groups, start=1):
        (row, start), size = group.at, len(group.prompt) - 1
        columns = slice(start, start + size)
        tokens[row, columns], positions[row, columns] = group.prompt[:-1], np.arange(size)
        segment[row, columns] = number
    return tokens, positions, segment
