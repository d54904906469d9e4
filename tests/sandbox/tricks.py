"""More hostile programs, by what they are after: the channel, the interpreter around them, the values that a judge
rebuilds, the test's own stand-ins for their objects, and what stays behind for the next program.

As in `tests.sandbox.attacks`, no program knows SECRET, and none may pass.
"""

from __future__ import annotations

from tests.sandbox.attacks import SECRET, TEST

LOOP = f"for x in [7]:\n    assert f(x) == {SECRET}"  # run by a judge's child, which asks for every call
HELD = f"r = f(7)\nassert r == {SECRET}"
NOT_PASSED = ("failed", "error", "crashed", "forbidden", "timeout")
_SPRAY = """
import os, stat
def spray(*payloads, kind=stat.S_ISFIFO):
    for fd in range(3, 64):
        try:
            if kind(os.fstat(fd).st_mode):
                for p in payloads: os.write(fd, p)
        except OSError: pass
def framed(*payloads): spray(*(len(p).to_bytes(4, 'little') + p for p in payloads))
"""


def _forges(*frames: bytes, returns: str = "1") -> str:
    return f"{_SPRAY}def f(x, *more):\n    framed({', '.join(map(repr, frames))})\n    return {returns}"


# Says that `f(7)` is an iterator that raises; what comes back then is an object that is equal to everything, which
# would do where the test shared the process.
_FORGES_AN_ERROR = f"""{_SPRAY}
import sys, time
class A:
    __eq__ = lambda s, o: True
def f(x):
    if x != 7: return A()
    if 'list' in sys._getframe(1).f_code.co_names: raise ValueError
    framed(b'["v",[null,{{"it":["ValueError",[]]}}],0]')
    spray(b'x', kind=stat.S_ISSOCK)
    time.sleep(50)
"""

_LIES = """
class W:
    __abs__ = lambda s: 0.0
class Z:
    __sub__ = __rsub__ = lambda s, o: W()
    def count(s, x): return 1
"""

_UNDOES = """
class S:
    value = 0
    def __enter__(s): return s
    def __exit__(s, *a): return True
def f(x):
    try: yield 0
    except AssertionError: pass
"""

