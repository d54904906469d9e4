"""Grading one program: asserts, whole unittest modules and stdin/stdout pairs, in the order they were given.

Everything here runs in the worker, which holds the expected values. A test's plan says where each of its
parts runs.
"""

from __future__ import annotations

import ast
import builtins
import dataclasses
import functools
import marshal
from collections.abc import Iterator, Sequence

from sandbox import dialogs, plan
from sandbox.jailed import decoding
from sandbox.jailed.objects import SKIPPED, UNITTEST
from sandbox.records import Program, TestOutcome
from sandbox.replies import Reply
from sandbox.run import Run

PASSED, FAILED = (
    TestOutcome("passed"),
    TestOutcome("failed"),
)  # shared, so that pickling an answer stays short
_KEPT_TEXT = 50_000  # characters of tests whose plans are kept; these take about six bytes for each
NOT_RUN = TestOutcome("failed", "not run: an earlier test did not pass")


def _split(test: plan.Plan, replies: list[Reply]) -> TestOutcome | None:
    """The outcome of a split assert from the replies to its calls; None when a judge child must decide."""
    for reply in replies:
        if reply.kind != "value":
            return None if test.lazy else TestOutcome(reply.kind, reply.detail)
    assert test.decide is not None
    try:
        passed = test.decide([decoding.decode(reply.content, exotic=False) for reply in replies])
    except decoding.Exotic:
        return None
    except decoding.Malformed:
        return TestOutcome("crashed", "broke the protocol")
    except Exception as error:
        return TestOutcome("error", type(error).__name__)
    return PASSED if passed else FAILED


def grade(run: Run, job: Program) -> tuple[TestOutcome, ...]:
    """The outcome of each test of a program, in the order in which the program has them.

    Those that are known to share the program's process run last: what it is told there it could keep for others, such
    as in how many numbers of processes or files it has used up.
    """
    outcomes: dict[int, TestOutcome] = {}
    stopped = told = False
    for position, outcome in _outcomes(run, job):
        if stopped:
            outcome = NOT_RUN
        elif told and not outcome.in_process:
            outcome = dataclasses.replace(outcome, in_process=True)
        told = run.told
        outcomes[position] = outcome
        if run.limits.stop_at_first_failure and outcome.outcome not in ("passed", "vacuous"):
            stopped = True
            run.stop()
    return tuple(outcomes[position] for position in sorted(outcomes))


@functools.lru_cache(maxsize=512)
def _plans(tests: tuple[str, ...], entry_points: tuple[str, ...], setup: str) -> tuple[plan.Plan, ...]:
    names = frozenset(entry_points or plan.infer_entry_points(tests, setup))
    return tuple(plan.plan_test(test, names, setup) for test in tests)


def _planned(job: Program) -> tuple[plan.Plan, ...]:
    """The plans of a program's tests, kept for its question's next program unless they are long."""
    plans = _plans if sum(map(len, job.tests)) <= _KEPT_TEXT else _plans.__wrapped__
    return plans(tuple(job.tests), tuple(job.entry_points), job.setup)


def _outcomes(run: Run, job: Program) -> Iterator[tuple[int, TestOutcome]]:
    plans = _planned(job)
    run.begin()
    apart = [i for i, test in enumerate(plans) if test.kind != plan.IN_PROCESS]
    beside = [i for i, test in enumerate(plans) if test.kind == plan.IN_PROCESS]
    yield from zip(apart, _asserts(run, [plans[i] for i in apart]))
    yield from enumerate((_script(run, *pair) for pair in job.stdin), start=len(plans))
    yield from zip(beside, _asserts(run, [plans[i] for i in beside]))
    if job.unittest:
        yield from enumerate(_unittest(run, job.unittest), start=len(plans) + len(job.stdin))


def _asserts(run: Run, plans: Sequence[plan.Plan]) -> Iterator[TestOutcome]:
    replies: Iterator[Reply] = iter(())
    for position, test in enumerate(plans):
        if test.kind == plan.VACUOUS:
            yield TestOutcome("vacuous", test.detail)
        elif test.kind == plan.SPLIT:
            if position == 0 or plans[position - 1].kind != plan.SPLIT:
                replies = _batch(run, plans, position)
            run.begin_test()
            taken = [next(replies) for _ in test.calls]
            if any(reply.stays for reply in taken):
                # A judge's child can ask about it; from a fresh start, and whoever comes next starts afresh too.
                run.end()
                outcome = dialogs.remote(run, test)
                run.end()
                yield outcome
            else:
                yield _split(test, taken) or dialogs.residual(run, test, taken)
        elif test.kind == plan.REMOTE:
            yield dialogs.remote(run, test)
        else:
            yield dialogs.in_process(run, ("test", test.code()), test.needs)


def _batch(run: Run, plans: Sequence[plan.Plan], start: int) -> Iterator[Reply]:
    """The replies to all calls of the split tests from `start` up to the next test of another kind."""
    calls: list[bytes] = []
    needs: dict[tuple[str, str], None] = {}
    for test in plans[start:]:
        if test.kind != plan.SPLIT:
            break
        calls.extend(test.calls)
        needs.update(dict.fromkeys(test.call_needs))
    return run.answers(calls, list(needs))


