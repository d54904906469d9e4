"""Stage `score`: every sampled program is run against its question's tests in the sandbox.

The verdicts' pass rates are what preference pairs are made from.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from ml_collections import ConfigDict
from tqdm import tqdm

from acecoder_jax.data.folders import OutputFolder, each_record, open_records, read_records
from acecoder_jax.data.records import Completion, Question, Verdict
from acecoder_jax.errors import UserError
from acecoder_jax.rewards.verdicts import Grader, sandbox_config


def default_config() -> ConfigDict:
    """`questions` and `completions` are folders."""
    return ConfigDict(
        {
            "questions": "",
            "completions": "",
            "completions_per_shard": 1000,
            "shard_format": "jsonl",  # or "array_record", for anything large
            "sandbox": sandbox_config(),
        }
    )


def run(config: ConfigDict, workdir: Path) -> dict:
    """Score into `workdir`; returns the counts."""
    output = OutputFolder(
        workdir, "score", config.to_dict(), [config.questions, config.completions], config.shard_format
    )
    if output.finished:
        return output.counts
    questions = {question.id: question for question in read_records(config.questions, Question)}
    done = {verdict.completion_id for verdict in output.read(Verdict)}
    left = []  # numbers of completions: with their token ids, all of them may be more than memory holds
    foreign = set()
    for number, completion in enumerate(each_record(config.completions, Completion)):
        if completion.question_id not in questions:
            foreign.add(completion.question_id)
        elif completion.id not in done:
            left.append(number)
    if foreign:
        some = ", ".join(sorted(foreign)[:5])
        raise UserError(
            f"{config.completions}: answers questions that {config.questions} does not have ({some});"
            " give the questions that the completions were sampled from"
        )
    completions = open_records(config.completions, Completion)
    with (
        Grader(config.sandbox) as grader,
        tqdm(total=len(completions), initial=len(done), unit="program", desc="score") as bar,
    ):
        verdicts = grader.grade(questions, (completions[number] for number in left))
        output.write_shards(_ticking(verdicts, bar), config.completions_per_shard)
    outcomes: Counter[str] = Counter()
    rates, cpu_s = [], 0.0
    for verdict in output.read(Verdict):
        outcomes[verdict.outcome] += 1
        rates += [] if verdict.pass_rate is None else [verdict.pass_rate]
        cpu_s += verdict.cpu_s
    output.finish(
        programs=outcomes.total(),
        outcomes=dict(outcomes),
        all_passed=sum(rate == 1.0 for rate in rates),
        mean_pass_rate=sum(rates) / max(1, len(rates)),
        cpu_s=cpu_s,
    )
    return output.counts


def _ticking(verdicts: Iterable[Verdict], bar: tqdm) -> Iterator[Verdict]:
    for verdict in verdicts:
        bar.update()
        yield verdict
