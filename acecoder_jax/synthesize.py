"""Stage 1, synthesize: seed programs become questions with tests (section 2 of the paper).

    seed code -> [synthesize] -> questions + tests -> sample -> ...

Reads the seeds, lets the teacher make a question of each, decides each question's split from its id, and
writes `Question` records shard by shard, with the rejected seeds and their reasons beside them.

    acecoder synthesize --workdir=runs/questions
    acecoder synthesize --workdir=runs/questions --config.teacher=llm --config.endpoint.model=gpt-4o-mini
    acecoder synthesize --workdir=runs/questions --config.teacher=policy --config.policy.model=runs/model

The teacher is the seed's own program (`reference`), a language model behind an endpoint (`llm`) or a model folder
(`policy`). An endpoint's replies are kept beside the workdir, so that no rerun pays for them again.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict, config_dict
from tqdm import tqdm

from acecoder_jax.data.folders import OutputFolder, read_manifest, write_atomically
from acecoder_jax.data.records import Question, Seed
from acecoder_jax.data.splits import SPLITS, check_shares, split_of
from acecoder_jax.errors import UserError
from acecoder_jax.sampling.replies import policy_config, policy_replies
from acecoder_jax.synthesis.chosen_seeds import (
    check_filter,
    choose_seeds,
    count_seeds,
    filter_config,
    read_seeds,
)
from acecoder_jax.synthesis.endpoint import DECIDING, Endpoint, check_endpoint, dollars, endpoint_config
from acecoder_jax.synthesis.outcomes import Outcome, Outcomes, Rejection
from acecoder_jax.synthesis.seed_sources import find_sources, fingerprint
from acecoder_jax.synthesis.teachers import TEACHERS
from sandbox import SandboxError

SEEDS_PER_SHARD = 32


def default_config() -> ConfigDict:
    """The stage's settings; the figures are the paper's where it has them."""
    config = ConfigDict(
        {
            # Or builtin:MODULE, folders, files, package:NAME, hub:OWNER/NAME: see synthesis/seed_sources.py.
            "seeds": "builtin",
            "seed_filter": filter_config(),
            # None for all; else a sample that is spread over the seeds.
            "max_seeds": config_dict.placeholder(int),
            "teacher": "reference",  # or llm, or policy
            "endpoint": endpoint_config(),  # of the llm teacher
            "policy": policy_config(),  # of the policy teacher
            "tests_per_question": 20,
            "fewest_tests": 5,
            "split_shares": {"validation": 0.1, "held_out": 0.25},  # the rest is train
            "seed": 0,
            "isolation": "full",
            "workers": 0,  # sandbox processes; 0 for one a core
            "shard_format": "jsonl",  # or "array_record", for anything large
        }
    )
    return config.lock()


def run(config: ConfigDict, workdir: Path) -> dict[str, Any]:
    """Make the questions, or continue making them.

    Returns:
      The counts, as in the folder's manifest.

    Raises:
      UserError: a setting, a seed file or the folder cannot be used, or the sandbox cannot run here.
    """
    _check(config)
    if not (workdir / "manifest.json").exists():  # a finished folder needs no key and no model
        _check_teacher(config)
    settings = config.to_dict()
    sources = find_sources(config.seeds)
    # The seeds' text is part of what made the folder: half of one version and half of another would not do.
    about = settings | {"seeds_sha256": fingerprint(sources)}
    about["endpoint"] = {key: settings["endpoint"][key] for key in DECIDING}
    models = [config.policy.model] if config.teacher == "policy" else []
    open_folder = functools.partial(OutputFolder, workdir, "synthesize", about, models, config.shard_format)
    choose_seeds(sources, config.seed_filter, config.max_seeds, workdir, open_folder)
    folder = open_folder()
    if folder.finished:
        counts = read_manifest(folder.path)["counts"]
        print(f"{folder.path}: already finished\n{_table(counts)}")
        return counts

    total, dropped = count_seeds(folder.path)
    done = min(len(folder.shards()) * SEEDS_PER_SHARD, total)
    notes: Counter[str] = Counter()  # of the teacher, about the seeds that it has yielded
    teacher, progress = _teacher(config, workdir, notes)
    outcomes = teacher(itertools.islice(read_seeds(folder.path), done, None), settings)
    try:
        with closing(outcomes), tqdm(total=total, initial=done, desc="synthesize", unit="seed") as bar:
            while batch := list(_ticking(itertools.islice(outcomes, SEEDS_PER_SHARD), bar, progress)):
                _write(folder, batch, notes, settings["split_shares"])
                notes.clear()
    except SandboxError as error:
        raise UserError(f"synthesize: {error}") from error

    counts = _count(folder, total, dropped) | _replies(folder, settings)
    if counts["questions"] == 0:
        reasons = ", ".join(f"{number} x {reason}" for reason, number in counts["rejected"].items())
        raise UserError(f"{config.seeds}: no seed became a question ({reasons}); correct or add seeds")
    folder.finish(**counts)
    print(f"{folder.path}:\n{_table(counts)}")
    return counts


def _teacher(
    config: ConfigDict, workdir: Path, notes: Counter[str]
) -> tuple[Callable[..., Outcomes], Callable[[], str]]:
    """The teacher, and what it says of itself in the progress bar."""
    teacher = TEACHERS[config.teacher]
    if config.teacher == "llm":
        settings = config.endpoint.to_dict()
        endpoint = Endpoint(settings, settings["cache"] or workdir.resolve().parent / "replies")
        return functools.partial(teacher, ask=endpoint, notes=notes), endpoint.progress
    if config.teacher == "policy":
        ask = policy_replies(config.policy, config.seed)
        return functools.partial(teacher, ask=ask, notes=notes), lambda: ""
    return teacher, lambda: ""


def _check_teacher(config: ConfigDict) -> None:
    """What a teacher needs beside seeds, looked at before the seeds are."""
    if config.teacher == "llm":
        check_endpoint(config.endpoint.to_dict())
    if config.teacher == "policy":
        if config.policy.model is None:
            raise UserError("policy.model: required by the policy teacher; set it to a model folder")
        read_manifest(config.policy.model)


def _check(config: ConfigDict) -> None:
    if config.teacher not in TEACHERS:
        raise UserError(f"teacher: unknown teacher {config.teacher!r}; choose from {sorted(TEACHERS)}")
    if not 1 <= config.fewest_tests <= config.tests_per_question:
        raise UserError(
            f"fewest_tests is {config.fewest_tests} and tests_per_question is {config.tests_per_question};"
            " give at least 1 and no more than tests_per_question"
        )
    if config.max_seeds is not None and config.max_seeds < 1:
        raise UserError(f"max_seeds is {config.max_seeds}; give at least 1, or None for all seeds")
    if config.workers < 0:
        raise UserError(f"workers is {config.workers}; give the number of processes, or 0 for one a core")
    check_filter(config.seed_filter)
    check_shares(config.split_shares.to_dict())


def _ticking(
    outcomes: Iterable[tuple[Seed, Outcome]], bar: tqdm, progress: Callable[[], str]
) -> Iterator[tuple[Seed, Outcome]]:
    """The outcomes as they come, each moving the progress bar."""
    for seed, outcome in outcomes:
        bar.set_postfix_str(progress(), refresh=False)
        bar.update()
        yield seed, outcome


def _write(
    folder: OutputFolder, batch: list[tuple[Seed, Outcome]], notes: Counter[str], shares: dict[str, float]
) -> None:
    """One shard: rejections and notes first, so that a shard on disk means that all are."""
    if notes:
        write_atomically(folder.path / f"notes-{len(folder.shards()):05d}.json", json.dumps(notes))
    rejected = [(seed, outcome) for seed, outcome in batch if isinstance(outcome, Rejection)]
    lines = (
        json.dumps({"seed_id": seed.id, "reason": outcome.reason, "detail": outcome.detail}) + "\n"
        for seed, outcome in rejected
    )
    write_atomically(folder.path / f"rejected-{len(folder.shards()):05d}.jsonl", "".join(lines))
    questions = [outcome for _, outcome in batch if isinstance(outcome, Question)]
    folder.write_shard(
        dataclasses.replace(question, split=split_of(question.id, shares)) for question in questions
    )


def _count(folder: OutputFolder, seeds: int, dropped: dict[str, int]) -> dict[str, Any]:
    """What is in the folder, from its files: the same whether it was made in one go or in several."""
    questions = folder.read(Question)
    reasons = Counter(
        json.loads(line)["reason"]
        for path in sorted(folder.path.glob("rejected-*.jsonl"))
        for line in path.read_text().splitlines()
    )
    tests = sum(len(question.tests) for question in questions)
    return {
        "seeds_read": seeds + sum(dropped.values()),
        "seeds_dropped": dropped,
        "seeds": seeds,
        "questions": len(questions),
        "tests": tests,
        "tests_per_question": round(tests / len(questions), 2) if questions else 0.0,
        "rejected": dict(sorted(reasons.items())),
        "questions_per_split": {
            name: sum(question.split == name for question in questions) for name in SPLITS
        },
    }


def _replies(folder: OutputFolder, settings: dict[str, Any]) -> dict[str, Any]:
    """What the teacher noted about a model's replies, and what they cost, in whichever run that was paid."""
    notes: Counter[str] = Counter()
    for path in sorted(folder.path.glob("notes-*.json")):
        notes.update(json.loads(path.read_text()))
    counts: dict[str, Any] = dict(sorted(notes.items()))
    if settings["teacher"] == "llm":
        counts["dollars"] = round(dollars(settings["endpoint"], notes), 4)
    return {"replies": counts} if counts else {}


def _table(counts: dict[str, Any]) -> str:
    rows = [("seeds read", counts["seeds_read"])]
    rows += [(f"dropped: {reason}", number) for reason, number in counts["seeds_dropped"].items()]
    rows += [("seeds", counts["seeds"]), ("questions", counts["questions"]), ("tests", counts["tests"])]
    rows += [("tests per question", counts["tests_per_question"])]
    rows += [(f"questions, {name}", number) for name, number in counts["questions_per_split"].items()]
    rows += [(f"rejected: {reason}", number) for reason, number in counts["rejected"].items()]
    rows += [(f"replies, {name}", number) for name, number in counts.get("replies", {}).items()]
    return "\n".join(f"  {name:<40}{number:>10,}" for name, number in rows)
