"""Stage `pairs`: programs with clearly different pass rates become preference pairs (paper, section 3.2).

Prints the table of counts before and after filtering in the paper's form.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from pathlib import Path

from ml_collections import ConfigDict

from acecoder_jax.data.folders import OutputFolder, read_records, write_atomically
from acecoder_jax.data.records import Completion, Question, Verdict
from acecoder_jax.errors import UserError
from acecoder_jax.synthesis.pairs import PairRule, build_pairs


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
        }
    )


def run(config: ConfigDict, workdir: Path) -> dict:
    """Write pairs into `workdir`; returns the counts."""
    output = OutputFolder(
        workdir, "pairs", config.to_dict(), [config.questions, config.completions, config.verdicts]
    )
    if output.finished:
        return output.counts
    questions = {question.id: question for question in read_records(config.questions, Question)}
    rates = {verdict.completion_id: verdict.pass_rate for verdict in read_records(config.verdicts, Verdict)}
    completions = defaultdict(list)
    for completion in read_records(config.completions, Completion):
        if completion.question_id in questions:
            completions[completion.question_id].append(completion)
    unscored = [c.id for group in completions.values() for c in group if c.id not in rates]
    if unscored:
        raise UserError(
            f"{config.verdicts}: has no verdict for {unscored[0]} and {len(unscored) - 1} more; score them"
        )
    rule = PairRule(config.margin, config.chosen_above, config.rejected_above, config.inclusive)
    pairs = [
        pair
        for question_id, group in sorted(completions.items())
        if questions[question_id].prompt.isascii() or not config.ascii_prompts_only
        for pair in build_pairs(questions[question_id], group, rates, rule, config.most_per_question)
    ]
    if not output.shards():  # killed between the shard and the manifest: it is there already
        output.write_shard(pairs)
    results = _results(config, questions, completions, rates, pairs)
    write_atomically(workdir / "results.json", json.dumps(results, indent=2))
    _print_table(results["table"])
    output.finish(pairs=len(pairs), questions_with_pairs=len({pair.question_id for pair in pairs}))
    return output.counts


def _results(config: ConfigDict, questions: dict, completions: dict, rates: dict, pairs: list) -> dict:
    filtered = Path(config.questions) / "results.json"
    table = json.loads(filtered.read_text())["table"] if filtered.is_file() else []
    by_source = Counter(questions[pair.question_id].source for pair in pairs)
    for row in table:
        row["pairs"] = len(pairs) if row["subset"] == "all" else by_source[row["subset"]]
    splits = {
        split: {
            "questions": sum(q.split == split for q in questions.values()),
            "sampled_questions": sum(questions[i].split == split for i in completions),
            "pairs": sum(pair.split == split for pair in pairs),
        }
        for split in ("train", "validation", "held_out")
    }
    kept_rates = [rates[c.id] for group in completions.values() for c in group if rates[c.id] is not None]
    return {"table": table, "splits": splits, "pass_rates": kept_rates}


def _print_table(table: list[dict]) -> None:
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
    for row in table:
        cells = [f"{row[c]:.2f}" if isinstance(row[c], float) else str(row[c]) for c in columns]
        print("  ".join(f"{cell:>16}" for cell in cells))
