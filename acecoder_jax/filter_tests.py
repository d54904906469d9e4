"""Stage `filter`: tests that the strongest available solution fails are dropped, then questions left with too few.

The paper lets a stronger coder answer each question and believes its program more than an imagined test
(section 3.1). The oracle here is the question's reference program, or the best program of a folder of completions.
"""

from __future__ import annotations

import dataclasses
import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path

from ml_collections import ConfigDict
from tqdm import tqdm

from acecoder_jax.data.folders import OutputFolder, read_records, write_atomically
from acecoder_jax.data.records import Completion, Question, Verdict
from acecoder_jax.rewards.verdicts import Grader, reference_completions, sandbox_config
from acecoder_jax.sampling.complete import require_questions


def default_config() -> ConfigDict:
    """`questions` is a folder; `oracle` is "reference" or a folder of completions."""
    return ConfigDict(
        {"questions": "", "oracle": "reference", "fewest_tests": 5, "sandbox": sandbox_config()}
    )


def run(config: ConfigDict, workdir: Path) -> dict:
    """Filter into `workdir`; returns the counts."""
    inputs = [config.questions] + ([] if config.oracle == "reference" else [config.oracle])
    output = OutputFolder(workdir, "filter", config.to_dict(), inputs)
    if output.finished:
        return output.counts
    questions = read_records(config.questions, Question)
    require_questions(questions, config.questions)
    solutions = _solutions(questions, config.oracle)
    by_id = {question.id: question for question in questions}
    best: dict[str, Verdict] = {}
    with Grader(config.sandbox) as grader:
        verdicts = grader.grade(by_id, solutions)
        for verdict in tqdm(verdicts, total=len(solutions), unit="program", desc="filter"):
            current = best.get(verdict.question_id)
            if verdict.pass_rate is not None and (current is None or verdict.pass_rate > current.pass_rate):
                best[verdict.question_id] = verdict
    kept, dropped, dropped_tests = [], Counter(), Counter()
    for question in questions:
        verdict = best.get(question.id)
        if verdict is None:
            dropped["no solution"] += 1
            continue
        tests = tuple(t for t, o in zip(question.tests, verdict.outcomes) if o.outcome == "passed")
        dropped_tests.update(o.outcome for o in verdict.outcomes if o.outcome != "passed")
        if len(tests) < config.fewest_tests:
            dropped[f"fewer than {config.fewest_tests} tests"] += 1
        else:
            kept.append(dataclasses.replace(question, tests=tests))
    require_questions(kept, str(workdir))
    if not output.shards():  # killed between the shard and the manifest: it is there already
        output.write_shard(kept)
    results = {
        "table": table(questions, kept),
        "dropped_questions": dict(dropped),
        "dropped_tests": dict(dropped_tests),
        "splits": dict(Counter(question.split for question in kept)),
    }
    write_atomically(workdir / "results.json", json.dumps(results, indent=2))
    output.finish(questions_before=len(questions), questions=len(kept), splits=results["splits"])
    return output.counts


def table(before: Iterable[Question], after: Iterable[Question]) -> list[dict]:
    """Counts before and after filtering for each source and for all, as in the paper's Table 1."""
    groups: dict[str, list[list[Question]]] = defaultdict(lambda: [[], []])
    for column, questions in enumerate((before, after)):
        for question in questions:
            for name in (question.source, "all"):
                groups[name][column].append(question)

    def mean_tests(questions: list[Question]) -> float:
        return sum(len(question.tests) for question in questions) / max(1, len(questions))

    return [
        {
            "subset": name,
            "questions_before": len(old),
            "tests_per_question_before": mean_tests(old),
            "questions_after": len(new),
            "tests_per_question_after": mean_tests(new),
        }
        for name, (old, new) in sorted(groups.items(), key=lambda item: item[0] == "all")
    ]


def _solutions(questions: list[Question], oracle: str) -> list[Completion]:
    """The programs to believe: references as completions, or the completions given."""
    if oracle != "reference":
        ids = {question.id for question in questions}
        return [c for c in read_records(oracle, Completion) if c.question_id in ids]
    return reference_completions(questions)
