"""Wrong programs made from a right one: one small change each, such as `<` for `<=`.

Part of curation (the optional mutation score); pure. A test that fails for no wrong program tells nothing. Most
mutants are wrong and some are not: which is which, only the tests say, so mutants count by what they fail.
(Mutation-testing tools such as mutmut work on projects with test suites on disk, and run both themselves.)
"""

from __future__ import annotations

import ast
import copy
import random
from collections.abc import Iterator
from typing import Any

from acecoder_jax.data.code import LONGEST_PARSED

_OPERATORS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Div,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.And: ast.Or,
    ast.Or: ast.And,
}


def mutants(program: str, count: int, rng: random.Random) -> list[str]:
    """Up to `count` distinct programs, each with one change; none for a program that is too long or does not parse.

    Args:
      program: Python source.
      count: how many to make at most; chosen at random among all single changes.
      rng: the only source of chance.
    """
    if len(program) > LONGEST_PARSED:
        return []
    try:
        tree = ast.parse(program)
        original = ast.unparse(tree)
    except (SyntaxError, ValueError, RecursionError):
        return []
    places = [(node, change) for node in _code(tree) for change in _changes(node)]
    rng.shuffle(places)
    found: dict[str, None] = {}
    for node, (name, value) in places:
        if len(found) >= count:
            break
        before = getattr(node, name)
        setattr(node, name, value)
        found.setdefault(ast.unparse(ast.fix_missing_locations(copy.deepcopy(tree))))
        setattr(node, name, before)
    found.pop(original, None)
    return list(found)


def _code(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node inside functions, docstrings, annotations and messages left out."""
    open_nodes: list[ast.AST] = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    open_nodes = [
        statement for node in open_nodes if isinstance(node, ast.FunctionDef) for statement in node.body
    ]
    seen: set[int] = set()
    while open_nodes:
        node = open_nodes.pop(0)
        text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if id(node) in seen or text or isinstance(node, ast.Raise | ast.FunctionDef | ast.Assert):
            continue
        seen.add(id(node))
        yield node
        open_nodes.extend(child for name, child in _children(node) if name not in ("annotation", "returns"))


def _children(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    for name, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield name, child


def _changes(node: ast.AST) -> list[tuple[str, Any]]:
    """(field, new value) for every small change of this node itself."""
    if isinstance(node, ast.Compare):
        other = _OPERATORS.get(type(node.ops[0]))
        return [("ops", [other(), *node.ops[1:]])] if other else []
    if isinstance(node, ast.BinOp | ast.BoolOp | ast.AugAssign):
        other = _OPERATORS.get(type(node.op))
        return [("op", other())] if other else []
    if isinstance(node, ast.If | ast.IfExp | ast.While):
        return [("test", ast.UnaryOp(ast.Not(), node.test))]
    if isinstance(node, ast.Return) and node.value is not None:
        return [("value", ast.Constant(None))]
    if isinstance(node, ast.Constant):
        if isinstance(node.value, bool):
            return [("value", not node.value)]
        if isinstance(node.value, int | float):
            return [("value", node.value + 1), ("value", node.value - 1)]
        if isinstance(node.value, str):
            return [("value", node.value[:-1] if node.value else "x")]
    return []
