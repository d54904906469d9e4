"""Made records and finished folders of them, for tests of stages: small enough to see through."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict

from acecoder_jax.data.folders import OutputFolder
from acecoder_jax.data.records import Completion, PreferencePair, Question, TestOutcome, Verdict
from acecoder_jax.models.folders import load_model
from acecoder_jax.training.metrics import of_the_machine

SAMPLING = {"max_prompt_tokens": 96, "max_new_tokens": 12, "slots": 8}


def question(name: str, split: str = "train", tests: int = 5, **changes: Any) -> Question:
    """`f(x)` adds one; its reference is right, and its tests are `assert f(0) == 1` and so on."""
    values = {
        "source": "made",
        "prompt": f"Write f for {name}.",
        "tests": tuple(f"assert f({x}) == {x + 1}" for x in range(tests)),
        "entry_point": "f",
        "reference": "def f(x):\n    return x + 1\n",
        "split": split,
    }
    return Question(name, **(values | changes))


def completion(question_id: str, number: int | str, program: str | None = None, **changes: Any) -> Completion:
    """An answer; two of one question are equal in text when their programs are."""
    text = "no program" if program is None else f"```python\n{program}\n```"
    values = {"prompt_ids": (1, 50, 51), "token_ids": (60, 61, 2), "log_probs": (-1.0, -1.0, -1.0)}
    values |= {"text": text, "program": program, "finish_reason": "stop"}
    return Completion(f"{question_id}#{number}", question_id, **(values | changes))


def verdict(answer: Completion, pass_rate: float | None, tests: int = 5) -> Verdict:
    """A verdict of that pass rate; None for a failure of the sandbox itself."""
    if pass_rate is None:
        outcomes = ["infrastructure"] * tests
    else:
        right = round(pass_rate * tests)
        outcomes = ["passed"] * right + ["failed"] * (tests - right)
    outcome = next((name for name in outcomes if name != "passed"), "passed")
    return Verdict(answer.id, answer.question_id, tuple(map(TestOutcome, outcomes)), outcome, pass_rate)


def made_pairs(count: int) -> list[PreferencePair]:
    """Two pairs a question, of up to 19 random tokens a side."""
    draw = np.random.default_rng(0)

    def ids(most):
        return tuple(int(i) for i in draw.integers(3, 300, draw.integers(1, most)))

    return [
        PreferencePair(
            f"q{i // 2}", f"q{i // 2}#{2 * i}", f"q{i // 2}#{2 * i + 1}", (3, i // 2), ids(20), ids(20), 1, 0
        )
        for i in range(count)
    ]


def folder_of(path: Path, records: Sequence[Any], stage: str = "made") -> str:
    """A finished folder of records, as text for a config."""
    output = OutputFolder(path, stage, {})
    output.write_shard(records)
    output.finish()
    return str(path)


def config_of(stage: Any, changes: Mapping[str, Any]) -> ConfigDict:
    """A stage's defaults with changes, nested ones too."""
    config = stage.default_config()
    with config.unlocked():
        config.update(changes)
    return config


def mtimes(folder: Path) -> dict[Path, int]:
    """When every file below a folder was last written."""
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


def record_bytes(folder: Path) -> dict[str, bytes]:
    """Names and contents of a folder's record files."""
    return {path.name: path.read_bytes() for path in sorted(folder.glob("records-*.jsonl"))}


def assert_same_params(left: Path, right: Path) -> None:
    """The parameters of two model folders are equal, bit for bit."""
    models = (load_model(folder) for folder in (left, right))
    for first, second in zip(*(jax.tree.leaves(model.params) for model in models), strict=True):
        np.testing.assert_array_equal(np.asarray(first), np.asarray(second))


def without_times(lines: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Metric lines less what the clock and the machine decide."""
    return [{k: v for k, v in line.items() if not of_the_machine(k)} for line in lines]


class MadeGrader:
    """Stands in for `Grader`: `rate` says what a completion passes, at once and without a sandbox."""

    def __init__(self, rate: Any):
        self._rate = rate

    def __call__(self, config: ConfigDict) -> MadeGrader:
        return self

    def __enter__(self) -> MadeGrader:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def submit(self, question: Question, answer: Completion) -> Future[Verdict]:
        future: Future[Verdict] = Future()
        future.set_result(verdict(answer, self._rate(answer), len(question.tests)))
        return future

    def grade(self, questions: Mapping[str, Question], answers: Iterable[Completion]):
        for answer in answers:
            yield self.submit(questions[answer.question_id], answer).result()
