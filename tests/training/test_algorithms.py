"""Each estimator by hand, what makes it itself, and the settings that the names stand for."""

import numpy as np
import pytest

from acecoder_jax.training.advantages import ScoredRollouts
from acecoder_jax.training.algorithms import ALGORITHMS, algorithm_config, choose_algorithm, ppo
from acecoder_jax.training.losses import PolicyLoss
from tests.user_errors import user_error


def scored(rewards, groups, lengths=None, **changes):
    """Rollouts without penalties, one token each unless said otherwise."""
    lengths = lengths or [1] * len(rewards)
    return ScoredRollouts(rewards, list(groups), **({"penalties": [np.zeros(n) for n in lengths]} | changes))


def advantages(name, *args, **changes):
    return ALGORITHMS[name].advantages(scored(*args, **changes))


def flat(name, *args, **changes):
    return np.concatenate(advantages(name, *args, **changes)).tolist()


REWARDS, GROUPS = [1.0, 0.0, 0.0, 1.0, 1.0, 0.0], "aaabbc"


def test_reinforce_pp_by_hand():
    # Returns 1, 1, 0: mean 2/3, deviation sqrt(2)/3.
    assert flat("reinforce_pp", [1.0, 0.0], "ab", [2, 1]) == pytest.approx([0.5**0.5, 0.5**0.5, -(2**0.5)])


def test_reinforce_pp_pays_penalties_token_by_token():
    # Returns: 1 - 1 - 0 = 0, 1 - 0 = 1 and 2. Mean 1, deviation sqrt(2/3).
    got = flat("reinforce_pp", [1.0, 2.0], "ab", penalties=[np.array([1.0, 0.0]), np.zeros(1)])
    assert got == pytest.approx([-(1.5**0.5), 0, 1.5**0.5])


def test_reinforce_pp_discounts():
    # Returns 0.5, 1 and 0: mean 0.5, deviation sqrt(1/6).
    assert flat("reinforce_pp", [1.0, 0.0], "ab", [2, 1], discount=0.5) == pytest.approx(
        [0, 1.5**0.5, -(1.5**0.5)]
    )


def test_reinforce_pp_baseline_by_hand():
    # Less the group's mean: 2/3, -1/3, -1/3, 0, 0, 0. The mean is 0, the deviation sqrt((4 + 1 + 1) / 9 / 6) = 1/3.
    assert flat("reinforce_pp_baseline", REWARDS, GROUPS) == pytest.approx([2, -1, -1, 0, 0, 0])


def test_reinforce_pp_baseline_whitens_over_tokens():
    # Values 0.5 three times and -0.5: mean 0.25, deviation sqrt(3)/4.
    got = flat("reinforce_pp_baseline", [1.0, 0.0], "aa", [3, 1])
    assert got == pytest.approx([3**-0.5] * 3 + [-(3**0.5)])


def test_rloo_by_hand():
    # In a: 1 - 0, 0 - 1/2, 0 - 1/2. b is equal, c alone.
    assert flat("rloo", REWARDS, GROUPS) == pytest.approx([1, -0.5, -0.5, 0, 0, 0])


def test_grpo_by_hand():
    # The deviation of 1, 0, 0 with n - 1 is sqrt(1/3).
    spread = 3**-0.5 + 1e-4
    expected = [2 / 3 / spread, -1 / 3 / spread, -1 / 3 / spread, 0, 0, 0]
    assert flat("grpo", REWARDS, GROUPS) == pytest.approx(expected)
    assert flat("gspo", REWARDS, GROUPS) == pytest.approx(expected)


def test_dr_grpo_by_hand():
    assert flat("dr_grpo", REWARDS, GROUPS) == pytest.approx([2 / 3, -1 / 3, -1 / 3, 0, 0, 0])


@pytest.mark.parametrize("name", ["rloo", "grpo", "dr_grpo", "gspo"])
def test_one_value_stands_on_all_tokens_and_pays_all_penalties(name):
    """A penalty of 0.5 makes the rewards 0.5 and 0, as if they had been that."""
    penalties = [np.array([0.25, 0.0, 0.25]), np.zeros(2)]
    first, second = advantages(name, [1.0, 0.0], "aa", penalties=penalties)
    assert len(first) == 3 and len(second) == 2 and len(set(first)) == len(set(second)) == 1
    assert [first[0], second[0]] == pytest.approx(flat(name, [0.5, 0.0], "aa"))


@pytest.mark.parametrize("name", sorted(set(ALGORITHMS) - {"ppo"}))
def test_all_rewards_equal_teach_exactly_nothing(name):
    assert set(flat(name, [0.1] * 6, "aaabbb", [1, 2, 3, 1, 2, 3])) == {0.0}


@pytest.mark.parametrize("name", ["reinforce_pp_baseline", "rloo", "grpo", "dr_grpo", "gspo"])
def test_what_a_question_is_worth_does_not_matter_where_the_group_is_the_baseline(name):
    easy = flat(name, [1.0, 0.0, 0.5, 0.25], "aabb")
    assert flat(name, [11.0, 10.0, 0.5, 0.25], "aabb") == pytest.approx(easy)
    assert flat("reinforce_pp", [11.0, 10.0, 0.5, 0.25], "aabb") != pytest.approx(
        flat("reinforce_pp", [1.0, 0.0, 0.5, 0.25], "aabb"), abs=0.1
    )


