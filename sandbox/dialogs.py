"""The tests that need more than the values of calls: run by a judge child, beside the candidate, or as a script.

Each function drives one test to its outcome over the children of a `Run`, under its budgets.
"""

from __future__ import annotations

import contextlib
import marshal
import os
from collections.abc import Callable, Sequence
from typing import Any

from sandbox.plan import Plan
from sandbox.records import TestOutcome
from sandbox.replies import UNSPLIT, Reply, judged, printable
from sandbox.run import Peer, Run


def remote(run: Run, test: Plan) -> TestOutcome:
    """Run a test in a judge child that asks the candidate's child, through us, for every call."""
    if run.exhausted():
        return TestOutcome("timeout", "not run: the program's budget is spent")
    if run.candidate is None:
        failure = run.load()
        if failure is not None:
            return TestOutcome(failure.kind, failure.detail)
    judge = run.judge_child()
    run.begin_test()
    assert run.candidate is not None
    supply = run.supply(test.call_needs)
    if supply:
        run.candidate.channel.send(marshal.dumps(supply))

    def ask(content: Any) -> Reply:
        match content:
            case ["eval", int(number), sync] if 0 <= number < len(test.calls):
                item = ("eval", test.calls[number], sync)
            case [str(), *_]:
                item = tuple(content)
            case _:
                return Reply("crashed", detail="in the test: broke the protocol")
        assert run.candidate is not None
        run.candidate.channel.send(marshal.dumps([item]))
        reply = run.next_reply()
        if reply.kind != "value" and not reply.raised and run.candidate is not None:
            run.end()
        return reply

    judge.channel.send(marshal.dumps((test.code(), test.needs, test.exceptions, test.required)))
    outcome = _decision(run, judge, ask)
    if outcome.outcome == UNSPLIT:
        return in_process(run, ("test", test.whole()), test.needs)
    return outcome


def residual(run: Run, test: Plan, replies: Sequence[Reply]) -> TestOutcome:
    """Decide a split assert in a judge child, because its values are of types the worker does not
    rebuild.
    """
    judge = run.judge_child()
    run.begin_test()
    judge.channel.send(marshal.dumps((test.code(), test.needs, (), ())))

    def answer(content: Any) -> Reply:
        match content:
            case ["eval", int(number), _] if 0 <= number < len(replies):
                reply = replies[number]
            case _:  # of an object, which no value here may be
                return Reply("crashed", detail="broke the protocol")
        return reply._replace(content=[None, reply.content]) if reply.kind == "value" else reply

    return _decision(run, judge, answer)


def _decision(run: Run, judge: Peer, answer: Callable[[Any], Reply]) -> TestOutcome:
    """What the judge's child decides, with `answer` for every call that it asks about."""
    while True:
        tree = run.tree(judge)
        if isinstance(tree, Reply):
            return TestOutcome(tree.kind, f"in the test: {tree.detail}")
        kind, content, _ = tree
        if kind == "o":
            outcome, told = judged(content)
            run.told = run.told or told
            return outcome
        match content:
            case [bool(told), *request]:
                run.told = run.told or told
                reply = answer(request)
            case _:
                return TestOutcome("crashed", "in the test: broke the protocol")
        if reply.kind != "value" and not reply.raised:
            return TestOutcome(reply.kind, reply.detail)
        judge.channel.send(marshal.dumps(("error" if reply.raised else "value", reply.content)))


def in_process(run: Run, item: tuple[Any, ...], needs: Sequence[Any] = ()) -> TestOutcome:
    """Run a test in a throw-away child beside the candidate, which could lie about it.

    The answer must carry a token that the child gets when the program has been loaded, so that a candidate
    cannot forge it blindly: it has to find the token first.
    """
    if run.candidate is not None:
        run.end()
    if run.exhausted():
        return TestOutcome("timeout", "not run: the program's budget is spent", in_process=True)
    failure = run.load()
    if failure is not None:
        return TestOutcome(failure.kind, failure.detail, in_process=True)
    run.begin_test()
    run.told = True
    token = os.urandom(16).hex()
    reply = next(run.answers([(*item, token)], needs))
    if run.candidate is not None:
        run.end()
    if reply.kind != "value":
        outcome = "failed" if reply.detail == "AssertionError" else reply.kind
        return TestOutcome(outcome, reply.detail, in_process=True)
    if item[0] == "test" and reply.content == token:
        return TestOutcome("passed", in_process=True)
    match reply.content:
        case ["passed" | "failed" | "error" as outcome, str(detail), answer] if answer == token:
            return TestOutcome(outcome, printable(detail, 200), in_process=True)
    return TestOutcome("crashed", "broke the protocol", in_process=True)


def script(run: Run, text: str) -> tuple[Reply, str]:
    """Run the program as a script on `text` as its standard input; its reply and its standard output."""
    with contextlib.ExitStack() as stack:
        files = [os.memfd_create(name) for name in ("stdin", "stdout")]
        for fd in files:
            stack.callback(os.close, fd)
        data = text.encode(errors="surrogatepass")
        while data:
            data = data[os.write(files[0], data) :]
        os.lseek(files[0], 0, os.SEEK_SET)
        request = {**run.base, "role": "main", "name": "__main__"}
        run.candidate = run.fork(request, run.limits.value_kb * 1024, *files)
        run.begin_test()
        reply = run.next_reply()
        if run.candidate is not None:
            run.end()
        if reply.kind == "crashed" and reply.detail == "exited with status 0":
            reply = Reply("value")  # os._exit(0) after printing is an ordinary end of a script
        output = os.pread(files[1], run.limits.output_kb * 1024 + 1, 0)
    return reply, output.decode(errors="replace")
