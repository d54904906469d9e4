"""Rollouts in packed rows: per-token values go in and come out unchanged, every prompt stored once."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from acecoder_jax.data.policy_rows import fill, microbatches, pack_completions, response_columns, unfill
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
    completions = [
        Completion(f"q{i}#0", f"q{i}", "", None, (5, i), (8,) * 9, (0.0,) * 9, "stop") for i in range(6)
    ]
    packed = pack_completions(completions, 12, 2)
    mask = (packed.item >= 0).astype(np.float32)
    batches = list(microbatches(packed, 2, {"mask": mask}, denominator=7.0))
    assert len(batches) == 3 and all(batch["denominator"] == 7.0 for batch in batches)
    for name, array in (packed.model_inputs | {"mask": mask}).items():
        np.testing.assert_array_equal(np.concatenate([batch[name] for batch in batches]), array)


def test_response_columns_are_those_of_completions_in_order_and_of_few_sizes():
    item = np.full((2, 10), -1, np.int32)
    item[0, [2, 3, 7]] = 0
    item[1, 4:8] = 1  # four of ten: two quarters, which are three columns each
    assert response_columns(item).tolist() == [[2, 3, 7, 10, 10, 10], [4, 5, 6, 7, 10, 10]]
    assert response_columns(np.full((1, 10), -1)).tolist() == [[10] * 6]
    sizes = {response_columns(np.arange(10)[None] - 10 + held).shape[1] for held in range(11)}
    assert sizes == {6, 9, 10}
