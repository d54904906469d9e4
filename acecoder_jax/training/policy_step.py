"""The policy's loss on packed rows, with or without a critic, and what the current weights say of sampled tokens.

With a critic the trained module is a `RewardModel` whose backbone is the policy and whose head estimates, before
each token, the return from it on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from jax.sharding import NamedSharding
from jaxtyping import Array, Float
from ml_collections import ConfigDict

from acecoder_jax.data.policy_rows import microbatches, pack_completions, unfill
from acecoder_jax.data.records import Completion
from acecoder_jax.models.config import DecoderConfig
from acecoder_jax.models.decoder import Decoder, RewardModel
from acecoder_jax.models.huggingface import abstract_params
from acecoder_jax.models.packed import on_host, packed_hidden, packed_log_probs
from acecoder_jax.training.algorithms import Algorithm
from acecoder_jax.training.losses import policy_loss, value_loss
from acecoder_jax.training.mesh import place_rows
from acecoder_jax.training.trainer import LossFunction, make_optimizer


def policy_step_loss(config: ConfigDict, algorithm: Algorithm) -> LossFunction:
    """The loss of one microbatch of `policy_rows.microbatches`.

    Its arrays are those of `losses.policy_loss`; with a critic `old_values` and `value_targets` too.
    """
    settings = config.algorithm

    def loss(model: Decoder | RewardModel, batch: dict[str, Array]):
        critic = algorithm.value_targets is not None
        decoder = model.backbone if critic else model
        hidden = packed_hidden(decoder, batch, config.dtype, config.remat, config.attention)
        log_probs, entropy = packed_log_probs(decoder, hidden, batch, config.sampling.temperature)
        value, sums = policy_loss(log_probs, batch, algorithm.loss)
        sums["entropy"] = jnp.sum(jnp.where(batch["weights"] > 0, entropy, 0.0))
        if critic:
            error, more = value_loss(
                _values(model, hidden, batch),
                batch["old_values"],
                batch["value_targets"],
                batch["weights"],
                batch["denominator"],
                settings.critic_clip,
            )
            value = value + settings.critic_coef * error
            sums |= more | {"value_loss": error}
        return value, sums

    return loss


def with_critic(
    decoder: DecoderConfig, params: nnx.State, learning_rates: float
) -> tuple[nnx.GraphDef, nnx.State, optax.GradientTransformation]:
    """A policy with a critic's head of zeros beside it, and what follows the optimizer so that the head learns faster.

    Args:
      learning_rates: how many times the policy's learning rate the head takes.
    """
    graph, whole = abstract_params(decoder, reward_model=True)
    head = np.zeros(decoder.hidden_size, np.float32)  # of no device: every host has it
    nnx.replace_by_pure_dict(whole, {"backbone": nnx.to_pure_dict(params), "score": head})

    def scale(updates, _):
        return jax.tree.map_with_path(
            lambda path, leaf: leaf * learning_rates if "score" in str(path[0]) else leaf, updates
        )

    return graph, whole, optax.stateless(scale)


def policy_optimizer(
    config: ConfigDict, updates: int, after: optax.GradientTransformation | None
) -> optax.GradientTransformation:
    """`make_optimizer`, and what `with_critic` puts behind it."""
    optimizer = make_optimizer(config.optimizer, updates)
    return optimizer if after is None else optax.chain(optimizer, after)


def token_log_probs(
    graph: nnx.GraphDef, params: nnx.State, completions: Sequence[Completion], config: ConfigDict
) -> list[Float[np.ndarray, "time"]]:
    """Log-probabilities of each completion's tokens under a policy, at the sampling temperature."""
    arguments = config.sampling.temperature, config.dtype, config.attention
    return _on_rows(lambda rows: _log_probs(graph, params, rows, *arguments), params, completions, config)


def token_values(
    graph: nnx.GraphDef, params: nnx.State, completions: Sequence[Completion], config: ConfigDict
) -> list[Float[np.ndarray, "time"]]:
    """The critic's estimate of the return before each token of each completion."""
    return _on_rows(
        lambda rows: _row_values(graph, params, rows, config.dtype, config.attention),
        params,
        completions,
        config,
    )


def _on_rows(
    compute: Callable[[dict[str, Array]], Array],
    params: nnx.State,
    completions: Sequence[Completion],
    config: ConfigDict,
) -> list[np.ndarray]:
    """What `compute` gives for each token; rows are split over the mesh on which the parameters lie, if any."""
    packed = pack_completions(completions, config.row_length, config.rows_per_microbatch)
    rows = microbatches(packed, config.rows_per_microbatch)
    sharding = jax.tree.leaves(params)[0].sharding
    if isinstance(sharding, NamedSharding):
        with jax.sharding.use_abstract_mesh(sharding.mesh.abstract_mesh):
            parts = [on_host(compute(place_rows(one, sharding.mesh))) for one in rows]
    else:
        parts = [np.asarray(compute(one)) for one in rows]
    return unfill(packed, np.concatenate(parts), len(completions))


@partial(jax.jit, static_argnums=(0, 3, 4, 5))
def _log_probs(
    graph: nnx.GraphDef,
    params: nnx.State,
    rows: dict[str, Array],
    temperature: float,
    dtype: str,
    kernel: str,
) -> Float[Array, "rows time"]:
    model = nnx.merge(graph, params)
    hidden = packed_hidden(model, rows, dtype, kernel=kernel)
    return packed_log_probs(model, hidden, rows, temperature)[0]


@partial(jax.jit, static_argnums=(0, 3, 4))
def _row_values(
    graph: nnx.GraphDef, params: nnx.State, rows: dict[str, Array], dtype: str, kernel: str
) -> Float[Array, "rows time"]:
    model = nnx.merge(graph, params)
    return _values(model, packed_hidden(model.backbone, rows, dtype, kernel=kernel), rows)


def _values(
    model: RewardModel, hidden: Float[Array, "rows time embed"], rows: dict[str, Array]
) -> Float[Array, "rows time"]:
    """At each token the head's word on the state before it."""
    before = jnp.take_along_axis(hidden, rows["source"][:, :, None], axis=1)
    return model.rewards(before.reshape(-1, before.shape[-1])).reshape(before.shape[:2])
