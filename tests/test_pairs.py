"""The pairs stage: the rule applied question by question, the paper's table, restarts."""

import dataclasses
import json

import pytest

from acecoder_jax import pairs
from acecoder_jax.data.folders import OutputFolder, read_manifest, read_records
from acecoder_jax.data.records import PreferencePair
from tests.made_records import completion, config_of, folder_of, mtimes, question, record_bytes, verdict
from tests.user_errors import user_error

QUESTIONS = [
    question("a"),
    question("b", "validation", source="other"),
    question("c"),
    question("d", prompt="Écrivez f."),
]
RATES = {
    "a": [1.0, 0.4, 0.6, 0.0],  # 1 beats 0.4; 0.6 is exactly 0.4 below, 0 passes nothing
    "b": [0.2, 1.0, 1.0, 0.4],  # four pairs
    "c": [None, 0.2, 0.2, 0.0],  # the best program's verdict is the sandbox's own failure
    "d": [1.0, 0.2],  # would be a pair, were its prompt ASCII
    "dropped": [1.0, 0.2],  # filter has left this question out
}
COMPLETIONS = [
    completion(name, i, f"def f(x): return {i}", token_ids=(60 + i, 2))
    for name, rates in RATES.items()
    for i in range(len(rates))
]
VERDICTS = [verdict(c, RATES[c.question_id][int(c.id[-1])]) for c in COMPLETIONS]
TABLE = [
    {"subset": name, "questions_before": 5, "tests_per_question_before": 7.5}
    for name in ("made", "other", "all")
]
TABLE = [row | {"questions_after": 2, "tests_per_question_after": 5.0} for row in TABLE]


@pytest.fixture
def settings(tmp_path):
    output = OutputFolder(tmp_path / "q", "filter", {})
    output.write_shard(QUESTIONS)
    (tmp_path / "q" / "results.json").write_text(json.dumps({"table": TABLE}))
    output.finish()
    folders = {
        "completions": folder_of(tmp_path / "c", COMPLETIONS),
        "verdicts": folder_of(tmp_path / "v", VERDICTS),
    }
    return {"questions": str(tmp_path / "q")} | folders


def run(settings, out, **changes):
    return pairs.run(config_of(pairs, settings | changes), out)


def ids(folder):
    return [(p.chosen_id, p.rejected_id) for p in read_records(folder, PreferencePair)]


def test_pairs_follow_the_papers_rule(settings, tmp_path):
    counts = run(settings, tmp_path / "out")
    expected = [("a#0", "a#1"), ("b#1", "b#0"), ("b#2", "b#0"), ("b#1", "b#3"), ("b#2", "b#3")]
    assert ids(tmp_path / "out") == expected
    assert counts == {"pairs": 5, "questions_with_pairs": 2} == read_manifest(tmp_path / "out")["counts"]
    first, second = read_records(tmp_path / "out", PreferencePair)[:2]
    assert (first.split, second.split) == ("train", "validation")
    assert (first.chosen_ids, first.rejected_ids, first.rejected_pass_rate) == ((60, 2), (61, 2), 0.4)


def test_the_settings_change_the_rule(settings, tmp_path):
    run(settings, tmp_path / "inclusive", inclusive=True)
    assert ("a#0", "a#2") in ids(tmp_path / "inclusive")
    run(settings, tmp_path / "capped", most_per_question=1)
    assert ids(tmp_path / "capped") == [("a#0", "a#1"), ("b#1", "b#0")]
    run(settings, tmp_path / "all_prompts", ascii_prompts_only=False)
    assert ("d#0", "d#1") in ids(tmp_path / "all_prompts")
    run(settings, tmp_path / "failing", rejected_above=-0.5)
    assert ("a#0", "a#3") in ids(tmp_path / "failing")
    run(settings, tmp_path / "wide", margin=0.7)
    assert ids(tmp_path / "wide") == [("b#1", "b#0"), ("b#2", "b#0")]


def test_the_table_gets_its_pairs(settings, tmp_path, capsys):
    run(settings, tmp_path / "out")
    found = json.loads((tmp_path / "out" / "results.json").read_text())
    assert found["table"] == [row | {"pairs": n} for row, n in zip(TABLE, (1, 4, 5), strict=True)]
    assert found["splits"] == {
        "train": {"questions": 3, "sampled_questions": 3, "pairs": 1},
        "validation": {"questions": 1, "sampled_questions": 1, "pairs": 4},
        "held_out": {"questions": 0, "sampled_questions": 0, "pairs": 0},
    }
    assert found["pass_rates"] == {"0.0": 2, "0.2": 4, "0.4": 2, "0.6": 1, "1.0": 4}
    assert found["left_out"] == {
        "questions": {"prompt is not ASCII": 1},
        "completions": {"of other questions": 2, "the sandbox itself failed": 1},
        "pairs": {},
    }
    lines = capsys.readouterr().out.splitlines()
    assert "questions before" in lines[0] and "pairs" in lines[0]
    assert [line.split() for line in lines[1:4]] == [
        [name, "5", "7.50", "2", "5.00", str(n)] for name, n in (("made", 1), ("other", 4), ("all", 5))
    ]


def test_a_finished_folder_is_left_alone(settings, tmp_path, monkeypatch):
    counts = run(settings, tmp_path / "out")
    before = mtimes(tmp_path / "out")
    monkeypatch.setattr(pairs, "build_pairs", None)
    assert run(settings, tmp_path / "out") == counts
    assert mtimes(tmp_path / "out") == before


