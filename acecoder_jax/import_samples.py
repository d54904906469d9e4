"""Stage `import_samples`: published programs for a benchmark's tasks become folders like those of `sample`.

Writes two folders below the workdir, `questions` and `completions`, for `score` and `pairs` to read: real programs of
a real model, without sampling any.

    acecoder import_samples --config.benchmark=humanevalplus --config.tasks=HumanEvalPlus-Mini.jsonl.gz \\
        --config.samples=samples.jsonl.gz --config.tokenizer=tokenizer --workdir=runs/published
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path

from ml_collections import ConfigDict
from tqdm import tqdm
from transformers import PreTrainedTokenizerBase

from acecoder_jax.benchmarks.load import load_benchmark
from acecoder_jax.benchmarks.samples import read_samples
from acecoder_jax.data.code import extract_program
from acecoder_jax.data.folders import OutputFolder, file_hash
from acecoder_jax.data.prompts import render_prompt
from acecoder_jax.data.records import Completion, Question
from acecoder_jax.data.splits import SPLITS
from acecoder_jax.errors import UserError
from acecoder_jax.models.folders import load_tokenizer

QUESTIONS_PER_SHARD = 64
PROMPTS = "asked", "published"


def default_config() -> ConfigDict:
    """`tasks` and `samples` are files, `tokenizer` a folder with a chat template, such as a model's."""
    return ConfigDict(
        {
            "benchmark": "",
            "tasks": "",
            "samples": "",
            "tokenizer": "",
            "prompts": "asked",  # or "published": the bare text that the programs continue
            "max_questions": 0,  # 0 for all
            "max_samples": 0,  # of each question; 0 for all
            "split": "held_out",  # benchmarks are: training on one is a choice to make here
            "isolation": "full",
            "shard_format": "jsonl",  # or "array_record", for anything large
        }
    )


def run(config: ConfigDict, workdir: Path) -> dict:
    """Write both folders; returns the counts of the completions."""
    if config.split not in SPLITS:
        raise UserError(f"config.split: {config.split!r} is none; choose from {', '.join(SPLITS)}")
    for name in ("max_questions", "max_samples"):
        if config[name] < 0:
            raise UserError(f"config.{name}: {config[name]} is no number of them; give 0 for all, or more")
    if config.prompts not in PROMPTS:
        raise UserError(f"config.prompts: {config.prompts!r} is none; choose from {', '.join(PROMPTS)}")
    about = config.to_dict() | {name: _file_mark(config[name]) for name in ("tasks", "samples")}
    asked = OutputFolder(workdir / "questions", "import_samples", about, (), config.shard_format)
    answered = OutputFolder(workdir / "completions", "import_samples", about, (), config.shard_format)
    if asked.finished and answered.finished:
        return answered.counts
    tokenizer = load_tokenizer(Path(config.tokenizer))
    tasks = load_benchmark(config.benchmark, config.tasks, config.isolation)
    found = {name: one for name, one in read_samples(config.samples, tasks).items() if one.programs}
    questions = [dataclasses.replace(task, split=config.split) for task in tasks if task.id in found]
    questions = questions[: config.max_questions or None]
    if config.prompts == "published":
        unsaid = [question.id for question in questions if not found[question.id].prompt]
        if unsaid:
            raise UserError(
                f"{config.samples}: does not say which text the programs of {unsaid[0]} continue; use"
                " config.prompts='asked'"
            )
        questions = [dataclasses.replace(one, prompt=found[one.id].prompt) for one in questions]
    if not asked.finished:
        if not asked.shards():  # killed between the shard and the manifest: it is there already
            asked.write_shard(questions)
        asked.finish(questions=len(questions), tasks=len(tasks))
    left = questions[QUESTIONS_PER_SHARD * len(answered.shards()) :]
    with tqdm(
        total=len(questions), initial=len(questions) - len(left), unit="question", desc="samples"
    ) as bar:
        for start in range(0, len(left), QUESTIONS_PER_SHARD):
            shard = left[start : start + QUESTIONS_PER_SHARD]
            answered.write_shard(
                completion
                for question in shard
                for completion in _completions(
                    question, found[question.id].programs[: config.max_samples or None], tokenizer
                )
            )
            bar.update(len(shard))
    counts: Counter[str] = Counter()
    for completion in answered.read(Completion):
        counts["completions"] += 1
        counts["tokens"] += len(completion.token_ids)
        counts["without_program"] += completion.program is None
    answered.finish(questions=len(questions), **counts)
    print(
        f"{workdir}: {counts['completions']:,} programs for {len(questions):,} of {len(tasks):,} tasks,"
        f" {counts['tokens']:,} tokens; {counts['without_program']:,} without a program"
    )
    return answered.counts


def _completions(
    question: Question, programs: list[str], tokenizer: PreTrainedTokenizerBase
) -> list[Completion]:
    """The programs as a chat model would have answered: each in one code block, in this tokenizer's ids."""
    prompt_ids = render_prompt(tokenizer, question.prompt)
    end = () if tokenizer.eos_token_id is None else (tokenizer.eos_token_id,)
    completions = []
    for number, program in enumerate(programs):
        text = f"```python\n{program.strip()}\n```"
        ids = (*tokenizer.encode(text, add_special_tokens=False), *end)
        found = extract_program(text, question.entry_point)
        completions.append(
            Completion(f"{question.id}#{number}", question.id, text, found, prompt_ids, ids, (), "stop")
        )
    return completions


def _file_mark(path: str) -> str:
    """The file's name with a hash of what is in it, so that another file of that name is another input."""
    if not Path(path).is_file():
        raise UserError(f"{path}: no such file; download it and correct the path")
    return f"{path} {file_hash(path)[:16]}"
