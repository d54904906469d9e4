"""Reading a test: which calls go to the candidate's process, and how the rest of the assert is decided.

A test is split from its text and the question's entry points alone, never from anything the candidate does.
Calls into the candidate are hoisted out; what stays behind holds the expected values and never leaves the
judge.
"""

from __future__ import annotations

import ast
import functools
import marshal
import textwrap
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.handed import handed_over
from sandbox.hoist import Folder, Hoister, decider, expression_code, is_safe
from sandbox.jailed import common
from sandbox.names import (
    BUILTINS,
    bindings,
    bound_names,
    nodes,
    plain_imports,
    root_name,
    setup_names,
    truth,
)
from sandbox.sharing import expected_errors, shares_process
from sandbox.vacuous import why_vacuous

SPLIT, REMOTE, IN_PROCESS, VACUOUS = "split", "remote", "in_process", "vacuous"
_KEPT_TEXT = 2_000  # characters of a test whose plan is kept; it takes about six bytes for each


@dataclass(frozen=True)
class Plan:
    """How one test is graded.

    Attributes:
      kind: `split` (values come back, the worker decides), `remote` (a judge child runs the test and asks for
        values), `in_process` (test and candidate share a process) or `vacuous` (the test checks nothing).
      calls: marshalled code of the hoisted calls, in order of evaluation.
      decide: for `split`, whether the values of the calls satisfy the assert.
      detail: for `vacuous`, why.
      lazy: for `split`, whether a call that gave no value may be one that Python would not have made.
      code: gives the marshalled code of the rest, for a child that runs it; of a split test that is seldom wanted.
      needs: common names that nobody defines, with what they stand for (`sandbox.jailed.common`).
      call_needs: those of them that stand in the calls; the others may be expected values.
      exceptions: names of the candidate's that the test catches.
      whole: for `remote`, gives the marshalled code of the test as it is, should it turn out that it cannot be run away
        from the candidate.
      required: for `remote`, names that the candidate must define: the rest would take its own stand-ins for them.
    """

    kind: str
    calls: tuple[bytes, ...] = ()
    decide: Callable[[list[Any]], bool] | None = None
    detail: str = ""
    lazy: bool = False
    code: Callable[[], bytes] = bytes
    needs: tuple[tuple[str, str], ...] = ()
    call_needs: tuple[tuple[str, str], ...] = ()
    exceptions: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    whole: Callable[[], bytes] = bytes


def _common(tree: ast.Module, names: set[str]) -> tuple[tuple[str, str], ...]:
    """The common names among `names`; `datetime` is the module only where the test reaches into it."""
    reaches = any(
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "datetime"
        and node.attr in ("datetime", "date", "timedelta", "time", "timezone")
        for node in nodes(tree)
    )
    return tuple(
        (name, "class" if name == "datetime" and not reaches else "module")
        for name in sorted(names & common.NAMES)
    )


def _text(source: str) -> str:
    return (textwrap.dedent(source) if source[:1].isspace() else source).strip()


def _parse(source: str) -> ast.Module:
    """A test's statements; those below `if __name__ == "__main__":` run as well.

    All stand at one place: the code of a call that is sent to the candidate would say how much text is around it.
    """
    tree = ast.parse(source)
    tree.body = [part for node in tree.body for part in _below_main(node)]
    for node in nodes(tree):
        if "lineno" in node._attributes:
            node.lineno = node.end_lineno = 1  # type: ignore[attr-defined]
            node.col_offset = node.end_col_offset = 0  # type: ignore[attr-defined]
    return tree


def _below_main(node: ast.stmt) -> list[ast.stmt]:
    return node.body if isinstance(node, ast.If) and _asks_for_main(node.test) else [node]


def _asks_for_main(test: ast.expr) -> bool:
    """Whether a condition is that the code runs as a script."""
    if not isinstance(test, ast.Compare) or len(test.ops) != 1:
        return False
    left, right = ast.unparse(test.left), test.comparators[0]
    if isinstance(test.ops[0], ast.Eq):
        return {left, ast.unparse(right)} == {"__name__", "'__main__'"}
    names = right.elts if isinstance(right, ast.Tuple | ast.List | ast.Set) else []
    among = any(isinstance(name, ast.Constant) and name.value == "__main__" for name in names)
    return isinstance(test.ops[0], ast.In) and left == "__name__" and among


def plan_test(source: str, candidate: frozenset[str], setup: str = "") -> Plan:
    """Decide how a test is graded, from its own text alone.

    Args:
      source: the test's statements.
      candidate: the names that count as the candidate's.
      setup: the question's set-up code, for the names that it defines.
    """
    return (_kept if len(source) <= _KEPT_TEXT else _kept.__wrapped__)(source, candidate, setup)


@functools.lru_cache(maxsize=4096)
def _kept(source: str, candidate: frozenset[str], setup: str) -> Plan:
    try:
        return _plan(_text(source), candidate, setup)
    except (SyntaxError, ValueError) as error:
        return Plan(VACUOUS, detail=f"is not valid Python: {type(error).__name__}")
    except (RecursionError, MemoryError) as error:
        return Plan(VACUOUS, detail=f"is too large: {type(error).__name__}")


