"""The filter stage: which tests and questions stay, the paper's table, restarts."""

import dataclasses
import json

import pytest

from acecoder_jax import filter_tests
from acecoder_jax.data.folders import read_manifest, read_records
from acecoder_jax.data.records import Question, Verdict
from tests.made_records import (
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

WRONG = ("assert f(1) == 3", "assert f(2) == 'three'")
RIGHT = tuple(f"assert f({x}) == {x + 1}" for x in range(5))
QUESTIONS = [
    question("sound"),
    dataclasses.replace(
        question("two wrong", "held_out", source="other"), tests=(WRONG[0], *RIGHT, WRONG[1])
    ),
    question("too few", tests=4),
    question("left too few", "validation", source="other", reference="def f(x): return max(x + 1, 2)"),
    question("unsolved", reference=None),
    question("broken", reference="def f(:"),
]


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    return {
        "questions": folder_of(tmp_path_factory.mktemp("questions") / "made", QUESTIONS),
        "sandbox": {"workers": 2},
    }


@pytest.fixture(scope="module")
def whole(settings, tmp_path_factory):
    out = tmp_path_factory.mktemp("filter") / "whole"
    filter_tests.run(config_of(filter_tests, settings), out)
    return out


def results(folder):
    return json.loads((folder / "results.json").read_text())


def test_tests_that_the_reference_fails_are_dropped_then_questions_with_too_few(whole):
    kept = read_records(whole, Question)
    assert [q.id for q in kept] == ["sound", "two wrong"]
    assert kept[0] == QUESTIONS[0]
    assert kept[1] == dataclasses.replace(QUESTIONS[1], tests=RIGHT)


def test_what_was_dropped_is_counted(whole):
    assert read_manifest(whole)["counts"] == {
        "questions_before": 6,
        "questions": 2,
        "splits": {"train": 1, "held_out": 1},
    }
    found = results(whole)
    assert found["splits"] == {"train": 1, "held_out": 1}
    assert found["dropped_questions"] == {"no solution": 1, "fewer than 5 tests": 3}
    assert found["dropped_tests"] == {"failed": 2 + 1, "error": 5}


def test_the_table_and_every_reason_are_printed(settings, tmp_path, capsys):
    filter_tests.run(config_of(filter_tests, settings), tmp_path / "out")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == [
        "subset",
        "questions",
        "before",
        "tests/question",
        "questions",
        "after",
        "tests/question",
    ]
    assert [line.split() for line in lines[1:4]] == [
        ["made", "4", "4.75", "1", "5.00"],
        ["other", "2", "6.00", "1", "5.00"],
        ["all", "6", "5.17", "2", "5.00"],
    ]
    assert lines[4:] == [
        "questions dropped: 3 x fewer than 5 tests",
        "questions dropped: 1 x no solution",
        "tests dropped: 5 x error",
        "tests dropped: 3 x failed",
    ]


def test_the_papers_table_by_source(whole):
    columns = (
        "subset",
        "questions_before",
        "tests_per_question_before",
        "questions_after",
        "tests_per_question_after",
    )
    assert [tuple(row[column] for column in columns) for row in results(whole)["table"]] == [
        ("made", 4, (5 + 4 + 5 + 5) / 4, 1, 5.0),
        ("other", 2, 6.0, 1, 5.0),
        ("all", 6, 31 / 6, 2, 5.0),
    ]


def test_the_best_of_given_completions_is_the_oracle(settings, tmp_path):
    answers = [
        completion("sound", 0, "def f(x): return 1"),
        completion("sound", 1, "def f(x): return x + 1"),
        completion("sound", 2, None),
        completion("unsolved", 0, "def f(x): return x + 1"),
        completion("foreign", 0, "def f(x): return x + 1"),
    ]
    changes = settings | {"oracle": folder_of(tmp_path / "answers", answers)}
    counts = filter_tests.run(config_of(filter_tests, changes), tmp_path / "out")
    assert counts["questions"] == 2
    assert [q.id for q in read_records(tmp_path / "out", Question)] == ["sound", "unsolved"]
    assert results(tmp_path / "out")["dropped_questions"] == {"no solution": 4}


def test_a_failure_of_the_sandbox_is_no_solution(settings, tmp_path, monkeypatch):
    rates = {"sound#reference": None}
    monkeypatch.setattr(filter_tests, "Grader", MadeGrader(lambda c: rates.get(c.id, 1.0)))
    filter_tests.run(config_of(filter_tests, settings), tmp_path / "out")
    assert "sound" not in [q.id for q in read_records(tmp_path / "out", Question)]
    assert results(tmp_path / "out")["dropped_questions"] == {"no solution": 2, "fewer than 5 tests": 1}
    assert results(tmp_path / "out")["dropped_tests"] == {}


def test_a_finished_folder_is_left_alone(whole, settings, monkeypatch):
    before = mtimes(whole)
    monkeypatch.setattr(filter_tests, "Grader", None)
    assert filter_tests.run(config_of(filter_tests, settings), whole)["questions"] == 2
    assert mtimes(whole) == before


def test_killed_after_the_shard_it_ends_up_the_same(whole, settings, tmp_path, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(filter_tests, "table", killed)
        with pytest.raises(KeyboardInterrupt):
            filter_tests.run(config_of(filter_tests, settings), tmp_path / "parts")
    assert record_bytes(tmp_path / "parts") and not (tmp_path / "parts" / "manifest.json").exists()
    filter_tests.run(config_of(filter_tests, settings), tmp_path / "parts")
    assert record_bytes(tmp_path / "parts") == record_bytes(whole)
    assert results(tmp_path / "parts") == results(whole)


def test_nothing_left_is_refused(settings, tmp_path):
    changes = settings | {"fewest_tests": 50}
    user_error(lambda: filter_tests.run(config_of(filter_tests, changes), tmp_path / "out"), tmp_path / "out")


def test_what_every_program_said_about_every_test_is_kept(whole):
    found = {
        v.question_id: [o.outcome for o in v.outcomes] for v in read_records(whole / "verdicts", Verdict)
    }
    assert found["two wrong"] == ["failed", *["passed"] * 5, "failed"]
    assert set(found) == {"sound", "two wrong", "too few", "left too few", "broken"}


def test_other_rules_need_no_second_run(whole, settings, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(filter_tests, "Grader", MadeGrader(lambda c: asked.append(c.id)))
    changes = settings | {"verdicts": str(whole / "verdicts"), "fewest_tests": 4}
    counts = filter_tests.run(config_of(filter_tests, changes), tmp_path / "out")
    assert asked == [] and counts["questions"] == 4
    assert sorted(
        read_records(tmp_path / "out" / "verdicts", Verdict), key=lambda v: v.completion_id
    ) == sorted(read_records(whole / "verdicts", Verdict), key=lambda v: v.completion_id)


def test_programs_graded_before_a_kill_are_not_graded_again(whole, settings, tmp_path, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(filter_tests, "PROGRAMS_PER_SHARD", 2)
    with monkeypatch.context() as patch:
        patch.setattr(filter_tests, "reasons_to_drop", killed)
        with pytest.raises(KeyboardInterrupt):
            filter_tests.run(config_of(filter_tests, settings), tmp_path / "parts")
    asked = []
    monkeypatch.setattr(filter_tests, "Grader", MadeGrader(lambda c: asked.append(c.id)))
    filter_tests.run(config_of(filter_tests, settings), tmp_path / "parts")
    assert asked == [] and record_bytes(tmp_path / "parts") == record_bytes(whole)


def test_the_stronger_filters_have_counts_of_their_own(tmp_path):
    tests = (*RIGHT, "assert f( 0 )==1", "f(7) == 8", "assert f(7) != 100")
    asked = dataclasses.replace(question("q"), tests=tests, reference="def f(x):\n    return x + 1\n")
    folder = folder_of(tmp_path / "q", [asked])
    rules = {"drop_repeats": True, "drop_toothless": True, "mutants": 3}
    settings = {"questions": folder, "sandbox": {"workers": 2}, **rules}
    filter_tests.run(config_of(filter_tests, settings), tmp_path / "out")
    assert [q.tests for q in read_records(tmp_path / "out", Question)] == [RIGHT]
    found = results(tmp_path / "out")
    dropped = found["dropped_tests"]
    assert dropped.pop("not an assert") == 1 and dropped.pop("repeats another test") == 1
    assert dropped == {"no wrong program fails it": 1}
    assert found["mutation_score"] == 1.0
    assert found["tests_per_question"] == {"before": {"8": 1}, "after": {"5": 1}}


def test_verdicts_on_other_tests_are_refused(settings, tmp_path):
    old = folder_of(tmp_path / "old", [verdict(completion("sound", "reference"), 1.0, tests=7)])
    changes = settings | {"verdicts": old}
    user_error(
        lambda: filter_tests.run(config_of(filter_tests, changes), tmp_path / "out"),
        old,
        "sound#reference",
        "7 outcomes",
        "5 tests",
        "score again",
    )


def test_questions_without_tests_are_refused(tmp_path):
    bare = folder_of(tmp_path / "bare", [question("q"), question("empty", tests=0)])
    changes = {"questions": bare}
    user_error(
        lambda: filter_tests.run(config_of(filter_tests, changes), tmp_path / "out"),
        bare,
        "no tests",
        "(empty)",
    )


def test_a_folder_without_questions_is_refused(tmp_path):
    empty = folder_of(tmp_path / "none", [])
    changes = {"questions": empty}
    user_error(lambda: filter_tests.run(config_of(filter_tests, changes), tmp_path / "out"), empty)