# name: program, test. Each ends in one of NOT_PASSED.
TRICKS: dict[str, tuple[str, str]] = {
    # Frames that are no answers, or the wrong ones.
    "answers_ahead": (_forges(*(b'["v",%d,0]' % i for i in range(50))), TEST),
    "frame_is_an_object": (_forges(b'{"v":1,"true":2,"3":0}'), TEST),
    "frame_is_text": (_forges(b'"v10"'), TEST),
    "frame_nested_deep": (_forges(b'["v",' + b"[" * 5000 + b"]" * 5000 + b",0]"), LOOP),
    "error_of_an_iterator_that_is_handed_back": (_FORGES_AN_ERROR,
        f"try:\n    r = list(f(7))\nexcept ValueError as e:\n    r = e\nassert f(r) == {SECRET}"),
    "frame_is_empty": (_forges(b""), TEST),
    "frame_with_a_tail": (_forges(b'["v",1,0] ["v",2,0]'), TEST),
    "cpu_is_not_a_number": (_forges(b'["v",1,"nan"]'), TEST),
    # Objects that are not of a class that the question names, though they come out of one.
    "attribute_of_an_own_object": (_LIES + "class S:\n    def __init__(s, x): s.x = Z()",
        f"r = S(7)\nassert abs(r.x - {SECRET}) < 1"),
    "argument_of_an_own_method": (_LIES + "class S:\n    def fill(s, v): v[:] = [Z() for _ in v]; return v",
        f"s = S()\nr = s.fill([1.0])\nassert all(abs(a - b) < 1 for a, b in zip(r, [{SECRET}]))"),
    "class_property": ("class P: __class__ = int\ndef f(x): return P()", "r = f(7)\nassert type(r) is int"),
    "caught_refusal": ("class P:\n    __ne__ = lambda s, o: False\ndef f(x): return P()",
        f"try: ok = f(7) != {SECRET}\nexcept Exception: ok = False\nassert not ok"),
    "slice_of_an_object": ("class E:\n    __eq__ = lambda s, o: True\nclass P:\n"
        "    def __getitem__(s, k): return E()\ndef f(x): return P()", f"assert f(7)[:3] == [1, 2, {SECRET}]"),
    "stops_in_a_method_named_next": ("class P:\n    def __getattr__(s, n): raise StopIteration\ndef f(x): return P()",
        f"it = f(7)\nassert all(map(lambda v: it.next() == v, [1, {SECRET}]))"),
    # What a test's text, or the names in it, would tell of the expected value.
    "columns": ("import sys\ndef f(x):\n    return max(p[2] or 0 for p in sys._getframe(1).f_code.co_positions()) < 10",
        "assert not f(4)"),
    "lines": ("import sys\ndef f(x):\n    lines = [p[0] or 1 for p in sys._getframe(1).f_code.co_positions()]\n"
        "    if max(lines) > 1: raise ValueError\n    return 3", "with pytest.raises(ValueError):\n    f(-1)"),
    "columns_of_a_function": ("def f(k, g): return max(p[2] or 0 for p in g.__code__.co_positions()) < 10",
        "k = 2\nassert not f(k, lambda v: v>1)"),
    "common_name": ("def f(x): return globals().get('ascii_lowercase')", "assert f(7) == ascii_lowercase"),
    "pytest": ("def f(x):\n    if 'pytest' in globals(): raise ValueError",
        "with pytest.raises(ValueError):\n    f(-1)"),
    "message_of_an_assert": ("V = [0]\nclass S:\n    value = 0\n    def __enter__(s): return s\n"
        "    def __exit__(s, k, e, t):\n        if e and e.args: V[0] = e.args[0]\n        return True\n"
        "def f(x): return V[0]",
        f"try:\n    with S() as s:\n        assert s.value == 5, {SECRET}\nexcept AssertionError: pass\n"
        f"assert f(7) == {SECRET}"),
    # It ends what a failed assert has begun.
    "undoes_an_assert": (_UNDOES, f"with S() as s:\n    assert s.value == {SECRET}"),
    "undoes_an_assert_of_a_stack": (_UNDOES,
        f"import contextlib\nwith contextlib.ExitStack() as t:\n    assert t.enter_context(S()).value == {SECRET}"),
    "undoes_an_assert_as_a_generator": (_UNDOES,
        f"import contextlib\nwith contextlib.contextmanager(f)(7) as v:\n    assert v == {SECRET}"),
    "undoes_an_assert_in_a_manager_of_the_test": (_UNDOES, "import contextlib\n@contextlib.contextmanager\n"
        f"def held():\n    yield from f(7)\nwith held() as v:\n    assert v == {SECRET}"),
    "replaces_an_assert": ("class S:\n    def __enter__(s): return s\n    def __exit__(s, k, e, t):\n"
        "        if k is AssertionError: raise ValueError\ndef f(x): return 0",
        f"r = f(7)\ntry:\n    with S():\n        assert r == {SECRET}\n        raise ValueError\n"
        "except ValueError: pass\nelse: assert False"),
    "replaces_an_assert_as_a_generator": ("import contextlib\n@contextlib.contextmanager\ndef f(x):\n    try: yield 0\n"
        "    except AssertionError: raise ValueError",
        f"r = f(7)\ntry:\n    with r as v:\n        assert v == {SECRET}\n        raise ValueError\n"
        "except ValueError: pass\nelse: assert False"),
    "callable_dictionary_that_poses": ("class C(dict):\n    def __call__(s, *a): return 2\nclass P: isdigit = C()\n"
        "def f(x): return P()", "r = f(7)\nassert r.isdigit()"),
    # It hands back so much that a test cannot be run away from it.
    "deep": ("class A:\n    __eq__ = lambda s, o: True\ndef f(x):\n    if type(x) is list: return A()\n"
        "    for _ in range(149): x = (x,)\n    return x", f"r = f(7)\nassert f([r]) == {SECRET}"),
    "large": ("class A:\n    __eq__ = lambda s, o: True\ndef f(x): return (1,) * 90000 if type(x) is int else A()",
        f"rows = [f(i) for i in range(3)]\nassert f(rows) == {SECRET}"),
    "equal_to_a_tuple_of_the_test": ("class A:\n    __eq__ = lambda s, o: True\ndef f(x): return A()",
        f"import collections\nP = collections.namedtuple('P', 'x')\nassert f(7) == P({SECRET})"),
    # The test's stand-ins for what the program does not have, or has otherwise.
    "exception_that_is_not_there": ("def f(x): return 3",
        "try: assert f(1) == 3\nexcept S: assert False\n"
            "for m in 'ab': assert str(S(m)) == m"),
    "exception_with_other_text": ("class S(Exception):\n    def __str__(s): return 'wrong'\ndef f(x): raise S",
        "with pytest.raises(S):\n    f(-1)\nfor m in 'ab': assert str(S(m)) == m"),
    "slot_of_a_stand_in": ("class S: pass", "s = S()\nassert s._number == 0"),
    "name_of_a_stand_in": ("class S: pass", "s = S()\nassert s._kind == 'S'"),
    "iterator_for_a_generator": ("def f(x): return iter([1])",
        "import types\nassert isinstance(f(3), types.GeneratorType)"),
    "returns_itself": ("class S:\n    def solve(s, x): return s\n    def isdigit(s): return True",
        "s = S()\nr = s.solve(7)\nassert r.isdigit()"),
    "method_of_an_attribute": ("class X:\n    def startswith(s, o): return True\n"
        "class S:\n    def __init__(s, x): s.name = X()", "assert S(7).name.startswith('918')"),
    "handle_where_none_can_be": (_forges(b'["v",{"C":[[{"h":[99,"x"]}],[1]]},0]'), TEST),
    "handle_of_a_class_that_the_question_names": (
        _forges(b'["v",{"value":{"h":[0,"P",true]},"after":[],"same":null},0]'), LOOP),
    "handle_without_a_number": (_forges(b'["v",{"h":["a","x"]},0]'), HELD),
    "handle_for_a_value": (_forges(b'["v",{"h":[0,"int"]},0]'), HELD),
    "name_for_a_value": (_forges(b'["v",{"value":{"n":"abs"},"after":[],"same":null},0]'), LOOP),
    "function_for_a_value": (_forges(b'["v",{"value":{"fn":["","f",{"t":[]}]},"after":[],"same":null},0]'), LOOP),
    "same_as_no_argument": (_forges(b'["v",{"value":1,"after":[],"same":-1},0]'), LOOP),
    "changes_no_argument": (_forges(b'["v",{"value":1,"after":[[9,[1]]],"same":null},0]'), LOOP),
    "judges_own_frame": (_forges(b'["o",["passed","",false],0]', b'["c",["eval",0],0]'), LOOP),
    "exception_without_a_name": (_forges(b'["e",[null,"","",null],0]'), LOOP),
    "exception_of_odd_bases": (_forges(b'["e",["E","",[[1],{"a":1}],{"t":[1]}],0]'), LOOP),
    "dtype_bomb": (_forges(b'["v",{"np":["(100000,100000)f8",[1],[1]]},0]'), HELD),
    "hangs_up": (_SPRAY + "import socket\ndef f(x):\n    spray(b'')\n    for fd in range(3, 64):\n        try:\n"
        "            if stat.S_ISSOCK(os.fstat(fd).st_mode): socket.socket(fileno=os.dup(fd)).shutdown(2)\n"
        "        except OSError: pass\n    return 0", TEST),
    "descriptors_to_the_worker": (
        _SPRAY + "import socket, array\ndef f(x):\n    for fd in range(3, 64):\n        try:\n"
        "            if stat.S_ISSOCK(os.fstat(fd).st_mode):\n                for _ in range(50):\n"
        "                    socket.socket(fileno=os.dup(fd)).sendmsg([b'x'], [(1, 1, array.array('i', [0] * 3))])\n"
        "        except OSError: pass\n    return 0", TEST),
    "channel_that_does_not_wait": ("import os\nfor fd in range(3, 64):\n    try: os.set_blocking(fd, False)\n"
        "    except OSError: pass\ndef f(x): return 'a' * 900000", TEST),
    # The interpreter around the program.
    "patched_frames_of_callers": ("import sys\ndef f(x):\n    frame = sys._getframe()\n    while frame:\n"
        "        for n in ('_loads', '_dumps', '_clock', '_write', 'codec', 'eval'):\n"
        "            if n in frame.f_globals: frame.f_globals[n] = lambda *a: 0\n        frame = frame.f_back\n"
        "    return 0", TEST),
    "trace_function_that_lies": ("import sys\nsys.settrace(lambda *a: 0)\nsys.setprofile(lambda *a: None)\n"
        "def f(x): return 0", TEST),
    "signal_handler_that_exits": ("import signal\ndef h(*a): raise SystemExit(0)\nsignal.signal(signal.SIGALRM, h)\n"
        "signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)\ndef f(x): return 0", TEST),
    "faulthandler_that_exits": ("import faulthandler, time\nfaulthandler.dump_traceback_later(0.01, exit=True)\n"
        "def f(x): time.sleep(5)", TEST),
    "finalizer_that_exits": ("class A:\n    def __del__(s):\n        import os; os._exit(0)\n"
        "def f(x):\n    a = A()\n    del a\n    return 0", TEST),
    "weak_reference_that_exits": ("import weakref, os\nclass A: pass\ndef f(x):\n    a = A()\n"
        "    r = weakref.ref(a, lambda r: os._exit(0))\n    del a\n    return 0", TEST),
    "thread_changes_the_answer": (
        "import threading\nL = [1, 2]\ndef go():\n    while True: L[0] = {'d': [[1], [2]]}; L[0] = 1\n"
        "threading.Thread(target=go, daemon=True).start()\ndef f(x): return L", TEST),
    "audit_hook": ("import sys\nsys.addaudithook(lambda *a: 1 / 0)\ndef f(x): return 0", TEST),
    "import_hook": ("import sys, types\nclass H:\n    def find_spec(s, *a): raise SystemExit(0)\n"
        "sys.meta_path.insert(0, H())\ndef f(x): return 0", TEST),
    "coroutine": ("async def f(x): return 1", TEST),
    # Values that are not what they seem.
    "text_at_odds_with_the_number": (
        f"class A(int):\n    __repr__ = __str__ = __format__ = lambda s, *a: '{SECRET // 10}1'\n"
        "def f(x): return A(1)", TEST),
    "lying_instance_checks": ("class M(type):\n    __instancecheck__ = __subclasscheck__ = lambda *a: True\n"
        "class P(metaclass=M): pass\ndef f(x): return P()", TEST),
    "reduces_to_a_call": ("class P:\n    def __reduce__(s): return (print, ('x',))\ndef f(x): return P()", TEST),
    "fields_that_are_code": ("class P(tuple): _fields = ('a=__import__(\"os\")',)\ndef f(x): return P((1,))",
        f"assert f(7)[0] == {SECRET}"),
    "fields_of_every_object": ("class P(tuple): _fields = ('__class__',)\ndef f(x): return P((1,))",
        f"assert f(7)[0] == {SECRET}"),
    "exception_with_hostile_name": ("E = type('E\\ud800', (Exception,), {})\ndef f(x): raise E('\\ud800')", TEST),
    "exception_with_hostile_arguments": ("class E(Exception):\n    args = property(lambda s: 1 / 0)\n"
        "    def __str__(s): raise KeyboardInterrupt\ndef f(x): raise E", LOOP),
    "exception_class_forges_its_bases": ("class M(type):\n    __mro__ = property(lambda c: 1 / 0)\n"
        "class E(Exception, metaclass=M): pass\ndef f(x): raise E", LOOP),
    "group_of_exits": ("def f(x): raise BaseExceptionGroup('a', [SystemExit(0)])",
        f"try:\n    r = f(7)\nexcept* ValueError:\n    pass\nassert r == {SECRET}"),
    "signalling_decimal": ("import decimal\ndef f(x): return decimal.Decimal('sNaN')", TEST),
    # Objects that the test holds: what would have to decide, or to see the expected value, is refused.
    "object_computes_the_difference": ("class P:\n    __sub__ = __rsub__ = lambda s, o: 0\ndef f(x): return P()",
        f"r = f(7)\nassert abs(r - {SECRET}) < 1e-6"),
    "object_contains_everything": ("class P:\n    def __contains__(s, x): return True\ndef f(x): return P()",
        f"r = f(7)\nassert {SECRET} in r"),
    "object_counts_as_found": ("class P:\n    def __eq__(s, o): return True\ndef f(x): return P()",
        f"r = f(7)\nassert [{SECRET}].count(r) == 1"),
    "object_poses_as_text": ("class P:\n    def startswith(s, x): return True\ndef f(x): return P()",
        "r = f(7)\nassert r.startswith('918')"),
    "object_poses_as_text_at_once": ("class P:\n    def startswith(s, x): return True\ndef f(x): return P()",
        "assert f(7).startswith('918')"),
    # What a test hands on cannot travel, but it came from the program: that must not put both into one process.
    "match_that_is_handed_on": ("import re\nclass A:\n    def __eq__(s, o): return True\n"
        "def f(x): return re.match('a', 'a') if x == 7 else A()", f"r = f(7)\nassert f(r) == {SECRET}"),
    "exception_that_is_handed_on": ("class A:\n    def __eq__(s, o): return True\n"
        "def f(x):\n    if x == 7: raise ValueError\n    return A()",
        f"try:\n    r = f(7)\nexcept ValueError as e:\n    r = e\nassert f(r) == {SECRET}"),
}  # fmt: skip

