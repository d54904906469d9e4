"""Preference pairs in packed rows: each once, its sides where the arrays say, shared programs stored once."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acecoder_jax.data.pair_rows import pair_microbatches, with_end
from acecoder_jax.data.records import PreferencePair

END = 2
ROW = 40
tokens = st.integers(3, 299)


@st.composite
def many_pairs(draw):
    """Pairs over up to four questions, programs drawn from a few so that some stand in several pairs."""
    pairs = []
    for question in range(draw(st.integers(1, 4))):
        prompt = tuple(draw(st.lists(tokens, min_size=1, max_size=6)))
        programs = draw(
            st.lists(st.lists(tokens, min_size=1, max_size=12).map(tuple), min_size=2, max_size=5)
        )
        choices = st.tuples(*[st.integers(0, len(programs) - 1)] * 2).filter(lambda pair: pair[0] != pair[1])
        for chosen, rejected in draw(st.lists(choices, min_size=1, max_size=5)):
            names = [f"q{question}#{i}" for i in (chosen, rejected)]
            ids = programs[chosen], programs[rejected]
            pairs.append(PreferencePair(f"q{question}", *names, prompt, *ids, 1.0, 0.0))
    return pairs


def read_back(batch):
    """(prompt, chosen, rejected) of every pair, by following the sources from the last tokens."""
    found = []
    for row, columns in zip(*np.nonzero(batch["weight"])):
        sides = []
        for side in ("chosen", "rejected"):
            column = batch[side][row, columns]
            chain = [column]
            while batch["source"][row, column] != column:
                column = batch["source"][row, column]
                chain.append(column)
            chain = chain[::-1]
            own = batch["branch"][row, chain] > 0
            sides.append(
                (batch["tokens"][row, chain][~own].tolist(), batch["tokens"][row, chain][own].tolist())
            )
        assert sides[0][0] == sides[1][0]
        found.append((sides[0][0], sides[0][1], sides[1][1]))
    return found


@given(many_pairs(), st.integers(1, 3))
def test_every_pair_stands_once_in_one_row(pairs, rows):
    batches = list(pair_microbatches(pairs, END, ROW, rows))
    assert {batch["tokens"].shape for batch in batches} <= {(rows, ROW * part // 16) for part in range(1, 17)}
    assert {batch["weight"].shape for batch in batches} == {(rows, 64)}
    assert all(batch["denominator"] == len(pairs) for batch in batches)
    assert sum(batch["weight"].sum() for batch in batches) == len(pairs)
    expected = [[list(p.prompt_ids), [*p.chosen_ids, END], [*p.rejected_ids, END]] for p in pairs]
    found = [list(pair) for batch in batches for pair in read_back(batch)]
    assert sorted(found) == sorted(expected)


def test_a_program_in_several_pairs_is_stored_once():
    best, worst, middle = (5, 6, 7), (8, 9), (10,)
    pairs = [
        PreferencePair("q", "q#0", "q#1", (3, 4), best, worst, 1.0, 0.0),
        PreferencePair("q", "q#0", "q#2", (3, 4), best, middle, 1.0, 0.5),
    ]
    (batch,) = pair_microbatches(pairs, END, ROW, 1)
    assert batch["tokens"][0, :11].tolist() == [3, 4, 5, 6, 7, END, 8, 9, END, 10, END]
    assert batch["chosen"][0, :2].tolist() == [5, 5] and batch["rejected"][0, :2].tolist() == [8, 10]


def test_more_pairs_than_columns_widen_the_batch():
    pairs = [
        PreferencePair("q", f"q#{i % 10}", f"q#{10 + i % 7}", (3,), (20 + i % 10,), (40 + i % 7,), 1.0, 0.0)
        for i in range(70)
    ]
    (batch,) = pair_microbatches(pairs, END, ROW, 1)
    assert batch["weight"].shape == (1, 128) and batch["weight"].sum() == 70


def test_long_pairs_are_cut_to_fit_and_long_prompts_keep_their_end():
    pair = PreferencePair("q", "q#0", "q#1", tuple(range(100, 200)), tuple(range(3, 60)), (5,), 1.0, 0.0)
    (batch,) = pair_microbatches([pair], END, ROW, 1)
    ((prompt, chosen, rejected),) = read_back(batch)
    assert prompt == list(range(180, 200))
    assert chosen == list(range(3, 13)) and rejected == [5, END]


@pytest.mark.parametrize(
    ("ids", "expected"), [((5, 2), (5, 2)), ((5,), (5, 2)), ((), (2,)), ((2, 5), (2, 5, 2))]
)
def test_a_completion_ends_with_exactly_one_end_of_sequence(ids, expected):
    assert with_end(ids, END) == expected


@given(many_pairs())
def test_apart_each_side_has_its_own_prompt_and_the_pairs_are_the_same(pairs):
    pairs = [dataclasses.replace(pair, rejected_pass_rate=index / 10) for index, pair in enumerate(pairs)]
    together, apart = (list(pair_microbatches(pairs, END, 4 * ROW, 2, share)) for share in (True, False))
    read = [
        sorted(
            (sides, float(gap)) for batch in batches for sides, gap in zip(sides_of(batch), gaps_of(batch))
        )
        for batches in (together, apart)
    ]
    assert read[0] == read[1] and len(read[0]) == len(pairs)
    tokens = sum(int((batch["tree"] > 0).sum()) for batch in apart)
    sides = [ids for p in pairs for ids in (p.chosen_ids, p.rejected_ids)]
    assert tokens == sum(len(with_end(ids, END)) for ids in sides) + 2 * sum(len(p.prompt_ids) for p in pairs)


def sides_of(batch):
    """The whole texts of every pair's sides, prompt included, by who sees whom."""
    for row, pair in zip(*np.nonzero(batch["weight"])):
        texts = []
        for side in ("chosen", "rejected"):
            end = batch[side][row, pair]
            own = (batch["tree"][row] == batch["tree"][row, end]) & (
                np.arange(len(batch["tree"][row])) <= end
            )
            branch = batch["branch"][row]
            seen = own & ((branch == 0) | (branch == branch[end]))
            assert list(batch["positions"][row][seen]) == list(range(seen.sum()))
            texts.append(tuple(batch["tokens"][row][seen].tolist()))
        yield tuple(texts)


def gaps_of(batch):
    return batch["pass_rate_gap"][batch["weight"] > 0]
