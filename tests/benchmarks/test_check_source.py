"""HumanEval's `check(candidate)` bodies as independent tests."""

import ast

import pytest

from acecoder_jax.benchmarks.check_source import called_function, split_check


def test_asserts_become_one_test_each_with_the_entry_points_name():
    source = (
        'METADATA = {}\ndef check(candidate):\n    """Doc."""\n    assert candidate(1) == 2\n    print("x")\n'
        + ("    assert abs(candidate(candidate(3)) - 4) < 1e-6, 'no'\n    assert True, 'always'\n")
    )
    assert split_check(source, "twice") == [
        "assert twice(1) == 2",
        "assert abs(twice(twice(3)) - 4) < 1e-06, 'no'",
    ]


def test_a_body_with_other_statements_stays_one_test():
    body = "    for n in range(3):\n        assert candidate(n) == n\n    assert candidate(9) == 9"
    source = f"def check(candidate):\n{body}"
    (test,) = split_check(source, "same")
    assert [type(node).__name__ for node in ast.parse(test).body] == ["For", "Assert"]
    assert "candidate" not in test


def test_helpers_travel_with_the_tests_that_use_them_and_only_with_those():
    helpers = "import math\nimport re\n\ndef poly(x):\n    return math.pow(x, 2)\n\ndef root(x):\n    pass\n"
    source = (
        "LIMIT = 3\ndef check(candidate):\n    assert poly(candidate(2)) < LIMIT\n    assert candidate(1)"
    )
    first, second = split_check(source, "root", helpers)
    assert second == "assert root(1)"
    assert "def poly" in first and "import math" in first and "LIMIT = 3" in first
    assert "def root" not in first and "import re" not in first


def test_a_source_without_check_is_refused():
    with pytest.raises(ValueError, match="check"):
        split_check("def test(candidate):\n    assert candidate()", "f")


def test_the_called_function_is_the_programs_own():
    program = "def helper(x):\n    return x\n\ndef area(x):\n    return helper(x)\n"
    assert called_function("assert math.isclose(area(10), 1, rel_tol=0.1)", program) == "area"
    assert called_function("assert set(area([1])) == set([1])", program) == "area"
    assert called_function("assert other(10) == 1", program) is None
