"""Preference pairs from pass rates: the paper's rule (section 3.2) as pure functions, and what they lean towards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from acecoder_jax.data.records import Completion, PreferencePair, Question, Verdict

SAME_TEXTS = "the same two texts as another"
BEYOND_MOST = "beyond the most of a question"


@dataclass(frozen=True)
class PairRule:
    """When one program is clearly better than another.

    Attributes:
      margin: by how much the chosen pass rate exceeds the rejected one.
      chosen_above: what the chosen pass rate exceeds.
      rejected_above: what the rejected pass rate exceeds; 0 leaves out programs that pass nothing, which mostly
        do not run at all.
      inclusive: the released code's `>=` for the first two, where the paper has `>`.
    """

    margin: float = 0.4
    chosen_above: float = 0.8
    rejected_above: float = 0.0
    inclusive: bool = False

    def prefers(self, chosen: float, rejected: float) -> bool:
        """Whether a program of pass rate `chosen` is preferred to one of `rejected`."""
        # Pass rates are ratios of small integers: differences below a billionth are rounding.
        slack = 1e-9 if self.inclusive else -1e-9
        return (
            chosen - rejected - self.margin > -slack
            and chosen - self.chosen_above > -slack
            and rejected > self.rejected_above
        )


def build_pairs(
    question: Question,
    completions: Sequence[Completion],
    pass_rates: Mapping[str, float | None],
    rule: PairRule,
    most: int = 0,
    left_out: Counter[str] | None = None,
) -> list[PreferencePair]:
    """All pairs of one question, duplicates of the same two texts dropped.

    Args:
      question: its prompt and split go into the pairs.
      completions: the question's completions.
      pass_rates: by completion id; None where the sandbox failed, and the completion is left out.
      rule: which pairs count.
      most: keep this many, those with the largest margins first; 0 keeps all.
      left_out: counts pairs that the rule allows and that are not made, by the reason.
    """
    rated = [(c, rate) for c in completions if (rate := pass_rates[c.id]) is not None]
    pairs: dict[tuple[str, str], PreferencePair] = {}
    allowed = 0
    for chosen, high in rated:
        for rejected, low in rated:
            if rule.prefers(high, low):
                allowed += 1
                pairs.setdefault(
                    (chosen.text, rejected.text),
                    PreferencePair(
                        question_id=question.id,
                        chosen_id=chosen.id,
                        rejected_id=rejected.id,
                        prompt_ids=chosen.prompt_ids,
                        chosen_ids=chosen.token_ids,
                        rejected_ids=rejected.token_ids,
                        chosen_pass_rate=high,
                        rejected_pass_rate=low,
                        split=question.split,
                    ),
                )
    ordered = sorted(
        pairs.values(), key=lambda p: (p.rejected_pass_rate - p.chosen_pass_rate, p.chosen_id, p.rejected_id)
    )
    kept = ordered[:most] if most else ordered
    if left_out is not None:
        left_out.update({SAME_TEXTS: allowed - len(pairs), BEYOND_MOST: len(pairs) - len(kept)})
    return kept


def pass_rate_of_all(verdict: Verdict, tests: int) -> float | None:
    """Passed tests over all that the question had before filtering, as the released code divides.

    A perfect program on a question that kept 15 of 20 tests gets 0.75 this way, and is never chosen. None where
    the sandbox failed.
    """
    if verdict.pass_rate is None:
        return None
    return sum(test.outcome == "passed" for test in verdict.outcomes) / tests


def length_balance(lengths: Iterable[tuple[int, int]]) -> dict[str, float] | None:
    """How far length alone tells the chosen side: a reward model may learn that instead. None without pairs.

    Args:
      lengths: of each pair's chosen and rejected side, in tokens.

    Returns:
      `chosen_tokens` and `rejected_tokens`, the mean lengths; `chosen_longer` and `same_length`, shares of pairs.
    """
    pairs = chosen_tokens = rejected_tokens = longer = same = 0
    for chosen, rejected in lengths:
        pairs += 1
        chosen_tokens += chosen
        rejected_tokens += rejected
        longer += chosen > rejected
        same += chosen == rejected
    if not pairs:
        return None
    return {
        "chosen_tokens": chosen_tokens / pairs,
        "rejected_tokens": rejected_tokens / pairs,
        "chosen_longer": longer / pairs,
        "same_length": same / pairs,
    }
