"""Tests that mean what they mean in Python: shared lists, arguments that change, lazy generators, exceptions, classes
that derive from builtin ones. Each line is a test of PROGRAM; some are right about it and some are wrong.
"""

from __future__ import annotations

PROGRAM = """
import abc, copy, dataclasses, decimal, enum, json, re, statistics, warnings, os
from collections import Counter, OrderedDict, defaultdict
import contextlib
from typing import NamedTuple
class Node:
    def __init__(self, val, next=None): self.val, self.next = val, next
def reverse(head):
    last = None
    while head: head.next, last, head = last, head, head.next
    return last
def find(head, val):
    while head and head.val != val: head = head.next
    return head
def fib():
    a, b = 0, 1
    while True:
        yield a
        a, b = b, a + b
def total():
    sum = 0
    while True:
        more = yield sum
        if more is not None: sum += more
def count(n): yield from range(n)
log = []
def noisy():
    try:
        for i in range(3):
            log.append(i)
            yield i
    finally: log.append('closed')
def logged(): return list(log)
class Steps:
    def __init__(self): self.n = 0
    def __iter__(self): return self
    def __next__(self):
        self.n += 1
        return self.n
class Stack(list):
    def push(self, x): self.append(x)
    def peek(self): return self[-1]
class Shout(list):
    def append(self, x): super().append(x.upper())
class Cache(OrderedDict):
    def newest(self): return next(reversed(self))
class Bag(dict):
    def total(self): return sum(self.values())
def bag(): return Bag(a=1, b=2)
class Pt(NamedTuple):
    x: int
    y: int
    def norm(self): return (self.x ** 2 + self.y ** 2) ** .5
def pt(): return Pt(3, 4)
class Color(str, enum.Enum):
    RED = 'red'
def color(): return Color.RED
class Coded(Exception):
    def __init__(self, code):
        self.code = code
    def __str__(self): return f'code {self.code}'
    kind = 'own'
    @property
    def double(self): return 2 * self.code
def fail(code): raise Coded(code)
def parse(text): return json.loads(text)
def pattern(text): return re.compile(text)
def number(text): return decimal.Decimal(text)
def mean(xs): return statistics.mean(xs)
def first(xs): return next(iter(xs))
def missing(): raise FileNotFoundError(2, 'no', 'name')
def positive(x):
    assert x > 0, 'not positive'
    return x
def sort_it(xs): xs.sort()
def put(grid): grid[0][0] = 9
def grid(n): return [[0] * n for _ in range(n)]
def one_row(n): return [[0] * n] * n
def shallow(xs): return list(xs)
def deep(xs): return copy.deepcopy(xs)
def same(xs): return xs
def box(xs): return [xs]
def collect(x, into=[]):
    into.append(x)
    return into
made = {}
def memo(x): return made.setdefault(x, [x])
class Holder:
    def __init__(self): self.items, self.by_name = [], {}
    def all(self): return self.items
    def size(self): return len(self.items) + len(self.by_name)
class Vec:
    def __init__(self, x): self.x = x
    def __iadd__(self, other): self.x += other.x; return self
    def __round__(self, n=0): return round(self.x, n)
    def __format__(self, spec): return 'V' + spec
    def __reversed__(self): return iter([3, 2, 1])
    def __divmod__(self, other): return 1, 2
    def __len__(self): return 2
    def __eq__(self, other): return self.x == (other.x if isinstance(other, Vec) else other)
    def __str__(self): return f'V{self.x}'
    def __iter__(self): return iter([1, 2])
def vec(x): return Vec(x)
def adder(n): return lambda x: x + n
@dataclasses.dataclass(frozen=True)
class Frozen:
    x: int
class Shape(abc.ABC):
    @abc.abstractmethod
    def area(self): ...
def kind(x): return type(x)
def each(g): g(5)
def hello(): print('hi')
def here(): return os.getcwd()
def setting(): return os.environ.get('SETTING')
def warn(): warnings.warn('x')
def safe():
    while True:
        try: yield 0
        except ValueError as e: yield f'caught {e}'
class Quiet:
    def __init__(self, kind): self.kind, self.left = kind, None
    def __enter__(self): return self
    def __exit__(self, kind, error, trace):
        self.left = str(error)
        return kind is self.kind
@contextlib.contextmanager
def managed(log):
    try: yield
    except ValueError as e: log.append(str(e))
def letters(text): return Counter(text)
def tally(words, into):
    for word in words: into[word] += 1
def grouped(): return defaultdict(list)
class Hue(enum.Enum):
    LOW = 1
    HIGH = 2
def hue(): return Hue.LOW
class Sliced:
    def __getitem__(self, at): return list(range(6))[at]
def month(text): return re.match('(?P<y>[0-9]+)-(?P<m>[0-9]+)(x)?', text)
def denied(): raise PermissionError('denied')
def noted():
    error = ValueError('a')
    error.add_note('hint')
    raise error
def unknown(): return undefined_name
def slow(x):
    while x == 2: pass
    return x
"""
NAMES = """
Node reverse find fib total count noisy logged Steps Stack Shout Cache Bag bag Pt pt Color color Coded fail parse
pattern number mean first missing positive sort_it put grid one_row shallow deep same box collect memo Holder Vec
vec adder Frozen Shape kind each hello here setting warn slow safe Quiet
managed letters tally grouped Hue hue Sliced month denied noted
unknown
"""
LINES = r"""
r = reverse(Node(1, Node(2))); out = []\nwhile r:\n    out.append(r.val); r = r.next\nassert out == [2, 1]
h = Node(1, Node(2))\nassert find(h, 2) and not find(h, 3)
h = Node(1, Node(2))\nassert find(h, 3)
assert find(Node(1, Node(2)), 2) is not None
assert reverse(Node(1)) is None
assert adder(2) is not None
assert callable(adder(2)) and adder(2)(3) == 5
assert len(vec(3)) == 2
assert len(vec(3)) == 3
assert str(vec(3)) == 'V3'
assert list(vec(3)) == [1, 2]
assert vec(3) == vec(3) and vec(3) != vec(4)
v = Vec(1)\nv += Vec(2)\nassert v.x == 3
v = Vec(1.26)\nassert round(v, 1) == 1.3 and f'{v:x}' == 'Vx' and list(reversed(v)) == [3, 2, 1]
v = Vec(1)\nassert divmod(v, 2) == (1, 2)
v = Vec(1)\ndel v.x\nassert not hasattr(v, 'x')
g = fib()\nassert [next(g) for _ in range(5)] == [0, 1, 1, 2, 3]
assert list(itertools.islice(fib(), 300))[-1] > 10 ** 60
assert next(fib()) == 0
assert next(fib()) == 1
g = total(); next(g)\nassert g.send(5) == 5
assert sum(count(30000)) == 449985000 and len(list(count(30000))) == 30000
g = noisy()\nnext(g)\nassert logged() == [0]
g = noisy()\nnext(g)\ng.close()\nassert logged()[-1] == 'closed'
s = Steps()\nfor n in s:\n    if n == 3:\n        break\nassert next(s) == 4
import types\nassert isinstance(count(1), types.GeneratorType)
import types\nassert isinstance(grid(1), types.GeneratorType)
s = Stack()\ns.push(1)\nassert s == [1] and s.peek() == 1 and len(s) == 1
s = Stack()\ns.push(1)\nassert s == [2]
s = Stack([1, 2])\ns.append(3)\nassert s.peek() == 3 and isinstance(s, Stack) and isinstance(s, list)
s = Shout()\ns.append('a')\nassert s == ['A']
c = Cache()\nc['a'] = 1\nc['b'] = 2\nassert c.newest() == 'b' and c == {'a': 1, 'b': 2}
assert bag().total() == 3 and bag() == {'a': 1, 'b': 2}
p = Pt(3, 4)\nassert p.norm() == 5 and p == (3, 4) and p.x == 3 and isinstance(pt(), Pt)
assert color() is Color.RED and color() == 'red' and color().value == 'red'
assert color() == 'blue'
with pytest.raises(Coded, match='code 5'):\n    fail(5)
with pytest.raises(Coded, match='code 6'):\n    fail(5)
try:\n    fail(5)\n    assert False\nexcept Coded as e:\n    assert e.code == 5
with pytest.raises(json.JSONDecodeError):\n    parse('{')
with pytest.raises(re.error):\n    pattern('(')
with pytest.raises(decimal.InvalidOperation):\n    number('x')
with pytest.raises(decimal.InvalidOperation):\n    number('1')
with pytest.raises(statistics.StatisticsError):\n    mean([])
with pytest.raises(StopIteration):\n    first([])
try:\n    first([])\n    assert False\nexcept StopIteration:\n    pass
assert all(first([x]) for x in [1, 2])
try:\n    missing()\nexcept FileNotFoundError as e:\n    assert e.errno == 2 and e.filename == 'name'
with pytest.raises(dataclasses.FrozenInstanceError):\n    Frozen(1).x = 2
d = Frozen(1)\nwith pytest.raises(dataclasses.FrozenInstanceError):\n    d.x = 2
with pytest.raises(TypeError):\n    Shape()
with pytest.raises(AssertionError):\n    positive(-1)
a = [2, 1]\nsort_it(xs=a)\nassert a == [1, 2]
row = [1]; g = [row]\nput(g)\nassert row == [9]
g = ([1],)\nput(g)\nassert g == ([9],)
g = grid(2)\ng[0][0] = 1\nassert g == [[1, 0], [0, 0]]
g = one_row(2)\ng[0][0] = 1\nassert g == [[1, 0], [0, 0]]
a = [[1]]\nb = deep(a)\nb[0].append(2)\nassert a == [[1]]
a = [[1]]\nb = shallow(a)\nb[0].append(2)\nassert a == [[1]]
a = [1]\nassert same(a) is a and shallow(a) is not a and box(a)[0] is a
a = [1]\nassert shallow(a) is a
a = collect(1)\nb = collect(2)\nassert a == [1] and b == [2]
a = memo(1)\na.append(5)\nassert memo(1) == [1]
assert memo(1) is memo(1)
assert memo(1) is memo(2)
h = Holder()\nh.items.append(2)\nh.by_name['a'] = 1\nassert h.all() == [2] and h.size() == 2
h = Holder()\nh.all().append(1)\nassert h.all() == []
out = []\nfor i in range(3):\n    out.append(box(out))\nassert len(out) == 3 and out[0][0] is out
out = []\neach(lambda x: out.append(x))\nassert out == [5]
import io, contextlib\nwith contextlib.redirect_stdout(io.StringIO()) as b:\n    hello()\nassert 'hi' in b.getvalue()
import unittest.mock\nwith unittest.mock.patch('os.getcwd', return_value='/x'):\n    assert here() == '/x'
import os\nos.environ['SETTING'] = 'x'\nassert setting() == 'x'
import warnings\nwith warnings.catch_warnings(record=True) as w:\n    warnings.simplefilter('always'); warn()\nassert w
assert slow(1) == 1 or slow(2) == 2
m = month('2024-05')\nassert m.group('y') == '2024' and m['m'] == '05' and m.span(2) == (5, 7) and m.start() == 0
assert month('2024-05').groupdict() == {'y': '2024', 'm': '05'} and month('2024-05').groups('-')[2] == '-'
assert month('2024-05').group('x') == '05'
with pytest.raises(PermissionError, match='^denied$'):\n    denied()
try:\n    noted()\nexcept ValueError as e:\n    assert e.__notes__ == ['hint']
try:\n    unknown()\nexcept NameError as e:\n    assert e.name == 'undefined_name'
try:\n    raise Coded(3)\nexcept Coded as e:\n    assert e.code == 3
g = count(3)\nassert 1 in g and next(g) == 2
g = count(3)\nassert 5 in g
g = total(); next(g)\nassert g.send(5) == 6
g = safe(); next(g)\nassert g.throw(ValueError('x')) == 'caught x'
g = safe(); next(g)\nwith pytest.raises(KeyError):\n    g.throw(KeyError)
with Quiet(ValueError) as q:\n    raise ValueError('boom')\nassert q.left == 'boom'
with Quiet(KeyError) as q:\n    raise ValueError('boom')
with pytest.raises(ValueError):\n    with Quiet(KeyError):\n        raise ValueError
with pytest.raises(ValueError):\n    with Quiet(ValueError):\n        raise ValueError
with pytest.raises(Coded):\n    with Quiet(KeyError):\n        fail(5)
log = []\nwith managed(log):\n    raise ValueError('v')\nassert log == ['v']
try:\n    fail(5)\nexcept Coded as e:\n    assert e.double == 10 and e.kind == 'own'
with contextlib.suppress(Coded):\n    fail(5)
assert letters('aab').most_common(1) == [('a', 2)]
c = Counter()\ntally(['x', 'x'], c)\nassert c['x'] == 2 and c.total() == 2
d = grouped()\nd['q'].append(1)\nassert d == {'q': [1]} and d['new'] == []
d = defaultdict(int)\ntally(['x', 'x'], d)\nassert d['x'] == 2
match hue():\n    case Hue.LOW: ok = True\n    case _: ok = False\nassert ok
match hue():\n    case Hue.HIGH: ok = True\n    case _: ok = False\nassert ok
s = Sliced()\nassert s[1:3] == [1, 2] and s[::2] == [0, 2, 4]
"""
TESTS = tuple(line.replace("\\n", "\n") for line in LINES.strip().split("\n"))
