"""A small made run: step folders as the stages write them, with numbers that a test can recognize."""

import dataclasses
import json
import random
from collections import Counter
from pathlib import Path

from acecoder_jax.data.folders import OutputFolder
from acecoder_jax.data.records import Completion, PreferencePair, Question, TestOutcome, Verdict, to_json

HOSTILE = "def f(x):\n    return '</code></pre><script>alert(1)</script>' + \"\u202e\x1b[2J\"\n"
SPLITS = ("train", "train", "validation", "held_out")
QUESTIONS = [
    Question(
        f"made/f{n}",
        "builtin",
        f"Write f{n}, which adds {n} & <b>more</b>.",
        tuple(f"assert f{n}({x}) == {x + n}" for x in range(5)),
        f"f{n}",
        split=SPLITS[n % 4],
    )
    for n in range(12)
]
TABLE = {"questions_before": 14, "tests_per_question_before": 6.5, "questions_after": 12} | {
    "tests_per_question_after": 5.0,
    "pairs": 21,
}
RL_RATES = {"train_policy_rule": [0.31, 0.36, 0.41, 0.46], "train_policy_model": [0.31, 0.29, 0.33, 0.30]}
REWARD_LOSSES = [0.69, 0.66, 0.61, 0.57, 0.52]


def make_run(root: Path) -> Path:
    """All the steps of a demo below `root`, finished; returns `root`."""
    _step(root, "import", "import", {"source": "package:some/file.gguf"}, parameters=1000)
    per_split = {"train": 8, "validation": 3, "held_out": 3}
    _step(
        root,
        "synthesize",
        "synthesize",
        {"seed": 0},
        [],
        QUESTIONS,
        questions=14,
        questions_per_split=per_split,
    )
    splits = {"train": 6, "validation": 3, "held_out": 3}
    dropped = {"dropped_questions": {"fewer than 5 tests": 2}, "dropped_tests": {"failed": 7, "timeout": 1}}
    results = {"table": [{"subset": "all"} | TABLE], "splits": splits} | dropped
    results |= {
        "tests_per_question": {"before": {"6": 7, "7": 7}, "after": {"5": 12}},
        "mutation_score": 0.875,
    }
    _step(root, "filter", "filter", {"questions": "@synthesize"}, ["synthesize"], QUESTIONS, results)
    answers = [_completion(q, n) for q in QUESTIONS if q.split != "held_out" for n in range(4)]
    sampling = {"model": str(root / "import"), "questions": str(root / "filter")}
    _step(root, "sample", "sample", sampling, ["import", "filter"], answers)
    verdicts = [_verdict(answer) for answer in answers]
    scoring = {"questions": str(root / "filter"), "completions": str(root / "sample")}
    _step(root, "score", "score", scoring, ["filter", "sample"], verdicts, programs=len(verdicts))
    results = {
        "table": [{"subset": name} | TABLE for name in ("builtin", "all")],
        "splits": {name: {"sampled_questions": n, "pairs": 7 * n} for name, n in splits.items()},
        "pass_rates": {str(rate): n for rate, n in Counter(v.pass_rate for v in verdicts).items()},
        "pairs_per_question": {"1": 3, "9": 2},
        "lengths": {
            "chosen_tokens": 71.25,
            "rejected_tokens": 82.5,
            "chosen_longer": 0.43,
            "same_length": 0.06,
        },
    }
    pair = PreferencePair("made/f0", "made/f0#0", "made/f0#1", (1,), (2,), (3,), 1.0, 0.2)
    _step(root, "pairs", "pairs", {"margin": 0.4}, ["filter", "sample", "score"], [pair], results)
    _training(root)
    _evaluations(root)
    for name, source in (("export_policy", "train_policy_rule"), ("export_reward", "train_reward")):
        kind = name.removeprefix("export_")
        config = {"model": str(root / source), "dtype": "bfloat16"}
        _step(root, name, "export", config, [source], kind=kind, tensors=9, bytes=3 * 2**20)
    return root


