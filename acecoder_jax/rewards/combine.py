"""What a rollout's completions are worth: the rule, the reward model or both, less what is owed for length.

Hidden tests never enter a reward; the guards compare the others with them. See `rule`, `model`, `shaping`, `guards`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from flax import nnx
from jax.sharding import Mesh
from ml_collections import ConfigDict, config_dict

from acecoder_jax.data.records import Completion, Question, Verdict
from acecoder_jax.errors import UserError
from acecoder_jax.models.folders import load_model
from acecoder_jax.rewards.guards import hidden_metrics, hidden_tests, in_process_metrics, rank_correlation
from acecoder_jax.rewards.model import RewardScorer
from acecoder_jax.rewards.rule import RULES, rule_reward
from acecoder_jax.rewards.shaping import OVERLONG, overlong, weighted_sum


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
      UserError: an unknown reward or rule, or a reward model that is not given.
    """
    if config.reward not in ("rule", "model", "sum"):
        raise UserError(f"config.reward: {config.reward!r} is unknown; use 'rule', 'model' or 'sum'")
    if config.rule not in RULES:
        raise UserError(f"config.rule: {config.rule!r} is unknown; use one of {', '.join(RULES)}")
    if config.overlong not in OVERLONG:
        raise UserError(f"config.overlong: {config.overlong!r} is unknown; use one of {', '.join(OVERLONG)}")
    weights = config.reward_weights.to_dict()
    if config.reward == "sum":
        weighted_sum({"rule": [], "model": []}, weights)
    needed = config.reward == "model" or (config.reward == "sum" and bool(weights["model"]))
    if needed and config.reward_model is None:
        raise UserError(
            f"config.reward_model: required where config.reward is {config.reward!r}; give a folder of train_reward"
        )
    return needed


class Rewards:
    """Rewards of completions, and what the guards say about them."""

    def __init__(
        self,
        config: ConfigDict,
        questions: Sequence[Question],
        mesh: Mesh | None = None,
        place: Callable[[nnx.State], nnx.State] | None = None,
    ):
        """Decide every question's hidden tests; load the reward model if it has a part.

        Args:
          config: of `train_policy`; see `reward_settings`.
          questions: that will be answered.
          mesh, place: over which the reward model lies, and how (see `load_model`); without them it is on one device.
            All hosts of the mesh score the same completions.

        Raises:
          UserError: see `needs_model`; a question without tests, or a folder that holds no reward model.
        """
        self._config = config
        self.hidden = {question.id: hidden_tests(question, config.hidden_share) for question in questions}
        self._scorer = None
        if needs_model(config):
            model = load_model(config.reward_model, "reward", place)
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
            scores = self._scorer.score(completions)
            rewards["model"] = [s if v.pass_rate is not None else None for s, v in zip(scores, verdicts)]
        if c.reward == "sum":
            weights = {name: weight for name, weight in c.reward_weights.items() if weight}
            total = weighted_sum(rewards, weights)
        else:
            total = rewards[c.reward]
        lengths = [len(completion.token_ids) for completion in completions]
        cut = [completion.finish_reason == "length" for completion in completions]
        longest = c.sampling.max_new_tokens
        total = overlong(total, lengths, cut, c.overlong, longest, min(c.overlong_buffer, longest))
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
