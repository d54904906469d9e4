"""Reading a test: which calls go to the candidate's process, and how the rest of the assert is decided.

A test is split from its text and the question's entry points alone, never from anything the candidate does. Calls into
the candidate are hoisted out; what stays behind holds the expected values and never leaves the judge.
"""

from __future__ import annotations

import ast
import builtins
import functools
import math
import marshal
from dataclasses import dataclass
from types import CodeType
from typing import Any, Callable

SPLIT, REMOTE, IN_PROCESS, VACUOUS, BROKEN = "split", "remote", "in_process", "vacuous", "broken"

# Functions that a split assert may apply to values in the judge itself: pure, and linear in what they are given.
_SAFE: dict[str, Any] = {
    name: getattr(builtins, name)
    for name in "abs len sorted set list tuple dict frozenset isinstance round sum min max all any bool int float "
    "str type bytes complex reversed".split()
}
_SAFE_TYPES = frozenset("int float str bool list tuple dict set frozenset bytes complex".split())
_SAFE_MATH = {"isclose": math.isclose, "isnan": math.isnan, "isinf": math.isinf, "pi": math.pi, "inf": math.inf, "nan": math.nan}
_SAFE_NODES = (
    ast.Expression,
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
) - {"pop", "append", "insert", "add", "remove", "clear", "update", "get", "keys", "values", "items", "copy", "extend"}


@dataclass(frozen=True)
class Plan:
    """How one test is graded.

    Attributes:
      kind: `split`, `remote`, `in_process`, `vacuous` or `broken`.
      calls: marshalled code of the hoisted calls, in order of evaluation.
      decide: for `split`, whether the values of the calls satisfy the assert.
      detail: for `vacuous` and `broken`, why.
      code: marshalled code of the rest, for the kinds that run in a child.
    """

    kind: str
    calls: tuple[bytes, ...] = ()
    decide: Callable[[list[Any]], bool] | None = None
    detail: str = ""
    code: bytes = b""


def _root(node: ast.expr) -> ast.Name | None:
    while isinstance(node, ast.Call | ast.Attribute):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node if isinstance(node, ast.Name) else None


def _class_like(name: str) -> bool:
    return name[:1].isupper()


class _Hoister(ast.NodeTransformer):
    """Replaces every closed call into the candidate by `__v0`, `__v1`, ... and keeps the calls."""

    def __init__(self, candidate: frozenset[str], bound: frozenset[str]) -> None:
        self.candidate = candidate
        self.bound = bound
        self.calls: list[ast.expr] = []
        self.left_over = False

    def _take(self, node: ast.expr) -> ast.expr:
        if any(isinstance(n, ast.Name) and n.id in self.bound for n in ast.walk(node)):
            self.left_over = True
            return node
        self.calls.append(node)
        return ast.Name(id=f"__v{len(self.calls) - 1}", ctx=ast.Load())

    def visit_Call(self, node: ast.Call) -> ast.AST:
        root = _root(node)
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


def bound_names(tree: ast.AST) -> frozenset[str]:
    """Names that the test itself binds: loop variables, lambda arguments, assignments, walrus targets."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            names.add(node.id)
        elif isinstance(node, ast.arg):
            names.add(node.arg)
    return frozenset(names)


def _closed_arguments(tree: ast.AST) -> frozenset[str]:
    """Names bound only inside a call's own arguments are closed; what remains binds across."""
    return bound_names(tree)


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
    if calls == 1 and isinstance(body, ast.Compare) and len(body.ops) == 1 and isinstance(body.ops[0], ast.Eq):
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


def _vacuous(test: ast.expr, candidate: frozenset[str]) -> str:
    """Why a single assert checks nothing, or the empty string."""
    if isinstance(test, ast.Constant):
        return "asserts a constant"
    if isinstance(test, ast.Tuple) and test.elts:
        return "asserts a tuple, which is always true"
    if isinstance(test, ast.Name):
        return "asserts a bare name"
    if not any(isinstance(node, ast.Name) and node.id in candidate for node in ast.walk(test)):
        return "does not call the candidate"
    return ""


@functools.lru_cache(maxsize=20_000)
def plan_test(source: str, candidate: frozenset[str]) -> Plan:
    """Decide how a test is graded.

    Args:
      source: the test's statements.
      candidate: the names that count as the candidate's.
    """
    try:
        tree = ast.parse(source.strip())
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return Plan(VACUOUS, detail=f"not valid Python: {type(error).__name__}")
    try:
        return _plan(tree, candidate)
    except (RecursionError, MemoryError) as error:
        return Plan(VACUOUS, detail=f"not usable: {type(error).__name__}")
    except (SyntaxError, ValueError) as error:
        return Plan(VACUOUS, detail=f"not valid Python: {type(error).__name__}")


def _plan(tree: ast.Module, candidate: frozenset[str]) -> Plan:
    whole = marshal.dumps(compile(tree, "<test>", "exec"))
    if len(tree.body) == 1 and isinstance(tree.body[0], ast.Assert):
        test = tree.body[0].test
        reason = _vacuous(test, candidate)
        if reason:
            return Plan(VACUOUS, detail=reason)
        bound = bound_names(test)
        hoister = _Hoister(candidate, bound)
        rest = ast.Expression(body=hoister.visit(test))
        calls = len(hoister.calls)
        if calls and not hoister.left_over and _safe(rest, calls):
            codes = tuple(_expression_code(call) for call in hoister.calls)
            return Plan(SPLIT, codes, _decider(rest, calls))
    return Plan(IN_PROCESS, code=whole)
