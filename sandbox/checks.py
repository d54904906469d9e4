"""What in a test can make it fail: its checks, as far as they are reached and nothing swallows them.

`sandbox.vacuous` asks. Where the text leaves a doubt it is taken for a check: a real test that is left out costs more
than one that checks nothing.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Collection, Iterable

from sandbox.jailed import common
from sandbox.names import bound_names, nodes, root_name

_Functions = ast.FunctionDef | ast.AsyncFunctionDef
_Comprehension = ast.ListComp | ast.SetComp | ast.DictComp
# How much is caught around a statement: nothing, failed asserts, exceptions, or the interpreter's end as well.
_NOTHING, _ASSERTS, _EXCEPTIONS, _ALL = range(4)
_CAUGHT = {"AssertionError": _ASSERTS, "Exception": _EXCEPTIONS, "BaseException": _ALL}
# What only computes: thrown away, its result checks nothing.
_ONLY_COMPUTE = """
math cmath json re itertools collections functools operator string statistics decimal fractions copy random datetime
time heapq bisect np numpy pd pandas
"""
_PURE = frozenset(_ONLY_COMPUTE.split())
_CHECKING = re.compile("assert|fail|check|expect|verif|valid|raises|test|run|exit|main|throw", re.IGNORECASE)
# Context managers that check nothing themselves.
_CHECK_NOTHING = """
subTest suppress open redirect_stdout redirect_stderr catch_warnings nullcontext patch TemporaryDirectory
NamedTemporaryFile StringIO
"""
_NEUTRAL = frozenset(_CHECK_NOTHING.split())
_OBJECTS = frozenset(
    {"map", "filter", "zip", "iter", "reversed", "enumerate", "repr"}
)  # true whatever is in them


def always_true(test: ast.expr, own: Collection[str]) -> str:
    """Why an expression is true whatever the candidate computes, or the empty string; `own` are the names that are no
    builtins here.
    """
    kind = type(test).__name__.lower()
    true = "asserts something that is always true"
    match test:
        case (
            ast.Tuple(elts=[_, *_]) | ast.List(elts=[_, *_]) | ast.Set(elts=[_, *_]) | ast.Dict(keys=[_, *_])
        ):
            return f"asserts a {kind}, which is always true"
        case ast.Constant(value=value):
            return true if value else ""
        case ast.Lambda() | ast.GeneratorExp() | ast.JoinedStr():
            return true
        case ast.ListComp() | ast.SetComp() | ast.DictComp():
            return f"asserts a {kind[:-4]}, which is always true" if _of_words(test) else ""
        case ast.BoolOp(op=ast.Or()):
            return next(filter(None, (always_true(value, own) for value in test.values)), "")
        case ast.BoolOp():
            reasons = [always_true(value, own) for value in test.values]
            return reasons[0] if all(reasons) else ""
        case ast.IfExp():
            return always_true(test.orelse, own) and always_true(test.body, own)
        case ast.Compare(ops=[ast.IsNot() | ast.NotEq()], comparators=[ast.Constant(value=None)]):
            return true if _is_word(test.left) or always_true(test.left, own) else ""
        case ast.Compare(left=ast.Constant(value=one), ops=[ast.Eq()], comparators=[ast.Constant(value=two)]):
            return true if one == two else ""
        case ast.Call(func=ast.Name(id=name), args=[given, *_]) if name not in own:
            if name in _OBJECTS or (name == "str" and _is_word(given)):
                return true
            return always_true(given, own) if name == "bool" else ""
    return ""


def _is_word(node: ast.expr) -> bool:
    """Whether an expression gives True or False."""
    return isinstance(node, ast.Compare) or (isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not))


def _of_words(node: _Comprehension) -> bool:
    """Whether a comprehension holds the outcomes of comparisons, and one for each item."""
    item = node.value if isinstance(node, ast.DictComp) else node.elt
    return _is_word(item) and not any(loop.ifs for loop in node.generators)


class Checks:
    """A walk through what a test runs.

    Attributes:
      found: whether it may fail by what the candidate computes.
      reason: why an assert on the way is none, or the empty string.
      never: a function or class with a check that nothing calls, or the empty string.
    """

    def __init__(self, tree: ast.Module, candidate: frozenset[str]) -> None:
        self.found = False
        self.reason = ""
        self._candidate = candidate
        parts = nodes(tree)
        self._defined: dict[str, list[ast.stmt]] = {}
        for node in parts:
            if isinstance(node, _Functions | ast.ClassDef):
                self._defined.setdefault(node.name, []).append(node)
        self._own = bound_names(tree) | candidate
        self._values = _values(parts)
        self._reached: dict[str, int] = {}  # functions and classes, with what is caught where they are used
        self._walk(tree.body, _NOTHING)
        self.never = "" if self.found else next(filter(self._checks_unreached, self._defined), "")

    def _checks_unreached(self, name: str) -> bool:
        if name in self._reached:
            return False
        return any(isinstance(n, ast.Assert) for node in self._defined[name] for n in nodes(node))

    def _walk(self, body: Iterable[ast.stmt], caught: int) -> None:
        for node in body:
            if self.found:
                return
            self._statement(node, caught)
            if isinstance(node, ast.Return | ast.Raise | ast.Break | ast.Continue):
                return

    def _statement(self, node: ast.stmt, caught: int) -> None:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                for part in (*node.decorator_list, *getattr(node, "bases", ())):
                    self._expression(part, caught)
                if isinstance(node, ast.ClassDef):
                    self._walk([part for part in node.body if not isinstance(part, _Functions)], caught)
                if node.decorator_list:
                    self._reach(node.name, caught)
            case ast.Assert():
                self._assert(node, caught)
            case ast.Raise():
                self._expressions(node, caught)
                raised = root_name(node.exc) if node.exc is not None else None
                kind = _CAUGHT.get(raised.id, _EXCEPTIONS) if raised is not None else _EXCEPTIONS
                ends = raised is not None and raised.id == "SystemExit"
                self._check(caught < (_ALL if ends else kind))
            case ast.Try() | ast.TryStar():
                around = max([caught, *map(_catches, node.handlers)])
                self._walk(node.body, around)
                for handler in node.handlers:
                    self._walk(handler.body, caught)
                self._walk(node.orelse, caught)
                self._walk(node.finalbody, caught)
            case ast.With() | ast.AsyncWith():
                for item in node.items:
                    caught = self._with(item, caught)
                self._walk(node.body, caught)
            case ast.If() | ast.While():
                self._expression(node.test, caught)
                if not (isinstance(node.test, ast.Constant) and not node.test.value):
                    self._walk(node.body, caught)
                self._walk(node.orelse, caught)
            case ast.For() | ast.AsyncFor():
                self._expression(node.iter, caught)
                if not _empty(node.iter):
                    self._walk(node.body, caught)
                self._walk(node.orelse, caught)
            case ast.Match():
                self._expression(node.subject, caught)
                for case in node.cases:
                    self._walk(case.body, caught)
            case _:
                self._expressions(node, caught)

    def _check(self, counts: bool) -> None:
        self.found = self.found or counts

    def _assert(self, node: ast.Assert, caught: int) -> None:
        why = always_true(node.test, self._own)
        if why:
            self.reason = self.reason or why
        elif caught >= _ASSERTS:
            self.reason = self.reason or "catches the failure of its asserts"
        self._check(not why and caught < _ASSERTS)
        self._expression(node.test, caught)

    def _with(self, item: ast.withitem, caught: int) -> int:
        """Look at a context manager; what is caught inside of it."""
        call = item.context_expr
        name = _name(call.func) if isinstance(call, ast.Call) else ""
        if isinstance(call, ast.Call) and name.endswith("suppress"):
            return max([caught, *(_CAUGHT.get(_name(arg), _NOTHING) for arg in call.args)])
        self._expression(call, caught)
        root = root_name(call)
        known = root is not None and root.id in self._candidate | self._values
        neutral = bool(_NEUTRAL & set(name.split("."))) or (known and not _CHECKING.search(name))
        self._check(not neutral and caught < _ASSERTS)
        return caught

    def _expressions(self, node: ast.stmt, caught: int) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self._expression(child, caught)

    def _expression(self, node: ast.expr, caught: int) -> None:
        for part in nodes(node):
            if self.found:
                return
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load):
                self._reach(part.id, caught)
            elif isinstance(part, ast.Call):
                self._check(self._checking(part, caught))

    def _checking(self, call: ast.Call, caught: int) -> bool:
        """Whether a call may fail for what it is handed."""
        name, root = _name(call.func), root_name(call)
        if root is None:
            return caught < _ASSERTS and _CHECKING.search(name) is not None
        ends = name in ("pytest.fail", "sys.exit")
        if caught >= (_ALL if ends else _ASSERTS) or root.id in self._candidate or root.id in self._defined:
            return False
        if root.id in self._values or hasattr(builtins, root.id):
            return _CHECKING.search(name) is not None
        return True

    def _reach(self, name: str, caught: int) -> None:
        """Whatever is mentioned may be called from there."""
        if name not in self._defined or self._reached.get(name, _ALL + 1) <= caught:
            return
        self._reached[name] = caught
        for node in self._defined[name]:
            assert isinstance(node, _Functions | ast.ClassDef)
            for part in node.body if isinstance(node, ast.ClassDef) else [node]:
                self._walk(part.body if isinstance(part, _Functions) else [part], caught)


def _values(parts: list[ast.AST]) -> set[str]:
    """Names of what only computes, and of variables: a call of one is a check where its name says so."""
    found = {*_PURE, *common.MEMBERS}
    for node in parts:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.Import):
            found |= {alias.asname or alias.name for alias in node.names if alias.name in _PURE}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in _PURE:
            found |= {alias.asname or alias.name for alias in node.names}
    return found


def _catches(handler: ast.ExceptHandler) -> int:
    kind = handler.type
    if kind is None:
        return _ALL
    return max(
        _CAUGHT.get(_name(k), _NOTHING) for k in (kind.elts if isinstance(kind, ast.Tuple) else [kind])
    )


def _empty(node: ast.expr) -> bool:
    """Whether a loop over this has no turn."""
    match node:
        case ast.Tuple(elts=[]) | ast.List(elts=[]) | ast.Dict(keys=[]):
            return True
        case ast.Call(func=ast.Name(id="range"), args=[ast.Constant(value=0)]):
            return True
    return False


def _name(node: ast.expr) -> str:
    """A dotted name, or its last part under something else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{_name(node.value)}.{node.attr}".lstrip(".")
    return ""
