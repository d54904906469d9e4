"""What a rollout's completions are worth: the rule, the reward model or both, less what is owed for length.

Hidden tests never enter a reward; the guards compare the others with them. See `rule`, `model`, `shaping`, `guards`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from flax import nnx
from jax.sharding import Mesh
from ml_collections import ConfigDict, config_dict

from acecoder_jax.data.prompts import render_prompt
from acecoder_jax.data.records import Completion, Question, Verdict
from acecoder_jax.errors import UserError
from acecoder_jax.models.folders import LoadedModel, load_model
from acecoder_jax.rewards.guards import hidden_metrics, hidden_tests, in_process_metrics, rank_correlation
from acecoder_jax.rewards.model import RewardScorer
from acecoder_jax.rewards.rule import RULES, rule_reward
from acecoder_jax.rewards.shaping import overlong, weighted_sum


def reward_settings() -> dict:
    """Part of `train_policy`'s config; all but the hidden tests as in the paper."""
    return {
        "reward": "rule",  # "rule", "model", or "sum" of both
        "rule": "binary",
        "reward_model": config_dict.placeholder(str),
        "reward_clip": 5.0,  # of the model's normalized reward
        "reward_weights": {"rule": 1.0, "model": 1.0},  # of "sum"
        "overlong": "keep",  # "mask" or "penalty" for completions that are too long
        "overlong_buffer": 256,  # tokens before the limit in which the penalty grows
        "hidden_share": 0.2,  # of each question's tests: they never reward, only measure
    }


def needs_model(config: ConfigDict) -> bool:
    """Whether the reward model has a part in the reward.

    Raises:
      UserError: an unknown reward or rule, an impossible buffer, or a reward model that is not given.
    """
    if config.reward not in ("rule", "model", "sum"):
        raise UserError(f"config.reward: {config.reward!r} is unknown; use 'rule', 'model' or 'sum'")
    if config.rule not in RULES:
        raise UserError(f"config.rule: {config.rule!r} is unknown; use one of {', '.join(RULES)}")
    overlong([], [], [], config.overlong, *_lengths(config))
    weights = config.reward_weights.to_dict()
    if config.reward == "sum":
        weighted_sum({"rule": [], "model": []}, weights)
    needed = config.reward == "model" or (config.reward == "sum" and bool(weights["model"]))
    if needed and config.reward_model is None:
        raise UserError(
            f"config.reward_model: required where config.reward is {config.reward!r}; give a folder of train_reward"
        )
    return needed


def _require_spread(model: LoadedModel, config: ConfigDict) -> None:
    """Refuse to clip scores of which nobody knows how large they are.

    Raises:
      UserError: an imported reward model without mean and spread of its scores.
    """
    if "reward_spread" not in model.extra and math.isfinite(config.reward_clip):
        raise UserError(
            f"config.reward_clip: the scores of {config.reward_model} cannot be normalised before they are clipped at"
            f" {config.reward_clip}, since it was imported without reward_mean and reward_spread; give them in the"
            " config.json that is imported, or set config.reward_clip=inf for its scores as they are"
        )


def _own_prompts(
    model: LoadedModel, folder: str, tokenizer: Any, questions: Sequence[Question]
) -> dict[str, tuple[int, ...]]:
    """Prompts in the reward model's own chat template, by question; none where the policy's is the same.

    Raises:
      UserError: the ids of completions are other tokens to the reward model.
    """
    if model.tokenizer.get_vocab() != tokenizer.get_vocab():
        raise UserError(
            f"config.reward_model: {folder} has another vocabulary than config.model, whose token ids it would"
            " misread; use a reward model of the policy's family"
        )
    if model.tokenizer.chat_template == tokenizer.chat_template:
        return {}
    return {question.id: render_prompt(model.tokenizer, question.prompt) for question in questions}


def _lengths(config: ConfigDict) -> tuple[int, int]:
    """The longest completion, and the tokens before its end in which the penalty grows."""
    longest = config.sampling.max_new_tokens
    return longest, min(config.overlong_buffer, longest)


class Rewards:
    """Rewards of completions, and what the guards say about them."""

    def __init__(
        self,
        config: ConfigDict,
        questions: Sequence[Question],
        mesh: Mesh | None = None,
        place: Callable[[nnx.State], nnx.State] | None = None,
        tokenizer: Any = None,
    ):
        """Decide every question's hidden tests; load the reward model if it has a part.

        Args:
          config: of `train_policy`; see `reward_settings`.
          questions: that will be answered.
          mesh, place: over which the reward model lies, and how (see `load_model`); without them it is on one device.
            All hosts of the mesh score the same completions.
          tokenizer: of whoever answers; None for the reward model's own.

        Raises:
          UserError: see `needs_model`; a question without tests, a folder that holds no reward model, or one whose
            scores would mean nothing here.
        """
        self._config = config
        self.hidden = {question.id: hidden_tests(question, config.hidden_share) for question in questions}
        self._scorer = None
        self._prompts: dict[str, tuple[int, ...]] = {}  # by question, where the reward model reads others
        if needs_model(config):
            model = load_model(config.reward_model, "reward", place)
            _require_spread(model, config)
            if tokenizer is not None:
                self._prompts = _own_prompts(model, config.reward_model, tokenizer, questions)
            self._scorer = RewardScorer.from_model(
                model, config.row_length, config.reward_clip, config.dtype, mesh
            )

    def score(
        self, completions: Sequence[Completion], verdicts: Sequence[Verdict]
    ) -> dict[str, list[float | None]]:
        """Rewards by name: the parts `rule` and perhaps `model`, and `total`; None for what is left out.

        What the sandbox failed on is left out whatever the reward: nothing else is known of it.
        """
        c = self._config
        rewards = {"rule": [rule_reward(v, c.rule, self.hidden[v.question_id]) for v in verdicts]}
        if self._scorer is not None:
            scores = self._scorer.score(
                [replace(c, prompt_ids=self._prompts.get(c.question_id, c.prompt_ids)) for c in completions]
            )
            rewards["model"] = [s if v.pass_rate is not None else None for s, v in zip(scores, verdicts)]
        if c.reward == "sum":
            weights = {name: weight for name, weight in c.reward_weights.items() if weight}
            total = weighted_sum(rewards, weights)
        else:
            total = rewards[c.reward]
        lengths = [len(completion.token_ids) for completion in completions]
        cut = [completion.finish_reason == "length" for completion in completions]
        total = overlong(total, lengths, cut, c.overlong, *_lengths(c))
        return rewards | {"total": total}

    def metrics(
        self, rewards: Mapping[str, Sequence[float | None]], verdicts: Sequence[Verdict]
    ) -> dict[str, float | None]:
        """What the guards say of a batch that `score` has rewarded, and the mean of each part."""
        values: dict[str, float | None] = {}
        for name, part in rewards.items():
            present = [reward for reward in part if reward is not None]
            if name != "total":
                values[f"reward/{name}"] = float(np.mean(present)) if present else None
                continue
            values["reward/mean"] = float(np.mean(present)) if present else None
            values["reward/std"] = float(np.std(present)) if present else None
            values["reward/left_out"] = len(part) - len(present)
        values |= hidden_metrics(verdicts, self.hidden) | in_process_metrics(verdicts)
        if "model" in rewards:
            rates = [verdict.pass_rate for verdict in verdicts]
            values["guard/rank_correlation"] = rank_correlation(rewards["model"], rates)
        return values
