"""Stage `sample`: n programs for every question, from a policy.

Seed code has become questions; here the reward model's own backbone answers them, on-policy (paper, section 3.2).
Completions keep the token ids and log-probabilities that the engine drew.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from ml_collections import ConfigDict
from tqdm import tqdm

from acecoder_jax.data.folders import OutputFolder, read_records
from acecoder_jax.data.records import Completion, Question
from acecoder_jax.data.splits import choose
from acecoder_jax.errors import UserError
from acecoder_jax.models.folders import load_model
from acecoder_jax.sampling.complete import Sampler, require_questions, sampling_config


def default_config() -> ConfigDict:
    """`model` and `questions` are folders; `samples` and the temperature are the paper's."""
    return ConfigDict(
        {
            "model": "",
            "questions": "",
            "splits": ("train", "validation"),
            "max_questions": 0,  # of each split; 0 for all
            "samples": 16,
            "seed": 0,
            "questions_per_shard": 16,
            "shard_format": "jsonl",  # or "array_record", for anything large
            "sampling": sampling_config(),
        }
    )


def run(config: ConfigDict, workdir: Path) -> dict:
    """Sample into `workdir`; returns the counts."""
    output = OutputFolder(
        workdir, "sample", config.to_dict(), [config.model, config.questions], config.shard_format
    )
    if output.finished:
        return output.counts
    everything = read_records(config.questions, Question)
    questions = [q for split in config.splits for q in choose(everything, split, config.max_questions)]
    require_questions(questions, config.questions)
    done = {completion.question_id for completion in output.read(Completion)}
    left = [question for question in questions if question.id not in done]
    sampler = Sampler(load_model(config.model, "policy"), config.sampling)
    total = len(questions) * config.samples
    with tqdm(total=total, initial=total - len(left) * config.samples, unit="program", desc="sample") as bar:
        for start in range(0, len(left), config.questions_per_shard):
            shard = []
            for completion in sampler.sample(
                left[start : start + config.questions_per_shard], config.samples, config.seed
            ):
                shard.append(completion)
                bar.update()
            output.write_shard(sorted(shard, key=lambda completion: completion.id))
    counts: Counter[str] = Counter()
    answered = set()
    for completion in output.read(Completion):
        answered.add(completion.question_id)
        counts["completions"] += 1
        counts["tokens"] += len(completion.token_ids)
        counts["truncated"] += completion.finish_reason == "length"
        counts["without_program"] += completion.program is None
    if not answered:
        raise UserError(
            f"config.sampling.max_prompt_tokens: {config.sampling.max_prompt_tokens} is too few for any of"
            f" {len(questions)} prompts; raise it"
        )
    output.finish(questions=len(questions), refused=len(questions) - len(answered), **counts)
    return output.counts
