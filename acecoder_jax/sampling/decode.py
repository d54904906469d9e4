"""The compiled steps of decoding: a chunk of tokens in all slots, or one wide step that checks guesses.

Prefill runs a prompt without its last token; the first decode step feeds that token, so that there is one place
where tokens are drawn. Who sits in which slot, and which slots share a prompt, is decided on the host between chunks
and handed in as a `Seating`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Int

from acecoder_jax.models.config import DecoderConfig
from acecoder_jax.models.decoder import by_layer, embed, layer_ropes, rms_norm
from acecoder_jax.models.matmul import matmul
from acecoder_jax.sampling.paged import PagedCache
from acecoder_jax.sampling.ring import RingCache
from acecoder_jax.sampling.seats import Seating
from acecoder_jax.sampling.view import DecodeView, widen
from acecoder_jax.sampling.warp import draw


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
    statics: DecodeStatics,
    view: DecodeView,
    cache: RingCache | PagedCache,
    seating: Seating,
    now: Int[Array, ""],
) -> tuple[RingCache | PagedCache, Int[Array, "slots chunk"], Float[Array, "slots chunk"]]:
    """Decode a chunk of tokens in every slot; returns them with their log-probabilities.

    Args:
      now: the column that all slots write first, where the cache is a ring.
    """

    def step(carry, j):
        cache, token, generated = carry
        cache, drawn, log_probs = _step(statics, view, cache, seating, token[:, None], generated, now + j)
        return (cache, drawn[:, 0], generated + 1), (drawn[:, 0], log_probs[:, 0])

    start = (cache, seating.token, seating.generated)
    (cache, _, _), (tokens, log_probs) = jax.lax.scan(step, start, jnp.arange(statics.chunk))
    return cache, tokens.T, log_probs.T


@partial(jax.jit, static_argnums=(0,), donate_argnums=(2,))
def verify(
    statics: DecodeStatics,
    view: DecodeView,
    cache: RingCache | PagedCache,
    seating: Seating,
    proposed: Int[Array, "slots proposals"],
    now: Int[Array, "slots"],
) -> tuple[RingCache | PagedCache, Int[Array, "slots width"], Float[Array, "slots width"]]:
    """One wide step: every slot's last token and the ones proposed after it, and what is drawn after each of them.

    A draw uses the number that the request has for its position, whatever was proposed; so draws count up to the
    first one that is not what was proposed, it included, and are those of `decode_chunk`. What stands in the cache
    after it is not seen, and is written over by the next step.

    Args:
      now: the column that each slot writes first, where the cache is a ring.

    Returns:
      the cache; proposals + 1 tokens with their log-probabilities.
    """
    tokens = jnp.concatenate([seating.token[:, None], proposed], axis=1)
    return _step(statics, view, cache, seating, tokens, seating.generated, now)


def _step(statics: DecodeStatics, view, cache, seating: Seating, tokens, generated, now):
    """Some tokens of every slot through the model; returns the cache with them, and a draw after each of them."""
    slots, width = tokens.shape
    positions = (seating.prompt + generated)[:, None] + jnp.arange(width)[None, :]
    cache, logits = _forward(statics, view, cache, seating, tokens, positions, now)

    def each(array: Array) -> Array:
        return jnp.repeat(array, width, axis=0)

    key = jax.vmap(lambda seed, at: jax.random.fold_in(jax.random.key(seed), at))
    uniforms = jax.vmap(jax.random.uniform)(key(each(seating.seed), positions.reshape(-1)))
    drawn, log_probs = draw(logits, uniforms, jax.tree.map(each, seating.draws))
    return cache, drawn.reshape(slots, width), log_probs.reshape(slots, width)


def _forward(statics: DecodeStatics, view, cache, seating: Seating, tokens, positions, now):
    """Hidden states and cache of some tokens of every slot; returns the cache, and float32 logits, (tokens, vocab)."""
    config, dtype = statics.config, jnp.dtype(statics.dtype)
    attend = cache.attention(config, seating, positions, now)
    # Behind a barrier: the compiler would work out sines and cosines anew in every layer.
    ropes = jax.lax.optimization_barrier(layer_ropes(config, positions))
    x = embed(view.embedding, tokens, config.embedding_scale, dtype)
    written: list = []
    for layer in range(config.num_layers):
        block = nnx.merge(statics.graph, widen(view.layers[layer], statics.dtype))
        x, kept = block(x, by_layer(config.windowed_layers[layer], *ropes), partial(attend, layer))
        written.append(kept)
    cache = cache.with_layers(written)
    hidden = rms_norm(x, view.final_norm, config.rms_norm_eps, config.norm_offset)
    return cache, matmul(hidden.reshape(-1, hidden.shape[-1]), widen(view.head, statics.dtype))