# Tests that name what no program has to define to make a stand-in for it look right: an empty program fails all.
EXISTENCE = (
    "assert callable(f)",
    "assert f is not None",
    "assert f.__doc__ is not None",
    "assert hasattr(f, '__call__')",
    "assert isinstance(f, object)",
    "assert f in [f]",
    "x = [f]\nassert len(x) == 1",
    "import inspect\nassert not inspect.isclass(f)",
)

_SELF = """
class S:
    def __init__(s): s.me = s
    def solve(s, x): return s
    def many(s, x): return [s]
    def equals(s, o): return True
"""
_NUMBER = """
class P:
    n = 0
    def __init__(s, v): s.v = v
    def __mul__(s, o): return s.v
    def __neg__(s): return -s.v
    def __float__(s): return 1.0
    def __int__(s):
        s.n += 1
        return 3
def f(x): return P(float(x))
"""
_EMPTY = """
class P:
    def __len__(s): return 3
    def __iter__(s): return iter(())
class S(P):
    TABLE = P()
    def items(s): return s
    def __getitem__(s, i): return P()
f = P()
"""

# The candidate's own word about values that it was handed: right or not, it is on record as such.
OWN_WORD = {
    "iterates_over_nothing": ("class P:\n    def __len__(s): return 3\n    def __iter__(s): return iter(())\n"
        "def f(x): return P()",
        f"r = f(7)\nassert len(r) == 3\nfor a, b in zip(r, [1, 2, {SECRET}]):\n    assert a == b"),
    "items_that_are_not_there": ("class D(dict):\n    def items(s): return []\ndef f(x): return D({1: 0})",
        f"r = f(7)\nassert len(r) == 1\nfor k, v in r.items():\n    assert v == {SECRET}"),
    "attribute_that_is_a_builtin": ("class P: equals = bool\ndef f(x): return P()", f"assert f(7).equals({SECRET})"),
    "attribute_that_is_a_builtin_set": ("class D(set): issubset = bool\ndef f(x): return D()",
        f"assert f(7).issubset({{1, {SECRET}}})"),
    "field_that_is_a_builtin": ("import collections\nP = collections.namedtuple('P', 'equals')\n"
        "def f(x): return P(bool)", f"assert f(7).equals({SECRET})"),
    "difference_is_an_object": (_LIES + "def S(x): return Z()", f"assert abs(S(7) - {SECRET}) < 1"),
    "item_that_is_echoed": ("class P:\n    def __getitem__(s, k): return float(k)\ndef f(x): return P()",
        f"r = f(7)\nassert r[{SECRET}] == {SECRET}"),
    "object_is_true": ("class P: pass\ndef f(x): return P()", "r = f(7)\nassert r"),
    "predicate_as_a_condition": ("def f(x): return [lambda y: 2]",
        f"assert [v for v in [{SECRET}] if f(7)[0](v)] == [{SECRET}]"),
    "predicate_in_an_if_expression": ("def f(x): return [lambda y: 2]", f"assert {SECRET} if f(7)[0]({SECRET}) else 0"),
    "attribute_that_is_set": ("class P: pass\ndef f(x): return P()",
        f"r = f(7)\nr.x = {SECRET}\nassert r.x == {SECRET}"),
    "attribute_after_a_method": ("class A:\n    def equals(s, o):\n        s.ok = o\n        return s\n"
        "class S:\n    def __init__(s, x): s.result = A()", f"assert S(7).result.equals({SECRET}).ok == {SECRET}"),
    "method_after_a_method": (
        "class A:\n    def equals(s, o):\n        s.v = o\n        return s\n    def get(s): return s.v\n"
        "class S:\n    def __init__(s, x): s.result = A()", f"assert S(7).result.equals({SECRET}).get() == {SECRET}"),
    "contains": ("class S:\n    def push(s, x): pass\n    def __contains__(s, x): return True",
        "s = S()\ns.push(3)\nassert 3 in s"),
    "difference": ("class S:\n    def __sub__(s, o): return 0", f"assert abs(S() - {SECRET}) < 1"),
    "method": ("def f(x):\n    class P:\n        def equals(s, o): return True\n    return P()",
        f"r = f(7)\nassert r.equals({SECRET})"),
    **{f"method_{name}": (f"def f(x):\n    class P:\n        def {name}(s, *o): return {returns}\n    return P()", test)
       for name, returns, test in (
           ("count", "1", f"assert f(7).count({SECRET}) == 1"),
           ("find", "0", "assert f(7).find('918') >= 0"),
           ("union", "o[0]", f"assert f(7).union({{{SECRET}}}) == {{{SECRET}}}"),
           ("issubset", "1", f"assert f(7).issubset({{{SECRET}}})"),
           ("equals", "1", f"r = f(7)\nassert r.equals({SECRET})"),
           ("replace", "o[1]", "assert f('x').replace('a', 'hello') == 'hello'"),
           ("get", "o[1]", f"assert f('a').get('b', {SECRET}) == {SECRET}"),
           ("send", "o[0]", f"g = f(7)\nassert g.send({SECRET}) == {SECRET}"),
           ("__getitem__", "o[0]", f"r = f(7)\nassert r[{SECRET}] == {SECRET}"),
       )},
    "method_of_a_named_tuple": ("import collections\nP = collections.namedtuple('P', 'count')\nP.__module__ = 'x'\n"
        "def f(x): return P(lambda y: 1)", f"r = f(7)\nassert r.count({SECRET}) == 1"),
    "method_of_a_result": ("class P:\n    def equals(s, o): return True\nclass S:\n    def g(s, x): return P()",
        f"assert S().g(7).equals({SECRET})"),
    "text_that_a_test_evaluates": ("def f(x): return '7'", "assert eval(f(7)) == 7"),
    "hints_that_a_test_evaluates": ("class S:\n    def area(s): pass\nS.area.__annotations__['return'] = 'float'",
        "import typing\nassert typing.get_type_hints(S.area) == {'return': float}"),
    "undoes_an_error": ("class S:\n    value = 'x'\n    def __enter__(s): return s\n"
        "    def __exit__(s, *a): return True", f"with S() as s:\n    assert s.value + 1 == {SECRET}"),
    "undoes_an_error_of_its_own": ("class S:\n    def __enter__(s): return s\n"
        "    def __exit__(s, *a): return True", f"with S() as s:\n    assert s.value == {SECRET}"),
    "method_of_a_field": ("class X:\n    def equals(s, o): return True\n"
        "class S:\n    def __init__(s, x): s.result = X()", f"assert S(7).result.equals({SECRET})"),
    "method_of_an_attribute_of_a_result": ("class X:\n    def equals(s, o): return True\nclass P: result = X()\n"
        "def f(x): return P()", f"assert f(7).result.equals({SECRET})"),
    "closure_that_is_asked": ("def f(x): return lambda y: 1", f"same = f(7)\nassert same({SECRET})"),
    **{f"empty_{name}": (_EMPTY, f"{made}\nassert len(r) == 3\n"
                          f"for a, b in zip(r, [1, 2, {SECRET}]):\n    assert a == b")
       for name, made in (("itself", "s = S()\nr = s.items()"), ("item", "s = S()\nr = s[0]"),
                          ("class_attribute", "r = S.TABLE"), ("entry_point", "r = f"))},
    "next_that_poses": ("class P:\n    __len__ = lambda s: 3\n    __iter__ = lambda s: iter(())\nclass S:\n"
        "    def __init__(s, x): pass\n    def __iter__(s): return s\n    def __next__(s): return P()",
        f"for row, w in zip(S([1]), [[1, 2, {SECRET}]]):\n    assert len(row) == len(w)\n"
        "    for a, b in zip(row, w): assert a == b"),
    "returned_itself": (_SELF, f"s = S()\nr = s.solve(7)\nassert r.equals({SECRET})"),
    "field_that_is_itself": (_SELF, f"s = S()\nassert s.me.equals({SECRET})"),
    "itself_in_a_list": (_SELF, f"s = S()\nr = s.many(7)\nassert all(a.equals(b) for a, b in zip(r, [{SECRET}]))"),
    "closure_that_answers_2": ("def f(x): return lambda y: 2", f"same = f(7)\nassert same({SECRET})"),
    "closure_at_once": ("def f(x): return lambda y: True", f"assert f(7)({SECRET})"),
    "closure_in_a_dictionary": ("def f(x): return {'eq': lambda y: 'yes'}", f"r = f(7)\nassert r['eq']({SECRET})"),
    "closure_in_a_field": ("import collections\nN = collections.namedtuple('N', 'a')\n"
        "def f(x): return N([lambda y: 'yes'])", f"r = f(7)\nassert r.a[0]({SECRET})"),
    "missing_that_is_echoed": ("class D(dict):\n    def __missing__(s, k): return k\ndef f(x): return D()",
        f"assert f(7)[{SECRET}] == {SECRET}"),
    "sent_and_echoed": ("def f(x):\n    while True: x = yield x",
        f"g = f(7)\nnext(g)\nassert g.send({SECRET}) == {SECRET}"),
    "format_that_is_echoed": ("class P:\n    def __format__(s, v): return v\ndef f(x): return P()",
        f"r = f(7)\nassert format(r, '{SECRET}') == '{SECRET}'"),
    "callback_that_asserts": ("def f(g):\n    try: g(0)\n    except AssertionError: pass",
        f"def check(v):\n    assert v == {SECRET}\nf(check)"),
    "product_of_objects": (_NUMBER, "r = f(2)\nassert abs(r * r - 2) < 1e-6"),
    "product_at_once": (_NUMBER, "assert abs(f(2) * f(2) - 2) < 1e-6"),
    "negative_of_an_object": (_NUMBER, "r = f(2)\nassert -r == -2"),
    "another_number_each_time": (_NUMBER, "r = f(2)\nassert int(r) * int(r) <= 10 < (int(r) + 1) ** 2"),
    "float_of_an_object": (_NUMBER, "import math\nr = f(2)\nassert math.pow(r, 2) + math.pow(r, 1) == 2"),
    "callable_dictionary": ("class C(dict):\n    def __call__(s, *a): return 2\nclass P: equals = C()\n"
        "def f(x): return P()", f"assert f(7).equals({SECRET})"),
    "itself_as_a_list": ("class S:\n    n = 2\n    def order(s, x): return s\n    def index(s, x):\n"
        "        s.n += 1\n        return s.n",
        "s = S()\norder = s.order(5)\nassert order.index('a') < order.index('b')"),
    "closures_in_a_list": ("def f(x): return [lambda y: 2]", f"fs = f(7)\nassert all(g({SECRET}) for g in fs)"),
    "closure_that_is_mapped": ("def f(x): return lambda y: 2", f"assert all(map(f(7), [{SECRET}, 3]))"),
    "word_that_is_kept": ("def f(x): return lambda y: 2", f"g = f(7)\nok = g({SECRET})\nassert ok"),
    "word_that_is_no_none": ("def f(x): return lambda y: 2", f"g = f(7)\nassert g({SECRET}) is not None"),
    "keys_without_items": ("class P:\n    def keys(s): return ['a', 'b']\n    def items(s): return []\n"
        "def f(x): return P()",
        f"r = f('ab')\nassert sorted(r.keys()) == ['a', 'b']\nfor k, v in r.items():\n    assert v == {SECRET}"),
    "function_named_like_a_class": ("class P:\n    def startswith(s, o): return True\ndef S(x): return P()",
        "assert S(7).startswith('918')"),
}  # fmt: skip

