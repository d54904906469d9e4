"""Stage `score`: every sampled program is run against its question's tests in the sandbox.

The verdicts' pass rates are what preference pairs are made from.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from ml_collections import ConfigDict
from tqdm import tqdm

from acecoder_jax.data.by_question import Questions
from acecoder_jax.data.folders import OutputFolder, each_record, open_records
from acecoder_jax.data.records import Completion, Verdict
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
    questions = Questions(config.questions)
    foreign = {
        completion.question_id
        for completion in each_record(config.completions, Completion)
        if completion.question_id not in questions
    }
    if foreign:
        some = ", ".join(sorted(foreign)[:5])
        raise UserError(
            f"{config.completions}: answers questions that {config.questions} does not have ({some});"
            " give the questions that the completions were sampled from"
        )
    completions = open_records(config.completions, Completion)
    done = _done(output, completions)
    with (
        Grader(config.sandbox) as grader,
        tqdm(total=len(completions), initial=done, unit="program", desc="score") as bar,
    ):
        verdicts = grader.grade(questions, (completions[number] for number in range(done, len(completions))))
        output.write_shards(_ticking(verdicts, bar), config.completions_per_shard)
    outcomes: Counter[str] = Counter()
    graded, all_passed, rates, cpu_s = 0, 0, 0.0, 0.0
    for verdict in output.read(Verdict):
        outcomes[verdict.outcome] += 1
        if verdict.pass_rate is not None:
            graded += 1
            all_passed += verdict.pass_rate == 1.0
            rates += verdict.pass_rate
        cpu_s += verdict.cpu_s
    output.finish(
        programs=outcomes.total(),
        outcomes=dict(outcomes),
        all_passed=all_passed,
        mean_pass_rate=rates / max(1, graded),
        cpu_s=cpu_s,
    )
    said = ", ".join(f"{number:,} {outcome}" for outcome, number in outcomes.most_common())
    print(f"{workdir}: {outcomes.total():,} programs: {said}; mean pass rate {rates / max(1, graded):.3f}")
    return output.counts


def _done(output: OutputFolder, completions: Sequence[Completion]) -> int:
    """How many completions have verdicts: these are in their order, so that a number is all there is to know."""
    verdicts = output.read(Verdict)
    done = len(verdicts)
    if done > len(completions) or (done and verdicts[done - 1].completion_id != completions[done - 1].id):
        raise UserError(
            f"{output.path}: its verdicts are not those of the first {done} completions; remake the folder"
        )
    return done


def _ticking(verdicts: Iterable[Verdict], bar: tqdm) -> Iterator[Verdict]:
    for verdict in verdicts:
        bar.update()
        yield verdict
