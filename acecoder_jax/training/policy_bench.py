"""How long the device waits for rewards: some steps of a policy run in which a share of the programs never ends.

Sampling, grading and updates are the run's own; only the programs are put in the place of those that the model wrote,
since a small model writes hardly any that run for long.
"""

from __future__ import annotations

import dataclasses
import hashlib
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ml_collections import ConfigDict
from tqdm import tqdm

from acecoder_jax.data.records import Completion, Question
from acecoder_jax.errors import UserError
from acecoder_jax.models.folders import load_model
from acecoder_jax.rewards.verdicts import Grader
from acecoder_jax.sampling.complete import Sampler
from acecoder_jax.training.policy_parts import check_policy_config, policy_parts

_TESTS = 16  # of each made question, as many as the paper's have


class ProgramsOfOurs(Sampler):
    """A sampler whose completions hold made programs: right, wrong in some tests, or looping for ever."""

    def __init__(self, *arguments: Any, looping: float):
        super().__init__(*arguments)
        self._looping = looping
        self._made = 0

    def sample(self, questions: Sequence[Question], samples: int, seed: int) -> Iterator[Completion]:
        for completion in super().sample(questions, samples, seed):
            digest = hashlib.sha256(f"{seed}/{completion.id}".encode()).digest()
            below = 1 + digest[0] % (2 * _TESTS)
            program = f"def f(x):\n    return x + (1 if x < {below} else 2)\n"
            self._made += 1
            # Every so many, not by chance: of a hundred programs chance may leave one.
            if int(self._made * self._looping) > int((self._made - 1) * self._looping):
                program = "def f(x):\n    while True:\n        pass\n"
            yield dataclasses.replace(completion, program=program)


def policy_bench(config: ConfigDict, looping: float, workdir: Path) -> dict[str, Any]:
    """Run `config.steps` steps after one that compiles, and say where their time went.

    Args:
      config: of `train_policy`; its `questions` are not read, made ones take their place.
      looping: share of programs that never end.

    Raises:
      UserError: too few steps to leave out those at the ends.
    """
    ends = (
        2 if config.mode == "one_step_ahead" else 1
    )  # the first one compiles, the last one looks no step ahead
    if config.steps <= ends:
        raise UserError(
            f"config.train_policy.steps: {ends} of {config.steps} steps are not timed; give {ends + 1} or more"
        )
    tests = tuple(f"assert f({x}) == {x + 1}" for x in range(_TESTS))
    questions = [
        Question(f"made/{n}", "made", f"Write f, which adds one, in way {n}.", tests, "f")
        for n in range(2 * config.prompts_per_step)
    ]
    mesh = check_policy_config(config)
    policy = load_model(config.model, "policy")
    sampler = ProgramsOfOurs(policy, config.sampling, looping=looping)
    lines = []
    with Grader(config.sandbox) as grader:
        parts = policy_parts(config, mesh, policy, questions, sampler, grader, workdir)
        for step in tqdm(range(1, config.steps + 1), unit="step", desc="bench train_policy"):
            started = time.perf_counter()
            batch = parts.batches.next(step)
            values = batch.metrics | parts.update(step, batch.completions, batch.kept_rewards)
            lines.append(values | {"step_s": time.perf_counter() - started})
    timed = lines[1 : len(lines) - ends + 1]

    def total(key: str) -> float:
        return float(np.sum([line.get(key, 0.0) for line in timed]))

    programs = total("rollout/completions")
    return {
        "steps": len(timed),
        "programs_per_step": programs / len(timed),
        "timeouts": int(total("rollout/outcome/timeout")),
        "looping_share": total("rollout/outcome/timeout") / programs,
        "step_s": total("step_s") / len(timed),
        "decode_s": total("time/decode_s") / len(timed),
        "update_s": total("time/update_s") / len(timed),
        "exposed_reward_s": total("time/exposed_reward_s") / len(timed),
        "exposed_reward_share": total("time/exposed_reward_s") / total("step_s"),
    }