# The judge's memory holds what numpy is told to read.
_ADDRESS = """
import numpy as np
class A:
    def __init__(s, a): s.a = a
    def __getattr__(s, n):
        if n in ('__array_interface__', '__array_struct__'):
            return {'data': (s.a, True), 'shape': (3,), 'typestr': '<i8', 'version': 3}
        raise AttributeError(n)
def f(x):
    e = np.array([0, 0, 0])
    return A(e.__array_interface__['data'][0])
"""
NUMPY = {
    f"memory_{number}": (_ADDRESS, test)
    for number, test in enumerate(
        (
            f"assert np.array_equal(f(3), np.array([{SECRET}, 22, 33]))",
            f"assert np.allclose(f(3), [{SECRET}, 22, 33])",
            f"assert (np.asarray(f(3)) == np.array([{SECRET}, 22, 33])).all()",
        )
    )
}

# It leaves what it saw in one test on its disk for the next, and folders in the way.
# What a program writes that a test may load, by words of which `sandbox.sharing` knows none; the last test is one that
# the loaded code would have made pass.
WRITES = (
    """
import importlib.util, marshal, os, pickle, zipfile
CODE = """
    + repr(
        "import sys\nframe = sys._getframe()\nwhile frame:\n"
        "    if '_outcome' in frame.f_globals: frame.f_globals['_outcome'] = lambda *a: ('passed', '')\n"
        "    frame = frame.f_back\n"
    )
    + """
class Runs:
    def __reduce__(s): return exec, (CODE,)
def f(x):
    for name, data in (
        ('a.pkl', pickle.dumps(Runs())),
        ('written.py', CODE.encode()),
        ('compiled.pyc', importlib.util.MAGIC_NUMBER + bytes(12) + marshal.dumps(compile(CODE, os.__file__, 'exec'))),
    ):
        with open('/tmp/' + name, 'wb') as out: out.write(data)
    with zipfile.ZipFile('/tmp/a.zip', 'w') as out: out.writestr('zipped.py', CODE)
    return f'exec({CODE!r})' if x == 0 else 0
"""
)
_ENDS = f"\nassert f(7) == {SECRET}"
LOADS = tuple(
    test + _ENDS
    for test in (
        "import builtins\nbuiltins.eval(f(0))",
        "import code\ncode.InteractiveInterpreter().runsource(f(0))",
        "import cProfile\ncProfile.run(f(0))",
        "import types, builtins\ntypes.FunctionType(builtins.compile(f(0), 'a', 'exec'), {})()",
        "f(7)\nimport sys\nsys.path.insert(0, '/tmp')\nimport written",
        "f(7)\nimport sys\nsys.path.insert(0, '/tmp')\ntry:\n    import written\nexcept BaseException:\n    pass",
        "f(7)\nimport sys\nsys.path.insert(0, '/tmp')\nimport compiled",
        "f(7)\nimport sys\nsys.path.insert(0, '/tmp/a.zip')\nimport zipped",
        "f(7)\nimport importlib.machinery as m\nm.SourceFileLoader('a', '/tmp/written.py').load_module()",
        "f(7)\nimport importlib.util as u\ns = u.spec_from_file_location('a', '/tmp/written.py')\n"
        "s.loader.exec_module(u.module_from_spec(s))",
        "f(7)\nimport importlib\nwith open('/tmp/a.pkl', 'rb') as file: importlib.import_module('pickle').load(file)",
    )
)
NUMPY_LOADS = "f(7)\nimport numpy as np\nnp.load('/tmp/a.pkl', allow_pickle=True)" + _ENDS

