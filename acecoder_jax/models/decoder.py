"""The one decoder behind policies, reference policies and reward models.

Layers are stored stacked along a leading axis, and run by a scan in training; the sampling engine slices them once
into per-layer views for prefill and token-by-token decoding. A block does not know which: it hands its
queries, keys and values to an `attend` function that the caller gives it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

import jax
import jax.numpy as jnp
from flax import nnx
from jax.ad_checkpoint import checkpoint_name
from jax.sharding import PartitionSpec
from jaxtyping import Array, Bool, Float, Int

from acecoder_jax.models.config import DecoderConfig
from acecoder_jax.models.matmul import matmul
from acecoder_jax.models.rope import apply_rope, rope_tables

# attend(queries, keys, values) -> (mixed values, whatever the caller wants back from each layer). Models with a
# sliding window also give it `windowed`: whether this layer has one, to be handed on to `by_layer`.
Attend = Callable[..., tuple[Array, object]]
Tree = TypeVar("Tree")

HIDDEN = -1e30  # a score or logit that softmax makes nothing of; finite, so that a row of them is no NaN

REMAT_POLICIES = {
    "none": jax.checkpoint_policies.everything_saveable,
    "dots": jax.checkpoint_policies.save_only_these_names("product"),
    "full": jax.checkpoint_policies.nothing_saveable,
}

ACTIVATIONS = {"silu": jax.nn.silu, "gelu_tanh": partial(jax.nn.gelu, approximate=True)}


def parameter(
    rngs: nnx.Rngs, shape: tuple[int, ...], axes: tuple[str, ...], scale: float | None = 0.02
) -> nnx.Param:
    """A float32 weight with its logical axis names: the one description that init, sharding and shapes follow.

    Args:
      rngs: the source of the initial values.
      shape: one size per axis.
      axes: one name per axis, looked up in the logical axis rules.
      scale: standard deviation of the normal init; None for ones.
    """
    assert len(shape) == len(axes)
    value = jnp.ones(shape, jnp.float32) if scale is None else scale * jax.random.normal(rngs.params(), shape)
    return nnx.Param(value, axes=axes)


def rms_norm(
    x: Float[Array, "*batch width"], weight: Float[Array, "width"], eps: float, offset: float = 0.0
) -> Float[Array, "*batch width"]:
    """Root-mean-square norm, computed in float32 and returned in the dtype of `x`; `offset` is added to the weight."""
    # Over one axis of rows: XLA's CPU backend adds up the weight's gradient ten times slower over several.
    wide = x.reshape(-1, x.shape[-1]).astype(jnp.float32)
    wide = wide * jax.lax.rsqrt(jnp.mean(jnp.square(wide), axis=-1, keepdims=True) + eps)
    weight = weight.astype(jnp.float32) + offset if offset else weight.astype(jnp.float32)
    return (wide * weight[None, :]).astype(x.dtype).reshape(x.shape)


def layer_ropes(config: DecoderConfig, positions: Int[Array, "batch time"]):
    """Rotary tables of the layers that see everything, and of the windowed ones."""
    return tuple(rope_tables(positions, config.head_dim, rope) for rope in (config.rope, config.local_rope))


def by_layer(windowed: bool | Bool[Array, ""], full: Tree, local: Tree) -> Tree:
    """`local` in a windowed layer, else `full`; chosen in the compiled program where layers differ."""
    if isinstance(windowed, bool):
        return local if windowed else full
    return jax.tree.map(lambda one, other: jnp.where(windowed, other, one), full, local)


def in_window(
    positions: Int[Array, "batch time"], seen: Int[Array, "batch source"], window: int
) -> Bool[Array, "batch time source"]:
    """True where a position of the same sequence is among the last `window`; positions after it are too."""
    return positions[:, :, None] - seen[:, None, :] < window


def attention(
    queries: Float[Array, "batch time heads head_dim"],
    keys: Float[Array, "batch source kv_heads head_dim"],
    values: Float[Array, "batch source kv_heads head_dim"],
    mask: Array,
) -> Float[Array, "batch time heads head_dim"]:
    """Grouped-query attention without repeating keys; softmax in float32.

    Args:
      mask: boolean, (batch, time, source); True where a query may look. A row that may look nowhere gives a
        finite, meaningless mean, which the caller must not use.
    """
    batch, time, heads, head_dim = queries.shape
    kv_heads, source = keys.shape[2], keys.shape[1]
    group = heads // kv_heads

    # The queries that share a key head become rows of one matrix product per (batch, key head).
    def by_kv_head(x: Array) -> Array:
        return x.transpose(0, 2, 1, 3).reshape(batch * kv_heads, source, head_dim)

    grouped = queries.reshape(batch, time, kv_heads, group, head_dim).transpose(0, 2, 3, 1, 4)
    grouped = grouped.reshape(batch * kv_heads, group * time, head_dim)
    scores = matmul(grouped, jnp.matrix_transpose(by_kv_head(keys))) * head_dim**-0.5
    scores = jnp.where(mask[:, None, None], scores.reshape(batch, kv_heads, group, time, source), HIDDEN)
    weights = (
        jax.nn.softmax(scores, axis=-1).astype(values.dtype).reshape(batch * kv_heads, group * time, source)
    )
    mixed = matmul(weights, by_kv_head(values)).astype(values.dtype)
    mixed = mixed.reshape(batch, kv_heads, group, time, head_dim).transpose(0, 3, 1, 2, 4)
    return mixed.reshape(queries.shape)


class Block(nnx.Module):
    """All transformer layers, their weights stacked along a leading `layers` axis.

    Called on one layer's slice of the weights (see `layer`), never on the stack.
    """

    def __init__(self, config: DecoderConfig, rngs: nnx.Rngs):
        c, weight = config, partial(parameter, rngs)
        n, d, h, kv, f = (
            c.num_layers,
            c.hidden_size,
            c.num_heads * c.head_dim,
            c.num_kv_heads * c.head_dim,
            c.intermediate_size,
        )
        self.config = c
        norm = None if c.norm_offset == 0 else 0.0  # either way it starts as the identity
        self.input_norm = weight((n, d), ("layers", "norm"), norm)
        self.query = weight((n, d, h), ("layers", "embed", "heads"))
        self.key = weight((n, d, kv), ("layers", "embed", "kv_heads"))
        self.value = weight((n, d, kv), ("layers", "embed", "kv_heads"))
        self.output = weight((n, h, d), ("layers", "heads", "embed"))
        if c.qkv_bias:
            self.query_bias = weight((n, h), ("layers", "heads"), 0.0)
            self.key_bias = weight((n, kv), ("layers", "kv_heads"), 0.0)
            self.value_bias = weight((n, kv), ("layers", "kv_heads"), 0.0)
        if c.qk_norm:
            self.query_norm = weight((n, c.head_dim), ("layers", "norm"), norm)
            self.key_norm = weight((n, c.head_dim), ("layers", "norm"), norm)
        self.mlp_norm = weight((n, d), ("layers", "norm"), norm)
        if c.post_norms:
            self.attention_post_norm = weight((n, d), ("layers", "norm"), norm)
            self.mlp_post_norm = weight((n, d), ("layers", "norm"), norm)
        self.gate = weight((n, d, f), ("layers", "embed", "mlp"))
        self.up = weight((n, d, f), ("layers", "embed", "mlp"))
        self.down = weight((n, f, d), ("layers", "mlp", "embed"))
        for name in c.lora_targets:
            _, inputs, outputs = getattr(self, name).shape
            _, reads, writes = getattr(self, name).axes
            first = weight((n, inputs, c.lora_rank), ("layers", reads, "lora"), inputs**-0.5)
            second = weight((n, c.lora_rank, outputs), ("layers", "lora", writes), 0.0)
            setattr(self, f"{name}_lora_a", first)
            setattr(self, f"{name}_lora_b", second)

    def __call__(self, x: Float[Array, "batch time embed"], rope: tuple[Array, Array], attend: Attend):
        """One layer: returns the new activations and what `attend` wants kept."""
        c = self.config
        normed = self._norm(x, self.input_norm)
        queries, keys, values = (self._heads(normed, name) for name in ("query", "key", "value"))
        if c.qk_norm:
            queries, keys = self._norm(queries, self.query_norm), self._norm(keys, self.key_norm)
        queries, keys = apply_rope(queries, rope), apply_rope(keys, rope)
        mixed, kept = attend(queries * c.query_scale if c.query_scale != 1 else queries, keys, values)
        added = self._product(mixed.reshape(*x.shape[:2], -1), "output")
        x = x + (self._norm(added, self.attention_post_norm) if c.post_norms else added)
        normed = self._norm(x, self.mlp_norm)
        gated = ACTIVATIONS[c.activation](self._product(normed, "gate")) * self._product(normed, "up")
        added = self._product(gated, "down")
        return x + (self._norm(added, self.mlp_post_norm) if c.post_norms else added), kept

    def _norm(self, x: Array, weight: nnx.Param) -> Array:
        return rms_norm(x, weight[...], self.config.rms_norm_eps, self.config.norm_offset)

    def _product(self, x: Float[Array, "batch time width"], kernel: str) -> Float[Array, "batch time out"]:
        """The product with a weight matrix, and with its low-rank adapter where it has one."""
        y, c = _matmul(x, getattr(self, kernel)), self.config
        if kernel not in c.lora_targets:
            return y
        narrow = _matmul(x, getattr(self, f"{kernel}_lora_a"))
        return y + c.lora_scale * _matmul(narrow, getattr(self, f"{kernel}_lora_b"))

    def _heads(self, x: Float[Array, "batch time embed"], kernel: str) -> Array:
        """Queries, keys or values: (batch, time, heads, head_dim)."""
        y = self._product(x, kernel)
        if self.config.qkv_bias:
            y = y + getattr(self, f"{kernel}_bias")[...].astype(x.dtype)[None, None, :]
        return y.reshape(*y.shape[:2], -1, self.config.head_dim)


def _matmul(x: Float[Array, "batch time width"], kernel: nnx.Param) -> Float[Array, "batch time out"]:
    # As one matrix product over all tokens: the weight's gradient is then one too, which XLA's CPU backend runs
    # twice as fast as the contraction over two axes.
    weight = kernel[...]
    y = matmul(x.reshape(-1, x.shape[-1]), weight).astype(x.dtype)
    return checkpoint_name(y, "product").reshape(*x.shape[:-1], weight.shape[-1])


def embed(
    table: Float[Array, "vocab embed"], tokens: Int[Array, "batch time"], scale: float, dtype: jnp.dtype
) -> Float[Array, "batch time embed"]:
    """Rows of the embedding, rounded to the compute dtype before they are scaled."""
    x = jnp.take(table, tokens, axis=0).astype(dtype)
    return x if scale == 1 else x * scale


def split_by_rows(x: Float[Array, "batch time embed"]) -> Float[Array, "batch time embed"]:
    """Hidden states over the devices of the mesh that is set, as the tokens; without one as they are.

    The compiler would rather split the width, as the embedding's, and so in every layer.
    """
    mesh = jax.sharding.get_abstract_mesh()
    if mesh.empty:
        return x
    rows = tuple(axis for axis in mesh.axis_names if axis != "tensor")
    return jax.lax.with_sharding_constraint(x, PartitionSpec(rows))


class Decoder(nnx.Module):
    """A causal language model: token ids in, final hidden states or logits out."""

    def __init__(self, config: DecoderConfig, rngs: nnx.Rngs):
        self.config = config
        self.embedding = parameter(rngs, (config.vocab_rows, config.hidden_size), ("vocab", "embed"))
        self.blocks = Block(config, rngs)
        norm = None if config.norm_offset == 0 else 0.0
        self.final_norm = parameter(rngs, (config.hidden_size,), ("norm",), norm)
        if not config.tie_word_embeddings:
            self.lm_head = parameter(rngs, (config.vocab_rows, config.hidden_size), ("vocab", "embed"))

    def hidden(
        self,
        tokens: Int[Array, "batch time"],
        positions: Int[Array, "batch time"],
        attend: Attend,
        dtype: jnp.dtype = jnp.float32,
        remat: str = "none",
    ):
        """Final, normed hidden states, and each layer's kept value stacked along a leading axis.

        Args:
          tokens, positions: what stands where; positions restart in every sequence of a packed row.
          attend: how queries see keys, the same for every layer.
          dtype: compute dtype; weights stay float32.
          remat: which activations the backward pass finds saved, a key of `REMAT_POLICIES`.
        """
        c = self.config
        ropes = layer_ropes(c, positions)
        graph, stacked = nnx.split(self.blocks)

        def layer(x, weights, windowed):
            see = partial(attend, windowed=windowed) if c.sliding_window else attend
            return nnx.merge(graph, weights)(x, by_layer(windowed, *ropes), see)

        if len(set(c.windowed_layers)) > 1:
            scanned = stacked, jnp.array(c.windowed_layers)
            body = lambda x, one: layer(x, *one)  # noqa: E731
        else:
            scanned, body = stacked, partial(layer, windowed=c.windowed_layers[0])
        body = jax.checkpoint(body, policy=REMAT_POLICIES[remat], prevent_cse=False)
        x, kept = jax.lax.scan(body, self.embed(tokens, dtype), scanned)
        return rms_norm(x, self.final_norm[...], c.rms_norm_eps, c.norm_offset), kept

    def embed(self, tokens: Int[Array, "batch time"], dtype: jnp.dtype) -> Float[Array, "batch time embed"]:
        return split_by_rows(embed(self.embedding[...], tokens, self.config.embedding_scale, dtype))

    def logits(self, hidden: Float[Array, "batch time embed"]) -> Float[Array, "batch time vocab"]:
        """Next-token logits in float32; those of the vocabulary's padding are so low that they are nothing."""
        head = self.embedding if self.config.tie_word_embeddings else self.lm_head
        flat = matmul(hidden.reshape(-1, hidden.shape[-1]), head[...].T)
        if self.config.vocab_rows > self.config.vocab_size:
            real = jnp.arange(head.shape[0]) < self.config.vocab_size
            flat = jnp.where(real[None, :], flat, HIDDEN)
        return flat.reshape(*hidden.shape[:-1], head.shape[0])


class RewardModel(nnx.Module):
    """The decoder with one linear layer that turns a hidden state into a scalar (paper, section 3.2)."""

    def __init__(self, config: DecoderConfig, rngs: nnx.Rngs):
        self.backbone = Decoder(config, rngs)
        # Zeros: before training every program scores 0, so nothing is preferred by accident.
        self.score = parameter(rngs, (config.hidden_size,), ("norm",), 0.0)

    def rewards(self, hidden: Float[Array, "batch embed"]) -> Float[Array, "batch"]:
        """Scalar rewards of the last tokens' hidden states, in float32."""
        return jnp.einsum("bd,d->b", hidden.astype(jnp.float32), self.score[...])
