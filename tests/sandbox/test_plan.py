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


# `same`, `contains` and `is_prime` are the candidate's, as are all other functions and classes here.
HANDED = r"""
assert same(f(1), [1, 2])
r = f(1)\nassert same(r, [1, 2])
want = [1, 2]\nassert same(f(1), want)
want = [1, 2]\nr = f(1)\nassert same(r, want)
r, want = f(1), [1, 2]\nassert same(r, want)
ok = same(f(1), [1, 2])\nassert ok
ok = same(f(1), [1, 2])\nassert ok is True
r = f(1)\nassert not same(r, [1, 2])
r = sorted(f(1))\nassert same(r, [1, 2]) == True
for x, want in [(1, [1]), (2, [2])]:\n    r = f(x)\n    assert same(r, want)
a = [3, 1]\nsrt(a)\nassert same(a, [1, 3])
a = [3, 1]\nSolution().srt(a)\nassert same(a, [1, 3])
if True:\n    r = f(1)\nelse:\n    r = 3\nassert same(r, [1])
s = Stack()\ns.push(1)\nassert same(s.pop(), 1)
r = f(1)\nassert same(a=r, b=3)
r = f(1)\nassert same(r, 3) and same(r, 4)
def test():\n    r = f(1)\n    assert same(r, [1, 2])\ntest()
with Stack() as s:\n    r = s.pop()\n    assert same(r, 3)
assert same(r := f(1), 3)
try:\n    r = f(1)\nexcept ValueError:\n    r = 0\nassert same(r, 3)
assert True == same(f(1), 3)
assert same(f(1), 3) == 1
assert bool(same(f(1), 3))
assert all(same(f(x), y) for x, y in [(1, 2)])
assert all([same(f(x), y) for x, y in [(1, 2)]])
if not same(f(1), 3):\n    raise AssertionError
assert abs(same(f(1), 2)) < 1e-6
assert math.fabs(same(f(1), 2)) < 0.5
assert round(same(f(1), 2), 6) == 0
assert math.isclose(same(f(1), 2), 0, abs_tol=1e-6)
import unittest\ntc = unittest.TestCase()\ntc.assertTrue(same(f(1), 2))
if same(f(1), 2): pass\nelse: assert False
def helper(a):\n    return a\nassert same(helper(f(1)), 3)
if f(1):\n    def same(a, b): return a == b\nassert same(f(1), 3)
from solution import same as theirs\ndef same(a, b):\n    return theirs(a, b)\nassert same(f(1), 3)
theirs = same\ndef same(a, b):\n    return theirs(a, b)\nassert same(f(1), 3)
"""
CHECKS_NOTHING = r"""
def test_f():\n    assert f(7) == 3
import unittest\nclass T(unittest.TestCase):\n    def test_a(self): self.assertEqual(f(7), 3)
assert [f(7) == 3]
assert {'r': f(7) == 3}
assert f(7) == 3 or True
assert Solution().same(Solution().f(7), 3)
assert Point(f(7), 3)
"""
CHECKS_NOTHING_EITHER = r"""
assert [f(x) == y for x, y in [(1,2),(2,3)]]
assert {f(x) == y for x, y in [(1,2),(2,3)]}
assert {x: f(x) == y for x, y in [(1,2),(2,3)]}
assert map(lambda x: f(x) == 2, [1])
assert filter(f, [1, 2])
assert zip(f(1), [1, 2])
try:\n    assert f(1) == 2\nexcept AssertionError:\n    print("wrong")
try:\n    assert f(1) == 2\nexcept Exception as e:\n    print(e)
try:\n    assert f(1) == 2\nexcept:\n    pass
try:\n    assert f(1) == 2\nexcept (ValueError, AssertionError):\n    pass
import contextlib\nwith contextlib.suppress(Exception):\n    assert f(1) == 2
with suppress(AssertionError):\n    assert f(1) == 2
try:\n    f(-1)\n    assert False\nexcept Exception:\n    pass
f(1)\nassert True
x = f(1)\nassert (x == 2, "wrong")
x = f(1)\nassert [x == 2]
def t():\n    x = f(1)\n    assert [x == 2]\nt()
def t():\n    assert (f(1) == 2, "wrong")\nt()
math.isclose(f(1), 2)
import math\nmath.isclose(f(1), 2)
import numpy as np\nnp.allclose(f(1), 2)
import json\nprint(json.dumps(f(1)))
def test_a():\n    assert f(1) == 2\ndef main():\n    test_a()
if False:\n    assert f(1) == 2
while False:\n    assert f(1) == 2
for x in []:\n    assert f(x) == 2
assert str(f(1) == 2)
assert (f(1) == 2) is not None
assert bool([f(1) == 2])
assert f(1) == 2 or [1]
def test():\n    return f(1) == 2\ntest()
for x, y in [(1, 2)]:\n    try:\n        assert f(x) == y\n    except AssertionError:\n        print("no")
def check(x, y):\n    assert f(x) == y\ntry:\n    check(1, 2)\nexcept AssertionError:\n    print('no')
s = Stack()\ns.push(1)\nassert (s.pop() == 1, 'no')
if f(1) != 2:\n    print('wrong')
def check(candidate):\n    assert (candidate(1) == 2, 'no')\ncheck(f)
from json import dumps\nprint(dumps(f(1)))
"""
CHECKS = r"""
assert [x for x in f(3) if x > 1]
assert [x for x in f(3)]
assert str(f(1))
assert f(1) is not None
assert f(1) == 2 or f(1) == 3
x = f(1)\nassert x
ok = f(1) == 2\nassert ok
try:\n    f(-1)\n    assert False\nexcept ValueError:\n    pass
try:\n    f(-1)\nexcept ValueError:\n    pass\nelse:\n    assert False
try:\n    f(-1)\n    assert False\nexcept AssertionError:\n    raise\nexcept Exception:\n    pass
try:\n    assert f(1) == 2\nexcept AssertionError:\n    print('no')\n    raise
try:\n    assert f(1) == 2\n    ok = True\nexcept AssertionError:\n    ok = False\nassert ok
try:\n    f(-1)\n    assert False\nexcept Exception as e:\n    assert isinstance(e, ValueError)
try:\n    f(-1)\n    pytest.fail('no')\nexcept Exception:\n    pass
with pytest.raises(ValueError):\n    f(-1)
import unittest\ntc = unittest.TestCase()\ntc.assertEqual(f(1), 2)
import unittest\nclass T(unittest.TestCase):\n    def runTest(self):\n        self.assertEqual(f(1), 2)\nT().debug()
np.testing.assert_allclose(f(1), 2)
from numpy.testing import assert_allclose\nassert_allclose(f(1), 2)
def check(g):\n    assert g(1) == 2\ncheck(f)
def check(g):\n    assert g(1) == 2\ndef main():\n    check(f)\nmain()
def check(g):\n    assert g(1) == 2\nlist(map(check, [f]))
if f(1) != 2:\n    raise ValueError
if f(1) != 2:\n    import sys\n    sys.exit(1)
import contextlib\nwith contextlib.suppress(ValueError):\n    assert f(1) == 2
for x in f(3):\n    assert x > 0
while True:\n    assert f(1) == 2\n    break
errors = []\ntry:\n    assert f(1) == 2\nexcept AssertionError as e:\n    errors.append(e)\nassert not errors
def test():\n    return f(1) == 2\nassert test()
class Check:\n    def go(self): assert f(1) == 2\nCheck().go()
with open('/tmp/x') as file:\n    assert f(file.read()) == 2
@each\ndef t():\n    assert f(1) == 2
def t():\n    def inner():\n        assert f(1) == 2\n    inner()\nt()
if "__main__" == __name__:\n    assert f(1) == 2
if __name__ in ("__main__",):\n    assert f(1) == 2
if __name__ == '__main__':\n    assert f(1) == 2\nelse:\n    print(1)
match f(1):\n    case 2: pass\n    case _: assert False
assert all([f(x) == y for x, y in [(1, 2)]])
import json\nassert json.dumps(f(1)) == '2'
assert filter([1, 2])
def t(self):\n    with self.assertRaises(ValueError):\n        f(-1)\nt(tester)
"""
KEPT = r"""
a = [3,1]\nf(a)\nassert a == [1,3]
s = Stack()\ns.push(1)\nassert s.pop() == 1
x = 5\nassert decode(encode(x)) == x
x = 5\nenc = encode(x); assert decode(enc) == x
assert g(f(2), 3) == 7
r = f(1)\nassert r
r = f(1)\nassert is_prime(r)
r = f(1)\nr = 5\nassert same(r, 5)
assert same([1], [1])
a = f(1)\nb = f(2)\nassert same(a, b)
a = [1]\nassert contains(a, 1)
p = Point(1, 2)\nassert contains(p, 3)
assert contains(Point(1, 2), 3)
s = Stack()\nassert contains(s, 3)
s = Stack()\ns.push(1)\nassert s.contains(1)
r = f(1)\nassert isinstance(r, list) and len(r) == 3
n = next_prime(10)\nassert is_prime(n)
r = f(1)\nassert g(r, 3) > 5
r = f(1)\nfor x in [1, 2]:\n    assert is_prime(x)
n = 3\nf(n)\nassert contains(n, 3)
def same(a, b):\n    return a == b\nassert same(f(1), 3)
import math\ndef same(a, b):\n    return math.fabs(a - b)\nfor x in [1, 2]:\n    r = f(x)\n    assert same(x, r) < 1e-4
"""
_OWN = "f g same srt Stack Solution Point encode decode is_prime next_prime contains"
OWN = frozenset(_OWN.split())


