"""The evaluate stage: pass@k from hand-made verdicts, sets kept apart, restarts, the sandbox's own failures."""

import dataclasses
import json

import pytest

from acecoder_jax import evaluate
from acecoder_jax.data.folders import read_manifest, read_records
from acecoder_jax.data.records import Completion, Verdict, from_json
from acecoder_jax.evaluate import summarize
from acecoder_jax.sampling.complete import Sampler
from tests.made_records import (
    SAMPLING,
    MadeGrader,
    completion,
    config_of,
    folder_of,
    mtimes,
    question,
    record_bytes,
    verdict,
)
from tests.user_errors import user_error

pytestmark = pytest.mark.usefixtures("compile_cache")
QUESTIONS = [question(f"made/q{i}", "held_out") for i in range(5)] + [question("made/t")]


def is_even(answer):
    """A pass rate that a completion's tokens decide; question 3 is never solved."""
    if answer.question_id == "made/q3":
        return 0.4
    return 1.0 if sum(answer.token_ids) % 2 == 0 else 0.0


@pytest.fixture(scope="module")
def settings(tiny_model, tmp_path_factory):
    return {
        "model": str(tiny_model.folder),
        "questions": folder_of(tmp_path_factory.mktemp("questions") / "made", QUESTIONS),
        "samples": 4,
        "ks": (1, 2, 4, 8),
        "questions_per_shard": 2,
        "sampling": SAMPLING | {"slots": 4, "max_new_tokens": 8},
    }


