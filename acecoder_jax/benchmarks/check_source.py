"""Reading a benchmark's own test code: from the body of `check(candidate)` to independent Python tests.

Part of the benchmark readers; nothing is run here, sources are only parsed. A test that needs a helper of
the benchmark's, such as a function defined in the prompt, carries that helper's text with it: the sandbox
runs the tests apart from the candidate, so they cannot lean on the candidate's copy of it.
"""

from __future__ import annotations

import ast
import warnings


def split_check(test: str, entry_point: str, helpers: str = "") -> list[str]:
    """The tests in a HumanEval style `def check(candidate)`.

    Args:
      test: the benchmark's test source, which defines `check`.
      entry_point: the function under test; takes the place of `check`'s argument.
      helpers: more source whose definitions the tests may use.

    Returns:
      One statement a test when the body is nothing but asserts; otherwise the whole body as one test, because
      its statements lean on each other. Asserts that never call the candidate (`assert True`) are left out.

    Raises:
      ValueError: `test` is not valid Python, or has no `check` with one argument.
    """
    tree = _parse(test)
    check = next((n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == "check"), None)
    if check is None or len(check.args.args) != 1:
        raise ValueError("has no check(candidate)")
    renamed = _Rename(check.args.args[0].arg, entry_point)
    body = [renamed.visit(node) for node in check.body if not _says_nothing(node)]
    around = [n for n in tree.body if n is not check] + _parse(helpers).body
    only_asserts = all(isinstance(node, ast.Assert) for node in body)
    parts = [[node] for node in body] if only_asserts else [body]
    return [
        "\n".join(ast.unparse(node) for node in (*_needed(part, around, entry_point), *part))
        for part in parts
        if entry_point in _names(part)
    ]


def called_function(test: str, program: str) -> str | None:
    """The function of `program` that `test` calls: how MBPP, which names no entry point, is read.

    Raises:
      SyntaxError: one of the two is not valid Python.
    """
    defined = {n.name for n in _parse(program).body if isinstance(n, ast.FunctionDef | ast.ClassDef)}
    calls = [
        n.func.id for n in ast.walk(_parse(test)) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)
    ]
    return next((name for name in calls if name in defined), None)


def _parse(source: str) -> ast.Module:
    """The published sources hold odd escapes in strings; Python's warnings about them help nobody here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(source)


class _Rename(ast.NodeTransformer):
    """Replaces one name by another, wherever it is read."""

    def __init__(self, old: str, new: str) -> None:
        self.old, self.new = old, new

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name(self.new, node.ctx) if node.id == self.old else node


def _says_nothing(node: ast.stmt) -> bool:
    """A docstring or a call of `print`: no part of any test."""
    if not isinstance(node, ast.Expr):
        return False
    value = node.value
    called = isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "print"
    return called or isinstance(value, ast.Constant)


def _names(nodes: list[ast.stmt]) -> set[str]:
    return {n.id for node in nodes for n in ast.walk(node) if isinstance(n, ast.Name)}


def _binds(node: ast.stmt) -> set[str]:
    """The names that a top-level statement defines."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {(alias.asname or alias.name).split(".")[0] for alias in node.names}
    targets = node.targets if isinstance(node, ast.Assign) else []
    return {target.id for target in targets if isinstance(target, ast.Name)}


def _needed(part: list[ast.stmt], around: list[ast.stmt], entry_point: str) -> list[ast.stmt]:
    """Those surrounding definitions that a test uses, directly or through one another, in their order."""
    own = {name for node in part for n in ast.walk(node) if isinstance(n, ast.stmt) for name in _binds(n)}
    wanted, found = _names(part) - {entry_point} - own, set()
    while True:
        new = {i for i, node in enumerate(around) if i not in found and _binds(node) & wanted - {entry_point}}
        if not new:
            return [around[i] for i in sorted(found)]
        found |= new
        wanted |= _names([around[i] for i in new])