LEAKS = """
import os, sys
def f(x):
    try:
        return int(open('/tmp/d/x').read())
    except OSError:
        os.makedirs('/tmp/d', exist_ok=True)
        for c in sys._getframe(1).f_code.co_consts:
            if isinstance(c, int): open('/tmp/d/x', 'w').write(str(c))
"""

# It keeps what it saw beside a test in the number of files that were made, or what it was handed in memory.
_COUNT = """
import os, sys
def count():
    open('/tmp/q', 'w').close()
    number = os.stat('/tmp/q').st_ino
    os.unlink('/tmp/q')
    return number
BEFORE = count()
def keep(number):
    while count() % 20000 != number: pass
def kept(): return (BEFORE - 1) % 20000
"""
COUNTS = f"""{_COUNT}
def f(x):
    for c in sys._getframe(1).f_code.co_consts:
        if isinstance(c, int) and c != 7:
            keep(c)
            return c
    return kept()
"""
REMEMBERS = """
seen = [0]
class P:
    def equals(s, x):
        seen[0] = x
        return True
def f(x): return seen[0] or P()
"""
# It ends before the judge can say that it was handed something.
COUNTS_AND_ENDS = f"""{_COUNT}
class P:
    def equals(s, number):
        keep(number)
        raise MemoryError
def f(x): return P() if x == 7 else kept()
"""
# It goes on after its end, unless somebody ends it.
STAYS = """
import sys, threading, time
frame = sys._getframe(1)
while frame:
    me = frame.f_locals.get('self')
    if hasattr(me, 'reply') and hasattr(me, 'answer'): Line = type(me.line)
    frame = frame.f_back
receive = Line.receive
def never(self):
    try: return receive(self)
    except BaseException: time.sleep(1000)
Line.receive = never
def write():
    while True:
        try: open('/tmp/good', 'w').write('bad')
        except Exception: pass
        time.sleep(0.005)
threading.Thread(target=write, daemon=True).start()
def f(x): return 1
"""
KEEPS_A_FILE = """
import time
def f(x):
    with open('/tmp/good', 'w') as out: out.write('ok')
    time.sleep(0.2)
    return open('/tmp/good').read()
"""

