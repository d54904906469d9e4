"""The rule reward: what a verdict is worth to the policy (paper, section 3.3)."""

from __future__ import annotations

from acecoder_jax.data.records import Verdict

# How a pass rate in [0, 1] becomes a reward.
RULES = {
    "binary": lambda pass_rate: float(pass_rate == 1.0),
    "pass_rate": lambda pass_rate: pass_rate,
    "pass_rate_with_bonus": lambda pass_rate: pass_rate + 0.5 * (pass_rate == 1.0),
}


def rule_reward(verdict: Verdict, rule: str = "binary") -> float | None:
    """The reward of one completion; None when the sandbox failed, and the completion is to be left out.

    Args:
      rule: "binary" is 1 when all tests pass, else 0; "pass_rate" the share that passes; the released code's
        "pass_rate_with_bonus" adds 0.5 when all pass.
    """
    return None if verdict.pass_rate is None else RULES[rule](verdict.pass_rate)