@pytest.mark.parametrize("line", HANDED.strip().split("\n"))
def test_tests_that_hand_expected_values_to_the_candidate_are_found(line):
    plan = plan_test(line.replace("\\n", "\n"), OWN)
    assert plan.kind == VACUOUS and plan.detail == "hands the expected value to the candidate's own same"


@pytest.mark.parametrize("line", CHECKS_NOTHING.strip().split("\n"))
def test_tests_that_check_nothing_are_found(line):
    assert plan_test(line.replace("\\n", "\n"), OWN).kind == VACUOUS


@pytest.mark.parametrize("line", KEPT.strip().split("\n"))
def test_other_tests_with_several_of_the_candidates_functions_count(line):
    assert plan_test(line.replace("\\n", "\n"), OWN).kind != VACUOUS


SETUP = "def each(t): t()\ntester = None"


@pytest.mark.parametrize("line", CHECKS_NOTHING_EITHER.strip().split("\n"))
def test_what_cannot_fail_by_what_the_candidate_computes_checks_nothing(line):
    plan = plan_test(line.replace("\\n", "\n"), OWN, SETUP)
    assert plan.kind == VACUOUS and "undefined" not in plan.detail


@pytest.mark.parametrize("line", CHECKS.strip().split("\n"))
def test_what_can_fail_counts(line):
    assert plan_test(line.replace("\\n", "\n"), OWN | {"filter"}, SETUP).kind != VACUOUS


