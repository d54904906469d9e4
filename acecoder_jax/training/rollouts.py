"""Rollouts: completions sampled and graded at the same time, and a readable log of some of them."""

from __future__ import annotations

import dataclasses
import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from acecoder_jax.data.folders import write_atomically
from acecoder_jax.data.records import Completion, Question, Verdict
from acecoder_jax.errors import UserError
from acecoder_jax.rewards.verdicts import Grader
from acecoder_jax.sampling.complete import Sampler
from acecoder_jax.training.hosts import gather, share
from acecoder_jax.training.processes import is_first


@dataclass
class Rollout:
    """One batch of completions with their verdicts, in the order of their ids.

    Attributes:
      decode_s: seconds until the last completion was there, on the slowest host.
      waited_s: seconds that were spent waiting for the last verdict, on the host that waited longest.
    """

    completions: list[Completion]
    verdicts: list[Verdict]
    decode_s: float
    waited_s: float


class Pending:
    """Completions that are all sampled, some of them still in the sandbox."""

    def __init__(
        self, sampler: Sampler, grader: Grader, questions: Sequence[Question], samples: int, seed: int
    ):
        """Sample; completions go to the sandbox as they finish, while others still decode.

        Of several hosts each takes a share of the questions. What fails here is raised by `wait`, on all of them.
        """
        self._grader = grader
        self._questions = {question.id: question for question in questions}
        self._graded: list[tuple[Completion, Future[Verdict]]] = []
        self._failed: UserError | None = None
        started = time.perf_counter()
        try:
            for c in sampler.sample(share(self._questions.values()), samples, seed):
                self._graded.append((c, grader.submit(self._questions[c.question_id], c)))
        except UserError as error:
            self._failed = error
        self.decode_s = time.perf_counter() - started  # on this host

    def wait(self) -> Rollout:
        """Wait for the verdicts; what the sandbox failed on is tried once more, with a new pool if it is dead.

        Returns:
          The rollouts of all hosts.

        Raises:
          UserError: nothing could be sampled or a new pool does not start, here or on another host.
        """
        started = time.perf_counter()
        try:
            mine = self._failed or self._verdicts()
        except UserError as error:  # the others wait for this host's rollouts, and must hear of it
            mine = error
        # Each host's own: what one waits for another's decoding is no time of the rewards.
        everyones = gather((mine, self.decode_s, time.perf_counter() - started))
        parts, decode_s, waited_s = zip(*everyones)
        for part in parts:
            if isinstance(part, UserError):
                raise part
        pairs = sorted(((c, v) for part in parts for c, v in part), key=lambda pair: pair[0].id)
        return Rollout([c for c, _ in pairs], [v for _, v in pairs], max(decode_s), max(waited_s))

    def _verdicts(self) -> list[tuple[Completion, Verdict]]:
        verdicts = {c.id: _verdict(future) for c, future in self._graded}
        failed = [c for c, _ in self._graded if (v := verdicts[c.id]) is None or v.pass_rate is None]
        again = [(c.id, self._grader.submit(self._questions[c.question_id], c)) for c in failed]
        verdicts |= {name: future.result() for name, future in again}
        return [(c, verdicts[c.id]) for c, _ in self._graded]


def collect(
    sampler: Sampler, grader: Grader, questions: Sequence[Question], samples: int, seed: int
) -> Rollout:
    """Sample and grade."""
    return Pending(sampler, grader, questions, samples, seed).wait()


def require_graded(rollout: Rollout, where: str, max_prompt_tokens: int) -> None:
    """Refuse a rollout of which nothing can be said.

    Args:
      where: names it.
      max_prompt_tokens: that the sampler takes.

    Raises:
      UserError: no prompt could be sampled, or the sandbox failed on every completion.
    """
    count = len(rollout.verdicts)
    if not count:
        raise UserError(
            f"{where}: none of its prompts could be sampled, for what the lines above say; raise"
            f" config.sampling.max_prompt_tokens = {max_prompt_tokens} if they are too long, or drop such questions"
        )
    if all(verdict.outcome == "infrastructure" for verdict in rollout.verdicts):
        raise UserError(
            f"{where}: the sandbox failed on all {count} completions, twice; see that this host has memory and"
            " processes to spare, then run the same command again"
        )


def _verdict(future: Future[Verdict]) -> Verdict | None:
    """The verdict; None where the pool was closed before it had one."""
    try:
        return future.result()
    except CancelledError:
        return None


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


def completion_metrics(completions: Sequence[Completion]) -> dict[str, float]:
    """Tokens of completions, shares of those that were cut or hold no program, and the sampler's entropy.

    The entropy (nats a token) is estimated by the sampled tokens' own log-probabilities, so that it is there in steps
    without an update too.
    """
    lengths = [len(c.token_ids) for c in completions]
    log_probs = [value for c in completions for value in c.log_probs]
    return {
        "rollout/entropy": -float(np.mean(log_probs)),
        "rollout/mean_tokens": float(np.mean(lengths)),
        "rollout/most_tokens": max(lengths),
        "rollout/truncated_share": float(np.mean([c.finish_reason == "length" for c in completions])),
        "rollout/no_program_share": float(np.mean([c.program is None for c in completions])),
    }


class RolloutLog:
    """Some rollouts of every step as JSON lines, for people; the first host writes them."""

    def __init__(self, workdir: Path, next_step: int):
        """Open `rollouts.jsonl`, dropping the lines of steps that will be done again."""
        self._path = workdir / "rollouts.jsonl"
        if not is_first():
            return
        lines = self._path.read_text().split("\n")[:-1] if self._path.is_file() else []
        kept = [line for line in lines if json.loads(line)["step"] < next_step]
        write_atomically(self._path, "".join(line + "\n" for line in kept))

    def write(
        self,
        step: int,
        rollout: Rollout,
        rewards: Sequence[float | None],
        hidden: Mapping[str, frozenset[int]],
        most: int,
    ) -> None:
        """Append the first `most` rollouts of a step, one per question as far as they go.

        Args:
          rewards: of each completion.
          hidden: of each question, the tests that never reward.
        """
        if not is_first():
            return
        first_of_question = {c.question_id: i for i, c in reversed(list(enumerate(rollout.completions)))}
        with open(self._path, "a") as file:  # noqa: PTH123
            for i in list(first_of_question.values())[:most]:
                completion, verdict = rollout.completions[i], rollout.verdicts[i]
                line = {
                    "step": step,
                    "question_id": completion.question_id,
                    "text": completion.text,
                    "program": completion.program,
                    "reward": rewards[i],
                    "pass_rate": verdict.pass_rate,
                    "outcome": verdict.outcome,
                    "outcomes": [dataclasses.asdict(outcome) for outcome in verdict.outcomes],
                    "hidden": sorted(hidden[completion.question_id]),
                }
                file.write(json.dumps(line) + "\n")
