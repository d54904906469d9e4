"""Tests that check nothing: found from their text, reported by kind, and left out of the pass rate."""

from __future__ import annotations

import ast
import builtins

from sandbox.checks import Checks, always_true
from sandbox.names import mentions, nodes, root_name, truth


def why_vacuous(tree: ast.Module, candidate: frozenset[str], undefined: list[str], judge: str = "") -> str:
    """Why a test checks nothing, or the empty string; `judge` is what `sandbox.handed` has found."""
    if not tree.body:
        return "is empty"
    if undefined:
        return f"uses an undefined name: {undefined[0]}"
    if not mentions(tree, candidate):
        return "does not call the candidate"
    never = _never_called(tree, candidate)
    if never:
        return f"defines {never} and never calls it"
    asserts = [node for node in nodes(tree) if isinstance(node, ast.Assert)]
    if judge:
        return f"hands the expected value to the candidate's own {judge}"
    if len(tree.body) == 1 and asserts and tree.body[0] is asserts[0]:
        return _constant(asserts[0].test, candidate)
    if not asserts and not any(isinstance(node, ast.Raise | ast.With | ast.Call) for node in nodes(tree)):
        return "asserts nothing"
    nothing = "" if asserts else _nothing_asserted(tree, candidate)
    return nothing or _nothing_checked(tree, candidate)


def _nothing_checked(tree: ast.Module, candidate: frozenset[str]) -> str:
    """Why nothing that the test runs can make it fail; else the empty string."""
    checks = Checks(tree, candidate)
    if checks.found:
        return ""
    return (
        checks.reason or (checks.never and f"defines {checks.never} and never calls it") or "asserts nothing"
    )


def _never_called(tree: ast.Module, candidate: frozenset[str]) -> str:
    """The first function or class that the test defines and never mentions, where only such ones mention the
    candidate; else the empty string.
    """
    used = {node.id for node in nodes(tree) if isinstance(node, ast.Name)}
    unused = [
        node
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and node.name not in used
        and not node.decorator_list
    ]
    others = [node for node in tree.body if node not in unused]
    return unused[0].name if unused and not any(mentions(node, candidate) for node in others) else ""


def _nothing_asserted(tree: ast.Module, candidate: frozenset[str]) -> str:
    """A test without asserts may still raise, or hand the candidate to a checking function; a bare call does
    not.
    """
    if any(isinstance(node, ast.Raise | ast.With) for node in nodes(tree)):
        return ""
    for node in nodes(tree):
        if isinstance(node, ast.Call):
            root = root_name(node)
            if root is None or (root.id not in candidate and not hasattr(builtins, root.id)):
                return ""
    return "asserts nothing"


def _constant(test: ast.expr, candidate: frozenset[str]) -> str:
    return always_true(test, candidate) or (
        "asserts a bare name" if isinstance(truth(test), ast.Name) else ""
    )
