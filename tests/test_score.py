"""The score stage: pass rates from the real sandbox, counts, restarts, and the sandbox's own failures."""

import dataclasses

import pytest

from acecoder_jax import score
from acecoder_jax.data.folders import read_manifest, read_records
from acecoder_jax.data.records import Verdict
from acecoder_jax.rewards.verdicts import Grader
from tests.made_records import MadeGrader, completion, config_of, folder_of, mtimes, question
from tests.user_errors import user_error

QUESTIONS = [question("q0"), question("q1", tests=4)]
PROGRAMS = ["def f(x): return x + 1", "def f(x): return 1", None, "def f(:", "def f(x): return [x][x] + 1"]
RATES = {"q0": [1.0, 0.2, 0.0, 0.0, 0.2], "q1": [1.0, 0.25, 0.0, 0.0, 0.25]}
COMPLETIONS = [completion(q.id, i, program) for q in QUESTIONS for i, program in enumerate(PROGRAMS)]


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    root = tmp_path_factory.mktemp("inputs")
    inputs = {
        "questions": folder_of(root / "q", QUESTIONS),
        "completions": folder_of(root / "c", COMPLETIONS),
    }
    return inputs | {"completions_per_shard": 3, "sandbox": {"workers": 2}}


@pytest.fixture(scope="module")
def whole(settings, tmp_path_factory):
    out = tmp_path_factory.mktemp("score") / "whole"
    score.run(config_of(score, settings), out)
    return out


def untimed(folder):
    """Names of shards and their verdicts, less the CPU seconds."""
    paths = sorted(folder.glob("records-*.jsonl"))
    verdicts = read_records(folder, Verdict)
    return [p.name for p in paths], [dataclasses.replace(v, cpu_s=0.0) for v in verdicts]


def test_pass_rates_are_shares_of_the_tests(whole):
    verdicts = read_records(whole, Verdict)
    assert [v.completion_id for v in verdicts] == [c.id for c in COMPLETIONS]
    assert [v.pass_rate for v in verdicts] == RATES["q0"] + RATES["q1"]
    assert [len(v.outcomes) for v in verdicts] == [5] * 5 + [4] * 5


def test_the_counts_are_those_of_the_verdicts(whole):
    verdicts = read_records(whole, Verdict)
    counts = read_manifest(whole)["counts"]
    assert counts["programs"] == 10 and counts["all_passed"] == 2
    assert counts["mean_pass_rate"] == pytest.approx(sum(RATES["q0"] + RATES["q1"]) / 10)
    assert sum(counts["outcomes"].values()) == 10 and counts["outcomes"]["passed"] == 2
    assert counts["cpu_s"] == pytest.approx(sum(v.cpu_s for v in verdicts))


def test_a_finished_folder_is_left_alone(whole, settings, monkeypatch):
    before = mtimes(whole)
    monkeypatch.setattr(score, "Grader", None)
    assert score.run(config_of(score, settings), whole) == read_manifest(whole)["counts"]
    assert mtimes(whole) == before


def test_a_half_finished_folder_is_continued_and_ends_up_the_same(whole, settings, tmp_path, monkeypatch):
    graded = []
    whole_grade = Grader.grade

    def stopping(self, questions, completions):
        for verdict in whole_grade(self, questions, completions):
            if len(graded) == 5:
                raise KeyboardInterrupt
            graded.append(verdict.completion_id)
            yield verdict

    with monkeypatch.context() as patch:
        patch.setattr(Grader, "grade", stopping)
        with pytest.raises(KeyboardInterrupt):
            score.run(config_of(score, settings), tmp_path / "parts")
    assert len(list((tmp_path / "parts").glob("records-*"))) == 1
    score.run(config_of(score, settings), tmp_path / "parts")
    assert untimed(tmp_path / "parts") == untimed(whole)


def test_programs_of_ten_megabytes_are_graded_like_others(settings, tmp_path):
    comment, text, hopeless = "# " + "x" * 10_000_000, f"X = {'y' * 10_000_000!r}", "(" * 10_000_000
    programs = [f"{part}\ndef f(x): return x + 1" for part in (comment, text, hopeless)] + [PROGRAMS[0]]
    answers = folder_of(tmp_path / "c", [completion("q0", i, program) for i, program in enumerate(programs)])
    score.run(config_of(score, settings | {"completions": answers}), tmp_path / "out")
    assert [v.pass_rate for v in read_records(tmp_path / "out", Verdict)] == [1.0, 1.0, 0.0, 1.0]


def test_the_sandboxs_failures_are_counted_and_left_out_of_the_mean(settings, tmp_path, monkeypatch, capsys):
    rates = {"q0#0": 1.0, "q0#1": None, "q0#2": 0.5}
    monkeypatch.setattr(score, "Grader", MadeGrader(lambda c: rates.get(c.id, 0.0)))
    counts = score.run(config_of(score, settings), tmp_path / "out")
    assert counts["outcomes"]["infrastructure"] == 1 and counts["programs"] == 10
    assert counts["mean_pass_rate"] == pytest.approx(1.5 / 9)
    said = capsys.readouterr().out
    assert "10 programs: 8 failed, 1 passed, 1 infrastructure; mean pass rate 0.167" in said
    assert read_records(tmp_path / "out", Verdict)[1].pass_rate is None


def test_completions_of_other_questions_are_refused(settings, tmp_path):
    other = folder_of(tmp_path / "q", QUESTIONS[:1])
    changed = config_of(score, settings | {"questions": other})
    user_error(lambda: score.run(changed, tmp_path / "out"), settings["completions"], other, "q1")
    assert not list((tmp_path / "out").glob("records-*"))


def test_verdicts_on_other_programs_are_refused(settings, tmp_path, monkeypatch):
    monkeypatch.setattr(score, "Grader", MadeGrader(lambda c: 1.0))
    score.run(config_of(score, settings), tmp_path / "out")
    (tmp_path / "out" / "manifest.json").unlink()
    (tmp_path / "out" / "records-00001.jsonl").unlink()  # the second of four shards
    user_error(lambda: score.run(config_of(score, settings), tmp_path / "out"), tmp_path / "out", "first 7")
