"""Losses against numbers worked out by hand and against plain loops."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from acecoder_jax.training.losses import bradley_terry, clipped_surrogate


def test_bradley_terry_by_hand():
    chosen, rejected = jnp.array([2.0, 0.0, -1.0]), jnp.array([1.0, 0.0, 2.0])
    # log(1 + e^-1), log 2, log(1 + e^3)
    expected = (0.3132617 + 0.6931472 + 3.0485874) / 3
    assert float(bradley_terry(chosen, rejected, jnp.ones(3), jnp.float32(3))) == pytest.approx(
        expected, abs=1e-6
    )


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