def _plan(source: str, candidate: frozenset[str], setup: str) -> Plan:
    tree = _parse(source)
    whole = compile(tree, "<test>", "exec", dont_inherit=True)
    imports = plain_imports(tree)
    bound = bindings(tree)
    for name in imports:
        del bound[name]
    used = {node.id for node in nodes(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    free = used - bound.keys() - candidate - setup_names(setup) - BUILTINS
    needs = _common(tree, free | imports)
    unknown = free - common.NAMES
    if "*" in bound:  # `from heapq import *` may define all of them
        bound.update(unknown)
        unknown = set()
    judge, asks = handed_over(tree, candidate)
    reason = why_vacuous(tree, candidate, sorted(unknown), judge)
    if reason:
        return Plan(VACUOUS, detail=reason)
    if asks or shares_process(tree, candidate):
        return Plan(IN_PROCESS, code=lambda: marshal.dumps(whole), needs=needs)
    if len(tree.body) == 1 and isinstance(tree.body[0], ast.Assert):
        hoister = Hoister(candidate, bound, request=False)
        rest = ast.Expression(Folder().visit(hoister.visit(tree.body[0].test)))  # the tree is not used again
        calls = len(hoister.calls)
        splits = calls and not hoister.left_over and not (hoister.objects and _uses_object(rest.body))
        if splits and is_safe(rest, calls) and not _shadowed(rest, setup):
            call_needs = _within(needs, hoister.calls)
            codes = tuple(expression_code(call) for call in hoister.calls)
            lazy = any(isinstance(node, ast.BoolOp) for node in nodes(rest)) or _chained(rest.body)
            return Plan(
                SPLIT,
                codes,
                decider(rest, calls),
                lazy=lazy,
                code=lambda: _asking(source, candidate, bound)[0],
                needs=needs,
                call_needs=call_needs,
                whole=lambda: marshal.dumps(whole),
            )
    code, asked, left, caught = _asking(source, candidate, bound)
    return Plan(
        REMOTE,
        tuple(map(expression_code, asked)),
        code=lambda: code,
        needs=needs,
        call_needs=_within(needs, asked),
        exceptions=tuple(sorted(caught)),
        required=tuple(sorted(left)),
        whole=lambda: marshal.dumps(whole),
    )


def _asking(
    source: str, candidate: frozenset[str], bound: Counter[str]
) -> tuple[bytes, list[ast.expr], set[str], set[str]]:
    """The test for a judge child, where a closed call has become a request, those calls, the names of the candidate's
    that are left, and those of exceptions that the test catches, for which others stand there.
    """
    hoister = Hoister(candidate, bound, request=True)
    tree = _parse(source)
    caught = set()
    for kind in expected_errors(tree, candidate):
        assert isinstance(kind, ast.Name)  # a test with others shares the process
        caught.add(kind.id)
        kind.id = common.STAND_IN.format(kind.id)
    rest = ast.fix_missing_locations(hoister.visit(tree))
    left = {node.id for node in nodes(rest) if isinstance(node, ast.Name)} & candidate
    return marshal.dumps(compile(rest, "<test>", "exec", dont_inherit=True)), hoister.calls, left, caught


def _within(needs: tuple[tuple[str, str], ...], calls: Sequence[ast.expr]) -> tuple[tuple[str, str], ...]:
    """Those common names that stand in the calls."""
    if not needs:
        return ()
    used = {node.id for call in calls for node in nodes(call) if isinstance(node, ast.Name)}
    return tuple(need for need in needs if need[0] in used)


def _chained(rest: ast.expr) -> bool:
    return isinstance(rest, ast.Compare) and len(rest.ops) > 1


def _uses_object(rest: ast.expr) -> bool:
    """Whether more is done with a constructed object than comparing it with plain data, which only fails."""
    if isinstance(rest, ast.Compare):
        sides = [rest.left, *rest.comparators]
        values = [side for side in sides if isinstance(side, ast.Name) and side.id.startswith("__v")]
        others = [side for side in sides if side not in values]
        return len(values) != 1 or any(_names_value(side) for side in others)
    return not isinstance(truth(rest), ast.Name)


def _names_value(node: ast.AST) -> bool:
    return any(isinstance(n, ast.Name) and n.id.startswith("__v") for n in nodes(node))


def _shadowed(rest: ast.Expression, setup: str) -> bool:
    """Whether the set-up redefines a name that the worker would take for a builtin."""
    return any(isinstance(n, ast.Name) and n.id in setup_names(setup) and n.id != "math" for n in nodes(rest))


def infer_entry_points(tests: Sequence[str], setup: str = "") -> tuple[str, ...]:
    """The names that tests use and nobody else defines: what they expect of the candidate, where no metadata
    says it. Where there are none, those that tests call and the standard library has too, such as `gcd`.
    """
    names: set[str] = set()
    for test in tests:
        try:
            tree = ast.parse(_text(test))
        except (SyntaxError, ValueError, RecursionError):
            continue
        called = {
            root.id
            for node in nodes(tree)
            if isinstance(node, ast.Call | ast.Attribute) and (root := root_name(node)) is not None
        }
        names |= called - bound_names(tree)
    names -= setup_names(setup) | BUILTINS
    return tuple(sorted(names - common.NAMES or names & common.MEMBERS.keys()))


def split_tests(source: str) -> tuple[str, ...]:
    """Take a benchmark's whole test apart into independent ones, where that changes nothing.

    `def check(candidate): assert candidate(1) == 2; ...` followed by `check(f)` becomes one assert for each
    of the function's, with `f` for `candidate`; the metadata beside it is dropped. Any other text is
    returned whole.
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
