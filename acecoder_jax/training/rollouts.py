"""Rollouts: completions sampled and graded at the same time, and a readable log of some of them."""

from __future__ import annotations

import dataclasses
import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from acecoder_jax.data.records import Completion, Question, Verdict
from acecoder_jax.rewards.verdicts import Grader
from acecoder_jax.sampling.complete import Sampler


@dataclass
class Rollout:
    """One batch of completions with their verdicts, in the order of their ids.

    Attributes:
      decode_s: seconds until the last completion was there.
      waited_s: seconds after that until the last verdict was.
      rewards: filled in by the training step.
    """

    completions: list[Completion]
    verdicts: list[Verdict]
    decode_s: float
    waited_s: float
    rewards: list[float | None] | None = None


def collect(
    sampler: Sampler, grader: Grader, questions: Sequence[Question], samples: int, seed: int
) -> Rollout:
    """Sample and grade; completions go to the sandbox as they finish, while others still decode."""
    by_id = {question.id: question for question in questions}
    started = time.perf_counter()
    pending = [
        (c, grader.submit(by_id[c.question_id], c))
        for c in sampler.sample(list(by_id.values()), samples, seed)
    ]
    decoded = time.perf_counter()
    graded = sorted(((c, future.result()) for c, future in pending), key=lambda pair: pair[0].id)
    waited = time.perf_counter() - decoded
    return Rollout([c for c, _ in graded], [v for _, v in graded], decoded - started, waited)


def pass_metrics(verdicts: Sequence[Verdict], prefix: str) -> dict[str, float]:
    """Shares over the verdicts that count: all tests passed, tests passed, and each overall outcome."""
    counted = [verdict for verdict in verdicts if verdict.pass_rate is not None]
    total = max(1, len(counted))
    values = {
        f"{prefix}/pass@1": sum(verdict.pass_rate == 1.0 for verdict in counted) / total,
        f"{prefix}/pass_rate": sum(verdict.pass_rate for verdict in counted) / total,
    }
    outcomes = Counter(verdict.outcome for verdict in verdicts)
    return values | {f"{prefix}/outcome/{name}": count for name, count in sorted(outcomes.items())}


class RolloutLog:
    """Some rollouts of every step as JSON lines, for people."""

    def __init__(self, workdir: Path, next_step: int):
        """Open `rollouts.jsonl`, dropping the lines of steps that will be done again."""
        self._path = workdir / "rollouts.jsonl"
        lines = self._path.read_text().split("\n")[:-1] if self._path.is_file() else []
        kept = [line for line in lines if json.loads(line)["step"] < next_step]
        self._path.write_text("".join(line + "\n" for line in kept))

    def write(self, step: int, rollout: Rollout, most: int) -> None:
        """Append the first `most` rollouts of a step, one per question as far as they go."""
        first_of_question = {c.question_id: i for i, c in reversed(list(enumerate(rollout.completions)))}
        with open(self._path, "a") as file:  # noqa: PTH123
            for i in list(first_of_question.values())[:most]:
                completion, verdict = rollout.completions[i], rollout.verdicts[i]
                line = {
                    "step": step,
                    "question_id": completion.question_id,
                    "text": completion.text,
                    "program": completion.program,
                    "reward": rollout.rewards[i],
                    "pass_rate": verdict.pass_rate,
                    "outcome": verdict.outcome,
                    "outcomes": [dataclasses.asdict(outcome) for outcome in verdict.outcomes],
                }
                file.write(json.dumps(line) + "\n")
