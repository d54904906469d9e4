"""Step folders to plain data: order, numbers, and what is left out."""

import json
import shutil

import pytest

from acecoder_jax.errors import UserError
from acecoder_jax.report import gather
from tests.report.made_run import QUESTIONS, REWARD_LOSSES, RL_RATES, make_run


@pytest.fixture
def root(tmp_path):
    return make_run(tmp_path / "run")


def test_steps_come_in_the_order_of_the_paper_and_before_comes_before_after(root):
    names = [step.name for step in gather.read_steps(root)]
    assert names[:7] == ["import", "synthesize", "filter", "sample", "score", "pairs", "train_reward"]
    assert names.index("evaluate_before") < names.index("evaluate_after")
    assert len(names) == 14


def test_a_report_below_the_root_and_foreign_folders_are_no_steps(root):
    (root / "report").mkdir()
    (root / "report" / "stage.json").write_text('{"stage": "report"}')
    (root / "notes").mkdir()
    assert {step.name for step in gather.read_steps(root)}.isdisjoint({"report", "notes"})


def test_questions_per_split(root):
    rows = {
        row["title"]: (row["values"], row["all"])
        for row in gather.questions_per_split(gather.read_steps(root))
    }
    assert rows["questions written"] == ([8, 3, 3], 14)
    assert rows[gather.KEPT] == ([6, 3, 3], 12)
    assert rows["preference pairs"] == ([42, 21, 21], 84)


def test_the_filter_table_has_the_papers_rows(root):
    table = gather.filter_table(gather.read_steps(root))
    assert table["subsets"] == ["builtin", "all"]
    assert [title for title, _ in table["rows"]] == [
        "questions before",
        "tests per question before",
        "questions after",
        "tests per question after",
        "preference pairs",
    ]
    assert dict(table["rows"])["preference pairs"] == [21, 21]
    assert table["dropped"]["tests"] == {"failed": 7, "timeout": 1}


def test_the_curation_report_gathers_both_stages(root):
    found = gather.curation(gather.read_steps(root))
    assert found["tests"] == {"before": {"6": 7, "7": 7}, "after": {"5": 12}}
    assert found["pairs"] == {"1": 3, "9": 2} and found["mutation_score"] == 0.875
    assert found["lengths"]["chosen_tokens"] == 71.25
    for name in ("pairs", "filter"):
        shutil.rmtree(root / name)
    assert gather.curation(gather.read_steps(root)) is None


def test_without_pairs_the_filter_and_the_verdicts_speak(root):
    expected = gather.pass_rates(gather.read_steps(root))
    shutil.rmtree(root / "pairs")
    steps = gather.read_steps(root)
    table = gather.filter_table(steps)
    assert table["subsets"] == ["all"]
    assert gather.pass_rates(steps) == expected
    assert sum(expected.values()) == 4 * sum(question.split != "held_out" for question in QUESTIONS)


def test_series_take_only_the_lines_that_have_the_metric(root):
    steps = {step.name: step for step in gather.read_steps(root)}
    assert gather.series(steps["train_reward"].metrics, "loss") == ([1, 2, 3, 4, 5], REWARD_LOSSES)
    assert gather.series(steps["train_reward"].metrics, "eval/accuracy") == ([0, 5], [0.5, 0.6190476])
    assert (
        gather.series(steps["train_policy_rule"].metrics, "rollout/pass@1")[1]
        == RL_RATES["train_policy_rule"]
    )
    exposed = gather.series(steps["train_policy_rule"].metrics, "time/exposed_reward_s")  # of speed.jsonl
    assert exposed == ([1, 2, 3, 4], [0.0625, 0.125, 0.1875, 0.25])


def test_before_and_after_of_rl(root):
    rows = gather.policy_rows(gather.read_steps(root))
    rule = {row["what"]: (row["before"], row["after"]) for row in rows if row["run"] == "train_policy_rule"}
    assert rule["validation, sampled pass@1"] == (0.25, 0.46 + 0.01)
    assert rule["held-out, greedy pass@1"] == (0.2, 0.5)
    assert rule["held-out, sampled pass@8"] == (2 / 6, 5 / 6)
    # The other run has not been evaluated on held-out questions.
    assert {row["what"] for row in rows if row["run"] == "train_policy_model"} == {
        "validation, sampled pass@1",
        "validation, share of tests passed",
    }


def test_evaluations_with_other_sampling_are_not_put_into_one_table(root):
    results = json.loads((root / "evaluate_after" / "results.json").read_text())
    (root / "evaluate_after" / "results.json").write_text(json.dumps(results | {"temperature": 0.2}))
    steps = gather.read_steps(root)
    tables = gather.evaluations(steps)
    assert [len(table["rows"]) for table in tables.values()] == [1, 1]
    assert not any("held-out" in row["what"] for row in gather.policy_rows(steps))


def test_an_unfinished_step_has_no_numbers(root):
    (root / "train_policy_rule" / "manifest.json").unlink()
    steps = gather.read_steps(root)
    assert next(step for step in steps if step.name == "train_policy_rule").manifest is None
    assert {row["run"] for row in gather.policy_rows(steps)} == {"train_policy_model"}


def test_a_step_made_from_an_earlier_input_is_marked(root):
    assert all(step.changed_inputs == () for step in gather.read_steps(root))
    manifest = root / "filter" / "manifest.json"
    manifest.write_text(manifest.read_text() + " ")
    changed = {step.name: step.changed_inputs for step in gather.read_steps(root)}
    assert changed["score"] == ("filter",)
    assert changed["best_of_n"] == ()


def test_what_cannot_be_read_is_one_clear_line(root, tmp_path):
    with pytest.raises(UserError, match="no such folder"):
        gather.read_steps(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="holds no steps"):
        gather.read_steps(tmp_path / "empty")
    (root / "best_of_n" / "results.json").write_text("{")
    with pytest.raises(UserError, match=r"best_of_n/results.json: cannot be read"):
        gather.read_steps(root)
    (root / "best_of_n" / "results.json").write_text("[]")
    with pytest.raises(UserError, match="not a JSON object"):
        gather.read_steps(root)
    (root / "best_of_n" / "results.json").write_text("{}")
    (root / "train_reward" / "metrics.jsonl").write_text('{"step": 1}\n{"st')
    with pytest.raises(UserError, match=r"metrics.jsonl: ends inside line 2"):
        gather.read_steps(root)
    (root / "train_reward" / "metrics.jsonl").write_text('{"step": 1}\n{"st\n')
    with pytest.raises(UserError, match=r"metrics.jsonl:2: not valid JSON"):
        gather.read_steps(root)
