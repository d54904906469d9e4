"""When `train_policy` stops: the policy runs away, or what it is rewarded for no longer means better programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ml_collections import ConfigDict

from acecoder_jax.errors import UserError
from acecoder_jax.rewards.guards import has_fallen


def stop_config() -> ConfigDict:
    """Limits; 0 to go on regardless of one of them."""
    return ConfigDict(
        {
            "window": 10,  # steps over which the hidden pass rate is averaged; at least 1
            "drop": 0.15,  # how far it may fall
            "kl": 3.0,  # nats a token away from the reference
            "ratio_spread": 10.0,  # of new over old probabilities
        }
    )


def refuse_to_go_on(config: ConfigDict, step: int, history: Sequence[Mapping[str, float | None]]) -> None:
    """End a run that goes wrong.

    Args:
      config: see `stop_config`.
      step: the last one that is done.
      history: the metrics of every step so far; those of the last one are written.

    Raises:
      UserError: the policy runs away, or the hidden pass rate has fallen.
    """
    advice = "the state is saved; start in another --workdir with a lower optimizer.learning_rate or a higher kl_coef"
    for key, name in (("policy/reference_kl", "kl"), ("policy/ratio_spread", "ratio_spread")):
        limit = config[name]
        if limit and (history[-1].get(key) or 0.0) > limit:
            raise UserError(
                f"step {step}: {key} is {history[-1][key]:.3g}, above config.stop.{name} = {limit}; {advice}"
            )
    hidden = [line["guard/hidden_pass_rate"] for line in history if "guard/hidden_pass_rate" in line]
    if has_fallen(hidden, config.window, config.drop):
        raise UserError(
            f"step {step}: the pass rate on hidden tests has fallen by more than config.stop.drop ="
            f" {config.drop} since its best, so rewards no longer mean better programs; {advice}, or use best/"
        )
