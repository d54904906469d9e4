"""Stage `pairs`: programs with clearly different pass rates become preference pairs (paper, section 3.2).

Prints the curation report in the form of the paper's Table 1, with the lengths of both sides; `results.json`
holds it with the histograms that `acecoder report` draws.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from ml_collections import ConfigDict, config_dict

from acecoder_jax.data.folders import OutputFolder, each_record, open_records, read_records, write_atomically
from acecoder_jax.data.records import Completion, PreferencePair, Question, Verdict
from acecoder_jax.errors import UserError
from acecoder_jax.synthesis.filters import checked_verdicts
from acecoder_jax.synthesis.pairs import PairRule, build_pairs, length_balance, pass_rate_of_all

PAIRS_PER_SHARD = 5000


def default_config() -> ConfigDict:
    """`questions` (made by filter), `completions` and `verdicts` are folders; the thresholds are the paper's."""
    return ConfigDict(
        {
            "questions": "",
            "completions": "",
            "verdicts": "",
            "margin": 0.4,
            "chosen_above": 0.8,
            "rejected_above": 0.0,
            "inclusive": False,
            "most_per_question": 0,
            "ascii_prompts_only": True,  # as the released code has it
            "denominator": "kept",  # of pass rates; "all" divides by the tests before filtering
            "questions_before": config_dict.placeholder(str),  # where those tests are
            "shard_format": "jsonl",  # or "array_record", for anything large
        }
    )


def run(config: ConfigDict, workdir: Path) -> dict:
    """Write pairs into `workdir`; returns the counts."""
    _check(config)
    inputs = [config.questions, config.completions, config.verdicts]
    inputs += [config.questions_before] if config.questions_before else []
    output = OutputFolder(workdir, "pairs", config.to_dict(), inputs, config.shard_format)
    if output.finished:
        return output.counts
    questions = {question.id: question for question in read_records(config.questions, Question)}
    rates = _pass_rates(config, questions)
    answers = _answers(config, questions, rates)
    pairs = _build(config, questions, answers, rates)
    for number in itertools.count():  # those that were there before a kill are made again, and are the same
        shard = list(itertools.islice(pairs, PAIRS_PER_SHARD))
        if number and not shard:
            break
        output.write_shard(shard, number)
    made = [
        _Made(pair.question_id, pair.split, len(pair.chosen_ids), len(pair.rejected_ids))
        for pair in output.read(PreferencePair)
    ]
    results = _results(config, questions, answers, rates, made)
    write_atomically(workdir / "results.json", json.dumps(results, indent=2))
    _print_report(results)
    output.finish(pairs=len(made), questions_with_pairs=len({pair.question_id for pair in made}))
    return output.counts


class _Made(NamedTuple):
    """What the report says of a pair."""

    question_id: str
    split: str
    chosen_tokens: int
    rejected_tokens: int


def _answers(
    config: ConfigDict, questions: Mapping[str, Question], rates: Mapping[str, float | None]
) -> dict[str, dict[str, int]]:
    """For each question its completions' ids with their places in the folder; texts and tokens stay there.

    Raises:
      UserError: no completion answers a question, or one has no verdict.
    """
    answers: dict[str, dict[str, int]] = {}
    others, unscored = 0, []
    for place, completion in enumerate(each_record(config.completions, Completion)):
        if completion.question_id not in questions:
            others += 1
            continue
        answers.setdefault(completion.question_id, {})[completion.id] = place
        if completion.id not in rates:
            unscored.append(completion.id)
    if others and not answers:
        raise UserError(
            f"{config.completions}: answers none of the questions of {config.questions}; give the questions that the"
            " completions were sampled from"
        )
    if unscored:
        raise UserError(
            f"{config.verdicts}: has no verdict for {unscored[0]} and {len(unscored) - 1} more; score them"
        )
    return answers


def _build(
    config: ConfigDict,
    questions: Mapping[str, Question],
    answers: Mapping[str, Mapping[str, int]],
    rates: Mapping[str, float | None],
) -> Iterator[PreferencePair]:
    """All pairs, question by question."""
    rule = PairRule(config.margin, config.chosen_above, config.rejected_above, config.inclusive)
    completions = open_records(config.completions, Completion)
    for question_id, places in sorted(answers.items()):
        question = questions[question_id]
        if question.prompt.isascii() or not config.ascii_prompts_only:
            group = [completions[place] for place in places.values()]
            yield from build_pairs(question, group, rates, rule, config.most_per_question)


