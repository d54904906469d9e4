"""The sandbox's client: completions in, verdicts out; the pool's own failures are nobody's score."""

from concurrent.futures import Future

import pytest

import sandbox
from acecoder_jax.rewards import verdicts
from acecoder_jax.rewards.verdicts import Grader, sandbox_config
from sandbox.worker import infrastructure
from tests.made_records import completion, question
from tests.user_errors import user_error

ASKED = question("q")
RIGHT = completion("q", 0, "def f(x):\n    return x + 1")
HALF = completion("q", 1, "def f(x):\n    return 1 if x == 0 else x")
BROKEN = completion("q", 2, "def f(x):\n    return undefined")
NONE = completion("q", 3, None)
MIXED = [BROKEN, RIGHT, NONE, HALF]


def settings(**changes):
    config = sandbox_config()
    config.workers = 1
    config.update(changes)
    return config


@pytest.fixture(scope="module")
def grader():
    with Grader(settings()) as running:
        yield running


def test_verdicts_come_in_order_with_their_ids(grader):
    right, half, broken, none = grader.grade({"q": ASKED}, [RIGHT, HALF, BROKEN, NONE])
    assert (right.completion_id, right.question_id, right.outcome, right.pass_rate) == (
        "q#0",
        "q",
        "passed",
        1.0,
    )
    assert [o.outcome for o in half.outcomes] == ["passed"] + ["failed"] * 4
    assert (half.completion_id, half.outcome, half.pass_rate) == ("q#1", "failed", 0.2)
    assert (broken.completion_id, broken.pass_rate) == ("q#2", 0.0)
    assert {o.outcome for o in broken.outcomes} == {"error"} and "NameError" in broken.outcomes[0].detail
    assert right.cpu_s > 0
    assert [v.completion_id for v in grader.grade({"q": ASKED}, MIXED)] == ["q#2", "q#0", "q#3", "q#1"]


def test_no_program_is_an_error_that_costs_nothing(grader, monkeypatch):
    monkeypatch.setattr(grader, "_box", None)
    (none,) = grader.grade({"q": ASKED}, [NONE])
    assert (none.outcome, none.pass_rate, none.cpu_s) == ("error", 0.0, 0.0)
    assert [(o.outcome, o.detail) for o in none.outcomes] == [("error", "no closed code block")] * 5


def test_a_future_is_there_at_once(grader):
    assert grader.submit(ASKED, RIGHT).result(timeout=60).pass_rate == 1.0


class FailingPool:
    """A pool whose every answer is its own failure."""

    def __init__(self, answer):
        self._answer = answer

    def submit(self, program):
        future = Future()
        if isinstance(self._answer, Exception):
            future.set_exception(self._answer)
        else:
            future.set_result(self._answer)
        return future


def test_a_failure_of_the_pool_has_no_pass_rate(grader, monkeypatch):
    program = sandbox.Program("q#0", RIGHT.program, ASKED.tests, ("f",))
    failed = infrastructure(program, "its worker died repeatedly")
    monkeypatch.setattr(grader, "_box", FailingPool(failed))
    (verdict,) = grader.grade({"q": ASKED}, [RIGHT])
    assert verdict.outcome == "infrastructure" and verdict.pass_rate is None
    assert {o.outcome for o in verdict.outcomes} == {"infrastructure"}


def test_an_exception_of_the_pool_reaches_the_caller(grader, monkeypatch):
    monkeypatch.setattr(grader, "_box", FailingPool(RuntimeError("closed")))
    with pytest.raises(RuntimeError, match="closed"):
        list(grader.grade({"q": ASKED}, [RIGHT]))


def test_settings_reach_the_pool(monkeypatch):
    asked = {}

    class Pool:
        def __init__(self, **settings):
            asked.update(settings)

    monkeypatch.setattr(verdicts, "Sandbox", Pool)
    Grader(settings(workers=3, test_cpu_s=1.5, program_cpu_s=4.0, memory_mb=300, isolation="landlock"))
    assert asked["workers"] == 3 and asked["isolation"] == "landlock"
    limits = asked["limits"]
    assert (limits.test_cpu_s, limits.program_cpu_s, limits.memory_mb) == (1.5, 4.0, 300)


def test_an_isolation_that_does_not_exist_is_refused():
    user_error(lambda: Grader(settings(isolation="wishful")), "config.sandbox", "wishful")


def test_a_pool_that_has_died_is_replaced_by_a_new_one():
    with Grader(settings()) as grader:
        first = grader._box
        first.close()
        assert grader.submit(ASKED, RIGHT).result(timeout=60).pass_rate == 1.0
        assert grader._box is not first


def test_a_pool_that_does_not_start_again_is_one_line(monkeypatch):
    with Grader(settings()) as grader:
        grader._box.close()

        def refuse(**_):
            raise sandbox.SandboxError("no processes are left; raise the limit")

        monkeypatch.setattr(verdicts, "Sandbox", refuse)
        user_error(lambda: grader.submit(ASKED, RIGHT), "config.sandbox", "no processes are left")
