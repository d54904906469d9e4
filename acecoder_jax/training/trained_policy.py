"""The policy within what a trainer trains: with a critic's head beside it or without, with adapters or without.

Sampling, saving and exporting read the plain policy, adapters added in; log-probabilities under the policy, and the
reference's, are taken with the adapters beside the weights, as training does.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import jax
import jax.numpy as jnp
from flax import nnx
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from ml_collections import ConfigDict

from acecoder_jax.models.config import DecoderConfig
from acecoder_jax.models.huggingface import abstract_params
from acecoder_jax.models.lora import is_adapter, merged, with_adapters, write_adapter
from acecoder_jax.training.algorithms import Algorithm
from acecoder_jax.training.policy_step import policy_optimizer, policy_step_loss, with_critic
from acecoder_jax.training.processes import is_first
from acecoder_jax.training.trainer import Trainer, Trains, split_params


@dataclass(frozen=True)
class TrainedPolicy:
    """A trainer, and where the policy is in it.

    Attributes:
      decoder: the policy's shape, its adapters included.
      graph: of what is trained; `decoder_graph`, of the policy in it.
      trains: which parameters are trained, by their path; None for all.
      critic: whether a value head is trained beside the policy.
    """

    trainer: Trainer
    decoder: DecoderConfig
    graph: nnx.GraphDef
    decoder_graph: nnx.GraphDef
    trains: Trains | None
    critic: bool

    @property
    def params(self) -> nnx.State:
        """The policy's parameters of now, with its adapters beside them."""
        return self.trainer.params["backbone"] if self.critic else self.trainer.params

    @property
    def plain(self) -> nnx.State:
        """The parameters of the model without adapters that computes the same; without any, the trainer's own."""
        return merged(self.decoder, self.params)

    @property
    def trained(self) -> nnx.State:
        """Of the policy's parameters those that change: its adapters, or all without them."""
        return split_params(self.params, self.trains)[0]

    def write_adapters(self, folder: Path, base: str) -> None:
        """Write the adapters, if there are any, in PEFT's form; of several hosts all call, and the first one writes.

        Args:
          base: the folder of the model that they belong to.
        """
        if self.trains is None:
            return
        mesh = jax.tree.leaves(self.trained)[0].sharding.mesh
        adapters = jax.device_put(self.trained, NamedSharding(mesh, PartitionSpec()))
        if is_first():
            write_adapter(folder, self.decoder, adapters, base)

    def with_trained(self, trained: nnx.State) -> nnx.State:
        """The policy's parameters with others in the place of `trained`; what never changes is shared."""
        return nnx.merge_state(trained, split_params(self.params, self.trains)[1])


def policy_to_train(
    config: ConfigDict,
    algorithm: Algorithm,
    decoder: DecoderConfig,
    params: nnx.State,
    mesh: Mesh,
    updates: int,
    replay: Path | None = None,
) -> TrainedPolicy:
    """A policy about to be trained; its trainer has a copy of the parameters.

    Args:
      config: of `train_policy`.
      updates: of the whole run, for the learning rate's schedule.
      replay: see `Trainer`.

    Raises:
      UserError: see `with_adapters`.
    """
    # Of its own: an update gives its parameters' memory to the next ones, and the caller still holds these.
    params = jax.tree.map(jnp.copy, params)
    critic, after, trains = algorithm.value_targets is not None, None, None
    graph, _ = abstract_params(decoder)
    if critic:
        graph, params, after = with_critic(decoder, params, config.algorithm.critic_rate)
    if config.lora.rank:
        decoder, graph, params = with_adapters(decoder, params, config.lora, config.seed)
        trains = is_adapter
    optimizer = policy_optimizer(config, updates, after)
    loss = policy_step_loss(config, algorithm)
    trainer = Trainer(graph, params, optimizer, loss, mesh, replay, trains)
    return TrainedPolicy(trainer, decoder, graph, abstract_params(decoder)[0], trains, critic)
