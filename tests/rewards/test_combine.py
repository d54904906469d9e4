"""Rewards of a batch by hand: parts, their sum, hidden tests, lengths, and what is left out."""

from types import SimpleNamespace

import pytest

from acecoder_jax import train_policy
from acecoder_jax.data.prompts import render_prompt
from acecoder_jax.data.records import TestOutcome, Verdict
from acecoder_jax.rewards import combine
from acecoder_jax.rewards.combine import Rewards
from tests.made_records import completion, config_of, question, verdict
from tests.tiny_models import tiny_tokenizer
from tests.user_errors import user_error

QUESTION = question("made/q", tests=5)
ANSWERS = [completion("made/q", n, finish_reason="length" if n == 1 else "stop") for n in range(4)]


class Scorer:
    """A reward model's stand-in: 2, 1, 0, -1."""

    @classmethod
    def from_model(cls, *_):
        return cls()

    def score(self, completions):
        return [2.0 - int(c.id[-1]) for c in completions]


def rewards(monkeypatch, **changes):
    monkeypatch.setattr(combine, "RewardScorer", Scorer)
    monkeypatch.setattr(combine, "load_model", lambda *_: SimpleNamespace(extra={"reward_spread": 2.0}))
    sampling = {"max_new_tokens": 4}
    return Rewards(
        config_of(train_policy, {"reward_model": "made", "sampling": sampling} | changes), [QUESTION]
    )


def graded(*rates):
    return [verdict(answer, rate) for answer, rate in zip(ANSWERS, rates)]


def test_the_default_is_one_for_all_tests_that_are_shown(monkeypatch):
    made = rewards(monkeypatch)
    (hidden,) = made.hidden["made/q"]
    outcomes = [TestOutcome("failed" if test == hidden else "passed") for test in range(5)]
    verdicts = [Verdict("made/q#0", "made/q", tuple(outcomes), "failed", 0.8), *graded(0.8, 1.0, 0.0)[1:]]
    found = made.score(ANSWERS[:3], verdicts)
    assert found["total"] == found["rule"] == [1.0, 1.0, 0.0]
    values = made.metrics(found, verdicts)
    assert values["reward/mean"] == pytest.approx(2 / 3) and values["reward/left_out"] == 0
    assert values["guard/hidden_pass_rate"] == pytest.approx(1 / 3)
    assert values["guard/gap"] == pytest.approx(1 / 3)
    assert "guard/rank_correlation" not in values


def test_a_sum_of_rule_and_model_and_their_correlation(monkeypatch):
    made = rewards(
        monkeypatch,
        reward="sum",
        rule="pass_rate",
        hidden_share=0.0,
        reward_weights={"rule": 2.0, "model": 0.5},
    )
    verdicts = graded(1.0, 0.6, None, 0.2)
    found = made.score(ANSWERS, verdicts)
    assert found["rule"] == [1.0, 0.6, None, 0.2] and found["model"] == [2.0, 1.0, None, -1.0]
    assert found["total"] == pytest.approx([3.0, 1.7, None, -0.1])
    values = made.metrics(found, verdicts)
    assert values["reward/left_out"] == 1 and values["guard/rank_correlation"] == pytest.approx(1.0)
    assert values["reward/model"] == pytest.approx(2 / 3) and values["reward/rule"] == pytest.approx(0.6)


def test_the_model_alone_and_what_the_sandbox_failed_on_is_left_out(monkeypatch):
    found = rewards(monkeypatch, reward="model").score(ANSWERS, graded(0.0, 1.0, None, 1.0))
    assert found["total"] == [2.0, 1.0, None, -1.0]


def test_truncated_completions_are_masked_or_pay(monkeypatch):
    verdicts = graded(1.0, 1.0, 0.0, None)
    assert rewards(monkeypatch, overlong="mask").score(ANSWERS, verdicts)["total"] == [1.0, None, 0.0, None]
    # Three tokens of at most four, with a buffer of two: one of two tokens into it.
    penalty = rewards(monkeypatch, overlong="penalty", overlong_buffer=2).score(ANSWERS, verdicts)["total"]
    assert penalty == [0.5, 0.5, -0.5, None]


def test_everything_left_out_has_no_mean(monkeypatch):
    made = rewards(monkeypatch, overlong="mask")
    verdicts = graded(None, None)
    values = made.metrics(made.score(ANSWERS[:2], verdicts), verdicts)
    assert values["reward/mean"] is None and values["reward/left_out"] == 2


def test_bad_settings_are_refused(monkeypatch):
    user_error(
        lambda: rewards(monkeypatch, reward="sum", reward_weights={"rule": 0.0, "model": 0.0}),
        "reward_weights",
    )
    bare = config_of(train_policy, {"reward": "sum"})
    user_error(lambda: Rewards(bare, [QUESTION]), "config.reward_model", "'sum'")
    rule_only = config_of(train_policy, {"reward": "sum", "reward_weights": {"rule": 1.0, "model": 0.0}})
    assert Rewards(rule_only, [QUESTION]).score(ANSWERS[:1], graded(1.0))["total"] == [1.0]


def test_the_reward_model_reads_prompts_in_its_own_template(tmp_path, monkeypatch):
    policy, other, foreign = tiny_tokenizer(), tiny_tokenizer(), tiny_tokenizer()
    other.chat_template = "{{ '<|im_start|>' + messages[0]['content'] }}"
    foreign.add_tokens(["<think>"])
    seen = []

    class Reading(Scorer):
        def score(self, completions):
            seen.extend(completion.prompt_ids for completion in completions)
            return super().score(completions)

    def scored(tokenizer, extra=("reward_spread",), **changes):
        model = SimpleNamespace(tokenizer=tokenizer, extra=dict.fromkeys(extra, 2.0))
        monkeypatch.setattr(combine, "load_model", lambda *_: model)
        monkeypatch.setattr(combine, "RewardScorer", Reading)
        config = config_of(train_policy, {"reward": "model", "reward_model": "made"} | changes)
        Rewards(config, [QUESTION], tokenizer=policy).score(ANSWERS[:1], graded(1.0))
        return seen.pop()

    assert scored(policy) == ANSWERS[0].prompt_ids
    assert scored(other) == render_prompt(other, QUESTION.prompt) != render_prompt(policy, QUESTION.prompt)
    user_error(lambda: scored(foreign), "config.reward_model", "made", "vocabulary", "family")
    user_error(lambda: scored(policy, ()), "config.reward_clip", "made", "reward_spread", "inf")
    assert scored(policy, (), reward_clip=float("inf")) == ANSWERS[0].prompt_ids
