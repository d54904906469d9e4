"""The parts of a policy run put together: what `train_policy` trains with, and `bench train_policy` measures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import jax
from jax.sharding import Mesh
from ml_collections import ConfigDict

from acecoder_jax.data.pipelines import PromptStream
from acecoder_jax.data.records import Question
from acecoder_jax.errors import UserError, require_at_least
from acecoder_jax.models.folders import LoadedModel
from acecoder_jax.models.hf_folder import DTYPES
from acecoder_jax.models.packed import attention_kernel
from acecoder_jax.rewards.combine import Rewards
from acecoder_jax.rewards.verdicts import Grader
from acecoder_jax.sampling.complete import Sampler
from acecoder_jax.training.algorithms import WITHIN_GROUPS, choose_algorithm
from acecoder_jax.training.mesh import check_rows, make_mesh, param_shardings
from acecoder_jax.training.policy_update import PolicyUpdate, correction_of
from acecoder_jax.training.reference import ReferencePolicy
from acecoder_jax.training.rollout_batches import MODES, RolloutBatches
from acecoder_jax.training.trained_policy import TrainedPolicy, policy_to_train


@dataclass
class PolicyParts:
    """Everything that a step goes through; `reference` is None where there is no KL term."""

    policy: TrainedPolicy
    sampler: Sampler
    reference: ReferencePolicy | None
    update: PolicyUpdate
    rewards: Rewards
    batches: RolloutBatches


def check_policy_config(config: ConfigDict) -> Mesh:
    """Refuse settings that would fail only later; returns the mesh.

    Raises:
      UserError: naming the setting.
    """
    mesh = make_mesh(**config.mesh)
    counts = "steps", "prompts_per_step", "samples", "prompts_per_update", "eval_every", "eval_samples"
    require_at_least(1, config, *counts, "checkpoint_every", "stop.window")
    algorithm = choose_algorithm(config.algorithm)
    if config.samples < 2 and algorithm.name in WITHIN_GROUPS:
        raise UserError(
            f"config.samples: {algorithm.name} compares the samples of a question, and of 1 it learns nothing; give 2"
            " or more"
        )
    _require_whole_distribution(config.sampling)
    check_rows(config.rows_per_microbatch, mesh)
    longest = config.sampling.max_prompt_tokens + config.sampling.max_new_tokens
    if config.row_length < longest:
        raise UserError(
            f"config.row_length: {config.row_length} tokens cannot hold sampling.max_prompt_tokens + max_new_tokens ="
            f" {longest}; raise row_length or lower those"
        )
    for key, known in (("mode", MODES), ("export_dtype", DTYPES)):
        if config[key] not in known:
            raise UserError(f"config.{key}: {config[key]!r} is unknown; use one of {', '.join(known)}")
    correction_of(config)
    attention_kernel(config.attention, jax.default_backend(), config.dtype)
    return mesh


def _require_whole_distribution(sampling: ConfigDict) -> None:
    """Refuse draws whose probabilities are not those of the softmax that is trained.

    Raises:
      UserError: naming the setting.
    """
    if sampling.temperature <= 0:
        raise UserError(
            f"config.sampling.temperature: at {sampling.temperature} nothing is explored; give a number above 0"
        )
    for name, all_of_it in (("top_p", 1.0), ("top_k", 0), ("min_p", 0.0)):
        if sampling[name] != all_of_it:
            raise UserError(
                f"config.sampling.{name}: {sampling[name]} cuts the distribution that is trained, so ratios and KL"
                f" would be wrong; give {all_of_it}"
            )


def policy_parts(
    config: ConfigDict,
    mesh: Mesh,
    policy: LoadedModel,
    questions: Sequence[Question],
    sampler: Sampler,
    grader: Grader,
    workdir: Path,
) -> PolicyParts:
    """The parts of a run that starts.

    Args:
      config: of `train_policy`.
      policy: as it starts.
      questions: those that are trained on.

    Raises:
      UserError: see `rewards.combine.Rewards` and `models.lora.with_adapters`.
    """
    place = partial(param_shardings, mesh=mesh)
    rewards = Rewards(config, questions, mesh, place, policy.tokenizer)
    algorithm = choose_algorithm(config.algorithm)
    updates = config.steps * -(-config.prompts_per_step // config.prompts_per_update)
    trained = policy_to_train(
        config, algorithm, policy.config, policy.params, mesh, updates, workdir / "replay"
    )
    reference = ReferencePolicy(trained, config, workdir) if config.algorithm.kl_coef else None
    update = PolicyUpdate(config, algorithm, trained, reference)
    prompts = PromptStream(questions, config.seed)
    batches = RolloutBatches(config, prompts, sampler, grader, rewards, lambda: trained.plain)
    return PolicyParts(trained, sampler, reference, update, rewards, batches)