def run(settings, out, rate=is_even, **changes):
    """The stage with a sandbox that finds `rate` in a completion."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluate, "Grader", MadeGrader(rate))
        counts = evaluate.run(config_of(evaluate, settings | changes), out)
    return counts, json.loads((out / "results.json").read_text())


def verdicts_of(out, name):
    lines = (out / f"verdicts-{name}.jsonl").read_text().splitlines()
    return [from_json(Verdict, line, name) for line in lines]


@pytest.fixture(scope="module")
def whole(settings, tmp_path_factory):
    out = tmp_path_factory.mktemp("evaluate") / "whole"
    run(settings, out)
    return out


# The numbers of one set


def made_verdicts(rates):
    return [
        verdict(completion(name, number), rate)
        for name, group in rates.items()
        for number, rate in group.items()
    ]


def test_numbers_by_hand():
    rates = {
        "a": {"greedy": 1.0, 0: 1.0, 1: 0.0, 2: 1.0, 3: 0.6},
        "b": {"greedy": 0.8, 0: 0.0, 1: 0.0, 2: 1.0, 3: 0.0},
        "c": {"greedy": 0.0, 0: 0.2, 1: 0.0, 2: 0.0, 3: 0.0},
    }
    found = summarize([question(name) for name in rates], made_verdicts(rates), (1, 2, 4, 8))
    assert found["questions"] == 3 and found["infrastructure_failures"] == 0
    assert found["greedy_pass@1"] == pytest.approx(1 / 3), "nearly passing is not passing"
    assert set(found["pass@k"]) == {"1", "2", "4"}, "no question has 8 samples"
    assert found["pass@k"]["1"] == pytest.approx((2 / 4 + 1 / 4 + 0) / 3)
    assert found["pass@k"]["2"] == pytest.approx((5 / 6 + 1 / 2 + 0) / 3)
    assert found["pass@k"]["4"] == pytest.approx(2 / 3)
    assert found["mean_pass_rate"] == pytest.approx((2.6 + 1.0 + 0.2) / 12)


def test_failures_of_the_sandbox_are_counted_and_never_scored():
    rates = {
        "a": {"greedy": None, 0: 1.0, 1: None},
        "b": {"greedy": 1.0, 0: 0.0, 1: 1.0},
        "c": {"greedy": 0.0, 0: None, 1: None},
    }
    found = summarize([question(name) for name in rates], made_verdicts(rates), (1, 2))
    assert found["infrastructure_failures"] == 4
    assert found["greedy_pass@1"] == 1 / 2
    assert found["pass@k"] == {"1": pytest.approx((1 + 1 / 2) / 2), "2": 1.0}
    assert found["mean_pass_rate"] == pytest.approx(2 / 3)


# The stage


def test_every_question_of_the_split_is_answered_greedily_and_sampled(whole):
    completions = {c.id: c for c in read_records(whole, Completion)}
    numbers = ["greedy", 0, 1, 2, 3]
    assert set(completions) == {f"made/q{i}#{n}" for i in range(5) for n in numbers}
    assert {v.completion_id for v in verdicts_of(whole, "held_out")} == set(completions)
    sampled = [c.token_ids for n, c in completions.items() if "greedy" not in n]
    assert len(set(sampled)) > 15
    assert read_manifest(whole)["counts"] == {"sets": {"held_out": 5}}


def test_the_results_are_those_of_the_verdicts(whole, settings, tiny_model):
    results = json.loads((whole / "results.json").read_text())
    questions = [q for q in QUESTIONS if q.split == "held_out"]
    assert results["sets"] == {"held_out": summarize(questions, verdicts_of(whole, "held_out"), (1, 2, 4, 8))}
    assert 0 < results["sets"]["held_out"]["pass@k"]["1"] < results["sets"]["held_out"]["pass@k"]["4"] < 1
    assert (results["model"], results["samples"]) == (tiny_model.loaded.fingerprint, 4)
    assert results["temperature"] == 1.0


def test_a_finished_folder_is_left_alone(whole, settings, monkeypatch):
    before = mtimes(whole)
    monkeypatch.setattr(evaluate, "load_model", None)
    run(settings, whole)
    assert mtimes(whole) == before


def test_a_half_finished_folder_is_continued_and_ends_up_the_same(whole, settings, tmp_path, monkeypatch):
    whole_sample, calls = Sampler.sample, []

    def stopping(self, questions, samples, seed, greedy=False):
        calls.append((len(questions), samples, greedy))
        answers = whole_sample(self, questions, samples, seed, greedy)
        if len(calls) != 2:
            return answers
        next(answers)
        raise KeyboardInterrupt  # the second shard has begun

    monkeypatch.setattr(Sampler, "sample", stopping)
    with pytest.raises(KeyboardInterrupt):
        run(settings, tmp_path / "parts")
    assert len(record_bytes(tmp_path / "parts")) == 1
    counts, results = run(settings, tmp_path / "parts")
    assert calls[2:] == [(2, 4, True), (1, 4, True)]
    assert record_bytes(tmp_path / "parts") == record_bytes(whole)
    assert results == json.loads((whole / "results.json").read_text())
    assert verdicts_of(tmp_path / "parts", "held_out") == verdicts_of(whole, "held_out")


def test_sets_that_share_ids_are_kept_apart(settings, tmp_path, monkeypatch, capsys):
    """HumanEval and HumanEval+ have the same ids and other tests."""
    tasks = [question(f"HumanEval/{i}", "held_out") for i in range(3)]

    def load_benchmark(name, path, isolation):
        assert (path, isolation) == ("file.gz", "full")
        return [
            dataclasses.replace(task, tests=task.tests * (2 if name.endswith("plus") else 1))
            for task in tasks
        ]

    monkeypatch.setattr(evaluate, "load_benchmark", load_benchmark)
    changes = {"benchmarks": {"humaneval": "file.gz", "humanevalplus": "file.gz"}, "questions": None}
    passes = {"humaneval": 1.0, "humanevalplus": 0.0}
    counts, results = run(
        settings,
        tmp_path / "out",
        lambda answer: passes[answer.question_id.split("/")[0]],
        samples=1,
        max_questions=2,
        **changes,
    )
    assert counts == {"sets": {"humaneval": 2, "humanevalplus": 2}}
    for name, value in passes.items():
        assert results["sets"][name]["greedy_pass@1"] == results["sets"][name]["pass@k"]["1"] == value
        assert len(verdicts_of(tmp_path / "out", name)) == 4
    ids = [c.id for c in read_records(tmp_path / "out", Completion)]
    assert len(ids) == len(set(ids)) == 8
    printed = capsys.readouterr().out
    assert "humaneval: canonical solutions of 2 of 2 questions pass here" in printed
    assert "humanevalplus: canonical solutions of 0 of 2 questions pass here; not those of" in printed


def test_greedy_alone(settings, tmp_path):
    _, results = run(settings, tmp_path / "out", samples=0, max_questions=1)
    assert (
        results["sets"]["held_out"]["pass@k"] == {} and results["sets"]["held_out"]["mean_pass_rate"] is None
    )


def test_a_sandbox_that_only_fails_is_told_and_the_programs_are_kept(settings, tmp_path):
    changes = {"samples": 0, "max_questions": 1}
    user_error(
        lambda: run(settings, tmp_path / "out", lambda _: None, **changes), "held_out", "every greedy program"
    )
    assert record_bytes(tmp_path / "out")
    run(settings, tmp_path / "out", **changes)


def test_bad_settings_are_refused(settings, tmp_path):
    def attempt(name, *words, **changes):
        user_error(lambda: run(settings, tmp_path / name, **changes), *words)

    attempt("a", "config.questions", "config.benchmarks", questions=None)
    attempt("b", settings["questions"], "no questions", split="validation")
    missing = tmp_path / "none.gz"
    attempt("c", missing, questions=None, benchmarks={"humaneval": str(missing)})
    bare = folder_of(tmp_path / "bare", [question("bare", "held_out", tests=0)])
    attempt("d", bare, "no tests", questions=bare)
