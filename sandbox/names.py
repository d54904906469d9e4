"""What a test's code mentions, binds and calls: the questions that planning asks of a syntax tree."""

from __future__ import annotations

import ast
import builtins
import functools
from collections import Counter

from sandbox.jailed import common

BUILTINS = frozenset(dir(builtins)) | {"__name__"}


def nodes(tree: ast.AST) -> list[ast.AST]:
    """A syntax tree's nodes in the order of `ast.walk`, in a third of its time: reading the tests is most of what a
    new question costs.
    """
    found = [tree]
    for node in found:  # grows meanwhile
        for field in node._fields:
            value = getattr(node, field, None)
            if type(value) is list:
                found.extend([item for item in value if isinstance(item, ast.AST)])
            elif isinstance(value, ast.AST):
                found.append(value)
    return found


def root_name(node: ast.expr) -> ast.Name | None:
    while isinstance(node, ast.Call | ast.Attribute):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node if isinstance(node, ast.Name) else None


def class_like(name: str) -> bool:
    return name[:1].isupper()


def bindings(tree: ast.AST) -> Counter[str]:
    """How often the code binds each name: assignments, loops, arguments, imports, definitions, handlers."""
    names: Counter[str] = Counter()
    for node in nodes(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            names[node.id] += 1
        elif isinstance(node, ast.arg):
            names[node.arg] += 1
        elif isinstance(node, ast.alias):
            names[(node.asname or node.name).split(".")[0]] += 1
        elif (
            isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            or isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar)
            and node.name
        ):
            names[str(node.name)] += 1
        elif isinstance(node, ast.MatchMapping) and node.rest:
            names[node.rest] += 1
    return names


def bound_names(tree: ast.AST) -> frozenset[str]:
    """The names that the code itself binds."""
    return frozenset(bindings(tree))


def plain_imports(tree: ast.AST) -> frozenset[str]:
    """Standard modules that the code imports under their own names: a call may use them in the candidate's
    process.
    """
    names = [alias for node in nodes(tree) if isinstance(node, ast.Import) for alias in node.names]
    return frozenset(alias.name for alias in names if alias.asname is None and alias.name in common.MODULES)


@functools.lru_cache(maxsize=256)
def setup_names(setup: str) -> frozenset[str]:
    """The names that a question's set-up code defines."""
    try:
        return bound_names(ast.parse(setup))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset()


def truth(test: ast.expr) -> ast.expr:
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


def mentions(node: ast.AST, names: frozenset[str]) -> bool:
    return any(isinstance(n, ast.Name) and n.id in names for n in nodes(node))
