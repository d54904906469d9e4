"""Stage `hard`: of the filtered questions, the hard quarter that reinforcement learning trains on (paper, section 4).

Reads the verdicts of `score`, of one model's samples or of two, and writes those questions on which the samples
mostly fail, but not all alike; the rule is `synthesis/hard.py`'s.

    acecoder hard --config.questions=runs/filter --config.verdicts=runs/score --workdir=runs/hard
"""

from __future__ import annotations

import json
import statistics
from array import array
from collections import Counter, defaultdict
from pathlib import Path

from ml_collections import ConfigDict, config_dict

from acecoder_jax.data.by_question import Questions
from acecoder_jax.data.folders import OutputFolder, each_record, write_atomically
from acecoder_jax.data.records import Verdict
from acecoder_jax.errors import UserError
from acecoder_jax.synthesis.filters import checked_verdicts
from acecoder_jax.synthesis.hard import hard_quarter

QUESTIONS_PER_SHARD = 5000


def default_config() -> ConfigDict:
    """Folders; `second_verdicts` are those of a second model's samples, as the released script has them."""
    return ConfigDict({"questions": "", "verdicts": "", "second_verdicts": config_dict.placeholder(str)})


def run(config: ConfigDict, workdir: Path) -> dict:
    """Write the hard questions into `workdir`; returns the counts."""
    folders = [folder for folder in (config.verdicts, config.second_verdicts) if folder]
    output = OutputFolder(workdir, "hard", config.to_dict(), [config.questions, *folders])
    if output.finished:
        return output.counts
    questions = Questions(config.questions)
    rates: dict[str, array[float]] = defaultdict(lambda: array("d"))
    for folder in folders:
        for verdict in checked_verdicts(each_record(folder, Verdict), questions, folder, rates_only=True):
            if verdict.question_id in questions and verdict.pass_rate is not None:
                rates[verdict.question_id].append(verdict.pass_rate)
    if not rates:
        raise UserError(
            f"{config.verdicts}: has no verdict on a question of {config.questions}; give those that were scored"
        )
    chosen = set(hard_quarter(rates))
    hard = [name for name in questions if name in chosen]
    output.write_again((questions[name] for name in hard), QUESTIONS_PER_SHARD)
    counts = {
        "questions": len(hard),
        "scored_questions": len(rates),
        "questions_before": len(questions),
        "mean_pass_rate": statistics.fmean(statistics.fmean(rates[name]) for name in hard),
        "mean_pass_rate_before": statistics.fmean(map(statistics.fmean, rates.values())),
    }
    splits = dict(Counter(questions[name].split for name in hard))
    write_atomically(workdir / "results.json", json.dumps(counts | {"splits": splits}, indent=2))
    output.finish(**counts, splits=splits)
    print(
        f"{workdir}: {len(hard)} hard questions of {len(rates)} scored ones; their mean pass rate is"
        f" {counts['mean_pass_rate']:.3f}, that of all {counts['mean_pass_rate_before']:.3f}"
    )
    return output.counts
