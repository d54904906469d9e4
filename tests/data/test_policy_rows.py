"""Rollouts in packed rows: per-token values go in and come out unchanged, every prompt stored once."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from acecoder_jax.data.policy_rows import fill, microbatches, pack_completions, unfill
from acecoder_jax.data.records import Completion

ids = st.lists(st.integers(0, 299), min_size=1, max_size=8).map(tuple)


@st.composite
def rollouts(draw):
    prompts = draw(st.lists(ids, min_size=1, max_size=3))
    answers = draw(st.lists(st.tuples(st.sampled_from(prompts), ids), min_size=1, max_size=12))
    return [
        Completion(f"q#{i}", "q", "", None, prompt, tokens, (0.0,) * len(tokens), "stop")
        for i, (prompt, tokens) in enumerate(answers)
    ]


@given(rollouts(), st.integers(1, 3))
def test_filled_values_stand_on_their_tokens_and_come_back(completions, rows):
    packed = pack_completions(completions, 20, rows)
    values = [np.arange(len(c.token_ids)) + 100.0 * n + 1 for n, c in enumerate(completions)]
    filled = fill(packed, values)
    assert filled.dtype == np.float32 and np.all(filled[packed.item < 0] == 0)
    for number, completion in enumerate(completions):
        row, columns = np.nonzero(packed.item == number)
        assert filled[row, columns].tolist() == values[number].tolist()
        assert packed.tokens[row, columns].tolist() == list(completion.token_ids)
    for left, right in zip(unfill(packed, filled, len(completions)), values, strict=True):
        assert left.tolist() == right.tolist()


def test_a_prompt_with_several_samples_is_stored_once():
    completions = [
        Completion(f"q#{i}", "q", "", None, (5, 6, 7), (8, i), (0.0, 0.0), "stop") for i in range(4)
    ]
    packed = pack_completions(completions, 16, 1)
    assert packed.tokens.shape == (1, 16) and packed.tokens[0].tolist().count(6) == 1


def test_microbatches_cut_rows_and_carry_the_scalars():
    arrays = {"tokens": np.arange(12).reshape(6, 2), "mask": np.ones((6, 2))}
    batches = list(microbatches(arrays, 2, denominator=7.0))
    assert len(batches) == 3 and all(batch["denominator"] == 7.0 for batch in batches)
    np.testing.assert_array_equal(np.concatenate([batch["tokens"] for batch in batches]), arrays["tokens"])