@given(expressions, expressions)
def test_any_assert_can_be_planned(left, right):
    for source in (f"assert {left} == {right}", f"y = {left}\nassert y == {right}", f"assert {left}"):
        plan = plan_test(source, frozenset({"f", "Solution"}))
        assert plan.kind == VACUOUS or plan.code() or plan.decide


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


def test_names_that_the_standard_library_has_too_are_the_candidates_where_tests_call_no_other():
    assert infer_entry_points(["assert gcd(12, 8) == 4"]) == ("gcd",)
    assert infer_entry_points(["assert gcd(f(12), 8) == 4"]) == ("f",)
    assert infer_entry_points(["assert len([1]) == 1"]) == ()


def test_a_test_may_be_indented_or_below_the_main_guard():
    for source in ("    assert f(1) == 2", "\n    x = f(1)\n    assert x == 2"):
        assert plan_test(source, frozenset({"f"})).kind != VACUOUS
    guarded = plan_test("if __name__ == '__main__':\n    assert f(1) == 2", frozenset({"f"}))
    assert guarded.kind == SPLIT and guarded.decide([2]) and not guarded.decide([3])


def test_a_literal_on_the_left_is_compared_with_all_of_the_right_side():
    for source, right, wrong in (
        ("assert 3 == len(f(1))", [1, 2, 3], 3),
        ("assert True == isinstance(f(1), list)", [], True),
        ("assert [1, 2] == sorted(f(1))", [2, 1], [1]),
        ("assert 5 == abs(f(1))", -5, 4),
    ):
        decide = plan_test(source, frozenset({"f"})).decide
        assert decide([right])
        try:
            assert not decide([wrong])
        except TypeError:
            assert source == "assert 3 == len(f(1))"


def test_splitting_keeps_every_assert():
    source = (
        "def check(candidate):\n"
        + "".join(f"    assert candidate({i}) == {i}\n" for i in range(7))
        + "check(f)"
    )
    assert [ast.unparse(ast.parse(t)) for t in split_tests(source)] == [
        f"assert f({i}) == {i}" for i in range(7)
    ]
