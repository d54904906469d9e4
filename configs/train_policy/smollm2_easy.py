"""Reinforcement learning of the longer recipe alone: another seed, algorithm or reward on the same two CPU cores.

    acecoder train_policy --config=configs/train_policy/smollm2_easy.py:1 --workdir=runs/smollm2_easy/rule_1
    acecoder train_policy --config=configs/train_policy/smollm2_easy.py:2,grpo --workdir=runs/smollm2_easy/grpo_2
    acecoder train_policy --config=configs/train_policy/smollm2_easy.py:model --workdir=runs/smollm2_easy/model_0

The argument names in any order, with commas: a SEED, 0 unless given; an algorithm, `reinforce_pp` unless given; `rule`
or `model`, the reward. All numbers are those of configs/smollm2_easy.py, whose folders in runs/smollm2_easy have to be
there: `import`, `filter`, and `train_reward` for the reward model.
"""

import runpy
from pathlib import Path

from acecoder_jax.training.algorithms import ALGORITHMS


def get_config(arg=""):
    """The recipe's step `train_policy_rule` with what `arg` changes."""
    seed, algorithm, reward = "0", "reinforce_pp", "rule"
    for part in filter(None, arg.split(",")):
        if part.isdigit():
            seed = part
        elif part in ALGORITHMS:
            algorithm = part
        elif part in ("rule", "model"):
            reward = part
        else:
            raise ValueError(f"{part!r} is no seed, reward or algorithm; those are {', '.join(ALGORITHMS)}")
    recipe = runpy.run_path(str(Path(__file__).parents[1] / "smollm2_easy.py"))["get_config"]
    config, other = (recipe(f"{seed},{step}") for step in ("train_policy_rule", "train_policy_model"))
    config.algorithm = {"name": algorithm}
    if reward == "model":
        config.reward, config.reward_model = other.reward, other.reward_model
    return config
