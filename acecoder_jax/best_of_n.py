"""Stage `best_of_n`: of n sampled programs, the one that the reward model scores highest (paper, section 4.2).

Reads the completions and verdicts of `evaluate`, so every column of the table speaks of the same programs: greedy,
the average of all samples, the best of n by reward, and the oracle (any of n passes). Best-of-n and oracle are
exact expectations over all subsets of n samples, not one draw.
"""

from __future__ import annotations

import json
from collections import defaultdict
from math import comb
from pathlib import Path

import numpy as np
from ml_collections import ConfigDict

from acecoder_jax.benchmarks.pass_at_k import mean_pass_at_k
from acecoder_jax.data.folders import OutputFolder, read_manifest, read_records, write_atomically
from acecoder_jax.data.records import Completion, Verdict, from_json
from acecoder_jax.errors import UserError
from acecoder_jax.models.folders import load_model
from acecoder_jax.rewards.model import RewardScorer
from acecoder_jax.synthesis.pairs import PairRule


def default_config() -> ConfigDict:
    """`evaluation` is a folder of `evaluate`, `set` one of its sets; `ns` are the paper's."""
    return ConfigDict(
        {
            "reward_model": "",
            "evaluation": "",
            "set": "held_out",
            "ns": (16, 32, 64),
            "row_length": 2048,
            "dtype": "float32",
        }
    )


def run(config: ConfigDict, workdir: Path) -> dict:
    """Write the table into `workdir`; returns the counts."""
    output = OutputFolder(workdir, "best_of_n", config.to_dict(), [config.reward_model, config.evaluation])
    if output.finished:
        return output.counts
    verdicts = _read_verdicts(Path(config.evaluation), config.set)
    completions = {c.id: c for c in read_records(config.evaluation, Completion) if c.id in verdicts}
    scorer = RewardScorer.from_model(
        load_model(config.reward_model, "reward"), config.row_length, float("inf"), config.dtype
    )
    samples = sorted(
        i for i in completions if not i.endswith("#greedy") and verdicts[i].pass_rate is not None
    )
    if not samples:
        raise UserError(
            f"{config.evaluation}: set {config.set!r} has no sampled programs; evaluate with samples > 0"
        )
    scores = dict(zip(samples, scorer.score([completions[i] for i in samples])))
    by_question: dict[str, list[tuple[float, bool]]] = defaultdict(list)
    for i in samples:
        by_question[verdicts[i].question_id].append((scores[i], verdicts[i].pass_rate == 1.0))
    greedy = [
        v.pass_rate == 1.0 for i, v in verdicts.items() if i.endswith("#greedy") and v.pass_rate is not None
    ]
    groups = list(by_question.values())
    fewest = min(map(len, groups))
    ns = [n for n in config.ns if n <= fewest]
    results = {
        "questions": len(groups),
        "samples": fewest,
        "greedy": float(np.mean(greedy)),
        "average": float(np.mean([np.mean([ok for _, ok in group]) for group in groups])),
        "best_of_n": {str(n): float(np.mean([best_of(group, n) for group in groups])) for n in ns},
        "oracle": {str(n): mean_pass_at_k([(len(g), sum(ok for _, ok in g)) for g in groups], n) for n in ns},
        **_pair_accuracy(samples, scores, verdicts),
    }
    write_atomically(workdir / "results.json", json.dumps(results, indent=2))
    lines = [
        json.dumps({"completion_id": i, "reward": scores[i], "pass_rate": verdicts[i].pass_rate})
        for i in samples
    ]
    write_atomically(workdir / "scores.jsonl", "\n".join(lines) + "\n")
    print(f"greedy {results['greedy']:.3f}  average {results['average']:.3f}")
    for n in ns:
        print(f"best of {n:>2} {results['best_of_n'][str(n)]:.3f}  oracle {results['oracle'][str(n)]:.3f}")
    output.finish(questions=len(groups), samples=fewest)
    return output.counts


def best_of(group: list[tuple[float, bool]], n: int) -> float:
    """Chance that the highest-scored of n samples drawn without replacement passes.

    The sample of rank r (0 the lowest) is the best of C(r, n - 1) of the C(total, n) subsets. Equal scores share
    their ranks' chances evenly.

    Args:
      group: (score, passed) of every sample of one question; at least n.
    """
    ordered = sorted(group, key=lambda pair: pair[0])
    scores = np.array([score for score, _ in ordered])
    passed = np.array([ok for _, ok in ordered], float)
    for value in np.unique(scores):
        tied = scores == value
        passed[tied] = passed[tied].mean()
    weights = np.array([comb(rank, n - 1) for rank in range(len(ordered))], float)
    return float(np.sum(weights * passed) / comb(len(ordered), n))


def _pair_accuracy(samples: list[str], scores: dict[str, float], verdicts: dict[str, Verdict]) -> dict:
    """Pair accuracy by the paper's rule on these programs: a look at the reward model on questions it never saw."""
    rule, right, count = PairRule(), 0.0, 0
    by_question: dict[str, list[str]] = defaultdict(list)
    for i in samples:
        by_question[verdicts[i].question_id].append(i)
    for group in by_question.values():
        for a in group:
            for b in group:
                if rule.prefers(verdicts[a].pass_rate, verdicts[b].pass_rate):
                    count += 1
                    right += (scores[a] > scores[b]) + 0.5 * (scores[a] == scores[b])
    return {"pairs": count, "pair_accuracy": right / count if count else None}


def _read_verdicts(folder: Path, name: str) -> dict[str, Verdict]:
    read_manifest(folder)
    path = folder / f"verdicts-{name}.jsonl"
    if not path.is_file():
        raise UserError(f"{path}: no such file; config.set must be one of that evaluation's sets")
    lines = path.read_text().splitlines()
    verdicts = [from_json(Verdict, line, f"{path}:{number}") for number, line in enumerate(lines, start=1)]
    return {verdict.completion_id: verdict for verdict in verdicts}
