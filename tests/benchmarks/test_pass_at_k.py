"""pass@k against counting every possible draw."""

import itertools

import numpy as np
import pytest

from acecoder_jax.benchmarks.pass_at_k import mean_pass_at_k, pass_at_k


@pytest.mark.parametrize("samples", range(1, 8))
def test_pass_at_k_is_the_share_of_all_draws_with_a_pass(samples):
    for passed in range(samples + 1):
        outcomes = [True] * passed + [False] * (samples - passed)
        for k in range(1, samples + 1):
            draws = list(itertools.combinations(outcomes, k))
            assert pass_at_k(samples, passed, k) == pytest.approx(sum(map(any, draws)) / len(draws))


def test_pass_at_k_is_unbiased():
    """Averaged over samples of a task that passes with chance p, it gives 1 - (1 - p)**k."""
    p, n, k = 0.3, 6, 4
    chances = [np.prod([p if o else 1 - p for o in draw]) for draw in itertools.product([0, 1], repeat=n)]
    values = [pass_at_k(n, sum(draw), k) for draw in itertools.product([0, 1], repeat=n)]
    assert np.dot(chances, values) == pytest.approx(1 - (1 - p) ** k)


def test_pass_at_k_stays_exact_for_many_samples():
    # 1 - C(9_999, 5000) / C(10_000, 5000) = 1 - 5000 / 10_000, and the binomials have 3,000 digits.
    assert pass_at_k(10_000, 1, 5_000) == pytest.approx(0.5)


def test_mean_over_tasks():
    assert mean_pass_at_k([(4, 4), (4, 0), (2, 1)], k=1) == pytest.approx((1 + 0 + 0.5) / 3)


@pytest.mark.parametrize(("samples", "passed", "k"), [(4, 5, 1), (4, -1, 1), (4, 2, 5), (4, 2, 0)])
def test_impossible_counts_are_refused(samples, passed, k):
    with pytest.raises(ValueError):
        pass_at_k(samples, passed, k)


def test_no_tasks_have_no_mean():
    with pytest.raises(ValueError, match="no tasks"):
        mean_pass_at_k([], k=1)
