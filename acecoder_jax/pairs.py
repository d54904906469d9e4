"""Stage `pairs`: programs with clearly different pass rates become preference pairs (paper, section 3.2).

Prints the curation report in the form of the paper's Table 1, with the lengths of both sides; `results.json`
holds it with the histograms that `acecoder report` draws.
"""

from __future__ import annotations

import json
from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ml_collections import ConfigDict, config_dict

from acecoder_jax.data.by_question import ByQuestion, Questions
from acecoder_jax.data.folders import OutputFolder, each_record, open_records, write_atomically
from acecoder_jax.data.records import Completion, PreferencePair, Question, Verdict
from acecoder_jax.data.splits import SPLITS
from acecoder_jax.errors import UserError
from acecoder_jax.synthesis.curation import Sizes, reason_lines, table, table_lines
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
    questions = Questions(config.questions)
    completions = _completions(config, questions)
    verdicts = _verdicts(config, questions)
    tally = _Tally()
    output.write_again(_build(config, questions, completions, verdicts, tally), PAIRS_PER_SHARD)
    results = _results(config, tally)
    write_atomically(workdir / "results.json", json.dumps(results, indent=2))
    print("\n".join(_report_lines(results)))
    output.finish(pairs=tally.pairs.total(), questions_with_pairs=tally.per_question.total())
    return output.counts


@dataclass
class _Tally:
    """What is counted while the questions go by."""

    sizes: Sizes = field(default_factory=Counter)
    questions: Counter[str] = field(default_factory=Counter)  # by split
    sampled: Counter[str] = field(default_factory=Counter)
    pairs: Counter[str] = field(default_factory=Counter)
    pairs_by_source: Counter[str] = field(default_factory=Counter)
    per_question: Counter[int] = field(default_factory=Counter)
    pass_rates: Counter[float] = field(default_factory=Counter)
    chosen_tokens: array[int] = field(default_factory=lambda: array("q"))
    rejected_tokens: array[int] = field(default_factory=lambda: array("q"))
    left_out: dict[str, Counter[str]] = field(
        default_factory=lambda: {"questions": Counter(), "completions": Counter(), "pairs": Counter()}
    )


def _completions(config: ConfigDict, questions: Questions) -> ByQuestion[Completion]:
    """The answers; raises UserError where they answer none of the questions."""
    records = open_records(config.completions, Completion)
    completions = ByQuestion(records, questions, each_record(config.completions, Completion))
    if completions.foreign and not len(completions):
        raise UserError(
            f"{config.completions}: answers none of the questions of {config.questions}; give the questions that the"
            " completions were sampled from"
        )
    return completions


def _verdicts(config: ConfigDict, questions: Questions) -> ByQuestion[Verdict]:
    checked = checked_verdicts(
        each_record(config.verdicts, Verdict),
        questions,
        config.verdicts,
        rates_only=config.denominator == "kept",
    )
    return ByQuestion(open_records(config.verdicts, Verdict), questions, checked)


def _build(
    config: ConfigDict,
    questions: Questions,
    completions: ByQuestion[Completion],
    verdicts: ByQuestion[Verdict],
    tally: _Tally,
) -> Iterator[PreferencePair]:
    """All pairs, question by question; adds to the tally.

    Raises:
      UserError: a completion has no verdict.
    """
    rule = PairRule(config.margin, config.chosen_above, config.rejected_above, config.inclusive)
    rate_of = _rate(config, questions)
    tally.left_out["completions"]["of other questions"] += completions.foreign
    for name in sorted(questions):
        question, group = questions[name], completions[name]
        tally.sizes[question.source, len(question.tests)] += 1
        tally.questions[question.split] += 1
        tally.sampled[question.split] += bool(group)
        rates = {verdict.completion_id: rate_of(verdict) for verdict in verdicts[name]}
        if unscored := [completion.id for completion in group if completion.id not in rates]:
            raise UserError(
                f"{config.verdicts}: has no verdict for {unscored[0]} and {len(unscored) - 1} more of that question;"
                " score them"
            )
        known = [rate for completion in group if (rate := rates[completion.id]) is not None]
        tally.pass_rates.update(known)
        tally.left_out["completions"]["the sandbox itself failed"] += len(group) - len(known)
        if config.ascii_prompts_only and not question.prompt.isascii():
            tally.left_out["questions"]["prompt is not ASCII"] += bool(group)
            continue
        pairs = build_pairs(question, group, rates, rule, config.most_per_question, tally.left_out["pairs"])
        for pair in pairs:
            tally.chosen_tokens.append(len(pair.chosen_ids))
            tally.rejected_tokens.append(len(pair.rejected_ids))
            yield pair
        if pairs:
            tally.pairs[question.split] += len(pairs)
            tally.pairs_by_source[question.source] += len(pairs)
            tally.per_question[len(pairs)] += 1


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


def _rate(config: ConfigDict, questions: Questions) -> Callable[[Verdict], float | None]:
    """A verdict's pass rate over the tests that the config says."""
    if config.denominator == "kept":
        return lambda verdict: verdict.pass_rate
    tests = {question.id: len(question.tests) for question in each_record(config.questions_before, Question)}
    for question in questions.values():
        if tests.get(question.id, 0) < len(question.tests):
            raise UserError(
                f"{config.questions_before}: has {tests.get(question.id, 0)} tests for {question.id} and"
                f" {config.questions} has {len(question.tests)}; give the folder that filter read"
            )
    return lambda verdict: pass_rate_of_all(verdict, tests[verdict.question_id])


def _results(config: ConfigDict, tally: _Tally) -> dict:
    filtered = Path(config.questions) / "results.json"
    rows = json.loads(filtered.read_text()).get("table") if filtered.is_file() else None
    rows = rows or table(None, tally.sizes)  # questions that no filter has seen, such as a benchmark's
    for row in rows:
        name = row["subset"]
        row["pairs"] = tally.pairs.total() if name == "all" else tally.pairs_by_source[name]
    splits = {
        split: {
            "questions": tally.questions[split],
            "sampled_questions": tally.sampled[split],
            "pairs": tally.pairs[split],
        }
        for split in SPLITS
    }
    return {
        "table": rows,
        "splits": splits,
        "pass_rates": {str(rate): programs for rate, programs in sorted(tally.pass_rates.items())},
        "lengths": length_balance(zip(tally.chosen_tokens, tally.rejected_tokens)),
        "pairs_per_question": {str(n): count for n, count in sorted(tally.per_question.items())},
        "left_out": {what: dict(+reasons) for what, reasons in tally.left_out.items()},
    }


def _report_lines(results: dict) -> Iterator[str]:
    yield from table_lines(results["table"])
    for what, reasons in results["left_out"].items():
        yield from reason_lines(what, reasons)
    if lengths := results["lengths"]:
        yield (
            f"tokens: chosen {lengths['chosen_tokens']:.1f}, rejected {lengths['rejected_tokens']:.1f} on average;"
            f" the chosen one is longer in {lengths['chosen_longer']:.1%} of pairs,"
            f" as long in {lengths['same_length']:.1%}"
        )
