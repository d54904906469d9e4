"""Reading a test: which calls go to the candidate's process, and how the rest of the assert is decided.

A test is split from its text and the question's entry points alone, never from anything the candidate does. Calls into
the candidate are hoisted out; what stays behind holds the expected values and never leaves the judge.
"""

from __future__ import annotations

import ast
import builtins
import copy
import functools
import marshal
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import CodeType
from typing import Any, TypeVar

from sandbox.jailed import common

SPLIT, REMOTE, IN_PROCESS, VACUOUS = "split", "remote", "in_process", "vacuous"

# Functions that a split assert may apply to values in the judge itself: pure, and linear in what they are given.
_SAFE: dict[str, Any] = {
    name: getattr(builtins, name)
    for name in [
        "abs",
        "len",
        "sorted",
        "set",
        "list",
        "tuple",
        "dict",
        "frozenset",
        "isinstance",
        "round",
        "sum",
        "min",
        "max",
        "all",
        "any",
        "bool",
        "int",
        "float",
        "str",
        "type",
        "bytes",
        "complex",
        "reversed",
    ]
}
_SEEDED = frozenset({"random", "np", "numpy"})
_PATCHERS = frozenset(
    {"redirect_stdout", "redirect_stderr", "patch", "mock", "monkeypatch", "capsys", "globals"}
)
_BUILTINS = frozenset(dir(builtins)) | {"__name__"}
_SAFE_TYPES = frozenset(
    ["int", "float", "str", "bool", "list", "tuple", "dict", "set", "frozenset", "bytes", "complex"]
)
_SAFE_MATH = {
    "isclose": math.isclose,
    "isnan": math.isnan,
    "isinf": math.isinf,
    "pi": math.pi,
    "inf": math.inf,
    "nan": math.nan,
}
_SAFE_NODES = (
    ast.Expression,
    ast.BoolOp,
    ast.And,
    ast.Or,
    ast.Compare,
    ast.UnaryOp,
    ast.Not,
    ast.USub,
    ast.UAdd,
    ast.BinOp,
    ast.Add,
    ast.Sub,
    ast.Constant,
    ast.List,
    ast.Tuple,
    ast.Set,
    ast.Dict,
    ast.Name,
    ast.Load,
    ast.Call,
    ast.keyword,
    ast.Attribute,
    ast.Subscript,
    ast.Slice,
    ast.cmpop,
)
_PLAIN_METHODS = frozenset(
    name for kind in (str, list, dict, set, frozenset, tuple, int, float, bytes) for name in dir(kind)
) - {
    "pop",
    "append",
    "insert",
    "add",
    "remove",
    "clear",
    "update",
    "get",
    "keys",
    "values",
    "items",
    "copy",
    "extend",
}


@dataclass(frozen=True)
class Plan:
    """How one test is graded.

    Attributes:
      kind: `split` (values come back, the worker decides), `remote` (a judge child runs the test and asks for values),
        `in_process` (test and candidate share a process) or `vacuous` (the test checks nothing).
      calls: marshalled code of the hoisted calls, in order of evaluation.
      decide: for `split`, whether the values of the calls satisfy the assert.
      detail: for `vacuous`, why.
      lazy: for `split`, whether a call that raised may be one that Python would not have made.
      code: marshalled code of the rest, for the kinds that run in a child.
      needs: common names that nobody defines, with what they stand for (`sandbox.jailed.common`).
      exceptions: names of the candidate's that the test catches.
    """

    kind: str
    calls: tuple[bytes, ...] = ()
    decide: Callable[[list[Any]], bool] | None = None
    detail: str = ""
    lazy: bool = False
    code: bytes = b""
    needs: tuple[tuple[str, str], ...] = ()
    exceptions: tuple[str, ...] = ()


def _root(node: ast.expr) -> ast.Name | None:
    while isinstance(node, ast.Call | ast.Attribute):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node if isinstance(node, ast.Name) else None


def _class_like(name: str) -> bool:
    return name[:1].isupper()


