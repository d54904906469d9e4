"""The stage `ask`: answers of a language model behind an endpoint, and the filter that believes them."""

import pytest

from acecoder_jax import ask, filter_tests
from acecoder_jax.data.folders import read_manifest, read_records
from acecoder_jax.data.records import Completion, Question
from tests.made_endpoint import KEY, MadeEndpoint, completion, failure
from tests.made_records import config_of, folder_of, question, record_bytes
from tests.user_errors import user_error

QUESTIONS = [question(f"q{i}", reference=None) for i in range(5)]
RIGHT = "Here it is:\n```python\ndef f(x):\n    return x + 1\n```\n"


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.setenv("MADE_KEY", KEY)
    endpoint = {"key_variable": "MADE_KEY", "requests_per_minute": 60_000, "max_retries": 0, "concurrency": 2}
    folder = folder_of(tmp_path / "questions", QUESTIONS)
    return lambda url, **changes: (
        {"questions": folder, "completions_per_shard": 2, "endpoint": endpoint | {"base_url": url}} | changes
    )


def run(settings, out):
    return ask.run(config_of(ask, settings), out)


def mixed(number, body):
    """q1 gets no reply, q2 no program, q3 a program that fails two tests, the others a right one."""
    name = body["messages"][0]["content"].split()[-1].removesuffix(".")
    wrong = RIGHT.replace("x + 1", "min(x + 1, 3)")
    return {"q1": failure(500), "q2": completion("No."), "q3": completion(wrong)}.get(name, completion(RIGHT))


def test_answers_become_completions_and_failures_are_counted(settings, tmp_path, capsys):
    with MadeEndpoint(mixed) as server:
        counts = run(settings(server.url), tmp_path / "out")
        assert sorted(server.prompts) == [q.prompt for q in QUESTIONS], "the question, as the policy sees it"
        assert {
            (body["temperature"], body.get("seed"), "response_format" in body) for body in server.bodies
        } == {(0.0, None, False)}
    assert counts == {
        "questions": 5,
        "completions": 4,
        "truncated": 0,
        "without_program": 1,
        "rejected": {"endpoint: status 500": 1},
    }
    answers = {answer.id: answer for answer in read_records(tmp_path / "out", Completion)}
    assert list(answers) == ["q0#0", "q2#0", "q3#0", "q4#0"]
    assert answers["q0#0"].program == "def f(x):\n    return x + 1\n" and answers["q0#0"].text == RIGHT
    assert answers["q2#0"].program is None and answers["q0#0"].model == "gpt-4o-mini"
    said = capsys.readouterr()
    assert "400+40 tokens, $0.000" in said.err
    assert "4 answers to 5 questions; 0 cut at the limit, 1 without a program" in said.out
    assert "answers dropped: 1 x endpoint: status 500" in said.out


def test_filter_believes_them(settings, tmp_path):
    with MadeEndpoint(mixed) as server:
        run(settings(server.url), tmp_path / "out")
    changes = {"questions": str(tmp_path / "questions"), "oracle": str(tmp_path / "out"), "fewest_tests": 3}
    filter_tests.run(config_of(filter_tests, changes), tmp_path / "filtered")
    kept = {q.id: len(q.tests) for q in read_records(tmp_path / "filtered", Question)}
    assert kept == {"q0": 5, "q3": 3, "q4": 5}


def test_several_answers_are_several_requests_and_a_rerun_is_none(settings, tmp_path):
    with MadeEndpoint(lambda number, body: completion(RIGHT + f"{body.get('seed', 0)}")) as server:
        counts = run(settings(server.url, samples=3), tmp_path / "one")
        assert counts["completions"] == 15 and len(server.bodies) == 15
        assert run(settings(server.url, samples=3), tmp_path / "two") == counts
        assert len(server.bodies) == 15 and record_bytes(tmp_path / "one") == record_bytes(tmp_path / "two")
    texts = [answer.text.removeprefix(RIGHT) for answer in read_records(tmp_path / "one", Completion)]
    assert texts == ["0", "1", "2"] * 5


def test_stopped_by_an_outage_it_continues(settings, tmp_path):
    up = False

    def answer(number, body):
        return (
            completion(RIGHT)
            if up or "q4" not in body["messages"][0]["content"]
            else failure(401, "no money")
        )

    with MadeEndpoint(answer) as server:
        user_error(lambda: run(settings(server.url), tmp_path / "out"), "no money", "MADE_KEY")
        assert len(record_bytes(tmp_path / "out")) == 2 and not (tmp_path / "out" / "manifest.json").exists()
        up, before = True, len(server.bodies)
        assert run(settings(server.url), tmp_path / "out")["completions"] == 5
        assert len(server.bodies) == before + 1
    assert read_manifest(tmp_path / "out")["counts"]["rejected"] == {}


def test_bad_settings_are_refused(settings, tmp_path, monkeypatch):
    url = "http://127.0.0.1:9/v1"
    user_error(lambda: run(settings(url, samples=0), tmp_path / "a"), "config.samples")
    user_error(lambda: run(settings(url, questions=str(tmp_path / "none")), tmp_path / "b"), "no such folder")
    monkeypatch.delenv("MADE_KEY")
    user_error(lambda: run(settings(url), tmp_path / "c"), "MADE_KEY")
