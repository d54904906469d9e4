"""The shapes that real tests take: each passes for a right program, fails for a wrong one, and is graded as
planned.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from sandbox import Limits, Program, Sandbox
from sandbox.plan import infer_entry_points, plan_test, split_tests

SOURCE = """
from collections import Counter, OrderedDict, deque, namedtuple
from decimal import Decimal
from fractions import Fraction
import dataclasses, datetime, enum, random, re
def f(x): return x + 1
def g(*a): return list(a)
def srt(l): l.sort()
def fill(d, s): d['k'] = 1; s.add(2)
def gen(n):
    for i in range(n): yield i
def endless():
    i = 0
    while True: yield i; i += 1
def dec(x): return Decimal(x) / 3
def frac(a, b): return Fraction(a, b)
def date(): return datetime.datetime(2020, 1, 2, 3, 4)
def cnt(x): return Counter(x)
def order(): return OrderedDict(a=1)
def que(): return deque([1, 2], 3)
P = namedtuple('P', 'x y')
def pt(): return P(1, 2)
class InvalidInput(ValueError): pass
def bad(x):
    if x: raise InvalidInput("bad value")
    raise KeyError("k")
class Stack:
    def __init__(s, *a): s.d = list(a)
    def push(s, x): s.d.append(x); return s
    def pop(s): return s.d.pop()
    def __len__(s): return len(s.d)
    def __getitem__(s, i): return s.d[i]
    def __eq__(s, o): return s.d == o.d
    def __add__(s, o): return Stack(*s.d, *o.d)
    def __str__(s): return 'S' + str(s.d)
    def __iter__(s): return iter(s.d)
    def __contains__(s, x): return x in s.d
    def __enter__(s): return s
    def __exit__(s, *a): s.d.clear()
    @property
    def size(s): return len(s.d)
class Solution:
    def f(self, x): return x * 2
def apply(fn, xs): return [fn(x) for x in xs]
def adder(n): return lambda x: x + n
def yes(): return True
def same(a, b): return True
def text(): return "abc"
def match(s): return re.match("(a)b", s)
def roll(): return random.random()
def ask(): return input()
class WorseInput(InvalidInput): pass
def worse(): raise WorseInput("worse")
@dataclasses.dataclass
class Point:
    x: int
    y: int
