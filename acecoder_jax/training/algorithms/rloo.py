"""REINFORCE leave-one-out (Ahmadian et al., 2024): a sample's baseline is the mean of its group's other samples.

Ratios are of single tokens, as everywhere here. TRL's RLOO multiplies those of a whole completion, which is the same
in the first update after a rollout alone.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from acecoder_jax.training.advantages import ScoredRollouts, in_groups

OWN: dict[str, str | float] = {}


def advantages(rollouts: ScoredRollouts) -> list[Float[np.ndarray, "time"]]:
    """One advantage a completion, on all of its tokens; a group of one sample has none."""
    return rollouts.on_tokens(in_groups(rollouts.sequence_rewards, rollouts.groups, _above_the_others))


def _above_the_others(rewards: Float[np.ndarray, "group"]) -> Float[np.ndarray, "group"]:
    return rewards - (rewards.sum() - rewards) / (len(rewards) - 1)
