"""Stage `filter`: tests that the strongest available solution fails are dropped, then questions left with too few.

The paper lets a stronger coder answer each question and believes its program more than an imagined test
(section 3.1). The oracle here is the question's reference program, or the best program of a folder of completions
(a checkpoint's or an endpoint's). What every program said about every test is kept in `verdicts` below the workdir,
a folder like `score`'s: given as `config.verdicts`, other rules need no second run. See `synthesis/filters.py` for
the stronger filters, which are off by default.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from ml_collections import ConfigDict, config_dict
from tqdm import tqdm

from acecoder_jax.data.folders import OutputFolder, each_record, read_records, write_atomically
from acecoder_jax.data.records import Completion, Question, Verdict
from acecoder_jax.errors import UserError
from acecoder_jax.rewards.verdicts import Grader, reference_completions, sandbox_config
from acecoder_jax.synthesis.filters import (
    FilterRules,
    best_of,
    checked_verdicts,
    mutation_score,
    reasons_to_drop,
)
from acecoder_jax.synthesis.mutants import mutants

PROGRAMS_PER_SHARD = 1000


def default_config() -> ConfigDict:
    """`questions` is a folder; `oracle` is "reference" or a folder of completions; `verdicts` may hold some already."""
    return ConfigDict(
        {
            "questions": "",
            "oracle": "reference",
            "verdicts": config_dict.placeholder(str),
            "fewest_tests": 5,
            "agreeing_programs": 1,  # different programs that must pass a test
            "drop_repeats": False,
            "drop_toothless": False,  # tests that no wrong program fails
            "mutants": 0,  # wrong programs made of each question's best one
            "shard_format": "jsonl",  # or "array_record", for anything large
            "seed": 0,
            "sandbox": sandbox_config(),
        }
    )


def run(config: ConfigDict, workdir: Path) -> dict:
    """Filter into `workdir`; returns the counts."""
    inputs = [config.questions] + ([] if config.oracle == "reference" else [config.oracle])
    inputs += [config.verdicts] if config.verdicts else []
    output = OutputFolder(workdir, "filter", config.to_dict(), inputs, config.shard_format)
    if output.finished:
        return output.counts
    questions = {question.id: question for question in read_records(config.questions, Question)}
    if not questions:
        raise UserError(
            f"{config.questions}: holds no questions; run the stage that makes them on more seeds"
        )
    if without := [question.id for question in questions.values() if not question.tests]:
        raise UserError(
            f"{config.questions}: {len(without)} questions have no tests ({', '.join(without[:5])}); there is nothing"
            " to filter in them, leave them out where the folder is made"
        )
    solutions, wrong = _pass_records(config, workdir, inputs, questions)
    rules = FilterRules(config.agreeing_programs, config.drop_repeats, config.drop_toothless)
    kept: list[Question] = []
    scores: list[float] = []
    dropped: Counter[str] = Counter()
    dropped_tests: Counter[str] = Counter()
    for question in questions.values():
        if best_of(solutions[question.id]) is None:
            dropped["no solution"] += 1
        else:
            reasons = reasons_to_drop(question, solutions[question.id], wrong[question.id], rules)
            dropped_tests.update(filter(None, reasons))
            left = [number for number, reason in enumerate(reasons) if reason is None]
            if len(left) < config.fewest_tests:
                dropped[f"fewer than {config.fewest_tests} tests"] += 1
            else:
                kept.append(dataclasses.replace(question, tests=tuple(question.tests[i] for i in left)))
                score = mutation_score(wrong[question.id], left)
                scores += [] if score is None else [score]
    if not kept:
        counts = ", ".join(f"{number} x {reason}" for reason, number in dropped.items())
        raise UserError(f"{workdir}: no question is left ({counts}); give a better oracle or weaker rules")
    if not output.shards():  # killed between the shard and the manifest: it is there already
        output.write_shard(kept)
    results = {
        "table": table(questions.values(), kept),
        "dropped_questions": dict(dropped),
        "dropped_tests": dict(dropped_tests),
        "splits": dict(Counter(question.split for question in kept)),
        "tests_per_question": {
            "before": _histogram(questions.values()),
            "after": _histogram(kept),
        },
        "mutation_score": sum(scores) / len(scores) if scores else None,
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


def _histogram(questions: Iterable[Question]) -> dict[str, int]:
    """How many questions have how many tests."""
    return {str(tests): n for tests, n in sorted(Counter(len(q.tests) for q in questions).items())}


def _pass_records(
    config: ConfigDict, workdir: Path, inputs: list[str], questions: Mapping[str, Question]
) -> tuple[Mapping[str, list[Verdict]], Mapping[str, list[Verdict]]]:
    """By question, the verdicts on the programs that try to solve it, and on those made wrong on purpose."""
    records = OutputFolder(workdir / "verdicts", "score", config.to_dict(), inputs, config.shard_format)
    known = each_record(config.verdicts, Verdict) if config.verdicts else ()
    known = list(checked_verdicts(known, questions, config.verdicts))
    programs = _solutions(questions, config.oracle)
    with Grader(config.sandbox) as grader:
        solutions = _grade(grader, records, known, questions, programs)
        wrong: dict[str, list[Verdict]] = defaultdict(list)
        if config.mutants:
            wrong = _grade(grader, records, known, questions, _mutants(config, programs, solutions))
    if not records.finished:
        records.finish(programs=len(records.read(Verdict)))
    return solutions, wrong


def _grade(
    grader: Grader,
    records: OutputFolder,
    known: list[Verdict],
    questions: Mapping[str, Question],
    programs: list[Completion],
) -> dict[str, list[Verdict]]:
    """Verdicts by question, in the programs' order; only those that nobody has run yet are run."""
    written = {verdict.completion_id: verdict for verdict in records.read(Verdict)}
    verdicts = {verdict.completion_id: verdict for verdict in known} | written
    again = [verdicts[c.id] for c in programs if c.id in verdicts and c.id not in written]
    if again:
        records.write_shard(again)
    left = [program for program in programs if program.id not in verdicts]
    with tqdm(total=len(programs), initial=len(programs) - len(left), unit="program", desc="filter") as bar:

        def graded() -> Iterator[Verdict]:
            for verdict in grader.grade(questions, left):
                verdicts[verdict.completion_id] = verdict
                bar.update()
                yield verdict

        records.write_shards(graded(), PROGRAMS_PER_SHARD)
    by_question: dict[str, list[Verdict]] = defaultdict(list)
    for program in programs:
        by_question[program.question_id].append(verdicts[program.id])
    return by_question


def _solutions(questions: Mapping[str, Question], oracle: str) -> list[Completion]:
    """The programs to believe, each text once: references as completions, or the completions given."""
    if oracle == "reference":
        return reference_completions(questions.values())
    different: dict[tuple[str, str | None], Completion] = {}
    for completion in read_records(oracle, Completion):
        if completion.question_id in questions:
            different.setdefault((completion.question_id, completion.program), completion)
    return list(different.values())


def _mutants(
    config: ConfigDict, programs: list[Completion], solutions: Mapping[str, list[Verdict]]
) -> list[Completion]:
    """Wrong programs made of each question's best one; their ids say what they are, whatever the settings."""
    by_id = {program.id: program for program in programs}
    made = []
    for question_id, verdicts in solutions.items():
        best = best_of(verdicts)
        source = by_id[best.completion_id].program if best else None
        rng = random.Random(f"{config.seed}/{question_id}/mutants")
        for program in mutants(source, config.mutants, rng) if source else []:
            name = f"{question_id}#mutant-{hashlib.sha256(program.encode()).hexdigest()[:12]}"
            made.append(Completion(name, question_id, "", program, (), (), (), "stop"))
    return made
