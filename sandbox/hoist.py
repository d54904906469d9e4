"""Taking an assert apart: the candidate's calls come out, and what stays decides over their values.

What stays holds the expected values. Where it is a plain expression of pure functions the worker evaluates it
itself; the rest runs in a judge child.
"""

from __future__ import annotations

import ast
import builtins
import marshal
import math
from collections import Counter
from collections.abc import Callable
from types import CodeType
from typing import Any

from sandbox.jailed import decoding, operators
from sandbox.names import bindings, class_like, nodes, root_name

# Functions that a split assert may apply to values in the worker itself: pure, and no worse than sorting
# what they are given. Ranges never get here (the worker does not rebuild them), nor do sets built from equal
# hashes.
_SAFE_NAMES = """
abs len sorted set list tuple dict frozenset isinstance round sum min max all any bool int float str type
complex reversed
"""
_SAFE: dict[str, Any] = {name: getattr(builtins, name) for name in _SAFE_NAMES.split()} | {"bytes": bytes}
_ONE_ARGUMENT = frozenset(
    {"sum", "round", "int", "dict"}
)  # the second could make them slow, unless it is a literal
_HASHING: dict[str, Any] = {"set": set, "frozenset": frozenset, "dict": dict}
# Functions that look at an object itself: on one of the candidate's a judge's child has its own way (`__type__`, ...).
LOOKS = frozenset({"type", "vars", "dir", "callable", "hasattr", "isinstance"})
_SEEDED = frozenset({"random", "np", "numpy"})
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


class Folder(ast.NodeTransformer):
    """Replaces arithmetic on small number literals by its value, so that `10**9 + 7` is as good as a
    literal.
    """

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        sides: list[Any] = [side.value for side in (node.left, node.right) if isinstance(side, ast.Constant)]
        small = len(sides) == 2 and all(type(v) in (int, float) and abs(v) < 1 << 64 for v in sides)
        if not small or (isinstance(node.op, ast.Pow | ast.LShift) and not abs(sides[1]) <= 256):
            return node
        try:
            code = compile(
                ast.fix_missing_locations(ast.Expression(node)), "<test>", "eval", dont_inherit=True
            )
            return ast.Constant(eval(code, {"__builtins__": {}}))
        except (ArithmeticError, TypeError, ValueError):
            return node


class Hoister(ast.NodeTransformer):
    """Replaces every closed call into the candidate by a value (`__v0`) or a request (`__ask__(0)`); keeps
    the calls.
    """

    def __init__(self, candidate: frozenset[str], bound: Counter[str], request: bool) -> None:
        self.candidate = candidate
        self.bound = bound
        self.request = request
        self.calls: list[ast.expr] = []
        self.left_over = False
        self.objects = False  # whether a call constructs an object, which stays with the candidate

    def _take(self, node: ast.expr) -> ast.expr:
        inside = bindings(node)
        used = {n.id for n in nodes(node) if isinstance(n, ast.Name)}
        walrus = any(isinstance(n, ast.NamedExpr) for n in nodes(node))
        if walrus or any(self.bound[name] > inside[name] for name in used):
            self.left_over = True  # it depends on, or changes, what only the test knows
            return node
        self.calls.append(node)
        number = len(self.calls) - 1
        # An object of a class that the question names, or a class attribute, such as an enumeration's member.
        made = getattr(node, "func", None) or getattr(node, "value", None)
        named = isinstance(made, ast.Name) and class_like(made.id)
        self.objects = self.objects or named
        own = named and isinstance(node, ast.Call)
        if self.request:
            return ast.Call(ast.Name("__ask__", ast.Load()), [ast.Constant(number), ast.Constant(own)], [])
        return ast.Name(f"__v{number}", ast.Load())

    def visit_Call(self, node: ast.Call) -> ast.AST:
        root = root_name(node)
        if (
            root is not None
            and root.id in _SEEDED
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "seed"
        ):
            return self._take(node)  # the generator that matters is the candidate's
        if self.request and isinstance(node.func, ast.Name) and node.func.id in LOOKS and node.args:
            if not self.bound[node.func.id]:
                node.func.id = f"__{node.func.id}__"
            return self.generic_visit(node)
        if root is None or root.id not in self.candidate:
            return self.generic_visit(node)
        if self._asks_result(node, root.id):
            if not isinstance(node.func, ast.Attribute):
                return self.generic_visit(node)
            node.func.value = self.visit(node.func.value)  # the method itself stays here
            node.args = [self.visit(value) for value in node.args]
            node.keywords = [self.visit(keyword) for keyword in node.keywords]
            return node
        return self._take(node)

    def _asks_result(self, node: ast.AST, root: str) -> bool:
        """Whether there is such a call in a chain of calls and attributes."""
        while isinstance(node, ast.Call | ast.Attribute):
            inner = node.func if isinstance(node, ast.Call) else node.value
            method = isinstance(node, ast.Call) and isinstance(inner, ast.Attribute)
            if method and self._of_result(node, inner, root):  # type: ignore[arg-type]
                return True
            node = inner
        return False

    def _of_result(self, node: ast.Call, function: ast.Attribute, root: str) -> bool:
        """Whether this calls a method of what a call has returned, whose arguments may be expected values."""
        made = function.value
        while isinstance(made, ast.Attribute):
            made = made.value
        if not isinstance(made, ast.Call):
            return False
        if not class_like(root):
            return True
        given = bool(node.args or node.keywords)
        if made is not function.value or isinstance(made.func, ast.Attribute):
            return given or function.attr in operators.OF_DATA
        return given and function.attr in operators.POSING | operators.OF_DATA

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        root = root_name(node)
        if (
            root is not None
            and root.id in self.candidate
            and class_like(root.id)
            and isinstance(node.ctx, ast.Load)
            and not self._asks_result(node, root.id)
        ):
            return self._take(node)
        self.generic_visit(node)
        if self.request and node.attr == "__class__" and isinstance(node.ctx, ast.Load):
            return ast.Call(ast.Name("__type__", ast.Load()), [node.value], [])
        return node

    def visit_MatchValue(self, node: ast.MatchValue) -> ast.AST:
        return node  # a pattern holds no calls

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        self.generic_visit(node)
        sides = [node.left, *node.comparators]
        if not self.request or len(sides) > 2 or any(isinstance(side, ast.Constant) for side in sides):
            return node
        if not isinstance(node.ops[0], ast.Is | ast.IsNot):
            return node
        same = ast.Call(ast.Name("__is__", ast.Load()), sides, [])
        return same if isinstance(node.ops[0], ast.Is) else ast.UnaryOp(ast.Not(), same)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id in self.candidate:
            self.left_over = True
        return node


