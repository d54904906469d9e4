"""Stage `evaluate`: greedy pass@1 and unbiased pass@k, on questions of one split and on benchmark files.

Keeps the completions (greedy ones are numbered `#greedy`) and their verdicts, from which best-of-n picks.
"""

from __future__ import annotations

import dataclasses
import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from ml_collections import ConfigDict, config_dict
from tqdm import tqdm

from acecoder_jax.benchmarks.load import load_benchmark
from acecoder_jax.benchmarks.pass_at_k import mean_pass_at_k
from acecoder_jax.data.folders import OutputFolder, read_records, write_atomically
from acecoder_jax.data.records import Completion, Question, Verdict, to_json
from acecoder_jax.data.splits import choose
from acecoder_jax.errors import UserError
from acecoder_jax.models.folders import load_model
from acecoder_jax.rewards.verdicts import Grader, reference_completions, sandbox_config
from acecoder_jax.sampling.complete import Sampler, require_questions, sampling_config


def default_config() -> ConfigDict:
    """`model` and `questions` are folders; `benchmarks` gives files by path, None to leave one out."""
    return ConfigDict(
        {
            "model": "",
            "questions": config_dict.placeholder(str),
            "split": "held_out",
            "max_questions": 0,
            "benchmarks": {
                name: config_dict.placeholder(str)
                for name in ("humaneval", "humanevalplus", "mbpp", "mbppplus")
            },
            "samples": 8,
            "ks": (1, 2, 4, 8),
            "seed": 1,
            "questions_per_shard": 64,
            "sampling": sampling_config(),
            "sandbox": sandbox_config(),
        }
    )


def run(config: ConfigDict, workdir: Path) -> dict:
    """Evaluate into `workdir`; returns the counts."""
    if config.questions is None and not any(config.benchmarks.values()):
        raise UserError("config.questions: give a questions folder, or a file for one of config.benchmarks")
    inputs = [config.model] + ([config.questions] if config.questions else [])
    output = OutputFolder(workdir, "evaluate", config.to_dict(), inputs)
    if output.finished:
        return output.counts
    model = load_model(config.model, "policy")
    sampler = Sampler(model, config.sampling)
    results = {
        "model": model.fingerprint,
        "samples": config.samples,
        "temperature": config.sampling.temperature,
        "sets": {},
    }
    done = {completion.question_id for completion in output.read(Completion)}
    with Grader(config.sandbox) as grader:
        for name, questions in _sets(config).items():
            if name in config.benchmarks:
                _check_references(name, questions, grader)
            left = [question for question in questions if question.id not in done]
            with tqdm(total=len(left) * (1 + config.samples), unit="program", desc=f"evaluate {name}") as bar:
                for start in range(0, len(left), config.questions_per_shard):
                    shard = []
                    asked = left[start : start + config.questions_per_shard]
                    for completion in sampler.sample(asked, config.samples, config.seed, greedy=True):
                        shard.append(completion)
                        bar.update()
                    output.write_shard(sorted(shard, key=lambda completion: completion.id))
            ids = {question.id for question in questions}
            answers = [completion for completion in output.read(Completion) if completion.question_id in ids]
            verdicts = list(grader.grade({question.id: question for question in questions}, answers))
            write_atomically(workdir / f"verdicts-{name}.jsonl", "".join(to_json(v) + "\n" for v in verdicts))
            if not answers:
                raise UserError(
                    f"{name}: no question could be sampled, see above; raise config.sampling.max_prompt_tokens"
                )
            if all(v.pass_rate is None for v in verdicts if v.completion_id.endswith("#greedy")):
                raise UserError(
                    f"{name}: the sandbox failed on every greedy program; see that this host has memory and processes"
                    " to spare, then run the same command again: it keeps the programs"
                )
            results["sets"][name] = summarize(questions, verdicts, config.ks)
    write_atomically(workdir / "results.json", json.dumps(results, indent=2))
    for name, values in results["sets"].items():
        shown = "  ".join(f"pass@{k} {value:.3f}" for k, value in values["pass@k"].items())
        print(f"{name}: {values['questions']} questions, greedy {values['greedy_pass@1']:.3f}  {shown}")
    output.finish(sets={name: values["questions"] for name, values in results["sets"].items()})
    return output.counts


def _check_references(name: str, questions: list[Question], grader: Grader) -> None:
    """Say which canonical solutions fail here: their questions count as unsolved whatever a model writes."""
    verdicts = grader.grade(
        {question.id: question for question in questions}, reference_completions(questions)
    )
    passing = {verdict.question_id for verdict in verdicts if verdict.pass_rate == 1.0}
    failing = [question.id for question in questions if question.id not in passing]
    print(
        f"{name}: canonical solutions of {len(questions) - len(failing)} of {len(questions)} questions pass here",
        end="",
    )
    print(f"; not those of {', '.join(failing[:10])}" if failing else "")


def summarize(questions: Sequence[Question], verdicts: Sequence[Verdict], ks: Sequence[int]) -> dict:
    """The numbers of one set; completions that the sandbox failed on are left out and counted.

    A question that the sampler refused counts as unsolved.

    A question with fewer than k samples left does not count for pass@k; without any, pass@k is left out.
    """
    passed: dict[str, list[bool]] = defaultdict(list)
    greedy: dict[str, bool] = {}
    rates, failures = [], 0
    for verdict in verdicts:
        if verdict.pass_rate is None:
            failures += 1
        elif verdict.completion_id.endswith("#greedy"):
            greedy[verdict.question_id] = verdict.pass_rate == 1.0
        else:
            passed[verdict.question_id].append(verdict.pass_rate == 1.0)
            rates.append(verdict.pass_rate)
    refused = {question.id for question in questions} - {verdict.question_id for verdict in verdicts}
    for question in refused:
        greedy[question], passed[question] = False, [False] * max(ks, default=0)

    pass_at = {}
    for k in ks:
        counts = [(len(group), sum(group)) for group in passed.values() if len(group) >= k]
        if counts:
            pass_at[str(k)] = mean_pass_at_k(counts, k)
    return {
        "questions": len(questions),
        "greedy_pass@1": float(np.mean(list(greedy.values()))),
        "pass@k": pass_at,
        "mean_pass_rate": float(np.mean(rates)) if rates else None,
        "infrastructure_failures": failures,
        "refused": len(refused),
    }


def _sets(config: ConfigDict) -> dict[str, list[Question]]:
    sets = {}
    if config.questions is not None:
        members = choose(read_records(config.questions, Question), config.split, config.max_questions)
        require_questions(members, config.questions)
        sets[config.split] = members
    for name, path in config.benchmarks.items():
        if path is not None:
            tasks = load_benchmark(name, path, config.sandbox.isolation)[: config.max_questions or None]
            # HumanEval and HumanEval+ share their ids, and so do MBPP and MBPP+.
            sets[name] = [dataclasses.replace(task, id=f"{name}/{task.id}") for task in tasks]
    return sets
