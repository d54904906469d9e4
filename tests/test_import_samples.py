"""The stage `import_samples`: folders that score and pairs read as they read their own."""

import json

import pytest

from acecoder_jax import import_samples, pairs, score
from acecoder_jax.data.folders import read_manifest, read_records
from acecoder_jax.data.prompts import render_prompt
from acecoder_jax.data.records import Completion, PreferencePair, Question
from tests.made_records import config_of, mtimes, record_bytes
from tests.tiny_models import tiny_tokenizer
from tests.user_errors import user_error

TASKS = [
    {
        "task_id": f"HumanEval/{number}",
        "prompt": f'def {name}(x: int) -> int:\n    """Gives {name} x."""\n',
        "entry_point": name,
        "canonical_solution": f"    return {body}\n",
        "base_input": [[x] for x in range(-3, 3)],
        "plus_input": [[10]],
        "atol": 0,
        "contract": "",
    }
    for number, (name, body) in enumerate({"twice": "2 * x", "square": "x * x", "same": "x"}.items())
]
SAMPLES = [
    {
        "prompt": "def twice(x: int) -> int:\n",
        "samples": ["    return x + x\n", "    return 0\n", "    retur\n"],
    },
    {"prompt": "def square(x: int) -> int:\n", "samples": ["    return abs(x)\n", "    return x ** 2"]},
    {"prompt": "def same(x: int) -> int:\n", "samples": ["    return x", "    return abs(x)"]},
]


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    root = tmp_path_factory.mktemp("published")
    for name, rows in (("tasks", TASKS), ("samples", SAMPLES)):
        (root / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    tiny_tokenizer().save_pretrained(root / "tokenizer")
    files = {name: str(root / f"{name}.jsonl") for name in ("tasks", "samples")}
    return files | {"benchmark": "humanevalplus", "tokenizer": str(root / "tokenizer")}


@pytest.fixture(scope="module")
def whole(settings, tmp_path_factory):
    out = tmp_path_factory.mktemp("whole") / "out"
    import_samples.run(config_of(import_samples, settings), out)
    return out


def test_questions_and_completions_are_those_of_the_files(whole):
    questions = read_records(whole / "questions", Question)
    assert [q.id for q in questions] == ["HumanEval/0", "HumanEval/1", "HumanEval/2"]
    assert {q.split for q in questions} == {"held_out"} and {len(q.tests) for q in questions} == {7}
    completions = read_records(whole / "completions", Completion)
    assert [c.id for c in completions][:4] == [
        "HumanEval/0#0",
        "HumanEval/0#1",
        "HumanEval/0#2",
        "HumanEval/1#0",
    ]
    first = completions[0]
    assert first.program == "def twice(x: int) -> int:\n    return x + x\n"
    assert first.text == f"```python\n{first.program}```"
    tokenizer = tiny_tokenizer()
    assert tokenizer.decode(first.token_ids, skip_special_tokens=True) == first.text
    assert first.token_ids[-1] == tokenizer.eos_token_id
    assert first.prompt_ids == render_prompt(tokenizer, questions[0].prompt)
    counts = read_manifest(whole / "completions")["counts"]
    assert (counts["questions"], counts["completions"], counts["without_program"]) == (3, 7, 0)


def test_they_are_scored_and_paired_like_sampled_ones(whole, tmp_path):
    folders = {"questions": str(whole / "questions"), "completions": str(whole / "completions")}
    score.run(config_of(score, folders | {"sandbox": {"workers": 2}}), tmp_path / "score")
    counts = pairs.run(config_of(pairs, folders | {"verdicts": str(tmp_path / "score")}), tmp_path / "pairs")
    found = [(p.chosen_id, p.rejected_id) for p in read_records(tmp_path / "pairs", PreferencePair)]
    # 0 passes one test of seven for twice, abs three or four for square; `retur` passes none.
    assert ("HumanEval/0#0", "HumanEval/0#1") in found and ("HumanEval/1#1", "HumanEval/1#0") in found
    assert counts["questions_with_pairs"] >= 2 and not any("#2" in rejected for _, rejected in found)


def test_a_part_can_be_asked_for(settings, tmp_path, capsys):
    changes = settings | {"max_questions": 2, "max_samples": 1, "split": "train"}
    import_samples.run(config_of(import_samples, changes), tmp_path / "out")
    assert [c.id for c in read_records(tmp_path / "out" / "completions", Completion)] == [
        "HumanEval/0#0",
        "HumanEval/1#0",
    ]
    assert {q.split for q in read_records(tmp_path / "out" / "questions", Question)} == {"train"}
    assert "2 programs for 2 of 3 tasks" in capsys.readouterr().out


def test_published_prompts_are_asked_as_they_stand(settings, tmp_path):
    import_samples.run(config_of(import_samples, settings | {"prompts": "published"}), tmp_path / "out")
    questions = read_records(tmp_path / "out" / "questions", Question)
    assert [q.prompt for q in questions] == [row["prompt"] for row in SAMPLES]
    tokenizer = tiny_tokenizer()
    for completion in read_records(tmp_path / "out" / "completions", Completion):
        (prompt,) = (q.prompt for q in questions if q.id == completion.question_id)
        assert completion.prompt_ids == render_prompt(tokenizer, prompt)
        assert completion.text.startswith(f"```python\n{prompt}")


def test_finished_folders_are_left_alone(settings, whole, monkeypatch):
    before = mtimes(whole)
    monkeypatch.setattr(import_samples, "load_benchmark", None)
    assert import_samples.run(config_of(import_samples, settings), whole)["completions"] == 7
    assert mtimes(whole) == before


def test_killed_between_two_shards_it_ends_up_the_same(settings, tmp_path, monkeypatch):
    monkeypatch.setattr(import_samples, "QUESTIONS_PER_SHARD", 1)
    import_samples.run(config_of(import_samples, settings), tmp_path / "once")
    real, asked = import_samples._completions, []

    def killed(question, *rest):
        asked.append(question.id)
        if len(asked) == 2:
            raise KeyboardInterrupt
        return real(question, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(import_samples, "_completions", killed)
        with pytest.raises(KeyboardInterrupt):
            import_samples.run(config_of(import_samples, settings), tmp_path / "parts")
    import_samples.run(config_of(import_samples, settings), tmp_path / "parts")
    for name in ("questions", "completions"):
        assert record_bytes(tmp_path / "parts" / name) == record_bytes(tmp_path / "once" / name)


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"benchmark": "humanitas"}, ["'humanitas'", "humanevalplus"]),
        ({"tasks": "none.jsonl"}, ["none.jsonl"]),
        ({"samples": "none.jsonl"}, ["none.jsonl"]),
        ({"tokenizer": "none"}, ["none", "tokenizer"]),
        ({"split": "test"}, ["config.split", "'test'"]),
        ({"max_samples": -1}, ["config.max_samples", "-1"]),
        ({"prompts": "mine"}, ["config.prompts", "'mine'", "published"]),
    ],
)
def test_what_cannot_be_used_is_refused(settings, tmp_path, changes, names):
    config = config_of(import_samples, settings | changes)
    user_error(lambda: import_samples.run(config, tmp_path / "out"), *names)


def test_published_prompts_of_a_file_without_them_are_refused(settings, tmp_path):
    path = tmp_path / "evalplus.jsonl"
    path.write_text(json.dumps({"task_id": "HumanEval/1", "solution": "def square(x): return x * x"}) + "\n")
    config = config_of(import_samples, settings | {"samples": str(path), "prompts": "published"})
    user_error(lambda: import_samples.run(config, tmp_path / "out"), path, "HumanEval/1", "prompts='asked'")
