"""The policy algorithms by name: how advantages are estimated, and how the loss is put together by default.

Each module has `advantages(rollouts)` and `OWN`, the settings in which it differs from `COMMON`, which are the
AceCoder paper's. The trainer does not know which one runs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from ml_collections import ConfigDict, config_dict

from acecoder_jax.errors import UserError
from acecoder_jax.training.advantages import ScoredRollouts
from acecoder_jax.training.algorithms import (
    dr_grpo,
    grpo,
    gspo,
    ppo,
    reinforce_pp,
    reinforce_pp_baseline,
    rloo,
)
from acecoder_jax.training.kl import KL_ESTIMATORS
from acecoder_jax.training.losses import AVERAGES, RATIOS, PolicyLoss

ALGORITHMS = {
    "reinforce_pp": reinforce_pp,
    "reinforce_pp_baseline": reinforce_pp_baseline,
    "rloo": rloo,
    "grpo": grpo,
    "dr_grpo": dr_grpo,
    "gspo": gspo,
    "ppo": ppo,
}

WITHIN_GROUPS = (
    "reinforce_pp_baseline",
    "rloo",
    "grpo",
    "dr_grpo",
    "gspo",
)  # compare samples of one question

COMMON = {
    "kl_in": "reward",
    "kl_estimator": "k1",
    "average": "tokens",
    "ratio": "token",
    "clip_low": 0.2,
    "clip_high": 0.2,
}

_CHOICES = {
    "kl_in": ("reward", "loss"),
    "kl_estimator": tuple(KL_ESTIMATORS),
    "average": AVERAGES,
    "ratio": RATIOS,
}
_MOST = {
    "kl_coef": math.inf,
    "reference_every": math.inf,
    "clip_low": 1,
    "clip_high": math.inf,
    "discount": 1,
}
_MOST |= {"gae_lambda": 1, "critic_coef": math.inf, "critic_clip": math.inf, "critic_rate": math.inf}


def algorithm_config() -> ConfigDict:
    """The algorithm and its switches; None leaves a switch as the algorithm's own paper has it."""
    return ConfigDict(
        {
            "name": "reinforce_pp",
            "kl_coef": 0.01,  # 0 for no reference policy at all
            "reference_every": 0,  # steps after which the reference becomes the policy of then; 0 for never
            "kl_in": config_dict.placeholder(str),  # "reward" or "loss"
            "kl_estimator": config_dict.placeholder(str),  # "k1", "k2" or "k3"
            "average": config_dict.placeholder(str),  # "tokens", "sequences" or "constant"
            "ratio": config_dict.placeholder(str),  # of each "token" or of the whole "sequence"
            "clip_low": config_dict.placeholder(float),
            "clip_high": config_dict.placeholder(float),
            "discount": 1.0,
            "gae_lambda": 0.95,  # ppo alone, as is the critic
            "critic_coef": 0.1,  # weight of its loss beside the policy's
            "critic_clip": 0.2,  # how far a value moves in one step
            "critic_rate": 10.0,  # how many times the learning rate its head takes
        }
    )


@dataclass(frozen=True)
class Algorithm:
    """An estimator with every setting of its loss decided.

    Attributes:
      value_targets: what a critic is trained towards; None for estimators that need none.
    """

    name: str
    advantages: Callable[[ScoredRollouts], list[np.ndarray]]
    loss: PolicyLoss
    value_targets: Callable[[ScoredRollouts], list[np.ndarray]] | None = None


def choose_algorithm(config: ConfigDict) -> Algorithm:
    """Read an `algorithm_config`.

    Raises:
      UserError: an unknown name or switch, a number out of its range, or a KL term that nothing follows from.
    """
    if config.name not in ALGORITHMS:
        raise UserError(
            f"config.algorithm.name: {config.name!r} is unknown; use one of {', '.join(ALGORITHMS)}"
        )
    module = ALGORITHMS[config.name]
    settings = COMMON | module.OWN | {key: config[key] for key in COMMON if config[key] is not None}
    for key, choices in _CHOICES.items():
        if settings[key] not in choices:
            raise UserError(
                f"config.algorithm.{key}: {settings[key]!r} is unknown; use one of {', '.join(choices)}"
            )
    if config.kl_coef and (settings["kl_in"], settings["kl_estimator"]) == ("loss", "k1"):
        raise UserError(
            "config.algorithm.kl_estimator: k1 in the loss has a gradient of mean 0; use k2 or k3, or kl_in=reward"
        )
    for key, most in _MOST.items():
        value = settings.get(key, config.get(key))
        if not (math.isfinite(value) and 0 <= value <= most):
            limits = "of 0 or more" if most == math.inf else f"from 0 to {most}"
            raise UserError(f"config.algorithm.{key}: {value} is out of range; give a number {limits}")
    loss = PolicyLoss(kl_coef=config.kl_coef, **settings)
    return Algorithm(config.name, module.advantages, loss, getattr(module, "value_targets", None))
