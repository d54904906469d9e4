"""Losses against numbers worked out by hand and against plain loops."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from acecoder_jax.training.losses import (
    PolicyLoss,
    bradley_terry,
    clipped_surrogate,
    policy_loss,
    token_weights,
    value_loss,
)


def test_bradley_terry_by_hand():
    chosen, rejected = jnp.array([2.0, 0.0, -1.0]), jnp.array([1.0, 0.0, 2.0])
    # log(1 + e^-1), log 2, log(1 + e^3)
    expected = (0.3132617 + 0.6931472 + 3.0485874) / 3
    assert float(bradley_terry(chosen, rejected, jnp.ones(3), jnp.float32(3))) == pytest.approx(
        expected, abs=1e-6
    )


def test_bradley_terry_with_margin_and_centering_by_hand():
    chosen, rejected = jnp.array([2.0, -1.0]), jnp.array([0.5, 1.0])
    plain = [np.log1p(np.exp(-(m - gap))) for m, gap in ((1.5, 0.25), (-2.0, 0.5))]
    expected = (sum(plain) + 0.1 * (2.5**2 + 0.0**2)) / 2
    got = bradley_terry(chosen, rejected, jnp.ones(2), jnp.float32(2), jnp.array([0.25, 0.5]), 0.1)
    assert float(got) == pytest.approx(expected, rel=1e-6)


def test_bradley_terry_leaves_padding_out():
    chosen, rejected = jnp.array([[2.0, 50.0]]), jnp.array([[1.0, -80.0]])
    loss = bradley_terry(chosen, rejected, jnp.array([[1.0, 0.0]]), jnp.float32(4))
    assert float(loss) == pytest.approx(0.3132617 / 4, abs=1e-6)


def test_bradley_terry_stays_finite_and_its_slope_is_the_probability_of_being_wrong():
    for margin in (-500.0, -3.0, 0.0, 3.0, 500.0):

        def loss(m):
            return bradley_terry(m[None], jnp.zeros(1), jnp.ones(1), jnp.float32(1))

        value, slope = jax.value_and_grad(loss)(jnp.float32(margin))
        assert math.isfinite(value)
        assert float(slope) == pytest.approx(-1 / (1 + math.exp(margin)), abs=1e-6)


def by_loop(new, old, advantages, mask, denominator, low, high):
    loss = clipped = kl = 0.0
    for n, o, a, m in zip(*(x.ravel() for x in (new, old, advantages, mask))):
        if m:
            ratio = math.exp(n - o)
            bounded = min(max(ratio, 1 - low), 1 + high)
            loss -= min(ratio * a, bounded * a)
            clipped += ratio * a > bounded * a
            kl += 1 / ratio - 1 + math.log(ratio)
    return loss / denominator, clipped, kl


@pytest.mark.parametrize(("low", "high"), [(0.2, 0.2), (0.1, 0.3)])
def test_the_surrogate_equals_a_loop(low, high):
    draw = np.random.default_rng(0)
    new, old, advantages = draw.normal(scale=0.3, size=(3, 4, 9)).astype(np.float32)
    mask = (draw.random((4, 9)) < 0.7).astype(np.float32)
    loss, sums = clipped_surrogate(new, old, advantages, mask, jnp.float32(40), low, high)
    expected = by_loop(new, old, advantages, mask, 40, low, high)
    assert expected[1] > 0, "something must have been clipped"
    got = (float(loss), float(sums["clip_share"]), float(sums["approx_kl"]))
    assert got == pytest.approx(expected, rel=1e-5)


def test_the_surrogate_by_hand():
    new, old = jnp.log(jnp.array([1.5, 0.5, 1.5, 0.5])), jnp.zeros(4)
    advantages = jnp.array([1.0, 1.0, -1.0, -1.0])
    # Up and already up: clipped at 1.2. Up but down: 0.5 counts. Down but up: 1.5 counts. Down and down: 0.8.
    loss, sums = clipped_surrogate(new, old, advantages, jnp.ones(4), jnp.float32(4))
    assert float(loss) == pytest.approx(-(1.2 + 0.5 - 1.5 - 0.8) / 4, abs=1e-6)
    assert float(sums["clip_share"]) == 2


def test_clipped_tokens_have_no_gradient_and_others_the_policy_gradient():
    new, old = jnp.log(jnp.array([1.5, 1.1])), jnp.zeros(2)
    gradient = jax.grad(lambda n: clipped_surrogate(n, old, jnp.ones(2), jnp.ones(2), jnp.float32(2))[0])(new)
    assert gradient.tolist() == pytest.approx([0.0, -1.1 / 2], abs=1e-6)


def test_what_stands_off_the_mask_never_matters():
    new = jnp.array([0.1, 900.0, -jnp.inf])
    mask = jnp.array([1.0, 0.0, 0.0])

    def loss(n):
        return clipped_surrogate(n, jnp.zeros(3), jnp.ones(3), mask, jnp.float32(1))[0]

    value, gradient = jax.value_and_grad(loss)(new)
    assert float(value) == pytest.approx(-math.exp(0.1), abs=1e-6)
    assert gradient[0] != 0 and gradient[1:].tolist() == [0, 0]


def surrogate_of_today(log_probs, old_log_probs, advantages, mask, denominator):
    """The loss as it stood before it had switches, written out once more."""
    difference = jnp.where(mask > 0, log_probs - old_log_probs, 0.0)
    ratio = jnp.exp(difference)
    clipped = jnp.clip(ratio, 1 - 0.2, 1 + 0.2)
    objective = jnp.minimum(ratio * advantages, clipped * advantages)
    loss = -jnp.sum(objective * mask) / denominator
    was_clipped = (ratio * advantages > clipped * advantages).astype(mask.dtype)
    k3 = jnp.exp(-difference) - 1 + difference
    return loss, {"clip_share": jnp.sum(was_clipped * mask), "approx_kl": jnp.sum(k3 * mask)}


def made_batch(average="tokens", longest=20):
    """Two rows: completions of 3, 5 and 2 tokens behind prompts and before padding; and their lengths."""
    branch = np.array([[0, 0, 1, 1, 1, 2, 2, 2, 2, 2], [0, 1, 1, 0, 0, 0, 0, 0, 0, 0]], np.int32)
    runs = [(0, slice(2, 5)), (0, slice(5, 10)), (1, slice(1, 3))]
    draw = np.random.default_rng(1)
    new, old, reference = draw.normal(-1, 0.3, (3, 2, 10)).astype(np.float32)
    weights, denominator = token_weights([3, 5, 2], average, longest)
    filled = np.zeros((2, 10), np.float32)
    advantages = np.zeros((2, 10), np.float32)
    for (row, place), values, advantage in zip(runs, weights, [1.5, -0.7, 0.4]):
        filled[row, place], advantages[row, place] = values, advantage
    batch = {"old_log_probs": old, "reference": reference, "advantages": advantages, "weights": filled}
    return new, batch | {"branch": branch, "denominator": denominator}, runs


def test_with_the_defaults_loss_gradient_and_sums_are_those_of_today_bit_for_bit():
    draw = np.random.default_rng(2)
    new, old, advantages = draw.normal(scale=0.3, size=(3, 16, 129)).astype(np.float32)
    mask = (draw.random((16, 129)) < 0.7).astype(np.float32)
    batch = {"old_log_probs": old, "advantages": advantages, "weights": mask, "denominator": mask.sum()}

    @jax.jit
    def now(log_probs):
        return jax.value_and_grad(lambda x: policy_loss(x, batch, PolicyLoss()), has_aux=True)(log_probs)

    @jax.jit
    def before(log_probs):
        def loss(x):
            return surrogate_of_today(x, old, advantages, mask, mask.sum())

        return jax.value_and_grad(loss, has_aux=True)(log_probs)

    ((loss, sums), gradient), ((old_loss, old_sums), old_gradient) = now(new), before(new)
    assert loss == old_loss and loss != 0
    np.testing.assert_array_equal(gradient, old_gradient)
    for key, value in old_sums.items():
        assert sums[key] == value and value > 0


def test_todays_weights_are_a_mask_over_its_own_sum():
    weights, denominator = token_weights([3, 1], "tokens", 100)
    assert [w.tolist() for w in weights] == [[1, 1, 1], [1]] and denominator == 4
    assert denominator.dtype == weights[0].dtype == np.float32


def test_weights_of_the_other_averages_by_hand():
    weights, denominator = token_weights([4, 1], "sequences", 100)
    assert [w.tolist() for w in weights] == [[0.25] * 4, [1]] and denominator == 2
    weights, denominator = token_weights([4, 1], "constant", 100)
    assert [w.tolist() for w in weights] == [[1] * 4, [1]] and denominator == 200


@pytest.mark.parametrize(
    ("average", "ratio"), [(a, r) for a in ("tokens", "sequences", "constant") for r in ("token", "sequence")]
)
def test_every_average_and_ratio_equals_a_loop_over_completions(average, ratio):
    new, batch, runs = made_batch(average)
    total, tokens = 0.0, 0
    for row, place in runs:
        log_ratio = (new - batch["old_log_probs"])[row, place].astype(float)
        if ratio == "sequence":
            log_ratio = np.full(len(log_ratio), log_ratio.mean())
        advantage = batch["advantages"][row, place].astype(float)
        r = np.exp(log_ratio)
        objective = np.minimum(r * advantage, np.clip(r, 0.9, 1.3) * advantage)
        total -= objective.mean() if average == "sequences" else objective.sum()
        tokens += len(r)
    divisor = {"tokens": tokens, "sequences": 3, "constant": 3 * 20}[average]
    settings = PolicyLoss(average=average, ratio=ratio, clip_low=0.1, clip_high=0.3)
    loss, _ = jax.jit(lambda x: policy_loss(x, batch, settings))(new)
    assert float(loss) == pytest.approx(total / divisor, rel=1e-5)


def test_a_ratio_of_sequences_moves_all_tokens_of_the_completion_alike_and_no_others():
    new, batch, runs = made_batch("sequences")
    settings = PolicyLoss(ratio="sequence", clip_low=0.99, clip_high=99.0)

    def of_completion(log_probs, number):
        row, place = runs[number]
        own = np.zeros_like(batch["weights"])
        own[row, place] = batch["weights"][row, place]
        return policy_loss(log_probs, batch | {"weights": own}, settings)[0]

    for number, (row, place) in enumerate(runs):
        gradient = np.array(jax.grad(of_completion)(new, number))
        assert len(set(gradient[row, place])) == 1 and gradient[row, place][0] != 0
        gradient[row, place] = 0
        assert not gradient.any()


@pytest.mark.parametrize("estimator", ["k1", "k2", "k3"])
def test_a_divergence_in_the_loss_adds_its_weighted_mean(estimator):
    new, batch, runs = made_batch("sequences")
    plain, _ = policy_loss(new, batch, PolicyLoss(kl_in="reward"))
    loss, sums = policy_loss(new, batch, PolicyLoss(kl_in="loss", kl_coef=0.5, kl_estimator=estimator))
    per_completion, all_tokens = [], 0.0
    for row, place in runs:
        d = (new - batch["reference"])[row, place].astype(float)
        estimate = {"k1": d, "k2": d**2 / 2, "k3": np.exp(-d) - 1 + d}[estimator]
        per_completion.append(estimate.mean())
        all_tokens += estimate.sum()
    assert float(loss - plain) == pytest.approx(0.5 * np.mean(per_completion), rel=1e-4)
    assert float(sums["loss_kl"]) == pytest.approx(all_tokens, rel=1e-4)


def test_k2_in_the_loss_pulls_each_token_back_to_the_reference():
    new, batch, _ = made_batch()
    batch |= {"advantages": np.zeros_like(new)}
    settings = PolicyLoss(kl_in="loss", kl_coef=1.0, kl_estimator="k2")
    gradient = jax.grad(lambda x: policy_loss(x, batch, settings)[0])(new)
    expected = (new - batch["reference"]) * batch["weights"] / 10
    np.testing.assert_allclose(gradient, expected, atol=1e-6)


def test_no_weight_of_the_divergence_needs_no_reference():
    new, batch, _ = made_batch()
    del batch["reference"]
    _, sums = policy_loss(new, batch, PolicyLoss(kl_in="loss", kl_coef=0.0))
    assert "loss_kl" not in sums


@pytest.mark.parametrize("ratio", ["token", "sequence"])
def test_nothing_off_the_weights_matters_in_any_form(ratio):
    new, batch, _ = made_batch("sequences")
    settings = PolicyLoss(kl_in="loss", kl_estimator="k3", ratio=ratio)
    wild = np.where(batch["weights"] > 0, new, -np.inf).astype(np.float32)
    run = jax.value_and_grad(lambda x: policy_loss(x, batch, settings)[0])
    (value, gradient), (wild_value, wild_gradient) = run(new), run(wild)
    assert float(wild_value) == float(value) and math.isfinite(value)
    np.testing.assert_array_equal(gradient, wild_gradient)


def test_microbatches_add_up_to_the_whole_in_every_average():
    for average in ("tokens", "sequences", "constant"):
        new, batch, _ = made_batch(average)
        settings = PolicyLoss(kl_in="loss", kl_estimator="k3", average=average)
        whole, _ = policy_loss(new, batch, settings)
        parts = [
            policy_loss(
                new[i : i + 1],
                {k: v[i : i + 1] if k != "denominator" else v for k, v in batch.items()},
                settings,
            )[0]
            for i in range(2)
        ]
        assert float(sum(parts)) == pytest.approx(float(whole), rel=1e-5)


def test_the_spread_of_the_ratio_is_counted_about_1():
    new, old = jnp.log(jnp.array([1.5, 0.5, 9.0])), jnp.zeros(3)
    _, sums = clipped_surrogate(new, old, jnp.ones(3), jnp.array([1.0, 1.0, 0.0]), jnp.float32(2))
    assert float(sums["ratio_variance"]) == pytest.approx(0.5, abs=1e-6)


def test_the_critics_loss_by_hand():
    values, old, targets = jnp.array([1.0, 1.0, 5.0]), jnp.array([0.0, 1.0, 0.0]), jnp.array([2.0, 0.0, 0.0])
    # Moved by 1 but clipped to 0.2: errors 1 and 1.8 squared. Not moved: 1. The last has no weight.
    loss, sums = value_loss(values, old, targets, jnp.array([1.0, 1.0, 0.0]), jnp.float32(2), clip=0.2)
    assert float(loss) == pytest.approx(0.5 * (1.8**2 + 1) / 2, abs=1e-6)
    assert float(sums["value_clip_share"]) == 1


def test_the_critic_gains_nothing_beyond_the_clip_and_is_pulled_back_freely():
    def slope(value, target):
        return float(
            jax.grad(
                lambda v: value_loss(v, jnp.zeros(1), jnp.array([target]), jnp.ones(1), jnp.float32(1))[0]
            )(jnp.array([value]))[0]
        )

    assert slope(0.5, 2.0) == 0  # beyond 0.2 towards the target
    assert slope(0.1, 2.0) == pytest.approx(-1.9) and slope(0.5, -2.0) == pytest.approx(2.5)
