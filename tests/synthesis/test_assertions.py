"""Tests are one constant assert each, and a choice of them is varied."""

import random
from collections import Counter

import pytest

from acecoder_jax.synthesis.assertions import Candidate, assertion, call_source, choose_tests


def test_a_call_is_written_with_constants():
    assert call_source("f", ([1], "a'b", None)) == 'f([1], "a\'b", None)'
    assert call_source("g", ()) == "g()"


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        (3, "assert f(1) == 3"),
        (True, "assert f(1) == True"),
        (None, "assert f(1) is None"),
        ("a", "assert f(1) == 'a'"),
        ([1, (2.5,)], "assert f(1) == [1, (2.5,)]"),
        ({"b", "a"}, "assert f(1) == {'a', 'b'}"),
        (0.1, "assert abs(f(1) - 0.1) < 1e-06"),
        (-2.5, "assert abs(f(1) - (-2.5)) < 1e-06"),
        (0.0, "assert abs(f(1) - 0.0) < 1e-06"),
        (31234.5, "assert abs(f(1) - 31234.5) < 0.0001"),
        (5e-324, "assert abs(f(1) - 5e-324) < 1e-06"),
    ],
)
def test_each_kind_of_value_is_compared_as_it_should_be(expected, text):
    assert assertion("f(1)", expected) == text
    exec(text, {"f": lambda x: expected})
    with pytest.raises((AssertionError, TypeError)):
        exec(text, {"f": lambda x: "something else"})


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        object(),
        "x" * 300,
        list(range(200)),
        [1 / 3],
        {"a": 0.1 + 0.2},
        set(),
    ],
)
def test_values_that_are_no_constants_or_too_long_or_too_exact_make_no_test(value):
    assert assertion("f(1)", value) is None


def test_a_number_of_more_digits_than_python_writes_makes_no_test():
    assert assertion("f(1)", 10**5000) is None


def many(counts):
    return [
        Candidate(f"assert f({value}, {i}) == {value}", value)
        for value, n in counts.items()
        for i in range(n)
    ]


def counted(chosen):
    return Counter(test.expected for test in chosen)


def test_examples_are_kept_and_values_are_evenly_spread():
    tests = many({"True": 80, "False": 20})
    chosen = choose_tests(tests, 3, 20, random.Random(0))
    assert chosen[:3] == tests[:3]
    assert len(chosen) == len(set(chosen)) == 20
    assert counted(chosen) == {"True": 10, "False": 10}


def test_one_common_value_never_fills_the_choice():
    chosen = choose_tests(many({"0": 98, "1": 1, "2": 1}), 1, 20, random.Random(0))
    assert counted(chosen) == {"0": 12, "1": 1, "2": 1}


def test_rare_values_are_all_seen_before_common_ones_come_again():
    tests = many({"0": 50} | {str(value): 1 for value in range(1, 15)})
    chosen = choose_tests(tests, 0, 20, random.Random(0))
    assert counted(chosen) == {"0": 6} | {str(value): 1 for value in range(1, 15)}


def test_the_choice_depends_on_the_random_source_alone():
    tests = many({"a": 30, "b": 30, "c": 30})
    assert choose_tests(tests, 2, 20, random.Random(5)) == choose_tests(tests, 2, 20, random.Random(5))
    assert choose_tests(tests, 2, 20, random.Random(5)) != choose_tests(tests, 2, 20, random.Random(6))


def test_fewer_tests_than_asked_for_are_all_chosen():
    tests = many({"a": 2, "b": 1})
    assert set(choose_tests(tests, 1, 20, random.Random(0))) == set(tests)


def test_branches_that_few_inputs_run_are_covered_first():
    tests = [Candidate(f"assert f({i}) == {i % 2}", str(i % 2), frozenset({0})) for i in range(200)]
    rare = [Candidate(f"assert f({-i}) == 1", "1", frozenset({0, i})) for i in (1, 2, 3)]
    chosen = choose_tests(tests + rare, 2, 6, random.Random(0))
    assert chosen[:2] == tests[:2] and set(rare) <= set(chosen) and len(chosen) == 6


def test_branches_do_not_outweigh_the_limit_on_one_value():
    tests = [Candidate(f"assert f({i}) == 0", "0", frozenset({i})) for i in range(30)]
    tests += [Candidate(f"assert f({-i}) == 1", "1", frozenset({0})) for i in range(1, 20)]
    assert counted(choose_tests(tests, 0, 10, random.Random(0))) == {"0": 6, "1": 4}
