"""The records that travel between stages: one frozen dataclass per thing, plain JSON on disk.

A question's id goes from the seed to the last table; nothing is ever looked up by text. This module
imports only the standard library, so that the sandbox client, synthesis and the report can share it.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any, TypeVar

from acecoder_jax.errors import UserError

SCHEMA_VERSION = 1

OUTCOMES = (
    "passed",
    "failed",
    "error",
    "timeout",
    "out_of_memory",
    "crashed",
    "forbidden",
    "vacuous",
    "infrastructure",
)


@dataclass(frozen=True)
class Seed:
    """A piece of real code that a question is made from.

    Attributes:
      id: unique, stable name such as `strings/count_vowels`.
      source: the collection it comes from.
      program: self-contained Python source that defines `entry_point`.
      entry_point: the function that the question will ask for.
      instruction: the request the program answers, where the collection has one.
    """

    id: str
    source: str
    program: str
    entry_point: str
    instruction: str | None = None


@dataclass(frozen=True)
class Question:
    """A programming task with tests that decide whether a program solves it.

    Attributes:
      id: the seed's id.
      source: the collection or benchmark it comes from.
      prompt: what the model is asked, in plain words (no chat markup).
      tests: Python test statements, usually `assert f(...) == ...`, one independent test each.
      entry_point: the name that a solution must define and tests call into.
      reference: a program known to solve it, where one exists. Never shown to a model.
      split: `train`, `validation` or `held_out`, decided from the id alone before any sampling.
    """

    id: str
    source: str
    prompt: str
    tests: tuple[str, ...]
    entry_point: str
    reference: str | None = None
    split: str = "train"


@dataclass(frozen=True)
class Completion:
    """One sampled answer, kept as the token ids that the model drew.

    Attributes:
      id: `{question_id}#{sample index}`.
      question_id: the question it answers.
      text: the decoded completion, for people and for the code extractor.
      program: the code extracted from `text`; None when there is no closed code block.
      prompt_ids: the rendered prompt's token ids.
      token_ids: the sampled ids, in order, end-of-sequence id included when it was drawn.
      log_probs: natural log-probability of each sampled id under the sampling distribution.
      finish_reason: `stop` (end-of-sequence or the stop rule) or `length` (cut at the limit).
      model: fingerprint of the model folder that made it.
    """

    id: str
    question_id: str
    text: str
    program: str | None
    prompt_ids: tuple[int, ...]
    token_ids: tuple[int, ...]
    log_probs: tuple[float, ...]
    finish_reason: str
    model: str = ""


@dataclass(frozen=True)
class TestOutcome:
    """What one test said: one of `OUTCOMES`, a short detail, and how it was graded."""

    __test__ = False  # not a pytest class

    outcome: str
    detail: str = ""
    in_process: bool = False


@dataclass(frozen=True)
class Verdict:
    """The sandbox's word on one completion.

    Attributes:
      completion_id: the completion that was run.
      question_id: the question whose tests were run.
      outcomes: one outcome per test of the question, in order.
      outcome: the program's overall outcome: `passed` when every counted test passed.
      pass_rate: passed tests over counted tests (vacuous tests do not count); None when the
        sandbox itself failed, in which case the completion is left out and never scored 0.
      cpu_s: CPU seconds that the candidate used.
    """

    completion_id: str
    question_id: str
    outcomes: tuple[TestOutcome, ...]
    outcome: str
    pass_rate: float | None
    cpu_s: float = 0.0


@dataclass(frozen=True)
class PreferencePair:
    """Two completions of one question, the first with the clearly higher pass rate.

    Attributes:
      question_id: the question both answer.
      chosen_id, rejected_id: the completions' ids.
      prompt_ids: the shared prompt's token ids.
      chosen_ids, rejected_ids: the completions' token ids, exactly as sampled.
      chosen_pass_rate, rejected_pass_rate: in [0, 1], over the kept tests; None in sets that do not say.
      split: the question's split.
    """

    question_id: str
    chosen_id: str
    rejected_id: str
    prompt_ids: tuple[int, ...]
    chosen_ids: tuple[int, ...]
    rejected_ids: tuple[int, ...]
    chosen_pass_rate: float | None
    rejected_pass_rate: float | None
    split: str = "train"


Record = TypeVar("Record", Seed, Question, Completion, Verdict, PreferencePair)


def to_json(record: Any) -> str:
    """One line of JSON for a record; the inverse of `from_json`."""
    return json.dumps(dataclasses.asdict(record), ensure_ascii=False, separators=(",", ":"))


def from_json(record_type: type[Record], line: str | bytes, where: str) -> Record:
    """Parse one line into a record.

    Args:
      record_type: which record the line holds.
      line: a JSON object with the record's fields.
      where: file and line number, for the error message.

    Raises:
      UserError: the line is not UTF-8, not JSON, not an object, or lacks or adds a field.
    """
    try:
        values = json.loads(line.decode() if isinstance(line, bytes) else line)
    except UnicodeDecodeError as error:
        raise UserError(f"{where}: not UTF-8 ({error.reason}); the file is damaged, remake it") from error
    except json.JSONDecodeError as error:
        raise UserError(f"{where}: not valid JSON ({error.msg}); the file is damaged, remake it") from error
    return from_values(record_type, values, where)


def from_values(record_type: type[Record], values: Any, where: str) -> Record:
    """As `from_json`, from what its JSON says."""
    if not isinstance(values, dict):
        raise UserError(f"{where}: expected a JSON object holding one {record_type.__name__}")
    fields = {field.name: field for field in dataclasses.fields(record_type)}
    unknown = sorted(set(values) - set(fields))
    missing = sorted(
        name for name, field in fields.items() if name not in values and field.default is dataclasses.MISSING
    )
    if unknown or missing:
        raise UserError(
            f"{where}: not a {record_type.__name__}: missing fields {missing}, unknown fields {unknown}"
        )
    if record_type is Verdict:
        try:
            values["outcomes"] = [TestOutcome(**outcome) for outcome in values["outcomes"]]
        except TypeError as error:
            raise UserError(f"{where}: not a Verdict: its outcomes are damaged; remake the file") from error
    # JSON has no tuples; records hold nothing mutable.
    make: Any = record_type  # the fields were checked above
    return make(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})
