"""Tests that have to share the candidate's process, seen from their text: shapes that cannot be taken apart.

The candidate's code is there for the test to subclass, decorate, await or look at, or the two are meant to notice each
other through the interpreter's own state.
"""

from __future__ import annotations

import ast

from sandbox.jailed import common
from sandbox.names import mentions, nodes, root_name

# Names, also as the root of an import: what patches the interpreter or holds its state, runs text or bytes as code, or
# runs code at the same time.
_PATCHING = (
    "redirect_stdout redirect_stderr patch mock monkeypatch capsys globals catch_warnings logging getcontext"
)
_RUNNING = """
eval exec compile __import__ ctypes get_type_hints cloudpickle dill joblib marshal pickle runpy shelve timeit inspect
asyncio concurrent gc multiprocessing threading weakref
"""
_WORDS = frozenset(f"{_PATCHING} {_RUNNING}".split())
# Attributes of whatever object.
_SHARED = """
redirect_stdout redirect_stderr get_type_hints import_module setrecursionlimit set_int_max_str_digits getstate
setstate is_ is_not assertIs assertIsNot assertLogs assertNoLogs assertWarns
"""
_ATTRIBUTES = frozenset(_SHARED.split())
_PATCHED = {"contextlib", "unittest", "warnings"}  # modules of which an attribute may be one of `_WORDS`
_INSPECTORS = frozenset(
    {"callable", "dir", "getattr", "hasattr", "hash", "isinstance", "issubclass", "type", "vars"}
)
_OF_EVERY_OBJECT = ("__class__", "__dict__", "__doc__", "__module__")
_GENERATORS = frozenset({"Random", "SystemRandom", "seed"})  # of `random`, but the one that all share


def expected_errors(tree: ast.Module, candidate: frozenset[str]) -> list[ast.expr]:
    """The expressions of the exception classes of the candidate's that the test catches."""
    caught: list[ast.expr] = []
    for node in nodes(tree):
        if isinstance(node, ast.ExceptHandler) and node.type is not None:
            caught.append(node.type)
        elif isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in ("raises", "assertRaises", "assertRaisesRegex"):
                caught.extend(node.args[:1])
            elif name == "suppress":
                caught.extend(node.args)
    parts = [part for e in caught for part in (e.elts if isinstance(e, ast.Tuple) else [e])]
    return [part for part in parts if mentions(part, candidate)]


def shares_process(tree: ast.Module, candidate: frozenset[str]) -> bool:
    """Whether test and candidate have to be in one process."""
    if any(not isinstance(kind, ast.Name) for kind in expected_errors(tree, candidate)):
        return True
    return any(
        _speaks(node, candidate) or _takes(node, candidate) or _inspects(node, candidate)
        for node in nodes(tree)
    ) or (_draws(tree))


def _speaks(node: ast.AST, candidate: frozenset[str]) -> bool:
    """Whether a word alone says so."""
    if isinstance(node, ast.Name):
        return node.id in _WORDS and node.id not in candidate
    if isinstance(node, ast.Attribute):
        root = root_name(node)
        return node.attr in _ATTRIBUTES or (node.attr in _WORDS and root is not None and root.id in _PATCHED)
    if isinstance(node, ast.Import):
        return any(alias.name.split(".")[0] in _WORDS for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        names = {alias.name for alias in node.names} | {(node.module or "").split(".")[0]}
        # With their own functions dataclasses look into what they are given.
        return bool(names & (_WORDS | _ATTRIBUTES)) or (
            node.module == "dataclasses" and not names <= {"dataclasses", "dataclass", "field"}
        )
    return False


def _takes(node: ast.AST, candidate: frozenset[str]) -> bool:
    """Whether the test makes something of the candidate's code, or sets what is the interpreter's."""
    if isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store):
        root = root_name(node.value)
        return root is not None and root.id in common.MODULES | {"builtins"}
    if isinstance(node, ast.Raise):
        return node.exc is not None and mentions(node.exc, candidate)
    if isinstance(node, ast.MatchClass):
        return mentions(node.cls, candidate)
    if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith):
        return True
    bases = node.bases if isinstance(node, ast.ClassDef) else []
    decorators = node.decorator_list if isinstance(node, ast.FunctionDef | ast.ClassDef) else []
    return any(mentions(part, candidate) for part in (*bases, *decorators))


def _inspects(node: ast.AST, candidate: frozenset[str]) -> bool:
    """Whether the test looks at what a name of the candidate's stands for, or at what every object has, where a judge's
    child has only a stand-in.
    """
    if isinstance(node, ast.Call):
        function = node.func.id if isinstance(node.func, ast.Name) else ""
        root = root_name(node.func)
        if function == "id" or (root is not None and root.id == "dataclasses"):
            return True
        if function == "isinstance":
            kinds = [kind for kind in node.args[1:] if not isinstance(kind, ast.Name | ast.Tuple)]
            if any(mentions(kind, candidate) for kind in kinds):  # a union of classes
                return True
        looked_at = node.args[:1] if function == "isinstance" else node.args
        named = any(isinstance(arg, ast.Name) and arg.id in candidate for arg in looked_at)
        return function in _INSPECTORS and named
    if isinstance(node, ast.Compare):
        identities = sum(isinstance(op, ast.Is | ast.IsNot) for op in node.ops)
        if identities and len(node.ops) > 1:
            return True
        return any(isinstance(n, ast.Name) and n.id in candidate for n in (node.left, *node.comparators))
    if isinstance(node, ast.Attribute) and node.attr in _OF_EVERY_OBJECT:
        root = root_name(node)
        return root is not None and root.id in candidate
    return False


def _draws(tree: ast.Module) -> bool:
    """Whether the test seeds a random generator that it shares with the candidate: by a value that only the test
    knows, or to draw from it as well.
    """
    seeds = drawn = False
    for node in nodes(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "seed":
            root = root_name(node.func)
            module = root.id if root is not None else ""
            if module in ("np", "numpy") or (
                module == "random" and not all(isinstance(arg, ast.Constant) for arg in node.args)
            ):
                return True
            seeds = seeds or module == "random"
        elif (
            isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "random"
        ):
            drawn = drawn or node.attr not in _GENERATORS
        elif isinstance(node, ast.ImportFrom) and node.module == "random":
            names = {alias.name for alias in node.names}
            if "seed" in names:
                return True
            drawn = drawn or not names <= _GENERATORS
    return seeds and drawn
