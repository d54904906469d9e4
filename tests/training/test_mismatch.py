"""Importance weights against sampler/trainer mismatch: by hand, and where they are bounded."""

import numpy as np
import pytest

from acecoder_jax.training.mismatch import CORRECTIONS, mismatch_metrics, mismatch_weights
from tests.user_errors import user_error

SAMPLED = [np.zeros(3), np.zeros(2)]
TRAINED = [np.log([4.0, 0.5, 1.0]), np.log([0.1, 2.0])]  # products 2 and 0.2


@pytest.mark.parametrize(
    ("correction", "expected"),
    [
        ("none", [[1, 1, 1], [1, 1]]),
        ("token_truncate", [[3, 0.5, 1], [0.3, 2]]),
        ("token_mask", [[0, 0.5, 1], [0, 2]]),
        ("sequence_truncate", [[2, 2, 2], [0.3, 0.3]]),
        ("sequence_mask", [[2, 2, 2], [0, 0]]),
    ],
)
def test_weights_by_hand(correction, expected):
    weights = mismatch_weights(TRAINED, SAMPLED, correction, low=0.3, high=3.0)
    assert [w.tolist() for w in weights] == [pytest.approx(e) for e in expected]


@pytest.mark.parametrize("correction", CORRECTIONS)
def test_who_agrees_is_not_corrected(correction):
    assert [w.tolist() for w in mismatch_weights(SAMPLED, SAMPLED, correction)] == [[1, 1, 1], [1, 1]]


@pytest.mark.parametrize("correction", CORRECTIONS)
def test_a_ratio_beyond_all_numbers_stays_in_the_bounds(correction):
    (weights,) = mismatch_weights([np.zeros(2)], [np.full(2, -1e4)], correction)
    assert np.all((weights >= 0) & (weights <= 2))


def test_metrics_by_hand():
    metrics = mismatch_metrics(TRAINED, SAMPLED)
    ratios = np.array([4.0, 0.5, 1.0, 0.1, 2.0])
    assert metrics["policy/mismatch_kl"] == pytest.approx(np.mean(ratios - 1 - np.log(ratios)))
    assert metrics["policy/mismatch_max"] == pytest.approx(np.log(10))
    assert metrics["policy/mismatch_mean"] == pytest.approx(np.mean(np.abs(np.log(ratios))))
    assert set(mismatch_metrics(SAMPLED, SAMPLED).values()) == {0.0}


def test_an_unknown_correction_and_bounds_without_1_are_refused():
    user_error(
        lambda: mismatch_weights(TRAINED, SAMPLED, "tis"), "config.mismatch", "'tis'", "token_truncate"
    )
    for low, high in [(1.1, 2.0), (0.0, 0.9), (-1.0, 2.0), (0.0, float("nan"))]:
        user_error(
            lambda low=low, high=high: mismatch_weights(TRAINED, SAMPLED, "token_mask", low, high),
            "config.mismatch_low",
            str(high),
            "0 and 2",
        )