def is_safe(tree: ast.Expression, calls: int) -> bool:
    """Whether the judge may evaluate this itself: only plain operators and pure functions over the values."""
    values = {f"__v{i}" for i in range(calls)}
    callees = {id(node.func) for node in nodes(tree) if isinstance(node, ast.Call)}
    for node in nodes(tree):
        if not isinstance(node, _SAFE_NODES):
            return False
        if isinstance(node, ast.Compare) and _identity(node):
            return False
        if isinstance(node, ast.Name) and node.id not in values:
            if node.id == "math" or (node.id in _SAFE and (id(node) in callees or node.id in _SAFE_TYPES)):
                continue
            return False
        if isinstance(node, ast.Attribute) and not (
            isinstance(node.value, ast.Name) and node.value.id == "math" and node.attr in _SAFE_MATH
        ):
            return False
        if isinstance(node, ast.Call) and not _safe_call(node):
            return False
    return True


def _identity(node: ast.Compare) -> bool:
    """Whether two values would have to be one object, which no copies of them are."""
    sides = [node.left, *node.comparators]
    return any(isinstance(op, ast.Is | ast.IsNot) for op in node.ops) and not any(
        isinstance(side, ast.Constant) or (isinstance(side, ast.Name) and side.id in _SAFE_TYPES)
        for side in sides
    )


def _safe_call(node: ast.Call) -> bool:
    if isinstance(node.func, ast.Attribute):
        return all(keyword.arg for keyword in node.keywords)
    if not isinstance(node.func, ast.Name) or node.func.id == "bytes":
        return False
    further = [*node.args[1:], *(keyword.value for keyword in node.keywords)]
    if any(isinstance(extra, ast.Name) and extra.id in _HASHING for extra in further):
        return False  # as a key it would build sets that nobody looks at first
    literal = all(isinstance(extra, ast.Constant) for extra in further)
    return all(keyword.arg for keyword in node.keywords) and (literal or node.func.id not in _ONE_ARGUMENT)


class _Guard(ast.NodeTransformer):
    """Sends the building of sets through a check for floods of equal hashes."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id in _HASHING:
            node.func.id = f"__{node.func.id}"
        return node


def _hashable(values: list[Any]) -> list[Any]:
    if len(values) > decoding.MAX_HASHED:
        raise decoding.Exotic("many members")
    return decoding.checked(values)


def _guarded(kind: Any) -> Callable[..., Any]:
    return lambda values=(): kind(_hashable(list(values)))


def _guarded_dict(*pairs: Any, **more: Any) -> dict[Any, Any]:
    for values in pairs:
        if not isinstance(values, dict):
            _hashable([key for key, _ in values])
    return dict(*pairs, **more)


class _Math:
    """The part of `math` that split asserts use."""

    __slots__ = ()


for _name, _value in _SAFE_MATH.items():
    setattr(_Math, _name, staticmethod(_value) if callable(_value) else _value)
_NAMESPACE: dict[str, Any] = {"__builtins__": {}, "math": _Math, **_SAFE}
_NAMESPACE |= {f"__{name}": _guarded(kind) for name, kind in _HASHING.items()} | {"__dict": _guarded_dict}


def _is_value(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "__v0"


def decider(tree: ast.Expression, calls: int) -> Callable[[list[Any]], bool]:
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
        literal = right if _is_value(left) else left if _is_value(right) else None
        try:
            expected = ast.literal_eval(literal)  # type: ignore[arg-type]
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            pass
        else:
            return lambda values: bool(values[0] == expected)
    code = compile(ast.fix_missing_locations(_Guard().visit(tree)), "<test>", "eval", dont_inherit=True)
    names = [f"__v{i}" for i in range(calls)]

    def decide(values: list[Any]) -> bool:
        return bool(eval(code, {**_NAMESPACE, **dict(zip(names, values))}))

    return decide


def expression_code(node: ast.expr) -> bytes:
    code: CodeType = compile(
        ast.fix_missing_locations(ast.Expression(body=node)), "<test>", "eval", dont_inherit=True
    )
    return marshal.dumps(code)
