"""From a step's rewarded completions to parameters: penalties, advantages, corrections, and the clipped updates.

The statistics of the estimators are taken over the whole rollout batch here on the host; a minibatch is nothing but
a share of its tokens.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from acecoder_jax.data.policy_rows import fill, microbatches, pack_completions
from acecoder_jax.data.records import Completion
from acecoder_jax.training.advantages import ScoredRollouts
from acecoder_jax.training.algorithms import Algorithm
from acecoder_jax.training.kl import kl_penalties
from acecoder_jax.training.losses import token_weights
from acecoder_jax.training.mismatch import mismatch_metrics, mismatch_weights
from acecoder_jax.training.policy_step import token_log_probs, token_values
from acecoder_jax.training.reference import ReferencePolicy
from acecoder_jax.training.throughput import Throughput, padding_share
from acecoder_jax.training.trained_policy import TrainedPolicy

# 0 of a step without an update
_UNMOVED = ("policy/clip_share", "policy/approx_kl", "policy/ratio_spread", "policy/tokens_per_s")
# Unknown of a step that kept nothing.
_UNKNOWN = ("policy/mismatch_kl", "policy/reference_kl", "advantage/mean", "advantage/std")
_WHOLE = ("loss", "grad_norm", "value_loss")  # of a whole update; all else that a loss sums up is of tokens

PerToken = list[np.ndarray]  # one array a completion


@dataclass
class _Batch:
    """A rollout batch with everything that an update needs of it.

    Attributes:
      trained: log-probabilities under the policy before the step's first update, from which ratios count.
      advantages: corrected for the mismatch of sampler and trainer.
      reference, values, targets: None where the algorithm has no use for them.
    """

    completions: Sequence[Completion]
    trained: PerToken
    advantages: PerToken
    reference: PerToken | None
    values: PerToken | None
    targets: PerToken | None


class PolicyUpdate:
    """Updates of a policy by one algorithm."""

    def __init__(
        self,
        config: ConfigDict,
        algorithm: Algorithm,
        policy: TrainedPolicy,
        reference: ReferencePolicy | None,
    ):
        """Prepare.

        Args:
          config: of `train_policy`.
          reference: None where there is no KL term.
        """
        self._config, self._algorithm, self._policy, self._reference = config, algorithm, policy, reference
        self._trainer, self._correction = policy.trainer, correction_of(config)
        self._speed = Throughput(policy.decoder)

    def __call__(
        self, step: int, completions: Sequence[Completion], rewards: Sequence[float]
    ) -> dict[str, float]:
        """Take the updates of one step; returns its metrics.

        Raises:
          UserError: a loss or gradient is not finite; the updates before that one stand.
        """
        started = time.perf_counter()
        values: dict[str, float] = {"policy/updates": 0, "policy/skipped_updates": 0, "reward/all_equal": 0}
        values |= dict.fromkeys(_UNMOVED, 0.0) | dict.fromkeys(_UNKNOWN)
        if completions:
            batch, estimates = self._prepare(completions, rewards)
            values |= estimates
        if not completions or min(rewards) == max(rewards):
            # Nothing tells these completions apart. At first the KL term is only rounding, which whitening would
            # blow up; so there is no update, whatever the algorithm.
            return values | {"reward/all_equal": 1, "time/update_s": time.perf_counter() - started}
        sums: Counter[str] = Counter()
        tokens = updates = 0
        rows: list[dict[str, Any]] = []
        self._speed.restart()
        for chosen in _minibatches(completions, self._config.prompts_per_update):
            arrays, denominator, packed = self._arrays(batch, chosen)
            # A KL term in the loss alone is at first rounding too, which the optimizer would blow up.
            if not arrays["advantages"].any():
                values["policy/skipped_updates"] += 1
                continue
            parts = list(
                microbatches(packed, self._config.rows_per_microbatch, arrays, denominator=denominator)
            )
            rows += [{name: part[name] for name in ("tree", "positions")} for part in parts]
            self._trainer.step = step - 1  # so that an error names this step, however many updates it has
            result = self._trainer.update(parts)
            count = int((arrays["weights"] > 0).sum())
            if not updates and values["policy/mismatch_kl"] is None:
                # Nothing has moved yet: what separates the two policies is what separates sampler and trainer.
                values["policy/mismatch_kl"] = result["approx_kl"] / count
            sums.update(result)
            tokens, updates = tokens + count, updates + 1
        if updates:
            values |= self._speed.step(rows, tokens) | {"padding_share": padding_share(rows)}
        seconds = time.perf_counter() - started
        values |= {f"policy/{k}": v / max(updates if k in _WHOLE else tokens, 1) for k, v in sums.items()}
        if updates:
            values["policy/ratio_spread"] = values.pop("policy/ratio_variance") ** 0.5
        return values | {
            "policy/updates": updates,
            "policy/tokens_per_s": tokens / seconds,
            "time/update_s": seconds,
        }

    def _prepare(
        self, completions: Sequence[Completion], rewards: Sequence[float]
    ) -> tuple[_Batch, dict[str, float]]:
        """Advantages of the whole rollout batch, and what was measured on the way."""
        settings, loss = self._config.algorithm, self._algorithm.loss
        sampled = [np.asarray(c.log_probs, np.float32) for c in completions]
        trained, metrics = sampled, {}
        if self._correction != "none":
            trained = token_log_probs(
                self._policy.decoder_graph, self._policy.params, completions, self._config
            )
            metrics |= mismatch_metrics(trained, sampled)
        reference = self._reference.log_probs(completions) if self._reference else None
        if reference is not None:
            metrics["policy/reference_kl"] = float(
                np.mean(np.concatenate(trained) - np.concatenate(reference))
            )
        in_reward = loss.kl_coef if loss.kl_in == "reward" else 0.0
        penalties = kl_penalties(trained, reference, in_reward, loss.kl_estimator)
        estimates = targets = None
        if self._algorithm.value_targets:
            estimates = token_values(self._policy.graph, self._trainer.params, completions, self._config)
        rollouts = ScoredRollouts(
            rewards,
            [c.question_id for c in completions],
            penalties,
            estimates,
            settings.discount,
            settings.gae_lambda,
        )
        if self._algorithm.value_targets:
            targets = self._algorithm.value_targets(rollouts)
        advantages = self._algorithm.advantages(rollouts)
        flat = np.concatenate(advantages)
        metrics |= {"advantage/mean": float(flat.mean()), "advantage/std": float(flat.std())}
        c = self._config
        corrections = mismatch_weights(trained, sampled, self._correction, c.mismatch_low, c.mismatch_high)
        corrected = [a * weight for a, weight in zip(advantages, corrections)]
        if self._correction != "none":
            metrics["policy/mismatch_weight"] = float(np.mean(np.concatenate(corrections)))
        return _Batch(completions, trained, corrected, reference, estimates, targets), metrics

    def _arrays(self, batch: _Batch, chosen: Sequence[int]):
        """The packed rows of some completions, and per-token values laid out over them."""
        c, loss = self._config, self._algorithm.loss
        completions = [batch.completions[i] for i in chosen]
        packed = pack_completions(completions, c.row_length, c.rows_per_microbatch)
        lengths = [len(completion.token_ids) for completion in completions]
        weights, denominator = token_weights(lengths, loss.average, c.sampling.max_new_tokens)
        per_token = {"advantages": batch.advantages, "old_log_probs": batch.trained}
        if loss.kl_in == "loss" and batch.reference is not None:
            per_token["reference"] = batch.reference
        if batch.values is not None and batch.targets is not None:
            per_token |= {"old_values": batch.values, "value_targets": batch.targets}
        arrays = {name: fill(packed, [values[i] for i in chosen]) for name, values in per_token.items()}
        return arrays | {"weights": fill(packed, weights)}, denominator, packed


def correction_of(config: ConfigDict) -> str:
    """How sampler/trainer mismatch is corrected: none unless asked for, or unless rollouts are a step old."""
    if config.mismatch is None:
        return "none" if config.mode == "synchronous" else "token_truncate"
    mismatch_weights(
        [], [], config.mismatch, config.mismatch_low, config.mismatch_high
    )  # refuses bad settings
    return config.mismatch


def _minibatches(completions: Sequence[Completion], prompts: int) -> Iterator[list[int]]:
    """Completions by groups of whole prompts, in order."""
    by_question: dict[str, list[int]] = {}
    for i, completion in enumerate(completions):
        by_question.setdefault(completion.question_id, []).append(i)
    groups = list(by_question.values())
    for start in range(0, len(groups), prompts):
        yield sum(groups[start : start + prompts], [])