def _lines(text: str) -> list[str]:
    """Output as judges of programming contests read it: white space at the end of lines and of the text is
    nothing.
    """
    return [line.rstrip() for line in text.rstrip().split("\n")]


def _script(run: Run, text: str, expected: str) -> TestOutcome:
    if run.exhausted():
        return TestOutcome("timeout", "not run: the program's budget is spent")
    reply, output = dialogs.script(run, text)
    if reply.kind != "value":
        return TestOutcome(reply.kind, reply.detail)
    if len(output) > run.limits.output_kb * 1024:
        return TestOutcome("failed", "output is too large")
    return PASSED if _lines(output) == _lines(expected) else FAILED


def _here(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements, and those in them that define names in the same place."""
    for node in body:
        yield node
        if isinstance(node, ast.If | ast.Try | ast.With):
            for part in ("body", "orelse", "finalbody"):
                yield from _here(getattr(node, part, ()))


@functools.lru_cache(maxsize=256)
def unittest_methods(module: str) -> tuple[tuple[str, str], ...]:
    """The (class, method) pairs of a unittest module, in the order unittest runs them, with the methods that a
    class inherits from others in the module. A class that derives from none but `object` and helpers is a helper.

    Raises:
      SyntaxError: the module is not valid Python.
    """
    body = list(_here(ast.parse(module).body))
    classes = {node.name: node for node in body if isinstance(node, ast.ClassDef)}
    deleted = {ast.unparse(target) for n in body if isinstance(n, ast.Delete) for target in n.targets}

    def methods(case: ast.ClassDef, below: tuple[str, ...] = ()) -> set[str]:
        found: set[str] = set()
        for n in _here(case.body):
            if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef):
                found.add(n.name)
            elif isinstance(n, ast.Assign) and isinstance(n.value, ast.Lambda):
                found |= {target.id for target in n.targets if isinstance(target, ast.Name)}
        for base in case.bases:
            if isinstance(base, ast.Name) and base.id in classes and base.id not in (*below, case.name):
                found |= methods(classes[base.id], (*below, case.name))
        return {name for name in found if name.startswith("test") or name == "runTest"}

    def run(case: ast.ClassDef) -> list[str]:
        named = sorted(methods(case) - {"runTest"})
        return named or sorted(methods(case))  # `runTest` is what a class without others runs

    def tests(case: ast.ClassDef, below: tuple[str, ...] = ()) -> bool:
        names = [base.id if isinstance(base, ast.Name) else "" for base in case.bases]
        known = [classes[name] for name in names if name in classes and name not in (*below, case.name)]
        others = [name for name in names if name not in classes and not hasattr(builtins, name)]
        return bool(others) or any(tests(base, (*below, case.name)) for base in known)

    return tuple(
        (case.name, name)
        for case in classes.values()
        if case.name not in deleted and tests(case)
        for name in run(case)
    )


@functools.lru_cache(maxsize=256)
def _skipping(module: str) -> frozenset[str]:
    """The classes and methods of a unittest module that a decorator of its own may skip, for a reason in which the
    program has no say: only what the module imports and builtins stand in it.
    """
    tree = ast.parse(module)
    given = {
        (alias.asname or alias.name).split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    } | set(dir(builtins))

    def skips(decorator: ast.expr) -> bool:
        names = {node.id for node in ast.walk(decorator) if isinstance(node, ast.Name)}
        return "skip" in ast.unparse(decorator).lower() and names <= given

    named = [
        n for n in ast.walk(tree) if isinstance(n, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    classes = {n.name for n in named if isinstance(n, ast.ClassDef)}
    return frozenset(
        n.name
        for n in named
        if any(map(skips, n.decorator_list))
        or (not isinstance(n, ast.ClassDef) and _skips_itself(n.body, given | classes | {"cls"}))
    )


def _skips_itself(body: Sequence[ast.stmt], given: set[str]) -> bool:
    """Whether a method skips, on conditions that are made of these names alone."""
    for node in body:
        if isinstance(node, ast.If):
            names = {n.id for n in ast.walk(node.test) if isinstance(n, ast.Name)}
            if names <= given and (_skips_itself(node.body, given) or _skips_itself(node.orelse, given)):
                return True
        elif isinstance(node, ast.Raise | ast.Expr):
            text = ast.unparse(node)
            if text.startswith(("self.skipTest(", "raise SkipTest", "raise unittest.SkipTest")):
                return True
    return False


def _unittest(run: Run, module: str) -> Iterator[TestOutcome]:
    """Test methods in a throw-away process beside the candidate, which could forge their results."""
    tree = ast.parse(module)
    tree.body = [
        n for n in tree.body if not ast.unparse(n).startswith("unittest.main(")
    ]  # would run all of them
    code = marshal.dumps(compile(tree, UNITTEST, "exec", dont_inherit=True))
    for case, method in unittest_methods(module):
        outcome = dialogs.in_process(run, ("unittest", code, case, method))
        skipped, _, by = outcome.detail.partition(" by ")
        if skipped == SKIPPED and _skipping(module) & ({by} if by else {case, method}):
            outcome = TestOutcome("vacuous", SKIPPED, in_process=True)
        yield outcome