def _check(config: ConfigDict) -> None:
    if config.denominator not in ("kept", "all"):
        raise UserError(f"config.denominator: {config.denominator!r} is none; choose from kept, all")
    if config.denominator == "all" and not config.questions_before:
        raise UserError(
            "config.questions_before: denominator=all needs the questions with all their tests; give the folder that"
            " filter read"
        )
    for name in ("margin", "chosen_above"):  # below 0 a threshold lets everything pass
        if not -1 <= config[name] <= 1:
            raise UserError(f"config.{name}: {config[name]} is out of range; give a number from -1 to 1")


def _pass_rates(config: ConfigDict, questions: dict[str, Question]) -> dict[str, float | None]:
    """By completion, over the tests that the config says."""
    verdicts = checked_verdicts(each_record(config.verdicts, Verdict), questions, config.verdicts)
    if config.denominator == "kept":
        return {verdict.completion_id: verdict.pass_rate for verdict in verdicts}
    tests = {q.id: len(q.tests) for q in read_records(config.questions_before, Question)}
    for question in questions.values():
        if tests.get(question.id, 0) < len(question.tests):
            raise UserError(
                f"{config.questions_before}: has {tests.get(question.id, 0)} tests for {question.id} and"
                f" {config.questions} has {len(question.tests)}; give the folder that filter read"
            )
    return {
        v.completion_id: pass_rate_of_all(v, tests[v.question_id]) for v in verdicts if v.question_id in tests
    }


def _results(
    config: ConfigDict, questions: dict, answers: dict[str, dict[str, int]], rates: dict, pairs: list[_Made]
) -> dict:
    filtered = Path(config.questions) / "results.json"
    table = json.loads(filtered.read_text()).get("table") if filtered.is_file() else None
    table = table or _plain_table(
        questions.values()
    )  # questions that no filter has seen, such as a benchmark's
    by_source = Counter(questions[pair.question_id].source for pair in pairs)
    for row in table:
        row["pairs"] = len(pairs) if row["subset"] == "all" else by_source[row["subset"]]
    splits = {
        split: {
            "questions": sum(q.split == split for q in questions.values()),
            "sampled_questions": sum(questions[i].split == split for i in answers),
            "pairs": sum(pair.split == split for pair in pairs),
        }
        for split in ("train", "validation", "held_out")
    }
    known = (rates[name] for places in answers.values() for name in places)
    per_question = Counter(Counter(pair.question_id for pair in pairs).values())
    return {
        "table": table,
        "splits": splits,
        "pass_rates": [rate for rate in known if rate is not None],
        "lengths": length_balance([(pair.chosen_tokens, pair.rejected_tokens) for pair in pairs]),
        "pairs_per_question": {str(number): count for number, count in sorted(per_question.items())},
    }


def _plain_table(questions: Iterable[Question]) -> list[dict]:
    tests = defaultdict(list)
    for question in questions:
        for name in (question.source, "all"):
            tests[name].append(len(question.tests))
    return [
        {"subset": name, "questions_after": len(n), "tests_per_question_after": sum(n) / len(n)}
        for name, n in sorted(tests.items(), key=lambda item: item[0] == "all")
    ]


def _print_report(results: dict) -> None:
    columns = [
        "subset",
        "questions_before",
        "tests_per_question_before",
        "questions_after",
        "tests_per_question_after",
        "pairs",
    ]
    titles = ["subset", "questions before", "tests/question", "questions after", "tests/question", "pairs"]
    print("  ".join(f"{title:>16}" for title in titles))
    for row in results["table"]:
        values = [row.get(column, "-") for column in columns]
        cells = [f"{value:.2f}" if isinstance(value, float) else str(value) for value in values]
        print("  ".join(f"{cell:>16}" for cell in cells))
    if lengths := results["lengths"]:
        print(
            f"tokens: chosen {lengths['chosen_tokens']:.1f}, rejected {lengths['rejected_tokens']:.1f} on average;"
            f" the chosen one is longer in {lengths['chosen_longer']:.1%} of pairs,"
            f" as long in {lengths['same_length']:.1%}"
        )
