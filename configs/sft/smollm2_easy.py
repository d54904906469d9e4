"""Rejection sampling fine-tuning with as many sampled programs as reinforcement learning has, on the recipe's folders.

    acecoder sample --config=configs/sft/smollm2_easy.py:sample --workdir=runs/smollm2_easy/sft_sample
    acecoder score --config=configs/sft/smollm2_easy.py:score --workdir=runs/smollm2_easy/sft_score
    acecoder sft --config=configs/sft/smollm2_easy.py:sft --workdir=runs/smollm2_easy/sft

The argument is the step; the numbers are those of configs/smollm2_easy.py, whose folders `import` and `filter` in
runs/smollm2_easy have to be there.
"""

import runpy
from pathlib import Path

from ml_collections import ConfigDict

SAMPLES = 24  # of each of 128 questions; there are 185 to train on


def get_config(step="sft"):
    """One of the three steps."""
    recipe = runpy.run_path(str(Path(__file__).parents[1] / "smollm2_easy.py"))["get_config"]
    policy, sample = recipe("train_policy_rule"), recipe("sample")
    programs = policy.steps * policy.prompts_per_step * policy.samples
    sample.update(samples=SAMPLES, max_questions=programs // SAMPLES)
    folders = {"questions": "@filter", "completions": "@sft_sample"}
    train = {key: policy[key] for key in ("model", "row_length", "rows_per_microbatch", "remat", "dtype")}
    train |= {"batch_completions": 32, "optimizer": {"learning_rate": 2e-5}}
    train |= {"sampling": {"temperature": policy.sampling.temperature}}
    steps = {"sample": sample, "score": folders, "sft": folders | train | {"verdicts": "@sft_score"}}
    if step not in steps:
        raise ValueError(f"there is no step {step!r}, only {', '.join(steps)}")
    return ConfigDict(steps[step])
