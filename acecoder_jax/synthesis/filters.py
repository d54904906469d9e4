"""Which tests of a question to keep, from what programs said about them: the filters of curation, pure.

The paper's filter (section 3.1) drops a test that the best available program fails. The stronger ones are off by
default: a test must also be a test at all, differ from the others, have the agreement of several programs, and
fail for at least one wrong program. Every test that goes has one reason, which is counted.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from acecoder_jax.data.code import LONGEST_PARSED
from acecoder_jax.data.records import Question, Verdict
from acecoder_jax.errors import UserError

NOT_A_TEST = "not an assert"
TOO_LONG = f"longer than {LONGEST_PARSED:,} characters"
REPEATED = "repeats another test"
DISAGREED = "too few programs agree"
TOOTHLESS = "no wrong program fails it"


@dataclass(frozen=True)
class FilterRules:
    """The stronger filters.

    Attributes:
      agreeing_programs: how many different programs must pass a test; 1 asks the best one only.
      drop_repeats: drop tests that are another one of the same question, written in the same or another layout.
      drop_toothless: drop tests that every program at hand passes, the wrong ones too. A question of which no
        wrong program is known keeps its tests.
    """

    agreeing_programs: int = 1
    drop_repeats: bool = False
    drop_toothless: bool = False


def checked_verdicts(
    verdicts: Iterable[Verdict], questions: Mapping[str, Question], where: str, rates_only: bool = False
) -> Iterator[Verdict]:
    """The verdicts one after the other, as long as they were given on the tests that the questions have.

    Args:
      verdicts: of any questions; those of questions that are not given are not looked at.
      questions: by id.
      where: the verdicts' folder, for the message.
      rates_only: whether a pass rate without outcomes will do, which is what the released data sets say.

    Raises:
      UserError: naming the first verdict that does not match.
    """
    for verdict in verdicts:
        question = questions.get(verdict.question_id)
        enough = rates_only and not verdict.outcomes
        if question is not None and not enough and len(verdict.outcomes) != len(question.tests):
            raise UserError(
                f"{where}: the verdict on {verdict.completion_id} has {len(verdict.outcomes)} outcomes and its"
                f" question {len(question.tests)} tests; give the questions that were scored, or score again"
            )
        yield verdict


def why_no_test(source: str) -> str | None:
    """Why a text is no test at all: `NOT_A_TEST` or `TOO_LONG`, or None for one with an assert in it."""
    if len(source) > LONGEST_PARSED:
        return TOO_LONG
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return NOT_A_TEST
    asserts = any(isinstance(node, ast.Assert) for node in ast.walk(tree))
    return None if asserts else NOT_A_TEST


def best_of(verdicts: Sequence[Verdict]) -> Verdict | None:
    """The verdict with the highest pass rate, the first of equals; None when the sandbox failed on all."""
    graded = [verdict for verdict in verdicts if verdict.pass_rate is not None]
    return max(graded, key=lambda verdict: verdict.pass_rate or 0.0) if graded else None


def reasons_to_drop(
    question: Question, solutions: Sequence[Verdict], mutants: Sequence[Verdict], rules: FilterRules
) -> list[str | None]:
    """For each test, why it goes, or None when it stays; the first reason counts.

    Args:
      question: with the tests.
      solutions: verdicts of different programs that try to solve it; at least one is not the sandbox's failure.
      mutants: verdicts of programs that are meant to be wrong.
      rules: the stronger filters.
    """
    best = best_of(solutions)
    if best is None:
        raise ValueError(f"{question.id}: no program was graded")
    agreeing = _passing(solutions, len(question.tests))
    reasons: list[str | None] = []
    seen: set[str] = set()
    for number, test in enumerate(question.tests):
        reason = why_no_test(test)
        if reason is None and best.outcomes[number].outcome != "passed":
            reason = best.outcomes[number].outcome
        if reason is None and agreeing[number] < rules.agreeing_programs:
            reason = DISAGREED
        if reason is None and rules.drop_repeats:
            form = ast.dump(ast.parse(test))
            reason = REPEATED if form in seen else None
            seen.add(form)
        reasons.append(reason)
    if rules.drop_toothless:
        kept = [number for number, reason in enumerate(reasons) if reason is None]
        wrong = wrong_programs([*solutions, *mutants], kept)
        if wrong:
            passing = _passing(wrong, len(question.tests))
            for number in kept:
                reasons[number] = TOOTHLESS if passing[number] == len(wrong) else None
    return reasons


def wrong_programs(verdicts: Sequence[Verdict], kept: Sequence[int]) -> list[Verdict]:
    """Those graded programs that fail at least one of the kept tests."""
    return [
        verdict
        for verdict in verdicts
        if verdict.pass_rate is not None and any(verdict.outcomes[i].outcome != "passed" for i in kept)
    ]


def mutation_score(mutants: Sequence[Verdict], kept: Sequence[int]) -> float | None:
    """The share of graded mutants that some kept test fails for; None without any."""
    graded = [verdict for verdict in mutants if verdict.pass_rate is not None]
    return len(wrong_programs(graded, kept)) / len(graded) if graded else None


def _passing(verdicts: Sequence[Verdict], tests: int) -> list[int]:
    """How many of the graded programs pass each test."""
    graded = [verdict for verdict in verdicts if verdict.pass_rate is not None]
    return [sum(v.outcomes[number].outcome == "passed" for v in graded) for number in range(tests)]