def test_killed_after_the_shard_it_ends_up_the_same(settings, tmp_path, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    run(settings, tmp_path / "whole")
    with monkeypatch.context() as patch:
        patch.setattr(pairs, "_results", killed)
        with pytest.raises(KeyboardInterrupt):
            run(settings, tmp_path / "parts")
    run(settings, tmp_path / "parts")
    assert record_bytes(tmp_path / "parts") == record_bytes(tmp_path / "whole")


def test_completions_without_verdicts_are_refused(settings, tmp_path):
    few = folder_of(tmp_path / "few", VERDICTS[2:])
    user_error(lambda: run(settings, tmp_path / "out", verdicts=few), few, "a#0", "1 more")


def test_no_pairs_at_all_is_a_result(settings, tmp_path):
    assert run(settings, tmp_path / "out", margin=0.95) == {"pairs": 0, "questions_with_pairs": 0}


def test_the_report_has_lengths_and_histograms(settings, tmp_path, capsys):
    run(settings, tmp_path / "out")
    found = json.loads((tmp_path / "out" / "results.json").read_text())
    assert found["lengths"] == {
        "chosen_tokens": 2.0,
        "rejected_tokens": 2.0,
        "chosen_longer": 0.0,
        "same_length": 1.0,
    }
    assert found["pairs_per_question"] == {"1": 1, "4": 1}
    assert "as long in 100.0%" in capsys.readouterr().out


def test_questions_that_no_filter_has_seen_have_a_table_too(settings, tmp_path, capsys):
    plain = folder_of(tmp_path / "plain", QUESTIONS)
    run(settings | {"questions": plain}, tmp_path / "out")
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[1:4]]
    assert rows == [["made", "3", "5.00", "1"], ["other", "1", "5.00", "4"], ["all", "4", "5.00", "5"]]


def test_the_released_denominator(settings, tmp_path):
    before = folder_of(tmp_path / "before", [question(q.id, tests=6) for q in QUESTIONS])
    run(settings | {"denominator": "all", "questions_before": before}, tmp_path / "six")
    # Perfect programs have 5/6; what passes 2 or 3 of 5 has at least 1/3, a margin of 1/2 and 1/3.
    assert ids(tmp_path / "six") == [
        ("a#0", "a#1"),
        *[("b#1", "b#0"), ("b#2", "b#0"), ("b#1", "b#3"), ("b#2", "b#3")],
    ]
    before = folder_of(tmp_path / "more", [question(q.id, tests=7) for q in QUESTIONS])
    assert (
        run(settings | {"denominator": "all", "questions_before": before}, tmp_path / "seven")["pairs"] == 0
    )


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"denominator": "some"}, ["config.denominator", "'some'", "kept, all"]),
        ({"denominator": "all"}, ["config.questions_before", "the folder that filter read"]),
        ({"margin": 1.4}, ["config.margin", "1.4"]),
        ({"chosen_above": -1.1}, ["config.chosen_above", "-1.1"]),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, tmp_path, changes, names):
    user_error(lambda: run(settings, tmp_path / "out", **changes), *names)


def test_inputs_that_do_not_belong_together_are_refused(settings, tmp_path):
    other = folder_of(tmp_path / "other", [verdict(c, 1.0, tests=9) for c in COMPLETIONS])
    user_error(lambda: run(settings, tmp_path / "one", verdicts=other), other, "9 outcomes", "5 tests")
    foreign = folder_of(tmp_path / "foreign", [completion("dropped", 0, "")])
    user_error(lambda: run(settings, tmp_path / "two", completions=foreign), foreign, "none of the questions")
    fewer = folder_of(tmp_path / "fewer", [question("a", tests=4)])
    changes = {"denominator": "all", "questions_before": fewer}
    user_error(lambda: run(settings, tmp_path / "three", **changes), fewer, "4 tests for a", "has 5")


def test_pass_rates_without_outcomes_will_do_as_the_released_sets_have_them(settings, tmp_path):
    """AceCode-87K says of a program which share of the tests it passed, and not which."""
    rated = folder_of(tmp_path / "rated", [dataclasses.replace(v, outcomes=()) for v in VERDICTS])
    assert run(settings, tmp_path / "out", verdicts=rated) == run(settings, tmp_path / "whole")
    assert ids(tmp_path / "out") == ids(tmp_path / "whole")
    changes = {"verdicts": rated, "denominator": "all", "questions_before": settings["questions"]}
    user_error(lambda: run(settings, tmp_path / "all", **changes), rated, "0 outcomes")


def test_pairs_that_are_not_made_are_counted(settings, tmp_path, capsys):
    twins = [dataclasses.replace(c, text="the same") if c.id in ("b#1", "b#2") else c for c in COMPLETIONS]
    folder = folder_of(tmp_path / "twins", twins)
    assert run(settings, tmp_path / "out", completions=folder, most_per_question=1)["pairs"] == 2
    found = json.loads((tmp_path / "out" / "results.json").read_text())["left_out"]
    assert found["pairs"] == {"the same two texts as another": 2, "beyond the most of a question": 1}
    assert "pairs dropped: 2 x the same two texts as another" in capsys.readouterr().out
