"""The splitter never raises, never hands an expected value to the candidate, and needs no candidate to
decide.
"""

from __future__ import annotations

import ast
import marshal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.plan import SPLIT, VACUOUS, infer_entry_points, plan_test, split_tests

pytestmark = pytest.mark.filterwarnings("ignore::SyntaxWarning")
SECRET = 918273645
atoms = st.sampled_from(
    ["f(1)", "f([2], k=3)", "f(f(1))", str(SECRET), "x", "'a'", "[1, 2]", "None", "Solution().g(2)", "g"]
)
expressions = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "==", "<", "in", "and", "is not", "-", "**"]), inner).map(
            lambda t: f"({t[0]} {t[1]} {t[2]})"
        ),
        st.tuples(st.sampled_from(["sorted", "len", "abs", "set", "not ", "h", "isinstance"]), inner).map(
            lambda t: f"{t[0]}({t[1]})"
        ),
        inner.map(lambda e: f"[{e} for x in {e}]"),
        inner.map(lambda e: f"(lambda x: {e})(1)"),
        inner.map(lambda e: f"{e}.count({SECRET})"),
        inner.map(lambda e: f"{e}[0]"),
    ),
    max_leaves=6,
)


def constants(code) -> set[object]:
    found = set()
    for constant in code.co_consts:
        found |= constants(constant) if hasattr(constant, "co_consts") else {constant}
    return found


@given(expressions, expressions)
def test_any_assert_can_be_planned(left, right):
    for source in (f"assert {left} == {right}", f"y = {left}\nassert y == {right}", f"assert {left}"):
        plan = plan_test(source, frozenset({"f", "Solution"}))
        assert plan.kind == VACUOUS or plan.code or plan.decide


@given(expressions.filter(lambda e: str(SECRET) not in e))
def test_what_a_call_is_compared_with_stays_behind(left):
    plan = plan_test(f"assert {left} == {SECRET}", frozenset({"f", "Solution"}))
    for call in plan.calls:
        assert SECRET not in constants(marshal.loads(call))


@given(st.text(max_size=60))
def test_any_text_can_be_planned(source):
    plan_test(source, frozenset({"f"}))
    infer_entry_points([source])
    assert split_tests(source)


def test_arguments_of_a_plain_values_methods_stay_behind():
    for test in (
        f"assert f(1).count({SECRET}) == 1",
        f"assert f(1).__eq__({SECRET})",
        f"assert f(1).issubset([{SECRET}])",
        f"assert Solution().words().startswith('{SECRET}')",
        f"assert f(1)[{SECRET}] == 1",
        f"assert abs(f(1) - {SECRET}) < 1",
        f"assert max(f(1), {SECRET}) == 1",
    ):
        plan = plan_test(test, frozenset({"f", "Solution"}))
        assert plan.kind != VACUOUS, test
        for call in plan.calls:
            assert not {SECRET, str(SECRET)} & constants(marshal.loads(call)), test


def test_names_of_builtins_are_the_candidates_only_if_the_question_says_so():
    assert len(plan_test("assert abs(f(1)) == 2", frozenset({"f"})).calls) == 1
    plan = plan_test("assert sum(10, 15) == 6", frozenset({"sum"}))
    assert plan.kind == SPLIT and len(plan.calls) == 1


def test_splitting_keeps_every_assert():
    source = (
        "def check(candidate):\n"
        + "".join(f"    assert candidate({i}) == {i}\n" for i in range(7))
        + "check(f)"
    )
    assert [ast.unparse(ast.parse(t)) for t in split_tests(source)] == [
        f"assert f({i}) == {i}" for i in range(7)
    ]
