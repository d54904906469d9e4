"""The stage `hard`: which questions stay, from one model's verdicts or two."""

import dataclasses

import pytest

from acecoder_jax import hard_subset
from acecoder_jax.data.folders import read_manifest, read_records
from acecoder_jax.data.records import Question
from tests.made_records import completion, config_of, folder_of, mtimes, question, verdict
from tests.user_errors import user_error

RATES = {"a": [1.0, 1.0], "b": [0.2, 0.8], "c": [0.4, 0.4], "d": [0.8, 1.0], "e": [None, None]}
QUESTIONS = [question(name, "validation" if name == "b" else "train") for name in [*RATES, "unscored"]]


def verdicts(rates, start=0):
    return [
        verdict(completion(name, start + i), rate)
        for name, each in rates.items()
        for i, rate in enumerate(each)
    ]


@pytest.fixture
def settings(tmp_path):
    return {
        "questions": folder_of(tmp_path / "q", QUESTIONS),
        "verdicts": folder_of(tmp_path / "v", verdicts(RATES)),
    }


def run(settings, out, **changes):
    return hard_subset.run(config_of(hard_subset, settings | changes), out)


def ids(folder):
    return [question.id for question in read_records(folder, Question)]


def test_hard_questions_on_which_samples_differ_stay(settings, tmp_path, capsys):
    """Means 1, .5, .4, .9 with median .7: b and c; they deviate by .3 and 0."""
    counts = run(settings, tmp_path / "out")
    assert ids(tmp_path / "out") == ["b"]
    assert counts == read_manifest(tmp_path / "out")["counts"]
    assert counts["questions"] == 1 and counts["scored_questions"] == 4 and counts["questions_before"] == 6
    assert counts["mean_pass_rate"] == pytest.approx(0.5) and counts["splits"] == {"validation": 1}
    assert "1 hard questions of 4" in capsys.readouterr().out


def test_a_second_models_samples_count_as_much(settings, tmp_path):
    second = folder_of(tmp_path / "second", verdicts({"a": [0.0, 0.0], "c": [0.4, 0.4], "e": [0.0, 0.2]}, 2))
    # Means .5, .5, .4, .9, .1 with median .5: a, b, c and e, which deviate by .5, .3, 0 and .1.
    run(settings, tmp_path / "out", second_verdicts=second)
    assert ids(tmp_path / "out") == ["a", "b"]


def test_a_finished_folder_is_left_alone(settings, tmp_path, monkeypatch):
    run(settings, tmp_path / "out")
    before = mtimes(tmp_path / "out")
    monkeypatch.setattr(hard_subset, "hard_quarter", None)
    assert run(settings, tmp_path / "out")["questions"] == 1
    assert mtimes(tmp_path / "out") == before


def test_verdicts_of_other_questions_are_refused(settings, tmp_path):
    foreign = folder_of(tmp_path / "foreign", [verdict(completion("x", 0), 1.0)])
    user_error(
        lambda: run(settings, tmp_path / "one", verdicts=foreign),
        foreign,
        "no verdict",
        settings["questions"],
    )
    other = folder_of(tmp_path / "other", [verdict(completion("a", 0), 1.0, tests=8)])
    user_error(lambda: run(settings, tmp_path / "two", second_verdicts=other), other, "8 outcomes", "a#0")


def test_pass_rates_without_outcomes_will_do_as_the_released_sets_have_them(settings, tmp_path):
    rated = [dataclasses.replace(v, outcomes=()) for v in verdicts(RATES)]
    run(settings, tmp_path / "out", verdicts=folder_of(tmp_path / "rated", rated))
    assert ids(tmp_path / "out") == ["b"]
