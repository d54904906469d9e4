"""The reward model's side of training: how it starts from a policy, and its loss on packed pairs.

`train_reward`, `compile` and `bench train_reward` run these; `train_reward` says what they are trained on.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import nnx
from ml_collections import ConfigDict

from acecoder_jax.models.decoder import RewardModel
from acecoder_jax.models.folders import LoadedModel
from acecoder_jax.models.huggingface import abstract_params
from acecoder_jax.models.packed import packed_hidden
from acecoder_jax.training.losses import bradley_terry
from acecoder_jax.training.trainer import LossFunction


def loss_config() -> ConfigDict:
    """The paper's form; `margin` times the difference in pass rates is asked for between a pair's rewards.

    `center` weighs the squared sum of a pair's rewards, which draws their mean to zero (Eisenstein et al., 2023).
    """
    return ConfigDict({"margin": 0.0, "center": 0.0})


def reward_from_policy(policy: LoadedModel) -> tuple[nnx.GraphDef, nnx.State]:
    """A reward model whose backbone is the policy and whose head is zero; it lies where the policy lies."""
    graph, params = abstract_params(policy.config, reward_model=True)
    backbone = nnx.to_pure_dict(policy.params)
    head = np.zeros(policy.config.hidden_size, np.float32)  # of no device: every host has it
    nnx.replace_by_pure_dict(params, {"backbone": backbone, "score": head})
    return graph, params


def in_reward(path: tuple[Any, ...]) -> bool:
    """Whether rewards depend on the parameter with this path: on all but an output layer.

    What they do not depend on is not trained: weight decay would shrink it, and its moments would take memory.
    """
    return path[-1] != "lm_head"


def reward_loss(config: ConfigDict) -> LossFunction:
    """The Bradley-Terry loss on `pair_microbatches`, by `train_reward`'s config; it sums `correct` and `margin`."""

    def loss(model: RewardModel, batch: dict):
        hidden = packed_hidden(model.backbone, batch, config.dtype, config.remat, config.attention)

        def rewards(columns):
            states = jnp.take_along_axis(hidden, columns[:, :, None], axis=1)
            return model.rewards(states.reshape(-1, states.shape[-1])).reshape(columns.shape)

        chosen, rejected, weight = rewards(batch["chosen"]), rewards(batch["rejected"]), batch["weight"]
        margin = config.loss.margin * batch["pass_rate_gap"]
        value = bradley_terry(chosen, rejected, weight, batch["denominator"], margin, config.loss.center)
        # A tie counts half, as in `train_reward`'s accuracy: the head starts at zero, where all pairs tie.
        correct = jnp.sum((jnp.sign(chosen - rejected) + 1) / 2 * weight)
        return value, {"correct": correct, "margin": jnp.sum((chosen - rejected) * weight)}

    return loss