ON_RECORD = {
    "slice_of_an_object"
}  # of TRICKS: an object that poses as a list does not pass, and is on record too

# Deciding about these would take the worker itself long.
COSTLY = {
    "dictionary_of_equal_hashes": (
        "def f(x): return [(i * ((1 << 61) - 1), 0) for i in range(20000)]",
        "assert dict(f(1)) == {1: 2}",
    ),
    "dictionary_of_equal_hashes_in_lists": (
        "def f(x): return [[i * ((1 << 61) - 1), 0] for i in range(20000)]",
        "assert sorted(dict(f(1))) == [1]",
    ),
    "sets_as_keys": (
        "def f(x): return [[i * ((1 << 61) - 1) for i in range(20000)], [1]]",
        "assert sorted(f(1), key=set) == [[1]]",
    ),
    "number_of_many_digits": ("def f(x): return '9' * 900000", "assert float(f(1)) == 1.0"),
    "wakes_the_worker_without_end": (
        f"{_SPRAY}\ndef f(x):\n    spray(b'\\xff\\0\\0\\0[')\n    while True: spray(b'x' * 100, kind=stat.S_ISSOCK)",
        TEST,
    ),
    "claims_all_time_that_there_is": (_forges(b'["v",1,"inf"]', returns="[0 for _ in iter(int, 1)]"), TEST),
}

