"""The pool's interface: order, streaming, futures, evaluation, refusals."""

from __future__ import annotations

import asyncio
import pickle

import pytest

from sandbox import Evaluation, Limits, Program, Sandbox, SandboxError


def add_one(name: str, *tests: str, source: str = "def f(x): return x + 1") -> Program:
    return Program(name, source, tests or ("assert f(1) == 2",), ("f",))


@pytest.fixture(scope="module")
def box():
    with Sandbox(workers=2, limits=Limits(test_cpu_s=0.5)) as sandbox:
        yield sandbox


def test_run_keeps_the_order(box):
    programs = [add_one(str(i), f"assert f({i}) == {i + 1}") for i in range(20)]
    verdicts = box.run(programs)
    assert [v.id for v in verdicts] == [p.id for p in programs]
    assert {v.outcome for v in verdicts} == {"passed"} and {v.pass_rate for v in verdicts} == {1.0}


def test_pass_rate_counts_only_tests_that_check_something(box):
    (verdict,) = box.run([add_one("a", "assert f(1) == 2", "assert f(1) == 3", "assert True", "assert f")])
    assert [t.outcome for t in verdict.outcomes] == ["passed", "failed", "vacuous", "vacuous"]
    assert verdict.pass_rate == 0.5 and verdict.outcome == "failed"


def test_stream_is_lazy_and_complete(box):
    taken = 0

    def programs():
        nonlocal taken
        for i in range(60):
            taken += 1
            yield add_one(str(i))

    stream = box.stream(programs())
    first = next(stream)
    assert taken < 20
    assert sorted([first.id, *(v.id for v in stream)], key=int) == [str(i) for i in range(60)]


def test_a_slow_program_does_not_hold_up_the_others(box):
    slow = add_one("slow", source="def f(x):\n    while True: pass")
    assert [v.id for v in box.stream([slow, *(add_one(str(i)) for i in range(10))])][-1] == "slow"


def test_evaluate_gives_plain_values(box):
    source = "def f(x, y):\n    return {x: (y, {1, 2}, b'z', 2.5)}"
    (result,) = box.evaluate([Evaluation("e", source, ("f(1, None)", "f()", "f(10**30, float('inf'))"))])
    assert [v.outcome for v in result.values] == ["passed", "error", "passed"]
    assert result.values[0].value == {1: (None, {1, 2}, b"z", 2.5)}
    assert result.values[1].detail == "TypeError"
    assert result.values[2].value == {10**30: (float("inf"), {1, 2}, b"z", 2.5)}


def test_evaluate_reports_what_is_no_plain_data(box):
    source = "def f(x):\n    return {0: iter([1]), 1: object(), 2: {}.keys(), 3: 7}[x]"
    (result,) = box.evaluate([Evaluation("e", source, tuple(f"f({i})" for i in range(4)))])
    assert [v.outcome for v in result.values] == ["error", "error", "error", "passed"]
    assert box.run([add_one("a")])[0].outcome == "passed"


def test_evaluate_survives_dead_and_endless_calls(box):
    source = "import os\ndef f(x):\n    if x == 1: os._exit(0)\n    while x == 2: pass\n    return x"
    (result,) = box.evaluate([Evaluation("e", source, tuple(f"f({i})" for i in range(4)))])
    assert [v.outcome for v in result.values] == ["passed", "crashed", "timeout", "passed"]
    (result,) = box.evaluate([Evaluation("e", "while True: pass", ("f(1)", "f(2)"))])
    assert [v.outcome for v in result.values] == ["timeout", "timeout"]
    (result,) = box.evaluate([Evaluation("e", source, ("f(",))])
    assert [v.outcome for v in result.values] == ["infrastructure"]


def test_results_are_picklable(box):
    verdict = box.submit(add_one("a")).result()
    assert pickle.loads(pickle.dumps(verdict)) == verdict


def test_cancelled_programs_do_not_stop_the_pool():
    slow = add_one("slow", source="def f(x):\n    while True: pass")
    with Sandbox(workers=1, limits=Limits(test_cpu_s=0.5)) as sandbox:
        running, waiting = sandbox.submit(slow), sandbox.submit(add_one("waiting"))
        last = sandbox.submit(add_one("last"))
        assert running.cancel() and waiting.cancel()
        assert last.result(timeout=30).outcome == "passed"

        async def give_up() -> None:
            await asyncio.wait_for(sandbox.run_async([slow, slow]), timeout=0.1)

        with pytest.raises(TimeoutError):
            asyncio.run(give_up())
        assert sandbox.run([add_one("after")])[0].outcome == "passed"


def test_a_pool_that_cannot_start_workers_any_more_answers_and_refuses(monkeypatch):
    def refuse(*_: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    with Sandbox(workers=1) as sandbox:
        monkeypatch.setattr("sandbox.pool.WorkerProcess", refuse)
        sandbox._pool[0].process.kill()
        verdict = sandbox.submit(add_one("a")).result(timeout=30)
        assert verdict.outcome == "infrastructure" and verdict.pass_rate is None
        assert "unavailable" in verdict.outcomes[0].detail
        with pytest.raises(SandboxError, match="open a new one"):
            sandbox.submit(add_one("b"))


def test_closed_pool_refuses():
    with Sandbox(workers=1) as sandbox:
        pass
    with pytest.raises(SandboxError, match="closed"):
        sandbox.submit(add_one("a"))


def test_unknown_isolation_and_bad_limits_are_refused():
    with pytest.raises(SandboxError, match="choose one of"):
        Sandbox(isolation="some")
    with pytest.raises(SandboxError, match="workers is -1"):
        Sandbox(workers=-1)
    with pytest.raises(SandboxError, match="test_cpu_s"):
        Limits(test_cpu_s=0)