def middle(a, b): return Point((a.x + b.x) // 2, (a.y + b.y) // 2)
class Color(enum.Enum):
    RED = 1
    BLUE = 2
def color(): return Color.RED
class Bag:
    def __iter__(s): return iter([1])
def bag(): return Bag()
def words(file): return len(file.read().split())
class Odd:
    def __eq__(s, o): return True
    def __bool__(s): return True
def odd(): return Odd()
"""
_NAMES = """
f g srt fill gen endless dec frac date cnt order que pt InvalidInput bad Stack Solution apply adder yes same
text match roll ask odd Odd WorseInput worse Point middle Color color Bag bag words
"""
NAMES = tuple(_NAMES.split())

SPLIT = """
assert f(1) == 2
assert 2 == f(1)
assert f(1) != 3
assert f(1) is not None
assert yes() is True
assert not f(-1)
assert f(1) in [2, 3]
assert 1 < f(1) < 3
assert abs(f(0.1) - 1.1) < 1e-9
assert math.isclose(f(0.1), 1.1)
assert sorted(g(3, 1, 2)) == [1, 2, 3]
assert set(g(1, 1)) == {1}
assert len(g(1, 2)) == 2
assert isinstance(g(1), list)
assert isinstance(g(1), (list, tuple))
assert f(f(1)) == 3
assert f(1) + f(2) == 5
assert Solution().f(4) == 8
assert Stack(1, 2).push(3).pop() == 3
assert Stack(1, 2).size == 2
assert adder(2)(3) == 5
assert apply(lambda x: x + 1, [1, 2]) == [2, 3]
assert list(gen(3)) == [0, 1, 2]
assert sum(gen(4)) == 6
assert cnt('aab') == {'a': 2, 'b': 1}
assert pt() == (1, 2)
assert dec('1') != 3
assert f(1) == 2, f"message {f(1)}"
assert f(1) == 2 and f(2) == 3
assert f(1) == 2 or f('a') == 3
assert round(f(0.12345), 2) == 1.12
assert f(10**30) == 10**30 + 1
assert f(1j) == 1 + 1j
assert g(float('nan'))[0] != 0
assert g({1: (2, [3])}) == [{1: (2, [3])}]
assert type(f(1)) == int
assert text()[0] == 'a'
assert match('ab')
"""
REMOTE = r"""
assert all(f(i) == i + 1 for i in range(5))
assert [f(i) for i in range(3)] == [1, 2, 3]
assert {f(i): i for i in range(2)} == {1: 0, 2: 1}
assert len(Stack(1, 2)) == 2
a = [3, 1, 2]; srt(a); assert a == [1, 2, 3]
d, s = {}, set(); fill(d, s); assert d == {'k': 1} and s == {2}
it = endless(); assert next(it) == 0 and next(it) == 1
assert dec('1').quantize(Decimal('0.01')) == Decimal('0.33')
assert frac(2, 4) == Fraction(1, 2)
assert date() == datetime.datetime(2020, 1, 2, 3, 4)
assert date().year == 2020
assert cnt('aab') == Counter('aab')
assert order() == OrderedDict(a=1)
assert que() == deque([1, 2])
assert pt().x == 1
assert match('ab').group(1) == 'a'
try:\n    bad(1)\n    assert False\nexcept ValueError as e:\n    assert str(e) == "bad value"
try:\n    bad(1)\n    assert False\nexcept InvalidInput as e:\n    pass
try:\n    bad(0)\nexcept KeyError as e:\n    assert e.args == ('k',)
with pytest.raises(ValueError, match='bad'):\n    bad(1)
with pytest.raises(InvalidInput):\n    bad(1)
assert f(0.1) == pytest.approx(1.1)
s = Stack()\ns.push(1)\ns.push(2)\nassert s.pop() == 2 and len(s) == 1 and s[0] == 1
s = Stack(1, 2)\nassert list(s) == [1, 2] and str(s) == 'S[1, 2]'
with Stack(1) as s:\n    assert s.size == 1\nassert s.size == 0
assert list(map(f, [1, 2])) == [2, 3]
h = adder(2)\nassert h(3) == 5
assert f.__name__ == 'f'
assert (lambda x: f(x))(1) == 2
def check(candidate):\n    assert candidate(1) == 2\n    assert candidate(2) == 3\ncheck(f)
for x, y in [(1, 2), (2, 3)]:\n    assert f(x) == y
x = f(1)\nassert x == 2
assert (y := f(1)) == 2 and y < 3
assert text().startswith('ab')
random.seed(1)\na = roll()\nrandom.seed(1)\nassert roll() == a
import unittest\nunittest.TestCase().assertEqual(f(1), 2)
s = Stack(1)\nassert s.__class__.__name__ == type(s).__name__ == 'Stack'
s = Stack(1)\nassert vars(s) == s.__dict__ == {'d': [1]} and 'push' in dir(s)
s = Stack(1)\nassert hasattr(s, 'push') and not hasattr(s, '__next__') and not callable(s)
s = Stack(1)\nt = copy.deepcopy(s)\nt.push(2)\nassert len(s) == 1 and len(t) == 2
try:\n    bad(1)\nexcept Exception as e:\n    assert type(e).__name__ == 'InvalidInput' and isinstance(e, InvalidInput)
try:\n    worse()\n    assert False\nexcept InvalidInput as e:\n    assert isinstance(e, ValueError)
n = [1]\nassert apply(lambda x: f(1) + x, n) == [3]
p = middle(Point(0, 0), Point(2, 2))\nassert p.x == 1
"""
SHARED = r"""
s = Stack(1, 2)\nassert 1 in s
assert callable(f) and f is not None
assert issubclass(InvalidInput, Exception)
assert isinstance(Stack(1), Stack)
assert Stack(1) + Stack(2) == Stack(1, 2)
class T(Stack):\n    pass\nassert T(1).size == 1
async def t():\n    assert f(1) == 2\nimport asyncio; asyncio.run(t())
import sys, io\nsys.stdin = io.StringIO('hello')\nassert ask() == 'hello'
assert middle(Point(0, 0), Point(2, 2)) == Point(1, 1)
p = middle(Point(0, 0), Point(2, 2))\nassert p == Point(1, 1) and dataclasses.asdict(p) == {'x': 1, 'y': 1}
assert color() == Color.RED and color() is Color.RED and color() is not Color.BLUE
import collections.abc\nr = bag()\nassert isinstance(r, collections.abc.Iterable)
import collections.abc\nr = bag()\nassert not isinstance(r, collections.abc.Iterator)
k = 3\nassert apply(lambda x: x + k, [1]) == [4]
seen = []\napply(lambda x: seen.append(x), [5])\nassert seen == [5]
def check(candidate):\n    k = 3\n    assert candidate(lambda x: x + k, [1]) == [4]\ncheck(apply)
import io\nfile = io.StringIO('a b')\nassert words(file) == 2
"""
VACUOUS = r"""
assert True
assert f
assert (f(1), 2)
assert ____ == f(1)
assert undefined_thing(f(1))
assert same(f(1), [1, 2])
r = f(1)\nassert same(r, [1, 2])
f(1)
x = 3
assert f(1
"""
WRONG = r"""
assert f(1) == 3
assert odd() == 3
assert not odd()
r = odd(); assert r == 3
r = odd(); assert [r] == [3]
assert odd() in [3]
assert Odd() == 3
assert Stack(1) == Stack(2)
assert [f(i) for i in range(3)] == [1, 2, 4]
a = [3, 1, 2]; srt(a); assert a == [3, 1, 2]
s = Stack(1)\nassert type(s).__name__ == 'Queue'
s = Stack(1)\nassert callable(s)
s = Stack(1)\nassert hasattr(s, '__next__')
s = Stack(1)\nassert isinstance(s, (int, list))
import collections.abc\nr = bag()\nassert isinstance(r, collections.abc.Iterator)
assert middle(Point(0, 0), Point(2, 2)) == Point(5, 5)
assert color() == Color.BLUE
assert color() is Color.BLUE
k = 3\nassert apply(lambda x: x + k, [1]) == [5]
import io\nfile = io.StringIO('a b')\nassert words(file) == 3
p = middle(Point(0, 0), Point(2, 2))\nassert p == (1, 1)
"""


def lines(block: str) -> list[str]:
    return [line.replace("\\n", "\n") for line in block.strip().split("\n")]


@pytest.fixture(scope="module")
def box():
    with Sandbox(workers=1, limits=Limits(test_cpu_s=2.0)) as sandbox:
        yield sandbox


def grade(box: Sandbox, tests: list[str]):
    return box.run([Program("shapes", SOURCE, tuple(tests), NAMES)])[0].outcomes


@pytest.mark.parametrize(
    ("block", "kind", "shared"), [(SPLIT, "split", False), (REMOTE, "remote", False), (SHARED, None, True)]
)
def test_right_programs_pass(box, block, kind, shared):
    tests = lines(block)
    for test, outcome in zip(tests, grade(box, tests)):
        assert outcome.outcome == "passed", (test, outcome)
        assert outcome.in_process is shared, (test, outcome)
        assert kind is None or plan_test(test, frozenset(NAMES)).kind == kind, test


def test_tests_that_check_nothing_do_not_count(box):
    tests = lines(VACUOUS)
    for test, outcome in zip(tests, grade(box, tests)):
        assert outcome.outcome == "vacuous" and outcome.detail, test
    (verdict,) = box.run([Program("v", SOURCE, tuple(tests), NAMES)])
    assert verdict.outcome == "vacuous" and verdict.pass_rate is None


def test_wrong_programs_fail(box):
    tests = lines(WRONG)
    for test, outcome in zip(tests, grade(box, tests)):
        assert outcome.outcome == "failed", (test, outcome)


def test_the_truth_of_an_object_is_its_own_word_and_on_record(box):
    for outcome in grade(box, ["assert odd()", "r = odd()\nassert r"]):
        assert outcome.outcome == "passed" and outcome.in_process, outcome


def test_a_dead_child_does_not_take_the_other_tests_with_it(box):
    source = "import os\ndef f(x):\n    if x == 2: os._exit(1)\n    return x"
    tests = [f"assert f({i}) == {i}" for i in range(5)]
    (verdict,) = box.run([Program("d", source, tuple(tests), ("f",))])
    assert [t.outcome for t in verdict.outcomes] == ["passed", "passed", "crashed", "passed", "passed"]


def test_a_timed_out_test_does_not_take_the_other_tests_with_it():
    source = "def f(x):\n    while x == 2: pass\n    return x"
    tests = [f"assert f({i}) == {i}" for i in range(5)]
    with Sandbox(workers=1, limits=Limits(test_cpu_s=0.3)) as box:
        (verdict,) = box.run([Program("d", source, tuple(tests), ("f",))])
        assert [t.outcome for t in verdict.outcomes] == ["passed", "passed", "timeout", "passed", "passed"]
        always = Program("e", "def f(x):\n    while True: pass", tuple(tests), ("f",))
        (verdict,) = box.run([always])
        assert [t.outcome for t in verdict.outcomes] == ["timeout"] * 5
        assert verdict.cpu_s < 2.0  # two tests were run, not five


def test_binary_mode_stops_at_the_first_failure():
    with Sandbox(workers=1, limits=Limits(stop_at_first_failure=True)) as box:
        (verdict,) = box.run(
            [Program("a", SOURCE, ("assert f(1) == 2", "assert f(1) == 3", "assert f(2) == 3"), ("f",))]
        )
    assert [t.outcome for t in verdict.outcomes] == ["passed", "failed", "failed"]
    assert "not run" in verdict.outcomes[2].detail


def test_setup_code_serves_test_and_program(box):
    setup = "class Node:\n    def __init__(self, v): self.v = v\ndef expected(): return 7\nimport math as m"
    source = "def f(node): return node.v"
    tests = (
        "assert f(Node(7)) == expected()",
        "assert f(Node(m.pi)) == m.pi",
        "n = Node(3)\nassert n.v == 3 and f(Node(1)) == 1",
    )
    (verdict,) = box.run([Program("a", source, tests, ("f",), setup=setup)])
    assert verdict.outcome == "passed", verdict


def test_objects_of_the_setups_classes_share_a_process(box):
    setup = "class Node:\n    def __init__(s, v): s.v = v\n    def __eq__(s, o): return s.v == o.v"
    tests = (
        "n = Node(3)\nassert f(n) == Node(4)",
        "assert f(Node(3)) == Node(4)",
        "r = f(Node(3))\nassert isinstance(r, Node)",
    )
    for step, outcome in ((1, "passed"), (2, "failed")):
        source = f"def f(node): return Node(node.v + {step})"
        (verdict,) = box.run([Program("a", source, tests, ("f",), setup=setup)])
        assert [t.outcome for t in verdict.outcomes] == [outcome, outcome, "passed"]
        assert all(t.in_process for t in verdict.outcomes)


def test_entry_points_are_inferred_from_the_tests_when_none_are_given(box):
    tests = ("assert f(1) == 2", "assert math.isclose(f(1), 2) and sorted([f(1)]) == [2]")
    assert infer_entry_points(tests) == ("f",)
    assert box.run([Program("a", SOURCE, tests)])[0].outcome == "passed"


def test_broken_programs_are_errors(box):
    for source in ("def f(x: return 1", "raise ValueError", "x = 1", "\0", "\ud800", "import no_such_module"):
        (verdict,) = box.run([Program("a", source, ("assert f(1) == 2",), ("f",))])
        assert verdict.outcome == "error" and verdict.pass_rate == 0.0, source


def test_check_functions_are_taken_apart():
    source = (
        "M = {}\ndef check(candidate):\n    assert candidate(1) == 2\n    assert candidate(2) == 3\ncheck(f)"
    )
    assert split_tests(source) == ("assert f(1) == 2", "assert f(2) == 3")
    kept = "def check(candidate):\n    x = candidate(1)\n    assert x == 2\ncheck(f)"
    assert split_tests(kept) == (kept,)


def test_scripts_are_judged_by_their_output(box):
    source = "import sys\nn = int(input())\nprint(sum(map(int, sys.stdin.readline().split())) * n)"
    pairs = (("2\n1 2 3\n", "12\n"), ("1\n5 6\n", "11"), ("1\n5 6\n", "12"), ("", "0"))
    (verdict,) = box.run([Program("a", source, stdin=pairs)])
    assert [t.outcome for t in verdict.outcomes] == ["passed", "passed", "failed", "error"]
    assert verdict.pass_rate == 0.5


@pytest.mark.parametrize(
    ("source", "outcome"),
    [
        ("import os\nos.write(1, b'7')\nos._exit(0)", "passed"),
        ("print(7)\nimport sys\nsys.exit()", "passed"),
        ("if __name__ == '__main__': print(open(0).read().strip())", "passed"),
        ("print('7  ')\nprint()", "passed"),
        ("print(7)\nimport sys\nsys.exit(3)", "error"),
        ("print(7)\n1/0", "error"),
        ("print('7\\n8')", "failed"),
        ("print('')", "failed"),
        ("while True: pass", "timeout"),
        ("while True: print('7' * 1000)", "error"),
        ("import os\nos.write(1, b'7')\nos._exit(1)", "crashed"),
        ("import threading\nthreading.Thread(target=lambda: print(input())).start()", "passed"),
        ("import threading\nthreading.Thread(target=lambda: [0 for _ in iter(int, 1)]).start()", "timeout"),
        (
            "import atexit, io, sys\nsys.stdout = io.StringIO()\nprint(7)\n"
            "atexit.register(lambda: sys.__stdout__.write(sys.stdout.getvalue()))",
            "passed",
        ),
        ("out = open(1, 'w')\nout.write('7')", "passed"),
        ("import sys\nprint(7)\nsys.stdout.close()", "passed"),
        ("print(7)\nexit()", "passed"),
        ("import sys\nsys.stdout.write(input() + sys.__stdin__.read())", "passed"),
        ("print(open('/proc/self/maps').read())", "error"),
        ("print(open('/dev/stdin').read())", "passed"),
        ("import os\nos.path.dirname(os.path.abspath(__file__))\nprint(7)", "passed"),
        (
            "import io, sys\nsys.stdout = io.TextIOWrapper(sys.stdout.detach(), encoding='utf-8')\nprint(7)",
            "passed",
        ),
        (
            "import codecs, sys\nsys.stdout = codecs.getwriter('utf-8')(sys.stdout.detach())\nprint(7)",
            "passed",
        ),
    ],
)
def test_scripts_end_in_many_ways(source, outcome):
    with Sandbox(workers=1, limits=Limits(test_cpu_s=0.5, disk_mb=2)) as box:
        (verdict,) = box.run([Program("a", source, stdin=(("7\n", "7\n"),))])
    assert verdict.outcome == outcome, verdict


def test_unittest_modules_give_an_outcome_for_each_method(box):
    module = """
import unittest
class Test(unittest.TestCase):
    def setUp(self): self.x = 1
    def test_a_right(self): self.assertEqual(f(self.x), 2)
    def test_b_wrong(self): self.assertEqual(f(self.x), 3)
    def test_c_error(self): f("a")
    def test_d_exit(self):
        import os
        os._exit(0)
"""
    (verdict,) = box.run([Program("a", SOURCE, unittest=module)])
    assert [t.outcome for t in verdict.outcomes] == ["passed", "failed", "error", "crashed"]
    assert all(t.in_process for t in verdict.outcomes)


def test_only_a_decorator_of_the_module_skips_a_test(box):
    module = """
import unittest
class Test(unittest.TestCase):
    def test_a(self): self.assertEqual(f(1), 2)
    @unittest.skipIf(False, "never")
    def test_b(self): self.assertEqual(f(1), 2)
    @unittest.skip("always")
    def test_c(self): self.assertEqual(f(1), 2)
"""
    raises = "import unittest\ndef f(x): raise unittest.{}".format
    for source, outcome in (
        (SOURCE, "passed"),
        (raises("SkipTest"), "failed"),
        (raises("case._ShouldStop"), "error"),
    ):
        (verdict,) = box.run([Program("a", source, unittest=module)])
        assert [t.outcome for t in verdict.outcomes] == [outcome, outcome, "vacuous"], verdict


def test_unittest_modules_set_up_and_skip_for_reasons_of_their_own(box):
    module = """
import sys, unittest
def setUpModule():
    global ready
    ready = f(1)
class Helper(object):
    def test_nothing(self): raise ValueError
class Test(unittest.TestCase):
    def test_ready(self): self.assertEqual(ready, 2)
    @unittest.skipUnless(f(1) == 2, "the program's say")
    def test_skipped(self): self.assertEqual(f(1), 2)
    @unittest.skipUnless(sys.version_info < (3,), "the module's say")
    def test_old(self): self.assertEqual(f(1), 2)
"""
    right, wrong = box.run([Program(str(i), f"def f(x): return x + {i}", unittest=module) for i in (1, 2)])
    assert [t.outcome for t in right.outcomes] == ["vacuous", "passed", "passed"]
    assert [t.outcome for t in wrong.outcomes] == ["vacuous", "failed", "failed"]


def test_unittest_modules_may_inherit_and_await(box):
    module = """
import unittest
class Helper:
    def test_looks_like_one(self): raise ValueError
class Shared:
    def test_shared(self): self.assertEqual(f(self.x), self.x + 1)
class One(Shared, unittest.TestCase):
    x = 1
class Two(One):
    x = "a"
    def test_more(self): self.assertEqual(f(1), 2)
class Asynchronous(unittest.IsolatedAsyncioTestCase):
    async def test_right(self): self.assertEqual(f(1), 2)
    async def test_wrong(self): self.assertEqual(f(1), 3)
"""
    (verdict,) = box.run([Program("a", SOURCE, unittest=module)])
    # One: shared; Two: more, shared; Asynchronous: right, wrong.
    assert [t.outcome for t in verdict.outcomes] == ["passed", "passed", "error", "passed", "failed"]


def test_unittest_modules_share_the_programs_namespace(box):
    program = """
counter = 0
def inc():
    global counter
    counter += 1
def helper(): return 1
def use(): return helper()
def shout(text): return tools.capwords(text)
def grow(node): return Node(node.n + 1)
"""
    module = """
import string as tools, sys, unittest
from unittest.mock import patch
class Node:
    def __init__(self, n): self.n = n
class Test(unittest.TestCase):
    def test_count(self):
        inc(); inc()
        self.assertEqual(counter, 2)
    def test_count_again(self):
        inc()
        self.assertEqual(counter, 1)
    def test_import(self): self.assertEqual(shout("a b"), "A B")
    def test_node(self): self.assertEqual(grow(Node(1)).n, 2)
    @patch(__name__ + ".helper", return_value=5)
    def test_patch(self, mock): self.assertEqual(use(), 5)
    @patch("__main__.helper", return_value=5)
    def test_patch_main(self, mock): self.assertEqual(use(), 5)
    def test_patch_wrong(self):
        with patch.object(sys.modules[__name__], "helper", return_value=5): self.assertEqual(use(), 1)
"""
    (verdict,) = box.run([Program("a", program, unittest=module)])
    assert [t.outcome for t in verdict.outcomes] == ["passed"] * 6 + ["failed"], verdict


def test_unittest_modules_name_their_tests_in_many_ways(box):
    module = """
import sys, unittest
from unittest import SkipTest
class Base(unittest.TestCase):
    def test_shared(self): self.assertEqual(f(self.x), self.x + 1)
class One(Base): x = 1
del Base
class Abstract(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if cls is Abstract: raise SkipTest("for others")
    def test_more(self): self.assertEqual(f(1), 2)
class Two(Abstract): pass
class Fake(dict):
    def test_connection(self): return True
class Single(unittest.TestCase):
    def runTest(self): self.assertEqual(f(1), 2)
if sys.version_info > (3,):
    class Last(unittest.TestCase):
        if True:
            def test_a(self): self.assertEqual(f(1), 3)
        test_b = lambda self: self.assertEqual(f(1), 2)
        def test_c(self):
            if sys.version_info > (3,): self.skipTest("old")
            self.assertEqual(f(1), 2)
        def test_d(self):
            if f(1) == 2: self.skipTest("the program's say")
            self.assertEqual(f(1), 2)
unittest.main()
"""
    (verdict,) = box.run([Program("a", SOURCE, unittest=module)])
    expected = ["passed", "vacuous", "passed", "passed", "failed", "passed", "vacuous", "failed"]
    assert [t.outcome for t in verdict.outcomes] == expected, verdict


def test_packages_are_explicit():
    pytest.importorskip("numpy")
    source = "import numpy as np\ndef f(n): return np.arange(n)\ndef s(): return np.float64(1.5)"
    tests = (
        "assert np.array_equal(f(3), np.array([0, 1, 2]))",
        "assert (f(3) == np.array([0, 1, 2])).all()",
        "assert f(3).tolist() == [0, 1, 2] and f(3).shape == (3,)",
        "assert s() == 1.5",
        "np.testing.assert_allclose(f(2), [0, 1])",
        "import pytest\nassert f(3) == pytest.approx(np.array([0, 1, 2.0000000001]))",
        "import pytest\nassert f(3) == pytest.approx([0, 1, 2]) and f(3) != pytest.approx(np.array([0, 1, 3]))",
    )
    program = Program("a", source, tests, ("f", "s"))
    with Sandbox(workers=1, packages=("numpy",)) as box:
        (verdict,) = box.run([program])
        assert verdict.outcome == "passed", verdict
        assert verdict.packages == ("numpy",)
        (verdict,) = box.run([Program("b", "import scipy", tests, ("f",))])
        assert verdict.outcome == "error"


def test_packages_in_the_hosts_tmp_are_shown_beside_the_private_one(monkeypatch):
    """A checkout with its environment may lie there."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:  # wherever the tests keep theirs
        package = Path(folder) / "site" / "ace_made_package"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text("ANSWER = 42")
        monkeypatch.syspath_prepend(package.parent)
        source = "import os, ace_made_package as made\ndef f(): return made.ANSWER\ndef g(): return os.listdir('/tmp')"
        program = Program("a", source, ("assert f() == 42", "assert g() == []"), ("f", "g"))
        with Sandbox(workers=1, packages=("ace_made_package",)) as box:
            (verdict,) = box.run([program])
    assert verdict.outcome == "passed" and verdict.packages == ("ace_made_package",)


def test_a_dataclass_of_the_tests_holds_what_came_back(box):
    test = "from dataclasses import dataclass\n@dataclass\nclass P:\n    x: int\nassert P(f(1)) == P(2)"
    (verdict,) = box.run([Program("a", SOURCE, (test,), ("f",))])
    assert verdict.outcome == "passed" and not verdict.outcomes[0].in_process, verdict
