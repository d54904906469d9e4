"""Which programs the page shows, and what hostile text becomes."""

import json

import pytest

from acecoder_jax.report.gather import read_steps
from acecoder_jax.report.programs import evaluated_programs, rollouts, sampled_programs, visible
from tests.report.made_run import HOSTILE, QUESTIONS, make_run


@pytest.fixture
def root(tmp_path):
    return make_run(tmp_path / "run")


def test_greedy_answers_of_all_models_stand_side_by_side(root):
    entries = evaluated_programs(read_steps(root), 8)
    assert {entry["question_id"] for entry in entries} == {q.id for q in QUESTIONS if q.split == "held_out"}
    for entry in entries:
        assert [answer["who"] for answer in entry["answers"]] == [
            "import, greedy",
            "train_policy_rule, greedy",
        ]
        assert [answer["passed"] for answer in entry["answers"]] == [2, 5]
    answer = entries[0]["answers"][0]
    assert answer["program"] == HOSTILE
    assert [test["outcome"] for test in answer["tests"]] == ["passed"] * 2 + ["error"] * 3
    question = next(q for q in QUESTIONS if q.id == entries[0]["question_id"])
    assert [test["test"] for test in answer["tests"]] == list(question.tests)
    assert entries[0]["prompt"] == question.prompt


def test_the_choice_depends_on_ids_only(root):
    shown = [entry["question_id"] for entry in sampled_programs(read_steps(root), 3)]
    assert len(shown) == 3
    path = root / "score" / "records-00000.jsonl"
    lines = [
        json.loads(line) | {"pass_rate": 1.0, "outcome": "passed"} for line in path.read_text().splitlines()
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in reversed(lines)))
    assert [entry["question_id"] for entry in sampled_programs(read_steps(root), 3)] == shown


def test_all_samples_of_a_chosen_question_are_shown(root):
    for entry in sampled_programs(read_steps(root), 2):
        assert [answer["who"] for answer in entry["answers"]] == [f"import, sample {n}" for n in range(4)]


def test_rollouts_are_those_of_the_last_step(root):
    entries = rollouts(read_steps(root), 8)
    assert {entry["group"] for entry in entries} == {
        "train_policy_rule, step 4",
        "train_policy_model, step 4",
    }
    answers = [answer for entry in entries for answer in entry["answers"]]
    assert all(answer["reward"] == 0.125 for answer in answers)
    assert [test["hidden"] for test in answers[0]["tests"]] == [False, False, False, True, False]


def test_tests_of_unknown_questions_are_numbered(root):
    for folder in ("filter", "synthesize"):
        (root / folder / "records-00000.jsonl").write_text("")
    entry = evaluated_programs(read_steps(root), 1)[0]
    assert entry["prompt"] is None
    assert [test["test"] for test in entry["answers"][0]["tests"]] == [f"test {n}" for n in range(1, 6)]


def test_visible_writes_out_what_cannot_be_seen():
    assert visible("a\u202eb\x1b[2J\x00\ud800\u2028") == "a\\u202eb\\x1b[2J\\x00\\ud800\\u2028"
    assert visible("é\n\t漢字") == "é\n\t漢字"
    assert visible("x" * 30, most=10) == "x" * 10 + "\n[... 20 more characters]"
