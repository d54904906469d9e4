"""Stage `filter`: tests that the strongest available solution fails are dropped, then questions left with too few.

The paper lets a stronger coder answer each question and believes its program more than an imagined test
(section 3.1). The oracle here is the question's reference program, or the best program of a folder of completions
(a checkpoint's or an endpoint's). What every program said about every test is kept in `verdicts` below the workdir,
a folder like `score`'s: given as `config.verdicts`, other rules need no second run. See `synthesis/filters.py` for
the stronger filters, which are off by default. Everything goes question by question: what is in memory does not grow
with their number, but for some bytes that say where each record is.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
import random
from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ml_collections import ConfigDict, config_dict
from tqdm import tqdm

from acecoder_jax.data.by_question import ByQuestion, Questions
from acecoder_jax.data.folders import OutputFolder, each_record, open_records, write_atomically
from acecoder_jax.data.records import Completion, Question, Verdict
from acecoder_jax.errors import UserError
from acecoder_jax.rewards.verdicts import Grader, reference_completions, sandbox_config
from acecoder_jax.synthesis.curation import Sizes, reason_lines, sizes_histogram, table, table_lines
from acecoder_jax.synthesis.filters import (
    FilterRules,
    best_of,
    checked_verdicts,
    mutation_score,
    reasons_to_drop,
)
from acecoder_jax.synthesis.mutants import mutants

PROGRAMS_PER_SHARD = 1000
QUESTIONS_PER_SHARD = 5000

Programs = Callable[[Question], list[Completion]]  # those of one question


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
    questions = _questions(config.questions)
    programs = _programs(config.oracle, questions)
    verdicts = _pass_records(config, workdir, inputs, questions, programs)
    tally = _Tally()
    output.write_again(_kept(config, questions, programs, verdicts, tally), QUESTIONS_PER_SHARD)
    kept = tally.splits.total()
    if not kept:
        counts = ", ".join(f"{number} x {reason}" for reason, number in tally.dropped.items())
        raise UserError(f"{workdir}: no question is left ({counts}); give a better oracle or weaker rules")
    results = {
        "table": table(tally.before, tally.after),
        "dropped_questions": dict(tally.dropped),
        "dropped_tests": dict(tally.dropped_tests),
        "splits": dict(tally.splits),
        "tests_per_question": {
            "before": sizes_histogram(tally.before),
            "after": sizes_histogram(tally.after),
        },
        "mutation_score": sum(tally.scores) / len(tally.scores) if tally.scores else None,
    }
    write_atomically(workdir / "results.json", json.dumps(results, indent=2))
    output.finish(questions_before=len(questions), questions=kept, splits=results["splits"])
    lines = table_lines(results["table"]), reason_lines("questions", tally.dropped)
    print("\n".join(itertools.chain(*lines, reason_lines("tests", tally.dropped_tests))))
    return output.counts


@dataclass
class _Tally:
    """What is counted while the questions go by."""

    before: Sizes = field(default_factory=Counter)
    after: Sizes = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    dropped_tests: Counter[str] = field(default_factory=Counter)
    splits: Counter[str] = field(default_factory=Counter)
    scores: array[float] = field(default_factory=lambda: array("d"))


def _questions(folder: str) -> Questions:
    """The questions to filter.

    Raises:
      UserError: there are none, or some have no tests.
    """
    questions = Questions(folder)
    if not questions:
        raise UserError(f"{folder}: holds no questions; run the stage that makes them on more seeds")
    if without := [question.id for question in questions.values() if not question.tests]:
        raise UserError(
            f"{folder}: {len(without)} questions have no tests ({', '.join(without[:5])}); there is nothing"
            " to filter in them, leave them out where the folder is made"
        )
    return questions


def _programs(oracle: str, questions: Questions) -> Programs:
    """The programs to believe, each text once: references as completions, or the completions given."""
    if oracle == "reference":
        return lambda question: reference_completions([question])
    answers = ByQuestion(open_records(oracle, Completion), questions, each_record(oracle, Completion))

    def different(question: Question) -> list[Completion]:
        found: dict[str | None, Completion] = {}
        for completion in answers[question.id]:
            found.setdefault(completion.program, completion)
        return list(found.values())

    return different


def _kept(
    config: ConfigDict, questions: Questions, programs: Programs, verdicts: ByQuestion[Verdict], tally: _Tally
) -> Iterator[Question]:
    """The questions that stay, with the tests that do; adds to the tally."""
    rules = FilterRules(config.agreeing_programs, config.drop_repeats, config.drop_toothless)
    for question in questions.values():
        tally.before[question.source, len(question.tests)] += 1
        solutions, wrong = _apart(programs(question), verdicts[question.id])
        if best_of(solutions) is None:
            tally.dropped["no solution"] += 1
            continue
        reasons = reasons_to_drop(question, solutions, wrong, rules)
        tally.dropped_tests.update(filter(None, reasons))
        left = [number for number, reason in enumerate(reasons) if reason is None]
        if len(left) < config.fewest_tests:
            tally.dropped[f"fewer than {config.fewest_tests} tests"] += 1
            continue
        score = mutation_score(wrong, left)
        tally.scores.extend([] if score is None else [score])
        tally.after[question.source, len(left)] += 1
        tally.splits[question.split] += 1
        yield dataclasses.replace(question, tests=tuple(question.tests[i] for i in left))


def _apart(programs: list[Completion], verdicts: list[Verdict]) -> tuple[list[Verdict], list[Verdict]]:
    """A question's verdicts on these programs, in the programs' order, and those on others: on its mutants."""
    others = {verdict.completion_id: verdict for verdict in verdicts}
    return [others.pop(program.id) for program in programs if program.id in others], list(others.values())


def _pass_records(
    config: ConfigDict, workdir: Path, inputs: list[str], questions: Questions, programs: Programs
) -> ByQuestion[Verdict]:
    """The verdicts on the programs that try to solve each question, and on those made wrong on purpose."""
    records = OutputFolder(workdir / "verdicts", "score", config.to_dict(), inputs, config.shard_format)
    if not records.finished:
        known = None
        if config.verdicts:
            checked = checked_verdicts(each_record(config.verdicts, Verdict), questions, config.verdicts)
            known = ByQuestion(open_records(config.verdicts, Verdict), questions, checked)
        with Grader(config.sandbox) as grader:
            _grade(grader, records, known, questions, programs)
            if config.mutants:
                graded = ByQuestion(records.read(Verdict), questions)
                _grade(grader, records, known, questions, _mutants(config, programs, graded))
        records.finish(programs=len(records.read(Verdict)))
    return ByQuestion(records.read(Verdict), questions)


def _grade(
    grader: Grader,
    records: OutputFolder,
    known: ByQuestion[Verdict] | None,
    questions: Questions,
    programs: Programs,
) -> None:
    """Add what is missing of the verdicts on these programs; only what nobody has run yet is run."""

    def left() -> Iterator[tuple[str, list[Completion]]]:
        written = ByQuestion(records.read(Verdict), questions)
        for question in questions.values():
            done = {verdict.completion_id for verdict in written[question.id]}
            yield question.id, [program for program in programs(question) if program.id not in done]

    if known is not None:
        said = (_apart(missing, known[name])[0] for name, missing in left())
        records.write_shards(itertools.chain.from_iterable(said), PROGRAMS_PER_SHARD)
    with tqdm(total=len(questions), unit="question", desc="filter") as bar:

        def graded() -> Iterator[Verdict]:
            for verdict in grader.grade(questions, itertools.chain.from_iterable(m for _, m in left())):
                bar.update(questions.places[verdict.question_id] - bar.n)
                yield verdict

        records.write_shards(graded(), PROGRAMS_PER_SHARD)
        bar.update(bar.total - bar.n)


def _mutants(config: ConfigDict, programs: Programs, graded: ByQuestion[Verdict]) -> Programs:
    """Wrong programs made of each question's best one; their ids say what they are, whatever the settings."""

    def made(question: Question) -> list[Completion]:
        solutions = programs(question)
        best = best_of(_apart(solutions, graded[question.id])[0])
        source = next(
            (program.program for program in solutions if best and program.id == best.completion_id), None
        )
        rng = random.Random(f"{config.seed}/{question.id}/mutants")
        names = {
            f"{question.id}#mutant-{hashlib.sha256(program.encode()).hexdigest()[:12]}": program
            for program in (mutants(source, config.mutants, rng) if source else [])
        }
        return [
            Completion(name, question.id, "", program, (), (), (), "stop") for name, program in names.items()
        ]

    return made