def _training(root: Path) -> None:
    metrics = [{"step": 0, "eval/accuracy": 0.5, "eval/loss": 0.6931, "eval/pairs": 21}]
    metrics += [
        {"step": n, "loss": loss, "accuracy": 0.5 + 0.05 * n, "margin": 0.1 * n, "grad_norm": 2.0}
        for n, loss in enumerate(REWARD_LOSSES, start=1)
    ]
    metrics += [{"step": 5, "eval/accuracy": 0.6190476, "eval/loss": 0.64, "eval/pairs": 21}]
    results = {"accuracy_before": 0.5, "accuracy_after": 0.6190476, "held_out_pairs": 21, "train_pairs": 42}
    config = {"model": str(root / "import"), "pairs": str(root / "pairs"), "batch_pairs": 16}
    _step(root, "train_reward", "train_reward", config, ["import", "pairs"], [], results, metrics)
    for name, rates in RL_RATES.items():
        reward = (
            {"reward": "model", "reward_model": str(root / "train_reward")}
            if "model" in name
            else {"reward": "rule"}
        )
        config = {"model": str(root / "import"), "eval_split": "validation", "rule": "binary"} | reward
        metrics = [{"step": 0, "eval/pass@1": 0.25, "eval/pass_rate": 0.4}]
        metrics += [
            {"step": n, "rollout/pass_rate": rate + 0.2, "rollout/pass@1": rate, "reward/mean": rate}
            for n, rate in enumerate(rates, start=1)
        ]
        metrics[-1] |= {"eval/pass@1": rates[-1] + 0.01, "eval/pass_rate": rates[-1] + 0.1}
        rollouts = [
            {"step": step, "question_id": "made/f0", "text": f"```python\n{HOSTILE}```", "program": HOSTILE}
            | {
                "reward": 0.125,
                "pass_rate": 0.2,
                "outcome": "failed",
                "outcomes": _outcomes(1),
                "hidden": [3],
            }
            for step in (3, 4)
        ]
        inputs = ["import", "filter"] + (["train_reward"] if "model" in name else [])
        speed = [{"step": n, "time/exposed_reward_s": 0.0625 * n} for n in range(1, len(rates) + 1)]
        files = {"rollouts.jsonl": rollouts, "speed.jsonl": speed}
        _step(root, name, "train_policy", config, inputs, [], {}, metrics, files)


def _evaluations(root: Path) -> None:
    held_out = [question for question in QUESTIONS if question.split == "held_out"]
    for name, model, passed in (("evaluate_before", "import", 2), ("evaluate_after", "train_policy_rule", 5)):
        answers = [
            dataclasses.replace(_completion(question, 0, HOSTILE), id=f"{question.id}#greedy")
            for question in held_out
        ]
        verdicts = [
            Verdict(a.id, a.question_id, _records(passed), _overall(passed), passed / 5) for a in answers
        ]
        values = {"questions": 3, "greedy_pass@1": passed / 10, "mean_pass_rate": passed / 8}
        values |= {"pass@k": {"1": passed / 9, "8": passed / 6}, "infrastructure_failures": 0}
        results = {"model": "abc", "samples": 8, "temperature": 0.8, "sets": {"held_out": values}}
        config = {"model": str(root / model), "questions": str(root / "filter")}
        lines = [json.loads(to_json(verdict)) for verdict in verdicts]
        files = {"verdicts-held_out.jsonl": lines}
        _step(root, name, "evaluate", config, [model, "filter"], answers, results, [], files)
    results = {
        "questions": 3,
        "samples": 8,
        "greedy": 0.2,
        "average": 0.222,
        "pairs": 17,
        "pair_accuracy": 0.6,
    }
    results |= {"best_of_n": {"1": 0.222, "2": 0.3, "4": 0.35, "8": 0.4}}
    results |= {"oracle": {"1": 0.222, "2": 0.41, "4": 0.5, "8": 0.777}}
    config = {"reward_model": str(root / "train_reward"), "evaluation": str(root / "evaluate_before")}
    _step(root, "best_of_n", "best_of_n", config, ["train_reward", "evaluate_before"], [], results)


def _step(root, name, stage, config, inputs=(), records=(), results=None, metrics=(), files=None, **counts):
    folder = OutputFolder(root / name, stage, config, [root / other for other in inputs])
    if records:
        folder.write_shard(records)
    if results:
        (root / name / "results.json").write_text(json.dumps(results))
    for file, lines in {"metrics.jsonl": metrics, **(files or {})}.items():
        if lines:
            (root / name / file).write_text("".join(json.dumps(line) + "\n" for line in lines))
    folder.finish(**counts)


def _completion(question: Question, n: int, program: str | None = None) -> Completion:
    program = program or f"def {question.entry_point}(x):\n    return x + {n}\n"
    text = f"```python\n{program}```"
    return Completion(f"{question.id}#{n}", question.id, text, program, (1, 2), (3, 4), (-0.5, -0.1), "stop")


def _verdict(answer: Completion) -> Verdict:
    passed = random.Random(answer.id).choice([0, 0, 1, 3, 5])
    return Verdict(answer.id, answer.question_id, _records(passed), _overall(passed), passed / 5, 0.01)


def _overall(passed: int) -> str:
    return "passed" if passed == 5 else "failed"


def _records(passed: int) -> tuple[TestOutcome, ...]:
    return tuple(TestOutcome(**outcome) for outcome in _outcomes(passed))


def _outcomes(passed: int) -> list[dict]:
    bad = {"outcome": "error", "detail": "TypeError: <b>&", "in_process": False}
    return [{"outcome": "passed", "detail": "", "in_process": False}] * passed + [bad] * (5 - passed)
