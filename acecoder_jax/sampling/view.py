"""The weights as sampling reads them: one pytree per layer, matrices in the compute dtype or in eight bits."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Int

from acecoder_jax.models.decoder import Decoder


class EightBit(NamedTuple):
    """A matrix as int8 with one float32 scale per output column."""

    values: Int[Array, "inner out"]
    scale: Float[Array, "out"]


class DecodeView(NamedTuple):
    """The model's weights, stacked layers sliced into one pytree per layer; the head is (embed, vocab)."""

    layers: tuple[nnx.State, ...]
    embedding: Array
    head: Array | EightBit
    final_norm: Array


@partial(jax.jit, static_argnums=(0, 2, 3))
def decode_view(graph: nnx.GraphDef, params: nnx.State, dtype: str, eight_bit: bool = False) -> DecodeView:
    """Slices per layer of the trainer's parameters; nothing of it shares memory with them, so they may be donated.

    Args:
      dtype: of matrices and activations.
      eight_bit: keep matrices as int8; the products are still in `dtype`.
    """
    model: Decoder = nnx.merge(graph, params)

    def narrow(leaf: Array) -> Array | EightBit:
        if eight_bit:
            wide = leaf.astype(jnp.float32)
            scale = jnp.maximum(jnp.max(jnp.abs(wide), axis=0), 1e-12) / 127
            return EightBit(jnp.round(wide / scale[None, :]).astype(jnp.int8), scale)
        return leaf.astype(dtype)

    # Norms and biases stay in float32, as the trainer computes with them, so that both give the same probabilities.
    cast = partial(jax.tree.map, lambda leaf: narrow(leaf) if leaf.ndim > 1 else leaf)
    _, stacked = nnx.split(model.blocks)
    layers = tuple(
        cast(jax.tree.map(lambda leaf, i=i: leaf[i], stacked)) for i in range(model.config.num_layers)
    )
    head = model.embedding if model.config.tie_word_embeddings else model.lm_head
    head = head[...][: model.config.vocab_size].T  # no id of the vocabulary's padding is ever drawn
    embedding = jnp.copy(model.embedding[...].astype(dtype))
    return DecodeView(layers, embedding, narrow(head), jnp.copy(model.final_norm[...]))


def widen(weights, dtype: str):
    """Matrices back from eight bits, where they are; the compiler reads the bytes and widens them on the way."""
    return jax.tree.map(
        lambda leaf: (
            leaf.values.astype(dtype) * leaf.scale.astype(dtype)[None, :]
            if isinstance(leaf, EightBit)
            else leaf
        ),
        weights,
        is_leaf=lambda leaf: isinstance(leaf, EightBit),
    )