# System calls that a filter forgets: `name number arguments`, x86_64.
FORBIDDEN_CALLS = """
pidfd_open 434 1 0, pidfd_getfd 438 3 3 0, pidfd_send_signal 424 3 0 0 0, memfd_secret 447 0, userfaultfd 323 0,
keyctl 250 0 -3 0, add_key 248 0 0 0 0 -3, shmget 29 0 4096 896, msgget 68 0 896, semget 64 0 1 896, mq_open 240 0 0,
prctl 157 4, personality 135 -1, timer_create 222 0 0 0, setns 308 3 0, open_tree 428 -100 0 0, fsopen 430 0 0,
process_madvise 440 0 0 0 0 0, kcmp 312 1 1 0 0 0, ptrace 101 0 0 0 0, splice 275 0 0 0 0 0 0, vmsplice 278 0 0 0 0,
name_to_handle_at 303 0 0 0 0 0, modify_ldt 154 0 0 0, iopl 172 0, fanotify_init 300 0 0, inotify_init 253,
setpriority 141 0 0 0, ioprio_set 251 1 0 0, sched_setaffinity 203 0 0 0, seccomp 317 0 0 0, io_uring_setup 425 1 0,
setxattr 188 0 0 0 0 0, mknod 133 0 0 0, tgkill 234 1 1 0, tkill 200 1 0, rt_sigqueueinfo 129 1 0 0, kill 62 1 0,
clone_process 56 273 0 0 0 0, setsockopt 54 0 0 0 0 0, bpf 321 0 0 0, getpid_of_x32 1073741863, landlock 444 0 0 1,
socketpair_of_tipc 53 30 1 0 0, socketpair_of_inet 53 2 1 0 0, f_setlease 72 0 1024 0, f_setpipe_sz 72 0 1031 4096
"""
CALLS_THEM = f"""
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
def f(x):
    allowed = []
    for row in {FORBIDDEN_CALLS!r}.replace('\\n', ' ').split(','):
        name, *numbers = row.split()
        ctypes.set_errno(0)
        done = libc.syscall(*(ctypes.c_long(int(n)) for n in numbers)) != -1
        if done or ctypes.get_errno() not in (1, 95):  # EPERM, ENOTSUP
            allowed.append(name)
    return allowed
"""
