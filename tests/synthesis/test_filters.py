"""The filters of curation, by hand: each drops what it names, and the first reason counts."""

import dataclasses

import pytest

from acecoder_jax.data.records import TestOutcome, Verdict
from acecoder_jax.synthesis.filters import (
    DISAGREED,
    NOT_A_TEST,
    REPEATED,
    TOO_LONG,
    TOOTHLESS,
    FilterRules,
    best_of,
    mutation_score,
    reasons_to_drop,
    why_no_test,
    wrong_programs,
)
from tests.made_records import question

OUTCOMES = {"p": "passed", "f": "failed", "e": "error", "t": "timeout", "i": "infrastructure"}


def said(text, name="a"):
    """A verdict from one letter a test."""
    outcomes = tuple(TestOutcome(OUTCOMES[letter]) for letter in text)
    rate = None if "i" in text else text.count("p") / len(text)
    return Verdict(name, "q", outcomes, "", rate)


def reasons(solutions, mutants=(), tests=None, **rules):
    asked = question("q", tests=len(solutions[0]))
    asked = dataclasses.replace(asked, tests=tuple(tests)) if tests else asked
    return reasons_to_drop(asked, [*map(said, solutions)], [*map(said, mutants)], FilterRules(**rules))


def test_the_best_program_decides():
    assert reasons(["pfff", "pppf", "ppff"]) == [None, None, None, "failed"]
    assert reasons(["ppet"]) == [None, None, "error", "timeout"]
    assert reasons(["iiii", "pfpf"]) == [None, "failed", None, "failed"]


def test_the_first_of_equally_good_programs_is_the_best():
    verdicts = [said("pf", "a"), said("fp", "b"), said("ii", "c")]
    assert best_of(verdicts).completion_id == "a"
    assert best_of([said("ii")]) is None
    with pytest.raises(ValueError, match="q: no program"):
        reasons(["ii"])


def test_agreement_asks_several_programs():
    solutions = ["pppf", "ppfp", "pfff", "iiii"]
    assert reasons(solutions, agreeing_programs=2) == [None, None, DISAGREED, "failed"]
    assert reasons(solutions, agreeing_programs=3) == [None, DISAGREED, DISAGREED, "failed"]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("assert f(1) == 2", None),
        ("x = f(1)\nassert x == 2", None),
        ("import math\nassert math.isclose(f(1), 2)", None),
        ("f(1) == 2", NOT_A_TEST),
        ("assert f(1) ==", NOT_A_TEST),
        ("", NOT_A_TEST),
        ("print('\0')", NOT_A_TEST),
        ("(" * 500, NOT_A_TEST),
        ("assert f(1) == 2  #" + " " * 10_000_000, TOO_LONG),
    ],
    ids=range(9),
)
def test_a_test_holds_an_assert(source, reason):
    assert why_no_test(source) is reason


def test_what_is_no_test_goes_although_a_program_passes_it():
    assert reasons(["pp"], tests=["f(1)", "assert f(1) == 2"]) == [NOT_A_TEST, None]


def test_repeats_are_found_whatever_their_layout():
    tests = ["assert f(1) == 'a'", 'assert f( 1 )=="a"  # again', "assert f(1) == 'b'"]
    assert reasons(["ppp"], tests=tests, drop_repeats=True) == [None, REPEATED, None]
    assert reasons(["ppp"], tests=tests) == [None] * 3
    failing_first = reasons(["fpp"], tests=tests, drop_repeats=True)
    assert failing_first == ["failed", None, None], "only what stays can be repeated"


def test_a_test_that_no_wrong_program_fails_goes():
    mutants = ["pfpp", "ppfp", "pppp", "iiii"]
    assert reasons(["pppp"], mutants, drop_toothless=True) == [TOOTHLESS, None, None, TOOTHLESS]
    assert reasons(["pppp"], mutants) == [None] * 4
    # Failing solutions are wrong programs too.
    assert reasons(["pppp", "fppp"], mutants, drop_toothless=True) == [None, None, None, TOOTHLESS]


def test_without_a_wrong_program_nothing_is_known_about_teeth():
    assert reasons(["ppp", "ppp"], ["ppp"], drop_toothless=True) == [None] * 3


def test_failing_dropped_tests_does_not_make_a_program_wrong():
    """The last test is dropped by the oracle: whoever fails it alone is no wrong program."""
    assert reasons(["ppf"], ["ppf"], drop_toothless=True) == [None, None, "failed"]
    assert wrong_programs([said("ppf"), said("pff")], [0, 1]) == [said("pff")]


def test_the_mutation_score_is_the_share_that_some_test_fails_for():
    mutants = [said("pf"), said("fp"), said("pp"), said("ii")]
    assert mutation_score(mutants, [0, 1]) == 2 / 3
    assert mutation_score(mutants, [0]) == 1 / 3
    assert mutation_score([said("ii")], [0]) is None