class _Folder(ast.NodeTransformer):
    """Replaces arithmetic on small number literals by its value, so that `10**9 + 7` is as good as a literal."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        sides = [side.value for side in (node.left, node.right) if isinstance(side, ast.Constant)]
        small = len(sides) == 2 and all(type(v) in (int, float) and abs(v) < 1 << 64 for v in sides)
        if not small or (isinstance(node.op, ast.Pow | ast.LShift) and not abs(sides[1]) <= 256):
            return node
        try:
            code = compile(ast.fix_missing_locations(ast.Expression(node)), "<test>", "eval")
            return ast.Constant(eval(code, {"__builtins__": {}}))
        except (ArithmeticError, TypeError, ValueError):
            return node


class _Hoister(ast.NodeTransformer):
    """Replaces every closed call into the candidate by a value (`__v0`) or a request (`__ask__(0)`); keeps the calls."""

    def __init__(self, candidate: frozenset[str], bound: Counter[str], request: bool) -> None:
        self.candidate = candidate
        self.bound = bound
        self.request = request
        self.calls: list[ast.expr] = []
        self.left_over = False
        self.objects = False  # whether a call constructs an object, which stays with the candidate

    def _take(self, node: ast.expr) -> ast.expr:
        inside = _bindings(node)
        used = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
        walrus = any(isinstance(n, ast.NamedExpr) for n in ast.walk(node))
        if walrus or any(self.bound[name] > inside[name] for name in used):
            self.left_over = True  # it depends on, or changes, what only the test knows
            return node
        self.calls.append(node)
        number = len(self.calls) - 1
        own = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and _class_like(node.func.id)
        self.objects = self.objects or own
        if self.request:
            return ast.Call(ast.Name("__ask__", ast.Load()), [ast.Constant(number), ast.Constant(own)], [])
        return ast.Name(f"__v{number}", ast.Load())

    def visit_Call(self, node: ast.Call) -> ast.AST:
        root = _root(node)
        if (
            root is not None
            and root.id in _SEEDED
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "seed"
        ):
            return self._take(node)  # the generator that matters is the candidate's
        if root is None or root.id not in self.candidate:
            return self.generic_visit(node)
        if isinstance(node.func, ast.Attribute) and self._plain_method(node.func, root.id):
            return self.generic_visit(node)
        return self._take(node)

    def _plain_method(self, function: ast.Attribute, root: str) -> bool:
        """Whether this calls a method of the returned plain value, whose arguments may be expected values."""
        if not isinstance(function.value, ast.Call):
            return False
        return not _class_like(root) or (
            function.attr in _PLAIN_METHODS and isinstance(function.value.func, ast.Attribute)
        )

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        root = _root(node)
        if root is None or root.id not in self.candidate or not _class_like(root.id):
            return self.generic_visit(node)
        return self._take(node)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id in self.candidate:
            self.left_over = True
        return node


def _bindings(tree: ast.AST) -> Counter[str]:
    """How often the code binds each name: assignments, loops, arguments, imports, definitions, handlers."""
    names: Counter[str] = Counter()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            names[node.id] += 1
        elif isinstance(node, ast.arg):
            names[node.arg] += 1
        elif isinstance(node, ast.alias):
            names[(node.asname or node.name).split(".")[0]] += 1
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names[node.name] += 1
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            names[node.name] += 1
    return names


def bound_names(tree: ast.AST) -> frozenset[str]:
    """The names that the code itself binds."""
    return frozenset(_bindings(tree))


def _plain_imports(tree: ast.AST) -> frozenset[str]:
    """Standard modules that the code imports under their own names: a call may use them in the candidate's process."""
    names = [alias for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    return frozenset(alias.name for alias in names if alias.asname is None and alias.name in common.MODULES)


@functools.lru_cache(maxsize=1000)
def setup_names(setup: str) -> frozenset[str]:
    """The names that a question's set-up code defines."""
    try:
        return bound_names(ast.parse(setup))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset()


def _safe(tree: ast.Expression, calls: int) -> bool:
    """Whether the judge may evaluate this itself: only plain operators and pure functions over the values."""
    values = {f"__v{i}" for i in range(calls)}
    callees = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if not isinstance(node, _SAFE_NODES):
            return False
        if isinstance(node, ast.Name) and node.id not in values:
            if node.id == "math" or (node.id in _SAFE and (id(node) in callees or node.id in _SAFE_TYPES)):
                continue
            return False
        if isinstance(node, ast.Attribute):
            if not (isinstance(node.value, ast.Name) and node.value.id == "math" and node.attr in _SAFE_MATH):
                return False
        if isinstance(node, ast.Call) and not isinstance(node.func, ast.Name | ast.Attribute):
            return False
        if isinstance(node, ast.Call) and any(keyword.arg is None for keyword in node.keywords):
            return False
    return True


class _Math:
    """The part of `math` that split asserts use."""

    __slots__ = ()


for _name, _value in _SAFE_MATH.items():
    setattr(_Math, _name, staticmethod(_value) if callable(_value) else _value)
_NAMESPACE: dict[str, Any] = {"__builtins__": {}, "math": _Math, **_SAFE}


def _decider(tree: ast.Expression, calls: int) -> Callable[[list[Any]], bool]:
    """The function that judges the values of a safe expression; comparisons to a literal take a short way."""
    body = tree.body
    if calls == 1 and isinstance(body, ast.Name):
        return lambda values: bool(values[0])
    if (
        calls == 1
        and isinstance(body, ast.Compare)
        and len(body.ops) == 1
        and isinstance(body.ops[0], ast.Eq)
    ):
        left, right = body.left, body.comparators[0]
        literal = right if isinstance(left, ast.Name) else left
        try:
            expected = ast.literal_eval(literal)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            pass
        else:
            return lambda values: bool(values[0] == expected)
    code = compile(ast.fix_missing_locations(tree), "<test>", "eval")
    names = [f"__v{i}" for i in range(calls)]

    def decide(values: list[Any]) -> bool:
        return bool(eval(code, {**_NAMESPACE, **dict(zip(names, values))}))

    return decide


def _expression_code(node: ast.expr) -> bytes:
    code: CodeType = compile(ast.fix_missing_locations(ast.Expression(body=node)), "<test>", "eval")
    return marshal.dumps(code)


def _truth(test: ast.expr) -> ast.expr:
    """What an assert takes the truth of, under `not` and comparisons with a bare constant truth."""
    while True:
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            test = test.operand
        elif (
            isinstance(test, ast.Compare)
            and len(test.ops) == 1
            and isinstance(test.comparators[0], ast.Constant)
            and isinstance(test.comparators[0].value, bool)
        ):
            test = test.left
        else:
            return test


def _mentions(node: ast.AST, names: frozenset[str]) -> bool:
    return any(isinstance(n, ast.Name) and n.id in names for n in ast.walk(node))


def _hands_over(test: ast.expr, candidate: frozenset[str]) -> str:
    """Why an assert lets the candidate compare its own answer: `assert same(f(x), [1, 2])` with `same` its own."""
    call = _truth(test)
    root = _root(call) if isinstance(call, ast.Call) else None
    if not isinstance(call, ast.Call) or root is None or root.id not in candidate or _class_like(root.id):
        return ""
    inner = [
        a
        for a in call.args
        if any(isinstance(n, ast.Call) and _root(n) and _mentions(n, candidate) for n in ast.walk(a))
    ]
    others = [a for a in call.args if not _mentions(a, candidate)]
    return f"hands the expected value to the candidate's own {root.id}" if inner and others else ""


def _vacuous(tree: ast.Module, candidate: frozenset[str], undefined: list[str]) -> str:
    """Why a test checks nothing, or the empty string."""
    if not tree.body:
        return "is empty"
    if undefined:
        return f"uses an undefined name: {undefined[0]}"
    if not _mentions(tree, candidate):
        return "does not call the candidate"
    asserts = [node for node in ast.walk(tree) if isinstance(node, ast.Assert)]
    for node in asserts:
        reason = _hands_over(node.test, candidate)
        if reason:
            return reason
    if len(tree.body) == 1 and asserts and tree.body[0] is asserts[0]:
        return _constant(asserts[0].test, candidate)
    if not asserts and not any(isinstance(node, ast.Raise | ast.With | ast.Call) for node in ast.walk(tree)):
        return "asserts nothing"
    return _nothing_asserted(tree, candidate) if not asserts else ""


def _nothing_asserted(tree: ast.Module, candidate: frozenset[str]) -> str:
    """A test without asserts may still raise, or hand the candidate to a checking function; a bare call does not."""
    if any(isinstance(node, ast.Raise | ast.With) for node in ast.walk(tree)):
        return ""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            root = _root(node)
            if root is None or (root.id not in candidate and not hasattr(builtins, root.id)):
                return ""
    return "asserts nothing"


def _constant(test: ast.expr, candidate: frozenset[str]) -> str:
    if isinstance(test, ast.Tuple) and test.elts:
        return "asserts a tuple, which is always true"
    if isinstance(_truth(test), ast.Name):
        return "asserts a bare name"
    if isinstance(test, ast.Lambda | ast.GeneratorExp | ast.JoinedStr):
        return "asserts something that is always true"
    return ""


def _common(tree: ast.Module, names: set[str]) -> tuple[tuple[str, str], ...]:
    """The common names among `names`; `datetime` is the module only where the test reaches into it."""
    reaches = any(
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "datetime"
        and node.attr in ("datetime", "date", "timedelta", "time", "timezone")
        for node in ast.walk(tree)
    )
    return tuple(
        (name, "class" if name == "datetime" and not reaches else "module")
        for name in sorted(names & common.NAMES)
    )


def _caught(tree: ast.Module, candidate: frozenset[str]) -> tuple[str, ...]:
    """Names of the candidate's that the test uses as exception classes."""
    caught: list[ast.expr] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler) and node.type is not None:
            caught.append(node.type)
        elif (
            isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "raises"
        ):
            caught.extend(node.args[:1])
    return tuple(sorted({n.id for e in caught for n in ast.walk(e) if isinstance(n, ast.Name)} & candidate))