def test_gae_by_hand():
    # Errors: 0 + 0.5 * 2 - 1 = 0, then 4 + 0 - 2 = 2; each passes on half of half of what follows.
    assert ppo.gae(np.array([0.0, 4.0]), np.array([1.0, 2.0]), 0.5, 0.5) == pytest.approx([0.5, 2.0])


@pytest.mark.parametrize(("discount", "gae_lambda"), [(1.0, 0.95), (0.9, 0.0), (0.9, 1.0), (0.99, 0.5)])
def test_gae_is_its_defining_double_sum(discount, gae_lambda):
    draw = np.random.default_rng(0)
    rewards, values = draw.normal(size=(2, 7))
    errors = rewards + discount * np.append(values[1:], 0) - values
    expected = [
        sum((discount * gae_lambda) ** (later - t) * errors[later] for later in range(t, 7)) for t in range(7)
    ]
    assert ppo.gae(rewards, values, discount, gae_lambda) == pytest.approx(expected)


def test_ppo_by_hand():
    """With lambda 1 and no discount the estimate is the return less the value, and the target the return."""
    rollouts = scored(
        [1.0, 3.0],
        "ab",
        penalties=[np.array([0.5, 0.0]), np.zeros(1)],
        values=[np.array([0.5, 0.0]), np.array([1.0])],
        gae_lambda=1.0,
    )
    # Returns 0.5, 1 and 3, less the values: 0, 1, 2. Mean 1, deviation sqrt(2/3).
    assert np.concatenate(ppo.advantages(rollouts)) == pytest.approx([-(1.5**0.5), 0, 1.5**0.5])
    assert [target.tolist() for target in ppo.value_targets(rollouts)] == [[0.5, 1.0], [3.0]]


def test_a_critic_that_knows_everything_leaves_nothing_to_learn():
    rollouts = scored([1.0, 0.0], "ab", [2, 3], values=[np.ones(2), np.zeros(3)])
    assert [estimate.tolist() for estimate in ppo.advantages(rollouts)] == [[0, 0], [0, 0, 0]]


def chosen(**changes):
    config = algorithm_config()
    config.update(changes)
    return choose_algorithm(config)


def test_the_default_is_the_papers():
    algorithm = choose_algorithm(algorithm_config())
    assert algorithm.name == "reinforce_pp" and algorithm.advantages is ALGORITHMS["reinforce_pp"].advantages
    assert algorithm.loss == PolicyLoss() == PolicyLoss(0.01, "reward", "k1", "tokens", "token", 0.2, 0.2)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("reinforce_pp_baseline", {"kl_in": "loss", "kl_estimator": "k2"}),
        ("rloo", {"kl_in": "reward", "average": "tokens"}),
        ("grpo", {"kl_in": "loss", "kl_estimator": "k3", "average": "sequences", "ratio": "token"}),
        ("dr_grpo", {"average": "constant"}),
        ("gspo", {"ratio": "sequence", "average": "sequences", "clip_low": 3e-4, "clip_high": 4e-4}),
        ("ppo", {"kl_in": "reward", "kl_estimator": "k1", "average": "tokens"}),
    ],
)
def test_a_name_brings_its_own_settings_and_the_config_goes_before_them(name, settings):
    own = chosen(name=name).loss
    assert {key: getattr(own, key) for key in settings} == settings
    changed = chosen(name=name, average="tokens", clip_high=0.28, kl_estimator="k1", kl_coef=0.0).loss
    assert (changed.average, changed.clip_high, changed.kl_estimator, changed.kl_coef) == (
        "tokens",
        0.28,
        "k1",
        0.0,
    )
    assert changed.ratio == own.ratio and changed.clip_low == own.clip_low


@pytest.mark.parametrize("key", ["name", "kl_in", "kl_estimator", "average", "ratio"])
def test_an_unknown_word_is_refused_with_the_known_ones(key):
    known = {
        "name": "rloo",
        "kl_in": "reward",
        "kl_estimator": "k3",
        "average": "constant",
        "ratio": "sequence",
    }
    user_error(lambda: chosen(**{key: "nonesuch"}), f"config.algorithm.{key}", "'nonesuch'", known[key])


@pytest.mark.parametrize(
    ("key", "value", "fix"),
    [
        ("kl_coef", -0.1, "of 0 or more"),
        ("kl_coef", float("nan"), "of 0 or more"),
        ("clip_high", float("inf"), "of 0 or more"),
        ("clip_low", 1.5, "from 0 to 1"),
        ("discount", 1.01, "from 0 to 1"),
        ("gae_lambda", -1.0, "from 0 to 1"),
    ],
)
def test_a_number_out_of_range_is_refused(key, value, fix):
    user_error(lambda: chosen(**{key: value}), f"config.algorithm.{key}: {value}", fix)


def test_only_ppo_has_a_critic():
    assert {name for name in ALGORITHMS if chosen(name=name).value_targets is not None} == {"ppo"}
