"""REINFORCE++ advantages against hand-computed returns and the moments of whitening."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acecoder_jax.training.advantages import reinforce_pp, token_returns, whiten


def test_returns_without_kl_are_the_terminal_reward_on_every_token():
    zeros = np.zeros(4, np.float32)
    assert token_returns(0.75, zeros, zeros, 0.01).tolist() == [0.75] * 4


def test_returns_with_kl_by_hand():
    log_probs, reference = np.array([-1.0, -2.0, -0.5]), np.array([-1.5, -1.0, -0.5])
    # Rewards: -0.1 * 0.5, -0.1 * -1, -0.1 * 0 + 1; each return is the sum from its token on.
    assert token_returns(1.0, log_probs, reference, 0.1) == pytest.approx([1.05, 1.1, 1.0])


def test_whitening_by_hand():
    whitened = whiten([np.array([1.0, 1.0]), np.array([4.0])])
    # Mean 2, variance (1 + 1 + 4) / 3 = 2.
    assert np.concatenate(whitened) == pytest.approx([-1 / 2**0.5, -1 / 2**0.5, 2 / 2**0.5])


sequences = st.lists(
    st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=6).map(np.array), min_size=1, max_size=6
).filter(lambda parts: np.concatenate(parts).std() > 1e-3)


@given(sequences)
def test_whitened_tokens_have_mean_0_and_spread_1_and_keep_shape_and_order(parts):
    whitened = whiten(parts)
    assert [len(part) for part in whitened] == [len(part) for part in parts]
    tokens = np.concatenate(whitened)
    assert tokens.mean() == pytest.approx(0, abs=1e-6) and tokens.std() == pytest.approx(1, abs=1e-6)
    assert np.all(np.diff(tokens[np.argsort(np.concatenate(parts), kind="stable")]) >= -1e-9)


@given(sequences, st.floats(0.01, 100), st.floats(-100, 100))
def test_scale_and_shift_of_the_reward_do_not_matter(parts, scale, shift):
    left, right = (
        np.concatenate(whiten(parts)),
        np.concatenate(whiten([scale * part + shift for part in parts])),
    )
    np.testing.assert_allclose(left, right, atol=1e-3)


@pytest.mark.parametrize("value", [0.0, 1.0, -3.7])
def test_equal_returns_teach_nothing(value):
    whitened = whiten([np.full(3, value), np.full(5, value)])
    assert all(np.all(part == 0) for part in whitened)


def test_the_whole_by_hand():
    log_probs = [np.array([-1.0, -1.0]), np.array([-2.0])]
    advantages = reinforce_pp([1.0, 0.0], log_probs, None, kl_coef=0.5)
    # Returns 1, 1, 0: mean 2/3, deviation sqrt(2)/3.
    assert np.concatenate(advantages) == pytest.approx([0.5**0.5, 0.5**0.5, -(2**0.5)])


def test_drifting_from_the_reference_is_punished():
    log_probs = [np.array([-0.1, -0.1]), np.array([-1.0, -1.0])]
    reference = [np.array([-1.0, -1.0]), np.array([-1.0, -1.0])]
    drifted, close = reinforce_pp([1.0, 1.0], log_probs, reference, kl_coef=0.1)
    assert drifted.mean() < close.mean()


def test_statistics_span_the_batch_not_the_sequence():
    """Two sequences with no spread of their own still differ from each other."""
    good, bad = reinforce_pp([1.0, 0.0], [np.zeros(3), np.zeros(3)], None, 0.0)
    assert good.tolist() == pytest.approx([1.0] * 3) and bad.tolist() == pytest.approx([-1.0] * 3)
