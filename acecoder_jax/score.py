"""Stage `score`: every sampled program is run against its question's tests in the sandbox.

The verdicts' pass rates are what preference pairs are made from.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from ml_collections import ConfigDict
from tqdm import tqdm

from acecoder_jax.data.folders import OutputFolder, read_records
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
    completions = read_records(config.completions, Completion)
    foreign = sorted({c.question_id for c in completions} - set(questions))
    if foreign:
        raise UserError(
            f"{config.completions}: answers questions that {config.questions} does not have ({', '.join(foreign[:5])});"
            " give the questions that the completions were sampled from"
        )
    done = {verdict.completion_id for verdict in output.read(Verdict)}
    left = [completion for completion in completions if completion.id not in done]
    size = config.completions_per_shard
    with (
        Grader(config.sandbox) as grader,
        tqdm(total=len(completions), initial=len(done), unit="program", desc="score") as bar,
    ):
        for start in range(0, len(left), size):
            shard = []
            for verdict in grader.grade(questions, left[start : start + size]):
                shard.append(verdict)
                bar.update()
            output.write_shard(shard)
    verdicts = output.read(Verdict)
    rates = [verdict.pass_rate for verdict in verdicts if verdict.pass_rate is not None]
    output.finish(
        programs=len(verdicts),
        outcomes=dict(Counter(verdict.outcome for verdict in verdicts)),
        all_passed=sum(rate == 1.0 for rate in rates),
        mean_pass_rate=sum(rates) / max(1, len(rates)),
        cpu_s=sum(verdict.cpu_s for verdict in verdicts),
    )
    return output.counts
