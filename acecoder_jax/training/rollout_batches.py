"""The rollout side of a step: prompts in, a full batch of rewarded completions out, in one of two modes.

Synchronous: a step samples with the weights that it will update. One step ahead: a step's completions are sampled
before the step before it updates, so that the sandbox grades them while that update runs; they are then one update
old, never more, and the loss corrects for it (`mismatch`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from flax import nnx
from ml_collections import ConfigDict

from acecoder_jax.data.pipelines import PromptStream
from acecoder_jax.data.records import Completion, Question
from acecoder_jax.rewards.combine import Rewards
from acecoder_jax.rewards.verdicts import Grader
from acecoder_jax.sampling.complete import Sampler, request_seed
from acecoder_jax.training.rollouts import (
    Pending,
    Rollout,
    completion_metrics,
    pass_metrics,
    require_graded,
)
from acecoder_jax.training.selection import Selection, select_groups

MODES = ("synchronous", "one_step_ahead")


@dataclass
class RolloutBatch:
    """A step's completions.

    Attributes:
      rollout: all that were sampled.
      rewards: of each; None for what is left out of everything.
      kept: those that the update is made of, by their place in the rollout.
      metrics: what there is to say of them.
    """

    rollout: Rollout
    rewards: list[float | None]
    kept: list[int]
    metrics: dict[str, float | None]

    @property
    def completions(self) -> list[Completion]:
        return [self.rollout.completions[place] for place in self.kept]

    @property
    def kept_rewards(self) -> list[float]:
        return [self.rewards[place] for place in self.kept]


class RolloutBatches:
    """Batches of one step after the other; its state is the position in the prompts that a resumed run takes up."""

    def __init__(
        self,
        config: ConfigDict,
        prompts: PromptStream,
        sampler: Sampler,
        grader: Grader,
        rewards: Rewards,
        weights: Callable[[], nnx.State],
    ):
        """Prepare.

        Args:
          config: of `train_policy`.
          weights: gives the policy's parameters of now.
        """
        self._config, self._prompts, self._sampler, self._grader = config, prompts, sampler, grader
        self._rewards, self._weights = rewards, weights
        self._resume = prompts.get_state()
        self._ahead: Pending | None = None
        self._decode_s = 0.0  # of the step that is being made

    def get_state(self) -> dict[str, Any]:
        return self._resume

    def set_state(self, state: dict[str, Any]) -> None:
        self._prompts.set_state(state)
        self._resume = self._prompts.get_state()

    def next(self, step: int) -> RolloutBatch:
        """The batch of a step; one step ahead, the next one's is sampled before this returns.

        When this returns, what a checkpoint saves is the position after this step.

        Raises:
          UserError: no prompt could be sampled; the sandbox failed on every completion, twice; or it does not start
            again.
        """
        stale, self._decode_s = self._ahead is not None, 0.0
        pending = self._ahead or self._sample(step, 0, self._prompts.take(self._config.prompts_per_step))
        self._ahead = None
        batch = self._full(step, pending.wait())
        after = self._prompts.get_state()
        if self._config.mode == "one_step_ahead" and step < self._config.steps:
            self._ahead = self._sample(step + 1, 0, self._prompts.take(self._config.prompts_per_step))
        self._resume = after
        batch.metrics |= {"rollout/staleness": int(stale), "time/decode_s": self._decode_s}
        return batch

    def _sample(self, step: int, refill: int, questions: Sequence[Question]) -> Pending:
        """Completions of these questions under the weights of now, on their way through the sandbox."""
        self._sampler.load(self._weights(), f"step {step}")
        seed = request_seed(self._config.seed, f"refill {refill}" if refill else "rollout", step)
        pending = Pending(self._sampler, self._grader, questions, self._config.samples, seed)
        self._decode_s += pending.decode_s
        return pending

    def _full(self, step: int, rollout: Rollout) -> RolloutBatch:
        """Reward a rollout; where groups are filtered, sample more questions until the batch is full again."""
        c, scoring_s = self._config, 0.0
        rewards: dict[str, list[float | None]] = {}
        whole, refills, new = rollout, 0, rollout
        require_graded(rollout, f"step {step}", c.sampling.max_prompt_tokens)
        while True:
            started = time.perf_counter()
            if new.completions:
                for name, values in self._rewards.score(new.completions, new.verdicts).items():
                    rewards.setdefault(name, []).extend(values)
            scoring_s += time.perf_counter() - started
            groups = [completion.question_id for completion in whole.completions]
            selection = select_groups(rewards["total"], groups, c.prompts_per_step, c.drop_equal_groups)
            if not (c.drop_equal_groups and selection.missing and refills < c.most_refills):
                break
            fresh = self._prompts.take(selection.missing, known=set(groups))
            if not fresh:
                break
            refills += 1
            new = self._sample(step, refills, fresh).wait()
            whole = Rollout(
                whole.completions + new.completions,
                whole.verdicts + new.verdicts,
                whole.decode_s + new.decode_s,
                whole.waited_s + new.waited_s,
            )
        metrics = self._metrics(whole, rewards, selection)
        metrics |= {"rollout/refills": refills, "time/reward_s": scoring_s}
        if "model" in rewards:
            metrics["reward/tokens_per_s"] = sum(len(c.token_ids) for c in whole.completions) / scoring_s
        return RolloutBatch(whole, rewards["total"], selection.kept, metrics)

    def _metrics(
        self, rollout: Rollout, rewards: dict[str, list[float | None]], selection: Selection
    ) -> dict[str, float | None]:
        """Of everything that was sampled, kept or not."""
        tokens = sum(len(completion.token_ids) for completion in rollout.completions)
        dropped = {
            f"rollout/groups_{why}": selection.dropped[why] for why in ("equal", "unscored", "surplus")
        }
        return {
            **self._rewards.metrics(rewards, rollout.verdicts),
            **pass_metrics(rollout.verdicts, "rollout"),
            **completion_metrics(rollout.completions),
            **dropped,
            "rollout/completions": len(rollout.completions),
            "rollout/groups_missing": selection.missing,
            "rollout/tokens_per_s": tokens / rollout.decode_s,
            "time/exposed_reward_s": rollout.waited_s,
        }
