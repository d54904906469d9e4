"""EvalPlus inputs and answers as tests: each is run on answers that must pass and that must not."""

import math

import pytest

from acecoder_jax.benchmarks.plus import as_source, call_source, mbpp_arguments, plus_test


def passes(test, name, answer):
    """Runs a test written by the code under test on a function that always gives `answer`."""
    try:
        exec(test, {name: lambda *args: answer})
    except AssertionError:
        return False
    return True


@pytest.mark.parametrize(
    ("name", "expected", "atol", "right", "wrong"),
    [
        ("f", [1, 2], 0, [[1, 2]], [[2, 1], (1, 2), None]),
        ("f", 0.5, 0, [0.5, 0.5 + 5e-7], [0.5 + 3e-6]),
        ("f", -2.0, 1e-4, [-2.00009], [-2.0002]),
        ("f", 1e9, 0, [1e9 + 50], [1e9 + 200]),
        ("f", [0.5, 1.0], 0, [[0.5, 1.0 + 1e-7]], [[0.5], (0.5, 1.0), [0.5, 1.1]]),
        ("f", (3, 4), 1e-4, [(3.00001, 4)], [(3.1, 4), [3, 4]]),
        ("f", [], 0, [[]], [[0.0], None]),
        ("f", True, 1e-6, [True], [False]),
        ("f", math.inf, 0, [math.inf], [1e300]),
        ("similar_elements", (4, 5), 0, [(5, 4), [4, 5]], [(4,)]),
        ("check_str", True, 0, [True, "a match"], [False, None]),
        ("check_str", None, 0, [None, False], [True, "a match"]),
        ("sum_div", 7, 0, [7, 0], [6]),
        ("are_equivalent", False, 0, [False, True], ["no"]),
    ],
)
def test_right_answers_pass_and_wrong_ones_do_not(name, expected, atol, right, wrong):
    test = plus_test(name, [1], expected, atol)
    assert all(passes(test, name, answer) for answer in right), test
    assert not any(passes(test, name, answer) for answer in wrong), test


def test_integers_too_long_for_decimal_digits():
    huge = 10**5000
    test = plus_test("f", [huge], -huge, 0)
    assert passes(test, "f", -huge)
    assert not passes(test, "f", 1 - huge)


def test_any_root_of_the_polynomial_will_do():
    test = plus_test("find_zero", [[-4, 0, 1]], 2.0, 1e-4)
    assert passes(test, "find_zero", -2.0)
    assert passes(test, "find_zero", 2.00001)
    assert not passes(test, "find_zero", 1.9)


@pytest.mark.parametrize(
    ("number", "row", "expected"),
    [
        (2, [[1, 2], [3]], [(1, 2), (3,)]),
        (63, [[[1, 2], [3, 4]]], [[(1, 2), (3, 4)]]),
        (75, [[[1, 2]], 6], [[(1, 2)], 6]),
        (106, [[1], [2, 3]], [[1], (2, 3)]),
        (115, [[[1, 2], [], {}]], [[{1, 2}, {}, {}]]),
        (124, [1, "2j"], [1.0, 2j]),
        (252, ["(1+2j)"], [1 + 2j]),
        (259, [[[1, 2]], [[3, 4]]], [((1, 2),), ((3, 4),)]),
        (278, [[4, [5, 6]]], [(4, (5, 6))]),
        (307, [[1], 0, 5], [(1,), 0, 5]),
        (580, [[1, [2, [3]]]], [(1, (2, (3,)))]),
        (722, [{"a": [1, 2]}, 5], [{"a": (1, 2)}, 5]),
        (3, [[1]], [[1]]),
    ],
)
def test_types_that_json_lost_come_back(number, row, expected):
    assert mbpp_arguments(number, row) == expected


@pytest.mark.parametrize(
    "value",
    [
        None,
        -3,
        2.5,
        math.inf,
        -math.inf,
        "a'\n",
        b"x",
        True,
        [1, (2,), ()],
        {"a": {1: [2]}},
        {3, 1},
        set(),
        1 - 2j,
    ]
    + [frozenset({1}), complex(0, math.inf)],
)
def test_sources_of_plain_data_give_it_back(value):
    source = as_source(value)
    assert eval(source) == value
    assert type(eval(source)) is type(value)


def test_sources_are_the_same_in_every_process_and_refuse_objects():
    assert as_source({"b", "a"}) == "{'a', 'b'}"
    assert call_source("f", [[1], "x"]) == "f([1], 'x')"
    with pytest.raises(ValueError, match="object"):
        as_source(object())
