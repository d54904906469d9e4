"""The rule reward: what a verdict is worth."""

import pytest

from acecoder_jax.rewards.rule import RULES, rule_reward
from tests.made_records import completion, verdict

ANSWER = completion("q", 0)


@pytest.mark.parametrize(
    ("rule", "rewards"),
    [
        ("binary", {0.0: 0.0, 0.8: 0.0, 1.0: 1.0}),
        ("pass_rate", {0.0: 0.0, 0.8: 0.8, 1.0: 1.0}),
        ("pass_rate_with_bonus", {0.0: 0.0, 0.8: 0.8, 1.0: 1.5}),
    ],
)
def test_rules(rule, rewards):
    for pass_rate, reward in rewards.items():
        assert rule_reward(verdict(ANSWER, pass_rate), rule) == pytest.approx(reward)


def test_binary_is_the_default():
    assert [rule_reward(verdict(ANSWER, rate)) for rate in (0.8, 1.0)] == [0.0, 1.0]


@pytest.mark.parametrize("rule", RULES)
def test_a_failure_of_the_sandbox_is_worth_nothing_at_all(rule):
    assert rule_reward(verdict(ANSWER, None), rule) is None
