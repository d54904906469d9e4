"""Whether two engines, or one in two ways, drew the same."""

import numpy as np


def assert_same(results, expected, atol):
    """All of the expected samples, token for token; `expected` is by id, `atol` of their log-probabilities."""
    assert {s.id for s in results} == set(expected)
    for sampled in results:
        other = expected[sampled.id]
        assert (sampled.token_ids, sampled.finish_reason) == (other.token_ids, other.finish_reason)
        np.testing.assert_allclose(sampled.log_probs, other.log_probs, atol=atol)