def _shares_process(tree: ast.Module, candidate: frozenset[str]) -> bool:
    """Shapes that cannot be taken apart: subclasses of, decorators from and awaits on the candidate's code, and changes to
    the interpreter's own state that the candidate is meant to notice.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in _PATCHERS:
            return True
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            root = _root(node)
            if root is not None and root.id in common.MODULES | {"builtins"}:
                return True
        if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith):
            return True
        if isinstance(node, ast.ClassDef) and any(_mentions(base, candidate) for base in node.bases):
            return True
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and any(
            _mentions(d, candidate) for d in node.decorator_list
        ):
            return True
    return False


@functools.lru_cache(maxsize=20_000)
def plan_test(source: str, candidate: frozenset[str], setup: str = "") -> Plan:
    """Decide how a test is graded, from its own text alone.

    Args:
      source: the test's statements.
      candidate: the names that count as the candidate's.
      setup: the question's set-up code, for the names that it defines.
    """
    try:
        tree = ast.parse(source.strip())
        return _plan(tree, candidate, setup)
    except (SyntaxError, ValueError) as error:
        return Plan(VACUOUS, detail=f"is not valid Python: {type(error).__name__}")
    except (RecursionError, MemoryError) as error:
        return Plan(VACUOUS, detail=f"is too large: {type(error).__name__}")


def _plan(tree: ast.Module, candidate: frozenset[str], setup: str) -> Plan:
    compile(tree, "<test>", "exec")
    imports = _plain_imports(tree)
    bound = _bindings(tree)
    for name in imports:
        del bound[name]
    used = {
        node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }
    free = used - bound.keys() - candidate - setup_names(setup) - _BUILTINS
    needs = _common(tree, free | imports)
    reason = _vacuous(tree, candidate, sorted(free - common.NAMES))
    if reason:
        return Plan(VACUOUS, detail=reason)
    if _shares_process(tree, candidate):
        return Plan(IN_PROCESS, code=marshal.dumps(compile(tree, "<test>", "exec")), needs=needs)
    if len(tree.body) == 1 and isinstance(tree.body[0], ast.Assert):
        hoister = _Hoister(candidate, bound, request=False)
        rest = ast.Expression(_Folder().visit(hoister.visit(_copy(tree.body[0].test))))
        calls = len(hoister.calls)
        splits = calls and not hoister.left_over and not (hoister.objects and _uses_object(rest.body))
        if splits and _safe(rest, calls) and not _shadowed(rest, setup):
            codes = tuple(_expression_code(call) for call in hoister.calls)
            lazy = any(isinstance(node, ast.BoolOp) for node in ast.walk(rest)) or _chained(rest.body)
            asking = _asking(tree, candidate, bound)[0]
            return Plan(SPLIT, codes, _decider(rest, calls), lazy=lazy, code=asking, needs=needs)
    code, codes = _asking(tree, candidate, bound)
    return Plan(REMOTE, codes, code=code, needs=needs, exceptions=_caught(tree, candidate))


def _asking(
    tree: ast.Module, candidate: frozenset[str], bound: frozenset[str]
) -> tuple[bytes, tuple[bytes, ...]]:
    """The test for a judge child, where a closed call has become a request, and the code of those calls."""
    hoister = _Hoister(candidate, bound, request=True)
    rest = ast.fix_missing_locations(hoister.visit(_copy(tree)))
    return marshal.dumps(compile(rest, "<test>", "exec")), tuple(map(_expression_code, hoister.calls))


def _chained(rest: ast.expr) -> bool:
    return isinstance(rest, ast.Compare) and len(rest.ops) > 1


def _uses_object(rest: ast.expr) -> bool:
    """Whether more is done with a constructed object than comparing it with plain data, which can only fail."""
    if isinstance(rest, ast.Compare):
        sides = [rest.left, *rest.comparators]
        values = [side for side in sides if isinstance(side, ast.Name) and side.id.startswith("__v")]
        others = [side for side in sides if side not in values]
        return len(values) != 1 or any(_names_value(side) for side in others)
    return not isinstance(_truth(rest), ast.Name)


def _names_value(node: ast.AST) -> bool:
    return any(isinstance(n, ast.Name) and n.id.startswith("__v") for n in ast.walk(node))


def _shadowed(rest: ast.Expression, setup: str) -> bool:
    """Whether the set-up redefines a name that the worker would take for a builtin."""
    return any(
        isinstance(n, ast.Name) and n.id in setup_names(setup) and n.id != "math" for n in ast.walk(rest)
    )


_Tree = TypeVar("_Tree", bound=ast.AST)


def _copy(tree: _Tree) -> _Tree:
    return copy.deepcopy(tree)


def infer_entry_points(tests: Sequence[str], setup: str = "") -> tuple[str, ...]:
    """The names that tests use and nobody else defines: what they expect of the candidate, where no metadata says it."""
    names: set[str] = set()
    for test in tests:
        try:
            tree = ast.parse(test.strip())
        except (SyntaxError, ValueError, RecursionError):
            continue
        called = {
            root.id
            for node in ast.walk(tree)
            if isinstance(node, ast.Call | ast.Attribute) and (root := _root(node)) is not None
        }
        names |= called - bound_names(tree)
    return tuple(sorted(names - setup_names(setup) - _BUILTINS - common.NAMES))


def split_tests(source: str) -> tuple[str, ...]:
    """Take a benchmark's whole test apart into independent ones, where that changes nothing.

    `def check(candidate): assert candidate(1) == 2; ...` followed by `check(f)` becomes one assert for each of the
    function's, with `f` for `candidate`; the metadata beside it is dropped. Any other text is returned whole.
    """
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError):
        return (source,)
    checks = [node for node in body if isinstance(node, ast.FunctionDef)]
    uses = [node for node in body if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)]
    rest = [node for node in body if node not in checks and node not in uses]
    if (
        len(checks) != 1
        or len(uses) != 1
        or not all(isinstance(node, ast.Assign | ast.Import) for node in rest)
    ):
        return (source,)
    (check,), call = checks, uses[0].value
    assert isinstance(call, ast.Call)
    named = isinstance(call.func, ast.Name) and call.func.id == check.name and not call.keywords
    arguments = [arg.id for arg in call.args if isinstance(arg, ast.Name)]
    asserts = [node for node in check.body if isinstance(node, ast.Assert)]
    imports = [ast.unparse(node) for node in rest if isinstance(node, ast.Import)]
    if (
        not named
        or len(arguments) != 1
        or len(check.args.args) != 1
        or len(asserts) != len(check.body)
        or imports
    ):
        return (source,)
    renamed = {check.args.args[0].arg: arguments[0]}
    return tuple(ast.unparse(_Rename(renamed).visit(node)) for node in asserts)


class _Rename(ast.NodeTransformer):
    def __init__(self, names: dict[str, str]) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.copy_location(ast.Name(self.names.get(node.id, node.id), node.ctx), node)
