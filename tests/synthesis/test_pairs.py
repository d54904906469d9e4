"""The paper's pair rule: hand-computed cases, and every set of pairs against the rule's own words."""

import dataclasses
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acecoder_jax.synthesis.pairs import PairRule, build_pairs, length_balance, pass_rate_of_all
from tests.made_records import completion, question, verdict

ASKED = question("q", "validation")
STRICT, INCLUSIVE = PairRule(), PairRule(inclusive=True)


def answers(count, programs=None):
    programs = programs or [f"def f(x): return {i}" for i in range(count)]
    return [completion("q", i, program, token_ids=(100 + i, 2)) for i, program in zip(range(count), programs)]


def pairs_of(rates, rule=STRICT, most=0, programs=None):
    """(chosen, rejected) numbers of the pairs of completions with these pass rates, in order."""
    group = answers(len(rates), programs)
    built = build_pairs(ASKED, group, {c.id: rate for c, rate in zip(group, rates)}, rule, most)
    return [tuple(int(name.split("#")[1]) for name in (p.chosen_id, p.rejected_id)) for p in built]


@pytest.mark.parametrize(
    ("chosen", "rejected", "strict", "inclusive"),
    [
        (1.0, 0.5, True, True),
        (1.0, 0.6, False, True),  # the margin is exactly 0.4
        (1.0, 0.61, False, False),
        (0.9, 0.5, False, True),  # 0.9 - 0.5 is 0.4, and 0.40000000000000002 in floats
        (0.8, 0.3, False, True),  # the chosen one is exactly at 0.8
        (0.81, 0.3, True, True),
        (0.79, 0.3, False, False),
        (1.0, 0.05, True, True),
        (1.0, 0.0, False, False),  # passes nothing: not a rejected program in either reading
        (0.5, 1.0, False, False),
        (1.0, 1.0, False, False),
    ],
)
def test_the_papers_thresholds(chosen, rejected, strict, inclusive):
    assert STRICT.prefers(chosen, rejected) is strict
    assert INCLUSIVE.prefers(chosen, rejected) is inclusive


@given(st.integers(1, 40), st.integers(0, 40), st.integers(0, 40), st.booleans())
def test_the_rule_is_exact_on_every_pair_of_pass_rates(tests, right, other, inclusive):
    """Against fractions, which know no rounding."""
    high, low = Fraction(min(right, tests), tests), Fraction(min(other, tests), tests)
    margin, above = Fraction(2, 5), Fraction(4, 5)
    if inclusive:
        expected = high - low >= margin and high >= above and low > 0
    else:
        expected = high - low > margin and high > above and low > 0
    assert PairRule(inclusive=inclusive).prefers(float(high), float(low)) is expected


def test_other_thresholds():
    rule = PairRule(margin=0.2, chosen_above=0.5, rejected_above=0.1)
    assert rule.prefers(0.6, 0.3) and not rule.prefers(0.6, 0.1) and not rule.prefers(0.5, 0.2)
    assert PairRule(rejected_above=-1.0).prefers(1.0, 0.0)


def test_pairs_by_hand():
    """Rates 1, 0.9, 0.5, 0.45, 0: 1 beats 0.5 and 0.45; 0.9 beats 0.45 alone (0.4 is not more than 0.4)."""
    assert pairs_of([1.0, 0.9, 0.5, 0.45, 0.0]) == [(0, 3), (0, 2), (1, 3)]
    assert pairs_of([1.0, 0.9, 0.5, 0.45, 0.0], INCLUSIVE) == [(0, 3), (0, 2), (1, 3), (1, 2)]


def test_a_pair_carries_what_was_sampled():
    group = answers(2)
    (pair,) = build_pairs(ASKED, group, {"q#0": 0.2, "q#1": 1.0}, STRICT)
    assert dataclasses.asdict(pair) == {
        "question_id": "q",
        "chosen_id": "q#1",
        "rejected_id": "q#0",
        "prompt_ids": (1, 50, 51),
        "chosen_ids": (101, 2),
        "rejected_ids": (100, 2),
        "chosen_pass_rate": 1.0,
        "rejected_pass_rate": 0.2,
        "split": "validation",
    }


def test_the_same_two_texts_make_one_pair():
    programs = ["good", "good", "bad", "bad", "worse"]
    assert pairs_of([1.0, 1.0, 0.5, 0.5, 0.2], programs=programs) == [(0, 4), (0, 2)]


def test_the_largest_margins_are_kept():
    rates = [0.95, 1.0, 0.5, 0.1, 0.3]
    every = pairs_of(rates)
    assert every == [(1, 3), (0, 3), (1, 4), (0, 4), (1, 2), (0, 2)]
    assert pairs_of(rates, most=3) == every[:3]
    assert pairs_of(rates, most=100) == every


def test_failures_of_the_sandbox_are_left_out():
    assert pairs_of([1.0, None, 0.5, None]) == [(0, 2)]
    assert pairs_of([None, None]) == pairs_of([]) == []


rates = st.one_of(st.none(), st.integers(0, 20).map(lambda passed: passed / 20))


@given(st.lists(st.tuples(rates, st.integers(0, 3)), max_size=8), st.booleans(), st.integers(0, 5))
def test_pairs_are_all_that_the_rule_names(group, inclusive, most):
    """Brute force: every ordered two texts of which some completions satisfy the rule, once each."""
    rule = PairRule(inclusive=inclusive)
    group = [(rate, f"program {text}, rate {rate}") for rate, text in group]  # equal programs pass equally
    built = pairs_of([rate for rate, _ in group], rule, most, [text for _, text in group])
    expected = {
        (high_text, low_text): high - low
        for high, high_text in group
        for low, low_text in group
        if high is not None and low is not None and rule.prefers(high, low)
    }
    found = [(group[chosen][1], group[rejected][1]) for chosen, rejected in built]
    assert len(found) == len(set(found)) and set(found) <= set(expected)
    assert len(found) == (min(most, len(expected)) if most else len(expected))
    margins = [expected[pair] for pair in found]
    assert margins == sorted(margins, reverse=True)
    left_out = [margin for pair, margin in expected.items() if pair not in found]
    assert not left_out or max(left_out) <= min(margins) + 1e-9


def test_the_released_denominator_counts_the_dropped_tests_too():
    """15 kept of 20: the perfect program has 0.75 and can never be chosen."""
    (answer,) = answers(1)
    assert pass_rate_of_all(verdict(answer, 1.0, tests=15), 20) == 0.75
    assert not STRICT.prefers(0.75, 0.05) and not INCLUSIVE.prefers(0.75, 0.05)
    assert pass_rate_of_all(verdict(answer, 0.6, tests=15), 15) == 0.6
    assert pass_rate_of_all(verdict(answer, None), 20) is None


def test_the_length_balance_by_hand():
    group = [completion("q", i, str(i), token_ids=(7,) * length) for i, length in enumerate((10, 4, 12, 10))]
    pairs = build_pairs(ASKED, group, {"q#0": 1.0, "q#1": 0.1, "q#2": 0.2, "q#3": 0.3}, STRICT)
    assert length_balance([(len(pair.chosen_ids), len(pair.rejected_ids)) for pair in pairs]) == {
        "chosen_tokens": 10.0,
        "rejected_tokens": 26 / 3,
        "chosen_longer": 1 / 3,
        "same_length": 1 / 3,
    }
    assert length_balance([]) is None
